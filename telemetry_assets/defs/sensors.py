"""Sensors: ``tenants`` keeps the partition set equal to the declared tenants, ``next_phase`` launches what follows.

A phase follows the end of the one before it, whatever that end was: one tenant's failure stops no phase.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from telemetry_assets import running
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.defs.jobs import Job, cadences, sync_job_name
from telemetry_assets.defs.partitions import align, whole_range_tags
from telemetry_assets.ledger import tenants as ledger_tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.settings import Settings
from telemetry_assets.sources.tenants import declared_tenants

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def sensors(settings: Settings, phase_jobs: Sequence[Job]) -> list[dg.SensorDefinition]:
    """The sensors of the settings, running by default."""
    chain = _chain(settings, [job.name for job in phase_jobs])
    followers = [job for job in phase_jobs if job.name in {after for _, after in chain}]
    found = [_sensor("tenants", 60, _align_tenants(settings))]
    if followers:
        found.append(_sensor("next_phase", 5, _launch_next(chain), followers))
    return found


def _sensor(
    name: str, seconds: int, evaluate: Callable[[dg.SensorEvaluationContext], Any], jobs: Sequence[Job] = ()
) -> dg.SensorDefinition:
    return dg.SensorDefinition(
        name=name,
        evaluation_fn=evaluate,
        jobs=jobs or None,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _align_tenants(settings: Settings) -> Callable[[dg.SensorEvaluationContext], dg.SkipReason]:
    def tenants(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Add and remove tenant partitions as tenants come and go."""
        with connect(running.database_dsn(settings)) as conn:
            declared = declared_tenants(conn, settings)
            ledger_tenants.write(conn, declared)
        added, removed = align(context.instance, [tenant.slug for tenant in declared])
        return dg.SkipReason(f"{len(declared)} tenants; added {list(added)}, removed {list(removed)}.")

    return tenants


def _launch_next(chain: Sequence[tuple[str, str]]) -> Callable[[dg.SensorEvaluationContext], Iterator[dg.RunRequest]]:
    def next_phase(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
        """Launch each phase after the newest ended run of the one before it; the run key makes a repeat harmless."""
        for before, after in chain:
            ended = context.instance.get_runs(dg.RunsFilter(job_name=before, statuses=_ENDED), limit=1)
            partitioned = after == Phase.SNAPSHOTS
            tags = whole_range_tags(context.instance) if partitioned else {}
            if ended and (tags or not partitioned):
                yield dg.RunRequest(run_key=f"{after} after {ended[0].run_id}", job_name=after, tags=dict(tags))

    return next_phase


def _chain(settings: Settings, phases: Sequence[str]) -> list[tuple[str, str]]:
    """(before, after) of every phase that has no cadence of its own."""
    syncs = [name for name in (Phase.SYNC.value, *map(sync_job_name, cadences(settings))) if name in phases]
    built = [Phase.BUILD.value] if Phase.BUILD in phases else syncs
    own_build = settings.dbt is not None and settings.dbt.every is not None
    own_snapshots = any(snapshot.every for snapshot in settings.snapshots.values())
    chain: list[tuple[str, str]] = []
    if Phase.BUILD in phases and not own_build:
        chain += [(name, Phase.BUILD.value) for name in syncs]
    if Phase.SNAPSHOTS in phases and not own_snapshots:
        chain += [(name, Phase.SNAPSHOTS.value) for name in built]
    if Phase.CHECKS in phases:
        last = [Phase.SNAPSHOTS.value] if Phase.SNAPSHOTS in phases else built
        chain += [(name, Phase.CHECKS.value) for name in last]
    return chain
