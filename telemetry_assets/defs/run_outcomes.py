"""How jobs ended, of every code location of the instance, as rows of the ledger.

What belongs here: the newest ended run of each job; which failure is none to tell, because it is being made up for.
What does not: reading the log (``log_reading.py``), what is told of a failure (``answers/troubles.py``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import batched

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.events import JobFailureData
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, REPOSITORY_LABEL_TAG, WILL_RETRY_TAG

from telemetry_assets.defs.check_outcomes import LONGEST_WORDS
from telemetry_assets.ledger.job_runs import JobRun

RETRY_COMES = timedelta(minutes=10)
"""A retry that Dagster announced and did not start by then is no reason for silence any more."""
_TAGGED = timedelta(minutes=1)
"""Dagster says whether it will retry only after it has logged the failure."""
_RUNS = 500
"""So many runs are asked for at a time."""
_PLANNED = 1_000
"""Of so many assets that a job was to make the owners are known."""
_NAMELESS = "assets "
"""What the name of a job starts with that has none of its own: no name that somebody gave holds a space."""
_ASSETS_SHOWN = 120
"""A selection of assets longer than that is cut where it names a job."""

_JUST_AFTER = timedelta(microseconds=1)
"""What is held is replaced by what is newer only."""
_PLANNED_CHECK = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED


@dataclass(frozen=True, slots=True)
class End:
    """The end of a run as the log has it, with the run."""

    event: dg.EventLogEntry
    run: dg.DagsterRun

    @property
    def failed(self) -> bool:
        """Whether it ended badly; a cancelled run ended neither way."""
        return self.event.dagster_event_type is dg.DagsterEventType.RUN_FAILURE

    @property
    def at(self) -> datetime:
        """When."""
        return datetime.fromtimestamp(self.event.timestamp, UTC)


def runs_of(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> dict[str, RunRecord]:
    """Those of the runs that are still in Dagster's storage."""
    return {
        record.dagster_run.run_id: record
        for some in batched(sorted({run_id for run_id in run_ids if run_id}), _RUNS)
        for record in instance.get_run_records(dg.RunsFilter(run_ids=list(some)))
    }


def location_of(run: dg.DagsterRun, ours: str) -> str:
    """The code location of a run; empty for our own (``ours``), and for a run that some process made without any."""
    if run.remote_job_origin:
        location = run.remote_job_origin.repository_origin.code_location_origin.location_name
    else:
        location = run.tags.get(REPOSITORY_LABEL_TAG, "").rpartition("@")[2]
    return "" if location == ours else location


def job_of(run: dg.DagsterRun) -> str:
    """The name of a run's job; what has none is named by the assets that were selected."""
    if not run.job_name.startswith(IMPLICIT_ASSET_JOB_NAME):
        return run.job_name
    selected = ", ".join(assets_of(run)) or "none"
    if len(selected) > _ASSETS_SHOWN:
        mark = sha256(selected.encode()).hexdigest()[:6]
        selected = f"{selected[:_ASSETS_SHOWN]}… and so on, {len(assets_of(run))} in all ({mark})"
    return f"{_NAMELESS}{selected}"


def assets_of(run: dg.DagsterRun) -> tuple[str, ...]:
    """The assets that a run selected, sorted; none where it did not choose among those of its job."""
    chosen = {key.to_user_string() for key in run.asset_selection or ()}
    return tuple(sorted(chosen | {key.asset_key.to_user_string() for key in run.asset_check_selection or ()}))


def job_run(instance: dg.DagsterInstance, end: End, ours: str) -> JobRun:
    """The row of one end; of a failure with the assets that it was to make, since they have owners."""
    return JobRun(
        location=location_of(end.run, ours),
        job=job_of(end.run),
        run_id=end.run.run_id,
        succeeded=not end.failed,
        ended_at=end.at,
        said=_said(end.event) if end.failed else "",
        assets=(assets_of(end.run) or _planned(instance, end.run)) if end.failed else (),
    )


def check_run(instance: dg.DagsterInstance, end: End, ours: str, held: JobRun | None) -> JobRun:
    """The row of one end of ``telemetry check``, whose runs look at some assets or at others: a failure stands until a
    check has reported of each of its ``assets``, those whose check did not report. ``held`` is what is on record."""
    looked, run = _checked(instance, end.run, _PLANNED_CHECK), job_run(instance, end, ours)
    seen = {key.asset_key.to_user_string() for key in looked}
    left = {asset for asset in held.assets if asset not in seen} if held and held.ended_at < end.at else set[str]()
    if end.failed:
        silent = looked - _checked(instance, end.run, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        return replace(run, assets=tuple(sorted(left | {key.asset_key.to_user_string() for key in silent})))
    if held and left:
        news = timedelta(0) if left == set(held.assets) else _JUST_AFTER
        return replace(held, assets=tuple(sorted(left)), ended_at=held.ended_at + news)
    return run


def to_tell(instance: dg.DagsterInstance, ends: Sequence[End], now: datetime) -> tuple[list[End], list[str]]:
    """Those of the failures that stand, and the ids of the runs of which that cannot be known yet."""
    standing: list[End] = []
    waiting: list[str] = []
    for end in ends:
        if _retry_comes(instance, end, now):
            waiting.append(end.run.run_id)
        elif not _made_up_for(instance, end):
            standing.append(end)
    return standing, waiting


def failures_of(instance: dg.DagsterInstance, run_ids: Collection[str]) -> list[End]:
    """The failures of these runs, as far as they are in the log still."""
    found: list[End] = []
    for run_id, record in runs_of(instance, run_ids).items():
        logged = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.RUN_FAILURE, limit=1).records
        found += [End(one.event_log_entry, record.dagster_run) for one in logged]
    return found


