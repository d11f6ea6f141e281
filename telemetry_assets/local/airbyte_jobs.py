"""The local Airbyte's memory in PostgreSQL (schema ``airbyte_local``): jobs, states, discovered catalogs.

What belongs here: the SQL of those tables. What does not: running a job (``airbyte_sync.py``), telling of it over HTTP
(``airbyte_server.py``), and our own copy of jobs, ``telemetry.syncs``, which has the same source in both modes.
"""

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg
from psycopg import errors, sql
from psycopg.rows import TupleRow, class_row

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger.connection import connect

_LOCK_SPACE = 0x41627974
"""First key of our advisory locks; the second is a server's number. A lock that is held says that its server lives."""

_SCHEMA = """
create schema if not exists airbyte_local;
create table if not exists airbyte_local.jobs (
    job_id          bigint generated always as identity primary key,
    connection_id   uuid not null,
    status          text not null default 'pending',
    created_at      timestamptz not null default clock_timestamp(),
    updated_at      timestamptz not null default clock_timestamp(),
    rows_synced     bigint,
    bytes_synced    bigint,
    streams         jsonb,
    error           text,
    server          integer not null,
    process_group   integer,
    process_started double precision
);
create unique index if not exists one_active_job on airbyte_local.jobs (connection_id)
    where status in ('pending', 'running');
create index if not exists jobs_of_connection on airbyte_local.jobs (connection_id, job_id);
create table if not exists airbyte_local.states (
    connection_id uuid not null,
    stream        text not null,
    state         json not null,
    job_id        bigint not null,
    committed_at  timestamptz not null default now(),
    primary key (connection_id, stream)
);
create table if not exists airbyte_local.catalogs (
    source        text primary key,
    fingerprint   text not null,
    catalog       json not null,
    discovered_at timestamptz not null default now()
);
delete from airbyte_local.jobs where updated_at < now() - interval '90 days' and status not in ('pending', 'running');
"""


