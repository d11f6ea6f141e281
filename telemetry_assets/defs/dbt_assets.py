"""dbt models and tests as assets and checks, by dagster-dbt; each invocation is recorded with what it made true.

What belongs here: one op that runs ``dbt build`` for all tenants. What does not: reading artifacts (``sources/``).
dbt runs as a subprocess under an advisory lock: two builds of one project never write at the same time.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets
from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets import running
from telemetry_assets.defs.data_age_checks import light_again
from telemetry_assets.defs.progress import tell
from telemetry_assets.ledger import dbt_invocations, subjects
from telemetry_assets.ledger.connection import advisory_lock, connect
from telemetry_assets.ledger.dbt_invocations import DbtInvocation
from telemetry_assets.ledger.tenants import read as read_tenants
from telemetry_assets.model import AssetNode
from telemetry_assets.settings import DbtSettings, Settings, export
from telemetry_assets.sources.dbt_artifacts import covers_all, read_run_results
from telemetry_assets.sources.dbt_command import dbt_environment
from telemetry_assets.sources.dbt_facts import invocation_facts
from telemetry_assets.sources.dbt_manifest import asset_keys, synthetic_keys

KEPT_INVOCATIONS = 20
FAILED = frozenset({"error", "fail", "runtime error", "partial success"})
"""dbt's statuses of a node that make the whole command fail."""


def dbt_model_assets(
    settings: Settings, dbt: DbtSettings, manifest: Mapping[str, Any], nodes: Sequence[AssetNode]
) -> dg.AssetsDefinition:
    """The assets of the dbt project. A run builds what it selects, for every tenant."""

    @dbt_assets(manifest=manifest, name="dbt_build")
    def build(context: dg.AssetExecutionContext, dbt_cli: DbtCliResource) -> Iterator[Any]:
        dsn = running.database_dsn(settings)
        export(dbt_environment(dbt, dsn))
        target = settings.home / "dbt" / context.run_id
        with connect(dsn) as conn, advisory_lock(conn, f"dbt {dbt.project_dir}"):
            before = subjects.read(conn)
            invocation = dbt_cli.cli(["build"], context=context, target_path=target, raise_on_error=False)
            recorded = None
            try:
                yield from _counted(invocation.stream(), len(context.selected_output_names))
            finally:
                recorded = _record(conn, manifest, nodes, before, target, context.run_id)
                _prune(target.parent)
        light_again(context, settings, [key.to_user_string() for key in context.selected_asset_keys])
        if not invocation.is_successful():
            said = _failures(recorded) if recorded else str(invocation.get_error())
            raise dg.Failure(f"dbt build failed: {said}", allow_retries=False)

    return build


def _counted(events: Iterator[Any], total: int) -> Iterator[Any]:
    """The events as they are, each finished model told as a step."""
    done = 0
    for event in events:
        if isinstance(event, dg.Output):
            done += 1
            tell(done, total, event.output_name.replace("__", "/", 1))
        yield event


def _record(
    conn: Connection[TupleRow],
    manifest: Mapping[str, Any],
    nodes: Sequence[AssetNode],
    before: Sequence[Any],
    target: Path,
    run_id: str,
) -> DbtInvocation | None:
    """Write the invocation and its facts; a killed dbt leaves no run_results.json, and then nothing became true."""
    results = target / "run_results.json"
    if not results.exists():
        return None
    invocation = read_run_results(results, covers=lambda found: covers_all(manifest, found), run_id=run_id)
    tenants = [tenant.slug for tenant in read_tenants(conn)]
    dbt_invocations.record(conn, invocation)
    keys, made_up = asset_keys(manifest), synthetic_keys(manifest)
    subjects.record(conn, invocation_facts(invocation, keys, nodes, before, tenants, run_id, made_up))
    return invocation


def _failures(invocation: DbtInvocation) -> str:
    """The nodes that failed, each with the first line of what dbt says of it."""
    failed = [result for result in invocation.results if result.status in FAILED]
    said = [f"{result.unique_id} ({(result.message or result.status).strip().splitlines()[0]})" for result in failed]
    return "; ".join(said) or "dbt ended with an error and no node failed; see its log in the home's dbt folder"


def _prune(folder: Path) -> None:
    """dagster-dbt never cleans up; the newest invocations are enough to look back."""
    kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in kept[KEPT_INVOCATIONS:]:
        shutil.rmtree(old, ignore_errors=True)
