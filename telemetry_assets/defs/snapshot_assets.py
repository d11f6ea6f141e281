"""Published metric snapshots as assets ``[snapshots, NAME]``, partitioned by tenant, with their ``contract`` check.

A payload that breaks its contract is kept for inspection and not published: its tenant gets no materialization, the
last good snapshot stays and ages, and the check fails for that tenant without stopping the run.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from telemetry_assets import running
from telemetry_assets.defs.data_age_checks import light_again
from telemetry_assets.defs.events import EVENTS_LIMIT, log_each
from telemetry_assets.defs.partitions import TENANTS, TenantSelection, all_tenants, chosen_tenants, covers_range
from telemetry_assets.defs.per_tenant import ABSENT, SAID, WITHHELD, narrowed
from telemetry_assets.defs.progress import tell
from telemetry_assets.ledger.connection import connect
from telemetry_assets.logs import event_line, tenant_work
from telemetry_assets.model import AssetNode
from telemetry_assets.settings import Settings, SnapshotSettings
from telemetry_assets.sources.publishing import Publication, publish

CONTRACT = "contract"


def snapshot_assets(settings: Settings, snapshot: SnapshotSettings, nodes: Sequence[AssetNode]) -> dg.AssetsDefinition:
    """The asset of one snapshot, fed by the relation's own asset."""
    key = dg.AssetKey(["snapshots", snapshot.name])

    @dg.multi_asset(
        name=f"publish_{snapshot.name}",
        specs=[
            dg.AssetSpec(
                key=key,
                deps=[dg.AssetKey(snapshot.relation.split("."))],
                group_name="snapshots",
                kinds={"postgres"},
                skippable=True,
                partitions_def=TENANTS,
                metadata={"telemetry/relation": snapshot.relation},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(CONTRACT, asset=key, description="Every tenant's payload keeps its JSON Schema contract")
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def publish_snapshot(
        context: dg.AssetExecutionContext, config: TenantSelection
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        tenants = chosen_tenants(context, config)
        with connect(running.database_dsn(settings)) as conn:
            publication = publish(
                conn, settings, snapshot, nodes, tenants, run_id=context.run_id, now=datetime.now(UTC)
            )
        for done, (tenant, payload) in enumerate(publication.published.items(), 1):
            tell(done, len(tenants), f"{snapshot.name} {tenant}")
            with tenant_work(str(payload.payload["tenant_id"]), context.log):
                context.log.info(
                    event_line(
                        "metrics.snapshot.persisted", tenant=tenant, task_id=context.run_id, component="snapshots"
                    )
                )
        yield from _events(context, key, publication, tenants)
        yield _contract_result(key, publication, narrowed(tenants, all_tenants(context.instance)))
        light_again(context, settings, [snapshot.asset_key])

    return publish_snapshot


def _events(
    context: dg.AssetExecutionContext, key: dg.AssetKey, publication: Publication, tenants: Sequence[str]
) -> Iterator[dg.MaterializeResult[Any]]:
    metadata = {
        tenant: {
            "telemetry/generated_at": dg.MetadataValue.timestamp(payload.generated_at),
            **(
                {"telemetry/data_time": dg.MetadataValue.timestamp(min(payload.data_times.values()))}
                if payload.data_times
                else {}
            ),
        }
        for tenant, payload in publication.published.items()
    }
    whole = set(metadata) == set(tenants) and covers_range(context, tenants)
    if whole and len(tenants) <= EVENTS_LIMIT:
        for tenant, entry in metadata.items():
            context.add_asset_metadata(entry, asset_key=key, partition_key=tenant)
        yield dg.MaterializeResult(asset_key=key)
        return
    log_each(context, key, metadata, publication.changed)


def _contract_result(key: dg.AssetKey, publication: Publication, of: Mapping[str, Any]) -> dg.AssetCheckResult:
    broken = {violation.tenant: violation.message for violation in publication.violations}
    absent = dict.fromkeys(publication.absent, f"{publication.relation} has no row")
    said = [f"{tenant}: {words}" for told in (broken, absent) for tenant, words in sorted(told.items())]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CONTRACT,
        passed=not said,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(said) or f"{len(publication.published)} payloads published",
        metadata={
            WITHHELD: sorted(broken),
            ABSENT: list(publication.absent),
            SAID: {**absent, **broken},
            **of,
            "telemetry/published": len(publication.published),
        },
    )
