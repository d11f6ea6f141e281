"""How an age, a count, some names and a foreign text stand in a sentence.

What belongs here: pieces of sentences. What does not: sentences (``headline.py``, ``telling.py``).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

NAMED = 3
"""How many of many are named in a sentence."""
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_CONTROL = {code: " " for code in (*range(32), *range(127, 160), 0x2028, 0x2029) if code not in (9, 10)}


def spoken(duration: timedelta) -> str:
    """A duration rounded down, in its two greatest units: ``3 d 2 h``, ``6 min``, ``45 s``; never negative."""
    left = max(int(duration.total_seconds()), 0)
    parts: list[str] = []
    for unit, length in _UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def counted(number: int, noun: str) -> str:
    """``1 promise``, ``2,000 promises``."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def named(everything: Sequence[str], shown: int = NAMED) -> str:
    """``a``, ``a and b``, ``a, b, c and 4 more``."""
    if len(everything) > shown:
        return f"{', '.join(everything[:shown])} and {len(everything) - shown:,} more"
    return " and ".join(filter(None, (", ".join(everything[:-1]), everything[-1] if everything else "")))


def clock(instant: datetime, now: datetime) -> str:
    """``14:05 UTC``, of another day than ``now`` with its date: ``2026-03-01 14:05 UTC``."""
    day = "" if instant.date() == now.date() else f"{instant.year:04}-{instant:%m-%d} "
    return f"{day}{instant:%H:%M} UTC"


def cut(text: str, length: int) -> str:
    """The text without control characters, of at most so many characters; a cut shows."""
    text = text[: length + 1].translate(_CONTROL).strip()
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def one_line(text: str, length: int) -> str:
    """The text on one line, of at most so many characters."""
    return cut(" ".join(text[: 4 * length].split()), length)
