"""A limit and a span as payloads carry them. What does not belong here: how people read them (``render/``)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from telemetry_assets.model import DAY_NAMES, Limit, Window


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
