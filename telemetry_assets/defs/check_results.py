"""What checks reported → results, held against what was expected: whoever did not report is UNKNOWN.

What belongs here: the meaning of an evaluation, of an error, of silence. What does not: running (``check_runs.py``),
what our own checks say of each tenant (``tenant_results.py``).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg
import psycopg
from dagster._core.errors import DagsterStepOutputNotFoundError
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.defs.check_runs import INTERRUPTED, Ended, Evaluated, Heard
from telemetry_assets.defs.expected_checks import Asked, Expected
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.model import ANY_TENANT, State
from telemetry_assets.spoken import counted

LONGEST = 2_000
"""No message is longer."""
_HISTORY = 500
"""So many evaluations of a check are gone through for the newest of each partition."""


def results_of(expected: Sequence[Expected], heard: Heard) -> tuple[Result, ...]:
    """One result for each check, and partition of it, that was expected to report; one for each step that failed though
    everything of it had passed."""
    found = [_result(one, asked, heard) for one in expected for asked in one.asked]
    found += [_without_partitions(one) for one in expected if one.partitions == ()]
    found += [_of_old(one) for one in expected if one.left_out]
    return (*found, *_failed_besides(expected, heard))


def evaluated_result(asked: Asked, told: Evaluated, prefix: str = "") -> Result:
    """The result of one evaluation; ``prefix`` stands before what it said."""
    evaluation = told.evaluation
    warns = evaluation.severity is dg.AssetCheckSeverity.WARN
    state = State.PASS if evaluation.passed else State.WARN if warns else State.FAIL
    said = evaluation.description or ("passed" if evaluation.passed else "failed, and says no more")
    return Result(
        Kind.CHECK,
        evaluation.asset_key.to_user_string(),
        evaluation.check_name,
        state,
        (prefix + said)[:LONGEST],
        tenant=asked[1] or ANY_TENANT,
        took=told.took,
        task_id=told.run_id,
    )


def unknown(one: Expected, partition: str | None, message: str, remedy: str = "", ended: Ended | None = None) -> Result:
    """The result of a check that could not be looked at, and why."""
    return Result(
        Kind.CHECK,
        one.asset,
        one.key.name,
        State.UNKNOWN,
        message[:LONGEST],
        tenant=partition or ANY_TENANT,
        remedy=remedy,
        took=ended.took if ended else None,
        task_id=ended.run_id if ended else "",
    )


def newest_recorded(
    instance: dg.DagsterInstance, expected: Sequence[Expected]
) -> dict[Asked, tuple[Evaluated, datetime]]:
    """Of checks that cannot be run alone the newest evaluation on record, with when it was."""
    found: dict[Asked, tuple[Evaluated, datetime]] = {}
    for one in expected:
        if one.alone:
            continue
        wanted = set(one.asked)
        for record in recorded(instance, one.key):
            evaluation = record.evaluation
            if evaluation is None or (asked := (one.key, evaluation.partition)) not in wanted:
                continue
            wanted.discard(asked)
            found[asked] = Evaluated(evaluation, record.run_id), datetime.fromtimestamp(record.create_timestamp, UTC)
            if not wanted:
                break
    return found


def evaluated_in(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> dict[Asked, Evaluated]:
    """What reported in these runs, of checks without partitions."""
    found: dict[Asked, Evaluated] = {}
    for run_id in run_ids:
        kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
        for record in instance.get_records_for_run(run_id, of_type=kind).records:
            if event := record.event_log_entry.dagster_event:
                evaluation = event.asset_check_evaluation_data
                found[evaluation.asset_check_key, None] = Evaluated(evaluation, run_id)
    return found


def recorded(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> Iterator[AssetCheckExecutionRecord]:
    """The evaluations of a check on record, the newest first, up to a bound."""
    cursor: int | None = None
    left = _HISTORY
    while left > 0:
        page = instance.event_log_storage.get_asset_check_execution_history(key, limit=min(left, 50), cursor=cursor)
        # What a run planned and did not come to has an evaluation of another type.
        yield from (one for one in page if isinstance(one.evaluation, dg.AssetCheckEvaluation))
        if len(page) < 50:
            return
        cursor, left = page[-1].id, left - len(page)


def could_not_reach(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, says that something could not be reached."""
    while error is not None:
        if isinstance(error, CouldNotLookError | OSError | psycopg.OperationalError) or _psycopg2_lost(error):
            return True
        error = error.__cause__
    return False


