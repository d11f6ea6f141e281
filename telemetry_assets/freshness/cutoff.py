"""Each tick turns a limit into instants: data at or before the cutoff is late, at or before the other is due.

What belongs here: windows → cutoffs, and which kind of limit is whose. What does not: the calendar of deadlines
(``deadline.py``), who is owed what (``owed.py``), judging (``judge.py``).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telemetry_assets.freshness.deadline import since_of_newest
from telemetry_assets.model import Limit, State, Window

EVER = datetime.min.replace(tzinfo=UTC)
"""The cutoff before which nothing lies."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Late ⇔ data time ≤ ``fail``; due ⇔ not late and data time ≤ ``warn`` (None: nothing is ever due)."""

    fail: datetime
    warn: datetime | None = None

    @property
    def fresh_after(self) -> datetime:
        """Whatever lies after this is fresh."""
        return self.fail if self.warn is None else max(self.fail, self.warn)

    def state_of(self, data_time: datetime) -> State:
        """FAIL, WARN or PASS."""
        if data_time <= self.fail:
            return State.FAIL
        return State.WARN if self.warn is not None and data_time <= self.warn else State.PASS


def cutoffs_of(limit: Limit, now: datetime) -> Cutoffs:
    """The cutoffs of a limit at ``now``; where they are before year 1, the first instant there is."""
    if isinstance(limit, Window):
        return Cutoffs(_before(now, limit.fail), None if limit.warn is None else _before(now, limit.warn))
    then = _before(now, limit.grace)
    warn = since_of_newest(limit, then, warned=True) if limit.warn is not None else None
    return Cutoffs(since_of_newest(limit, then) or EVER, warn)


def _before(now: datetime, duration: timedelta) -> datetime:
    try:
        return now - duration
    except OverflowError:
        return EVER
