"""telemetry.syncs: our copy of Airbyte's jobs, from a server or from the local stand-in.

What belongs here: writing jobs, finding the newest, noticing one that brought nothing. What does not: asking Airbyte
(``sources/airbyte.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_text, plain_text

SUCCEEDED = "succeeded"
USUAL_PERIOD = timedelta(days=30)
"""How far back a connection's habits are read."""
USUAL_SYNCS = 20
"""So many syncs make a habit."""


@dataclass(frozen=True, slots=True)
class Sync:
    """One job of one connection. ``status`` is Airbyte's word; ``ended_at`` is set on terminal jobs only."""

    connection_id: UUID
    job_id: int
    source: str
    tenant: str
    status: str
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    rows_synced: int | None = None
    bytes_synced: int | None = None
    error: str | None = None

    @property
    def terminal(self) -> bool:
        """True where nothing more will happen to this job."""
        return self.ended_at is not None

    @property
    def succeeded(self) -> bool:
        """True where the job ended well."""
        return self.terminal and self.status == SUCCEEDED


@explained
def record(conn: psycopg.Connection[TupleRow], syncs: Iterable[Sync]) -> int:
    """Keep the newest word on each (connection, job); returns how many rows changed. One statement for any number.

    A report stays whole: one of an ended job is never replaced by one of a running job, nor a later ``updated_at`` by
    an earlier; of two equally new ones the last recorded stays.
    """
    newest: dict[tuple[UUID, int], Sync] = {}
    for sync in syncs:
        key = (sync.connection_id, sync.job_id)
        if key not in newest or _rank(newest[key]) <= _rank(sync):
            newest[key] = sync
    ordered = [newest[key] for key in sorted(newest)]
    return conn.execute(_RECORD, _columns(ordered)).rowcount if ordered else 0


@explained
def newest_terminal(conn: psycopg.Connection[TupleRow]) -> tuple[Sync, ...]:
    """The newest ended job of each connection, by tenant and source; connections that never ended one are absent."""
    return _newest(conn, "ended_at is not null")


@explained
def newest_succeeded(conn: psycopg.Connection[TupleRow]) -> tuple[Sync, ...]:
    """The newest succeeded job of each connection, by tenant and source. Its start is the ``sync`` clock."""
    return _newest(conn, "ended_at is not null and status = 'succeeded'")


@explained
def ended_among(conn: psycopg.Connection[TupleRow], jobs: Sequence[tuple[UUID, int]]) -> frozenset[tuple[UUID, int]]:
    """Those of the jobs (connection, job id) that are known to have ended."""
    asked = {"connection_id": [connection for connection, _ in jobs], "job_id": [job for _, job in jobs]}
    return frozenset((connection, job) for connection, job in conn.execute(_ENDED_AMONG, asked))


@explained
def newest_succeeded_by(conn: psycopg.Connection[TupleRow], instant: datetime) -> tuple[Sync, ...]:
    """Of each connection the newest job that had succeeded by ``instant``, by tenant and source."""
    return _newest(conn, "ended_at <= %(instant)s::timestamptz and status = 'succeeded'", instant)


@explained
def newest_of(
    conn: psycopg.Connection[TupleRow], connections: Sequence[UUID], limit: int
) -> dict[UUID, tuple[Sync, ...]]:
    """Connection → its newest ``limit`` ended jobs and what runs now, newest first.

    However far back, among them are the newest success and the newest success that brought rows, each with the first
    job that ended after it: what has gone wrong since, and since when.
    """
    rows = conn.execute(_NEWEST_OF, {"connections": list(connections), "limit": limit})
    found: dict[UUID, list[Sync]] = {}
    for row in rows:
        sync = Sync(*row)
        found.setdefault(sync.connection_id, []).append(sync)
    return {connection: tuple(syncs) for connection, syncs in found.items()}


