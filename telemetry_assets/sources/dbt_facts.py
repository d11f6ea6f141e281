"""What one dbt invocation made true of each (asset, tenant): models of one invocation chain, views derive on reading.

What belongs here: data time per root through the models that succeeded, for thousands of tenants at a time. What does
not: running dbt (``defs/``), what an invocation of somebody else's had read (``dbt_outside.py``).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from telemetry_assets.freshness.lineage import Graph, graph_of, incorporate, roots_of
from telemetry_assets.ledger.dbt_invocations import DbtInvocation
from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, SubjectFact

SUCCEEDED = frozenset({"success", "pass", "warn"})

type Times = Mapping[str, datetime]
"""Root → data time."""

_NOTHING: Times = MappingProxyType({})


def invocation_facts(
    invocation: DbtInvocation,
    keys: Mapping[str, str],
    nodes: Sequence[AssetNode],
    before: Iterable[SubjectFact],
    tenants: Sequence[str],
    run_id: str,
    synthetic: Collection[str] = (),
) -> Iterator[SubjectFact]:
    """Facts of the nodes that succeeded.

    ``keys`` maps dbt unique ids to asset keys; ``before`` are the ledger's facts read when the run started: what
    this invocation read of its inputs is at least that old. What it made of ``synthetic`` assets and seeds is made up.
    """
    held = _Held(graph_of(nodes), before, tenants)
    for node in built(invocation, keys, nodes):
        made_up = node.kind is AssetKind.SEED or node.key in synthetic
        times = {} if node.kind is AssetKind.VIEW else held.incorporated(node)
        of_node = held.by_asset.setdefault(node.key, {})
        for tenant in held.owed(node):
            data_times = times.get(tenant, _NOTHING)
            of_node[tenant] = _NOTHING if made_up else data_times
            yield SubjectFact(
                asset=node.key,
                tenant=tenant,
                run_time=invocation.generated_at,
                run_id=run_id,
                source="dbt",
                data_times=data_times,
                synthetic=made_up,
            )


def built(invocation: DbtInvocation, keys: Mapping[str, str], nodes: Sequence[AssetNode]) -> Iterator[AssetNode]:
    """The nodes that succeeded, every parent before its children; a cycle ends where it closes."""
    done = {
        keys[result.unique_id]
        for result in invocation.results
        if result.status in SUCCEEDED and result.unique_id in keys
    }
    by_key = {node.key: node for node in nodes}
    seen: set[str] = set()

    def visit(key: str) -> Iterator[AssetNode]:
        if key in seen or key not in by_key:
            return
        seen.add(key)
        for parent in by_key[key].parents:
            yield from visit(parent)
        if key in done:
            yield by_key[key]

    for key in sorted(done):
        yield from visit(key)


class _Held:
    """What each stored asset holds of its roots, by tenant, while the invocation goes on."""

    def __init__(self, graph: Graph, before: Iterable[SubjectFact], tenants: Sequence[str]) -> None:
        self.by_asset: dict[str, dict[str, Times]] = {}
        self._graph = graph
        self._tenants = tenants
        for fact in before:
            self.by_asset.setdefault(fact.asset, {})[fact.tenant] = _NOTHING if fact.synthetic else fact.data_times

    def owed(self, node: AssetNode) -> Sequence[str]:
        """The tenants a node has a fact of; without tenants everything is one subject."""
        return self._tenants if node.tenanted and self._tenants else (ANY_TENANT,)

    def incorporated(self, node: AssetNode) -> dict[str, Times]:
        """tenant → what the node holds when it is built from its parents now; who is not in it holds nothing."""
        tables = dict.fromkeys(table for parent in node.parents for table in self._graph.tables(parent))
        inputs = [(roots, self._of(table, node)) for table in tables if (roots := roots_of(table, self._graph))]
        if len(inputs) == 1 and len(inputs[0][0]) == 1:
            (root,), by_tenant = inputs[0]
            return {slug: times if len(times) == 1 else {root: times[root]}
                    for slug, times in by_tenant.items() if root in times}  # fmt: skip
        return {
            tenant: incorporate([(roots, by_tenant.get(tenant, _NOTHING)) for roots, by_tenant in inputs])
            for tenant in (self.owed(node) if inputs else ())
        }

    def _of(self, table: str, reader: AssetNode) -> Mapping[str, Times]:
        """tenant → what a table holds, by the tenants of what reads it."""
        by_tenant = self.by_asset.get(table, {})
        whose, theirs = self.owed(reader), self.owed(self._graph[table])
        if whose is theirs or (ANY_TENANT in by_tenant and whose == (ANY_TENANT,)):
            return by_tenant
        if theirs == (ANY_TENANT,):
            return dict.fromkeys(whose, by_tenant.get(ANY_TENANT, _NOTHING))
        every = (by_tenant.get(tenant, _NOTHING) for tenant in theirs)
        return {ANY_TENANT: incorporate((times, times) for times in every)}
