"""Column clocks: what the newest rows of tables say of each of our tenants, and in words why a table says nothing.

What belongs here: one look at any number of tables, by tenant's slug. What does not: the question in SQL
(``tables.py``), which tables are looked at (``watching.py``, ``syncing.py``, ``dbt_outside.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.model import ANY_TENANT, Look, Tenant
from telemetry_assets.sources.days import LAST, calendar
from telemetry_assets.sources.tables import (
    AHEAD,
    Problem,
    TableReading,
    TableRequest,
    Watermark,
    quoted,
    read_watermarks,
)

LONGEST_LOOK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ClockedTable:
    """An asset that a column of a table dates. ``tenant_column`` None: its rows have no tenants, one subject ``*``.

    ``column`` is a name exactly as it is written, or with ``is_sql`` what dbt takes: any SQL that yields a time.
    """

    asset: str
    schema: str
    name: str
    column: str
    tenant_column: str | None
    is_sql: bool = False

    @property
    def request(self) -> TableRequest:
        """What to ask of the table."""
        column = self.column if self.is_sql else quoted(self.column)
        return TableRequest(self.schema, self.name, column, self.tenant_column or "")


@dataclass(frozen=True, slots=True)
class TableSeen:
    """What one look at a table said: tenant's slug → data time, or ``error``: why it says nothing, and the way out.

    ``note`` says in words which values were left out because they lie in the future.
    """

    asset: str
    looked_at: datetime
    data_times: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    error: str = ""
    note: str = ""

    @property
    def look(self) -> Look:
        """The look as the ledger keeps it."""
        return Look(self.asset, self.looked_at, self.error, self.note)


@explained
def look_at(
    conn: Connection[TupleRow],
    tables: Sequence[ClockedTable],
    tenants: Sequence[Tenant],
    at: datetime,
    *,
    slack: timedelta = AHEAD,
    timeout: timedelta = LONGEST_LOOK,
) -> tuple[TableSeen, ...]:
    """One look at all the tables as of ``at``, in their order and in one round trip; ``conn`` is in autocommit.

    Values later than ``at`` + ``slack`` count only where a tenant has no other. Rows of nobody, or of a tenant that is
    not ours, say nothing. Without tenants every table is read whole. Raises CouldNotLookError where the database does
    not answer.
    """
    if not tables:
        return ()
    if not tenants:
        tables = [replace(table, tenant_column=None) for table in tables]
    slugs = {str(tenant.id): tenant.slug for tenant in tenants}
    days = calendar(tenants, at, slack)
    try:
        requests = [table.request for table in tables]
        _, readings = read_watermarks(conn.cursor(), requests, calendar=days, timeout=timeout)
    finally:
        conn.rollback()
    return tuple(_seen(table, reading, slugs, at) for table, reading in zip(tables, readings, strict=True))


def _seen(table: ClockedTable, reading: TableReading, slugs: Mapping[str, str], at: datetime) -> TableSeen:
    error = _error(table, reading)
    if error:
        return TableSeen(table.asset, at, error=error)
    marks = [
        (slug, mark)
        for mark in reading.watermarks
        if (slug := slugs.get(mark.tenant or "") if table.tenant_column else ANY_TENANT)
    ]
    times = {slug: data_time for slug, mark in marks if (data_time := _data_time(mark)) is not None}
    return TableSeen(table.asset, at, times, note=_note(table, [(slug, mark) for slug, mark in marks if mark.ahead]))


def _data_time(mark: Watermark) -> datetime | None:
    """The newest value that can be; a value yet to come only where there is no other: it is no absence."""
    return mark.data_time or mark.newest or (LAST if mark.ahead else None)


def _error(table: ClockedTable, reading: TableReading) -> str:
    place = f"{table.schema}.{table.name}"
    column, said = " ".join(table.column.split()), " ".join(reading.detail.split())
    match reading.problem:
        case None if table.tenant_column and not reading.tenanted:
            return f"{place} has no column {table.tenant_column} that says whose its rows are; name the one that does"
        case None:
            return ""
        case Problem.NO_TABLE:
            return f"{place} is not there; load it, or correct its name where it is declared"
        case Problem.NO_COLUMN:
            return f"{place} has no column {column}; name one of its columns as its clock"
        case Problem.NOT_A_TIME:
            return f"{column} of {place} is {said}, which is no time; name a timestamp or a date as its clock"
        case Problem.NOT_ALLOWED:
            return f"{place} may not be read ({said}); grant SELECT on it to the user of DATABASE_URL"
        case Problem.LOCKED:
            return f"{place} is locked by somebody else; it is read again at the next look"
        case Problem.TIMED_OUT:
            return f"{place} was not reached in time; an index on (tenant, {column}) makes it quick"
        case Problem.BROKEN_SQL:
            return f"PostgreSQL refuses to read {column} of {place} ({said}); correct its clock"


def _note(table: ClockedTable, ahead: Sequence[tuple[str, Watermark]]) -> str:
    if not ahead:
        return ""
    newest = max((mark.newest for _, mark in ahead if mark.newest is not None and not mark.beyond), default=LAST)
    until = "of no real year" if newest.year >= LAST.year else f"up to {newest:%Y-%m-%d %H:%M} UTC"
    slugs = sorted(slug for slug, _ in ahead)
    whose = ", ".join(slugs[:3]) + (f" and {len(slugs) - 3} more" if len(slugs) > 3 else "")
    of_whom = "" if slugs == [ANY_TENANT] else f" of {whose}"
    return f"rows{of_whom} in {table.schema}.{table.name} say times yet to come, {until}: a clock or a zone is wrong"
