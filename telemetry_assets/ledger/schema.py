"""The ledger's tables: bringing them to this version, and saying in one word whether they are.

What belongs here: revisions (``migrations/NNNN_name.sql``, plain SQL, applied in order, never edited once released).
What does not: rows. Alembic and SQLAlchemy are imported by :func:`migrate` alone, and only when there is work.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError, FailingError, TelemetryError
from telemetry_assets.ledger.connection import connect, explained, place

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, MigrationStep
    from sqlalchemy import Connection

REVISIONS = Path(__file__).parent / "migrations"
LOCK = 7_305_808_869_231_650_156
"""The advisory lock of whoever migrates: ``telemetry`` to PostgreSQL, one at a time per database."""
LOCK_SECONDS = 120


def revisions() -> tuple[Path, ...]:
    """The revision files in the order they apply; the first four characters of the name are the revision."""
    return tuple(sorted(REVISIONS.glob("[0-9][0-9][0-9][0-9]_*.sql")))


def head() -> str:
    """The revision this code needs."""
    return _number(revisions()[-1])


@explained
def revision(conn: psycopg.Connection[TupleRow]) -> str | None:
    """The revision of the ledger behind ``conn``, None where there is none."""
    found = conn.execute("select to_regclass('telemetry.alembic_version')").fetchone()
    if not found or found[0] is None:
        return None
    row = conn.execute("select version_num from telemetry.alembic_version").fetchone()
    return str(row[0]) if row else None


def is_current(conn: psycopg.Connection[TupleRow]) -> bool:
    """True where the ledger is exactly at this code's revision."""
    return revision(conn) == head()


def require_current(conn: psycopg.Connection[TupleRow]) -> None:
    """Raises CouldNotLookError where the ledger is missing, older or newer than this code; says what to do."""
    held = revision(conn)
    if held == head():
        return
    where = f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"
    if held is None:
        raise CouldNotLookError(f"The database {where} holds no ledger.", "Run `telemetry prepare`.")
    if held in map(_number, revisions()):
        raise CouldNotLookError(
            f"The ledger in {where} is at revision {held}, this version needs {head()}.", "Run `telemetry prepare`."
        )
    raise _newer(where, held)


def migrate(dsn: str) -> None:
    """Bring the ledger of ``dsn`` to this version: all revisions it lacks, in one transaction, under an advisory lock.

    Harmless to repeat and to run twice at once. Raises CouldNotLookError where the server cannot be reached or the
    ledger is newer than this code, FailingError with PostgreSQL's own words where a revision does not apply.
    """
    with connect(dsn) as conn:
        held = revision(conn)
        if held == head():
            return
        if held is not None and held not in map(_number, revisions()):
            raise _newer(place(dsn), held)
    _upgrade(dsn)


def _upgrade(dsn: str) -> None:
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import DBAPIError

    # Alembic needs SQLAlchemy; the connection is ours, so that any DSN libpq reads works here as well.
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: connect(dsn, autocommit=False), poolclass=NullPool
    ).execution_options(no_parameters=True)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"set local lock_timeout = '{LOCK_SECONDS}s'")
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({LOCK})")
            connection.exec_driver_sql("create schema if not exists telemetry")
            _apply(connection)
    except DBAPIError as error:
        raise _refused(dsn, error.orig) from error


def _apply(connection: "Connection") -> None:
    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script.base import Script
    from alembic.script.revision import RevisionMap

    def scripts() -> Iterator[Script]:
        previous = None
        for path in revisions():
            module = ModuleType(path.stem)
            upgrade = partial(connection.exec_driver_sql, path.read_text(encoding="utf-8"))
            module.__dict__.update(down_revision=previous, upgrade=upgrade)
            previous = _number(path)
            yield Script(module, previous, str(path))

    def missing(heads: tuple[str, ...], _: "MigrationContext") -> "Iterable[MigrationStep]":
        known = RevisionMap(scripts)
        newest_first = tuple(known.iterate_revisions("head", heads[0] if heads else "base"))
        return [MigrationStep.upgrade_from_script(known, script) for script in reversed(newest_first)]  # pyright: ignore[reportArgumentType]

    MigrationContext.configure(
        connection,
        opts={"fn": missing, "version_table": "alembic_version", "version_table_schema": "telemetry"},
    ).run_migrations()


def _number(path: Path) -> str:
    return path.name[:4]


def _newer(where: str, held: str) -> CouldNotLookError:
    return CouldNotLookError(
        f"The ledger in {where} is at revision {held}, this version knows up to {head()}:"
        " a newer telemetry-assets wrote it.",
        "Upgrade this installation.",
    )


def _refused(dsn: str, error: BaseException | None) -> TelemetryError:
    reason = str(error).strip().splitlines()[0] if error else "no reason given"
    match error:
        case psycopg.errors.LockNotAvailable():
            return FailingError(
                f"Another process has been changing the ledger in {place(dsn)} for {LOCK_SECONDS} s.",
                "Wait for it, or end it, then run `telemetry prepare` again.",
            )
        case psycopg.errors.InsufficientPrivilege():
            return FailingError(
                f"The database role may not create the ledger in {place(dsn)}: {reason}.",
                "Grant it CREATE on the database, or create the schema telemetry for it.",
            )
        case psycopg.OperationalError():
            return CouldNotLookError(f"The database {place(dsn)} stopped answering: {reason}.", "Try again.")
        case _:
            return FailingError(f"The ledger in {place(dsn)} could not be brought to {head()}: {reason}.")
