"""A simulated day lived through the product's own writing and reading agrees with the one lived in memory."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.freshness.cause import cause_of
from telemetry_assets.freshness.judge import Judgement, judge_all
from telemetry_assets.freshness.lineage import graph_of
from telemetry_assets.freshness.owed import subjects_owed
from telemetry_assets.model import CauseKind, State
from tests.simulation import declared
from tests.simulation.faults import COSTS, Fault, FaultKind
from tests.simulation.ledger_week import LedgerWeek
from tests.simulation.memory import Memory
from tests.simulation.week import HOUR, MINUTE, Week, simulate

SUNDAY = datetime(2026, 10, 25, tzinfo=UTC)
FAULTS = (
    Fault(FaultKind.ZERO_ROWS, "shop", SUNDAY + 4 * HOUR, SUNDAY + 8 * HOUR),
    Fault(FaultKind.MODEL_FAILS, COSTS, SUNDAY + 5 * HOUR, SUNDAY + 11 * HOUR),
    Fault(FaultKind.SYNC_REFUSED, "fern", SUNDAY + 8.2 * HOUR, SUNDAY + 11 * HOUR),
    Fault(FaultKind.TEST_FAILS, declared.LINES, SUNDAY + 11.2 * HOUR, SUNDAY + 14 * HOUR),
)

type Said = tuple[State, str | None, datetime | None, State]


@pytest.mark.slow
@pytest.mark.promise("B13", "B53", "B54", "F12")
def test_the_ledger_tells_the_same_states_and_causes_as_the_memory_at_every_minute(
    ledger: psycopg.Connection[TupleRow], tmp_path: Path
) -> None:
    week = simulate(5, SUNDAY, SUNDAY + 15 * HOUR, FAULTS)
    written, memory = LedgerWeek(tmp_path, ledger), Memory()
    assert written.nodes == declared.nodes()
    causes = _lived(week, written, memory)
    assert {kind for kind, _ in causes} >= {
        CauseKind.ZERO_ROWS, CauseKind.BUILD_FAILED, CauseKind.SYNC_FAILED, CauseKind.BUILD_SKIPPED,
    }  # fmt: skip


def _lived(week: Week, written: LedgerWeek, memory: Memory) -> set[tuple[CauseKind, str]]:
    owed = subjects_owed(declared.nodes(), declared.settings().promises, declared.tenants())
    graph, events, causes = graph_of(declared.nodes()), list(week.events), set[tuple[CauseKind, str]]()
    now = week.start
    while now < week.end:
        while events and events[0].at <= now:
            written.take(events[0])
            memory.take(events.pop(0))
        board = written.board(now)
        judged = judge_all(owed, memory.graph, memory.evidence(), declared.slugs(), now)
        assert _said(board.judged) == _said(judged), now
        if now.minute % 10 == 0:
            found = [one for one in board.judged if one.state is not State.PASS]
            evidence = (board.evidence, written.happenings()), (memory.evidence(), memory.happenings())
            for one in found:
                by_ledger, by_memory = (
                    cause_of(one, graph, known, happened, declared.slugs(), now) for known, happened in evidence
                )
                assert by_ledger == by_memory, now
                causes.add((by_ledger.kind, by_ledger.root))
        now += MINUTE
    return causes


def _said(judged: Sequence[Judgement]) -> Mapping[tuple[str, str], Said]:
    return {(one.asset, one.tenant): (one.state, one.binding_root, one.data_time, one.run_state) for one in judged}
