"""A simulated week's events through the product's own writing and reading, on a real database.

What belongs here: a home for it, and each event as the product would write it. What does not: the same with no database
(``memory.py``).
"""

import json
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import Board, read_board
from telemetry_assets.answers.happened import read_happenings
from telemetry_assets.freshness.happenings import Happenings
from telemetry_assets.ledger import dbt_invocations, graph, subjects, syncs, tenants
from telemetry_assets.model import SubjectFact
from telemetry_assets.settings import ConnectionSettings, Settings, SourceSettings, load
from telemetry_assets.sources.airbyte import Job, JobType
from telemetry_assets.sources.asset_graph import asset_graph
from telemetry_assets.sources.dbt_facts import invocation_facts
from telemetry_assets.sources.publishing import publish
from telemetry_assets.sources.syncing import Outcome, record_outcomes
from tests.simulation import declared
from tests.simulation.events import BuildEnded, BuildStarted, Event, JobEnd, Published, SyncRunEnded, SyncStarted
from tests.simulation.memory import KEYS, invocation

Connection = psycopg.Connection[TupleRow]
_RAW = """
create schema raw_shop;
create schema raw_bank;
create schema marts;
create table raw_shop.orders (tenant_id uuid, updated_at timestamptz not null);
create table raw_bank.statements (tenant_id uuid, booked_on date not null);
create table marts.sales (tenant_id uuid primary key, payload jsonb not null);
create table marts.margin (tenant_id uuid primary key, payload jsonb not null);
"""


class LedgerWeek:
    """A home in ``folder`` on an empty, migrated database."""

    def __init__(self, folder: Path, conn: Connection) -> None:
        self.settings = _home(folder)
        self.nodes = asset_graph(self.settings, declared.manifest())
        self._conn = conn
        self._reading: dict[str, tuple[SubjectFact, ...]] = {}
        conn.execute(_RAW)
        tenants.write(conn, declared.tenants())
        graph.replace(conn, self.nodes)
        for table in ("sales", "margin"):
            for tenant in declared.tenants():
                conn.execute(f"insert into marts.{table} values (%s, %s)".encode(), (tenant.id, '{"sum": 1}'))

    def take(self, event: Event) -> None:
        """Write what happened as the product does."""
        match event:
            case SyncStarted():
                self._sync_started(event)
            case SyncRunEnded():
                self._synced(event)
            case BuildStarted(_, run_id):
                self._reading[run_id] = subjects.read(self._conn)
            case BuildEnded():
                self._built(event)
            case Published(at, run_id, snapshot):
                chosen = self.settings.snapshots[snapshot.partition("/")[2]]
                publish(self._conn, self.settings, chosen, self.nodes, declared.slugs(), run_id=run_id, now=at)

    def board(self, now: datetime) -> Board:
        """How everything stands."""
        return read_board(self._conn, self.settings, now)

    def happenings(self) -> Happenings:
        """What last happened to everybody."""
        return read_happenings(self._conn, self.settings, [node.key for node in self.nodes], declared.slugs())

    def _sync_started(self, event: SyncStarted) -> None:
        source = self.settings.sources[event.source]
        connection = _connections(source)[event.tenant]
        job = Job(event.job, connection.connection_id, "running", JobType.SYNC, event.at)
        syncs.record(self._conn, [job.as_sync(connection, event.at)])

    def _synced(self, run: SyncRunEnded) -> None:
        source = self.settings.sources[run.source]
        connections = _connections(source)
        ids = {tenant.slug: tenant.id for tenant in declared.tenants()}
        for job in run.jobs:
            self._load(run.source, job, ids.get(job.tenant))
        outcomes = [_outcome(job, connections[job.tenant]) for job in run.jobs]
        record_outcomes(self._conn, source, outcomes, run.run_id, run.at)

    def _load(self, source: str, job: JobEnd, tenant: UUID | None) -> None:
        for stream in self.settings.sources[source].streams:
            if stream.name in job.newest:
                table, value = f"raw_{source}.{stream.name}", job.newest[stream.name]
                self._conn.execute(f"delete from {table} where tenant_id = %s".encode(), (tenant,))
                self._conn.execute(f"insert into {table} values (%s, %s)".encode(), (tenant, value))

    def _built(self, build: BuildEnded) -> None:
        done, before = invocation(build), self._reading.pop(build.run_id)
        dbt_invocations.record(self._conn, done)
        facts = invocation_facts(done, KEYS, self.nodes, before, declared.slugs(), build.run_id)
        subjects.record(self._conn, facts)


def _home(folder: Path) -> Settings:
    """telemetry.yaml, dbt's manifest and the contracts, in a folder of their own."""
    path = folder / "telemetry.yaml"
    shutil.copy(Path(__file__).parent / "telemetry.yaml", path)
    (folder / "project" / "target").mkdir(parents=True)
    (folder / "project" / "target" / "manifest.json").write_text(json.dumps(declared.manifest()))
    contracts = folder / "schemas" / "assets"
    contracts.mkdir(parents=True)
    contract = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["metrics"]}
    for snapshot in declared.SNAPSHOTS:
        (contracts / f"{snapshot.replace('/', '.')}.schema.json").write_text(json.dumps(contract))
    return load(path)


def _connections(source: SourceSettings) -> Mapping[str, ConnectionSettings]:
    return {connection.tenant: connection for connection in source.connections}


def _outcome(job: JobEnd, connection: ConnectionSettings) -> Outcome:
    status = "failed" if job.error else "succeeded"
    rows = None if job.error else job.rows
    seen = Job(
        job.number, connection.connection_id, status, JobType.SYNC, job.started_at, job.ended_at, rows, None, job.error
    )
    return Outcome(job.tenant, connection.connection_id, seen, job.error or None)
