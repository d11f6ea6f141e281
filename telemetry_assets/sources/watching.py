"""Tables that others fill: their newest row per tenant, as facts. We watch them, we do not build them.

What belongs here: which of a dbt project's source tables are watched, and what one look at them says. What does not:
the question in SQL (``tables.py``), the streams that our own syncs fill (``syncing.py``), judging (``freshness/``).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.ledger import tenants
from telemetry_assets.ledger.connection import explained
from telemetry_assets.model import ANY_TENANT, SubjectFact
from telemetry_assets.settings import Settings
from telemetry_assets.sources.dbt_manifest import WatchedTable, watched_tables
from telemetry_assets.sources.tables import TableReading, TableRequest, Watermark, read_watermarks

WATCHED = "watched"
"""Source and run id of what was seen in a table: no run of ours wrote it."""
_NEVER_RUN = datetime(1970, 1, 1, tzinfo=UTC)


@explained
def observe(
    conn: Connection[TupleRow], settings: Settings, manifest: Mapping[str, Any] | None, now: datetime
) -> tuple[SubjectFact, ...]:
    """What the dated source tables of the dbt project hold at ``now``: a fact per table and tenant that has rows.

    ``conn`` is in autocommit. A table that cannot be read, and a tenant that is not ours, has no fact: what was last
    seen of it grows old. Tables that our own sources load are left out. Raises CouldNotLookError.
    """
    ours = {key for source in settings.sources.values() for key in source.asset_keys}
    watched = [table for table in watched_tables(manifest or {}, settings.tenants.column) if table.key not in ours]
    asked = {table: request for table in watched if (request := _request(table))}
    if not asked:
        return ()
    slugs = {str(tenant.id): tenant.slug for tenant in tenants.read(conn)}
    try:
        _, readings = read_watermarks(conn.cursor(), list(asked.values()), now=now)
    finally:
        conn.rollback()
    found = zip(asked, readings, strict=True)
    return tuple(fact for table, reading in found for fact in _facts(table, reading, slugs))


def _request(table: WatchedTable) -> TableRequest | None:
    """What to ask of a table; None where nothing dates it."""
    if table.loaded_at is None:
        return None
    return TableRequest(table.schema, table.identifier, table.loaded_at, table.tenant_column or "")


def _facts(table: WatchedTable, reading: TableReading, slugs: Mapping[str, str]) -> Iterator[SubjectFact]:
    for mark in reading.watermarks:
        slug = slugs.get(mark.tenant or "") if table.tenant_column else ANY_TENANT
        data_time = mark.data_time or mark.newest
        if slug is not None and data_time is not None:
            yield SubjectFact(
                asset=table.key,
                tenant=slug,
                run_time=_run_time(mark),
                run_id=WATCHED,
                source=WATCHED,
                data_times={table.key: data_time},
            )


def _run_time(mark: Watermark) -> datetime:
    """When somebody last loaded it: its newest believable row. A row from the future never outranks a good one."""
    return mark.data_time or _NEVER_RUN
