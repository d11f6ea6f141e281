"""Instants and spans as people and machines read them.

What belongs here: one value → one short text or number. What does not: ages in words (``words.py``).
"""

from datetime import UTC, datetime, timedelta


def instant_text(instant: datetime | None) -> str:
    """``2026-11-21 13:03 UTC``; None is an en dash."""
    return "–" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def instant_json(instant: datetime | None) -> str | None:
    """RFC 3339 in UTC, ``2026-11-21T13:03:10.073669Z``."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds_json(span: timedelta | None) -> float | None:
    """A span in seconds."""
    return None if span is None else span.total_seconds()
