"""One sync of one connection: its connector's messages → the loader → how the job ended.

What belongs here: the order of a sync, discovered catalogs, and the workers that run jobs. What does not: HTTP
(``airbyte_server.py``), the job tables' SQL (``airbyte_jobs.py``), processes (``connector.py``).
"""

import hashlib
import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError, FailingError, TelemetryError
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local import protocol
from telemetry_assets.local.airbyte_jobs import Job, JobStore, Status, save_state
from telemetry_assets.local.connector import Connectors
from telemetry_assets.local.connector_process import Interrupted, Reading, end_orphans
from telemetry_assets.local.loader import Loader
from telemetry_assets.local.protocol import CatalogStream, Kind
from telemetry_assets.local.raw_table import RawTable
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.settings import ConnectionSettings, Settings

LOGGER = logging.getLogger("telemetry.airbyte")
EXECUTABLE_CATALOG_SECONDS = 3600.0
"""How long an executable's catalog is believed; a manifest's is believed until the manifest changes."""


@dataclass(slots=True)
class _Active:
    """A job in a worker's hands."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class Syncs:
    """Runs jobs, a few at a time. Safe to share between threads."""

    def __init__(self, settings: Settings, dsn: str, store: JobStore, connectors: Connectors, workers: int) -> None:
        self.connections = {connection.connection_id: connection for connection in settings.connections()}
        self._settings = settings
        self._dsn = dsn
        self._store = store
        self._connectors = connectors
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sync")
        self._active: dict[int, _Active] = {}
        self._stopping = threading.Event()
        self._discovering = {name: threading.Lock() for name in settings.sources}

    def recover(self) -> None:
        """Fail the jobs of a server that died, and end the connectors it left."""
        for group, started in self._store.fail_abandoned():
            end_orphans(group, started)

    def submit(self, connection_id: UUID) -> Job:
        """A new job for a connection, pending. Raises AlreadyRunning."""
        job = self._store.create(connection_id)
        self._active[job.job_id] = _Active()
        self._pool.submit(self._work, job).add_done_callback(_report)
        return job

    def cancel(self, job_id: int, patience_seconds: float = 15.0) -> None:
        """Cancel an active job and wait until its connector is gone."""
        active = self._active.get(job_id)
        if active is None:
            self._store.finish(job_id, Status.CANCELLED, None, None, "The sync was cancelled.")
            return
        active.cancelled.set()
        active.ended.wait(patience_seconds)

    def stop(self) -> None:
        """Cancel everything and wait for it."""
        self._stopping.set()
        for active in list(self._active.values()):
            active.cancelled.set()
        self._pool.shutdown(wait=True)

    def catalog(
        self, connection: ConnectionSettings, cancelled: threading.Event | None = None
    ) -> dict[str, CatalogStream]:
        """A source's streams, discovered once per connector. Raises FailingError where discovery fails."""
        source = self._settings.sources[connection.source]
        fingerprint = _fingerprint(source.manifest, source.executable or (), self._settings.root)
        max_age = None if source.manifest else EXECUTABLE_CATALOG_SECONDS
        with self._discovering[source.name]:
            document = self._store.catalog(source.name, fingerprint, max_age)
            if document is None:
                document = self._connectors.discover(source, connection, cancelled)
                self._store.keep_catalog(source.name, fingerprint, document)
        return protocol.streams_of(document)

    def _work(self, job: Job) -> None:
        active = self._active[job.job_id]
        connection = self.connections[job.connection_id]
        run = _Run(job, connection, active.cancelled)
        try:
            if not active.cancelled.is_set() and self._store.start(job.job_id):
                run.error = self._sync(run)
        except TelemetryError as error:
            run.error = str(error)
        except OSError as error:
            run.error = f"The local Airbyte cannot use its home: {error}"
        except psycopg.Error as error:
            run.error = f"The database stopped the load: {str(error).strip().splitlines()[0]}"
        except Exception as error:  # the outermost edge of a worker: a bug must end the job, not hang it
            LOGGER.exception("job %s", job.job_id)
            run.error = f"Unexpected: {type(error).__name__}. The log of the local Airbyte has the rest."
        finally:
            self._finish(run)
            active.ended.set()
            self._active.pop(job.job_id, None)

    def _sync(self, run: "_Run") -> str | None:
        """Run one job; what went wrong, or None. Raises TelemetryError and psycopg.Error."""
        connection = run.connection
        source = self._settings.sources[connection.source]
        wanted = [stream.name for stream in source.streams]
        streams = _selected(connection.source, wanted, self.catalog(connection, run.cancelled))
        with connect(self._dsn) as conn:
            run.loader = self._loader(conn, run, streams)
            documents: dict[str, Any] = {
                "config": connection.revealed_config(),
                "catalog": {"streams": [stream.configured() for stream in streams]},
            }
            if saved := self._store.states(connection.connection_id):
                documents["state"] = protocol.state_document(saved)
            with self._connectors.command(source, connection, "read", documents, run.cancelled) as reading:
                self._store.note_process(run.job.job_id, reading.process.pid, reading.process.started)
                return _read(reading, run.loader, wanted)

    def _loader(self, conn: psycopg.Connection[TupleRow], run: "_Run", streams: Sequence[CatalogStream]) -> Loader:
        tenant_id = _tenant_id(conn, run.connection.tenant)
        schema = f"raw_{run.connection.source}"
        tables = {stream.name: RawTable(conn, schema, stream, tenant_id) for stream in streams}
        return Loader(conn, tables, partial(save_state, conn, run.connection.connection_id, run.job.job_id))

    def _finish(self, run: "_Run") -> None:
        """Record the end, however long the database needs to come back, unless the server itself is stopping."""
        status = Status.FAILED if run.error else Status.SUCCEEDED
        never_started = run.loader is None and run.error is None
        if never_started or (run.error and run.cancelled.is_set()):
            status = Status.CANCELLED
        rows = run.loader.rows if run.loader else None
        size = run.loader.bytes if run.loader else None
        while True:
            try:
                self._store.finish(run.job.job_id, status, rows, size, run.error)
                break
            except CouldNotLookError:
                if self._stopping.wait(1.0):
                    break
        connection = run.connection
        LOGGER.info("job %s %s/%s %s %s", run.job.job_id, connection.source, connection.tenant, status, run.error or "")