def rebuilt(instance: dg.DagsterInstance, failed: Iterable[JobRun]) -> list[JobRun]:
    """Of failed runs of assets those whose assets have all been made since, in whichever run: they succeeded."""
    by_assets = [one for one in failed if one.assets and one.job.startswith(_NAMELESS)]
    keys = {dg.AssetKey(asset.split("/")) for one in by_assets for asset in one.assets}
    made = _last_made(instance, sorted(keys)) if keys else {}
    found: list[JobRun] = []
    for one in by_assets:
        times = [made.get(asset) for asset in one.assets]
        known = [at for at in times if at is not None and at > one.ended_at]
        if len(known) == len(times):
            found.append(JobRun(one.location, one.job, one.run_id, True, max(known), "", one.assets))
    return found


def deleted(instance: dg.DagsterInstance, failed: Sequence[JobRun]) -> list[JobRun]:
    """Of failed runs those that somebody deleted in Dagster: nobody can look at them, so their jobs are as if they were
    well until they run again."""
    kept = runs_of(instance, [one.run_id for one in failed])
    return [
        replace(one, succeeded=True, said="", ended_at=one.ended_at + _JUST_AFTER)
        for one in failed
        if one.run_id not in kept
    ]


def _checked(instance: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType) -> set[dg.AssetCheckKey]:
    """The checks of which a run has an event of this kind."""
    records = instance.get_records_for_run(run.run_id, of_type=kind).records
    logged = [one.event_log_entry.dagster_event for one in records]
    if kind is _PLANNED_CHECK:
        return {event.asset_check_planned_data.asset_check_key for event in logged if event}
    return {event.asset_check_evaluation_data.asset_check_key for event in logged if event}


def _planned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, ...]:
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    logged = instance.get_records_for_run(run.run_id, of_type=kind, limit=_PLANNED).records
    keys = {one.asset_key.to_user_string() for one in logged if one.asset_key}
    return tuple(sorted(keys))


def _last_made(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> Mapping[str, datetime]:
    newest = {one.asset_entry.asset_key: one.asset_entry for one in instance.get_asset_records(list(keys))}
    return {
        key.to_user_string(): datetime.fromtimestamp(entry.last_materialization_record.timestamp, UTC)
        for key, entry in newest.items()
        if entry.last_materialization_record
    }


def _retry_comes(instance: dg.DagsterInstance, end: End, now: datetime) -> bool:
    """Whether Dagster has still to say that it tries this run again, or to do it."""
    said = end.run.tags.get(WILL_RETRY_TAG)
    if said is None:
        return instance.run_retries_enabled and now - end.at < _TAGGED
    if said != "true":
        return False
    retry = end.run.tags.get(AUTO_RETRY_RUN_ID_TAG)
    if retry is None:
        return now - end.at < RETRY_COMES
    record = runs_of(instance, [retry]).get(retry)
    return record is not None and not record.dagster_run.is_finished


def _made_up_for(instance: dg.DagsterInstance, end: End) -> bool:
    """Whether a later run of the same group succeeded, or was itself tried again: it tells how that ended."""
    group = instance.get_run_group(end.run.run_id)
    others = [run.run_id for run in group[1] if run.run_id != end.run.run_id] if group else []
    ended = [record for record in runs_of(instance, others).values() if record.end_time]
    return any(record.dagster_run.is_success and (record.end_time or 0) > end.at.timestamp() for record in ended)


def _said(event: dg.EventLogEntry) -> str:
    """Why a run failed: the step and its own words, else those of the run."""
    assert event.dagster_event
    # Whoever reports a failure from outside may say nothing but a message.
    failure: JobFailureData | None = event.dagster_event.job_failure_data
    step = failure.first_step_failure_event if failure else None
    if step is None:
        error = failure.error if failure else None
        return _cut(error.message if error else event.dagster_event.message or "")
    data = step.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return _cut(f"{step.step_key}: {data.user_failure_data.description}")
    # Around an exception of somebody's own code there is one of Dagster's.
    error = data.error and (data.error.cause or data.error)
    return _cut(f"{step.step_key}: {error.message if error else 'failed'}")


def _cut(words: str) -> str:
    return words.strip()[:LONGEST_WORDS]
