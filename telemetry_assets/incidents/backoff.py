"""When a message that was not accepted is tried again. What does not belong here: trying it (``dispatch/``)."""

from datetime import datetime, timedelta
from random import Random

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=5)
LONGEST_ASKED_FOR = timedelta(hours=1)
_DOUBLINGS = 16
"""More than enough to reach the longest; a greater power of two would not fit a timedelta."""


def next_try(failures: int, retry_after: timedelta | None, now: datetime, random: Random) -> datetime:
    """When to try again after so many failures in a row before this one: as the other side asked, at most an hour; else
    after a random time between half and all of 1 s · 2^failures, at most 5 minutes."""
    if retry_after is not None:
        return now + min(max(retry_after, timedelta(0)), LONGEST_ASKED_FOR)
    whole = min(FIRST * 2 ** min(max(failures, 0), _DOUBLINGS), LONGEST)
    return now + whole * random.uniform(0.5, 1)
