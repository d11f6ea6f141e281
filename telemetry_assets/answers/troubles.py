"""Everything that is wrong now, from the ledger: the troubles that incidents are made of (docs/incidents.md).

What belongs here: promises that are not kept and their causes, and what joins all rows of that list. What does not:
what is wrong beside a promise (``troubles_beside.py``), adding troubles up (``incidents/``), the monitor itself.
"""

import gc
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from graphlib import CycleError, TopologicalSorter

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.happened import read_happenings, veil_of
from telemetry_assets.answers.owners import Owners, dashboards_of, owners_of
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.answers.standing import standing_of
from telemetry_assets.answers.sweep import Sweep, read_swept
from telemetry_assets.answers.troubles_beside import Around, read_beside
from telemetry_assets.answers.troubles_of_runs import read_failed_checks, read_failed_runs
from telemetry_assets.freshness.cause import Cause
from telemetry_assets.freshness.causes import causes_of
from telemetry_assets.freshness.cutoff import cutoffs_of
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.freshness.lineage import Graph, read_by
from telemetry_assets.incidents.trouble import Dashboard, Severity, Trouble
from telemetry_assets.ledger import first_known, subjects
from telemetry_assets.ledger import graph as ledger_graph
from telemetry_assets.model import ANY_TENANT, CauseKind, Limit, State
from telemetry_assets.settings import Settings

_TIME_TO_COME = timedelta(hours=1)
"""How long what never came may take to come where several limits are promised."""
OF_THE_DECLARATION = frozenset({CauseKind.UNDATED, CauseKind.NO_WINDOW})
"""What ``config lint`` and ``status`` say, and no incident does."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong, the dashboards that read each asset, and the sweep that says what was promised and not fresh."""

    troubles: tuple[Trouble, ...]
    dashboards: Mapping[str, tuple[Dashboard, ...]]
    sweep: Sweep


def read_troubles(conn: Connection[TupleRow], settings: Settings, now: datetime) -> Found:
    """Every trouble at ``now`` but those of the monitor itself; those of promises first, by asset and tenant.

    What is wrong beside a promise that is broken by just that is told once. No text holds a secret.
    Raises CouldNotLookError as ``sweep.read_sweep`` does.
    """
    with _without_collecting():
        swept, graph, judged, causes = _explained(conn, settings, now)
        exposures = ledger_graph.read_exposures(conn)
        owner = owners_of(graph, settings.promises, exposures)
        broken = list(_of_promises(judged, causes, owner, settings))
    around = Around(settings, graph, frozenset(tenant.slug for tenant in swept.tenants), owner, now)
    beside, checks = read_beside(conn, around), read_failed_checks(conn, around)
    explained = {*beside.failing, *([Phase.CHECKS] if broken else []), *([Phase.BUILD] if checks else [])}
    runs = read_failed_runs(conn, around, explained)
    return Found((*_joined(broken, [*beside.troubles, *checks]), *runs), dashboards_of(exposures), swept)


def _joined(broken: Sequence[Trouble], beside: Sequence[Trouble]) -> Iterator[Trouble]:
    """Both, but what breaks a promise once, with the worse severity: what is beside it says nothing more of the
    subject, and of an asset as a whole nothing more than what is broken of it."""
    known = {(one.kind, one.where, one.asset, one.tenant): one.severity for one in beside}
    told: set[tuple[str, ...]] = set()
    for one in broken:
        for tenant in (one.tenant, ANY_TENANT) if known else ():
            key = (one.kind, one.where, one.asset, tenant)
            if key in known:
                told.add(key)
                one = one if known[key].rank <= one.severity.rank else replace(one, severity=known[key])
        yield one
    yield from (one for one in beside if (one.kind, one.where, one.asset, one.tenant) not in told)


