"""Simulated weeks told to people: a healthy one says nothing, a faulty one says each cause once, and when it is over.

Through the product's own ledger and its own evaluation; what is written for a channel is counted, nothing is sent.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.declaration.configured import OwnerSettings
from telemetry_assets.dispatch.evaluate import evaluate
from telemetry_assets.incidents.message import Message
from telemetry_assets.ledger import incidents, outbox
from telemetry_assets.settings import ChannelSettings, Settings
from tests.simulation import declared
from tests.simulation.faults import COSTS, Fault, FaultKind
from tests.simulation.ledger_week import LedgerWeek
from tests.simulation.week import DAY, HOUR, MINUTE, Week, simulate

WEDNESDAY = datetime(2026, 10, 21, tzinfo=UTC)
SUNDAY = datetime(2026, 10, 25, tzinfo=UTC)
"""London's clocks change."""
FAULTS = (
    Fault(FaultKind.ZERO_ROWS, "shop", SUNDAY + 4 * HOUR, SUNDAY + 8 * HOUR),
    Fault(FaultKind.MODEL_FAILS, COSTS, SUNDAY + 5 * HOUR, SUNDAY + 11 * HOUR),
    Fault(FaultKind.SYNC_REFUSED, "fern", SUNDAY + 8.2 * HOUR, SUNDAY + 11 * HOUR),
    Fault(FaultKind.TEST_FAILS, declared.LINES, SUNDAY + 11.2 * HOUR, SUNDAY + 14 * HOUR),
)


def _told(settings: Settings) -> Settings:
    """The world of the week with somebody to tell: each owner through two channels."""
    owners = {
        name: OwnerSettings(name, {"ERROR": (f"{name}-error",), "WARN": (f"{name}-warn",)}) for name in settings.owners
    }
    names = [f"{name}-{how}" for name in owners for how in ("error", "warn")]
    return replace(
        settings, owners=owners, channels={name: ChannelSettings(name, "file", {"path": name}) for name in names}
    )


def _lived(
    week: Week, conn: psycopg.Connection[TupleRow], folder: Path, tick: timedelta, since: datetime
) -> Sequence[Message]:
    """Live it, evaluating at every tick from ``since``; returns every message that was written, in order."""
    written = LedgerWeek(folder, conn)
    settings, events, now = _told(written.settings), list(week.events), since
    while now < week.end:
        while events and events[0].at <= now:
            written.take(events.pop(0))
        evaluate(conn, settings, now)
        now += tick
    numbers = [one.number for one in incidents.read(conn, limit=1000)]
    told = [row.message for number in numbers for row in outbox.messages_of(conn, number)]
    return sorted(told, key=lambda one: (one.at, one.incident, one.seq))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.promise("C12", "B53")
def test_a_healthy_week_with_an_outage_of_twenty_minutes_says_nothing_to_anybody(
    ledger: psycopg.Connection[TupleRow], tmp_path: Path
) -> None:
    week = simulate(1, WEDNESDAY, WEDNESDAY + 7 * DAY)
    told = _lived(week, ledger, tmp_path, 10 * MINUTE, week.start)
    assert [f"{one.at} {one.headline}" for one in told if one.channel.endswith("-error")] == []
    assert [f"{one.at} {one.headline}" for one in told] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.promise("B54", "C26")
def test_a_day_of_four_faults_says_each_cause_once_to_each_owner_and_when_it_is_over(
    ledger: psycopg.Connection[TupleRow], tmp_path: Path
) -> None:
    week = simulate(5, SUNDAY, SUNDAY + 18 * HOUR, FAULTS)
    told = _lived(week, ledger, tmp_path, MINUTE, week.start)
    errors = [one for one in told if one.channel.endswith("-error")]
    first = Counter((one.incident, one.channel) for one in errors if one.step in ("opened", "raised", "joined"))
    assert set(first.values()) == {1}, "one cause was told twice"
    over = Counter((one.incident, one.channel) for one in errors if one.step == "resolved")
    assert over == first, "what began was not ended, or the other way round"
    kinds = {one.kind for one in errors}
    assert {"build_failed", "build_skipped", "sync_failed"} <= kinds
    assert len(told) <= len({one.incident for one in told}) * 2 * len({one.step for one in told}) * 2
