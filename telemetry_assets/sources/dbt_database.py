"""One look at the database of a dbt project: connect, ask once, disconnect.

What belongs here: the connection of a command that has no settings of ours, and wording its failures without a secret.
What does not: the question (``tables.py``), and our own ledger (``ledger/connection.py``).
"""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from telemetry_assets.errors import ConfigError, CouldNotLookError
from telemetry_assets.sources.dbt_profile import DatabaseAddress
from telemetry_assets.sources.tables import Cursor, Problem, TableReading, TableRequest, literal, read_watermarks

_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+://")


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a database: where, when, and a reading per request.

    ``columns`` is set where tables were there and none had the tenant column: what they do have, commonest first.
    """

    place: str
    looked_at: datetime
    readings: tuple[TableReading, ...]
    columns: tuple[str, ...] | None = None


def look(
    address: DatabaseAddress,
    requests: Sequence[TableRequest],
    *,
    now: datetime | None = None,
    timeout: timedelta = timedelta(minutes=5),
) -> Look:
    """Connect, ask once, disconnect. Raises CouldNotLookError or ConfigError, neither with a password in it."""
    # psycopg 2 loads in a third of psycopg 3's time, which is half of this whole command.
    import psycopg2

    with _connected(address) as connection:
        cursor = connection.cursor()
        try:
            looked_at, readings = read_watermarks(
                cursor, requests, now=now, timeout=timeout, role=address.role, search_path=address.search_path
            )
            there = [one for one, reading in zip(requests, readings, strict=True) if _asked_by_tenant(one, reading)]
            blind = bool(there) and not any(reading.tenanted for reading in readings)
            columns = _shared_columns(cursor, there) if blind else None
        except psycopg2.Error as error:
            raise CouldNotLookError(f"The database ({address.origin}) did not answer: {_words(error)}") from None
        info = connection.info
        where = info.host if info.host and not info.host.startswith("/") else "local socket"
        port = f":{info.port}" if where != "local socket" else ""
        return Look(f"{info.dbname} on {where}{port}", looked_at, readings, columns)


def _asked_by_tenant(request: TableRequest, reading: TableReading) -> bool:
    return request.query is None and reading.problem is not Problem.NO_TABLE


def _shared_columns(cursor: Cursor, requests: Sequence[TableRequest]) -> tuple[str, ...]:
    """The columns most of the tables have, at most eight."""
    names = ", ".join(f"({literal(request.schema)}, {literal(request.name)})" for request in requests)
    cursor.execute(
        "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace s ON s.oid = c.relnamespace"
        f" WHERE a.attnum > 0 AND NOT a.attisdropped AND (s.nspname, c.relname) IN ({names})"
        " GROUP BY a.attname ORDER BY count(*) DESC, min(a.attnum) LIMIT 8"
    )
    return tuple(str(row[0]) for row in cursor.fetchall())


@contextmanager
def _connected(address: DatabaseAddress) -> Generator[Any]:
    import psycopg2
    from psycopg2.extensions import make_dsn, parse_dsn

    parameters = dict(address.parameters)
    try:
        if address.url:
            parameters = {**parse_dsn(_DRIVER.sub(r"\1://", address.url.strip()))}
            parameters.setdefault("connect_timeout", "10")
        connection = psycopg2.connect(make_dsn(**{**parameters, "application_name": "telemetry scan"}))
    except psycopg2.OperationalError as error:
        words = _words(error).replace(parameters.get("password") or "\0", "***")
        raise CouldNotLookError(
            f"The database ({address.origin}) cannot be reached: {words}.", "Check host, port, user and password."
        ) from None
    except psycopg2.ProgrammingError:
        # libpq's own words would quote the URL, and the password in it.
        raise ConfigError(
            f"The database URL ({address.origin}) is not one that PostgreSQL understands.",
            "Write postgresql://user:password@host:5432/database",
        ) from None
    try:
        connection.autocommit = True
        yield connection
    finally:
        connection.close()


def _words(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
