"""Instants, spans and several limits as people and machines read them.

What belongs here: one value → one short text or number. What does not: one age or limit in words (``words.py``).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from telemetry_assets.model import Deadline, Limit, Window
from telemetry_assets.render.words import age_text, limit_text


def instant_text(instant: datetime | None) -> str:
    """``2026-11-21 13:03 UTC``; None is an en dash."""
    if instant is None:
        return "–"
    utc = instant.astimezone(UTC)
    return f"{utc.year:04}-{utc:%m-%d %H:%M} UTC"


def instant_json(instant: datetime | None) -> str | None:
    """RFC 3339 in UTC, ``2026-11-21T13:03:10.073669Z``."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds_json(span: timedelta | None) -> float | None:
    """A span in seconds."""
    return None if span is None else span.total_seconds()


def limits_text(limits: Iterable[Limit]) -> str:
    """Those of several subjects: windows from the tightest to the loosest, deadlines that differ by zone as one."""
    windows: list[timedelta] = []
    deadlines: dict[Deadline, set[str | None]] = {}
    for limit in limits:
        if isinstance(limit, Window):
            windows.append(limit.fail)
        else:
            deadlines.setdefault(replace(limit, zone=None), set()).add(limit.zone)
    texts = ["–".join(age_text(window) for window in dict.fromkeys((min(windows), max(windows))))] if windows else []
    for deadline, zones in deadlines.items():
        zone = next(iter(zones)) if len(zones) == 1 else None
        texts.append(limit_text(replace(deadline, zone=zone)))
    return " or ".join(texts)


def slack_text(slack: timedelta | None) -> str:
    """How long until a window is over: ``31m``; since when it is, ``−3d 1h``; None is an en dash."""
    return age_text(slack) if slack is None or slack > timedelta(0) else f"−{age_text(-slack)}"
