"""Deadlines on the calendar of a zone: by 09:00 on weekdays, whatever the clocks do that night.

What belongs here: local times of day → instants. What does not: windows (``cutoff.py``), who is owed what
(``owed.py``).
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from telemetry_assets.model import Deadline

_DAY = timedelta(days=1)
_ROUND_THE_WEEK = 9
"""Days to walk back from tomorrow: a deadline is on one day of the week at least."""


def since_of_newest(deadline: Deadline, now: datetime, *, warned: bool = False) -> datetime | None:
    """The instant that data must lie after for the newest deadline not after ``now`` to be kept.

    With ``warned`` the newest whose warning is not after ``now``. None where there was none since year 1.
    The instant is a microsecond before ``since``, so that data at ``since`` is good. ``grace`` is the caller's.
    """
    zone = ZoneInfo(deadline.zone or "UTC")
    try:
        day = now.astimezone(zone).date() + 2 * _DAY
        for _ in range(_ROUND_THE_WEEK + 1):
            day -= _DAY
            if day.weekday() in deadline.days and _told_at(deadline, day, zone, warned) <= now:
                return _since(deadline, day, zone) - timedelta(microseconds=1)
    except OverflowError:
        return None
    return None


def next_told(deadline: Deadline, now: datetime, *, warned: bool = False) -> datetime | None:
    """The first instant after ``now`` at which a deadline, or with ``warned`` a warning of one, passes; None at the
    bounds of time. ``grace`` is the caller's."""
    zone = ZoneInfo(deadline.zone or "UTC")
    try:
        first = now.astimezone(zone).date() - _DAY
        days = (first + number * _DAY for number in range(_ROUND_THE_WEEK + 2))
        told = [_told_at(deadline, day, zone, warned) for day in days if day.weekday() in deadline.days]
    except OverflowError:
        return None
    return min((instant for instant in told if instant > now), default=None)


def _told_at(deadline: Deadline, day: date, zone: ZoneInfo, warned: bool) -> datetime:
    due = instant_of(day, deadline.by, zone)
    return _latest_before(due, day, deadline.warn, zone) if warned and deadline.warn is not None else due


def _since(deadline: Deadline, day: date, zone: ZoneInfo) -> datetime:
    return _latest_before(instant_of(day, deadline.by, zone), day, deadline.since, zone)


def _latest_before(due: datetime, day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The last instant with this local time before ``due``: of the same day, else of the day before.

    Where a zone skipped a whole day, the two are one instant, and the day before that counts.
    """
    while (found := instant_of(day, clock, zone)) >= due:
        day -= _DAY
    return found


@lru_cache(maxsize=4096)
def instant_of(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time: the later where it comes twice; of one that is skipped, the instant of the skip."""
    local = datetime.combine(day, clock, tzinfo=zone)
    first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if first <= second:
        return second
    return _jump_between(second, first, zone)


def _jump_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the zone's offset changes: the clocks skip what lies between. To the second."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == old else (before, middle)
    return after
