"""How subjects named by an incident stand now: fresh ones too, and none that is promised no more."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.answers.limits import limit_words
from telemetry_assets.answers.standing import read_standing
from telemetry_assets.incidents.trouble import Standing
from telemetry_assets.ledger import graph, subjects, tenants
from telemetry_assets.model import (
    AssetKind,
    AssetNode,
    Clock,
    ClockKind,
    Deadline,
    Limit,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)
from telemetry_assets.settings import AirbyteSettings, Settings, TenantSettings
from tests.conftest import named

type Ledger = psycopg.Connection[TupleRow]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = Window(60 * MINUTE, 45 * MINUTE)


@pytest.fixture(scope="module")
def ledger(postgres_url: str, _template: str) -> Iterator[Ledger]:
    """One database for the module: nobody changes it."""
    name = "standing_of_the_module"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"create database {name} template {_template}".encode())
        with psycopg.connect(named(postgres_url, name), autocommit=True) as conn:
            _fill(conn)
            yield conn
        server.execute(f"drop database {name} with (force)".encode())


def _fill(conn: Ledger) -> None:
    tenants.write(conn, [Tenant(slug, UUID(int=number), slug) for number, slug in enumerate(("acme", "globex"), 1)])
    orders = AssetNode("shop/orders", AssetKind.STREAM, clock=Clock(ClockKind.COLUMN, "at"))
    view = AssetNode("staging/orders", AssetKind.VIEW, ("shop/orders",))
    graph.replace(conn, [orders, view, AssetNode("marts/day", AssetKind.MODEL, ("staging/orders",))])
    ages = {"acme": 5, "globex": 70}
    facts = [
        SubjectFact(key, slug, NOW - MINUTE, "run", "t", {"shop/orders": NOW - age * MINUTE})
        for slug, age in ages.items()
        for key in ("shop/orders", "staging/orders", "marts/day")
        if (key, slug) != ("marts/day", "globex")
    ]
    subjects.record(conn, facts)


def _settings(*promises: Promise) -> Settings:
    nowhere = Path("/nonexistent")
    return Settings(
        path=nowhere / "telemetry.yaml", home=nowhere, tenants=TenantSettings(), dbt=None, sources={},
        promises=promises, snapshots={}, database=None, airbyte=AirbyteSettings(),
    )  # fmt: skip


@pytest.mark.promise("B56")
def test_subjects_stand_as_they_are_judged_the_fresh_ones_too(ledger: Ledger) -> None:
    asked = [("shop/orders", "acme"), ("staging/orders", "globex"), ("marts/day", "globex")]
    found = read_standing(ledger, _settings(Promise("*", limit=HOUR)), NOW, asked)
    assert found == {
        ("shop/orders", "acme"): Standing(
            State.PASS, 5 * MINUTE, MINUTE, NOW - 5 * MINUTE, "1 h", -55 * MINUTE
        ),
        ("staging/orders", "globex"): Standing(State.FAIL, 70 * MINUTE, MINUTE, NOW - 70 * MINUTE, "1 h", 10 * MINUTE),
        ("marts/day", "globex"): Standing(State.MISSING, limit="1 h"),
    }  # fmt: skip


def test_what_is_promised_no_more_is_left_out_and_a_job_has_no_state(ledger: Ledger) -> None:
    asked = {("shop/orders", "acme"), ("marts/day", "acme"), ("gone/away", "acme"), ("marts/day", "left"), ("", "*")}
    found = read_standing(ledger, _settings(Promise("shop/*", limit=HOUR)), NOW, asked)
    assert set(found) == {("shop/orders", "acme"), ("", "*")}
    assert found["", "*"] == Standing(None)


def test_a_ledger_that_was_never_prepared_is_not_read_when_nothing_is_asked(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as empty:
        assert read_standing(empty, _settings(Promise("*", limit=HOUR)), NOW, [("", "*")]) == {
            ("", "*"): Standing(None)
        }


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (None, ""),
        (HOUR, "1 h"),
        (Window(90 * MINUTE), "1 h 30 min"),
        (Deadline(time(9)), "by 09:00 (UTC)"),
        (
            Deadline(time(9), since=time(22), zone="Asia/Tokyo", grace=30 * MINUTE),
            "by 09:00 (Asia/Tokyo), since 22:00, + 30 min",
        ),
    ],
)
def test_a_limit_is_said_in_words(limit: Limit | None, words: str) -> None:
    assert limit_words(limit) == words
