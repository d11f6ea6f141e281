"""``telemetry check`` on our own project: the checks of the assets asked for, run on the home's Dagster instance.

What belongs here: what is expected, run, matched and told by tenant. What does not: another's project
(``foreign_checking.py``), the command (``cli/check.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets import running
from telemetry_assets.answers.check_selection import Selection
from telemetry_assets.answers.results import Result
from telemetry_assets.answers.status_rows import judgements
from telemetry_assets.answers.tenants import find_tenant
from telemetry_assets.defs.check_outcomes import OURS, check_result
from telemetry_assets.defs.check_results import evaluated_in, newest_recorded, results_of, unknown
from telemetry_assets.defs.check_runs import Code, Heard, run_checks
from telemetry_assets.defs.data_age_checks import DATA_AGE
from telemetry_assets.defs.expected_checks import Expected, expected_checks, named_checks
from telemetry_assets.defs.location import build_definitions
from telemetry_assets.defs.outcomes import keep_ends
from telemetry_assets.defs.overrun import ended_by
from telemetry_assets.defs.progress import listening
from telemetry_assets.defs.run_outcomes import End, runs_of
from telemetry_assets.defs.runner import dagster_instance, printing_to
from telemetry_assets.defs.source_assets import SYNC_STATUS
from telemetry_assets.defs.tenant_results import data_age_results, is_of_tenants, recorded_results, split, step_unknown
from telemetry_assets.dispatch.evaluate import evaluate
from telemetry_assets.errors import CouldNotLookError, UsageError
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.ledger import check_results
from telemetry_assets.ledger import tenants as ledger_tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.schema import require_current
from telemetry_assets.model import ANY_TENANT, Tenant
from telemetry_assets.settings import Settings

_OURS = "telemetry"
"""What our own code location is called here."""


def check_ours(
    settings: Settings,
    selection: Selection,
    tenants: Sequence[str] = (),
    *,
    on_step: Callable[[str], None] = lambda _: None,
    deadline: timedelta | None = None,
    ran: Sequence[str] = (),
    on_expected: Callable[[Callable[[], Sequence[Result]]], None] = lambda _: None,
) -> tuple[Result, ...]:
    """Run the checks of the assets chosen; a result for each that was expected, and tenant of it. ``tenants`` (slugs or
    ids) leaves out what is about others alone. What reported in the runs ``ran`` counts, and is not run again.
    ``on_expected`` is given, before any is run, what says at any time what was found so far.

    What cannot be reached makes UNKNOWN results. Raises UsageError for an unknown asset, tag or tenant, and where
    nothing has a check; ConfigError for a wrong declaration.
    """
    code = Code.of(build_definitions(settings).get_repository_def())
    named_checks({_OURS: code.graph}, selection)
    try:
        return _looked(settings, code, selection, tenants, on_step, deadline, ran, on_expected)
    except CouldNotLookError as error:
        return _unlooked(code, selection, error)


def unlooked(settings: Settings, selection: Selection, error: CouldNotLookError) -> tuple[Result, ...]:
    """Every check of the assets chosen as UNKNOWN for ``error``. Raises as :func:`check_ours` does."""
    return _unlooked(Code.of(build_definitions(settings).get_repository_def()), selection, error)


def tell_incidents(settings: Settings) -> tuple[Result, ...]:
    """Evaluate the incidents once, so that what failed is written to be told; UNKNOWN where that cannot be done."""
    try:
        with connect(running.database_dsn(settings)) as conn:
            evaluate(conn, settings, datetime.now(UTC))
    except CouldNotLookError as error:
        return (step_unknown("incidents", f"the incidents could not be evaluated: {error.message}", error.remedy),)
    return ()


def _unlooked(code: Code, selection: Selection, error: CouldNotLookError) -> tuple[Result, ...]:
    keys = named_checks({_OURS: code.graph}, selection)[_OURS]
    return tuple(
        unknown(Expected(key, "", alone=True), None, f"could not look: {error.message}", error.remedy) for key in keys
    )


def _looked(
    settings: Settings,
    code: Code,
    selection: Selection,
    tenants: Sequence[str],
    on_step: Callable[[str], None],
    deadline: timedelta | None,
    ran: Sequence[str],
    on_expected: Callable[[Callable[[], Sequence[Result]]], None],
) -> tuple[Result, ...]:
    everybody = _everybody(settings)
    only = frozenset(find_tenant(everybody, one).slug for one in tenants)
    slugs = [tenant.slug for tenant in everybody]
    with dagster_instance(settings) as instance:
        expected = expected_checks({_OURS: code.graph}, instance, selection)[_OURS]
        heard = Heard(recorded=newest_recorded(instance, expected), evaluations=evaluated_in(instance, ran))
        on_expected(lambda: results_of(expected, heard))
        silent = [one for one in expected if any(asked not in heard.evaluations for asked in one.asked)]
        with (
            ended_by(deadline) as overrun,
            printing_to(settings.home / "logs" / "check.log"),
            listening(lambda step: on_step(step.text)),
        ):
            run_checks(code, instance, silent, heard, on_step)
            if heard.interrupted:
                raise KeyboardInterrupt
        _keep(settings, instance, heard)
        results = _by_tenant(settings, instance, expected, heard, slugs)
    kept = [one for one in results if not only or one.tenant in {*only, ANY_TENANT}]
    if results and not kept:
        raise UsageError(f"No check of {selection} is about {', '.join(sorted(only))}.", "Leave out --tenant.")
    return (*kept, *overrun.results(kept))


def _everybody(settings: Settings) -> tuple[Tenant, ...]:
    with connect(running.database_dsn(settings)) as conn:
        require_current(conn)
        return ledger_tenants.read(conn)


def _by_tenant(
    settings: Settings, instance: dg.DagsterInstance, expected: Sequence[Expected], heard: Heard, slugs: Sequence[str]
) -> list[Result]:
    """The results, those of our own checks by tenant."""
    wanted = [one.asset for one in expected if one.key.name == DATA_AGE and (one.key, None) in heard.evaluations]
    judged = _judged(settings, wanted)
    checks = {(one.asset, one.key.name): one for one in expected}
    found: list[Result] = []
    for result in results_of(expected, heard):
        one = checks.get((result.asset, result.check))
        told = heard.evaluations.get((one.key, None)) if one else None
        if one and not one.alone and one.key.name in OURS:
            found += recorded_results(instance, one, _about(settings, one, slugs))
        elif one is None or told is None:
            found.append(result)
        elif isinstance(judged, CouldNotLookError) and result.check == DATA_AGE:
            found.append(unknown(one, None, f"could not look: {judged.message}", judged.remedy))
        elif not isinstance(judged, CouldNotLookError) and result.check == DATA_AGE:
            found += data_age_results(result, judged.get(result.asset, ()))
        elif is_of_tenants(told.evaluation):
            found += split(result, told.evaluation, slugs)
        else:
            found.append(result)
    return found


def _about(settings: Settings, one: Expected, slugs: Sequence[str]) -> Sequence[str]:
    """The tenants that a check of ours is about: of a sync those that have a connection."""
    source = settings.sources.get(one.asset.split("/")[0]) if one.key.name == SYNC_STATUS else None
    return list(dict.fromkeys(each.tenant for each in source.connections)) if source else slugs


def _judged(settings: Settings, assets: Sequence[str]) -> Mapping[str, Sequence[Judgement]] | CouldNotLookError:
    """asset → the judgements of now; the error where that cannot be looked at any more."""
    if not assets:
        return {}
    found: dict[str, list[Judgement]] = {}
    try:
        with connect(running.database_dsn(settings)) as conn:
            for item in judgements(conn, settings, datetime.now(UTC), assets):
                found.setdefault(item.asset, []).append(item)
    except CouldNotLookError as error:
        return error
    return found


def _keep(settings: Settings, instance: dg.DagsterInstance, heard: Heard) -> None:
    """How the checks and their runs ended → the ledger, where the incidents find it. Where that is away, the alerts
    sensor takes it from Dagster once it is back."""
    try:
        with connect(running.database_dsn(settings)) as conn:
            _keep_outcomes(conn, instance, heard.run_ids)
    except CouldNotLookError:
        return


def _keep_outcomes(conn: Connection[TupleRow], instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    slugs = {tenant.slug for tenant in ledger_tenants.read(conn)}
    ends: list[End] = []
    for run_id, record in runs_of(instance, run_ids).items():
        for kind in (dg.DagsterEventType.ASSET_CHECK_EVALUATION, *_ENDS):
            events = [one.event_log_entry for one in instance.get_records_for_run(run_id, of_type=kind).records]
            if kind in _ENDS:
                ends += [End(event, record.dagster_run) for event in events]
            else:
                theirs = [event for event in events if not _is_ours(event)]
                check_results.record(conn, [check_result(event, slugs, {}) for event in theirs])
    keep_ends(conn, instance, ends, "")


_ENDS = (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE)


def _is_ours(event: dg.EventLogEntry) -> bool:
    assert event.dagster_event
    evaluation = event.dagster_event.asset_check_evaluation_data
    return OURS.get(evaluation.check_name, "") in evaluation.metadata
