"""The embedded PostgreSQL: the wheel's binaries under a life cycle of our own, one server per home.

Any process may attach to it; it survives its starter, and whoever started it stops it. A server is up when it accepts
a connection: no pid is believed. What does not belong here: folders and users (``postgres_place.py``), processes
(``postgres_processes.py``), making and launching one (``postgres_launch.py``), our tables (``ledger/``).
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

import psycopg

from telemetry_assets import running
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local import postgres_place as places
from telemetry_assets.local.postgres_place import Place
from telemetry_assets.settings import Settings

PATIENCE = 120.0
"""Seconds a start or a stop may take: recovery after a crash replays up to a gigabyte of log."""


class EmbeddedPostgres:
    """The server of one home; ``home`` is TELEMETRY_HOME. Making one touches nothing."""

    def __init__(self, home: Path) -> None:
        self.home = Path(home).resolve()

    @property
    def url(self) -> str:
        """A libpq URI for every driver. Raises CouldNotLookError where the server is another user's."""
        return self._found().url

    def is_up(self) -> bool:
        """Whether it accepts a connection now. Raises CouldNotLookError where it is another user's."""
        return _is_up(self._found())

    def start(self) -> bool:
        """Make it accept connections; True if this call started it, False if it was up (or another was quicker).

        Raises CouldNotLookError with the path and the way out where the home is read-only, full or another's.
        """
        place = self._found()
        if _is_up(place):
            with suppress(OSError):  # a home that became read-only still serves
                self._record(place)
            return False
        with self._changing():
            return self._start()

    def stop(self) -> None:
        """Stop it (sessions are cut, no row is lost); nothing happens where it does not run."""
        if self.home.is_dir() and self._found().claimed:
            with self._changing():
                self._stop()

    def remove(self) -> None:
        """Stop it and delete its data for good."""
        if self.home.is_dir() and self._found().claimed:
            with self._changing():
                self._stop()
                places.remove(self.home)

    def _start(self) -> bool:
        from telemetry_assets.local.postgres_launch import launch

        place = places.claim(self.home)
        if _settled(place):
            self._record(place)
            return False
        launched = launch(place, PATIENCE)
        if not launched.ready and not _settled(place):
            raise CouldNotLookError(f"The embedded PostgreSQL in {place.folder} did not start.", launched.reason)
        try:
            self._record(place)
        except OSError:
            self._stop()
            raise
        return True

    def _stop(self) -> None:
        from telemetry_assets.local.postgres_processes import stop

        stop(self._found(), PATIENCE)
        if "postgres" in running.read(self.home):
            running.record(self.home, "postgres", None)

    def _found(self) -> Place:
        try:
            return places.find(self.home)
        except OSError as error:
            raise _unusable(error, self.home) from error

    def _record(self, place: Place) -> None:
        entry = {"url": place.url, "pid": place.pid()}
        if running.read(self.home).get("postgres") != entry:
            running.record(self.home, "postgres", entry)

    @contextmanager
    def _changing(self) -> Generator[None]:
        """One process at a time starts or stops the server of a home; a disk that refuses is a clear error."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with open(self.home / "postgres.lock", "a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise _unusable(error, self.home) from error


@contextmanager
def using_database(settings: Settings) -> Generator[str]:
    """The DSN to work with: DATABASE_URL, checked, else the embedded server, started for the while if it was not up.

    Raises ConfigError for a DATABASE_URL that is none, CouldNotLookError (never with the password) where the database
    does not answer or the embedded server cannot start.
    """
    if settings.database:
        dsn = settings.database.reveal()
        connect(dsn).close()
        yield dsn
        return
    server = EmbeddedPostgres(settings.home)
    started = server.start()
    try:
        yield server.url
    finally:
        if started:
            server.stop()


def psql_command(home: Path) -> list[str]:
    """The command line of a psql on the server of this home; the caller sees to it that the server is up."""
    return [str(places.wheel_programs() / "psql"), EmbeddedPostgres(home).url]


class _Answer(StrEnum):
    SERVES = "serves"
    BUSY = "busy"  # starting up, shutting down, recovering
    NOTHING = "nothing"


def _ask(url: str) -> _Answer:
    """Connect once. Raises CouldNotLookError where a server answers and refuses us."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        said = str(error)
        if "the database system is" in said or "terminating connection" in said:
            return _Answer.BUSY
        if "too many clients" in said or "remaining connection slots" in said:
            return _Answer.SERVES
        if "FATAL:" in said:
            raise CouldNotLookError(f"The embedded PostgreSQL refuses us: {said.splitlines()[-1].strip()}.") from error
        return _Answer.NOTHING
    return _Answer.SERVES


def _is_up(place: Place) -> bool:
    return place.claimed and _ask(place.url) is _Answer.SERVES


def _settled(place: Place) -> bool:
    """Wait while a server comes up or goes down: True if it serves, False if none runs. For a caller with the lock."""
    from telemetry_assets.local.postgres_processes import postmaster

    deadline = time.monotonic() + PATIENCE
    while (answer := _ask(place.url)) is not _Answer.SERVES:
        if answer is _Answer.NOTHING and not postmaster(place):
            return False
        if time.monotonic() > deadline:
            raise CouldNotLookError(
                f"The embedded PostgreSQL in {place.folder} runs (pid {place.pid()}) and does not answer.",
                f"Its log: {place.log}",
            )
        time.sleep(0.05)
    return True


def _unusable(error: OSError, home: Path) -> CouldNotLookError:
    where = Path(os.fsdecode(error.filename)) if error.filename else home
    said = error.strerror or str(error)
    return CouldNotLookError(f"The embedded PostgreSQL cannot use {where}: {said}.", places.way_out(where))
