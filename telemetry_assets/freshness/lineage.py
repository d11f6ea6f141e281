"""The graph walked upwards: from which dated roots an asset is made, and which data time of each it incorporates.

What belongs here: walking nodes and facts handed in. What does not: reading them (``ledger/``), judging (``judge.py``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, ClockKind, SubjectFact

type Graph = Mapping[str, AssetNode]
"""The nodes by key."""
type Facts = Mapping[tuple[str, str], SubjectFact]
"""The facts by (asset, tenant)."""

_NOTHING: Mapping[str, datetime] = MappingProxyType({})


def graph_of(nodes: Iterable[AssetNode]) -> Graph:
    """The nodes by key."""
    return {node.key: node for node in nodes}


def facts_of(facts: Iterable[SubjectFact]) -> Facts:
    """The facts by (asset, tenant)."""
    return {(fact.asset, fact.tenant): fact for fact in facts}


def is_dated(node: AssetNode) -> bool:
    """True for a root with a clock that can bind: ``sync`` or ``column``, not ``static``."""
    return node.clock is not None and node.clock.kind is not ClockKind.STATIC


def roots_of(key: str, graph: Graph) -> tuple[str, ...]:
    """The dated roots ``key`` is made from, itself where it is one, nearest first. Cycles and gaps end a path."""
    return tuple(end for end in _ends(key, graph) if end in graph and is_dated(graph[end]))


def undated_roots_of(key: str, graph: Graph) -> tuple[str, ...]:
    """Where the paths up from ``key`` end without a clock that binds: seeds, static roots, keys not in the graph."""
    return tuple(end for end in _ends(key, graph) if end not in graph or not is_dated(graph[end]))


def incorporate(parents: Iterable[Mapping[str, datetime]]) -> dict[str, datetime]:
    """What something built from ``parents`` holds of each root: the oldest that any parent held of it."""
    oldest: dict[str, datetime] = {}
    for data_times in parents:
        for root, data_time in data_times.items():
            oldest[root] = min(data_time, oldest.get(root, data_time))
    return oldest


def data_times_of(
    key: str, tenant: str, graph: Graph, facts: Facts, tenants: Sequence[str] = ()
) -> dict[str, datetime]:
    """The data time of each root that ``key`` holds for ``tenant`` now; empty where nothing is known.

    A view holds what its parents hold, whenever it was made. For the subject ``*`` a tenanted asset holds the oldest of
    ``tenants``, those that have a fact. Synthetic facts date nothing.
    """
    return incorporate(_recorded(table, tenant, graph, facts, tenants) for table in _behind_views(key, graph))


def fact_now(key: str, tenant: str, graph: Graph, facts: Facts, tenants: Sequence[str] = ()) -> SubjectFact | None:
    """The fact a subject is judged by: as recorded, and for a view with the data times of its parents as of now."""
    fact = facts.get((key, tenant))
    node = graph.get(key)
    if fact is None or node is None or node.kind is not AssetKind.VIEW:
        return fact
    return replace(fact, data_times=data_times_of(key, tenant, graph, facts, tenants))


def _ends(key: str, graph: Graph) -> Iterator[str]:
    """Keys upwards of ``key`` that have a clock, no parents, or no node, breadth first, each once."""
    seen, queue = {key}, [key]
    for current in queue:
        node = graph.get(current)
        if node is None or node.clock is not None or not node.parents:
            yield current
            continue
        fresh = [parent for parent in dict.fromkeys(node.parents) if parent not in seen]
        seen.update(fresh)
        queue.extend(fresh)


def _behind_views(key: str, graph: Graph) -> Iterator[str]:
    """``key`` itself unless it is a view, else what the view reads through however many views, each once."""
    seen, queue = {key}, [key]
    for current in queue:
        node = graph.get(current)
        if node is None or node.kind is not AssetKind.VIEW or node.clock is not None:
            yield current
            continue
        fresh = [parent for parent in dict.fromkeys(node.parents) if parent not in seen]
        seen.update(fresh)
        queue.extend(fresh)


def _recorded(key: str, tenant: str, graph: Graph, facts: Facts, tenants: Sequence[str]) -> Mapping[str, datetime]:
    node = graph.get(key)
    if node is not None and not node.tenanted:
        return _times(facts.get((key, ANY_TENANT)))
    if tenant == ANY_TENANT and (key, ANY_TENANT) not in facts:
        return incorporate(_times(facts.get((key, one))) for one in tenants)
    return _times(facts.get((key, tenant)))


def _times(fact: SubjectFact | None) -> Mapping[str, datetime]:
    return _NOTHING if fact is None or fact.synthetic else fact.data_times
