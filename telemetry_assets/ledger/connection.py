"""How we reach our PostgreSQL: one way to connect, and one way to say that it could not be reached.

What belongs here: opening a connection, wording the driver's errors. What does not: statements on our tables.
"""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import wraps
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError, CouldNotLookError
from telemetry_assets.ledger.values import BoundedTimestamptz

CONNECT_SECONDS = 10
"""How long an unreachable server may keep a command waiting, unless the DSN says ``connect_timeout``."""

_KEEPALIVE = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""A server that went away without a word is noticed within a minute; the system's own patience is two hours."""

LOST = (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout)
"""What the driver raises where the server, or the session, is gone."""

STOPPED = timedelta(seconds=60)
"""Whoever holds something that others wait for and says nothing for so long has been stopped: the server ends it."""

_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+://")


def connect(dsn: str, *, autocommit: bool = True) -> psycopg.Connection[TupleRow]:
    """An open connection whose session speaks UTC; any libpq URI or keyword string, ``postgresql+driver://`` too.

    Raises ConfigError where the DSN cannot be read, CouldNotLookError where the server cannot be reached. Neither
    message holds the password.
    """
    parameters = _parameters(dsn)
    try:
        patience = {"connect_timeout": str(CONNECT_SECONDS), **_KEEPALIVE}
        conn = psycopg.connect(make_conninfo(**{**patience, **parameters, "application_name": "telemetry"}))
        conn.autocommit = True
        conn.execute("set timezone to 'UTC'")
        conn.autocommit = autocommit
    except psycopg.OperationalError as error:
        raise _unreachable(parameters, error) from None
    conn.adapters.register_loader("timestamptz", BoundedTimestamptz)
    return conn


def place(dsn: str) -> str:
    """Where a DSN points, ``host:port/database`` without user and password, for messages."""
    return _place(_parameters(dsn))


def server_version(conn: psycopg.Connection[TupleRow]) -> str:
    """The server's version as people write it: ``18.4``."""
    number = conn.info.server_version
    return f"{number // 10000}.{number % 10000}"


def explained[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Wraps a function whose first argument is a connection, so that it raises our errors instead of the driver's.

    A lost server and a database without our tables both become CouldNotLookError, each with its way out.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (
            errors.InvalidSchemaName,
            errors.UndefinedTable,
            errors.UndefinedColumn,
            errors.UndefinedFunction,
        ) as error:
            raise CouldNotLookError(
                f"The database {_name(args)} has no ledger of this version ({_first_line(error)}).",
                "Run `telemetry prepare`.",
            ) from error
        except LOST as error:
            raise CouldNotLookError(
                f"The database {_name(args)} stopped answering: {_first_line(error)}.",
                "Check that the server is up, then try again.",
            ) from error

    return call


@contextmanager
def advisory_lock(conn: psycopg.Connection[TupleRow], name: str) -> Generator[None]:
    """Holds the lock ``name`` of this database; waits until whoever has it lets go or dies.

    The session holds it, not a transaction: a killed holder's is free at once. Raises CouldNotLookError.
    """
    _lock(conn, name)
    try:
        yield
    finally:
        with suppress(*LOST):  # a lost session has let go of it already
            conn.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (name,))


@contextmanager
def bounded_lock(
    conn: psycopg.Connection[TupleRow], name: str, patience: timedelta, stopped: timedelta = STOPPED
) -> Generator[None]:
    """:func:`advisory_lock` for short work: nobody waits longer than ``patience``, for it or for a row, and a holder
    that says nothing for ``stopped`` loses its session, so that a process that was stopped stops nobody else.

    Raises CouldNotLookError. ``conn`` is in autocommit.
    """
    end_when_stopped(conn, stopped)
    _bound(conn, patience, stopped)
    try:
        with advisory_lock(conn, name):
            yield
    finally:
        with suppress(*LOST):
            conn.execute("reset lock_timeout; reset idle_session_timeout")


@explained
def end_when_stopped(conn: psycopg.Connection[TupleRow], stopped: timedelta = STOPPED) -> None:
    """Have the server end this session where it says nothing for so long in a transaction, or takes no answer."""
    milliseconds = stopped // timedelta(milliseconds=1)
    conn.execute(
        f"set idle_in_transaction_session_timeout = {milliseconds}; set tcp_user_timeout = {milliseconds}".encode()
    )


@explained
def _bound(conn: psycopg.Connection[TupleRow], patience: timedelta, stopped: timedelta) -> None:
    tick = timedelta(milliseconds=1)
    conn.execute(f"set lock_timeout = {patience // tick}; set idle_session_timeout = {stopped // tick}".encode())


@explained
def _lock(conn: psycopg.Connection[TupleRow], name: str) -> None:
    try:
        conn.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (name,))
    except errors.LockNotAvailable as error:
        raise CouldNotLookError(
            f"Somebody else holds the lock {name} and does not let go of it.",
            "Try again. Where that lasts, a process that evaluates hangs: see `telemetry doctor` and pg_stat_activity.",
        ) from error


def _parameters(dsn: str) -> dict[str, str]:
    try:
        parsed = conninfo_to_dict(_DRIVER.sub(r"\1://", dsn.strip()))
    except (psycopg.ProgrammingError, UnicodeError):
        raise ConfigError("The database URL is not one that PostgreSQL understands.", _FORM) from None
    parameters = {name: str(value) for name, value in parsed.items()}
    # An unescaped @ or / cuts the password in two, and libpq would then quote its second half as host or database.
    misplaced = "@" in f"{parameters.get('host')}{parameters.get('dbname')}"
    if "://" in dsn and (misplaced or not re.fullmatch(r"[\d,]*", parameters.get("port", ""))):
        raise ConfigError(
            "The database URL cannot be taken apart: its user or password holds a bare @, / or :.",
            "Write them as %40, %2F and %3A.",
        )
    return parameters


_FORM = "Write postgresql://user:password@host:5432/database in DATABASE_URL."


def _place(parameters: dict[str, str]) -> str:
    host = parameters.get("host") or parameters.get("hostaddr") or "the local socket"
    return f"{host}:{parameters.get('port') or 5432}/{parameters.get('dbname') or parameters.get('user') or ''}"


def _unreachable(parameters: dict[str, str], error: psycopg.Error) -> CouldNotLookError:
    reason = _first_line(error)
    password = parameters.get("password")
    if password and len(password) > 3:
        reason = reason.replace(password, "***")
    return CouldNotLookError(
        f"The database {_place(parameters)} could not be reached: {reason}.",
        "Check DATABASE_URL and that the server is up (`telemetry doctor` tests it).",
    )


def _name(args: tuple[Any, ...]) -> str:
    if args and isinstance(args[0], psycopg.Connection):
        info = args[0].info
        try:
            return f"{info.host}:{info.port}/{info.dbname}"
        except psycopg.OperationalError:  # a closed connection no longer knows where it went
            return "connection"
    return "connection"


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
