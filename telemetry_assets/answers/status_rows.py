"""Which promises are asked about, and their judgements from no more of the ledger than that takes.

What belongs here: narrowing to assets and tenants, choosing between reading rows and one sweep over everything.
What does not: the sweep (``sweep.py``), the answer (``status.py``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import outside_evidence, read_graph
from telemetry_assets.answers.sweep import read_sweep
from telemetry_assets.answers.tenants import find_tenant
from telemetry_assets.errors import UsageError
from telemetry_assets.freshness.judge import Judgement, judge_all
from telemetry_assets.freshness.lineage import Graph, facts_of, graph_of, roots_of
from telemetry_assets.freshness.owed import Group, Owed, groups_owed
from telemetry_assets.ledger import subjects
from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, SubjectFact, Tenant
from telemetry_assets.settings import Settings

MANY = 2000
"""From how many promises on the fresh ones are counted rather than read, where nobody asked for each."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: an asset or a pattern, tenants by slug or id, only what is not fresh, every single row."""

    asset: str | None = None
    tenants: tuple[str, ...] = ()
    late: bool = False
    fresh_rows: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """The judgements, by asset in the order of the graph and by tenant. ``owed``: asset → how many promises of it.

    Where ``rows`` holds fewer of an asset, those left out are fresh. ``roots`` are those they rest on, ``tenants``
    the slugs asked for (None: all).
    """

    nodes: tuple[AssetNode, ...]
    rows: tuple[Judgement, ...]
    owed: Mapping[str, int]
    roots: frozenset[str]
    tenants: frozenset[str] | None = None


def read_rows(conn: Connection[TupleRow], settings: Settings, now: datetime, asked: Asked, many: int = MANY) -> Rows:
    """Judge what was asked for. Raises UsageError, with the nearest, for an asset or tenant that nothing is promised
    of; CouldNotLookError without a ledger."""
    everything = asked.asset is None and not asked.tenants
    if everything and asked.late:
        return _swept(conn, settings, now)
    nodes, everybody = read_graph(conn, settings)
    graph, groups = graph_of(nodes), groups_owed(nodes, settings.promises, everybody)
    if everything and not asked.fresh_rows and sum(len(group.tenants) for group in groups) > many:
        return _swept(conn, settings, now)
    promised = tuple(dict.fromkeys(group.asset for group in groups))
    wanted = promised if asked.asset is None else _matching(asked.asset, promised)
    named = frozenset(find_tenant(everybody, one).slug for one in asked.tenants)
    tenants = named | {ANY_TENANT} if named else None
    owed = _owed(groups, wanted, tenants, everybody)
    facts = subjects.read(conn, *_needed(owed, wanted, tenants, graph, everything))
    rows = _judged(conn, settings, owed, graph, facts, everybody, now)
    counts = dict.fromkeys(wanted, 0)
    for one in owed:
        counts[one.asset] += 1
    owing = {asset: number for asset, number in counts.items() if number}
    return Rows(nodes, rows, owing, _roots(wanted, graph), tenants)


def judgements(
    conn: Connection[TupleRow], settings: Settings, now: datetime, assets: Collection[str]
) -> tuple[Judgement, ...]:
    """Every tenant's judgement of these assets, in the order of the graph; what nothing is promised of is left out."""
    nodes, everybody = read_graph(conn, settings)
    graph, groups = graph_of(nodes), groups_owed(nodes, settings.promises, everybody)
    wanted = tuple(dict.fromkeys(group.asset for group in groups if group.asset in assets))
    owed = _owed(groups, wanted, None, everybody)
    facts = subjects.read(conn, *_needed(owed, wanted, None, graph, everything=False))
    return _judged(conn, settings, owed, graph, facts, everybody, now)


def _judged(
    conn: Connection[TupleRow],
    settings: Settings,
    owed: Sequence[Owed],
    graph: Graph,
    facts: Iterable[SubjectFact],
    everybody: Sequence[Tenant],
    now: datetime,
) -> tuple[Judgement, ...]:
    evidence = replace(outside_evidence(conn, settings, now), facts=facts_of(facts))
    return judge_all(owed, graph, evidence, [one.slug for one in everybody], now)


def _swept(conn: Connection[TupleRow], settings: Settings, now: datetime) -> Rows:
    found = read_sweep(conn, settings, now)
    return Rows(found.nodes, found.judged, found.owed, _roots(found.owed, graph_of(found.nodes)))


def _roots(assets: Iterable[str], graph: Graph) -> frozenset[str]:
    return frozenset(root for asset in assets for root in roots_of(asset, graph))


def _matching(asked: str, promised: Sequence[str]) -> tuple[str, ...]:
    """The promised asset of this key, or all that the pattern matches."""
    found = (asked,) if asked in promised else tuple(key for key in promised if fnmatchcase(key, asked))
    if not found:
        near = get_close_matches(asked, promised, n=1, cutoff=0.4)
        raise UsageError(
            f"Nothing is promised of an asset {asked!r}.",
            f"Did you mean {near[0]}?" if near else f"Promised are {', '.join(promised[:10]) or 'none yet'}.",
        )
    return found


def _owed(
    groups: Sequence[Group], wanted: Collection[str], tenants: frozenset[str] | None, everybody: Sequence[Tenant]
) -> list[Owed]:
    """The subjects asked for, by asset and in the order of the tenants; those that only a promise names come last."""
    place = {tenant.slug: number for number, tenant in enumerate(everybody)}
    by_asset: dict[str, list[Owed]] = {asset: [] for asset in wanted}
    for group in groups:
        if group.asset in by_asset:
            by_asset[group.asset] += (one for one in group.each() if tenants is None or one.tenant in tenants)
    last = len(place)
    return [
        one
        for of_asset in by_asset.values()
        for one in sorted(of_asset, key=lambda owed: (place.get(owed.tenant, last), owed.tenant))
    ]


def _needed(
    owed: Sequence[Owed], wanted: Collection[str], tenants: frozenset[str] | None, graph: Graph, everything: bool
) -> tuple[list[str] | None, list[str] | None]:
    """The assets and the tenants whose facts judging takes (None: all): a view is as its tables are, and one without
    tenants as every tenant's."""
    if everything:
        return None, None
    views = {key for key in wanted if key in graph and graph[key].kind is AssetKind.VIEW}
    whole = any(one.tenant == ANY_TENANT and one.asset in views for one in owed)
    assets = dict.fromkeys(table for key in wanted for table in (key, *(graph.tables(key) if key in views else ())))
    return list(assets), None if tenants is None or whole else sorted(tenants)
