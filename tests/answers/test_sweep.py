"""The sweep finds exactly what the board finds not fresh, whatever the ledger holds."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import read_board
from telemetry_assets.answers.sweep import read_sweep
from telemetry_assets.ledger import graph, looks, subjects, tenants
from telemetry_assets.model import (
    AssetKind,
    AssetNode,
    Clock,
    ClockKind,
    Deadline,
    Look,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)
from telemetry_assets.settings import AirbyteSettings, Settings, TenantSettings

type Ledger = psycopg.Connection[TupleRow]

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = Window(60 * MINUTE, 45 * MINUTE)
PEOPLE = [
    Tenant(slug, uuid5(NAMESPACE_DNS, slug), slug, zone)
    for slug, zone in [("one", "UTC"), ("two", "UTC"), ("three", "America/Jamaica"), ("four", "Asia/Tokyo")]
]
NODES = (
    AssetNode("shop/orders", AssetKind.STREAM, clock=Clock()),
    AssetNode("shop/items", AssetKind.STREAM, clock=Clock(ClockKind.COLUMN, "updated_at")),
    AssetNode("rates/daily", AssetKind.TABLE, clock=Clock(ClockKind.COLUMN, "day"), tenanted=False),
    AssetNode("zones", AssetKind.SEED),
    AssetNode("staging/orders", AssetKind.VIEW, ("shop/orders",)),
    AssetNode("staging/both", AssetKind.VIEW, ("staging/orders", "shop/items", "zones")),
    AssetNode("staging/priced", AssetKind.VIEW, ("marts/sales", "rates/daily")),
    AssetNode("marts/sales", AssetKind.MODEL, ("staging/both", "shop/orders")),
    AssetNode("marts/total", AssetKind.MODEL, ("marts/sales", "rates/daily"), tenanted=False),
    AssetNode("marts/fixed", AssetKind.MODEL, ("zones",)),
)
PROMISES = (
    Promise("shop/orders", limit=HOUR, overrides={"two": Window(6 * MINUTE)}),
    Promise("shop/items", limit=Window(300 * MINUTE), tenants=frozenset({"one", "three", "gone"})),
    Promise("marts/sales", grace=30 * MINUTE),
    Promise("marts/total", limit=Deadline(time(9), warn=time(8))),
    Promise("staging/orders", limit=Deadline(time(9), warn=time(8))),
    Promise("*", limit=Window(90 * MINUTE)),
    Promise("marts/lost", limit=HOUR),
)


def _settings(promises: Sequence[Promise]) -> Settings:
    nowhere = Path("/nonexistent")
    return Settings(
        path=nowhere / "telemetry.yaml", home=nowhere, tenants=TenantSettings(), dbt=None, sources={},
        promises=tuple(promises), snapshots={}, database=None, airbyte=AirbyteSettings(),
    )  # fmt: skip


def _facts(chance: random.Random) -> list[SubjectFact]:
    """Mostly fresh; some late, due, missing, synthetic, from the future, without a root, of a tenant long gone."""
    found: list[SubjectFact] = []
    for node in NODES:
        roots = [node.key] if node.clock else ["shop/orders", "shop/items", "rates/daily"]
        for tenant in ("*",) if not node.tenanted else ("one", "two", "three", "four", "left"):
            ages = {root: chance.choice([5, 5, 5, 5, 50, 60, 61, 100, 400, 2000, -4, -9]) * MINUTE for root in roots}
            if chance.random() < 0.2:
                ages.pop(chance.choice(roots))
            fact = SubjectFact(
                node.key, tenant, NOW - MINUTE, "run", "dbt", {root: NOW - age for root, age in ages.items()},
                synthetic=chance.random() < 0.05,
            )  # fmt: skip
            if chance.random() < 0.2:
                fact = replace(fact, run_time=None, looked_at=NOW - chance.choice([1, 20]) * MINUTE)
            if chance.random() < 0.85:
                found.append(fact)
    return found


@pytest.mark.parametrize("seed", range(25))
def test_the_sweep_and_the_board_find_the_same_subjects_not_fresh(ledger: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    tenants.write(ledger, PEOPLE)
    graph.replace(ledger, NODES)
    subjects.record(ledger, _facts(chance))
    looks.record(
        ledger,
        [
            Look(key, NOW - chance.choice([1, 20]) * MINUTE, chance.choice(["", "", "no such table"]))
            for key in ("rates/daily", "shop/items")
        ],
    )
    promises = list(PROMISES)
    chance.shuffle(promises)
    settings = _settings(promises[: chance.randint(1, len(promises))])
    board, swept = read_board(ledger, settings, NOW), read_sweep(ledger, settings, NOW)
    expected = [one for one in board.judged if one.state is not State.PASS]
    assert sorted(swept.judged, key=_subject) == sorted(expected, key=_subject)
    assert swept.promises == len(board.judged)


def _subject(one: object) -> tuple[str, str]:
    return (getattr(one, "asset", ""), getattr(one, "tenant", ""))


def test_where_all_is_fresh_the_sweep_judges_nothing(ledger: Ledger) -> None:
    tenants.write(ledger, PEOPLE)
    graph.replace(ledger, NODES)
    subjects.record(
        ledger, [SubjectFact("shop/orders", one.slug, NOW, "run", "airbyte", {"shop/orders": NOW}) for one in PEOPLE]
    )
    swept = read_sweep(ledger, _settings([Promise("shop/orders", limit=HOUR)]), NOW)
    assert (swept.judged, swept.owed) == ((), {"shop/orders": 4})
