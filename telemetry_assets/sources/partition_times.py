"""A partition key of Dagster → the time it ends: ``2026-09-01``, ``2026-09-01-13:00``, ``2026-09``, each in UTC.

What belongs here: reading keys. What does not: whose partition it is (``dagster_events.py``).
"""

import re
from collections.abc import Collection, Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta
from itertools import pairwise

_FORMS = (
    (re.compile(r"\d{4}-\d\d"), "%Y-%m", timedelta(days=28)),
    (re.compile(r"\d{4}-\d\d-\d\d"), "%Y-%m-%d", timedelta(days=1)),
    (re.compile(r"\d{4}-\d\d-\d\d-\d\d:\d\d"), "%Y-%m-%d-%H:%M", timedelta(hours=1)),
)
"""How Dagster writes them: the form, and the least that a partition written so covers."""
_ENOUGH = 3
"""So many partitions of an asset show how far they lie apart; fewer may just be the ones that were built."""
_MONTH = (timedelta(days=28), timedelta(days=31))


def is_time(key: str) -> bool:
    """True where a key, or one dimension of it, is a date or an hour."""
    return _start(key) is not None


def spacing(keys: Collection[str]) -> timedelta | None:
    """How far an asset's partitions lie apart; None where too few are known to say.

    Days, weeks and months are written alike, so that only their neighbours tell them apart.
    """
    starts = sorted({found[0] for found in map(_start, keys) if found is not None})
    return min((after - before for before, after in pairwise(starts)), default=None) if len(starts) >= _ENOUGH else None


def partition_end(key: str, apart: timedelta | None = None) -> datetime | None:
    """When the time window of ``key`` ends; None where it has none. ``apart`` is its asset's :func:`spacing`."""
    found = _start(key)
    if found is None:
        return None
    start, least = found
    length = max(apart or least, least)
    if _MONTH[0] <= length <= _MONTH[1]:
        return (start.replace(day=1) + timedelta(days=32)).replace(day=min(start.day, 28))
    return start + length


def dimensions(key: str) -> Iterator[str]:
    """The parts of a key of several dimensions; a key of one is its only part."""
    return iter(key.split("|"))


def _start(key: str) -> tuple[datetime, timedelta] | None:
    for part in dimensions(key):
        for form, pattern, least in _FORMS:
            if form.fullmatch(part):
                try:
                    start = datetime.strptime(part, pattern).replace(tzinfo=UTC)
                except ValueError:
                    continue
                return (start, least) if start.year < MAXYEAR else None
    return None
