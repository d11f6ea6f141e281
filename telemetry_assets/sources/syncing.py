"""Syncing one source for many tenants, and what that makes true of each (asset, tenant). Knows no Dagster.

What belongs here: bounded concurrency over connections, our copy of the jobs, the facts of the synced streams.
What does not: which tenants a run is for (``defs/``), how a connector runs (``local/``, or a real Airbyte).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from telemetry_assets.errors import TelemetryError
from telemetry_assets.ledger import subjects, syncs, tenants
from telemetry_assets.model import ClockKind, SubjectFact
from telemetry_assets.settings import ConnectionSettings, SourceSettings
from telemetry_assets.sources.airbyte import AirbyteClient, Job

CONCURRENT_SYNCS = 4
"""How many connections of one source we let Airbyte work on at a time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one connection's sync ended. ``job`` is None where no job could be started or followed to its end."""

    tenant: str
    connection_id: UUID
    job: Job | None
    error: str | None

    @property
    def succeeded(self) -> bool:
        """True where Airbyte reports success."""
        return self.job is not None and self.job.succeeded


def sync_tenants(
    client: AirbyteClient,
    source: SourceSettings,
    wanted: Sequence[str],
    *,
    on_end: Callable[[Outcome], None] = lambda _: None,
) -> tuple[Outcome, ...]:
    """Sync the wanted tenants' connections of one source and wait for all of them; one failure stops no other.

    ``on_end`` is called in this thread as each one ends. The result has one outcome per connection. Interrupted, it
    cancels the jobs it started before it lets the interruption pass.
    """
    chosen = [connection for connection in source.connections if connection.tenant in set(wanted)]
    stopped = Event()
    ended: list[Outcome] = []
    with ThreadPoolExecutor(max_workers=CONCURRENT_SYNCS, thread_name_prefix=f"sync-{source.name}") as pool:
        futures = [pool.submit(_sync_one, client.clone(), connection, stopped.is_set) for connection in chosen]
        try:
            for future in as_completed(futures):
                ended.append(future.result())
                on_end(ended[-1])
        except BaseException:
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return tuple(sorted(ended, key=lambda outcome: (outcome.tenant, str(outcome.connection_id))))


def record_outcomes(
    conn: Connection[TupleRow], source: SourceSettings, outcomes: Sequence[Outcome], run_id: str, now: datetime
) -> Mapping[str, Mapping[str, datetime]]:
    """Write jobs and facts of the outcomes; returns asset key → tenant → data time of what succeeded.

    A tenant's streams count as synced only where every connection the run made for it succeeded.
    """
    by_connection = {connection.connection_id: connection for connection in source.connections}
    syncs.record(
        conn,
        [outcome.job.as_sync(by_connection[outcome.connection_id], now) for outcome in outcomes if outcome.job],
    )
    failed = {outcome.tenant for outcome in outcomes if not outcome.succeeded}
    jobs = {outcome.tenant: outcome.job for outcome in outcomes if outcome.job and outcome.tenant not in failed}
    data_times = {
        f"{source.name}/{stream.name}": _stream_times(conn, source, stream.name, jobs) for stream in source.streams
    }
    subjects.record(
        conn,
        [
            SubjectFact(
                asset=key,
                tenant=tenant,
                run_time=job.ended_at or now,
                run_id=run_id,
                source="airbyte",
                data_times={key: times[tenant]} if tenant in times else {},
            )
            for key, times in data_times.items()
            for tenant, job in jobs.items()
        ],
    )
    return data_times


def tenants_in_sync(conn: Connection[TupleRow], source: SourceSettings) -> frozenset[str]:
    """The tenants whose every connection of this source ended well the last time."""
    last = {sync.connection_id: sync.status for sync in syncs.newest_terminal(conn)}
    failing = {one.tenant for one in source.connections if last.get(one.connection_id) != "succeeded"}
    return frozenset(one.tenant for one in source.connections) - failing


def _sync_one(client: AirbyteClient, connection: ConnectionSettings, cancelled: Callable[[], bool]) -> Outcome:
    try:
        job = client.sync(connection.connection_id, cancelled=cancelled)
    except TelemetryError as error:
        return Outcome(connection.tenant, connection.connection_id, None, str(error))
    return Outcome(connection.tenant, connection.connection_id, job, job.error)


def _stream_times(
    conn: Connection[TupleRow], source: SourceSettings, stream: str, jobs: Mapping[str, Job]
) -> dict[str, datetime]:
    """tenant → data time of one stream by its clock; a tenant without rows has none under a column clock."""
    clock = next(item.clock for item in source.streams if item.name == stream)
    if clock.kind is ClockKind.SYNC:
        return {tenant: job.started_at for tenant, job in jobs.items()}
    if clock.kind is ClockKind.STATIC or clock.column is None or not jobs:
        return {}
    slugs = {tenant.id: tenant.slug for tenant in tenants.read(conn)}
    newest = sql.SQL("select tenant_id, max({column})::timestamptz from {table} group by tenant_id").format(
        column=sql.Identifier(clock.column), table=sql.Identifier(f"raw_{source.name}", stream)
    )
    rows = conn.execute(newest).fetchall()
    times = {slugs.get(tenant_id, "*"): newest_value for tenant_id, newest_value in rows if newest_value}
    return {tenant: value.astimezone(UTC) for tenant, value in times.items() if tenant in jobs}
