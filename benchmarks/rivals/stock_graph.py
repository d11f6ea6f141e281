"""The demo's graph on stock parts, written as the integrations' documentation does; see ``benchmarks/graph_run.py``.

Only the names are ours: a connection per tenant would give five assets one key, so a translator puts source and tenant
before the stream, and another makes the dbt sources depend on them. The environment names servers and folders.
"""

import os
from collections.abc import Mapping
from typing import Any

import dagster as dg
import psycopg
from dagster_airbyte import AirbyteWorkspace, DagsterAirbyteTranslator, build_airbyte_assets_definitions
from dagster_airbyte.translator import AirbyteConnectionTableProps
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

AIRBYTE = os.environ["BENCHMARK_AIRBYTE_URL"]
DATABASE = os.environ["BENCHMARK_DATABASE"]

workspace = AirbyteWorkspace(
    rest_api_base_url=f"{AIRBYTE}/public/v1",
    configuration_api_base_url=f"{AIRBYTE}/v1",
    workspace_id=dg.EnvVar("BENCHMARK_AIRBYTE_WORKSPACE"),
    client_id=dg.EnvVar("BENCHMARK_AIRBYTE_CLIENT"),
    client_secret=dg.EnvVar("BENCHMARK_AIRBYTE_SECRET"),
)


class PerTenant(DagsterAirbyteTranslator):
    def get_asset_spec(self, props: AirbyteConnectionTableProps) -> dg.AssetSpec:
        spec = super().get_asset_spec(props)
        return spec.replace_attributes(key=[*props.connection_name.split("/"), props.stream_name])


synced = build_airbyte_assets_definitions(workspace=workspace, dagster_airbyte_translator=PerTenant())
tenants_of: dict[tuple[str, str], list[dg.AssetKey]] = {}
for definition in synced:
    for key in definition.keys:
        tenants_of.setdefault((key.path[0], key.path[-1]), []).append(key)


class AfterSyncs(DagsterDbtTranslator):
    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        found = [tenants_of.get(tuple(dep.asset_key.path), [dep.asset_key]) for dep in spec.deps]
        return spec.replace_attributes(deps=[key for keys in found for key in keys])


project = DbtProject(project_dir=os.environ["BENCHMARK_DBT_PROJECT"])
project.prepare_if_dev()


@dbt_assets(manifest=project.manifest_path, project=project, dagster_dbt_translator=AfterSyncs())
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    yield from dbt.cli(["build"], context=context).stream()


@dg.asset(key=["snapshots", "tenant_dashboard"], deps=[dg.AssetKey(["marts", "tenant_dashboard"])])
def published() -> None:
    with psycopg.connect(DATABASE) as connection:
        connection.execute("create schema if not exists stock")
        connection.execute(
            "create table if not exists stock.snapshots"
            " (tenant_id uuid primary key, generated_at timestamptz, payload jsonb)"
        )
        connection.execute(
            "insert into stock.snapshots select tenant_id, now(), payload from marts.tenant_dashboard"
            " on conflict (tenant_id) do update set generated_at = excluded.generated_at, payload = excluded.payload"
        )


defs = dg.Definitions(
    assets=[*synced, models, published],
    resources={"airbyte": workspace, "dbt": DbtCliResource(project_dir=project)},
)
