"""How an instant and a foreign text stand in a message.

What belongs here: cutting what others wrote. What does not: ages, counts and names (``telemetry_assets/spoken.py``),
sentences (``headline.py``, ``telling.py``).
"""

from datetime import datetime

_CONTROL = {code: " " for code in (*range(32), *range(127, 160), 0x2028, 0x2029) if code not in (9, 10)}


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
