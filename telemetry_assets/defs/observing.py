"""What the sensors look at every half minute: tables and states, syncs Airbyte started, other locations' assets.

What belongs here: one tick of each, from the world to the ledger to Dagster. What does not: how often and under which
name (``sensors.py``), what a look makes known (``sources/``). A tick that fails has lost nothing: the next one does it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from telemetry_assets import running
from telemetry_assets.defs.airbyte_workspace import job_metadata
from telemetry_assets.defs.data_age_checks import import_dbt_runs, light_again
from telemetry_assets.defs.events import EVENTS_LIMIT
from telemetry_assets.defs.foreign_events import Cursor, read_events, wanted_assets
from telemetry_assets.defs.jobs import syncing_jobs
from telemetry_assets.defs.schedules import IN_PROGRESS
from telemetry_assets.defs.state_log import log_states
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.freshness.lineage import Graph
from telemetry_assets.ledger import graph, subjects, tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import ANY_TENANT, AssetNode, SubjectFact
from telemetry_assets.settings import Settings
from telemetry_assets.sources.airbyte import Job
from telemetry_assets.sources.dagster_events import Event, Known, Wanted, translate
from telemetry_assets.sources.observing import Feed, observe_syncs
from telemetry_assets.sources.watching import watch

type Tick = Callable[[dg.SensorEvaluationContext], dg.SkipReason | dg.SensorResult]

FROM_THE_START = "-"
"""The cursor of a look that reached everything: an empty one would leave the last one as it was."""
LONGEST_LOOK = timedelta(seconds=25)
"""How long the tables may take in one tick: Dagster gives it a minute, and the judging needs some of it."""


def freshness_states(settings: Settings, manifest: Mapping[str, Any] | None) -> Tick:
    """Look at the tables that others fill and at dbt runs of their own, then judge everything and log what changed."""

    def tick(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        with connect(running.database_dsn(settings)) as conn:
            seen = watch(conn, settings, manifest, datetime.now(UTC), timeout=LONGEST_LOOK)
            import_dbt_runs(context, conn, settings, manifest)
            done = log_states(conn, settings, datetime.now(UTC))
        blind = {look.feeder: look.error for look in seen.looks if look.error}
        for table, said in {**seen.notes, **blind}.items():
            context.log.warning(f"{table}: {said}")
        return dg.SkipReason(
            f"{done.promises} promises, {done.not_fresh} not fresh, {done.written} changes logged;"
            f" {len(seen.looks)} tables looked at, {len(blind)} could not be read."
        )

    return tick


def airbyte_syncs(settings: Settings) -> Tick:
    """See what Airbyte synced by itself, and tell Dagster of it once. Raises where Airbyte cannot be reached."""

    def tick(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.SensorResult:
        if not settings.airbyte.url and "airbyte" not in running.read(settings.home):
            return dg.SkipReason("AIRBYTE_URL is unset and no local Airbyte runs, so nothing can have been synced.")
        now = datetime.now(UTC)
        with connect(running.database_dsn(settings)) as conn:
            seen = observe_syncs(conn, settings, now, first=context.cursor or None)
            untold = _few(_untold(context.instance, settings, seen.ended, now))
            asked = [(key, feed.tenant) for feed, _ in untold for key in feed.source.asset_keys]
            facts = subjects.read_each(conn, asked)
        for feed, job in untold:
            _tell(context.instance, feed, job, facts)
        if untold:
            light_again(context, settings, sorted({key for feed, _ in untold for key in feed.source.asset_keys}))
        for said in (*seen.notes, *(f"{source}: {error}" for source, error in seen.errors.items())):
            context.log.warning(said)
        if seen.errors and not seen.feeds:
            raise CouldNotLookError(next(iter(seen.errors.values())))
        said = f"{seen.feeds} feeds looked at, {seen.new_jobs} new jobs, {len(untold)} told."
        return dg.SensorResult(skip_reason=said, cursor=seen.next_feed or FROM_THE_START)

    return tick


def materializations(settings: Settings, nodes: Sequence[AssetNode]) -> Tick | None:
    """Take what other code locations materialize as facts; None where nobody is promised anything of theirs."""
    wanted = wanted_assets(settings, nodes)
    if not wanted:
        return None

    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with connect(running.database_dsn(settings)) as conn:
            slugs = [tenant.slug for tenant in tenants.read(conn)]
        cursor = Cursor.of(context.cursor)
        events, spaced, after = read_events(context.instance, wanted, cursor, datetime.now(UTC), slugs)
        said = _take(settings, events, spaced) if events else ()
        for note in said:
            context.log.warning(note)
        return dg.SensorResult(skip_reason=f"{len(events)} events of other code locations.", cursor=str(after))

    return tick


def _take(settings: Settings, events: Sequence[Event], wanted: Mapping[str, Wanted]) -> tuple[str, ...]:
    """Write what the events make known; returns what was passed over and why."""
    with connect(running.database_dsn(settings)) as conn:
        known = Graph(graph.read(conn))
        above = {table for event in events for parent in event.parents for table in known.tables(parent)}
        facts = subjects.read(conn, assets=sorted(wanted.keys() | above))
        slugs = [tenant.slug for tenant in tenants.read(conn)]
        made = translate(events, wanted, Known(known, {(one.asset, one.tenant): one for one in facts}, slugs))
        graph.add_foreign(conn, made.nodes)
        subjects.record(conn, made.facts)
    return made.notes


def _untold(
    instance: dg.DagsterInstance, settings: Settings, ended: Iterable[tuple[Feed, tuple[Job, ...]]], now: datetime
) -> Iterable[tuple[Feed, Job]]:
    """The newest job of each feed that Dagster has not heard of. While a run of ours syncs a source it tells its own:
    then they wait, and a run that told something newer leaves nothing to tell."""
    by_source: dict[str, list[tuple[Feed, Job]]] = {}
    for feed, jobs in ended:
        by_source.setdefault(feed.source.name, []).append((feed, max(jobs, key=lambda job: job.job_id)))
    for name, seen in by_source.items():
        if _is_syncing(instance, settings, name, now):
            continue
        told = _told(instance, seen)
        yield from ((feed, job) for feed, job in seen if told.get(feed.tenant, -1) < job.job_id)


def _few(untold: Iterable[tuple[Feed, Job]]) -> Sequence[tuple[Feed, Job]]:
    """As many as Dagster can be told in one tick, one at least; the others wait for the next."""
    chosen, events = list[tuple[Feed, Job]](), 0
    for feed, job in untold:
        events += len(feed.source.asset_keys)
        if chosen and events > EVENTS_LIMIT:
            break
        chosen.append((feed, job))
    return chosen


def _is_syncing(instance: dg.DagsterInstance, settings: Settings, source: str, now: datetime) -> bool:
    """True while a run of ours syncs the source; a run that lost its worker holds nothing up for ever."""
    every, keys = settings.sources[source].every, settings.sources[source].asset_keys
    since = now - max(3 * every, timedelta(minutes=10))
    jobs, own = syncing_jobs(settings, source), {dg.AssetKey(key.split("/")) for key in keys}
    alive = instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS, created_after=since))
    return any(run.job_name in jobs or bool(own & set(run.asset_selection or ())) for run in alive)


def _told(instance: dg.DagsterInstance, seen: Sequence[tuple[Feed, Job]]) -> Mapping[str, int]:
    """Tenant → the Airbyte job of the newest materialization of its feed. All streams of one are told together."""
    key = dg.AssetKey(seen[0][0].source.asset_keys[0].split("/"))
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    slugs = {feed.tenant for feed, _ in seen if feed.tenant != ANY_TENANT}
    log = instance.event_log_storage
    newest = log.get_latest_storage_id_by_partition(key, kind, partitions=slugs) if slugs else {}
    ids = list(newest.values())
    records = list(log.get_event_records(dg.EventRecordsFilter(kind, asset_key=key, storage_ids=ids)) if ids else ())
    if len(slugs) < len(seen):
        records += log.get_event_records(dg.EventRecordsFilter(kind, asset_key=key), limit=1)
    told: dict[str, int] = {}
    for record in records:
        assert record.asset_materialization
        job_id = record.asset_materialization.metadata.get("airbyte/job_id")
        if job_id is not None and isinstance(job_id.value, int):
            told[record.partition_key or ANY_TENANT] = job_id.value
    return told


def _tell(instance: dg.DagsterInstance, feed: Feed, job: Job, facts: Mapping[subjects.Subject, SubjectFact]) -> None:
    """Report the job as a materialization of each stream: the light of the run's age is lit by it too."""
    for key in reversed(feed.source.asset_keys):  # the first stream last: what it says is what was told
        fact = facts.get((key, feed.tenant))
        data_time = fact.data_times.get(key) if fact else None
        metadata = {**job_metadata(job), "telemetry/seen_on_airbyte": True}
        if data_time is not None:
            metadata["telemetry/data_time"] = dg.MetadataValue.timestamp(data_time)
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                key.split("/"), partition=feed.tenant if feed.tenant != ANY_TENANT else None, metadata=metadata
            )
        )