@explained
def failing(conn: psycopg.Connection[TupleRow]) -> tuple[tuple[Sync, Sync], ...]:
    """Of each connection whose newest ended job did not succeed: that job, and the first ended one after the newest
    success (the first of all where none ever succeeded); by tenant and source."""
    return tuple((Sync(*row[: len(row) // 2]), Sync(*row[len(row) // 2 :])) for row in conn.execute(_FAILING))


@explained
def recent_of_each(
    conn: psycopg.Connection[TupleRow], tenants: Sequence[str], limit: int
) -> Mapping[str, tuple[Sync, ...]]:
    """tenant → its newest ``limit`` jobs, newest first, running ones too; empty for one that never had any."""
    found: dict[str, list[Sync]] = {tenant: [] for tenant in tenants}
    for row in conn.execute(_RECENT_OF_EACH, {"tenants": list(found), "limit": limit}):
        sync = Sync(*row)
        found[sync.tenant].append(sync)
    return {tenant: tuple(jobs) for tenant, jobs in found.items()}


@explained
def zero_row_oddities(conn: psycopg.Connection[TupleRow], now: datetime) -> Mapping[tuple[str, str], str]:
    """(source, tenant) → in words, why it is odd that the newest syncs of a connection brought 0 rows.

    It is where none of the syncs of the 30 days before them did, at least 20 of them. Only succeeded syncs that told
    their rows and ended by ``now`` count.
    """
    parameters = {"now": instant_text(now), "period": USUAL_PERIOD, "enough": USUAL_SYNCS}
    rows = conn.execute(_ZERO_ROWS, parameters).fetchall()
    return {(source, tenant): _odd(*found) for source, tenant, *found in rows}


_COLUMNS = (
    "connection_id, job_id, source, tenant, status, started_at, updated_at, ended_at, rows_synced, bytes_synced, error"
)
_NEWEST_FIRST = "started_at desc, job_id desc"

_WELL = "ended_at is not null and status = 'succeeded'"

_NEWEST_OF = f"""
select {_COLUMNS} from unnest(%(connections)s::uuid[]) as asked (id)
cross join lateral (
    select
        (select started_at from telemetry.syncs where connection_id = id and {_WELL} order by {_NEWEST_FIRST} limit 1)
            as well,
        (select started_at from telemetry.syncs where connection_id = id and {_WELL} and rows_synced > 0
         order by {_NEWEST_FIRST} limit 1) as full_of_rows
) as last
cross join lateral (
    (select * from telemetry.syncs where connection_id = id and ended_at is not null
     order by {_NEWEST_FIRST} limit %(limit)s)
    union (select * from telemetry.syncs where connection_id = id order by job_id desc limit 2)
    union (select * from telemetry.syncs where connection_id = id and {_WELL}
           and started_at in (last.well, last.full_of_rows))
    union (select * from telemetry.syncs where connection_id = id and ended_at is not null
           and started_at > last.well order by started_at, job_id limit 1)
    union (select * from telemetry.syncs where connection_id = id and ended_at is not null
           and started_at > last.full_of_rows order by started_at, job_id limit 1)
) as newest
order by connection_id, {_NEWEST_FIRST}
"""

_RECORD = f"""
insert into telemetry.syncs as held ({_COLUMNS})
select *
from unnest(
    %(connection_id)s::uuid[], %(job_id)s::bigint[], %(source)s::text[], %(tenant)s::text[], %(status)s::text[],
    %(started_at)s::timestamptz[], %(updated_at)s::timestamptz[], %(ended_at)s::timestamptz[],
    %(rows_synced)s::bigint[], %(bytes_synced)s::bigint[], %(error)s::text[]
)
on conflict (connection_id, job_id) do update set
    (source, tenant, status, started_at, updated_at, ended_at, rows_synced, bytes_synced, error) = (
        excluded.source, excluded.tenant, excluded.status, excluded.started_at, excluded.updated_at,
        excluded.ended_at, excluded.rows_synced, excluded.bytes_synced, excluded.error
    )
where (held.ended_at is not null, held.updated_at) <= (excluded.ended_at is not null, excluded.updated_at)
    and held is distinct from excluded
"""

_ENDED_AMONG = """
select connection_id, job_id
from telemetry.syncs join unnest(%(connection_id)s::uuid[], %(job_id)s::bigint[]) as asked (connection_id, job_id)
    using (connection_id, job_id)
where ended_at is not null
"""


# Each connection is found by a jump in the primary key, its newest job by another in an index of its own: the number of
# jobs is no matter.
_CONNECTIONS = """
with recursive connection (id) as (
    (select connection_id from telemetry.syncs order by connection_id limit 1)
    union all
    select (select connection_id from telemetry.syncs where connection_id > id order by connection_id limit 1)
    from connection where id is not null
)
"""

_FAILING = f"""
{_CONNECTIONS}
select newest.*, first.* from connection
cross join lateral (select {_COLUMNS} from telemetry.syncs where connection_id = id and ended_at is not null
    order by {_NEWEST_FIRST} limit 1) as newest
left join lateral (select started_at, job_id from telemetry.syncs where connection_id = id and {_WELL}
    order by {_NEWEST_FIRST} limit 1) as well on true
cross join lateral (select {_COLUMNS} from telemetry.syncs where connection_id = id and ended_at is not null
    and (started_at, job_id) > (coalesce(well.started_at, '-infinity'), coalesce(well.job_id, 0))
    order by started_at, job_id limit 1) as first
where newest.status <> 'succeeded' order by newest.tenant, newest.source, newest.connection_id
"""

_RECENT_OF_EACH = f"""
select newest.* from unnest(%(tenants)s::text[]) as asked (slug) cross join lateral (
    select {_COLUMNS} from telemetry.syncs where tenant = asked.slug order by {_NEWEST_FIRST} limit %(limit)s
) as newest
"""

_TOLD = "status = 'succeeded' and ended_at <= %(now)s::timestamptz and rows_synced is not null"

_ZERO_ROWS = f"""
{_CONNECTIONS}
select distinct on (source, tenant) source, tenant, newest.ended_at, zeros.number, before.number
from connection
cross join lateral (
    select source, tenant, ended_at, started_at, rows_synced from telemetry.syncs
    where connection_id = id and {_TOLD} order by {_NEWEST_FIRST} limit 1
) as newest
cross join lateral (
    select started_at, job_id from telemetry.syncs
    where newest.rows_synced = 0 and connection_id = id and {_TOLD} and rows_synced > 0
    order by {_NEWEST_FIRST} limit 1
) as good
cross join lateral (
    select count(*) as number, min(started_at) as since from telemetry.syncs
    where connection_id = id and {_TOLD} and (started_at, job_id) > (good.started_at, good.job_id)
) as zeros
cross join lateral (
    select count(*) as number, bool_or(rows_synced = 0) as usual from telemetry.syncs
    where connection_id = id and {_TOLD} and (started_at, job_id) <= (good.started_at, good.job_id)
        and started_at >= zeros.since - %(period)s::interval
) as before
where before.number >= %(enough)s and not before.usual
order by source, tenant, newest.ended_at desc
"""


def _odd(ended_at: datetime, zeros: int, before: int) -> str:
    at = f"{ended_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if zeros == 1:
        return f"the sync of {at} brought 0 rows; none of the {before} before it in 30 days did"
    return f"the last {zeros} syncs, up to {at}, brought 0 rows; none of the {before} before them in 30 days did"


def _newest(
    conn: psycopg.Connection[TupleRow], condition: LiteralString, instant: datetime | None = None
) -> tuple[Sync, ...]:
    rows = conn.execute(
        f"""
        {_CONNECTIONS}
        select newest.* from connection cross join lateral (
            select {_COLUMNS} from telemetry.syncs where connection_id = id and {condition}
            order by {_NEWEST_FIRST} limit 1
        ) as newest
        order by tenant, source, connection_id
        """,
        {"instant": instant_text(instant) if instant else None},
    )
    return tuple(Sync(*row) for row in rows)


def _rank(sync: Sync) -> tuple[bool, datetime]:
    return (sync.terminal, sync.updated_at)


def _columns(syncs: Sequence[Sync]) -> dict[str, list[object]]:
    return {
        "connection_id": [sync.connection_id for sync in syncs],
        "job_id": [sync.job_id for sync in syncs],
        "source": [sync.source for sync in syncs],
        "tenant": [sync.tenant for sync in syncs],
        "status": [sync.status for sync in syncs],
        "started_at": [instant_text(sync.started_at) for sync in syncs],
        "updated_at": [instant_text(sync.updated_at) for sync in syncs],
        "ended_at": [instant_text(sync.ended_at) if sync.ended_at else None for sync in syncs],
        "rows_synced": [sync.rows_synced for sync in syncs],
        "bytes_synced": [sync.bytes_synced for sync in syncs],
        "error": [plain_text(sync.error) if sync.error is not None else None for sync in syncs],
    }
