"""Preparing and running the graph in this process: what ``telemetry prepare`` and ``telemetry refresh`` do.

What belongs here: the phases one after the other on the home's Dagster instance, so that the UI shows them.
What does not: starting databases and servers (``local/``), printing (``render/``).
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from sqlalchemy.exc import OperationalError

from telemetry_assets import running
from telemetry_assets.answers.refresh import Phase, PhaseResult, Step
from telemetry_assets.defs.data_age_checks import states_of
from telemetry_assets.defs.interrupts import heard
from telemetry_assets.defs.jobs import selection_config
from telemetry_assets.defs.location import build_definitions
from telemetry_assets.defs.partitions import align, whole_range_tags
from telemetry_assets.defs.progress import listening
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger import graph, schema
from telemetry_assets.ledger import tenants as ledger_tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import Tenant
from telemetry_assets.settings import Settings, export
from telemetry_assets.sources.asset_graph import asset_graph, read_manifest
from telemetry_assets.sources.dbt_command import needs_parse, parse_project
from telemetry_assets.sources.dbt_manifest import exposures_of
from telemetry_assets.sources.tenants import declared_tenants
from telemetry_assets.sources.watching import watch

DAGSTER_YAML = """\
# Written by `telemetry prepare`. SQLite storage beside this file; see deploy/ for PostgreSQL storage in production.
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator:
  module: dagster.core.run_coordinator
  class: DefaultRunCoordinator
schedules: {use_threads: true, num_workers: 4}
sensors: {use_threads: true, num_workers: 4}
run_monitoring: {enabled: true, start_timeout_seconds: 120, poll_interval_seconds: 30, max_runtime_seconds: 3600}
retention:
  schedule: {purge_after_days: 14}
  sensor: {purge_after_days: {skipped: 1, failure: 14, success: 14}}
"""


def prepare(settings: Settings, on_step: Callable[[str], None] = lambda _: None) -> tuple[Tenant, ...]:
    """Bring ledger, tenants, dbt manifest, graph and Dagster home up to date. Safe to repeat; returns the tenants."""
    dsn = running.database_dsn(settings)
    on_step("ledger")
    schema.migrate(dsn)
    on_step("tenants")
    with connect(dsn) as conn:
        tenants = declared_tenants(conn, settings)
        ledger_tenants.write(conn, tenants)
    if settings.dbt and needs_parse(settings.dbt):
        on_step("dbt manifest")
        parse_project(settings.dbt, dsn)
    on_step("graph")
    manifest = read_manifest(settings.dbt) if settings.dbt else None
    with connect(dsn) as conn:
        graph.replace(conn, asset_graph(settings, manifest), exposures_of(manifest) if manifest else ())
        watch(conn, settings, manifest, datetime.now(UTC))
    with dagster_instance(settings) as instance:
        align(instance, [tenant.slug for tenant in tenants])
    return tenants


def known_tenants(settings: Settings) -> tuple[Tenant, ...]:
    """The tenants as the ledger knows them since the last ``prepare``."""
    with connect(running.database_dsn(settings)) as conn:
        return ledger_tenants.read(conn)


@contextmanager
def dagster_instance(settings: Settings) -> Generator[dg.DagsterInstance]:
    """The home's Dagster instance, its folder and dagster.yaml made where they are missing.

    Raises CouldNotLookError where the folder, or the storage in it, refuses: read-only, full, or another's.
    """
    export({"DAGSTER_HOME": str(settings.dagster_home)})
    try:
        ensure_dagster_home(settings.dagster_home)
        opened = dg.DagsterInstance.get()
    except (OSError, OperationalError) as error:
        raise _unusable(error, settings.dagster_home) from error
    with opened as instance:
        try:
            yield instance
        except OperationalError as error:
            raise _unusable(error, settings.dagster_home) from error


def _unusable(error: OSError | OperationalError, folder: Path) -> CouldNotLookError:
    said = error.strerror if isinstance(error, OSError) else str(error.orig)
    return CouldNotLookError(
        f"Dagster cannot keep its runs in {folder}: {said}.",
        "Make room there, or set TELEMETRY_HOME to a folder you can write.",
    )


def ensure_dagster_home(folder: Path) -> None:
    """Make DAGSTER_HOME. A dagster.yaml that a person put there is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").exists():
        (folder / "dagster.yaml").write_text(DAGSTER_YAML)


def refresh(
    settings: Settings,
    phases: Sequence[Phase],
    tenants: Sequence[str],
    *,
    on_phase: Callable[[Phase], None] = lambda _: None,
    on_step: Callable[[Phase, Step], None] = lambda *_: None,
) -> tuple[PhaseResult, ...]:
    """Run the phases in order, each as a run of its own, whatever became of the one before it.

    ``tenants`` narrows sync and snapshots to these slugs; empty means all.
    """
    definitions = build_definitions(settings)
    results: list[PhaseResult] = []
    with dagster_instance(settings) as instance:
        available = {job.name for job in definitions.resolve_all_job_defs()}
        for phase in phases:
            if phase.value not in available:
                continue
            on_phase(phase)
            with listening(lambda step, phase=phase: on_step(phase, step)):
                results.append(_run(definitions, instance, settings, phase, tenants))
    return tuple(results)


def _run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, phase: Phase, tenants: Sequence[str]
) -> PhaseResult:
    started = datetime.now(UTC)
    partitioned = phase in (Phase.SYNC, Phase.SNAPSHOTS)
    config: dict[str, Any] = selection_config(settings, phase, tenants)
    config["loggers"] = {"console": {"config": {"log_level": "CRITICAL"}}}
    with printing_to(settings.home / "logs" / "refresh.log"), heard() as interrupts:
        result = definitions.resolve_job_def(phase.value).execute_in_process(
            instance=instance,
            run_config=config,
            tags=dict(whole_range_tags(instance)) if partitioned else {},
            raise_on_error=False,
        )
    if interrupts.any or _was_interrupted(result):
        raise KeyboardInterrupt
    checks = result.get_asset_check_evaluations()
    failed_checks = [
        f"{evaluation.asset_key.to_user_string()} {evaluation.check_name}: {evaluation.description or 'failed'}"
        for evaluation in checks
        if not evaluation.passed
    ]
    failed_steps = [
        f"{event.step_key}: {_said(event)}" for event in result.filter_events(lambda event: event.is_step_failure)
    ]
    return PhaseResult(
        phase=phase,
        run_id=result.run_id,
        succeeded=result.success,
        seconds=(datetime.now(UTC) - started).total_seconds(),
        failures=tuple(failed_steps + failed_checks),
        promises=states_of(checks),
    )


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether somebody pressed Ctrl-C: Dagster takes that for the failure of a step."""
    failures = [event.step_failure_data.error for event in result.filter_events(lambda event: event.is_step_failure)]
    return any(error and error.cls_name == DagsterExecutionInterruptedError.__name__ for error in failures)


def _said(event: dg.DagsterEvent) -> str:
    """A failed step's own words: the description of a Failure, else the first line of the innermost error: around one
    of ours there is one of Dagster's."""
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    said = error.message.strip() if error else ""
    return said.splitlines()[0] if said else failure.error_display_string.strip().splitlines()[0]


@contextmanager
def printing_to(log: Path) -> Generator[None]:
    """What dbt prints belongs into a log, not between the answers of a command."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a") as stream, redirect_stdout(stream):
        yield
