"""The tenants as declared: inline in telemetry.yaml, or read from the user's own table."""

from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError
from telemetry_assets.model import Tenant
from telemetry_assets.settings import Settings


def declared_tenants(conn: Connection[TupleRow], settings: Settings) -> tuple[Tenant, ...]:
    """Every tenant, in the order of the file or by slug. Raises ConfigError where the table is not as declared."""
    declared = settings.tenants
    if declared.inline is not None:
        return declared.inline
    if declared.table is None:
        return ()
    timezone = sql.Identifier(declared.timezone_column) if declared.timezone_column else sql.Literal("UTC")
    query = sql.SQL("select {slug}::text, {id}::uuid, {name}::text, {timezone}::text from {table} order by 1").format(
        slug=sql.Identifier(declared.slug_column),
        id=sql.Identifier(declared.id_column),
        name=sql.Identifier(declared.name_column),
        timezone=timezone,
        table=sql.Identifier(*declared.table.split(".")),
    )
    try:
        rows = conn.execute(query).fetchall()
    except psycopg.Error as error:
        said = str(error).splitlines()[0]
        raise ConfigError(
            f"tenants.table {declared.table} cannot be read as declared: {said}", "Mend tenants: in telemetry.yaml."
        ) from None
    return tuple(Tenant(slug=row[0], id=UUID(str(row[1])), name=row[2], timezone=row[3]) for row in rows)
