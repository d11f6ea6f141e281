"""How a duration, a count and some names stand in a sentence. Imports nothing of ours.

What belongs here: pieces that sentences of every room are made of. What does not: sentences.
"""

from collections.abc import Sequence
from datetime import timedelta

NAMED = 3
"""How many of many are named in a sentence."""
_UNITS = (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1))


def spoken(duration: timedelta) -> str:
    """A duration as people say it, rounded down, in its two greatest units: ``3 d 2 h``, ``6 min``, ``45 s``; never
    negative."""
    seconds = max(int(duration.total_seconds()), 0)
    for unit, length, smaller, part in _UNITS:
        if seconds >= length:
            count, rest = divmod(seconds, length)
            return f"{count} {unit} {rest // part} {smaller}" if rest >= part else f"{count} {unit}"
    return f"{seconds} s"


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 promise``, ``2,000 promises``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def named(everything: Sequence[str], shown: int = NAMED) -> str:
    """``a``, ``a and b``, ``a, b, c and 4 more``."""
    if len(everything) > shown:
        return f"{', '.join(everything[:shown])} and {len(everything) - shown:,} more"
    return " and ".join(filter(None, (", ".join(everything[:-1]), everything[-1] if everything else "")))
