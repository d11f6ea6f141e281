"""The rows of a table as JSON documents, in batches: a million of them need the memory of one batch.

What belongs here: which table an asset is, reading its rows with whose they are. What does not: judging them
(``contracts/``), the check that says what came of it (``defs/row_checks.py``).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import psycopg
from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.settings import Settings
from telemetry_assets.sources.dbt_manifest import Manifest, asset_keys, tenant_column_of

BATCH = 5_000
"""So many rows are fetched, parsed and held at a time."""
LONGEST_READ = timedelta(minutes=10)
"""How long one table may take."""


@dataclass(frozen=True, slots=True)
class RowTable:
    """The table of an asset. ``tenant_columns`` are where a row may say whose it is: the first that is there counts."""

    asset: str
    schema: str
    name: str
    tenant_columns: tuple[str, ...]

    @property
    def place(self) -> str:
        """The table as people write it."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a JSON document. ``tenant`` is the text of its tenant column, ``*`` without one."""

    tenant: str
    document: Any


def row_tables(settings: Settings, manifest: Manifest | None) -> Mapping[str, RowTable]:
    """asset key → its table: streams, watched tables, and what dbt builds or reads."""
    column = settings.tenants.column
    found: dict[str, RowTable] = {}
    for unique_id, key in asset_keys(manifest or {"nodes": {}}).items():
        held = manifest or {}
        node = held["nodes"].get(unique_id) or held["sources"][unique_id]
        name = node.get("alias") or node.get("identifier") or node["name"]
        own = tenant_column_of(node, column)
        found[key] = RowTable(key, node["schema"], name, (own,) if own else ((column,) if column else ()))
    for tables in settings.tables.values():
        for table in tables.tables:
            columns = (table.tenant_column,) if table.tenant_column else ()
            found[table.asset_key] = RowTable(table.asset_key, table.schema, table.name, columns)
    for source in settings.sources.values():
        for key, stream in zip(source.asset_keys, source.streams, strict=True):
            found[key] = RowTable(key, f"raw_{source.name}", stream.name, (column,) if column else ())
    return found


def read_rows(conn: Connection[TupleRow], table: RowTable, *, batch: int = BATCH) -> Iterator[list[Row]]:
    """The rows of a table, ``batch`` at a time, all as of one instant; times are UTC, figures exact as JSON has them.

    ``conn`` is in autocommit. Raises CouldNotLookError where the table is not there, may not be read, is held by
    somebody else, takes longer than :data:`LONGEST_READ`, or the database does not answer.
    """
    try:
        yield from _read(conn, table, batch)
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        raise CouldNotLookError(f"{table.place} does not exist.", "Sync or build it first.") from None
    except errors.InsufficientPrivilege:
        raise CouldNotLookError(f"{table.place} may not be read.", "Grant SELECT on it to our user.") from None
    except errors.LockNotAvailable:
        raise CouldNotLookError(f"{table.place} is locked by somebody else.", "Try again later.") from None
    except errors.QueryCanceled:
        seconds = f"{LONGEST_READ.total_seconds():g} s"
        raise CouldNotLookError(
            f"{table.place} was not read within {seconds}.", "Try again on a quieter database."
        ) from None
    except psycopg.Error as error:
        said = (error.diag.message_primary or str(error)).strip()
        raise CouldNotLookError(f"{table.place} could not be read: {said}.", "Try again once it can be.") from None


def _read(conn: Connection[TupleRow], table: RowTable, batch: int) -> Iterator[list[Row]]:
    relation = sql.Identifier(table.schema, table.name)
    with conn.transaction():
        conn.execute("set transaction read only")
        conn.execute(sql.SQL("set local statement_timeout = {}").format(int(LONGEST_READ.total_seconds() * 1000)))
        conn.execute("set local lock_timeout = 3000")
        conn.execute("set local timezone = 'UTC'")
        columns = [
            column.name
            for column in conn.execute(sql.SQL("select * from {} limit 0").format(relation)).description or ()
        ]
        mine = next((column for column in table.tenant_columns if column in columns), None)
        whose = sql.SQL("{}::text").format(sql.Identifier("one", mine)) if mine else sql.Literal(ANY_TENANT)
        query = sql.SQL("select coalesce({whose}, '*'), row_to_json(one)::text from {relation} as one").format(
            whose=whose, relation=relation
        )
        with conn.cursor("telemetry_rows") as cursor:
            cursor.execute(query)
            while fetched := cursor.fetchmany(batch):
                documents = _parsed([text for _, text in fetched], table)
                yield [Row(tenant, document) for (tenant, _), document in zip(fetched, documents, strict=True)]


def _parsed(texts: list[str], table: RowTable) -> list[Any]:
    """All of a batch at once; one by one, slower, where a number is longer than orjson's or a row deeper."""
    try:
        return orjson.loads(f"[{','.join(texts)}]")
    except orjson.JSONDecodeError:
        try:
            return [json.loads(text) for text in texts]
        except (ValueError, RecursionError):
            raise CouldNotLookError(
                f"{table.place} holds a row that cannot be read: too deep, or a number too long."
            ) from None
