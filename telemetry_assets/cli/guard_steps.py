"""What the guard does, step by step, in its temporary home: each gives results, and finds what those before it left.

What belongs here: filling the home from fixtures, building, checking, scenarios, contracts. What does not: the order
and the time (``guarding.py``, ``guard_clock.py``), documents (``guard_documents.py``), isolation
(``guard_isolation.py``).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from telemetry_assets.answers.check_selection import GuardOptions
from telemetry_assets.answers.refresh import Phase, PhaseResult, Step
from telemetry_assets.answers.results import Kind, Place, Result
from telemetry_assets.cli.guard_clock import LONGEST, NotExecutedError
from telemetry_assets.cli.guard_tables import filled, fixture_faults, others_ran
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.schema import migrate
from telemetry_assets.model import AssetNode, State
from telemetry_assets.render.progress import Display
from telemetry_assets.settings import Settings
from telemetry_assets.sources.asset_graph import asset_graph, read_manifest
from telemetry_assets.sources.dbt_command import parse_project
from telemetry_assets.sources.git import in_repository
from telemetry_assets.spoken import spoken

if TYPE_CHECKING:
    from telemetry_assets.local.fixture_rows import Fixtures
    from telemetry_assets.local.guard_home import GuardHome

HYDRATE = "hydrate"
SCENARIOS = Path("tests") / "scenarios"
NO_STEP_LOGS = "compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}\n"
"""Nobody reads what a step printed once the home is gone, and who copies it ends loudly on Ctrl-C."""
LATE_FIXTURE = "write it relative (telemetry contracts update)"


@dataclass(slots=True)
class Guard:
    """One run of the guard: what it is asked, and what its steps have made so far. ``home`` is None before it is up;
    ``standing`` are the processes that outlive a step; ``unhydrated``: what a half-filled home answers says nothing."""

    settings: Settings
    options: GuardOptions
    now: datetime
    show: Display
    stack: ExitStack
    fixtures: "Fixtures"
    home: "GuardHome | None" = None
    standing: frozenset[int] = frozenset()
    nodes: tuple[AssetNode, ...] = ()
    ran: list[str] = field(default_factory=list[str])
    unhydrated: bool = False

    @property
    def up(self) -> "GuardHome":
        """The home, filled. Raises NotExecutedError where it could not be."""
        if self.home is None or self.unhydrated:
            raise NotExecutedError(f"the step {HYDRATE} failed")
        return self.home

    def shown(self, path: Path) -> str:
        """A path as results name it: relative to the root of the repository."""
        return in_repository(path, self.settings.root)


def hydrate(guard: Guard) -> Iterator[Result]:
    """Bring the home up, and into it what the fixtures hold: by syncs, and straight into the watched tables."""
    try:
        yield from _hydrated(guard)
    except BaseException:
        guard.unhydrated = True
        raise


def _hydrated(guard: Guard) -> Iterator[Result]:
    fixtures = guard.fixtures
    from telemetry_assets.defs.runner import DAGSTER_YAML, prepare
    from telemetry_assets.local.airbyte_server import LocalAirbyte
    from telemetry_assets.local.guard_home import guard_home

    yield from fixture_faults(guard.settings, fixtures)
    guard.show.note("start PostgreSQL")
    parser = guard.stack.enter_context(ThreadPoolExecutor(1))
    parsed: list[Future[None]] = []

    def begin(home: "GuardHome") -> None:
        guard.standing = frozenset(one.pid for one in psutil.Process().children(recursive=True))
        if home.settings.dbt:
            parsed.append(parser.submit(parse_project, home.settings.dbt, home.dsn))

    opened = guard_home(guard.settings, fixtures, guard.now, keep=guard.options.keep, beside=begin)
    guard.home = home = guard.stack.enter_context(opened)
    if parsed:
        guard.show.note("prepare dbt manifest")
        parsed[0].result()
    home.settings.dagster_home.mkdir(parents=True)
    (home.settings.dagster_home / "dagster.yaml").write_text(DAGSTER_YAML + NO_STEP_LOGS)
    manifest = read_manifest(home.settings.dbt) if home.settings.dbt else None
    guard.nodes = asset_graph(home.settings, manifest)
    migrate(home.dsn)
    with connect(home.dsn) as conn:
        yield from filled(conn, guard.settings, fixtures, manifest)
        prepare(home.settings, on_step=lambda step: guard.show.note(f"prepare {step}"))
        yield from others_ran(conn, guard.settings, fixtures, guard.now)
    if home.settings.sources:
        server = LocalAirbyte(home.settings, home.dsn)
        guard.stack.callback(server.stop)
        server.start()
        yield from _run(guard, Phase.SYNC)


def build(guard: Guard) -> Iterator[Result]:
    """The dbt project built, the snapshots published: each a run of its own, whatever became of the one before."""
    yield from _run(guard, Phase.BUILD, Phase.SNAPSHOTS)


def check(guard: Guard) -> Iterator[Result]:
    """Every check of the selection; whoever does not report is told."""
    from telemetry_assets.defs.checking import check_ours

    found = check_ours(guard.up.settings, guard.options.selection, on_step=guard.show.note, ran=guard.ran)
    yield from (_with_fixture_age(guard, one) for one in found)


def scenarios(guard: Guard) -> Iterator[Result]:
    """Ages that are given, the states and messages that follow; with the tenants and promises of telemetry.yaml."""
    from telemetry_assets.dispatch.scenarios import run_scenarios

    home = guard.up
    dbt = home.settings.dbt  # what the user's own project left in its target folder is of another day, or not there
    manifest = read_manifest(dbt) if dbt else None
    yield from run_scenarios(home.dsn, replace(guard.settings, dbt=dbt), guard.settings.root / SCENARIOS, manifest)


def contracts(guard: Guard) -> Iterator[Result]:
    """Every contract of the folder against its version at the merge base."""
    from telemetry_assets.answers.contracts_answer import read_contract_results

    folder = guard.settings.schemas_dir
    if folder.is_dir():
        yield from read_contract_results(folder, guard.options.base, guard.now.date())
    else:
        yield Result(Kind.CONTRACT, "", "contracts", State.PASS, "there is no contract")


def _run(guard: Guard, *phases: Phase) -> Iterator[Result]:
    from telemetry_assets.defs.runner import refresh

    settings, units = guard.up.settings, defaultdict[Phase, list[bool]](list)

    def hear(phase: Phase, step: Step) -> None:
        units[phase].append(step.failed)
        guard.show.step(phase, step)

    for ended in refresh(settings, phases, [], on_phase=guard.show.phase, on_step=hear):
        guard.ran.append(ended.run_id)
        yield phase_result(ended, units[ended.phase])


def phase_result(ended: PhaseResult, failed: Sequence[bool] = ()) -> Result:
    """How a phase ended: badly too where each of its units ``failed``. What its checks found of each is not repeated:
    they are results of their own, of the tenants they are about."""
    took = timedelta(seconds=ended.seconds)
    if ended.succeeded and failed and all(failed):
        said = f"nothing of it was well: each of {len(failed)} failed, and the checks say why"
        return Result(Kind.STEP, "", str(ended.phase), State.FAIL, said, took=took, task_id=ended.run_id)
    if ended.succeeded:
        return Result(Kind.STEP, "", str(ended.phase), State.PASS, "ended well", took=took, task_id=ended.run_id)
    said = "; ".join(ended.failures) or "failed, and says no more"
    return Result(Kind.STEP, "", str(ended.phase), State.FAIL, said[:LONGEST], took=took, task_id=ended.run_id)


def _with_fixture_age(guard: Guard, result: Result) -> Result:
    """A late asset whose fixture holds absolute times says so: it is the fixture that aged."""
    if not result.late:
        return result
    old = [
        (fixture.path, fixture.age)
        for key, fixture in guard.fixtures.found.items()
        if fixture.age is not None and fixture.age.days and _feeds(guard, key, result.asset)
    ]
    if not old:
        return result
    path, age = max(old, key=lambda one: one[1])
    said = f"{result.message}; the fixture {path.name} is {spoken(age)} old: {LATE_FIXTURE}"
    return replace(result, message=said[:LONGEST], place=Place(guard.shown(path)))


def _feeds(guard: Guard, root: str, asset: str) -> bool:
    """Whether ``asset`` is made from ``root``, straight or not."""
    parents = {node.key: node.parents for node in guard.nodes}
    seen, todo = set[str](), [asset]
    while todo:
        key = todo.pop()
        if key == root:
            return True
        if key not in seen:
            seen.add(key)
            todo += parents.get(key, ())
    return False
