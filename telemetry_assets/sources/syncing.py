"""Syncing one source for many tenants, and what that makes true of each (asset, tenant). Knows no Dagster.

What belongs here: bounded concurrency over connections, our copy of the jobs, the facts of the synced streams.
What does not: which tenants a run is for (``defs/``), how a connector runs (``local/``, or a real Airbyte).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.errors import TelemetryError
from telemetry_assets.ledger import looks, subjects, syncs, tenants
from telemetry_assets.model import ANY_TENANT, ClockKind, SubjectFact
from telemetry_assets.settings import ConnectionSettings, SourceSettings
from telemetry_assets.sources.airbyte import AirbyteClient, Job
from telemetry_assets.sources.clocks import LONGEST_LOOK, ClockedTable, TableSeen, look_at

CONCURRENT_SYNCS = 4
"""How many connections of one source we let Airbyte work on at a time."""
TENANT_COLUMN = "tenant_id"
"""The column of every raw table that says whose its rows are."""


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


@dataclass(frozen=True, slots=True)
class Synced:
    """A tenant's succeeded syncs of one source as one: complete up to the earliest start, done at the latest end."""

    started_at: datetime
    ended_at: datetime

    def joined(self, other: "Synced") -> "Synced":
        """Both, of a tenant with several connections."""
        return Synced(min(self.started_at, other.started_at), max(self.ended_at, other.ended_at))


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
    conn: Connection[TupleRow],
    source: SourceSettings,
    outcomes: Sequence[Outcome],
    run_id: str,
    now: datetime,
    *,
    timeout: timedelta = LONGEST_LOOK,
) -> Mapping[str, Mapping[str, datetime]]:
    """Write jobs and facts of the outcomes; returns asset key → tenant → data time of what succeeded.

    A tenant's streams count as synced only where every connection the run made for it succeeded. ``timeout`` bounds
    the look at their tables.
    """
    by_connection = {connection.connection_id: connection for connection in source.connections}
    syncs.record(
        conn,
        [outcome.job.as_sync(by_connection[outcome.connection_id], now) for outcome in outcomes if outcome.job],
    )
    failed = {outcome.tenant for outcome in outcomes if not outcome.succeeded}
    synced: dict[str, Synced] = {}
    for outcome in outcomes:
        if outcome.job and outcome.tenant not in failed:
            one = Synced(outcome.job.started_at, outcome.job.ended_at or now)
            synced[outcome.tenant] = synced[outcome.tenant].joined(one) if outcome.tenant in synced else one
    return record_synced(conn, source, synced, run_id, now, timeout=timeout)


def record_synced(
    conn: Connection[TupleRow],
    source: SourceSettings,
    synced: Mapping[str, Synced],
    run_id: str,
    now: datetime,
    *,
    timeout: timedelta = LONGEST_LOOK,
) -> Mapping[str, Mapping[str, datetime]]:
    """Write what the tenants' succeeded syncs made true of every stream, whoever started them.

    ``synced``: tenant → its syncs as one. Tables with a column clock are looked at as of ``now``, which is after them.
    A stream whose table says nothing keeps the data times it had, and a look says why. Returns asset key → tenant →
    data time. ``conn`` is in autocommit. Raises CouldNotLookError.
    """
    seen = _look_at_streams(conn, source, synced, now, timeout)
    times = {key: _stream_times(key, source, synced, seen) for key in source.asset_keys}
    facts = [
        SubjectFact(
            asset=key,
            tenant=tenant,
            run_time=sync.ended_at,
            run_id=run_id,
            source="airbyte",
            data_times={key: times[key][tenant]} if tenant in times[key] else {},
        )
        for key in source.asset_keys
        for tenant, sync in synced.items()
    ]
    blind = {key for key, table in seen.items() if table.error}
    with conn.transaction():
        held = subjects.read_each(conn, [(fact.asset, fact.tenant) for fact in facts if fact.asset in blind])
        subjects.record(conn, [_as_held(fact, held.get((fact.asset, fact.tenant))) for fact in facts])
        looks.record(conn, [table.look for table in seen.values() if table.error])
        looks.forget_failed(conn, seen.keys() - blind)
    return times


def stream_tables(source: SourceSettings) -> tuple[ClockedTable, ...]:
    """The raw tables of the streams that a column dates."""
    tenanted = any(connection.tenant != ANY_TENANT for connection in source.connections)
    return tuple(
        ClockedTable(
            f"{source.name}/{stream.name}",
            f"raw_{source.name}",
            stream.name,
            stream.clock.column,
            TENANT_COLUMN if tenanted else None,
        )
        for stream in source.streams
        if stream.clock.kind is ClockKind.COLUMN and stream.clock.column
    )


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


def _look_at_streams(
    conn: Connection[TupleRow],
    source: SourceSettings,
    synced: Mapping[str, Synced],
    now: datetime,
    timeout: timedelta,
) -> Mapping[str, TableSeen]:
    """Asset key → what its table says, of the streams that a column dates."""
    tables = stream_tables(source) if synced else ()
    seen = look_at(conn, tables, tenants.read(conn), now, timeout=timeout) if tables else ()
    return {table.asset: table for table in seen}


def _stream_times(
    key: str, source: SourceSettings, synced: Mapping[str, Synced], seen: Mapping[str, TableSeen]
) -> dict[str, datetime]:
    """tenant → data time of one stream by its clock; a tenant without rows has none under a column clock."""
    if key in seen:
        return {tenant: time for tenant, time in seen[key].data_times.items() if tenant in synced}
    clock = next(stream.clock for stream in source.streams if f"{source.name}/{stream.name}" == key)
    return {tenant: sync.started_at for tenant, sync in synced.items()} if clock.kind is ClockKind.SYNC else {}


def _as_held(fact: SubjectFact, held: SubjectFact | None) -> SubjectFact:
    """The run is true whatever its table says; what it brought is no less than what was there before."""
    return replace(fact, data_times=held.data_times) if held is not None and not fact.data_times else fact
