"""A limit and a span as payloads and messages carry them. What does not belong here: a terminal's (``render/``)."""

from collections.abc import Mapping
from datetime import time, timedelta
from functools import lru_cache
from typing import Any

from telemetry_assets.model import DAY_NAMES, Limit, Window
from telemetry_assets.spoken import spoken


def seconds(span: timedelta | None) -> float | None:
    """A span in seconds, to the tenth."""
    return None if span is None else round(span.total_seconds(), 1)


def limit_json(limit: Limit | None) -> Mapping[str, Any] | None:
    """``{fail_seconds, warn_seconds}`` of a window, ``{by, warn, since, days, zone, grace_seconds}`` of a deadline."""
    if limit is None:
        return None
    if isinstance(limit, Window):
        return {"fail_seconds": seconds(limit.fail), "warn_seconds": seconds(limit.warn)}
    return {
        "by": f"{limit.by:%H:%M}",
        "warn": f"{limit.warn:%H:%M}" if limit.warn is not None else None,
        "since": f"{limit.since:%H:%M}",
        "days": [DAY_NAMES[day] for day in sorted(limit.days)],
        "zone": limit.zone or "UTC",
        "grace_seconds": seconds(limit.grace),
    }


@lru_cache(maxsize=4096)
def limit_words(limit: Limit | None) -> str:
    """What a promise allows, as a sentence has it: ``1 h``, ``by 09:00 (UTC), since 22:00``; empty for no limit."""
    if limit is None:
        return ""
    if isinstance(limit, Window):
        return spoken(limit.fail)
    since = f", since {limit.since:%H:%M}" if limit.since != time(0) else ""
    grace = f", + {spoken(limit.grace)}" if limit.grace else ""
    return f"by {limit.by:%H:%M} ({limit.zone or 'UTC'}){since}{grace}"
