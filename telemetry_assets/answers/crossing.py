"""When a promise may change its state by nothing but time: until then nobody need look, unless something happens.

What belongs here: limits and what the ledger holds → the next such instant. What does not: the scan
(``ledger/crossing.py``), judging (``freshness/judge.py``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import read_graph, read_looks
from telemetry_assets.answers.sweep import classes_of
from telemetry_assets.freshness.cutoff import cutoffs_of
from telemetry_assets.freshness.deadline import next_told
from telemetry_assets.freshness.judge import LONGEST_SKEW, OLDEST_LOOK
from telemetry_assets.freshness.lineage import Graph, fact_now, graph_of, read_by, roots_of
from telemetry_assets.freshness.owed import Group, groups_owed
from telemetry_assets.ledger import crossing, subjects
from telemetry_assets.ledger.crossing import Above, Line
from telemetry_assets.model import AssetKind, Deadline, Limit, Look, Window
from telemetry_assets.settings import Settings

_TICK = timedelta(microseconds=1)


def next_crossing(conn: Connection[TupleRow], settings: Settings, now: datetime) -> datetime | None:
    """The next instant after ``now`` at which the state of any promise can change though nothing happens.

    Never later than the first that does; exact where every promise has a window and one root. None where no such
    instant is known. Raises CouldNotLookError as ``sweep.read_sweep`` does.
    """
    nodes, tenants = read_graph(conn, settings)
    graph, groups = graph_of(nodes), groups_owed(nodes, settings.promises, tenants)
    slugs = [tenant.slug for tenant in tenants]
    limits = {limit for group in groups for limit in group.terms.limits.values() if limit is not None}
    found = [instant for limit in limits if isinstance(limit, Deadline) for instant in _told(limit, now)]
    looks = read_looks(conn, settings)
    found += _unseen(looks[group.asset] for group in groups if group.asset in looks)
    lines: list[tuple[Group, Line]] = []
    others: list[Group] = []
    for group in groups:
        own = _lines(group, graph, now)
        lines += ((group, line) for line in own or ())
        others += [] if own is not None else [group]
    found += _of_lines(conn, lines, classes_of(groups, slugs), now)
    found += _of_each(conn, others, graph, slugs, now)
    return min((instant for instant in found if instant > now), default=None)


def _told(deadline: Deadline, now: datetime) -> Iterator[datetime]:
    """When the next deadline, and the next warning, comes to count."""
    for warned in (False, True) if deadline.warn is not None else (False,):
        instant = _after(now, -deadline.grace)
        told = next_told(deadline, instant, warned=warned) if instant else None
        yield from _known(told and _after(told, deadline.grace))


def _unseen(looks: Iterable[Look]) -> Iterator[datetime]:
    """When what was looked at from outside counts as not looked at."""
    for look in looks:
        yield from _known(_after(look.looked_at, OLDEST_LOOK + _TICK))


def _lines(group: Group, graph: Graph, now: datetime) -> list[Line] | None:
    """What the facts behind a group may cross; None where each of its subjects must be looked at."""
    node, limits = graph.get(group.asset), group.terms.limits
    if not any(limits.values()):
        return []
    if node is None or group.number < 0 or not group.listed:
        return None
    tables = graph.tables(group.asset) if node.kind is AssetKind.VIEW and node.clock is None else (group.asset,)
    lines: list[Line] = []
    for table in tables:
        roots = tuple(sorted(roots_of(table, graph)))
        bars = {root: _bars(limit, now) for root, limit in limits.items() if root in roots and limit is not None}
        if bars and graph[table].tenanted != node.tenanted:
            return None
        if bars:
            lines.append(Line(table, group.number, roots, bars))
    return lines


def _bars(limit: Limit, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The cutoffs of a window; those of a deadline move at its own instants."""
    if isinstance(limit, Deadline):
        return None, None
    cutoffs = cutoffs_of(limit, now)
    return cutoffs.fail, cutoffs.warn


def _of_lines(
    conn: Connection[TupleRow], lines: Sequence[tuple[Group, Line]], classes: Mapping[str, int], now: datetime
) -> Iterator[datetime]:
    horizon = now + LONGEST_SKEW
    above = crossing.next_above(conn, [line for _, line in lines], classes, horizon)
    unlike = [pair for pair, one in zip(lines, above, strict=True) if one.others]
    sets = crossing.root_sets_of(conn, [line.table for _, line in unlike]) if unlike else {}
    again = [
        (group, replace(line, roots=roots, bars={root: bar for root, bar in line.bars.items() if root in roots}))
        for group, line in unlike
        for roots in sets.get(line.table, ())
        if roots and roots != line.roots
    ]
    more = crossing.next_above(conn, [line for _, line in again], classes, horizon)
    for (group, _), one in zip((*lines, *again), (*above, *more), strict=True):
        yield from _crossed(group, one)


def _crossed(group: Group, above: Above) -> Iterator[datetime]:
    for root, limit in group.terms.limits.items():
        if isinstance(limit, Window):
            if root in above.late:
                yield from _known(_after(above.late[root], limit.fail))
            if root in above.due and limit.warn is not None:
                yield from _known(_after(above.due[root], limit.warn))
    if above.ahead is not None:
        yield above.ahead - LONGEST_SKEW


def _of_each(
    conn: Connection[TupleRow], groups: Sequence[Group], graph: Graph, tenants: Sequence[str], now: datetime
) -> Iterator[datetime]:
    """The same, subject by subject: data without tenants, and what only promises name."""
    wanted = [one for group in groups for one in group.each()]
    needed = read_by(((one.asset, one.tenant) for one in wanted), graph, tenants)
    facts = subjects.read_each(conn, list(needed)) if needed else {}
    for one in wanted:
        fact = fact_now(one.asset, one.tenant, graph, facts, now, tenants)
        for root, data_time in fact.data_times.items() if fact else ():
            yield from _of_time(data_time, one.terms.limits.get(root), now)


def _of_time(data_time: datetime, limit: Limit | None, now: datetime) -> Iterator[datetime]:
    if data_time > now + LONGEST_SKEW:
        yield data_time - LONGEST_SKEW
    for span in (limit.fail, limit.warn) if isinstance(limit, Window) else ():
        yield from _known(None if span is None else _after(data_time, span))


def _after(instant: datetime, span: timedelta) -> datetime | None:
    """So long after; None where that is no time of Python's."""
    try:
        return instant + span
    except OverflowError:
        return None


def _known(instant: datetime | None) -> Iterator[datetime]:
    if instant is not None:
        yield instant
