"""Who is not fresh, of however many subjects: one scan says who surely is, the pure judgement looks at the others.

What belongs here: promises → bars, the scan's doubts → judgements. What does not: the scan (``ledger/sweep.py``), the
judgement (``freshness/judge.py``), and the board that holds every subject (``board.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import outside_evidence, read_graph
from telemetry_assets.freshness.cutoff import cutoffs_of
from telemetry_assets.freshness.judge import Evidence, Judgement, judge_all
from telemetry_assets.freshness.lineage import Graph, graph_of, read_by, roots_of
from telemetry_assets.freshness.owed import Group, Owed, groups_owed
from telemetry_assets.ledger import subjects
from telemetry_assets.ledger.sweep import Bar, sweep, tenants_lacking
from telemetry_assets.model import AssetKind, AssetNode, Limit, State, Tenant
from telemetry_assets.settings import Settings

_OWED_NOTHING = -2
"""The class of tenants that no promise is about; no bar has it."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Everything promised at ``now``: ``judged`` are those that are not fresh, by asset in the order of the graph and
    by tenant; ``owed`` counts the subjects of each promised asset."""

    now: datetime
    nodes: tuple[AssetNode, ...]
    tenants: tuple[Tenant, ...]
    judged: tuple[Judgement, ...]
    owed: dict[str, int]

    @property
    def promises(self) -> int:
        """How many subjects are owed in all."""
        return sum(self.owed.values())


def read_sweep(conn: Connection[TupleRow], settings: Settings, now: datetime) -> Sweep:
    """Judge every promised subject; the cost grows with the ledger only as fast as one scan of it.

    Raises CouldNotLookError as ``board.read_board`` does.
    """
    return read_swept(conn, settings, now)[0]


def read_swept(conn: Connection[TupleRow], settings: Settings, now: datetime) -> tuple[Sweep, Graph, Evidence]:
    """The sweep, and what it was judged by: the graph, the looks and oddities, the facts of all that was in doubt."""
    nodes, tenants = read_graph(conn, settings)
    graph, groups = graph_of(nodes), groups_owed(nodes, settings.promises, tenants)
    evidence = outside_evidence(conn, settings, now)
    slugs = [tenant.slug for tenant in tenants]
    doubtful = _doubtful(conn, groups, graph, slugs, evidence, now)
    facts = subjects.read_each(conn, list(read_by(((one.asset, one.tenant) for one in doubtful), graph, slugs)))
    evidence = replace(evidence, facts=facts)
    judged = judge_all(doubtful, graph, evidence, slugs, now)
    owed: dict[str, int] = {}
    for group in groups:
        owed[group.asset] = owed.get(group.asset, 0) + len(group.tenants)
    broken = tuple(one for one in judged if one.state is not State.PASS)
    return Sweep(now, nodes, tenants, broken, owed), graph, evidence


def _doubtful(
    conn: Connection[TupleRow],
    groups: Sequence[Group],
    graph: Graph,
    tenants: Sequence[str],
    evidence: Evidence,
    now: datetime,
) -> list[Owed]:
    """The subjects that may not be fresh, in the order of the groups."""
    bars: list[Bar] = []
    places: list[tuple[int, ...] | None] = []
    cutoffs: dict[Limit, datetime] = {}
    for group in groups:
        own = _bars(group, graph, cutoffs, now)
        places.append(None if own is None else tuple(range(len(bars), len(bars) + len(own))))
        bars += own or ()
    reached = sweep(conn, bars, classes_of(groups, tenants), now)
    short: dict[str, dict[int, int]] = {}
    for group, own in zip(groups, places, strict=True):
        for place in own or ():
            if lacking := len(group.tenants) - reached[place].seen:
                short.setdefault(bars[place].table, {})[group.number] = lacking
    members = {number: frozenset(alike) for number, alike in _members(groups).items()}
    absent = _absent(conn, short, members)
    order = {tenant: place for place, tenant in enumerate(tenants)}
    failed = {key for key, look in evidence.looks.items() if look.error and look.feeder == key}
    odd: dict[str, set[str]] = {}
    for asset, tenant in evidence.oddities:
        odd.setdefault(asset, set()).add(tenant)
    found: list[Owed] = []
    for group, own in zip(groups, places, strict=True):
        if own is None or group.asset in failed:
            found += group.each()
            continue
        named = set(odd.get(group.asset, ()))
        for place in own:
            named.update(reached[place].doubtful, absent.get(bars[place].table, ()))
        ordered = sorted(named & members[group.number], key=order.__getitem__)
        found += (Owed(group.asset, tenant, group.terms) for tenant in ordered)
    return found


def classes_of(groups: Sequence[Group], tenants: Sequence[str]) -> dict[str, int]:
    """The class of each tenant but those of class 0. Who is owed nothing is of none: their facts count for nobody."""
    of_each = {tenant: number for number, alike in _members(groups).items() for tenant in alike}
    return {tenant: of_each.get(tenant, _OWED_NOTHING) for tenant in tenants if of_each.get(tenant) != 0}


def _members(groups: Iterable[Group]) -> dict[int, tuple[str, ...]]:
    """The tenants of each class: the same for all its groups."""
    return {group.number: group.tenants for group in groups}


def _absent(
    conn: Connection[TupleRow], short: Mapping[str, Mapping[int, int]], members: Mapping[int, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """table → tenants without a fact of it, where ``short`` counts how many of each class lack one.

    Who lacks one table mostly lacks the others too: those are tried first, and the counts tell whether that is all.
    """
    suspects: set[str] = set()
    found: dict[str, frozenset[str]] = {}
    for table, lacking in short.items():
        absent = tenants_lacking(conn, table, suspects)
        if any(len(absent & members[number]) != count for number, count in lacking.items()):
            absent = tenants_lacking(conn, table)
            suspects |= absent
        found[table] = absent
    return found


def _bars(group: Group, graph: Graph, cutoffs: dict[Limit, datetime], now: datetime) -> list[Bar] | None:
    """What the facts behind a group must reach to be surely fresh; None where only the judgement can tell."""
    limits, node = group.terms.limits, graph.get(group.asset)
    if not limits or node is None or group.number < 0 or not group.listed:
        return None
    after = {root: _fresh_after(limit, cutoffs, now) for root, limit in limits.items() if limit is not None}
    if len(after) < len(limits):
        return None
    if node.kind is not AssetKind.VIEW or node.clock is not None:
        return [Bar(group.asset, group.number, after)]
    bars = [Bar(group.asset, group.number, {})]
    for table in graph.tables(group.asset):
        roots = [root for root in roots_of(table, graph) if root in after]
        if roots and graph[table].tenanted != node.tenanted:
            return None
        if roots:
            bars.append(Bar(table, group.number, {root: after[root] for root in roots}))
    return bars if {root for bar in bars for root in bar.after} == set(after) else None


def _fresh_after(limit: Limit, cutoffs: dict[Limit, datetime], now: datetime) -> datetime:
    if limit not in cutoffs:
        cutoffs[limit] = cutoffs_of(limit, now).fresh_after
    return cutoffs[limit]
