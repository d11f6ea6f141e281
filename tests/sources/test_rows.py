"""Rows as JSON documents: batch by batch, each with whose it is, and a table that cannot be read is said."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger.connection import connect
from telemetry_assets.sources.rows import Row, RowTable, read_rows

ODD = RowTable("odd/table", 'o"dd', "Ta ble", ("whose", "tenant_id"))
MADE = """
create schema "o""dd";
create table "o""dd"."Ta ble"
    (tenant_id uuid, at timestamptz, day date, figure numeric, odd float8, held jsonb, "a ""b" text);
insert into "o""dd"."Ta ble"
    select case when i < 5 then '11111111-2222-3333-4444-555555555555'::uuid end,
        '2026-06-01 07:00-05', '2026-06-01', 1.50, 'NaN', '{"a": [1, null]}', 'é"' from generate_series(1, 7) i;
"""


@pytest.fixture(scope="module")
def rows_url(postgres_url: str) -> Iterator[str]:
    """A database of its own, without our tables."""
    name = "rows_of_tables"
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"create database {name}".encode())
    url = make_conninfo(postgres_url, dbname=name)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(MADE.encode())
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def conn(rows_url: str) -> Iterator[Connection[TupleRow]]:
    with connect(rows_url) as opened:
        yield opened


def read(conn: Connection[TupleRow], table: RowTable, batch: int = 3) -> list[list[Row]]:
    return list(read_rows(conn, table, batch=batch))


def test_rows_come_in_batches_with_the_tenant_of_the_first_column_that_is_there(conn: Connection[TupleRow]) -> None:
    batches = read(conn, ODD)
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [row.tenant for batch in batches for row in batch] == ["11111111-2222-3333-4444-555555555555"] * 4 + [
        "*"
    ] * 3


def test_a_row_is_the_json_of_its_columns_in_utc_and_no_figure_of_it_is_nan(conn: Connection[TupleRow]) -> None:
    document = read(conn, ODD)[0][0].document
    assert document == {
        "tenant_id": "11111111-2222-3333-4444-555555555555",
        "at": "2026-06-01T12:00:00+00:00",
        "day": "2026-06-01",
        "figure": 1.5,
        "odd": "NaN",
        "held": {"a": [1, None]},
        'a "b': 'é"',
    }


def test_a_table_without_a_tenant_column_is_nobodys(conn: Connection[TupleRow]) -> None:
    nobodys = RowTable("a/b", ODD.schema, ODD.name, ("nowhere",))
    assert {row.tenant for batch in read(conn, nobodys) for row in batch} == {"*"}


def test_numbers_beyond_a_parsers_own_are_read_one_by_one(conn: Connection[TupleRow]) -> None:
    conn.execute("create table huge as select (10::numeric ^ 400) as figure")
    try:
        (batch,) = read(conn, RowTable("a/b", "public", "huge", ()))
        assert batch[0].document == {"figure": 10**400}
    finally:
        conn.execute("drop table huge")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (RowTable("a/b", "nowhere", "b", ()), "nowhere.b does not exist. Sync or build it first."),
        (RowTable("a/b", ODD.schema, "nowhere", ()), 'o"dd.nowhere does not exist. Sync or build it first.'),
    ],
)
def test_a_table_that_is_not_there_could_not_be_looked_at(
    conn: Connection[TupleRow], table: RowTable, said: str
) -> None:
    with pytest.raises(CouldNotLookError) as missed:
        read(conn, table)
    assert str(missed.value) == said
    assert read(conn, ODD), "the connection is as usable as before"


def test_a_table_that_may_not_be_read_is_said(conn: Connection[TupleRow], rows_url: str) -> None:
    conn.execute('create role nobody_of_rows login; grant usage on schema "o""dd" to nobody_of_rows')
    try:
        with connect(rows_url) as other:
            other.execute("set role nobody_of_rows")
            with pytest.raises(CouldNotLookError, match=r"may not be read"):
                read(other, ODD)
    finally:
        conn.execute("drop owned by nobody_of_rows; drop role nobody_of_rows")


def test_a_view_that_fails_while_it_is_read_is_said_in_the_databases_words(conn: Connection[TupleRow]) -> None:
    conn.execute("create view failing as select 1 / (i - 5) as figure from generate_series(1, 9) i")
    seen: list[Any] = []
    with pytest.raises(CouldNotLookError, match=r"public\.failing could not be read: division by zero\."):
        seen.extend(read_rows(conn, RowTable("a/b", "public", "failing", ()), batch=2))
    conn.execute("drop view failing")
