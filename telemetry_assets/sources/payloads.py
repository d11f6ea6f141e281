"""The payload rows of a snapshot's relation, as the warehouse holds them.

What belongs here: reading (tenant, payload) from any relation a project names. What does not: judging or publishing
them (``contracts/``, ``publishing.py``).
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError, CouldNotLookError, FailingError

PAYLOAD = "payload"
"""The column of the relation that holds the document."""


def read_payloads(
    conn: Connection[TupleRow], relation: str, tenant_column: str, tenant_ids: Sequence[UUID] | None
) -> Iterator[tuple[UUID, Any]]:
    """(tenant id, payload) of the wanted tenants, or with None of all, in the order of the ids.

    ``relation`` is ``name`` or ``schema.name``. Raises ConfigError where relation or column is not as named,
    FailingError where a tenant has two rows, CouldNotLookError where the database does not answer.
    """
    seen: set[UUID] = set()
    for tenant_id, payload in _rows(conn, relation, tenant_column, tenant_ids):
        if tenant_id in seen:
            raise FailingError(
                f"{relation} has more than one row for tenant {tenant_id}.",
                "A snapshot's relation has one row per tenant.",
            )
        seen.add(tenant_id)
        yield tenant_id, payload


def _rows(
    conn: Connection[TupleRow], relation: str, tenant_column: str, tenant_ids: Sequence[UUID] | None
) -> Iterator[tuple[UUID, Any]]:
    tenant = sql.Identifier(tenant_column)
    query = sql.SQL(
        "select {tenant}::uuid, {payload}::jsonb from {relation}"
        " where {tenant} is not null and (%(all)s or {tenant}::uuid = any(%(wanted)s)) order by 1"
    ).format(tenant=tenant, payload=sql.Identifier(PAYLOAD), relation=sql.Identifier(*relation.split(".")))
    try:
        yield from conn.execute(query, {"all": tenant_ids is None, "wanted": list(tenant_ids or ())})
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        raise ConfigError(
            f"{relation} does not exist.", "Build it (`telemetry refresh build`) or name another."
        ) from None
    except (errors.UndefinedColumn, errors.InvalidTextRepresentation, errors.CannotCoerce) as error:
        raise ConfigError(
            f"{relation} cannot be read as ({tenant_column} uuid, {PAYLOAD} jsonb): {error.diag.message_primary}."
        ) from None
    except psycopg.OperationalError:
        raise CouldNotLookError(f"The database did not answer while {relation} was read.") from None
