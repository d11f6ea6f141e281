"""telemetry.subjects: what is known of each (asset, tenant), one row each, and the corrections beside it.

What belongs here: writing and reading facts. What does not: which fact counts (``freshness/facts.py``), judging one
(``freshness/judge.py``), half a million at once (``sweep.py``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.freshness.facts import Correction, Subject, correction, newest, newest_of_each
from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_of, instant_text, plain_text
from telemetry_assets.model import SubjectFact

LOCK = "telemetry.subjects"
"""The advisory lock of whoever writes facts: one at a time reads what is held, compares and writes."""


@explained
def record(conn: psycopg.Connection[TupleRow], facts: Iterable[SubjectFact]) -> int:
    """Keep the newest fact of each (asset, tenant); returns how many rows changed. Four statements for any number.

    Idempotent by run × asset × tenant and monotone: ``freshness/facts.py`` says which fact counts, so facts in any
    order, any grouping and any duplication end in the same rows. A root whose data time moved back is also written to
    telemetry.corrections. Raises ValueError for a naive instant.
    """
    incoming = newest_of_each(facts)
    if not incoming:
        return 0
    for fact in incoming.values():
        instant_text(fact.known_at)
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (LOCK,))
        held = read_each(conn, list(incoming))
        merged = {key: newest(held[key], fact) if key in held else fact for key, fact in incoming.items()}
        changed = {key: fact for key, fact in merged.items() if held.get(key) != fact}
        if changed:
            conn.execute(_WRITE, _columns(list(changed.values()), _root_sets(conn, changed.values())))
            found = (correction(held[key], fact) for key, fact in changed.items() if key in held)
            _correct(conn, [one for one in found if one])
    return len(changed)


@explained
def read(
    conn: psycopg.Connection[TupleRow],
    assets: Sequence[str] | None = None,
    tenants: Sequence[str] | None = None,
) -> tuple[SubjectFact, ...]:
    """The facts held, by asset and tenant; None means all. What was never seen has no fact. Instants are UTC."""
    rows = conn.execute(_READ, {"assets": _array(assets), "tenants": _array(tenants)})
    return _facts(conn, rows.fetchall())


@explained
def read_each(conn: psycopg.Connection[TupleRow], subjects: Sequence[Subject]) -> dict[Subject, SubjectFact]:
    """The facts of exactly these (asset, tenant), by subject; those never seen are left out."""
    asked = {"asset": [asset for asset, _ in subjects], "tenant": [tenant for _, tenant in subjects]}
    return {(fact.asset, fact.tenant): fact for fact in _facts(conn, conn.execute(_READ_EACH, asked).fetchall())}


@explained
def newest_runs(conn: psycopg.Connection[TupleRow], assets: Sequence[str]) -> dict[str, datetime]:
    """asset → the end of the newest run of any tenant, which is what a run-age light sees."""
    rows = conn.execute(_NEWEST_RUNS, {"assets": list(assets)})
    return {asset: instant_of(run_time) for asset, run_time in rows}


@explained
def corrections(conn: psycopg.Connection[TupleRow], limit: int = 100) -> tuple[Correction, ...]:
    """The corrections, newest first."""
    return tuple(Correction(*row) for row in conn.execute(_CORRECTIONS, (limit,)))


@explained
def newest_corrections(
    conn: psycopg.Connection[TupleRow], roots: Sequence[str], tenants: Sequence[str] | None = None
) -> dict[Subject, Correction]:
    """The newest correction of each (root, tenant); of ``tenants``, or with None of all."""
    rows = conn.execute(_NEWEST_CORRECTIONS, {"roots": list(roots), "tenants": _array(tenants)})
    return {(row[0], row[1]): Correction(*row) for row in rows}


_COLUMNS = """
    asset, tenant, run_time::text, run_id, source, root_set, array_to_string(data_times, ','), rows, synthetic,
    looked_at::text
"""

_READ = f"""
select {_COLUMNS} from telemetry.subjects
where (%(assets)s::text[] is null or asset = any(%(assets)s::text[]))
    and (%(tenants)s::text[] is null or tenant = any(%(tenants)s::text[]))
order by asset, tenant
"""

_READ_EACH = f"""
select {_COLUMNS} from telemetry.subjects
join unnest(%(asset)s::text[], %(tenant)s::text[]) as asked (asset, tenant) using (asset, tenant)
"""

_NEWEST_RUNS = """
select asset, max(run_time)::text from telemetry.subjects
where asset = any(%(assets)s::text[]) and run_time is not null
group by asset
"""

# Sorted, so that a reader of the heap finds an asset's tenants together.
_WRITE = """
insert into telemetry.subjects as held
    (asset, tenant, run_time, run_id, source, root_set, data_times, rows, synthetic, looked_at)
