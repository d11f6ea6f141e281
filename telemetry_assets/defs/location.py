"""The code location put together: assets, checks, jobs, schedules, sensors, resources; policies and owners on top.

Loading is silent and quick: it reads telemetry.yaml and the dbt manifest, and opens nothing.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from telemetry_assets.defs.airbyte_workspace import TenantAirbyteWorkspace
from telemetry_assets.defs.data_age_checks import data_age_checks
from telemetry_assets.defs.foreign_assets import foreign_assets
from telemetry_assets.defs.jobs import jobs
from telemetry_assets.defs.row_checks import row_checks
from telemetry_assets.defs.schedules import schedules
from telemetry_assets.defs.sensors import sensors
from telemetry_assets.defs.snapshot_assets import snapshot_assets
from telemetry_assets.defs.source_assets import source_assets
from telemetry_assets.freshness.owed import loosest_run_window
from telemetry_assets.model import AssetNode, Window
from telemetry_assets.settings import Settings
from telemetry_assets.sources.asset_graph import asset_graph, read_manifest

_SHORTEST = timedelta(seconds=60)
"""The shortest window of Dagster's freshness policies."""


def build_definitions(settings: Settings) -> dg.Definitions:
    """Everything Dagster sees. Raises ConfigError for a wrong declaration or a missing manifest."""
    manifest = read_manifest(settings.dbt) if settings.dbt else None
    nodes = asset_graph(settings, manifest)
    resources: dict[str, Any] = {"airbyte": TenantAirbyteWorkspace()}
    assets = [source_assets(settings, source) for source in settings.sources.values()]
    if settings.dbt and manifest is not None:
        from telemetry_assets.defs.dbt_assets import dbt_model_assets
        from telemetry_assets.defs.resources import dbt_resource

        assets.append(dbt_model_assets(settings, settings.dbt, manifest, nodes))
        resources["dbt_cli"] = dbt_resource(settings.dbt)
    assets += [snapshot_assets(settings, snapshot, nodes) for snapshot in settings.snapshots.values()]
    promised = _with_promises(settings, nodes)
    assets = [definition.map_asset_specs(promised) for definition in assets]
    checks = [each for each in (data_age_checks(settings, manifest, nodes), row_checks(settings, manifest)) if each]
    phases = jobs(settings, assets, checks)
    return dg.Definitions(
        assets=[*assets, *foreign_assets(settings, promised)],
        asset_checks=checks,
        jobs=phases,
        schedules=schedules(settings),
        sensors=sensors(settings, phases, manifest, nodes),
        resources=resources,
        executor=dg.in_process_executor,
    )


def _with_promises(settings: Settings, nodes: Sequence[AssetNode]) -> Callable[[dg.AssetSpec], dg.AssetSpec]:
    """The native policy (run age, the loosest window over tenants) and the owner on each spec."""
    by_key = {node.key: node for node in nodes}

    def promised(spec: dg.AssetSpec) -> dg.AssetSpec:
        node = by_key.get(spec.key.to_user_string())
        window = loosest_run_window(node, nodes, settings.promises) if node else None
        group = spec.key.path[0] if len(spec.key.path) > 1 else spec.group_name
        return spec.replace_attributes(
            group_name=group,
            owners=[f"team:{node.owner}"] if node and node.owner else spec.owners,
            freshness_policy=_native_policy(window) if window else None,
        )

    return promised


def _native_policy(window: Window) -> dg.FreshnessPolicy | None:
    """The window as Dagster can say it: nothing under a minute."""
    if window.fail < _SHORTEST:
        return None
    warn = window.warn if window.warn is not None and window.warn >= _SHORTEST else None
    return dg.FreshnessPolicy.time_window(window.fail, warn)
