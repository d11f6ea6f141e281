"""The guard's steps, without a home: what one that had nothing to stand on says, and what became of its phases."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telemetry_assets.answers.check_selection import GuardOptions, Selection
from telemetry_assets.answers.contracts_answer import read_contract_results
from telemetry_assets.answers.refresh import Phase, PhaseResult
from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.cli import guarding
from telemetry_assets.cli.guard_clock import EndedEarly, Steps
from telemetry_assets.cli.guard_steps import Guard, build, hydrate, phase_result
from telemetry_assets.cli.guard_tables import fixture_faults
from telemetry_assets.local.fixture_rows import read_fixtures
from telemetry_assets.model import State
from telemetry_assets.render.progress import Silent
from telemetry_assets.settings import load
from tests.cli.shop import YAML

COMMIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-q")


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    """A guard whose temporary home cannot be made: its folder for them is a file."""
    (tmp_path / "telemetry.yaml").write_text(
        "tenants: [{slug: acme, id: 00000000-0000-0000-0000-000000000001, name: Acme}]"
    )
    settings, now = load(tmp_path / "telemetry.yaml"), datetime.now(UTC)
    with ExitStack() as stack:
        yield Guard(settings, GuardOptions(Selection()), now, Silent(), stack, read_fixtures(settings, now))


@pytest.mark.promise("D26")
def test_after_a_hydrate_that_failed_the_others_name_it_and_say_nothing_of_their_own(
    guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    done = Steps()
    done.take("hydrate", lambda: hydrate(guard))
    done.take("build", lambda: build(guard))
    failed, follows = done.results
    assert failed.check == "hydrate"
    assert follows == Result(Kind.STEP, "", "build", State.UNKNOWN, "was not executed: the step hydrate failed")
    assert guarding.first(guard, done.results) == ("", "hydrate")


def test_after_the_deadline_the_others_name_the_step_that_it_came_in() -> None:
    def dawdle() -> Iterator[Result]:
        raise EndedEarly("the deadline of 1 s was exceeded", Kind.DEADLINE)
        yield

    done = Steps()
    done.take("build", dawdle)
    done.take("check", tuple)
    assert done.results[-1].message == "was not executed: the deadline of 1 s was exceeded while in step build"


@pytest.mark.parametrize(
    ("failed", "state", "said"),
    [
        ([], State.PASS, "ended well"),
        ([True, False], State.PASS, "ended well"),
        ([True, True], State.FAIL, "nothing of it was well: each of 2 failed, and the checks say why"),
    ],
)
def test_a_phase_of_which_everything_failed_did_not_end_well(failed: list[bool], state: State, said: str) -> None:
    ended = PhaseResult(Phase.SYNC, "run", True, 1.0, ("shop/orders sync_status: acme failed",))
    result = phase_result(ended, failed)
    assert (result.state, result.message, result.took) == (state, said, timedelta(seconds=1))


@pytest.mark.promise("D23")
def test_a_place_is_of_the_repository_though_the_project_lies_in_a_folder_of_it(tmp_path: Path) -> None:
    project = tmp_path / "backend" / "telemetry"
    (project / "schemas" / "fixtures").mkdir(parents=True)
    (project / "schemas" / "accepted.yaml").write_text("no list")
    (project / "schemas" / "fixtures" / "shop.orders.json").write_text("[]")
    (project / "telemetry.yaml").write_text(YAML)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*COMMIT, "--allow-empty", "-m", "first"], cwd=tmp_path, check=True)
    settings, now = load(project / "telemetry.yaml"), datetime.now(UTC)
    guard = Guard(settings, GuardOptions(Selection()), now, Silent(), ExitStack(), read_fixtures(settings, now))
    found = [
        *fixture_faults(settings, guard.fixtures),
        *read_contract_results(settings.schemas_dir, "HEAD", now.date()),
    ]
    told = [one.place.path for one in found if one.place]
    assert told == ["backend/telemetry/schemas/fixtures/shop.orders.json", "backend/telemetry/schemas/accepted.yaml"]
    assert guard.shown(project / "tests" / "one.yaml") == "backend/telemetry/tests/one.yaml"
