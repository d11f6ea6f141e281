"""What Dagster materialized elsewhere → facts: the assets of other code locations of the same instance count too.

What belongs here: pure translation of event rows handed in. What does not: reading the event log (``defs/``), our own
assets, which write their facts themselves: their events come back here and change nothing.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from telemetry_assets.freshness.facts import newest
from telemetry_assets.freshness.lineage import Graph, data_times_of, incorporate, is_dated, roots_of
from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, Clock, ClockKind, SubjectFact
from telemetry_assets.sources.partition_times import dimensions, is_time, partition_end

SOURCE = "dagster"
DATA_TIME, LAST_UPDATED, SYNTHETIC = "telemetry/data_time", "dagster/last_updated_timestamp", "telemetry/synthetic"
METADATA = (DATA_TIME, LAST_UPDATED, SYNTHETIC)
"""The metadata of an event that mean something to us."""
POINTER = "dagster/input_event_pointer/"
"""Dagster tags a materialization with one of these for each asset it was made from."""

_NEVER = datetime.min.replace(tzinfo=UTC)

type Subject = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One materialization (or observation) as the event log has it. ``run_began`` is None for a runless one.

    ``metadata`` holds those of METADATA that it has, plain values; ``tags`` are those of the event.
    """

    storage_id: int
    asset: str
    happened_at: datetime
    run_id: str
    partition: str | None = None
    run_began: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    observed: bool = False

    @property
    def began(self) -> datetime:
        """When the run began that made it, which is what its inputs were read at, at the latest."""
        return min(self.run_began or self.happened_at, self.happened_at)

    @property
    def parents(self) -> tuple[str, ...]:
        """The assets it was made from, as far as Dagster knows."""
        named = {tag.removeprefix(POINTER) for tag in self.tags if tag.startswith(POINTER)}
        return tuple(sorted(named - {self.asset}))


