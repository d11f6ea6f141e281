"""Limits as instants, from docs/freshness.md alone: by walking the calendar and watching the clocks of a zone.

What belongs here: windows and deadlines → cutoffs. What does not: what is held against them (``oracle.py``).
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from telemetry_assets.model import Deadline, Limit, Window

TICK = timedelta(microseconds=1)
MINUTE, QUARTER = timedelta(minutes=1), timedelta(minutes=15)


def cutoffs(limit: Limit, now: datetime, zone: str) -> tuple[datetime | None, datetime | None]:
    """(fail, warn): data as old as one of them, or older, is late, or due. None: nothing is."""
    if isinstance(limit, Window):
        return now - limit.fail, None if limit.warn is None else now - limit.warn
    then = now - limit.grace
    passed = [at for at in deadlines(limit, then, zone) if at <= then]
    fail = since(limit, max(passed), zone) if passed else None
    if limit.warn is None:
        return fail, None
    warned = [at for at in deadlines(limit, then, zone) if latest_before(at, limit.warn, zone_in(limit, zone)) <= then]
    return fail, since(limit, max(warned), zone) if warned else None


def zone_in(limit: Deadline, zone: str) -> str:
    return limit.zone or zone


def deadlines(limit: Deadline, around: datetime, zone: str) -> list[datetime]:
    """Its instants of the week before a moment and more, and of the days after it whose warning may have come."""
    days = (around.date() + timedelta(days=offset) for offset in range(-10, 4))
    return [instant(day, limit.by, zone_in(limit, zone)) for day in days if day.weekday() in limit.days]


def since(limit: Deadline, deadline: datetime, zone: str) -> datetime:
    return latest_before(deadline, limit.since, zone_in(limit, zone)) - TICK


def latest_before(at: datetime, clock: time, zone: str) -> datetime:
    """The latest instant with that local time that is before another instant."""
    days = (at.date() + timedelta(days=offset) for offset in range(-4, 3))
    return max(found for day in days if (found := instant(day, clock, zone)) < at)


@lru_cache(100_000)
def instant(day: date, clock: time, zone: str) -> datetime:
    """When the clocks of a zone show a time of a day, by watching them.

    Where they show it twice, the later; where they skip it, the first moment at which they show something later.
    """
    sought, shown = datetime.combine(day, clock), shown_around(day, zone, QUARTER if clock.minute % 15 == 0 else MINUTE)
    hits = [at for at, wall in shown if wall == sought]
    return max(hits) if hits else min(at for at, wall in shown if wall > sought)


@lru_cache(1024)
def shown_around(day: date, zone: str, step: timedelta) -> list[tuple[datetime, datetime]]:
    """Every quarter (minute) of the three days around a day, with what the clocks of the zone show then.

    Quarters will do for quarters: clocks have moved by them, and at them, since long before 2000.
    """
    local, start = ZoneInfo(zone), datetime.combine(day, time(0), UTC) - timedelta(days=1)
    moments = (start + number * step for number in range(timedelta(days=3) // step))
    return [(at, at.astimezone(local).replace(tzinfo=None)) for at in moments]
