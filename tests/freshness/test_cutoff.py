"""Limits become instants."""

from datetime import UTC, datetime, time, timedelta

import pytest

from telemetry_assets.freshness.cutoff import EVER, Cutoffs, cutoffs_of
from telemetry_assets.freshness.window import loosened
from telemetry_assets.model import Deadline, State, Window

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_cutoff_is_now_less_the_window() -> None:
    assert cutoffs_of(Window(60 * MINUTE, 45 * MINUTE), NOW) == Cutoffs(NOW - 60 * MINUTE, NOW - 45 * MINUTE)
    assert cutoffs_of(Window(60 * MINUTE), NOW) == Cutoffs(NOW - 60 * MINUTE)


def test_a_window_longer_than_the_calendar_has_the_first_instant_as_cutoff() -> None:
    assert cutoffs_of(Window(timedelta(days=3_000_000)), NOW) == Cutoffs(EVER)


def test_a_deadline_that_has_passed_wants_data_since_its_midnight() -> None:
    nine = Deadline(time(9), warn=time(8, 30))
    midnight = NOW.replace(hour=0) - timedelta(microseconds=1)
    assert cutoffs_of(nine, NOW) == Cutoffs(midnight, midnight)
    before = cutoffs_of(nine, NOW.replace(hour=8, minute=45))
    assert before == Cutoffs(midnight - timedelta(days=1), midnight)
    assert before.fresh_after == midnight


@pytest.mark.parametrize("limit", [Window(60 * MINUTE, 45 * MINUTE), Deadline(time(9), warn=time(8, 30))])
def test_loosened_by_a_grace_a_limit_has_the_cutoffs_it_had_that_long_before(limit: Window | Deadline) -> None:
    moments = [NOW.replace(hour=8, minute=minute) for minute in range(0, 60, 5)]
    for now in (*moments, NOW):
        assert cutoffs_of(loosened(limit, 20 * MINUTE), now) == cutoffs_of(limit, now - 20 * MINUTE)


def test_data_at_the_cutoff_is_late_and_a_moment_after_it_is_not() -> None:
    cutoffs = Cutoffs(NOW - 60 * MINUTE, NOW - 45 * MINUTE)
    step = timedelta(microseconds=1)
    states = [
        cutoffs.state_of(at) for edge in (cutoffs.fail, NOW - 45 * MINUTE) for at in (edge - step, edge, edge + step)
    ]
    assert states == [State.FAIL, State.FAIL, State.WARN, State.WARN, State.WARN, State.PASS]
