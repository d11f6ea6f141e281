"""telemetry.snapshots and telemetry.withheld_snapshots: what is served per tenant, and what was held back.

What belongs here: publishing, withholding, reading. What does not: whether a payload is good (``contracts/``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_text, instants_json, instants_of, json_text

MOST_VIOLATIONS = 5
"""Of so many violations of one payload the words are read where the payload is not."""


@dataclass(frozen=True, slots=True)
class PublishedSnapshot:
    """A tenant's served payload. ``data_times`` maps each dated root to the data time it holds."""

    name: str
    tenant: str
    generated_at: datetime
    payload: Any
    run_id: str
    data_times: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class WithheldSnapshot:
    """A payload that broke its contract, with the violations in words. Never served."""

    name: str
    tenant: str
    withheld_at: datetime
    payload: Any
    violations: tuple[str, ...]
    run_id: str


@dataclass(frozen=True, slots=True)
class HeldBack:
    """That a tenant's newest payload is withheld, since when, and the first violations in words; not the payload."""

    name: str
    tenant: str
    withheld_at: datetime
    violations: tuple[str, ...]


@explained
def publish(conn: psycopg.Connection[TupleRow], snapshots: Sequence[PublishedSnapshot]) -> int:
    """Serve these payloads, in one statement; returns how many rows changed. What was withheld until then is gone.

    A payload never replaces one generated later.
    """
    newest = {(one.name, one.tenant): one for one in sorted(snapshots, key=lambda one: one.generated_at)}
    ordered = [newest[key] for key in sorted(newest)]
    if not ordered:
        return 0
    columns = {
        "name": [one.name for one in ordered],
        "tenant": [one.tenant for one in ordered],
        "generated_at": [instant_text(one.generated_at) for one in ordered],
        "payload": [json_text(one.payload) for one in ordered],
        "data_times": [instants_json(one.data_times) for one in ordered],
        "run_id": [one.run_id for one in ordered],
    }
    return conn.execute(_PUBLISH, columns).rowcount


@explained
def withhold(conn: psycopg.Connection[TupleRow], snapshots: Sequence[WithheldSnapshot]) -> int:
    """Keep these payloads for inspection, the newest per tenant; returns how many rows changed."""
    newest = {(one.name, one.tenant): one for one in sorted(snapshots, key=lambda one: one.withheld_at)}
    ordered = [newest[key] for key in sorted(newest)]
    if not ordered:
        return 0
    columns = {
        "name": [one.name for one in ordered],
        "tenant": [one.tenant for one in ordered],
        "withheld_at": [instant_text(one.withheld_at) for one in ordered],
        "payload": [json_text(one.payload) for one in ordered],
        "violations": [json_text(list(one.violations)) for one in ordered],
        "run_id": [one.run_id for one in ordered],
    }
    return conn.execute(_WITHHOLD, columns).rowcount


@explained
def published(conn: psycopg.Connection[TupleRow], name: str) -> tuple[PublishedSnapshot, ...]:
    """What is served under ``name``, by tenant, payloads included (10 kB each: ask for times with published_at)."""
    rows = conn.execute(
        "select name, tenant, generated_at, payload, run_id, data_times from telemetry.snapshots"
        " where name = %s order by tenant",
        (name,),
    )
    return tuple(
        PublishedSnapshot(snapshot, tenant, generated_at, payload, run_id, MappingProxyType(instants_of(times)))
        for snapshot, tenant, generated_at, payload, run_id, times in rows
    )


@explained
def published_at(conn: psycopg.Connection[TupleRow], name: str) -> dict[str, datetime]:
    """Tenant → when its served payload was generated, without reading any payload."""
    rows = conn.execute("select tenant, generated_at from telemetry.snapshots where name = %s order by tenant", (name,))
    return dict(rows.fetchall())


@explained
def withheld(conn: psycopg.Connection[TupleRow], name: str) -> tuple[WithheldSnapshot, ...]:
    """What was held back under ``name`` and is not healed yet, by tenant."""
    rows = conn.execute(
        "select name, tenant, withheld_at, payload, violations, run_id from telemetry.withheld_snapshots"
        " where name = %s order by tenant",
        (name,),
    )
    return tuple(
        WithheldSnapshot(snapshot, tenant, withheld_at, payload, tuple(violations), run_id)
        for snapshot, tenant, withheld_at, payload, violations, run_id in rows
    )


@explained
def held_back(conn: psycopg.Connection[TupleRow], names: Sequence[str]) -> tuple[HeldBack, ...]:
    """What is withheld under these names, by name and tenant, without reading any payload."""
    rows = conn.execute(_HELD_BACK, {"names": list(names), "most": MOST_VIOLATIONS - 1})
    return tuple(HeldBack(name, tenant, at, tuple(violations)) for name, tenant, at, violations in rows)


_HELD_BACK = """
select name, tenant, withheld_at,
    jsonb_path_query_array(violations, '$[0 to $most]', jsonb_build_object('most', %(most)s::int))
from telemetry.withheld_snapshots where name = any(%(names)s::text[])
order by name, tenant
"""

_PUBLISH = """
with incoming as materialized (
    select * from unnest(
        %(name)s::text[], %(tenant)s::text[], %(generated_at)s::timestamptz[], %(payload)s::jsonb[],
        %(data_times)s::jsonb[], %(run_id)s::text[]
    ) as one (name, tenant, generated_at, payload, data_times, run_id)
), healed as (
    delete from telemetry.withheld_snapshots as bad using incoming
    where (bad.name, bad.tenant) = (incoming.name, incoming.tenant) and bad.withheld_at <= incoming.generated_at
)
insert into telemetry.snapshots as held (name, tenant, generated_at, payload, data_times, run_id)
select * from incoming
on conflict (name, tenant) do update set
    (generated_at, payload, data_times, run_id)
        = (excluded.generated_at, excluded.payload, excluded.data_times, excluded.run_id)
where held.generated_at <= excluded.generated_at
"""

# A payload older than what is served by now is news of yesterday.
_WITHHOLD = """
insert into telemetry.withheld_snapshots as held (name, tenant, withheld_at, payload, violations, run_id)
select bad.* from unnest(
    %(name)s::text[], %(tenant)s::text[], %(withheld_at)s::timestamptz[], %(payload)s::jsonb[],
    %(violations)s::jsonb[], %(run_id)s::text[]
) as bad (name, tenant, withheld_at, payload, violations, run_id)
where not exists (
    select from telemetry.snapshots as good
    where (good.name, good.tenant) = (bad.name, bad.tenant) and good.generated_at > bad.withheld_at
)
on conflict (name, tenant) do update set
    (withheld_at, payload, violations, run_id)
        = (excluded.withheld_at, excluded.payload, excluded.violations, excluded.run_id)
where held.withheld_at <= excluded.withheld_at
"""
