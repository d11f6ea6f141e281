"""One multi-asset per Airbyte source, keys ``[source, stream]``, partitioned by tenant; ``sync_status`` checks on each.

What belongs here: the run's tenants in, Dagster's events out. What does not: syncing itself (``sources/syncing.py``).
A failed tenant stops no other: then events are logged per success and nothing is yielded, so that the partition of
the failed one is not marked; the next phase is launched whatever the outcome (``defs/sensors.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from telemetry_assets import running
from telemetry_assets.defs.airbyte_workspace import TenantAirbyteWorkspace, job_metadata
from telemetry_assets.defs.data_age_checks import light_again
from telemetry_assets.defs.events import EVENTS_LIMIT, log_each
from telemetry_assets.defs.partitions import TENANTS, TenantSelection, chosen_tenants, covers_range
from telemetry_assets.defs.per_tenant import FAILED, SAID, narrowed
from telemetry_assets.defs.progress import tell
from telemetry_assets.ledger import tenants as ledger_tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.logs import event_line, tenant_work
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.settings import Settings, SourceSettings
from telemetry_assets.sources.syncing import Outcome, record_outcomes, sync_tenants, tenants_in_sync

SYNC_STATUS = "sync_status"


def source_assets(settings: Settings, source: SourceSettings) -> dg.AssetsDefinition:
    """The assets of one source. Selecting one stream syncs the whole connection, so there is no subset."""
    tenanted = any(connection.tenant != ANY_TENANT for connection in source.connections)
    specs = [_spec(source, stream.name, tenanted) for stream in source.streams]

    @dg.multi_asset(
        name=f"sync_{source.name}",
        specs=specs,
        check_specs=[
            dg.AssetCheckSpec(SYNC_STATUS, asset=spec.key, description="Every tenant's newest sync succeeded")
            for spec in specs
        ],
        backfill_policy=dg.BackfillPolicy.single_run() if tenanted else None,
    )
    def sync(
        context: dg.AssetExecutionContext, config: TenantSelection, airbyte: TenantAirbyteWorkspace
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        tenants = chosen_tenants(context, config) if tenanted else (ANY_TENANT,)
        with connect(running.database_dsn(settings)) as conn:
            well_before = tenants_in_sync(conn, source)
            ids = {tenant.slug: str(tenant.id) for tenant in ledger_tenants.read(conn)}
        ended: list[Outcome] = []

        def on_end(outcome: Outcome) -> None:
            ended.append(outcome)
            _log(context, source, outcome, ids.get(outcome.tenant))
            tell(len(ended), len(tenants), f"{source.name} {_line(outcome)}", failed=not outcome.succeeded)

        outcomes = sync_tenants(airbyte.patient(settings), source, tenants, on_end=on_end)
        now = datetime.now(UTC)
        with connect(running.database_dsn(settings)) as conn:
            data_times = record_outcomes(conn, source, outcomes, context.run_id, now)
        metadata = {key: _per_tenant(outcomes, times) for key, times in data_times.items()}
        whole = all(outcome.succeeded for outcome in outcomes) and (not tenanted or covers_range(context, tenants))
        if whole and len(tenants) <= EVENTS_LIMIT:
            yield from _one_result_per_asset(context, metadata, tenanted)
        else:
            for key, per_tenant in metadata.items():
                log_each(context, dg.AssetKey(key.split("/")), per_tenant, changed=set(per_tenant) - well_before)
        yield from _sync_status(source, metadata, outcomes)
        light_again(context, settings, source.asset_keys)

    return sync


def _spec(source: SourceSettings, stream: str, tenanted: bool) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=[source.name, stream],
        group_name=source.name,
        kinds={"airbyte", "postgres"},
        skippable=True,
        partitions_def=TENANTS if tenanted else None,
        metadata={"dagster/table_name": f"raw_{source.name}.{stream}"},
    )


def _per_tenant(outcomes: Sequence[Outcome], data_times: Mapping[str, datetime]) -> dict[str, dict[str, Any]]:
    """tenant → metadata of what succeeded."""
    metadata: dict[str, dict[str, Any]] = {}
    failed = {outcome.tenant for outcome in outcomes if not outcome.succeeded}
    for outcome in outcomes:
        if outcome.job is None or outcome.tenant in failed:
            continue
        metadata[outcome.tenant] = job_metadata(outcome.job)
        if outcome.tenant in data_times:
            metadata[outcome.tenant]["telemetry/data_time"] = dg.MetadataValue.timestamp(data_times[outcome.tenant])
    return metadata


def _one_result_per_asset(
    context: dg.AssetExecutionContext, metadata: Mapping[str, Mapping[str, dict[str, Any]]], tenanted: bool
) -> Iterator[dg.MaterializeResult[Any]]:
    for key, per_tenant in metadata.items():
        asset_key = dg.AssetKey(key.split("/"))
        for tenant, entry in per_tenant.items():
            context.add_asset_metadata(entry, asset_key=asset_key, partition_key=tenant if tenanted else None)
        yield dg.MaterializeResult(asset_key=asset_key)


def _sync_status(
    source: SourceSettings, metadata: Mapping[str, Any], outcomes: Sequence[Outcome]
) -> Iterator[dg.AssetCheckResult]:
    failures = {outcome.tenant: outcome.error or "failed" for outcome in outcomes if not outcome.succeeded}
    said = "; ".join(f"{tenant}: {error}" for tenant, error in sorted(failures.items()))
    for key in metadata:
        yield dg.AssetCheckResult(
            asset_key=dg.AssetKey(key.split("/")),
            check_name=SYNC_STATUS,
            passed=not failures,
            severity=dg.AssetCheckSeverity.ERROR,
            description=said or f"{len({outcome.tenant for outcome in outcomes})} tenants synced",
            metadata={
                FAILED: sorted(failures),
                SAID: failures,
                "telemetry/tenants": len(outcomes),
                **narrowed([one.tenant for one in outcomes], [one.tenant for one in source.connections]),
            },
        )


def _log(context: dg.AssetExecutionContext, source: SourceSettings, outcome: Outcome, tenant_id: str | None) -> None:
    with tenant_work(tenant_id, context.log) if tenant_id else nullcontext():
        context.log.info(
            event_line(
                "airbyte.sync.ended",
                component="sync",
                task_id=context.run_id,
                source=source.name,
                tenant=outcome.tenant,
                said=_line(outcome),
            )
        )


def _line(outcome: Outcome) -> str:
    if outcome.succeeded and outcome.job:
        return f"{outcome.tenant}: job {outcome.job.job_id} succeeded, {outcome.job.rows_synced or 0} rows"
    return f"{outcome.tenant}: {outcome.error or 'failed'}"
