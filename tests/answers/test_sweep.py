"""The sweep finds exactly what the board finds not fresh, whatever the ledger holds."""

import random
from dataclasses import replace
from datetime import time

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import read_board
from telemetry_assets.answers.sweep import read_sweep
from telemetry_assets.ledger import graph, looks, subjects, tenants
from telemetry_assets.model import (
    Deadline,
    Look,
    Promise,
    State,
    SubjectFact,
    Window,
)
from tests.answers.shapes import HOUR, MINUTE, NODES, NOW, PEOPLE, settings_of

type Ledger = psycopg.Connection[TupleRow]

PROMISES = (
    Promise("shop/orders", limit=HOUR, overrides={"two": Window(6 * MINUTE)}),
    Promise("shop/items", limit=Window(300 * MINUTE), tenants=frozenset({"one", "three", "gone"})),
    Promise("marts/sales", grace=30 * MINUTE),
    Promise("marts/total", limit=Deadline(time(9), warn=time(8))),
    Promise("staging/orders", limit=Deadline(time(9), warn=time(8))),
    Promise("*", limit=Window(90 * MINUTE)),
    Promise("marts/lost", limit=HOUR),
)


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
@pytest.mark.slow
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
    settings = settings_of(*promises[: chance.randint(1, len(promises))])
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
    swept = read_sweep(ledger, settings_of(Promise("shop/orders", limit=HOUR)), NOW)
    assert (swept.judged, swept.owed) == ((), {"shop/orders": 4})
