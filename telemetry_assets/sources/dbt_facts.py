"""What one dbt invocation made true of each (asset, tenant): models of one invocation chain, views derive on reading.

What belongs here: data time per root through the models that succeeded. What does not: running dbt (``defs/``).
"""

from collections.abc import Iterator, Mapping, Sequence

from telemetry_assets.freshness.lineage import data_times_of, graph_of, incorporate, roots_of
from telemetry_assets.ledger.dbt_invocations import DbtInvocation
from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, SubjectFact

SUCCEEDED = frozenset({"success", "pass", "warn"})


def invocation_facts(
    invocation: DbtInvocation,
    keys: Mapping[str, str],
    nodes: Sequence[AssetNode],
    before: Sequence[SubjectFact],
    tenants: Sequence[str],
    run_id: str,
) -> Iterator[SubjectFact]:
    """Facts of the nodes that succeeded.

    ``keys`` maps dbt unique ids to asset keys; ``before`` are the ledger's facts read when the run started: what
    this invocation read of its inputs is at least that old.
    """
    graph = graph_of(nodes)
    known = {(fact.asset, fact.tenant): fact for fact in before}
    done = {
        keys[result.unique_id]
        for result in invocation.results
        if result.status in SUCCEEDED and result.unique_id in keys
    }
    for node in _parents_first(nodes, done):
        owed = tenants if node.tenanted else (ANY_TENANT,)
        for tenant in owed:
            parents = [
                (roots_of(parent, graph), data_times_of(parent, tenant, graph, known, tenants)) for parent in node.parents
            ]
            fact = SubjectFact(
                asset=node.key,
                tenant=tenant,
                run_time=invocation.generated_at,
                run_id=run_id,
                source="dbt",
                data_times={} if node.kind is AssetKind.VIEW else incorporate(parents),
                synthetic=node.kind is AssetKind.SEED,
            )
            known[(node.key, tenant)] = fact
            yield fact


def _parents_first(nodes: Sequence[AssetNode], keys: set[str]) -> Iterator[AssetNode]:
    """The nodes of ``keys``, every parent before its children; a cycle ends where it closes."""
    by_key = {node.key: node for node in nodes}
    seen: set[str] = set()

    def visit(key: str) -> Iterator[AssetNode]:
        if key in seen or key not in by_key:
            return
        seen.add(key)
        for parent in by_key[key].parents:
            yield from visit(parent)
        if key in keys:
            yield by_key[key]

    for key in sorted(keys):
        yield from visit(key)
