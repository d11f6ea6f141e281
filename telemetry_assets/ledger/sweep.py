"""Every fact of the ledger held against its cutoffs in one scan: who is surely fresh, and who must be looked at.

What belongs here: the one statement, and what it counts. What does not: cutoffs (``freshness/``), judging the doubtful
(``freshness/judge.py``): a subject this statement calls fresh is fresh by those rules too, never the other way round.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, cast

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.subjects import root_sets
from telemetry_assets.ledger.values import instant_text


@dataclass(frozen=True, slots=True)
class Bar:
    """What the facts of one table must reach, for one class of tenants.

    ``after``: root → a data time later than this is surely fresh. Without roots the fact need only be there.
    """

    table: str
    tenants: int
    after: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Reached:
    """How one bar was kept: how many tenants of the class have a fact at all, and which of them are in doubt."""

    seen: int = 0
    doubtful: tuple[str, ...] = ()


@explained
def sweep(
    conn: psycopg.Connection[TupleRow],
    bars: Sequence[Bar],
    classes: Mapping[str, int],
    now: datetime,
) -> tuple[Reached, ...]:
    """Hold every fact against its bar; one answer per bar, in their order.

    ``classes`` names the class of each tenant that is not of class 0; facts of ``*`` are passed over. In doubt is a
    fact that is synthetic, holds other roots than the bar's, a data time not after its bar's, or one later than ``now``
    or than it became known.
    """
    if not bars:
        return ()
    found = [Reached()] * len(bars)
    with conn.transaction():
        # The planner knows no sizes of what is handed in: the order written here is the one that scans once.
        conn.execute("set local join_collapse_limit = 1")
        conn.execute("set local enable_nestloop = off")
        conn.execute("set local enable_sort = off")
        conn.execute("set local jit = off")
        numbers = {roots: number for number, roots in root_sets(conn).items()}
        width = max(len(bar.after) for bar in bars)
        asked = {"now": instant_text(now), **_columns(bars, numbers, width), **_exceptions(classes)}
        for number, seen, doubtful in conn.execute(_statement(width, bool(classes)), asked):
            found[number] = Reached(seen, tuple(doubtful or ()))
    return tuple(found)


@explained
def tenants_lacking(
    conn: psycopg.Connection[TupleRow], table: str, among: Collection[str] | None = None
) -> frozenset[str]:
    """The tenants without a fact of one table; of ``among``, or with None of all."""
    asked = {"table": table, "among": None if among is None else list(among)}
    return frozenset(tenant for (tenant,) in conn.execute(_LACKING, asked))


_LACKING = """
select slug from telemetry.tenants
where (%(among)s::text[] is null or slug = any(%(among)s::text[]))
    and not exists (select from telemetry.subjects where asset = %(table)s and tenant = slug)
"""


def _statement(width: int, some_named: bool) -> LiteralString:
    cutoffs = ", ".join(f"%(after{place})s::timestamptz[]" for place in range(width))
    names = "".join(f", after{place}" for place in range(width))
    kept = "".join(
        f" and (bar.width <= {place} or fact.data_times[{place + 1}] > bar.after{place})" for place in range(width)
    )
    text = f"""
        select bar.number, count(*), array_agg(fact.tenant) filter (where not (
            not fact.synthetic and (bar.width = 0 or fact.root_set = bar.root_set and not fact.ahead
                and coalesce(fact.looked_at, fact.run_time) <= %(now)s::timestamptz){kept}
        ))
        from telemetry.subjects fact
        join telemetry.tenants tenant on tenant.slug = fact.tenant
        {_NAMED if some_named else ""}
        join unnest(
            %(number)s::int[], %(table)s::text[], %(class)s::int[], %(width)s::int[], %(root_set)s::int[]
            {"," if width else ""} {cutoffs}
        ) as bar (number, "table", class, width, root_set{names})
            on bar."table" = fact.asset and bar.class = {"coalesce(named.class, 0)" if some_named else "0"}
        group by bar.number
    """
    return cast(LiteralString, text)


_NAMED = (
    "left join unnest(%(named)s::text[], %(named_class)s::int[]) as named (slug, class) on named.slug = fact.tenant"
)


def _columns(bars: Sequence[Bar], numbers: Mapping[tuple[str, ...], int], width: int) -> dict[str, list[object]]:
    roots = [tuple(sorted(bar.after)) for bar in bars]
    columns: dict[str, list[object]] = {
        "number": list(range(len(bars))),
        "table": [bar.table for bar in bars],
        "class": [bar.tenants for bar in bars],
        "width": [len(one) for one in roots],
        "root_set": [numbers.get(one, -1) for one in roots],
    }
    for place in range(width):
        columns[f"after{place}"] = [
            instant_text(bar.after[one[place]]) if place < len(one) else None
            for bar, one in zip(bars, roots, strict=True)
        ]
    return columns


def _exceptions(classes: Mapping[str, int]) -> dict[str, list[object]]:
    return {"named": list(classes), "named_class": list(classes.values())} if classes else {}
