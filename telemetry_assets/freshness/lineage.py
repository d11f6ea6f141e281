"""The graph walked upwards: from which dated roots an asset is made, and which data time of each it incorporates.

What belongs here: walking nodes and facts handed in. What does not: reading them (``ledger/``), judging (``judge.py``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, ClockKind, SubjectFact

type Facts = Mapping[tuple[str, str], SubjectFact]
"""The facts by (asset, tenant)."""

_NOTHING: Mapping[str, datetime] = MappingProxyType({})


class Graph(Mapping[str, AssetNode]):
    """The nodes by key, each walk upwards done once."""

    def __init__(self, nodes: Iterable[AssetNode]) -> None:
        self._nodes = {node.key: node for node in nodes}
        self._ends: dict[str, tuple[str, ...]] = {}
        self._tables: dict[str, tuple[str, ...]] = {}
        self._roots: dict[str, tuple[str, ...]] = {}

    def __getitem__(self, key: str) -> AssetNode:
        return self._nodes[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def ends(self, key: str) -> tuple[str, ...]:
        """Keys upwards of ``key`` that have a clock, no parents, or no node, breadth first, each once."""
        if key not in self._ends:
            self._ends[key] = tuple(self._upwards(key, _is_end))
        return self._ends[key]

    def roots(self, key: str) -> tuple[str, ...]:
        """Those of the ends whose clock can bind."""
        if key not in self._roots:
            self._roots[key] = tuple(end for end in self.ends(key) if end in self and is_dated(self[end]))
        return self._roots[key]

    def tables(self, key: str) -> tuple[str, ...]:
        """What is really stored: ``key`` itself unless it is a view, else what it reads through however many views."""
        if key not in self._tables:
            self._tables[key] = tuple(self._upwards(key, _is_stored))
        return self._tables[key]

    def _upwards(self, key: str, is_end: Callable[[AssetNode], bool]) -> Iterator[str]:
        seen, queue = {key}, [key]
        for current in queue:
            node = self._nodes.get(current)
            if node is None or is_end(node):
                yield current
                continue
            fresh = [parent for parent in dict.fromkeys(node.parents) if parent not in seen]
            seen.update(fresh)
            queue.extend(fresh)


def graph_of(nodes: Iterable[AssetNode]) -> Graph:
    """The nodes by key."""
    return Graph(nodes)


def facts_of(facts: Iterable[SubjectFact]) -> Facts:
    """The facts by (asset, tenant)."""
    return {(fact.asset, fact.tenant): fact for fact in facts}


def is_dated(node: AssetNode) -> bool:
    """True for a root with a clock that can bind: ``sync`` or ``column``, not ``static``."""
    return node.clock is not None and node.clock.kind is not ClockKind.STATIC


def roots_of(key: str, graph: Graph) -> tuple[str, ...]:
    """The dated roots ``key`` is made from, itself where it is one, nearest first. Cycles and gaps end a path."""
    return graph.roots(key)


def undated_roots_of(key: str, graph: Graph) -> tuple[str, ...]:
    """Where the paths up from ``key`` end without a clock that binds: seeds, static roots, keys not in the graph."""
    return tuple(end for end in graph.ends(key) if end not in graph or not is_dated(graph[end]))


def incorporate(parents: Iterable[tuple[Iterable[str], Mapping[str, datetime]]]) -> dict[str, datetime]:
    """What something built from ``parents`` holds of each root: the oldest that any parent made from it held.

    Each parent is (the dated roots it is made from, what it holds): one that holds nothing of a root it is made from
    leaves the whole without that root. What a parent holds of other roots counts for nothing.
    """
    oldest: dict[str, datetime] = {}
    lacking: set[str] = set()
    for roots, held in parents:
        for root in roots:
            if root in held:
                oldest[root] = min(held[root], oldest.get(root, held[root]))
            else:
                lacking.add(root)
    return {root: data_time for root, data_time in oldest.items() if root not in lacking}


def data_times_of(
    key: str, tenant: str, graph: Graph, facts: Facts, tenants: Sequence[str] = ()
) -> dict[str, datetime]:
    """The data time of each root that ``key`` holds for ``tenant`` now; empty where nothing is known.

    A view holds what its parents hold, whenever it was made. For the subject ``*`` a tenanted asset holds the oldest of
    ``tenants``, those that have a fact. Synthetic facts date nothing.
    """
    return incorporate(
        (roots_of(table, graph), _recorded(table, tenant, graph, facts, tenants)) for table in graph.tables(key)
    )


def data_time_of(
    key: str, root: str, tenant: str, graph: Graph, facts: Facts, tenants: Sequence[str] = ()
) -> datetime | None:
    """The data time of one root as :func:`data_times_of` has it, None where nothing of it is held."""
    held = [
        _recorded(table, tenant, graph, facts, tenants).get(root)
        for table in graph.tables(key)
        if root in graph.roots(table)
    ]
    known = [data_time for data_time in held if data_time is not None]
    return min(known, default=None) if len(known) == len(held) else None


def fact_now(
    key: str, tenant: str, graph: Graph, facts: Facts, now: datetime, tenants: Sequence[str] = ()
) -> SubjectFact | None:
    """The fact a subject is judged by: as recorded, and for a view what its parents hold, known as of ``now``."""
    fact = facts.get((key, tenant))
    node = graph.get(key)
    if fact is None or node is None or _is_stored(node):
        return fact
    return replace(fact, data_times=data_times_of(key, tenant, graph, facts, tenants), looked_at=now)


def read_by(wanted: Iterable[tuple[str, str]], graph: Graph, tenants: Sequence[str]) -> set[tuple[str, str]]:
    """The (asset, tenant) whose facts tell what the wanted ones hold: themselves, and of a view those of its tables.

    Data without tenants is everybody's, and for the subject ``*`` a table's every tenant counts.
    """
    needed: set[tuple[str, str]] = set()
    for asset, tenant in wanted:
        whose = (*tenants, ANY_TENANT) if tenant == ANY_TENANT else (tenant, ANY_TENANT)
        needed.add((asset, tenant))
        needed.update((table, one) for table in graph.tables(asset) if table != asset for one in whose)
    return needed


def _is_end(node: AssetNode) -> bool:
    return node.clock is not None or not node.parents


def _is_stored(node: AssetNode) -> bool:
    return node.kind is not AssetKind.VIEW or node.clock is not None


def _recorded(key: str, tenant: str, graph: Graph, facts: Facts, tenants: Sequence[str]) -> Mapping[str, datetime]:
    node = graph.get(key)
    if node is not None and not node.tenanted:
        return _times(facts.get((key, ANY_TENANT)))
    if tenant == ANY_TENANT and (key, ANY_TENANT) not in facts:
        held = [_times(facts.get((key, one))) for one in tenants]
        return incorporate((times, times) for times in held)
    return _times(facts.get((key, tenant)))


def _times(fact: SubjectFact | None) -> Mapping[str, datetime]:
    return _NOTHING if fact is None or fact.synthetic else fact.data_times
