"""Tenants that tables hold and nobody declared: their rows are loaded, and judged by no promise.

What belongs here: asking the tables whose rows they hold. What does not: their data times (``watching.py``,
``syncing.py``), what is made of it (``freshness/lint.py``).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.ledger import tenants
from telemetry_assets.ledger.connection import explained
from telemetry_assets.settings import Settings
from telemetry_assets.sources.clocks import ClockedTable
from telemetry_assets.sources.syncing import stream_tables
from telemetry_assets.sources.tables import read_watermarks
from telemetry_assets.sources.watching import watched

PATIENCE = timedelta(seconds=5)
"""How long all tables together may take; what is not reached by then says nothing."""


@explained
def strangers(
    conn: Connection[TupleRow], settings: Settings, manifest: Mapping[str, Any] | None
) -> dict[str, list[str]]:
    """tenant id as the tables write it → the assets that hold rows of it, of every table that a column dates.

    ``conn`` is in autocommit. Without tenants nobody is a stranger. Raises CouldNotLookError.
    """
    known = {str(tenant.id) for tenant in tenants.read(conn)}
    tables = [table for table in _tables(settings, manifest) if table.tenant_column]
    if not known or not tables:
        return {}
    try:
        _, readings = read_watermarks(conn.cursor(), [table.request for table in tables], timeout=PATIENCE)
    finally:
        conn.rollback()
    found: dict[str, list[str]] = {}
    for table, reading in zip(tables, readings, strict=True):
        for mark in reading.watermarks if reading.tenanted else ():
            if mark.tenant and mark.tenant not in known:
                found.setdefault(mark.tenant, []).append(table.asset)
    return found


def _tables(settings: Settings, manifest: Mapping[str, Any] | None) -> tuple[ClockedTable, ...]:
    streams = (table for source in settings.sources.values() for table in stream_tables(source))
    return (*streams, *watched(settings, manifest))
