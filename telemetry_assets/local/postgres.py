"""The embedded PostgreSQL: the wheel's binaries under a life cycle of our own, one server per home.

Any process may attach to it; it survives its starter, and whoever started it stops it. A server is up when it accepts
a connection: no pid is believed. What does not belong here: folders and users (``postgres_place.py``), processes
(``postgres_processes.py``), our tables (``ledger/``).
"""

import fcntl
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from telemetry_assets import running
from telemetry_assets.errors import ConfigError, CouldNotLookError
from telemetry_assets.local import postgres_place as places
from telemetry_assets.local.postgres_place import Place
from telemetry_assets.settings import Settings

PATIENCE = 120.0
"""Seconds a start or a stop may take; recovery after a crash replays up to a gigabyte of log."""
LOG_LIMIT = 5_000_000
_WAY_OUT = "Free space there, set TELEMETRY_HOME to a folder you can write, or DATABASE_URL to a server."

CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "log_checkpoints": "off",
}


class _Answer(StrEnum):
    UP = "up"
    BUSY = "busy"
    DOWN = "down"


class EmbeddedPostgres:
    """The server of one home; ``home`` is TELEMETRY_HOME. Making one touches nothing."""

    def __init__(self, home: Path) -> None:
        self.home = Path(home).resolve()

    @property
    def url(self) -> str:
        """A libpq URI for every driver. Raises CouldNotLookError where it is another user's."""
        return self._found().url

    def is_up(self) -> bool:
        """Whether it accepts a connection now."""
        place = self._found()
        return place.claimed and _ask(place.url) is _Answer.UP

    def start(self) -> bool:
        """Make it accept connections; True if this call started it, False if it was up (or another was quicker).

        Raises CouldNotLookError with the path and the way out where the home is read-only, full or another's.
        """
        if self.is_up():
            with suppress(OSError):  # a home that became read-only still serves
                self._record(self._found())
            return False
        with self._changing():
            place = places.claim(self.home)
            started = not _settled(place)
            if started:
                _launch(place)
            try:
                self._record(place)
            except OSError:
                if started:
                    _stop(place)
                raise
            return started

    def stop(self) -> None:
        """Stop it (sessions are cut, no row is lost); nothing happens when it is not up."""
        if not self.home.is_dir() or not self._found().claimed:
            return
        with self._changing():
            _stop(self._found())
            running.record(self.home, "postgres", None)

    def remove(self) -> None:
        """Stop it and delete its data for good."""
        self.stop()
        place = self._found()
        if place.claimed and place.folder.exists():
            with self._changing():
                shutil.rmtree(place.folder)
                shutil.rmtree(place.sockets, ignore_errors=True)
                with suppress(FileNotFoundError):
                    (self.home / "postgres").unlink()

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
        _check(dsn)
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


def _check(dsn: str) -> None:
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # libpq's own words repeat the value, and with it perhaps a password.
        raise ConfigError(
            "DATABASE_URL is not a PostgreSQL address.", "Write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE"
        ) from None
    from telemetry_assets.ledger.connection import connect

    connect(dsn).close()


