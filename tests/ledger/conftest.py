"""An open ledger as the product opens it, and a database that has no ledger yet."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import connect

_NUMBERS = count(1)


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """Our own connection to this test's ledger."""
    with connect(database) as connection:
        yield connection


@pytest.fixture(scope="session")
def _scratch_database(postgres_url: str, _template: str) -> Iterator[str]:
    with connect(postgres_url) as server:
        server.execute(f"create database scratch template {_template}".encode())
        yield make_conninfo(postgres_url, dbname="scratch")
        server.execute("drop database scratch with (force)")


@pytest.fixture
def scratch(_scratch_database: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """Our own connection to an empty ledger, in a transaction that is undone: for what no other session must see."""
    with connect(_scratch_database) as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """The DSN of a database without any table of ours."""
    name = f"bare_{next(_NUMBERS)}"
    with connect(postgres_url) as server:
        server.execute(f"create database {name}".encode())
        yield make_conninfo(postgres_url, dbname=name)
        server.execute(f"drop database {name} with (force)".encode())