@dataclass(slots=True)
class _Run:
    """What one job has come to."""

    job: Job
    connection: ConnectionSettings
    cancelled: threading.Event
    loader: Loader | None = None
    error: str | None = None


def _read(reading: Reading, loader: Loader, wanted: Sequence[str]) -> str | None:
    """Feed the loader until the connector ends; its problem, or None. Covered rows are committed either way."""
    complete: set[str] = set()
    try:
        for message, size in reading.messages():
            match message["type"]:
                case Kind.RECORD:
                    loader.record(message["record"], size)
                case Kind.STATE:
                    loader.state(message["state"])
                case Kind.TRACE if (found := protocol.stream_status(message["trace"])) and found[1] == "COMPLETE":
                    complete.add(found[0])
                case _:
                    continue
    except Interrupted:
        loader.finish(complete)
        raise
    problem = reading.problem()
    loader.finish(complete if problem else wanted)
    return problem


def _selected(source: str, wanted: Sequence[str], found: Mapping[str, CatalogStream]) -> Sequence[CatalogStream]:
    if missing := [name for name in wanted if name not in found]:
        raise FailingError(
            f"Source {source} has no stream {', '.join(missing)} (it has {', '.join(sorted(found)) or 'none'}).",
            f"Fix sources.{source}.streams in telemetry.yaml.",
        )
    return [found[name] for name in wanted]


def _tenant_id(conn: psycopg.Connection[TupleRow], slug: str) -> UUID | None:
    if slug == ANY_TENANT:
        return None
    found = conn.execute("select id from telemetry.tenants where slug = %s", [slug]).fetchone()
    if found is None:
        raise FailingError(f"Tenant {slug} is not in telemetry.tenants.", "Run `telemetry prepare`.")
    return found[0]


def _fingerprint(manifest: Path | None, executable: Sequence[str], root: Path) -> str:
    """What a catalog depends on: a manifest's content, an executable's arguments and how old their files are."""
    content = hashlib.sha256()
    if manifest and manifest.is_file():
        content.update(manifest.read_bytes())
    for argument in executable:
        file = root / argument
        content.update(f"{argument}\0{file.stat().st_mtime_ns if file.is_file() else ''}\0".encode())
    return content.hexdigest()


def _report(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()):
        LOGGER.error("a worker failed", exc_info=error)
