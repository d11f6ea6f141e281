"""When a promise can break next by time alone: never told too late, and exactly where it has a window."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import read_board
from telemetry_assets.answers.crossing import next_crossing
from telemetry_assets.ledger import graph, looks, subjects, tenants
from telemetry_assets.model import (
    Deadline,
    Look,
    Promise,
    State,
    SubjectFact,
    Window,
)
from telemetry_assets.settings import Settings
from tests.answers.shapes import HOUR, MINUTE, NODES, NOW, PEOPLE, settings_of

type Ledger = psycopg.Connection[TupleRow]

TICK = timedelta(microseconds=1)
PROMISES = (
    Promise("shop/orders", limit=HOUR, overrides={"two": Window(6 * MINUTE)}),
    Promise("shop/items", limit=Window(300 * MINUTE), tenants=frozenset({"one", "three", "gone"})),
    Promise("marts/sales", grace=30 * MINUTE),
    Promise("marts/total", limit=Deadline(time(12, 30), warn=time(12, 10))),
    Promise("staging/orders", limit=Deadline(time(9), warn=time(8), grace=5 * MINUTE)),
    Promise("*", limit=Window(90 * MINUTE)),
    Promise("marts/lost", limit=HOUR),
)


@pytest.fixture(scope="module")
def held(postgres_url: str, _template: str) -> Iterator[Ledger]:
    """One database for the whole module: each test empties what it fills."""
    name = "crossing_of_the_module"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"create database {name} template {_template}".encode())
        with psycopg.connect(postgres_url.replace("/telemetry?", f"/{name}?"), autocommit=True) as conn:
            tenants.write(conn, PEOPLE)
            yield conn
        server.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def ledger(held: Ledger) -> Ledger:
    held.execute("truncate telemetry.subjects, telemetry.corrections, telemetry.looks")
    graph.replace(held, NODES)
    return held


def _facts(chance: random.Random) -> list[SubjectFact]:
    found: list[SubjectFact] = []
    for node in NODES:
        roots = [node.key] if node.clock else ["shop/orders", "shop/items", "rates/daily"]
        for tenant in ("*",) if not node.tenanted else ("one", "two", "three", "four", "left"):
            ages = {root: chance.choice([3, 5, 44, 50, 59, 61, 89, 299, 2000, -4, -5, -9, -30]) for root in roots}
            if chance.random() < 0.2:
                ages.pop(chance.choice(roots))
            times = {root: NOW - age * MINUTE + chance.randint(-5, 5) * TICK for root, age in ages.items()}
            known = NOW - chance.choice([1, 1, 1, -20]) * MINUTE
            fact = SubjectFact(node.key, tenant, known, "run", "dbt", times, synthetic=chance.random() < 0.05)
            if chance.random() < 0.2:
                fact = replace(fact, run_time=None, looked_at=known)
            if chance.random() < 0.9:
                found.append(fact)
    return found


def _states(ledger: Ledger, settings: Settings, now: datetime) -> dict[tuple[str, str], State]:
    return {(one.asset, one.tenant): one.state for one in read_board(ledger, settings, now).judged}


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.slow
def test_no_state_changes_before_the_next_crossing(ledger: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    subjects.record(ledger, _facts(chance))
    looks.record(ledger, [Look("rates/daily", NOW - chance.choice([1, 8, 20]) * MINUTE)])
    promises = list(PROMISES)
    chance.shuffle(promises)
    settings = settings_of(*promises[: chance.randint(1, len(promises))])
    now = NOW
    for _ in range(4):
        instant = next_crossing(ledger, settings, now)
        until = (instant or now + timedelta(days=20)) - TICK
        assert instant is None or instant > now
        assert _states(ledger, settings, until) == _states(ledger, settings, now)
        now = instant or until


@pytest.mark.parametrize("seed", range(8))
def test_with_one_window_and_one_root_a_state_changes_at_that_instant(ledger: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    subjects.record(ledger, [fact for fact in _facts(chance) if fact.asset in ("shop/orders", "shop/items")])
    settings = settings_of(Promise("shop/*", limit=HOUR, overrides={"two": Window(6 * MINUTE)}))
    now = NOW
    while (instant := next_crossing(ledger, settings, now)) is not None:
        assert _states(ledger, settings, instant - TICK) == _states(ledger, settings, now)
        # What is known from the future is UNKNOWN whatever else it crosses.
        if _states(ledger, settings, instant) == _states(ledger, settings, now):
            assert State.UNKNOWN in _states(ledger, settings, now).values()
        now = instant
    assert set(_states(ledger, settings, now).values()) <= {State.FAIL, State.MISSING, State.UNKNOWN}


def test_an_hour_is_broken_an_hour_after_the_oldest_data_time(ledger: Ledger) -> None:
    times = {"one": NOW - 10 * MINUTE, "two": NOW - 30 * MINUTE, "three": NOW - 500 * MINUTE}
    subjects.record(
        ledger, [SubjectFact("shop/orders", slug, NOW, "run", "s", {"shop/orders": at}) for slug, at in times.items()]
    )
    settings = settings_of(Promise("shop/orders", limit=HOUR))
    assert next_crossing(ledger, settings, NOW) == NOW + 15 * MINUTE
    assert next_crossing(ledger, settings, NOW + 15 * MINUTE) == NOW + 30 * MINUTE
    assert next_crossing(ledger, settings, NOW + 50 * MINUTE) is None


def test_facts_that_date_other_roots_than_expected_are_not_forgotten(ledger: Ledger) -> None:
    fact = SubjectFact("marts/sales", "one", NOW, "run", "s", {"shop/items": NOW - 10 * MINUTE})
    subjects.record(ledger, [fact])
    assert next_crossing(ledger, settings_of(Promise("marts/*", limit=Window(60 * MINUTE))), NOW) == NOW + 50 * MINUTE


def test_where_nothing_is_promised_nothing_is_crossed(ledger: Ledger) -> None:
    subjects.record(ledger, [SubjectFact("shop/orders", "one", NOW, "run", "s", {"shop/orders": NOW})])
    assert next_crossing(ledger, settings_of(), NOW) is None


def test_a_deadline_is_waited_for_with_its_warning_first(ledger: Ledger) -> None:
    settings = settings_of(Promise("shop/orders", limit=Deadline(time(12, 30), warn=time(12, 10), zone="UTC")))
    assert next_crossing(ledger, settings, NOW) == NOW + 10 * MINUTE
    assert next_crossing(ledger, settings, NOW + 10 * MINUTE) == NOW + 30 * MINUTE
    assert next_crossing(ledger, settings, NOW + 30 * MINUTE) == NOW + timedelta(days=1, minutes=10)


def test_a_window_longer_than_time_is_never_crossed(ledger: Ledger) -> None:
    subjects.record(ledger, [SubjectFact("shop/orders", "one", NOW, "run", "s", {"shop/orders": NOW})])
    settings = settings_of(Promise("shop/orders", limit=Window(timedelta(days=10_000_000))))
    assert next_crossing(ledger, settings, NOW) is None
