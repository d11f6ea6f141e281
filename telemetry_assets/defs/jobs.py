"""The phases as jobs: ``sync``, ``build``, ``snapshots``, ``checks``. Separate runs: one failure stops no phase.

What belongs here: which assets and checks a phase selects, and the run config that narrows it to tenants.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from telemetry_assets.answers.refresh import Phase
from telemetry_assets.defs.data_age_checks import DATA_AGE
from telemetry_assets.defs.row_checks import ROWS
from telemetry_assets.settings import Settings

Job = UnresolvedAssetJobDefinition


def jobs(
    settings: Settings, assets: Sequence[dg.AssetsDefinition], checks: Sequence[dg.AssetChecksDefinition]
) -> list[Job]:
    """One job per phase that has something to do, and one per distinct cadence where sources differ."""
    by_op = {definition.op.name: definition for definition in assets}
    sources = {name: by_op[f"sync_{name}"] for name in settings.sources}
    found: list[Job] = []
    if sources:
        found.append(_job(Phase.SYNC, list(sources.values()), "Sync every source for every tenant"))
    for every, names in cadences(settings).items():
        if len(sources) > len(names):
            found.append(_job(sync_job_name(every), [sources[name] for name in names], f"Sync {', '.join(names)}"))
    if "dbt_build" in by_op:
        found.append(_job(Phase.BUILD, [by_op["dbt_build"]], "Build and test the dbt project"))
    published = [by_op[f"publish_{name}"] for name in settings.snapshots]
    if published:
        found.append(_job(Phase.SNAPSHOTS, published, "Publish every tenant's metric snapshot"))
    if checks:
        selection = dg.AssetSelection.checks(*(key for definition in checks for key in definition.check_keys))
        found.append(
            dg.define_asset_job(
                Phase.CHECKS.value,
                selection=selection,
                executor_def=dg.in_process_executor,
                description=f"Judge the data age of every promise ({DATA_AGE}), new rows by their contracts ({ROWS})",
            )
        )
    return found


def cadences(settings: Settings) -> dict[timedelta, list[str]]:
    """cadence → the sources that have it."""
    found: dict[timedelta, list[str]] = {}
    for source in settings.sources.values():
        found.setdefault(source.every, []).append(source.name)
    return found


def syncing_jobs(settings: Settings, source: str) -> frozenset[str]:
    """The names of the jobs that sync a source."""
    return frozenset({Phase.SYNC.value, sync_job_name(settings.sources[source].every)})


def sync_job_name(every: timedelta) -> str:
    """The name of the job that syncs the sources of one cadence where there are several."""
    return f"{Phase.SYNC}_every_{int(every.total_seconds() // 60)}m"


def selection_config(settings: Settings, phase: Phase, only: Sequence[str]) -> dict[str, Any]:
    """The run config that narrows a phase to the tenants ``only``; nothing for the phases that know no tenants."""
    ops = {
        Phase.SYNC: [f"sync_{name}" for name in settings.sources],
        Phase.SNAPSHOTS: [f"publish_{name}" for name in settings.snapshots],
    }.get(phase, [])
    return {"ops": {op: {"config": {"only": list(only)}} for op in ops}} if only else {}


def _job(name: str, assets: Sequence[dg.AssetsDefinition], description: str) -> Job:
    keys = [key for definition in assets for key in definition.keys]
    checks = [key for definition in assets for key in definition.check_keys]
    selection = dg.AssetSelection.assets(*keys).without_checks()
    if checks:
        selection = selection | dg.AssetSelection.checks(*checks)
    return dg.define_asset_job(
        str(name), selection=selection, executor_def=dg.in_process_executor, description=description
    )