@dataclass(frozen=True, slots=True)
class Wanted:
    """An asset of another code location that is declared (with a clock), or that a promise spells out (without).

    ``apart``: how far its partitions by time lie apart, where that is known.
    """

    asset: str
    clock: Clock | None = None
    tenanted: bool | None = None
    apart: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The ledger when the events are read: our graph, the facts of the wanted assets and of what they are made from."""

    graph: Graph
    facts: Mapping[Subject, SubjectFact]
    tenants: Sequence[str]


@dataclass(frozen=True, slots=True)
class Translation:
    """What the events made known. ``nodes`` are the assets that the graph has not yet as they are, ``notes`` say what
    was passed over and why."""

    facts: tuple[SubjectFact, ...]
    nodes: tuple[AssetNode, ...]
    notes: tuple[str, ...]


def translate(events: Iterable[Event], wanted: Mapping[str, Wanted], known: Known) -> Translation:
    """Facts of the events of wanted assets, in the order of the log. Others' events, and our own, are passed over.

    A time window materialized again, and whatever is tagged synthetic, refreshes nothing: data times of a partition by
    time only ever move forward.
    """
    graph, facts = known.graph, dict(known.facts)
    changed: dict[Subject, SubjectFact] = {}
    notes: dict[str, None] = {}
    for event in sorted(events, key=lambda event: event.storage_id):
        asset = wanted.get(event.asset)
        if asset is None:
            continue
        tenant = _tenant(event, asset, known.tenants)
        if tenant is None:
            notes[_whose(event)] = None
            continue
        node = _node(event, asset, graph.get(asset.asset))
        if graph.get(asset.asset) != node:
            graph = Graph({**graph, node.key: node}.values())
        fact = _fact(event, asset, tenant, Known(graph, facts, known.tenants))
        if fact is None:
            notes[f"{event.asset}: an observation without {DATA_TIME} or {LAST_UPDATED} dates nothing."] = None
            continue
        subject = (asset.asset, tenant)
        facts[subject] = changed[subject] = newest(facts[subject], fact) if subject in facts else fact
    new = tuple(node for key, node in graph.items() if known.graph.get(key) != node)
    return Translation(tuple(changed.values()), new, tuple(notes))


def telling(newest: Mapping[str, int]) -> tuple[int, ...]:
    """Of the newest event of each partition (key → storage id) those that say how things stand.

    Of the time windows of one tenant, the latest window and the newest event are enough, however many years there are.
    """
    chosen: dict[tuple[str, ...], set[int]] = {}
    for whose, keys in _by_tenant(newest).items():
        latest = max(keys, key=lambda key: (partition_end(key) or _NEVER, newest[key]))
        chosen[whose] = {newest[latest], max(newest[key] for key in keys)}
    return tuple(sorted(number for numbers in chosen.values() for number in numbers))


def _by_tenant(partitions: Iterable[str]) -> Mapping[tuple[str, ...], list[str]]:
    """The partitions by what of their keys is not a time."""
    found: dict[tuple[str, ...], list[str]] = {}
    for key in partitions:
        found.setdefault(tuple(part for part in dimensions(key) if not is_time(part)), []).append(key)
    return found


def _tenant(event: Event, asset: Wanted, tenants: Sequence[str]) -> str | None:
    """Whose data it is; None where that cannot be said."""
    named = [part for part in dimensions(event.partition or "") if part in tenants]
    if asset.tenanted is not False and named:
        return named[0]
    return None if asset.tenanted else ANY_TENANT


def _whose(event: Event) -> str:
    said = f"its partition {event.partition!r} names no tenant" if event.partition else "it has no partition"
    return f"{event.asset}: a materialization was passed over, {said}. Declare tenanted: false if it has none."


def _node(event: Event, asset: Wanted, held: AssetNode | None) -> AssetNode:
    """The asset in the graph, as declared; else a root unless something says what it is made from."""
    if held and asset.clock:
        return held
    parents = event.parents or (held.parents if held and asset.clock is None else ())
    tenanted = asset.tenanted if asset.tenanted is not None else bool(event.partition) and not is_time(event.partition)
    return AssetNode(
        key=asset.asset,
        kind=AssetKind.MODEL if parents and asset.clock is None else AssetKind.STREAM,
        parents=() if asset.clock else parents,
        clock=asset.clock or (None if parents else Clock(ClockKind.SYNC)),
        window=held.window if held else None,
        owner=held.owner if held else None,
        exposures=held.exposures if held else (),
        tenanted=tenanted,
    )


def _fact(event: Event, asset: Wanted, tenant: str, known: Known) -> SubjectFact | None:
    told = next((instant for name in METADATA[:2] if (instant := _instant(event.metadata.get(name)))), None)
    if event.observed and told is None:
        return None
    held = known.facts.get((asset.asset, tenant))
    run_before = held.run_time if held and not held.synthetic else None
    return SubjectFact(
        asset=asset.asset,
        tenant=tenant,
        run_time=run_before if event.observed else event.happened_at,
        run_id=event.run_id or f"event {event.storage_id}",
        source=SOURCE,
        data_times=_data_times(event, asset, tenant, told, known),
        synthetic=_is_true(event.metadata.get(SYNTHETIC)) or _is_true(event.tags.get(SYNTHETIC)),
        looked_at=event.happened_at if event.observed else None,
    )


def _data_times(
    event: Event, asset: Wanted, tenant: str, told: datetime | None, known: Known
) -> Mapping[str, datetime]:
    """Root → data time: as the event tells it, else when its time window ended or its run began; else as its parents
    had it. A time window never moves any back: that an old one was built again is no news of the newest."""
    ends = partition_end(event.partition or "", asset.apart)
    latest = min(ends, event.began) if ends else event.began
    roots = roots_of(asset.asset, known.graph)
    if told is not None:
        times = dict.fromkeys(roots, told)
    elif is_dated(known.graph[asset.asset]):
        times = dict.fromkeys(roots, latest)
    else:
        times = {root: min(time, latest) for root, time in _incorporated(event, tenant, known).items()}
    held = known.facts.get((asset.asset, tenant))
    if ends and held and not held.synthetic:
        return {root: max(time, held.data_times.get(root, time)) for root, time in times.items()}
    return times


def _incorporated(event: Event, tenant: str, known: Known) -> dict[str, datetime]:
    """What it holds of the roots of its parents: what the ledger knew of them when the run began.

    Of a root that was loaded again since, it keeps what it held; if it held nothing, what the root holds now.
    """
    graph, parents = known.graph, known.graph[event.asset].parents
    tables = {table for parent in parents for table in graph.tables(parent)}
    whose = (*known.tenants, ANY_TENANT) if tenant == ANY_TENANT else (tenant, ANY_TENANT)
    behind = ((table, one) for table in tables for one in whose)
    facts = {subject: known.facts[subject] for subject in behind if subject in known.facts}
    then = {subject: fact for subject, fact in facts.items() if fact.known_at <= event.began}
    at_start = incorporate(_held(parents, tenant, graph, then, known.tenants))
    now = incorporate(_held(parents, tenant, graph, facts, known.tenants))
    own = known.facts.get((event.asset, tenant))
    before = own.data_times if own else {}
    return {root: at_start.get(root, before.get(root, time)) for root, time in now.items()}


def _held(
    parents: Iterable[str],
    tenant: str,
    graph: Graph,
    facts: Mapping[Subject, SubjectFact],
    tenants: Sequence[str],
) -> Iterator[tuple[tuple[str, ...], dict[str, datetime]]]:
    return ((roots_of(key, graph), data_times_of(key, tenant, graph, facts, tenants)) for key in parents)


def _instant(value: Any) -> datetime | None:
    """Seconds since 1970, an ISO-8601 text or a datetime → an aware instant; None for what is none of these."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
