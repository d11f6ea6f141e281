"""The sensors: ``tenants`` and ``next_phase`` keep things going, ``alerts`` tells, the others look (``observing.py``).

``tenants`` makes the partition set equal to the declared tenants, and the ledger's graph to the loaded one. A phase
follows the end of the one before it, whatever that end was: one tenant's failure stops no phase. All of them beat.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from telemetry_assets import running
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.defs.alerts import ALERT_SECONDS, alerts
from telemetry_assets.defs.heartbeats import Evaluate, beating
from telemetry_assets.defs.jobs import Job, cadences, sync_job_name
from telemetry_assets.defs.observing import airbyte_syncs, freshness_states, materializations
from telemetry_assets.defs.partitions import align, whole_range_tags
from telemetry_assets.ledger import graph
from telemetry_assets.ledger import tenants as ledger_tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import AssetNode
from telemetry_assets.settings import Settings
from telemetry_assets.sources.dbt_manifest import exposures_of
from telemetry_assets.sources.tenants import declared_tenants

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


LOOK_SECONDS = 30
"""How often the world is looked at: at least Dagster's own freshness daemon's pace."""
NEXT_PHASE = "next_phase"


def sensors(
    settings: Settings, phase_jobs: Sequence[Job], manifest: Mapping[str, Any] | None, nodes: Sequence[AssetNode]
) -> list[dg.SensorDefinition]:
    """The sensors of the settings, running by default. ``nodes`` is our graph, ``manifest`` the dbt project's."""
    chain = _chain(settings, [job.name for job in phase_jobs])
    followers = [job for job in phase_jobs if job.name in {after for _, after in chain}]
    ticks: list[tuple[str, int, Evaluate]] = [("tenants", 60, _align_tenants(settings, manifest, nodes))]
    if followers:
        ticks.append((NEXT_PHASE, 5, _launch_next(chain)))
    if nodes:
        ticks.append(("freshness_states", LOOK_SECONDS, freshness_states(settings, manifest)))
    if settings.sources:
        ticks.append(("airbyte_syncs", LOOK_SECONDS, airbyte_syncs(settings)))
    foreign = materializations(settings, nodes)
    if foreign:
        ticks.append(("materializations", LOOK_SECONDS, foreign))
    ticks.append(("alerts", ALERT_SECONDS, alerts(settings)))
    return [
        _sensor(name, seconds, beating(settings, name, seconds, tick), followers if name == NEXT_PHASE else ())
        for name, seconds, tick in ticks
    ]


def _sensor(name: str, seconds: int, evaluate: Evaluate, jobs: Sequence[Job] = ()) -> dg.SensorDefinition:
    return dg.SensorDefinition(
        name=name,
        evaluation_fn=evaluate,
        jobs=jobs or None,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _align_tenants(
    settings: Settings, manifest: Mapping[str, Any] | None, nodes: Sequence[AssetNode]
) -> Callable[[dg.SensorEvaluationContext], dg.SkipReason]:
    # Once per load: what `prepare` writes later is newer than what this location was loaded from.
    unwritten = [(nodes, exposures_of(manifest) if manifest else ())] if nodes else []

    def tenants(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Add and remove tenant partitions as tenants come and go; after a load, write its graph."""
        with connect(running.database_dsn(settings)) as conn:
            declared = declared_tenants(conn, settings)
            ledger_tenants.write(conn, declared)
            for loaded in unwritten:
                graph.replace(conn, *loaded)
            unwritten.clear()
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