def _psycopg2_lost(error: BaseException) -> bool:
    """The same of the older driver, which may not be installed."""
    return any(one.__name__ == "OperationalError" and one.__module__ == "psycopg2" for one in type(error).__mro__)


def _result(one: Expected, asked: Asked, heard: Heard) -> Result:
    partition = asked[1]
    if asked in heard.recorded:
        told, at = heard.recorded[asked]
        return evaluated_result(asked, told, f"of {at:%Y-%m-%d %H:%M} UTC: ")
    if not one.alone:
        return unknown(one, partition, "never recorded: computed with its asset.", f"Materialize {one.asset}.")
    if asked in heard.evaluations:
        return evaluated_result(asked, heard.evaluations[asked])
    ended = heard.ends.get((one.op, partition))
    return _unreported(one, partition, ended)


def _unreported(one: Expected, partition: str | None, ended: Ended | None) -> Result:
    """The result of a check of which nothing was heard: what became of its step says why."""
    if ended is None:
        return unknown(one, partition, "was not executed: the run ended before it.")
    if not ended.begun and ended.run_id and ended.said == INTERRUPTED:
        return unknown(one, partition, "was interrupted while it ran.")
    if not ended.begun:
        return unknown(
            one, partition, f"could not be run: {ended.said}", "Its config and its resources need defaults.", ended
        )
    if not ended.said or isinstance(ended.raised, DagsterStepOutputNotFoundError):
        return unknown(one, partition, f"never reported: {one.op} ended without a result of it.", "", ended)
    if ended.loading:
        return unknown(
            one, partition, f"could not load what it looks at: {ended.said}", f"Materialize {one.asset} first.", ended
        )
    if could_not_reach(ended.raised):
        return unknown(one, partition, f"could not look, raised {ended.said}", "", ended)
    return Result(
        Kind.CHECK,
        one.asset,
        one.key.name,
        State.FAIL,
        f"raised {ended.said}"[:LONGEST],
        tenant=partition or ANY_TENANT,
        took=ended.took,
        task_id=ended.run_id,
    )


def _without_partitions(one: Expected) -> Result:
    return unknown(
        one, None, "has no partition to look at here.", "Materialize one, or name the instance: DAGSTER_HOME."
    )


def _of_old(one: Expected) -> Result:
    message = f"{counted(one.left_out, 'older partition')} not looked at"
    return Result(
        Kind.CHECK, one.asset, one.key.name, State.WARN, message, remedy="Name the one to look at: --tenant PARTITION."
    )


def _failed_besides(expected: Sequence[Expected], heard: Heard) -> Iterator[Result]:
    """The steps that raised after each of their checks had passed: nothing else would tell of it."""
    for (op, partition), ended in heard.ends.items():
        of_it = [asked for one in expected if one.op == op for asked in one.asked if asked[1] == partition]
        told = [heard.evaluations[asked].evaluation for asked in of_it if asked in heard.evaluations]
        if ended.said and told and len(told) == len(of_it) and all(_stands(one) for one in told):
            state = State.UNKNOWN if could_not_reach(ended.raised) else State.FAIL
            yield Result(
                Kind.STEP,
                told[0].asset_key.to_user_string(),
                op,
                state,
                f"raised {ended.said} after its checks had reported"[:LONGEST],
                tenant=partition or ANY_TENANT,
                took=ended.took,
                task_id=ended.run_id,
            )


def _stands(evaluation: dg.AssetCheckEvaluation) -> bool:
    return evaluation.passed or evaluation.severity is dg.AssetCheckSeverity.WARN
