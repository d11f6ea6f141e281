"""One raw table and its staging table: created, widened, filled by COPY, upserted by key.

What belongs here: the SQL of ``raw_<source>.<stream>``. What does not: when to commit (``loader.py``) and which values
a column takes (``raw_columns.py``).

A stream that is read in full is upserted too: rows deleted at the source stay. A stream without a key is appended.
"""

import csv
import io
import os
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg import errors, sql
from psycopg.rows import TupleRow

from telemetry_assets.errors import FailingError
from telemetry_assets.local import raw_columns
from telemetry_assets.local.protocol import CatalogStream
from telemetry_assets.local.raw_columns import ColumnType, TypeChanged

_OURS = {"tenant_id": "uuid", "_airbyte_raw_id": "uuid", "_airbyte_extracted_at": str(ColumnType.TIMESTAMPTZ)}
_BAD_VALUE = re.compile(r'^COPY .*, column (.+?): "(.*)"$', re.MULTILINE | re.DOTALL)


class RawTable:
    """A stream's table for one tenant (None: data without tenants, whose key has no tenant column)."""

    def __init__(
        self, conn: psycopg.Connection[TupleRow], schema: str, stream: CatalogStream, tenant_id: UUID | None
    ) -> None:
        """``conn`` is in autocommit mode. Creates or widens the table. Raises FailingError where that cannot be."""
        self.name = f"{schema}.{stream.name}"
        self.staged = 0
        self._conn = conn
        self._tenant_id = tenant_id
        self._table = sql.Identifier(schema, stream.name)
        self._staging = sql.Identifier("pg_temp", stream.name)
        self._stream_key = stream.key
        self._key = (("tenant_id",) if tenant_id else ()) + stream.key if stream.key else ()
        self._columns = {
            name: raw_columns.column_type(prop) for name, prop in (stream.json_schema.get("properties") or {}).items()
        }
        raw_columns.check_names(stream.name, self._columns)
        with self._locked():
            self._create_or_widen(schema, stream.name)
        self._create_staging()

    def stage(self, records: Sequence[Mapping[str, Any]]) -> None:
        """COPY a batch of RECORD bodies into the staging table, in their order. Raises TypeChanged."""
        rows = [record["data"] for record in records]
        self._admit_new_fields(rows)
        columns = [
            raw_columns.encode(self.name, name, kind, [row.get(name) for row in rows])
            for name, kind in self._columns.items()
        ]
        columns += [_random_ids(len(records)), [record["emitted_at"] for record in records]]
        text, null = _csv(list(zip(*columns, strict=True)))
        names = sql.SQL(",").join(map(sql.Identifier, (*self._columns, "_airbyte_raw_id", "_airbyte_emitted_at")))
        statement = sql.SQL("copy {} ({}) from stdin (format csv, null {})").format(
            self._staging, names, sql.Literal(null)
        )
        with self._worded(), self._conn.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(text)
        self.staged += len(records)

    def merge(self) -> int:
        """Upsert what is staged, the last record of a key winning, and empty the staging table; records merged."""
        names = tuple(self._columns)
        chosen = self._identifiers(*names)
        statement = sql.SQL(
            "insert into {table} ({columns} tenant_id, _airbyte_raw_id, _airbyte_extracted_at) "
            "select {distinct} {columns} {tenant}::uuid, _airbyte_raw_id, to_timestamp(_airbyte_emitted_at / 1000.0) "
            "from {staging} {order} {conflict}"
        ).format(
            table=self._table,
            staging=self._staging,
            columns=chosen,
            tenant=sql.Literal(str(self._tenant_id) if self._tenant_id else None),
            **self._upsert(names),
        )
        with self._worded():
            self._conn.execute(statement)
            self._conn.execute(sql.SQL("truncate {}").format(self._staging))
        merged, self.staged = self.staged, 0
        return merged

    def _upsert(self, names: Sequence[str]) -> dict[str, sql.Composable]:
        if not self._key:
            return {"distinct": sql.SQL(""), "order": sql.SQL("order by ctid"), "conflict": sql.SQL("")}
        stream_key = sql.SQL(",").join(map(sql.Identifier, self._stream_key))
        changed = (*(name for name in names if name not in self._key), "_airbyte_raw_id", "_airbyte_extracted_at")
        return {
            "distinct": sql.SQL("distinct on ({})").format(stream_key),
            "order": sql.SQL("order by {}, ctid desc").format(stream_key),
            "conflict": sql.SQL("on conflict ({}) do update set {}").format(
                sql.SQL(",").join(map(sql.Identifier, self._key)),
                sql.SQL(",").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in changed),
            ),
        }

    def _admit_new_fields(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for name in sorted(set[str]().union(*rows) - self._columns.keys()):
            kind = raw_columns.type_of_values(row.get(name) for row in rows)
            if kind is None:
                continue
            raw_columns.check_names(self.name, (name,))
            with self._locked():
                self._add_column(name, kind)
            # Another tenant's sync may have added it first, with a type of its own.
            found = self._existing()[name]
            if found not in set(ColumnType):
                raise FailingError(f"Stream {self.name}: column {name} is {found}, a type we do not load into.")
            self._columns[name] = ColumnType(found)
            self._alter(self._staging, name, found)

    def _create_or_widen(self, schema: str, stream: str) -> None:
        self._conn.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        existing = self._existing()
        if not existing:
            self._create()
            return
        if missing := _OURS.keys() - existing.keys():
            raise FailingError(
                f"Table {self.name} is not ours: it has no column {', '.join(sorted(missing))}.", "Move it away."
            )
        for name, kind in self._columns.items():
            if name not in existing:
                self._add_column(name, kind)
            elif existing[name] != kind:
                raise FailingError(
                    f"Stream {self.name}: column {name} is {existing[name]} and the connector now declares {kind}.",
                    "No row was read. Rename or drop the old column, or declare the old type in the connector.",
                )
        self._check_key()

    def _create(self) -> None:
        ours = {**_OURS, "_airbyte_raw_id": "uuid not null", "_airbyte_extracted_at": "timestamptz not null"}
        columns = [_definition(name, kind) for name, kind in ours.items()]
        columns[1:1] = self._definitions()
        if self._key:
            if absent := set(self._stream_key) - self._columns.keys():
                raise FailingError(f"Stream {self.name}: its key column {min(absent)} is not in its schema.")
            keys = sql.SQL(",").join(map(sql.Identifier, self._key))
            columns.append(sql.SQL("primary key ({})").format(keys))
        with self._worded():
            self._conn.execute(sql.SQL("create table {} ({})").format(self._table, sql.SQL(",").join(columns)))

    def _create_staging(self) -> None:
        ours = [_definition("_airbyte_raw_id", "uuid"), _definition("_airbyte_emitted_at", "float8 not null")]
        columns = sql.SQL(",").join([*self._definitions(), *ours])
        self._conn.execute(sql.SQL("create table {} ({})").format(self._staging, columns))

    def _check_key(self) -> None:
        found = self._conn.execute(
            "select a.attname from pg_index i, unnest(i.indkey) with ordinality k(n, place), pg_attribute a "
            "where i.indrelid = %s::regclass and i.indisprimary and a.attrelid = i.indrelid and a.attnum = k.n "
            "order by k.place",
            [self._table.as_string(self._conn)],
        ).fetchall()
        key = tuple(str(name) for (name,) in found)
        if key != self._key:
            raise FailingError(
                f"Stream {self.name}: its table's key is ({', '.join(key)}), its records' ({', '.join(self._key)}).",
                "Drop the table to have it built anew.",
            )

    def _add_column(self, name: str, kind: str) -> None:
        if name not in self._existing():
            self._alter(self._table, name, kind)

    def _alter(self, table: sql.Identifier, name: str, kind: str) -> None:
        with self._worded():
            self._conn.execute(sql.SQL("alter table {} add column {}").format(table, _definition(name, kind)))

    def _existing(self) -> dict[str, str]:
        rows = self._conn.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute "
            "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
            [self._table.as_string(self._conn)],
        )
        return {str(name): str(kind) for name, kind in rows}

    def _definitions(self) -> list[sql.Composable]:
        return [_definition(name, kind) for name, kind in self._columns.items()]

    def _identifiers(self, *names: str) -> sql.Composable:
        return sql.Composed([sql.SQL("{}, ").format(sql.Identifier(name)) for name in names])

    @contextmanager
    def _locked(self) -> Generator[None]:
        """One shaper of a table at a time: the connections of a source share it."""
        with self._conn.transaction():
            self._conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"raw:{self.name}"])
            yield

    @contextmanager
    def _worded(self) -> Generator[None]:
        """PostgreSQL's refusal of a value or a name, in our words; a lost server passes as it is."""
        try:
            yield
        except (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded, errors.ProgrammingError) as error:
            found = _BAD_VALUE.search(error.diag.context or "")
            if found and found[1] in self._columns:
                raise TypeChanged(self.name, found[1], self._columns[found[1]], found[2]) from None
            reason = error.diag.message_primary or str(error)
            raise FailingError(f"Stream {self.name}: PostgreSQL refuses its rows: {reason}.") from None


def _csv(rows: Sequence[tuple[Any, ...]]) -> tuple[bytes, str]:
    """Rows as CSV, and how a null is written there.

    A row's JSON without its brackets is CSV as long as no string needs a backslash, and is made three times faster.
    """
    with suppress(TypeError):  # an integer beyond 64 bits
        text = b"\n".join([orjson.dumps(row)[1:-1] for row in rows])
        if b"\\" not in text:
            return text, "null"
    careful = io.StringIO(newline="")
    csv.writer(careful, quoting=csv.QUOTE_STRINGS, lineterminator="\n").writerows(rows)
    return careful.getvalue().replace("\0", "").encode("utf-8", "replace"), ""


def _random_ids(count: int) -> list[str]:
    """Version 4 UUIDs from one read of the system's randomness: gen_random_uuid() costs as much as the whole upsert."""
    digits = os.urandom(16 * count).hex()
    parts = (digits[start : start + 32] for start in range(0, 32 * count, 32))
    return [f"{part[:12]}4{part[13:16]}a{part[17:]}" for part in parts]


def _definition(name: str, kind: str) -> sql.Composable:
    return sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))  # pyright: ignore[reportArgumentType]
