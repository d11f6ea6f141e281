"""``telemetry check --guard``: from fixtures to one verdict, in a temporary home. The meaning: docs/checking.md.

What belongs here: the order of the steps, and the verdict over what they found. What does not: the steps
(``guard_*.py``), the options as they are typed (``check.py``), writing the artifacts (``artifacts.py``).
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from telemetry_assets.answers.check_selection import GuardOptions
from telemetry_assets.answers.coverage import coverage
from telemetry_assets.answers.provenance import provenance
from telemetry_assets.answers.results import Coverage, Kind, Result, Verdict, ordered
from telemetry_assets.answers.tenants import find_tenant
from telemetry_assets.cli import guard_steps as steps
from telemetry_assets.cli.guard_clock import EndedEarly, Steps, end_children, trouble, within
from telemetry_assets.cli.guard_documents import contract_files, documents
from telemetry_assets.cli.guard_isolation import before_isolation, hidden, in_artifacts, isolation
from telemetry_assets.cli.guard_reach import reached
from telemetry_assets.cli.guard_steps import Guard
from telemetry_assets.errors import TelemetryError
from telemetry_assets.model import Tenant
from telemetry_assets.render.artifacts import artifacts_of
from telemetry_assets.render.progress import Display, Silent
from telemetry_assets.settings import Settings
from telemetry_assets.sources.asset_graph import asset_graph, read_manifest

DEADLINE = timedelta(minutes=10)
"""How long the guard may take where nobody says."""
ARTIFACTS = "telemetry-artifacts"
_STEPS = {
    steps.HYDRATE: steps.hydrate,
    "build": steps.build,
    "check": steps.check,
    "documents": documents,
    "scenarios": steps.scenarios,
    "isolation": isolation,
    "contracts": steps.contracts,
}


def run_guard(settings: Settings, options: GuardOptions, show: Display | None = None) -> Verdict:
    """Every step, whatever became of the ones before; the verdict over all they found. The home is gone at the end.

    Raises UsageError for a tenant in ``options`` that neither telemetry.yaml nor the fixtures have. The artifacts are
    the caller's to write (``cli/artifacts.py``).
    """
    from telemetry_assets.local.fixture_rows import read_fixtures

    began, done = datetime.now(UTC), Steps()
    display = show or Silent()
    fixtures = read_fixtures(settings, began)
    _import_what_steps_need()
    allowed = _allowed(fixtures.tenants, options.tenants)
    with ExitStack() as stack:
        guard = Guard(settings, options, began, display, stack, fixtures)
        try:
            with within(options.deadline or DEADLINE) as done.clock:
                for name, step in _STEPS.items():
                    done.take(name, lambda step=step: step(guard), display.note)
        except (EndedEarly, KeyboardInterrupt) as end:  # between two steps
            done.cut(end, _STEPS)
        if done.ended:
            end_children(guard.standing)
        found, reachable = _coverage(guard, done), reached(guard)
        display.note("verdict")
    verdict = Verdict(
        results=ordered(done.results),
        began=began,
        ended=datetime.now(UTC),
        correlation_id=str(uuid4()),
        scope=f"guard: {options.selection}",
        provenance=provenance(settings.root),
        tenants=allowed,
        coverage=found,
        steps=done.took,
        diagnostics=_diagnostics(guard) | reachable,
        first=first(guard, done.results),
    )
    verdict = hidden(guard, verdict)
    leaked = in_artifacts(guard, verdict, artifacts_of(before_isolation(verdict)))
    return replace(verdict, results=ordered([*verdict.results, *leaked]))


def _import_what_steps_need() -> None:
    """Before anybody can end a step: an import that ends half way leaves a module in which the verdict stumbles."""
    from telemetry_assets.answers import contracts_answer
    from telemetry_assets.defs import checking, runner
    from telemetry_assets.dispatch import scenarios
    from telemetry_assets.local import airbyte_server, fixture_tables, guard_home

    del contracts_answer, checking, runner, scenarios, airbyte_server, fixture_tables, guard_home


def undeclared(error: TelemetryError, options: GuardOptions) -> Verdict:
    """The verdict where telemetry.yaml cannot be used: nothing ran, and that is what it says."""
    now = datetime.now(UTC)
    return Verdict(
        results=(trouble("telemetry.yaml", error),),
        began=now,
        ended=now,
        correlation_id=str(uuid4()),
        scope=f"guard: {options.selection}",
        provenance=provenance(Path.cwd()),
    )


def _allowed(tenants: Sequence[Tenant], chosen: Sequence[str]) -> dict[str, str]:
    """Slug → id of the tenants who may stand in the artifacts. Raises UsageError for one that is not there."""
    from telemetry_assets.local.fixture_rows import is_canary

    known = {tenant.slug: str(tenant.id) for tenant in tenants}
    if not chosen:
        return {slug: one for slug, one in known.items() if not is_canary(slug)}
    return {tenant.slug: str(tenant.id) for tenant in (find_tenant(tenants, name) for name in chosen)}


def _coverage(guard: Guard, done: Steps) -> Coverage | None:
    """What nobody looks at; None where the graph could not be read."""
    settings = guard.home.settings if guard.home else guard.settings
    try:
        nodes = asset_graph(settings, read_manifest(settings.dbt) if settings.dbt else None)
    except TelemetryError:
        return None
    checked = {one.asset for one in done.results if one.kind is Kind.CHECK}
    fixtures = {path.stem for path in (guard.settings.schemas_dir / "fixtures").glob("*.json")}
    return coverage(nodes, settings.promises, list(contract_files(guard.settings.schemas_dir)), checked, fixtures)


def first(guard: Guard, found: Sequence[Result]) -> tuple[str, str] | None:
    """Asset and check of the step that went wrong first, where nothing else had: the rest may follow from it."""
    bad = [one for one in found if one.exit_code]
    if guard.unhydrated:
        return next(((one.asset, one.check) for one in bad if one.check in (steps.HYDRATE, Kind.DEADLINE)), None)
    return (bad[0].asset, bad[0].check) if bad and bad[0].kind in (Kind.STEP, Kind.DEADLINE) else None


def _diagnostics(guard: Guard) -> dict[str, str]:
    kept = guard.home is not None and guard.options.keep
    return {
        "telemetry.yaml": guard.settings.path.name,
        "fixtures": f"{len(guard.fixtures.found)} used, {len(guard.fixtures.missing)} missing",
        "home": str(guard.home.settings.home) if kept and guard.home else "removed",
    }
