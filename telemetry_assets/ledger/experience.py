"""What the memory teaches about the declaration: how long syncs and models took, which tenants came, whose nodes came.

What belongs here: sums over many rows, read for ``telemetry config lint``. What does not: writing, the rows themselves.
"""

from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_of

SINCE = timedelta(days=30)
"""How far back syncs tell how long the next one will take."""
INVOCATIONS = 50
"""How many of dbt's newest runs and builds tell the same of a model."""


@explained
def sync_times(conn: psycopg.Connection[TupleRow], now: datetime) -> dict[str, timedelta]:
    """source → how long 95 of 100 of its succeeded syncs of the last 30 days took at most."""
    return dict(conn.execute(_SYNC_TIMES, {"since": now - SINCE}).fetchall())


@explained
def model_times(conn: psycopg.Connection[TupleRow]) -> dict[str, timedelta]:
    """dbt's unique id → how long 95 of 100 of its newest successful builds took at most."""
    rows = conn.execute(_MODEL_TIMES, {"invocations": INVOCATIONS})
    return {unique_id: timedelta(seconds=seconds) for unique_id, seconds in rows}


@explained
def tenants_known(conn: psycopg.Connection[TupleRow]) -> dict[str, datetime]:
    """Every tenant that has a fact of anything → when the newest of them was known. Synthetic rows are nobody's."""
    return {tenant: instant_of(known_at) for tenant, known_at in conn.execute(_TENANTS_KNOWN)}


@explained
def foreign_assets(conn: psycopg.Connection[TupleRow]) -> frozenset[str]:
    """The keys of the nodes that another code location brought."""
    return frozenset(key for (key,) in conn.execute("select key from telemetry.assets where origin <> 'own'"))


_SYNC_TIMES = """
select source, percentile_disc(0.95) within group (order by ended_at - started_at)
from telemetry.syncs
where status = 'succeeded' and ended_at >= started_at and started_at > %(since)s
group by source
"""

_MODEL_TIMES = """
select result ->> 'unique_id', percentile_disc(0.95) within group (order by (result ->> 'execution_time')::float)
from (
    select results from telemetry.dbt_invocations where which in ('run', 'build')
    order by generated_at desc, invocation_id desc limit %(invocations)s
) as newest, jsonb_array_elements(newest.results) as result
where result ->> 'status' = 'success' and result ->> 'execution_time' is not null
group by 1
"""

_TENANTS_KNOWN = """
select tenant, max(coalesce(looked_at, run_time))::text from telemetry.subjects where not synthetic group by tenant
"""
