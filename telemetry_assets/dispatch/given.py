"""What a scenario gives, written into an empty ledger as the product's own runs would have written it.

What belongs here: ages → syncs, facts, dbt invocations, snapshots. What does not: the judgement (``scenarios.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from telemetry_assets.declaration.scenarios import MOMENT, NEVER, Age, Built, Given, Ran, per_tenant
from telemetry_assets.freshness.lineage import Graph, data_times_of, facts_of, graph_of, is_dated, roots_of
from telemetry_assets.freshness.owed import groups_owed
from telemetry_assets.ledger import dbt_invocations, first_known, graph, looks, snapshots, subjects, syncs, tenants
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.ledger.scratch import Ledger
from telemetry_assets.ledger.syncs import SUCCEEDED, Sync
from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, ClockKind, Look, SubjectFact, Tenant
from telemetry_assets.settings import Settings, SourceSettings
from telemetry_assets.sources.asset_graph import asset_graph
from telemetry_assets.sources.dbt_facts import invocation_facts
from telemetry_assets.sources.dbt_manifest import asset_keys, exposures_of, synthetic_keys


def staged(conn: Ledger, settings: Settings, manifest: Mapping[str, Any] | None) -> "Stage":
    """The graph and the tenants of the settings in an empty ledger, known since ever."""
    nodes = asset_graph(settings, manifest)
    known = settings.tenants.inline if settings.tenants.inline is not None else _connected(settings)
    tenants.write(conn, known)
    graph.replace(conn, nodes, exposures_of(manifest) if manifest else ())
    first_known.since_ever(conn)
    return Stage(conn, settings, manifest or {}, nodes, known, graph_of(nodes))


def _connected(settings: Settings) -> tuple[Tenant, ...]:
    """The tenants that connections name, where telemetry.yaml leaves them to a table."""
    slugs = sorted({one.tenant for one in settings.connections()} - {ANY_TENANT})
    return tuple(Tenant(slug, uuid5(NAMESPACE_DNS, slug), slug) for slug in slugs)


@dataclass(frozen=True, slots=True)
class Stage:
    """An empty ledger with graph and tenants, and what may be given in it."""

    conn: Ledger
    settings: Settings
    manifest: Mapping[str, Any]
    nodes: tuple[AssetNode, ...]
    tenants: tuple[Tenant, ...]
    graph: Graph
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def slugs(self) -> tuple[str, ...]:
        """The tenants' slugs."""
        return tuple(tenant.slug for tenant in self.tenants)

    @property
    def sources(self) -> Collection[str]:
        """Whose syncs may be given."""
        return self.settings.sources.keys()

    @property
    def dated(self) -> frozenset[str]:
        """The roots whose data time may be given."""
        return frozenset(node.key for node in self.nodes if is_dated(node))

    def promised(self, settings: Settings) -> list[str]:
        """The assets that something is promised of."""
        return list(dict.fromkeys(group.asset for group in groups_owed(self.nodes, settings.promises, self.tenants)))

    def roots_of(self, asset: str) -> tuple[str, ...]:
        """The dated roots an asset is made from."""
        return roots_of(asset, self.graph)

    def synced(self, roots: Collection[str], ages: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """The syncs that bring these roots at these ages."""
        return {name: ages for name in self.sources if any(root.startswith(f"{name}/") for root in roots)}

    def take(self, given: Given, when: datetime) -> None:
        """Write what is given, as of ``when``."""
        run_id = f"scenario-{next(self.numbers)}"
        for source in self.settings.sources.values():
            self._sync(source, given, when, run_id)
        self._look(given, when, run_id)
        self._build(given.built or Built(synced=timedelta(0), failed=None, at=None), when, run_id)
        self._publish(given, when, run_id)

    def _sync(self, source: SourceSettings, given: Given, when: datetime, run_id: str) -> None:
        asked = given.synced.get(source.name, {})
        for connection in source.connections:
            ran = per_tenant(asked, connection.tenant, Ran(synced=MOMENT, failed=None))
            for age, status in ((ran.synced, SUCCEEDED), (ran.failed or NEVER, "failed")):
                if isinstance(age, timedelta):
                    at = when - age
                    said = "the scenario says so" if status != SUCCEEDED else None
                    rows = 1 if status == SUCCEEDED else None
                    job = Sync(connection.connection_id, next(self.numbers), source.name, connection.tenant, status,
                               at, at, at, rows, rows, said)  # fmt: skip
                    syncs.record(self.conn, [job])
            if isinstance(ran.synced, timedelta):
                facts = [
                    self._stream_fact(
                        f"{source.name}/{stream.name}", connection.tenant, ran.synced, given, when, run_id
                    )
                    for stream in source.streams
                ]
                subjects.record(self.conn, facts)

    def _stream_fact(
        self, key: str, tenant: str, synced: timedelta, given: Given, when: datetime, run_id: str
    ) -> SubjectFact:
        age: Age = per_tenant(given.data.get(key, {}), tenant, synced)
        return SubjectFact(key, tenant, when - synced, run_id, "airbyte", self._times(key, age, when))

    def _times(self, key: str, age: Age, when: datetime) -> dict[str, datetime]:
        dated = is_dated(self.graph[key])
        return {key: when - age} if dated and isinstance(age, timedelta) else {}

    def _look(self, given: Given, when: datetime, run_id: str) -> None:
        """What others fill, looked at now."""
        ours = {key for source in self.settings.sources.values() for key in source.asset_keys}
        for node in self.nodes:
            if node.key in ours or node.clock is None or node.clock.kind is ClockKind.STATIC:
                continue
            looks.record(self.conn, [Look(node.key, when)])
            for tenant in self.slugs if node.tenanted and self.slugs else (ANY_TENANT,):
                age = per_tenant(given.data.get(node.key, {}), tenant, MOMENT)
                if isinstance(age, timedelta):
                    run = None if node.kind is AssetKind.TABLE else when - age
                    fact = SubjectFact(node.key, tenant, run, run_id, "look", self._times(node.key, age, when),
                                       looked_at=when)  # fmt: skip
                    subjects.record(self.conn, [fact])

    def _build(self, ran: Built, when: datetime, run_id: str) -> None:
        for age, failed in ((ran.synced, False), (ran.failed or NEVER, True)):
            if not isinstance(age, timedelta) or not self.manifest:
                continue
            at, keys = when - age, asset_keys(self.manifest)
            said = {
                one: self._said(keys[one], ran.at) if failed else "success"
                for one in self.manifest["nodes"]
                if one in keys
            }
            results = tuple(NodeResult(one, status, _WORDS.get(status)) for one, status in said.items())
            name = f"{run_id}-failed" if failed else run_id
            done = DbtInvocation(name, "build", at, True, False, "", run_id, results)
            dbt_invocations.record(self.conn, done)
            before, made_up = self._held_at(at), synthetic_keys(self.manifest)
            facts = invocation_facts(done, keys, self.nodes, before, self.slugs, run_id, made_up)
            subjects.record(self.conn, facts)

    def _said(self, key: str, failed: str | None) -> str:
        """dbt's status of a node in a build in which ``failed`` did: what is made from it is skipped."""
        if failed in (None, key):
            return "error"
        above, seen = [key], set[str]()
        while above:
            one = above.pop()
            if one in self.graph and one not in seen:
                seen.add(one)
                above += self.graph[one].parents
        return "skipped" if failed in seen else "success"

    def _publish(self, given: Given, when: datetime, run_id: str) -> None:
        for snapshot in self.settings.snapshots.values():
            parent = snapshot.relation.replace(".", "/")
            for tenant in self.slugs:
                age = per_tenant(given.published, tenant, timedelta(0))
                if not isinstance(age, timedelta):
                    continue
                at = when - age
                times = data_times_of(parent, tenant, self.graph, facts_of(self._held_at(at)), self.slugs)
                served = snapshots.PublishedSnapshot(snapshot.name, tenant, at, {}, run_id, times)
                snapshots.publish(self.conn, [served])
                fact = SubjectFact(snapshot.asset_key, tenant, at, run_id, "publisher", times)
                subjects.record(self.conn, [fact])

    def _held_at(self, at: datetime) -> Sequence[SubjectFact]:
        """What everything held at an instant: nothing younger than it."""
        return [
            replace(fact, data_times={root: min(time, at) for root, time in fact.data_times.items()})
            for fact in subjects.read(self.conn)
        ]


_WORDS = {"error": "the scenario says so"}
"""What dbt says of a node, by its status."""