def _ask(url: str) -> _Answer:
    """Connect once. Raises CouldNotLookError where a server answers and refuses us."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        said = str(error)
        if "the database system is" in said:  # starting up, shutting down, in recovery mode
            return _Answer.BUSY
        if "too many clients" in said or "remaining connection slots" in said:
            return _Answer.UP
        if "FATAL:" in said:
            raise CouldNotLookError(f"The embedded PostgreSQL refuses us: {said.splitlines()[-1].strip()}.") from error
        return _Answer.DOWN
    return _Answer.UP


def _settled(place: Place) -> bool:
    """Wait while a server comes up or goes down: True if it serves, False if none runs. For a caller with the lock."""
    from telemetry_assets.local.postgres_processes import postmaster

    deadline = time.monotonic() + PATIENCE
    while (answer := _ask(place.url)) is not _Answer.UP:
        if answer is _Answer.DOWN and not postmaster(place):
            return False
        if time.monotonic() > deadline:
            raise CouldNotLookError(
                f"The embedded PostgreSQL of {place.folder} runs and does not answer.", _look(place)
            )
        time.sleep(0.05)
    return True


def _launch(place: Place) -> None:
    """Start the server in a place where none runs."""
    from telemetry_assets.local.postgres_processes import clear_leftovers

    programs = places.programs(place)
    for folder in (place.sockets, place.log.parent):
        place.own_folder(folder)
    if not place.data.exists():
        _create(place, programs)
    clear_leftovers(place)
    _configure(place)
    if place.log.exists() and place.log.stat().st_size > LOG_LIMIT:
        place.log.replace(place.log.with_suffix(".log.old"))
    # Relative paths: pg_ctl hands them to a shell.
    options = ["-D", "data", "-l", "log/postgres.log", "-o", "-c config_file=postgresql.conf"]
    started = _run(place, [programs / "pg_ctl", "start", "-w", "-t", f"{PATIENCE:.0f}", *options])
    if started.returncode and not _settled(place):
        raise CouldNotLookError(f"The embedded PostgreSQL of {place.folder} did not start.", _look(place))


def _stop(place: Place) -> None:
    from telemetry_assets.local.postgres_processes import stop

    stop(place, PATIENCE)


def _create(place: Place, programs: Path) -> None:
    """initdb beside the final name, renamed when complete: a start killed half-way leaves nothing that counts."""
    scratch = place.folder / "data.new"
    shutil.rmtree(scratch, ignore_errors=True)
    place.own_folder(scratch)
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    rules = ["--username=telemetry", "--auth-local=peer", "--auth-host=reject", "--no-sync", "--no-instructions"]
    made = _run(place, [programs / "initdb", "-D", "data.new", *locale, *rules])
    if made.returncode == 0:
        made = _run(
            place, [programs / "postgres", "--single", "-D", "data.new", "postgres"], "create database telemetry\n"
        )
    if made.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        reason = (made.stdout.strip().splitlines() or ["no reason given"])[-1]
        raise CouldNotLookError(f"No database could be made in {place.folder}: {reason}.", _WAY_OUT)
    scratch.rename(place.data)


def _configure(place: Place) -> None:
    """Write the configuration anew at each start: a home may have been moved. ``alter system`` still overrides it."""
    values = {
        **CONFIGURATION,
        "port": str(places.PORT),
        "unix_socket_directories": '"' + str(place.sockets).replace('"', '""') + '"',
        "hba_file": "pg_hba.conf",
        "ident_file": "pg_ident.conf",
    }
    _write(place.folder / "postgresql.conf", "".join(f"{name} = {_quoted(text)}\n" for name, text in values.items()))
    _write(place.folder / "pg_hba.conf", "local all all peer map=owner\n")
    # The kernel says who connects: the user who starts the server (and root), whoever runs its processes.
    owners = sorted({"root", pwd.getpwuid(os.geteuid()).pw_name})
    _write(place.folder / "pg_ident.conf", "".join(f'owner "{name}" all\n' for name in owners))


def _write(path: Path, text: str) -> None:
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_text(text)
    scratch.chmod(0o644)
    scratch.replace(path)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _run(place: Place, command: list[str | Path], script: str = "") -> subprocess.CompletedProcess[str]:
    joined = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, input=script, text=True, check=False, **joined, **place.as_account())


def _look(place: Place) -> str:
    try:
        said = [line for line in place.log.read_text(errors="replace").splitlines() if line.strip()][-3:]
    except OSError:
        said = []
    return f"Its log, {place.log}, ends with: {' / '.join(said)}" if said else f"Its log is {place.log}."


def _unusable(error: OSError, home: Path) -> CouldNotLookError:
    where = error.filename or home
    return CouldNotLookError(f"The embedded PostgreSQL cannot use {where}: {error.strerror or error}.", _WAY_OUT)
