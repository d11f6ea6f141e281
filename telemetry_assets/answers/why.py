"""Why an asset's promises are not kept: from the ledger to the one cause of each tenant, and what hangs on it.

What belongs here: reading what an explanation needs, telling several tenants' same cause once. What does not: the
cause (``freshness/cause.py``), the hops (``why_path.py``), drawing (``render/why.py``).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import outside_evidence, read_graph
from telemetry_assets.answers.happened import read_happenings
from telemetry_assets.answers.tenants import find_tenant
from telemetry_assets.answers.why_answer import Broken, Explanation, Harm, WhyAnswer
from telemetry_assets.answers.why_path import hops_of
from telemetry_assets.errors import UsageError
from telemetry_assets.freshness.cause import OF_THE_SYNC, Cause, case_of, cause_of
from telemetry_assets.freshness.cutoff import cutoffs_of
from telemetry_assets.freshness.happenings import Happenings
from telemetry_assets.freshness.judge import Evidence, Judgement, judge_all, worst
from telemetry_assets.freshness.lineage import Graph, facts_of, graph_of
from telemetry_assets.freshness.owed import Group, Owed, groups_owed
from telemetry_assets.freshness.window import promise_for
from telemetry_assets.ledger import graph as ledger_graph
from telemetry_assets.ledger import subjects
from telemetry_assets.model import ANY_TENANT, Deadline, State, Window
from telemetry_assets.settings import Settings

MOST_TENANTS = 200
"""Of how many of a cause's tenants what hangs on it is counted."""
MOST_ERRORS = 20
"""Of so many errors under one cause each is told by itself; of more, as where each names its tenant, the worst."""
_FURTHEST = timedelta(days=400)
"""How far ahead a promise is followed to where it would be broken."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the ledger holds, as far as one asset is concerned."""

    conn: Connection[TupleRow]
    settings: Settings
    now: datetime
    graph: Graph
    slugs: tuple[str, ...]
    groups: tuple[Group, ...]
    outside: Evidence

    def known(self, assets: Iterable[str], tenants: Sequence[str] | None) -> Evidence:
        """What is known of these assets, for ``tenants`` and the data without. Everybody's for None and for ``*``,
        which holds the oldest of all."""
        whose = None if tenants is None or ANY_TENANT in tenants else [*tenants, ANY_TENANT]
        return replace(self.outside, facts=facts_of(subjects.read(self.conn, list(assets), whose)))

    def judged(self, owed: Sequence[Owed], evidence: Evidence) -> tuple[Judgement, ...]:
        """These subjects now."""
        return judge_all(owed, self.graph, evidence, self.slugs, self.now)

    def stored(self, assets: Iterable[str]) -> dict[str, None]:
        """The assets and, of views, the tables they read: all that a judgement needs."""
        return dict.fromkeys(key for asset in assets for key in (asset, *self.graph.tables(asset)))

    def owed(self, assets: Collection[str], tenants: Collection[str]) -> list[Owed]:
        """What is promised of these assets to these tenants."""
        return [
            Owed(group.asset, tenant, group.terms)
            for group in self.groups
            if group.asset in assets
            for tenant in group.tenants
            if tenant in tenants
        ]

    def parents(self, key: str) -> Sequence[str]:
        """What an asset is made from."""
        return self.graph[key].parents if key in self.graph else ()


