"""A code location of one bare ``@dbt_assets``: the least that Dagster can load of a manifest (BENCHMARK_MANIFEST)."""

import os
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

MANIFEST = Path(os.environ["BENCHMARK_MANIFEST"])


@dbt_assets(manifest=MANIFEST)
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    yield from dbt.cli(["build"], context=context).stream()


defs = dg.Definitions(assets=[models], resources={"dbt": DbtCliResource(project_dir=str(MANIFEST.parent.parent))})
