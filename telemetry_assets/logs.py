"""Structured log lines: one JSON object a line, with the tenant it is about.

Fields that consumers read: timestamp (UTC, ms), level, message, tenant_id (null for system work), correlation_id,
component; optional task_id, event, duration_ms.
"""

import json
from datetime import UTC, datetime


def event_line(
    event: str,
    *,
    component: str,
    tenant_id: str | None,
    task_id: str | None = None,
    correlation_id: str | None = None,
    level: str = "info",
    now: datetime | None = None,
    **more: str | int | float | None,
) -> str:
    """One NDJSON line for ``event`` (``metrics.snapshot.persisted``); the correlation id defaults to the task's."""
    at = now or datetime.now(UTC)
    line = {
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "message": event,
        "event": event,
        "tenant_id": tenant_id,
        "correlation_id": correlation_id or task_id,
        "component": component,
        "task_id": task_id,
        **more,
    }
    return json.dumps(line, ensure_ascii=False)
