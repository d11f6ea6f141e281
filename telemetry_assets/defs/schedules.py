"""When phases run by the clock: ``sync`` per cadence, ``metrics_snapshot_sync`` and ``build`` where declared.

A phase without a cadence of its own follows the one before it (``sensors.py``).
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

import dagster as dg

from telemetry_assets.answers.refresh import Phase
from telemetry_assets.defs.jobs import cadences, sync_job_name
from telemetry_assets.defs.partitions import whole_range_tags
from telemetry_assets.errors import ConfigError
from telemetry_assets.settings import Settings

IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Every schedule of the settings, running by default: a schedule that is off is how data grows old unseen."""
    found = [
        _schedule(
            "sync" if len(settings.sources) == len(names) else sync_job_name(every),
            every,
            Phase.SYNC if len(settings.sources) == len(names) else sync_job_name(every),
            partitioned=True,
        )
        for every, names in cadences(settings).items()
    ]
    if settings.dbt and settings.dbt.every:
        found.append(_schedule("build", settings.dbt.every, Phase.BUILD, partitioned=False))
    every_snapshot = [snapshot.every for snapshot in settings.snapshots.values() if snapshot.every]
    if every_snapshot:
        found.append(_schedule("metrics_snapshot_sync", min(every_snapshot), Phase.SNAPSHOTS, partitioned=True))
    return found


def cron(every: timedelta) -> str:
    """A cadence as a cron line: minutes that divide the hour, hours that divide the day, or whole days of one.

    Raises ConfigError for a cadence cron cannot keep evenly (7m, 90s, 5h), naming the nearest that it can.
    """
    minutes, rest = divmod(every.total_seconds(), 60)
    if not rest and minutes < 60 and 60 % minutes == 0:
        return f"*/{minutes:.0f} * * * *" if minutes > 1 else "* * * * *"
    hours, rest = divmod(every.total_seconds(), 3600)
    if not rest and 24 % hours == 0:
        return f"0 */{hours:.0f} * * *" if 1 < hours < 24 else ("0 * * * *" if hours == 1 else "0 0 * * *")
    even = [timedelta(minutes=m) for m in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)]
    even += [timedelta(hours=h) for h in (1, 2, 3, 4, 6, 8, 12, 24)]
    nearest = min(even, key=lambda cadence: abs(cadence - every))
    minutes = int(nearest.total_seconds() // 60)
    offered = f"{minutes}m" if minutes < 60 else f"{minutes // 60}h"
    raise ConfigError(f"every: {every} is no cadence a schedule can keep evenly.", f"The nearest one is {offered}.")


def _schedule(name: str, every: timedelta, job: str, *, partitioned: bool) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=name,
        job_name=str(job),
        cron_schedule=cron(every),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        execution_fn=_tick(str(job), every, partitioned),
    )


def _tick(
    job: str, every: timedelta, partitioned: bool
) -> Callable[[dg.ScheduleEvaluationContext], dg.RunRequest | dg.SkipReason]:
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tags: Mapping[str, str] = whole_range_tags(context.instance) if partitioned else {}
        if partitioned and not tags:
            return dg.SkipReason("There is no tenant yet: run telemetry prepare, or wait for the tenants sensor.")
        # A run that lost its worker must not stop the schedule for ever: only a young one holds the next one back.
        since = context.scheduled_execution_time - max(3 * every, timedelta(minutes=10))
        alive = context.instance.get_runs(
            dg.RunsFilter(job_name=job, statuses=IN_PROGRESS, created_after=since), limit=1
        )
        if alive:
            return dg.SkipReason(f"Run {alive[0].run_id} of {job} is still going.")
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat(), tags=dict(tags))

    return tick
