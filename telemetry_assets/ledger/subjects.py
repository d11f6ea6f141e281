"""telemetry.subjects: per (asset, tenant), what its newest successful run made true.

What belongs here: writing and reading facts. What does not: whether a fact is young enough (``freshness/``).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_text, instants_json, instants_of
from telemetry_assets.model import SubjectFact


@explained
def record(conn: psycopg.Connection[TupleRow], facts: Iterable[SubjectFact]) -> int:
    """Keep the newest fact of each (asset, tenant); returns how many rows changed. One statement for any number.

    Facts of a subject are ranked by (real before synthetic, run_time, run_id), and the highest rank stays, whole: an
    older run never replaces a newer one, a synthetic fact never a real one, a real one always a synthetic one. A newer
    run's data times stand even where they are earlier (a watermark that moved back is a correction).

    Two facts of the same rank are one run reported twice (idempotent by run × asset × tenant): the row keeps the union
    of their roots, the later data time of each (it was read later), the greater ``rows`` and the greater ``source``.
    Each of these is a maximum, so facts in any order, any grouping and any duplication end in the same rows.
    """
    newest: dict[tuple[str, str], SubjectFact] = {}
    for fact in facts:
        key = (fact.asset, fact.tenant)
        newest[key] = _joined(newest[key], fact) if key in newest else fact
    # Sorted, so that two writers lock rows in the same order and never deadlock.
    ordered = [newest[key] for key in sorted(newest)]
    return conn.execute(_RECORD, _columns(ordered)).rowcount if ordered else 0


@explained
def read(
    conn: psycopg.Connection[TupleRow],
    assets: Sequence[str] | None = None,
    tenants: Sequence[str] | None = None,
) -> tuple[SubjectFact, ...]:
    """The facts held, by asset and tenant; None means all. What was never seen has no fact. Instants are UTC."""
    rows = conn.execute(_READ, {"assets": _array(assets), "tenants": _array(tenants)})
    return tuple(
        SubjectFact(
            asset=asset,
            tenant=tenant,
            run_time=run_time,
            run_id=run_id,
            source=source,
            rows=count,
            data_times=MappingProxyType(instants_of(data_times)),
            synthetic=synthetic,
        )
        for asset, tenant, run_time, run_id, source, count, data_times, synthetic in rows
    )


_RECORD = """
insert into telemetry.subjects as held (asset, tenant, run_time, run_id, source, rows, data_times, synthetic)
select *
from unnest(
    %(asset)s::text[], %(tenant)s::text[], %(run_time)s::timestamptz[], %(run_id)s::text[], %(source)s::text[],
    %(rows)s::bigint[], %(data_times)s::jsonb[], %(synthetic)s::boolean[]
)
on conflict (asset, tenant) do update set
    (run_time, run_id, synthetic) = (excluded.run_time, excluded.run_id, excluded.synthetic),
    (source, rows, data_times) = (
        select excluded.source, excluded.rows, excluded.data_times
        where (held.synthetic, held.run_time, held.run_id)
            is distinct from (excluded.synthetic, excluded.run_time, excluded.run_id)
        union all
        select
            greatest(held.source, excluded.source),
            greatest(held.rows, excluded.rows),
            telemetry.later_of_each(held.data_times, excluded.data_times)
        where (held.synthetic, held.run_time, held.run_id) = (excluded.synthetic, excluded.run_time, excluded.run_id)
    ),
    recorded_at = now()
where (not held.synthetic, held.run_time, held.run_id) < (not excluded.synthetic, excluded.run_time, excluded.run_id)
    or (
        (held.synthetic, held.run_time, held.run_id) = (excluded.synthetic, excluded.run_time, excluded.run_id)
        and (held.source, held.rows, held.data_times) is distinct from (
            greatest(held.source, excluded.source),
            greatest(held.rows, excluded.rows),
            telemetry.later_of_each(held.data_times, excluded.data_times)
        )
    )
"""

_READ = """
select asset, tenant, run_time, run_id, source, rows, data_times, synthetic
from telemetry.subjects
where (%(assets)s::text[] is null or asset = any(%(assets)s::text[]))
    and (%(tenants)s::text[] is null or tenant = any(%(tenants)s::text[]))
order by asset, tenant
"""


def _rank(fact: SubjectFact) -> tuple[bool, datetime, str]:
    return (not fact.synthetic, fact.run_time, fact.run_id)


def _joined(one: SubjectFact, other: SubjectFact) -> SubjectFact:
    """What :func:`record` keeps of two facts of one subject, here for facts that arrive in the same call."""
    if _rank(one) != _rank(other):
        return max(one, other, key=_rank)
    return SubjectFact(
        asset=one.asset,
        tenant=one.tenant,
        run_time=one.run_time,
        run_id=one.run_id,
        source=max(one.source, other.source),
        data_times=_later_of_each(one.data_times, other.data_times),
        rows=max((count for count in (one.rows, other.rows) if count is not None), default=None),
        synthetic=one.synthetic,
    )


def _later_of_each(one: Mapping[str, datetime], other: Mapping[str, datetime]) -> dict[str, datetime]:
    later = dict(one)
    for root, data_time in other.items():
        later[root] = max(data_time, later.get(root, data_time))
    return later


def _columns(facts: Sequence[SubjectFact]) -> dict[str, list[object]]:
    return {
        "asset": [fact.asset for fact in facts],
        "tenant": [fact.tenant for fact in facts],
        "run_time": [instant_text(fact.run_time) for fact in facts],
        "run_id": [fact.run_id for fact in facts],
        "source": [fact.source for fact in facts],
        "rows": [fact.rows for fact in facts],
        "data_times": [instants_json(fact.data_times) for fact in facts],
        "synthetic": [fact.synthetic for fact in facts],
    }


def _array(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