@contextmanager
def _without_collecting() -> Generator[None]:
    """Very many objects and no circle among them: Python's collector would walk all of them again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _with_time_to_come(conn: Connection[TupleRow], judged: Sequence[Judgement], now: datetime) -> tuple[Judgement, ...]:
    """Without what never came and had no time to: as if what it holds were as old as our knowing of it."""
    if not any(one.state is State.MISSING for one in judged):
        return tuple(judged)
    known, bars = first_known.read(conn), dict[Limit | None, datetime]()
    for limit in {one.limit for one in judged if one.state is State.MISSING}:
        bars[limit] = cutoffs_of(limit, now).fail if limit else now - _TIME_TO_COME
    return tuple(
        one for one in judged if one.state is not State.MISSING or known.of(one.asset, one.tenant) <= bars[one.limit]
    )


def _explained(
    conn: Connection[TupleRow], settings: Settings, now: datetime
) -> tuple[Sweep, Graph, tuple[Judgement, ...], list[Cause]]:
    """What is not fresh, and of each that is to be told the cause."""
    swept, graph, evidence = read_swept(conn, settings, now)
    judged = _with_time_to_come(conn, swept.judged, now)
    if not judged:
        return swept, graph, (), []
    slugs = [tenant.slug for tenant in swept.tenants]
    explained = [one for one in judged if one.state is not State.UNKNOWN]
    above = _above((one.asset for one in explained), graph)
    needed = read_by(_needed(explained, above, graph, slugs), graph, slugs)
    facts = {**evidence.facts, **subjects.read_each(conn, [one for one in needed if one not in evidence.facts])}
    whose = dict.fromkeys(one.tenant for one in explained)
    happened = read_happenings(conn, settings, above, (*whose, *slugs) if ANY_TENANT in whose else tuple(whose))
    return swept, graph, judged, causes_of(judged, graph, replace(evidence, facts=facts), happened, slugs, now)


def _above(assets: Iterable[str], graph: Graph) -> dict[str, None]:
    """The assets and all that they are made from, breadth first."""
    found = dict.fromkeys(assets)
    queue = list(found)
    for key in queue:
        for parent in graph[key].parents if key in graph else ():
            if parent not in found:
                found[parent] = None
                queue.append(parent)
    return found


def _needed(
    judged: Sequence[Judgement], above: Iterable[str], graph: Graph, tenants: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """The (asset, tenant) that explain the judgements: of everything above an asset those of its tenants."""
    whose: dict[str, set[str]] = {key: set() for key in above}
    for one in judged:
        whose[one.asset].add(one.tenant)
    parents = {key: graph[key].parents if key in graph else () for key in whose}
    try:
        downwards = list(TopologicalSorter(parents).static_order())
    except CycleError:
        everybody = set[str]().union(*whose.values())
        downwards, whose = [], dict.fromkeys(whose, everybody)
    for key in reversed(downwards):
        for parent in parents[key]:
            whose[parent] |= whose[key]
    for key, of_key in whose.items():
        if key in graph and not graph[key].tenanted:
            yield key, ANY_TENANT
        else:
            yield from ((key, one) for one in (of_key.union(tenants) if ANY_TENANT in of_key else of_key))


def _of_promises(
    judged: Iterable[Judgement], causes: Iterable[Cause], owner: Owners, settings: Settings
) -> Iterator[Trouble]:
    veil = veil_of(settings)
    for one, cause in zip(judged, causes, strict=True):
        if cause.kind in OF_THE_DECLARATION:
            continue
        kind, where = cause.identity
        # Everything else that others said was veiled when it was read.
        foreign = kind is CauseKind.COULD_NOT_LOOK
        yield Trouble(
            kind=kind,
            where=where,
            severity=Severity.ERROR if one.state.broken else Severity.WARN,
            asset=one.asset,
            tenant=one.tenant,
            says=veil(cause.says) if foreign else cause.says,
            remedy=cause.remedy,
            root=cause.root,
            quote=veil(cause.quote) if foreign else cause.quote,
            since=cause.since,
            owner=one.owner or owner(one.asset),
            standing=standing_of(one),
        )
