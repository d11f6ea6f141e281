"""Structured log lines: one JSON object a line, with the tenant it is about.

Fields that consumers read: timestamp (UTC, ms), level, message, tenant_id (null for system work), correlation_id,
component; optional task_id, event, duration_ms.
"""

import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_TENANT: ContextVar[str | None] = ContextVar("tenant_id", default=None)


def event_line(
    event: str,
    *,
    component: str,
    tenant_id: str | None = None,
    task_id: str | None = None,
    correlation_id: str | None = None,
    level: str = "info",
    now: datetime | None = None,
    **more: str | int | float | None,
) -> str:
    """One NDJSON line for ``event`` (``metrics.snapshot.persisted``); the correlation id defaults to the task's, the
    tenant to the one that is worked for (:func:`tenant_work`)."""
    at = now or datetime.now(UTC)
    line = {
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "message": event,
        "event": event,
        "tenant_id": tenant_id or _TENANT.get(),
        "correlation_id": correlation_id or task_id,
        "component": component,
        "task_id": task_id,
        **more,
    }
    return json.dumps(line, ensure_ascii=False)


class TenantNamed(logging.Filter):
    """Counts the records made while working for a tenant that do not say for whom; where ``strict``, raises instead."""

    def __init__(self) -> None:
        super().__init__()
        self.strict = False
        self.missing = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record through. Raises AssertionError for one without a tenant where ``strict``: in tests."""
        if _TENANT.get() is not None and not _named(record):
            self.missing += 1
            if self.strict:
                raise AssertionError(f"Logged while working for a tenant, without tenant_id: {record.getMessage()}")
        return True


TENANT_NAMED = TenantNamed()
"""The one that every :func:`tenant_work` is held to."""


@contextmanager
def tenant_work(tenant_id: str, *loggers: logging.Logger) -> Generator[None]:
    """What is logged inside is about this tenant: its lines name it, and records of ``loggers`` that do not count."""
    token = _TENANT.set(tenant_id)
    for logger in loggers:
        logger.addFilter(TENANT_NAMED)
    try:
        yield
    finally:
        _TENANT.reset(token)


def _named(record: logging.LogRecord) -> bool:
    if getattr(record, "tenant_id", None):
        return True
    try:
        line = json.loads(record.getMessage())
    except ValueError:
        return False
    return isinstance(line, dict) and bool(line.get("tenant_id"))