def read_why(
    conn: Connection[TupleRow], settings: Settings, now: datetime, asset: str, tenant: str | None = None
) -> WhyAnswer:
    """Why ``asset`` does not keep its promises, of every tenant or of one by slug or id; where all are kept, which one
    is nearest to breaking.

    Raises UsageError for an asset without a promise or an unknown tenant, naming the nearest; CouldNotLookError.
    """
    nodes, everybody = read_graph(conn, settings)
    only = find_tenant(everybody, tenant).slug if tenant is not None else None
    groups = groups_owed(nodes, settings.promises, everybody)
    graph = graph_of(nodes)
    owed = _owed_of(_require_promised(asset, groups, graph), only, groups)
    slugs, outside = tuple(one.slug for one in everybody), outside_evidence(conn, settings, now)
    reading = _Reading(conn, settings, now, graph, slugs, groups, outside)
    whose = [one.tenant for one in owed] if only else None
    judged = reading.judged(owed, reading.known(reading.stored([asset]), whose))
    told = _to_tell(judged)
    tenants, above = list(dict.fromkeys(one.tenant for one in told)), _closure([asset], reading.parents)
    evidence = reading.known(above, tenants)
    happened = read_happenings(conn, settings, above, tenants)
    explanations = [
        _explained(reading, evidence, happened, alike) for alike in _by_cause(reading, evidence, happened, told)
    ]
    explanations.sort(key=lambda one: (not one.judgement.state.broken, one.cause is None, -len(one.judgements)))
    return WhyAnswer(
        now=now,
        asset=asset,
        tenant=only,
        entry=_entry(asset, settings),
        owner=next((one.owner for one in judged if one.owner), None),
        explanations=tuple(explanations),
        owed=len(judged),
        kept=sum(one.state is State.PASS for one in judged),
    )


def _require_promised(asset: str, groups: Iterable[Group], graph: Graph) -> str:
    promised = sorted({group.asset for group in groups})
    if asset in promised:
        return asset
    below = [
        key for key in promised if asset in _closure([key], lambda one: graph[one].parents if one in graph else ())
    ]
    if asset in graph:
        offered = f"Promised of what is made from it: {', '.join(below[:5])}." if below else "Add it under promises:."
        raise UsageError(f"Nothing is promised of {asset} itself.", offered)
    matching = [key for key in promised if fnmatchcase(key, asset)]
    if matching:
        offered = f"Take one, as {matching[0]}; patterns are for: telemetry status {asset!r}"
        raise UsageError(f"why explains one asset, and {asset!r} are {len(matching)}.", offered)
    called = [key for key in sorted({*promised, *graph}) if key.rpartition("/")[2] == asset]
    near = called or get_close_matches(asset, promised, n=1, cutoff=0.4)
    known = f"Promised are {', '.join(promised[:10]) or 'none yet'}{' and more' if len(promised) > 10 else ''}."
    offered = f"Did you mean {' or '.join(near[:5])}?" if near else known
    raise UsageError(f"Nothing is promised of an asset {asset!r}.", offered)


def _owed_of(asset: str, tenant: str | None, groups: Iterable[Group]) -> list[Owed]:
    owed = [one for group in groups if group.asset == asset for one in group.each()]
    chosen = [one for one in owed if tenant is None or one.tenant in (tenant, ANY_TENANT)]
    if not chosen:
        to = ", ".join(one.tenant for one in owed[:10])
        raise UsageError(f"{asset} is not promised to {tenant}.", f"It is promised to {to}.")
    return chosen


def _to_tell(judged: Sequence[Judgement]) -> list[Judgement]:
    """Those that are not fresh; where all are, the one with the least slack."""
    bad = [one for one in judged if one.state is not State.PASS]
    if bad or not judged:
        return bad
    return [min(judged, key=lambda one: one.slack if one.slack is not None else timedelta.max)]


type _Alike = list[tuple[Judgement, Cause | None]]


def _by_cause(reading: _Reading, evidence: Evidence, happened: Happenings, told: Sequence[Judgement]) -> list[_Alike]:
    """The judgements by what explains them (of two errors under one cause each is told), of each the worst first."""
    causes = [
        cause_of(one, reading.graph, evidence, happened, reading.slugs, reading.now)
        if one.state is not State.PASS
        else None
        for one in told
    ]
    errors: dict[object, set[str]] = {}
    for cause in filter(None, causes):
        errors.setdefault(cause.identity, set()).add(cause.quote)
    alike: dict[object, _Alike] = {}
    for one, cause in zip(told, causes, strict=True):
        apart = cause is not None and len(errors[cause.identity]) <= MOST_ERRORS
        key = cause and (cause.identity, cause.quote if apart else "")
        alike.setdefault(key, []).append((one, cause))
    never = timedelta.min
    for found in alike.values():
        states = [one.state for one, _ in found]
        found.sort(key=lambda pair: (pair[0].state is not worst(states), pair[0].slack or never))
    return list(alike.values())


