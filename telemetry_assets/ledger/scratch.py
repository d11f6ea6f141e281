"""Ledgers for a moment: empty databases of their own on a server, each gone when it is let go.

What belongs here: making and dropping them. What does not: what is tried in one (``dispatch/scenarios.py``).
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import connect, explained
from telemetry_assets.ledger.schema import migrate

type Ledger = psycopg.Connection[TupleRow]


@contextmanager
def scratch_ledgers(dsn: str) -> Generator[Callable[[], AbstractContextManager[Ledger]]]:
    """Gives what opens an empty, migrated ledger on the server of ``dsn``, any number of times, one after the other.

    The role must be allowed to create databases. Raises CouldNotLookError.
    """
    template = f"telemetry_scratch_{uuid4().hex[:12]}"
    with connect(dsn) as server, _database(server, template):
        migrate(make_conninfo(dsn, dbname=template))

        @contextmanager
        def opened() -> Generator[Ledger]:
            name = f"{template}_copy"
            with _database(server, name, template), connect(make_conninfo(dsn, dbname=name)) as conn:
                yield conn

        yield opened


@contextmanager
def _database(server: Ledger, name: str, template: str = "template1") -> Generator[None]:
    _create(server, name, template)
    try:
        yield
    finally:
        server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@explained
def _create(server: Ledger, name: str, template: str) -> None:
    statement = sql.SQL("create database {} template {}")
    server.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
