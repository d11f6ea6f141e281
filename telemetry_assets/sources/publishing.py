"""Publishing metric snapshots: the relation's rows, validated against the contract, stored or withheld. No Dagster.

What belongs here: what a publication is and what it makes true. What does not: what makes a payload good
(``contracts/``), the rows themselves (``payloads.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.contracts.registry import load_contract
from telemetry_assets.contracts.validate import Violation
from telemetry_assets.freshness.lineage import data_times_of, facts_of, graph_of
from telemetry_assets.ledger import snapshots, subjects
from telemetry_assets.ledger import tenants as ledger_tenants
from telemetry_assets.ledger.snapshots import PublishedSnapshot, WithheldSnapshot
from telemetry_assets.model import AssetNode, SubjectFact
from telemetry_assets.settings import Settings, SnapshotSettings
from telemetry_assets.sources.payloads import read_payloads


@dataclass(frozen=True, slots=True)
class Publication:
    """What one publication did: published by tenant, contracts broken, tenants whose row is absent.

    ``changed`` are the published ones that were not well before: never published, or withheld the last time.
    """

    relation: str
    published: Mapping[str, PublishedSnapshot]
    violations: tuple[Violation, ...]
    absent: tuple[str, ...]
    changed: frozenset[str]


def publish(
    conn: Connection[TupleRow],
    settings: Settings,
    snapshot: SnapshotSettings,
    nodes: Sequence[AssetNode],
    wanted: Sequence[str],
    *,
    run_id: str,
    now: datetime,
) -> Publication:
    """Publish the wanted tenants' payloads; a payload that breaks its contract is withheld and the last good one stays.

    Payloads, what was withheld and the subjects' facts are written in one transaction. Raises ConfigError without a
    contract: nothing is served unchecked.
    """
    contract = load_contract(settings.schemas_dir / "assets", snapshot.asset_key)
    tenants = {tenant.id: tenant.slug for tenant in ledger_tenants.read(conn) if tenant.slug in set(wanted)}
    graph, parent = graph_of(nodes), snapshot.relation.replace(".", "/")
    # Read before the payloads: what they were made from is at least that old.
    before = facts_of(subjects.read(conn, graph.tables(parent)))
    documents = {
        tenants[tenant_id]: _document(str(tenant_id), payload, now)
        for tenant_id, payload in read_payloads(conn, snapshot.relation, settings.tenants.column, list(tenants))
    }
    violations = contract.validate_many(documents.items())
    broken = {violation.tenant for violation in violations}
    slugs = sorted(tenants.values())
    good = {
        slug: PublishedSnapshot(
            name=snapshot.name,
            tenant=slug,
            generated_at=now,
            payload=document,
            run_id=run_id,
            data_times=data_times_of(parent, slug, graph, before, slugs),
        )
        for slug, document in documents.items()
        if slug not in broken
    }
    well_before = set(snapshots.published_at(conn, snapshot.name)) - {
        held.tenant for held in snapshots.withheld(conn, snapshot.name)
    }
    with conn.transaction():
        snapshots.publish(conn, list(good.values()))
        snapshots.withhold(conn, [_withheld(snapshot, documents, violation, run_id, now) for violation in violations])
        subjects.record(conn, [_fact(snapshot, published, now) for published in good.values()])
    absent = tuple(sorted(slug for slug in tenants.values() if slug not in documents))
    return Publication(snapshot.relation, good, violations, absent, frozenset(good) - well_before)


def _document(tenant_id: str, metrics: Any, now: datetime) -> dict[str, Any]:
    generated_at = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"tenant_id": tenant_id, "generated_at": generated_at, "metrics": metrics}


def _withheld(
    snapshot: SnapshotSettings, documents: Mapping[str, Any], violation: Violation, run_id: str, now: datetime
) -> WithheldSnapshot:
    return WithheldSnapshot(
        name=snapshot.name,
        tenant=violation.tenant,
        withheld_at=now,
        payload=documents[violation.tenant],
        violations=(violation.message,),
        run_id=run_id,
    )


def _fact(snapshot: SnapshotSettings, published: PublishedSnapshot, now: datetime) -> SubjectFact:
    return SubjectFact(
        asset=snapshot.asset_key,
        tenant=published.tenant,
        run_time=now,
        run_id=published.run_id,
        source="publisher",
        data_times=published.data_times,
    )