def _explained(reading: _Reading, evidence: Evidence, happened: Happenings, alike: _Alike) -> Explanation:
    judgement, cause = alike[0]
    case = case_of(judgement, reading.graph, evidence, happened, reading.slugs, reading.now)
    own = reading.judged(reading.owed(case.path(), {judgement.tenant, ANY_TENANT}), evidence)
    tenants = [one.tenant for one, _ in alike]
    return Explanation(
        judgements=tuple(one for one, _ in alike),
        root=case.root,
        cause=cause,
        hops=hops_of(case, {one.asset: one for one in own}),
        harm=_harm(reading, cause, tenants) if cause else None,
        late_at=_late_at(judgement, reading.now) if judgement.state in (State.PASS, State.WARN) else None,
    )


def _harm(reading: _Reading, cause: Cause, tenants: Sequence[str]) -> Harm:
    """The broken promises of these tenants on whatever is made from where the cause lies, and who reads it."""
    children: dict[str, list[str]] = {}
    for node in reading.graph.values():
        for parent in node.parents:
            children.setdefault(parent, []).append(node.key)
    source = f"{cause.root.partition('/')[0]}/"
    start = [key for key in reading.graph if cause.kind in OF_THE_SYNC and key.startswith(source)] or [cause.root]
    below = _closure(start, lambda key: children.get(key, ()))
    looked_at = list(tenants[:MOST_TENANTS])
    owed = reading.owed(below, {*looked_at, ANY_TENANT})
    whose = list(dict.fromkeys(one.tenant for one in owed))
    judged = reading.judged(owed, reading.known(reading.stored(below), whose))
    exposures = [one for one in ledger_graph.read_exposures(reading.conn) if set(one.parents) & set(below)]
    blind = tuple(dict.fromkeys(one.owner for one in judged if one.state is State.UNKNOWN and one.owner))
    return Harm(tuple(_broken(judged)), tuple(exposures), tuple(below), len(looked_at), len(tenants), blind)


def _broken(judged: Sequence[Judgement]) -> Iterator[Broken]:
    for asset in dict.fromkeys(one.asset for one in judged):
        broken = [one for one in judged if one.asset == asset and one.state.broken]
        if broken:
            states = worst(one.state for one in broken)
            yield Broken(asset, states, tuple(one.tenant for one in broken), broken[0].owner)


def _closure(start: Iterable[str], step: Callable[[str], Sequence[str]]) -> dict[str, None]:
    """``start`` and all that is reached from it, breadth first, each once."""
    found = dict.fromkeys(start)
    queue = list(found)
    for key in queue:
        for reached in step(key):
            if reached not in found:
                found[reached] = None
                queue.append(reached)
    return found


def _entry(asset: str, settings: Settings) -> str:
    """Where the promise is written down."""
    promise = promise_for(asset, settings.promises)
    if promise is None:
        return "freshness: of the dbt source"
    return f"promise {settings.promises.index(promise) + 1} of {settings.path.name}, {promise.asset}"


def _late_at(judgement: Judgement, now: datetime) -> datetime | None:
    """When what is fresh now would be late if nothing moved, to the second; None where that is over a year away."""
    limit, data_time = judgement.limit, judgement.data_time
    if limit is None or data_time is None:
        return None
    if isinstance(limit, Window):
        return data_time + limit.fail if limit.fail < _FURTHEST else None
    return _first_late(limit, data_time, now)


def _first_late(limit: Deadline, data_time: datetime, now: datetime) -> datetime | None:
    """By halves: once late by the calendar, it stays so."""
    fresh, late = now, now + _FURTHEST
    if data_time > cutoffs_of(limit, late).fail:
        return None
    while late - fresh > timedelta(seconds=1):
        middle = fresh + (late - fresh) / 2
        fresh, late = (middle, late) if data_time > cutoffs_of(limit, middle).fail else (fresh, middle)
    return late.replace(microsecond=0)
