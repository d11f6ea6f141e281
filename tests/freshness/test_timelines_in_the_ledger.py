"""The same random lives through PostgreSQL: what is written is what the rules remember, and the sweep misses nobody."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import read_board
from telemetry_assets.answers.sweep import read_sweep
from telemetry_assets.ledger import graph, looks, subjects, tenants
from telemetry_assets.model import AssetKind, AssetNode, Clock, Promise, State, SubjectFact, Tenant, Window
from telemetry_assets.settings import AirbyteSettings, Settings, TenantSettings
from tests.freshness.both import Both, Subject, disagreements
from tests.freshness.timelines import Asked, Timeline, Told, timeline

type Ledger = psycopg.Connection[TupleRow]


def _settings(line: Timeline) -> Settings:
    nowhere = Path("/nowhere")
    return Settings(
        path=nowhere / "telemetry.yaml",
        home=nowhere,
        tenants=TenantSettings(),
        dbt=None,
        sources={},
        promises=line.promises,
        snapshots={},
        database=None,
        airbyte=AirbyteSettings(),
    )


def _lived(line: Timeline) -> Both:
    """A timeline lived through, but for oddities: those are read elsewhere."""
    both = Both(replace(line, oddities=()))
    assert disagreements(both) == []
    return both


def _tell(ledger: Ledger, both: Both, random: Random) -> None:
    """All that was told in a life, told to an emptied ledger: shuffled, in batches, some of it twice."""
    ledger.execute("truncate telemetry.subjects, telemetry.corrections, telemetry.looks, telemetry.tenants")
    tenants.write(ledger, both.line.tenants)
    graph.replace(ledger, both.line.nodes)
    told = [fact for facts in both.history.told.values() for fact in facts]
    told += random.sample(told, len(told) // 3)
    random.shuffle(told)
    for batch in _batches(told, random):
        subjects.record(ledger, batch)
    for batch in _batches(both.history.looks, random):
        looks.record(ledger, batch)


def _batches[T](things: list[T], random: Random) -> Iterator[list[T]]:
    size = random.choice((2, 7, 100))
    return (things[start : start + size] for start in range(0, len(things), size))


def _agree(ledger: Ledger, both: Both, random: Random) -> int:
    """The ledger's rows, the board and the sweep against the engine's memory; how many judgements were compared."""
    assert {(fact.asset, fact.tenant): fact for fact in subjects.read(ledger)} == both.facts
    assert looks.read(ledger) == both.looks
    compared, settings = 0, _settings(both.line)
    for now in _moments(both, random):
        engine = both.engine(now)
        board = {(one.asset, one.tenant): one for one in read_board(ledger, settings, now).judged}
        assert {subject: one.state for subject, one in board.items()} == {s: each[0] for s, each in engine.items()}
        swept = read_sweep(ledger, settings, now)
        found: dict[Subject, object] = {(one.asset, one.tenant): one for one in swept.judged}
        assert found == {subject: one for subject, one in board.items() if one.state is not State.PASS}, now
        assert swept.promises == len(board)
        compared += len(board)
    return compared


def _moments(both: Both, random: Random) -> list[datetime]:
    asked = [step.now for step in both.line.steps if isinstance(step, Asked)]
    return random.sample(asked, min(3, len(asked)))


def _live(ledger: Ledger, seed: int, steps: int) -> int:
    random = Random(seed)
    both = _lived(timeline(random, steps))
    _tell(ledger, both, random)
    return _agree(ledger, both, random)


@pytest.mark.promise("F9", "B53")
def test_the_ledger_remembers_what_the_rules_say_and_the_sweep_finds_all_that_is_not_fresh(ledger: Ledger) -> None:
    assert sum(_live(ledger, seed, steps=20) for seed in range(20)) > 100


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_hundreds_of_lives_through_the_ledger(ledger: Ledger) -> None:
    compared = sum(_live(ledger, seed, steps=40) for seed in range(1000, 1600))
    print(f"\n{compared:,} judgements of the board and the sweep compared over 600 lives, 0 disagreements")


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROOT = AssetNode("raw/0", AssetKind.STREAM, (), Clock())
ACME, GLOBEX = Tenant("acme", UUID(int=1), "Acme"), Tenant("globex", UUID(int=2), "Globex")
HOURLY = Window(timedelta(hours=1))


@pytest.mark.promise("B53")
def test_a_tenant_who_is_owed_nothing_does_not_stand_in_for_one_who_never_arrived(ledger: Ledger) -> None:
    promise = Promise(ROOT.key, HOURLY, tenants=frozenset({"acme"}))
    other = Told((SubjectFact(ROOT.key, "globex", NOON, "run-1", "test", {ROOT.key: NOON}),))
    both = _lived(Timeline((ROOT,), (promise,), (ACME, GLOBEX), (other, Asked(NOON))))
    _tell(ledger, both, Random(0))
    assert [one.state for one in read_sweep(ledger, _settings(both.line), NOON).judged] == [State.MISSING]


def test_where_there_are_no_tenants_at_all_late_data_is_found_too(ledger: Ledger) -> None:
    old = Told((SubjectFact(ROOT.key, "*", NOON, "run-1", "test", {ROOT.key: NOON - timedelta(days=1)}),))
    both = _lived(Timeline((ROOT,), (Promise("*", HOURLY),), (), (old, Asked(NOON))))
    _tell(ledger, both, Random(0))
    assert [one.state for one in read_sweep(ledger, _settings(both.line), NOON).judged] == [State.FAIL]
