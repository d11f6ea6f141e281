"""Every fact of the ledger held against its cutoffs in a scan: which data time is the next to cross one.

What belongs here: the statements. What does not: cutoffs, and what instant follows from a data time
(``answers/crossing.py``), who is in doubt now (``sweep.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import LiteralString, cast

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.subjects import root_sets
from telemetry_assets.ledger.values import instant_of, instant_text

_WIDTHS = (1, 4, 16)
"""Lines of up to so many roots are held against the facts together: whoever has one root pays for one."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the facts of one table, of one class of tenants, may cross: root → (late, due), the cutoffs now; None where
    there is none. ``roots``: all that such a fact dates, by name; those of ``bars`` are among them."""

    table: str
    tenants: int
    roots: tuple[str, ...]
    bars: Mapping[str, tuple[datetime | None, datetime | None]]


@dataclass(frozen=True, slots=True)
class Above:
    """Of one line: root → the oldest data time after its ``late`` cutoff, and after ``due``; the oldest data time of
    any root that lies after the horizon; how many facts date other roots, and were passed over."""

    late: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    due: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    ahead: datetime | None = None
    others: int = 0


@explained
def next_above(
    conn: psycopg.Connection[TupleRow], lines: Sequence[Line], classes: Mapping[str, int], horizon: datetime
) -> tuple[Above, ...]:
    """Hold every fact against its line; one answer per line, in their order. Synthetic facts count for nothing.

    ``classes`` names the class of each tenant that is not of class 0; facts of ``*`` are passed over.
    """
    found = [Above()] * len(lines)
    numbers = {roots: number for number, roots in root_sets(conn).items()}
    with conn.transaction():
        # As in sweep.py: the planner knows no sizes of what is handed in.
        conn.execute("set local join_collapse_limit = 1")
        conn.execute("set local enable_nestloop = off")
        conn.execute("set local enable_sort = off")
        conn.execute("set local jit = off")
        for places, width in _by_width(lines):
            asked = {"horizon": instant_text(horizon), **_columns(lines, places, numbers, width)}
            if classes:
                asked |= {"named": list(classes), "named_class": list(classes.values())}
            for place, others, ahead, *times in conn.execute(_statement(width, bool(classes)), asked):
                found[place] = _above(lines[place], others, ahead, times)
    return tuple(found)


@explained
def root_sets_of(conn: psycopg.Connection[TupleRow], tables: Sequence[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """table → the sets of roots that facts of it date."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for table, roots in conn.execute(_ROOT_SETS_OF, {"tables": list(tables)}):
        found[table] = (*found.get(table, ()), tuple(roots))
    return found


_ROOT_SETS_OF = """
select asset, roots from (
    select distinct asset, root_set from telemetry.subjects where asset = any(%(tables)s::text[])
) as held join telemetry.root_sets on id = root_set
order by asset, roots
"""


def _by_width(lines: Sequence[Line]) -> Iterator[tuple[list[int], int]]:
    """The places of the lines in groups, and the most roots that one of a group has."""
    widest = max((len(line.roots) for line in lines), default=0)
    least = 0
    for width in (*_WIDTHS, max(widest, _WIDTHS[-1] + 1)):
        places = [place for place, line in enumerate(lines) if least < len(line.roots) <= width]
        if places:
            yield places, max(len(lines[place].roots) for place in places)
        least = width


def _statement(width: int, some_named: bool) -> LiteralString:
    """Per line: its place, the facts of other roots, what lies ahead; then late and due of each root, as texts."""
    bars = ", ".join(f"%({kind}{place})s::timestamptz[]" for place in range(width) for kind in ("late", "due"))
    names = ", ".join(f"{kind}{place}" for place in range(width) for kind in ("late", "due"))
    held = [f"fact.data_times[{place + 1}]" for place in range(width) for _ in ("late", "due")]
    alike = "fact.root_set = line.root_set"
    oldest = "".join(
        f", min({time}) filter (where {alike} and {time} > line.{name})::text"
        for time, name in zip(held, names.split(", "), strict=True)
    )
    text = f"""
        select line.place, count(*) filter (where not {alike}),
            min((select min(time) from unnest(fact.data_times) as time where time > %(horizon)s::timestamptz))
                filter (where fact.ahead or coalesce(fact.looked_at, fact.run_time) > %(horizon)s::timestamptz)::text
            {oldest}
        from telemetry.subjects fact
        join telemetry.tenants tenant on tenant.slug = fact.tenant
        {_NAMED if some_named else ""}
        join unnest(%(place)s::int[], %(table)s::text[], %(class)s::int[], %(root_set)s::int[], {bars})
            as line (place, "table", class, root_set, {names})
            on line."table" = fact.asset and line.class = {"coalesce(named.class, 0)" if some_named else "0"}
        where not fact.synthetic
        group by line.place
    """
    return cast(LiteralString, text)


_NAMED = (
    "left join unnest(%(named)s::text[], %(named_class)s::int[]) as named (slug, class) on named.slug = fact.tenant"
)


def _columns(
    lines: Sequence[Line], places: Sequence[int], numbers: Mapping[tuple[str, ...], int], width: int
) -> dict[str, object]:
    chosen = [lines[place] for place in places]
    columns: dict[str, object] = {
        "place": list(places),
        "table": [line.table for line in chosen],
        "class": [line.tenants for line in chosen],
        "root_set": [numbers.get(line.roots, -1) for line in chosen],
    }
    for place in range(width):
        for number, kind in enumerate(("late", "due")):
            columns[f"{kind}{place}"] = [_bar(line, place, number) for line in chosen]
    return columns


def _bar(line: Line, place: int, number: int) -> str | None:
    bars = line.bars.get(line.roots[place]) if place < len(line.roots) else None
    bar = bars[number] if bars else None
    return instant_text(bar) if bar else None


def _above(line: Line, others: int, ahead: str | None, times: Sequence[str | None]) -> Above:
    late, due = (
        {root: instant_of(text) for root, text in zip(line.roots, times[kind::2], strict=False) if text}
        for kind in (0, 1)
    )
    return Above(late, due, instant_of(ahead) if ahead else None, others)