select asset, tenant, run_time, run_id, source, root_set, data_times::timestamptz[], rows, synthetic, looked_at
from unnest(
    %(asset)s::text[], %(tenant)s::text[], %(run_time)s::timestamptz[], %(run_id)s::text[], %(source)s::text[],
    %(root_set)s::int[], %(data_times)s::text[], %(rows)s::bigint[], %(synthetic)s::boolean[],
    %(looked_at)s::timestamptz[]
) as fact (asset, tenant, run_time, run_id, source, root_set, data_times, rows, synthetic, looked_at)
order by asset, tenant
on conflict (asset, tenant) do update set
    (run_time, run_id, source, root_set, data_times, rows, synthetic, looked_at, recorded_at) = (
        excluded.run_time, excluded.run_id, excluded.source, excluded.root_set, excluded.data_times, excluded.rows,
        excluded.synthetic, excluded.looked_at, now()
    )
"""

_INTERN = """
with asked as (select array(select jsonb_array_elements_text(one)) as roots from jsonb_array_elements(%s::jsonb) one),
added as (
    insert into telemetry.root_sets (roots)
    select roots from asked where not exists (select from telemetry.root_sets held where held.roots = asked.roots)
    on conflict do nothing returning id, roots
)
select id, roots from added union all select id, roots from telemetry.root_sets join asked using (roots)
"""

_CORRECT = """
insert into telemetry.corrections (asset, tenant, was, became, known_at, run_id)
select * from unnest(
    %(asset)s::text[], %(tenant)s::text[], %(was)s::timestamptz[], %(became)s::timestamptz[],
    %(known_at)s::timestamptz[], %(run_id)s::text[]
)
"""

_CORRECTIONS = """
select asset, tenant, was, became, known_at, run_id from telemetry.corrections
order by id desc limit %s
"""

_NEWEST_CORRECTIONS = """
select distinct on (asset, tenant) asset, tenant, was, became, known_at, run_id from telemetry.corrections
where asset = any(%(roots)s::text[]) and (%(tenants)s::text[] is null or tenant = any(%(tenants)s::text[]))
order by asset, tenant, id desc
"""


def root_sets(conn: psycopg.Connection[TupleRow]) -> dict[int, tuple[str, ...]]:
    """id → the roots whose data times a fact holds, in the order of its ``data_times``."""
    return {number: tuple(roots) for number, roots in conn.execute("select id, roots from telemetry.root_sets")}


def _facts(conn: psycopg.Connection[TupleRow], rows: Sequence[TupleRow]) -> tuple[SubjectFact, ...]:
    sets = root_sets(conn) if rows else {}
    names: dict[str, str] = {}  # each of few names once, not once in each of half a million facts
    return tuple(
        SubjectFact(
            asset=names.setdefault(asset, asset),
            tenant=names.setdefault(tenant, tenant),
            run_time=_instant(run_time),
            run_id=run_id,
            source=names.setdefault(source, source),
            data_times=MappingProxyType(dict(zip(sets[root_set], map(instant_of, times.split(",")), strict=False))),
            rows=count,
            synthetic=synthetic,
            looked_at=_instant(looked_at),
        )
        for asset, tenant, run_time, run_id, source, root_set, times, count, synthetic, looked_at in rows
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else instant_of(text)


def _root_sets(conn: psycopg.Connection[TupleRow], facts: Iterable[SubjectFact]) -> Mapping[tuple[str, ...], int]:
    """The number of each set of roots, given to it now where it is new."""
    wanted = {tuple(sorted(fact.data_times)) for fact in facts}
    return {tuple(roots): number for number, roots in conn.execute(_INTERN, (json.dumps(sorted(wanted)),))}


def _columns(facts: Sequence[SubjectFact], sets: Mapping[tuple[str, ...], int]) -> dict[str, list[object]]:
    roots = [tuple(sorted(fact.data_times)) for fact in facts]
    return {
        "asset": [fact.asset for fact in facts],
        "tenant": [fact.tenant for fact in facts],
        "run_time": [_text(fact.run_time) for fact in facts],
        "run_id": [plain_text(fact.run_id) for fact in facts],
        "source": [fact.source for fact in facts],
        "root_set": [sets[one] for one in roots],
        "data_times": [
            "{" + ",".join(instant_text(fact.data_times[root]) for root in one) + "}"
            for fact, one in zip(facts, roots, strict=True)
        ],
        "rows": [fact.rows for fact in facts],
        "synthetic": [fact.synthetic for fact in facts],
        "looked_at": [_text(fact.looked_at) for fact in facts],
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant_text(instant)


def _correct(conn: psycopg.Connection[TupleRow], found: Sequence[Correction]) -> None:
    names = ("asset", "tenant", "was", "became", "known_at", "run_id")
    if found:
        conn.execute(_CORRECT, {name: [getattr(one, name) for one in found] for name in names})


def _array(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