class Status(StrEnum):
    """The statuses a job here goes through, in Airbyte's words."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """True once nothing more will happen."""
        return self not in (Status.PENDING, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of airbyte_local.jobs. Rows and bytes are committed ones, None where no record was read."""

    job_id: int
    connection_id: UUID
    status: str
    created_at: datetime
    updated_at: datetime
    rows_synced: int | None
    bytes_synced: int | None
    streams: dict[str, int] | None
    error: str | None

    @property
    def terminal(self) -> bool:
        """True once nothing more will happen."""
        return Status(self.status).terminal


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What ``GET /jobs`` asks for; None leaves a bound open."""

    connections: Sequence[UUID] | None = None
    status: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None
    by_update: bool = False
    newest_first: bool = False
    limit: int = 20
    offset: int = 0


class AlreadyRunning(Exception):
    """The connection has an active job."""


_COLUMNS = "job_id, connection_id, status, created_at, updated_at, rows_synced, bytes_synced, streams, error"


class JobStore:
    """The tables, through one connection that also holds this server's lock. Safe to share between threads."""

    def __init__(self, dsn: str) -> None:
        """Creates what is not there. Raises CouldNotLookError where the database cannot be reached."""
        self._dsn = dsn
        self._server = secrets.randbits(31)
        self._lock = threading.Lock()
        self._conn = self._open()
        with self._conn.transaction():
            self._conn.execute("select pg_advisory_xact_lock(%s, -1)", [_LOCK_SPACE])
            self._conn.execute(_SCHEMA)

    def create(self, connection_id: UUID) -> Job:
        """A pending job. Raises AlreadyRunning where the connection has an active one."""
        try:
            return self._jobs(
                f"insert into airbyte_local.jobs (connection_id, server) values (%s, %s) returning {_COLUMNS}",
                [connection_id, self._server],
            )[0]
        except errors.UniqueViolation:
            raise AlreadyRunning from None

    def get(self, job_id: int) -> Job | None:
        """One job."""
        found = self._jobs(f"select {_COLUMNS} from airbyte_local.jobs where job_id = %s", [job_id])
        return found[0] if found else None

    def find(self, wanted: JobFilter) -> Sequence[Job]:
        """The jobs a filter lets through, one page of them."""
        conditions = {
            "connection_id = any(%s)": wanted.connections and list(wanted.connections),
            "status = %s": wanted.status,
            "created_at >= %s": wanted.created_from,
            "created_at <= %s": wanted.created_to,
            "updated_at >= %s": wanted.updated_from,
            "updated_at <= %s": wanted.updated_to,
        }
        given = {text: value for text, value in conditions.items() if value is not None}
        order, way = "updated_at" if wanted.by_update else "created_at", "desc" if wanted.newest_first else "asc"
        where = f"where {' and '.join(given)}" if given else ""
        shape = f"{where} order by {order} {way}, job_id {way} limit %s offset %s"
        parameters = [*given.values(), wanted.limit, wanted.offset]
        return self._jobs(f"select {_COLUMNS} from airbyte_local.jobs {shape}", parameters)

    def start(self, job_id: int) -> bool:
        """Pending → running; False where the job was cancelled before."""
        return bool(self._update(job_id, Status.PENDING, "status = 'running'"))

    def note_process(self, job_id: int, group: int, started: float) -> None:
        """Remember the connector's process group, so that the next server can end it if this one dies."""
        self._update(job_id, Status.RUNNING, "process_group = %s, process_started = %s", [group, started])

    def finish(
        self, job_id: int, status: Status, rows: Mapping[str, int] | None, size: int | None, error: str | None
    ) -> None:
        """Write how a job ended; one that has ended already stays as it is."""
        total = None if rows is None else sum(rows.values())
        streams = None if rows is None else json.dumps(dict(rows))
        values = [str(status), total, size, streams, error]
        change = "status = %s, rows_synced = %s, bytes_synced = %s, streams = %s, error = %s"
        for active in (Status.RUNNING, Status.PENDING):
            if self._update(job_id, active, change, values):
                return

    def fail_abandoned(self) -> Sequence[tuple[int, float]]:
        """Fail the jobs of servers that are gone; the process groups their connectors may have left."""

        def work(conn: psycopg.Connection[TupleRow]) -> list[tuple[int, float]]:
            servers = conn.execute(
                "select distinct server from airbyte_local.jobs where status in ('pending', 'running')"
            ).fetchall()
            groups: list[tuple[int, float]] = []
            for server in {number for (number,) in servers} - {self._server}:
                with conn.transaction():
                    free = conn.execute("select pg_try_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, server]).fetchone()
                    if free == (True,):
                        groups += conn.execute(_FAIL_ABANDONED, [server]).fetchall()
            return [(group, started) for group, started in groups if group]

        return self._run(work)

    def states(self, connection_id: UUID) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """The last committed states by stream."""
        query = "select stream, state from airbyte_local.states where connection_id = %s order by stream"
        return self._run(lambda conn: conn.execute(query, [connection_id]).fetchall())

    def catalog(self, source: str, fingerprint: str, max_age_seconds: float | None) -> Mapping[str, Any] | None:
        """A source's catalog, if it was discovered with this fingerprint and is not too old."""
        query = (
            "select catalog from airbyte_local.catalogs where source = %s and fingerprint = %s "
            "and (%s::float8 is null or discovered_at > now() - make_interval(secs => %s::float8))"
        )
        parameters = [source, fingerprint, max_age_seconds, max_age_seconds]
        found = self._run(lambda conn: conn.execute(query, parameters).fetchone())
        return found[0] if found else None

    def keep_catalog(self, source: str, fingerprint: str, catalog: Mapping[str, Any]) -> None:
        """Remember what was discovered."""
        query = (
            "insert into airbyte_local.catalogs (source, fingerprint, catalog) values (%s, %s, %s) "
            "on conflict (source) do update set fingerprint = excluded.fingerprint, catalog = excluded.catalog, "
            "discovered_at = now()"
        )
        self._run(lambda conn: conn.execute(query, [source, fingerprint, json.dumps(catalog)]))

    def close(self) -> None:
        """Close the connection, and with it this server's claim on its jobs."""
        with self._lock:
            self._conn.close()

    def _update(self, job_id: int, status: Status, change: str, values: Sequence[Any] = ()) -> int:
        query = (
            f"update airbyte_local.jobs set updated_at = clock_timestamp(), {change} where job_id = %s and status = %s"
        )
        return self._run(lambda conn: conn.execute(query.encode(), [*values, job_id, str(status)]).rowcount)

    def _jobs(self, query: str, parameters: Sequence[Any]) -> Sequence[Job]:
        def work(conn: psycopg.Connection[TupleRow]) -> Sequence[Job]:
            with conn.cursor(row_factory=class_row(Job)) as cursor:
                return cursor.execute(query.encode(), parameters).fetchall()

        return self._run(work)

    def _run[T](self, work: Callable[[psycopg.Connection[TupleRow]], T]) -> T:
        """Do it; once more on a new connection where the server had gone away meanwhile."""
        with self._lock:
            try:
                return work(self._conn)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self._conn.close()
                self._conn = self._open()
            try:
                return work(self._conn)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                raise CouldNotLookError("The database stopped answering the local Airbyte.") from error

    def _open(self) -> psycopg.Connection[TupleRow]:
        conn = connect(self._dsn)
        conn.execute("select pg_try_advisory_lock(%s, %s)", [_LOCK_SPACE, self._server])
        return conn


def save_state(
    conn: psycopg.Connection[TupleRow], connection_id: UUID, job_id: int, stream: str, state: Mapping[str, Any]
) -> None:
    """Write a state on the loader's own connection, so that it commits with its rows. A shared one replaces all."""
    if not stream:
        conn.execute("delete from airbyte_local.states where connection_id = %s", [connection_id])
    conn.execute(_SAVE_STATE, [connection_id, stream, json.dumps(state), job_id])


_SAVE_STATE = sql.SQL("""
insert into airbyte_local.states (connection_id, stream, state, job_id) values (%s, %s, %s, %s)
on conflict (connection_id, stream)
do update set state = excluded.state, job_id = excluded.job_id, committed_at = now()
""")

_FAIL_ABANDONED = sql.SQL("""
update airbyte_local.jobs
set status = 'failed', updated_at = clock_timestamp(), error = 'The local Airbyte died while this job was active.'
where server = %s and status in ('pending', 'running')
returning process_group, process_started
""")
