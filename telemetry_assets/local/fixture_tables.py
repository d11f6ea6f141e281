"""Tables that others fill, filled from their fixtures: in the guard's own database alone.

What belongs here: the SQL that makes and fills them. What does not: the fixtures (``fixture_rows.py``), the tables that
syncs load (``raw_table.py``).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from telemetry_assets.errors import FailingError
from telemetry_assets.local.fixture_catalog import Row, inferred
from telemetry_assets.local.raw_columns import check_names, column_type
from telemetry_assets.model import ANY_TENANT, Tenant
from telemetry_assets.settings import TenantSettings

Conn = psycopg.Connection[TupleRow]


def table_exists(conn: Conn, schema: str, name: str) -> bool:
    """Whether a table or view of this name is there."""
    found = conn.execute("select to_regclass(format('%%I.%%I', %s::text, %s::text))", (schema, name)).fetchone()
    return found is not None and found[0] is not None


def fill(
    conn: Conn,
    table: tuple[str, str],
    tenant_column: str | None,
    tenants: Sequence[Tenant],
    rows: Mapping[str, Sequence[Row]],
) -> int:
    """Make ``table`` (schema, name) with the columns of its rows, and fill it; how many rows it holds.

    Each row has its tenant's id in ``tenant_column`` (a uuid, unless the row says it itself). Raises FailingError.
    """
    ids = {tenant.slug: str(tenant.id) for tenant in tenants}
    whole = [
        row if tenant_column is None or slug == ANY_TENANT else {tenant_column: ids[slug], **row}
        for slug, held in rows.items()
        for row in held
    ]
    columns = {name: str(column_type(schema)) for name, schema in inferred(whole).items()}
    if tenant_column and columns.setdefault(tenant_column, "uuid") == "text" and _are_ids(whole, tenant_column):
        columns[tenant_column] = "uuid"
    check_names(".".join(table), [])
    _make(conn, table, columns)
    try:
        _copy(conn, table, list(columns), whole)
    except psycopg.DataError as error:
        raise FailingError(f"The rows of {'.'.join(table)} cannot be loaded: {error.diag.message_primary}.") from None
    return len(whole)


def fill_tenants(conn: Conn, declared: TenantSettings, tenants: Sequence[Tenant]) -> None:
    """The table that ``tenants: {table: …}`` names, with the tenants of the fixtures."""
    if declared.table is None:
        return
    schema, _, name = declared.table.rpartition(".")
    columns = {declared.id_column: "uuid", declared.slug_column: "text", declared.name_column: "text"}
    if declared.timezone_column:
        columns[declared.timezone_column] = "text"
    table = (schema or "public", name)
    if table_exists(conn, *table):
        return
    _make(conn, table, columns)
    rows = [dict(zip(columns, (str(one.id), one.slug, one.name, one.timezone), strict=False)) for one in tenants]
    _copy(conn, table, list(columns), rows)


def _make(conn: Conn, table: tuple[str, str], columns: Mapping[str, str]) -> None:
    conn.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(table[0])))
    made = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))  # pyright: ignore[reportArgumentType]
        for name, kind in columns.items()
    ]
    conn.execute(sql.SQL("create table {} ({})").format(sql.Identifier(*table), sql.SQL(",").join(made)))


def _copy(conn: Conn, table: tuple[str, str], columns: Sequence[str], rows: Sequence[Row]) -> None:
    names = sql.SQL(",").join(map(sql.Identifier, columns))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(*table), names)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([_text(row.get(column)) for column in columns])


def _text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list | bool) else value


def _are_ids(rows: Sequence[Row], column: str) -> bool:
    try:
        return all(UUID(str(row[column])) for row in rows)
    except (ValueError, KeyError):
        return False
