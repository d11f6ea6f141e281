"""Everything that a guard must notice, done to it: each ends non-zero, names the cause, and leaves its artifacts.

What belongs here: sabotage of the small project, of the example, and of the guard while it runs. What does not: what a
part says of its own (the tests of that part).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from telemetry_assets import running
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.answers.results import Kind, Result, Verdict
from telemetry_assets.cli.artifacts import leave_behind, verify
from telemetry_assets.model import ExitCode, State
from telemetry_assets.render.progress import Silent
from telemetry_assets.settings import load
from tests.guard.small_project import ACME, Project, found, project
from tests.guard.test_guard import commit
from tests.integration.example import Place, clean_environment, copy_example

pytestmark = [pytest.mark.slow, pytest.mark.promise("A8", "D26")]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Project]:
    """The small project in a repository: the guard passes. Nothing is left of it in the temporary folder."""
    with project(tmp_path) as made:
        commit(made.folder)
        yield made
    assert [path.name for path in tmp_path.iterdir()] == ["a project"]


def judged(small: Project, **more: Any) -> Verdict:
    """The verdict as it is left behind: the artifacts say the same, and are whole."""
    out = small.folder / "artifacts"
    settings = load(small.folder / "telemetry.yaml")
    final = leave_behind(small.guard(**more), out=out, settings=settings)
    assert [one for one in verify(out) if one.state is not State.PASS] == []
    summary = json.loads((out / "ci-summary.json").read_text())
    assert summary["exit_code"] == final.exit_code
    assert summary["verdict"] == "failed"
    return final


def causes(verdict: Verdict) -> set[tuple[str, str, str, str, str]]:
    """What is bad, without the words."""
    return {(str(one.state), str(one.kind), one.asset, one.check, one.tenant) for one in verdict.bad}


def one_of(verdict: Verdict, kind: Kind, asset: str, check: str, tenant: str = "*") -> Result:
    """The one bad result of this subject."""
    (result,) = [
        one for one in verdict.bad if (one.kind, one.asset, one.check, one.tenant) == (kind, asset, check, tenant)
    ]
    return result


class Saboteur(Silent):
    """Does something to the guard's database when it comes to a step."""

    def __init__(self, folder: Path, step: str, deed: Callable[[Path, str], None]) -> None:
        self._folder, self._step, self._deed = folder, step, deed

    def note(self, text: str) -> None:
        if text == self._step:
            self._strike()

    def phase(self, phase: Phase) -> None:
        if str(phase) == self._step:
            self._strike()

    def _strike(self) -> None:
        (home,) = self._folder.parent.glob("telemetry-guard-*")
        self._deed(home, running.read(home)["postgres"]["url"])


def kill(home: Path, dsn: str) -> None:
    del dsn
    os.kill(running.read(home)["postgres"]["pid"], signal.SIGKILL)


def execute(statement: str) -> Callable[[Path, str], None]:
    def deed(home: Path, dsn: str) -> None:
        del home
        with psycopg.connect(dsn, autocommit=True) as conn:
            conn.execute(statement.encode())

    return deed


@pytest.mark.promise("A25")
def test_a_required_section_that_is_gone_is_named_for_its_tenant(small: Project) -> None:
    def spoil(document: Any) -> None:
        del document["acme"][0]["payload"]["sales"]

    small.change("schemas/fixtures/boards.numbers.json", spoil)
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.FAILING
    said = one_of(verdict, Kind.CHECK, "snapshots/board", "contract", "acme").message
    assert "/metrics" in said
    assert "sales" in said


def test_a_required_section_that_is_empty_is_named_too(small: Project) -> None:
    small.change(
        "schemas/fixtures/boards.numbers.json", lambda document: document["acme"][0]["payload"].update(sales=[])
    )
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.FAILING
    assert "/metrics/sales" in one_of(verdict, Kind.CHECK, "snapshots/board", "contract", "acme").message


@pytest.mark.promise("A22")
def test_an_aged_fixture_is_late_and_says_that_it_aged(small: Project) -> None:
    old = (datetime.now(UTC) - timedelta(days=41, hours=1)).isoformat()

    def age(document: dict[str, Any]) -> None:
        for rows in document.values():
            for row in rows:
                if isinstance(row, dict):
                    row["updated_at"] = old

    small.change("schemas/fixtures/shop.orders.json", age)
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.LATE
    assert {(one.asset, one.check) for one in verdict.bad} == {("shop/orders", "data_age")}
    said = one_of(verdict, Kind.CHECK, "shop/orders", "data_age", "acme").message
    assert "the fixture shop.orders.json is 41 d 1 h old: write it relative (telemetry contracts update)" in said


def test_a_contract_that_is_gone_breaks_and_publishes_nothing(small: Project) -> None:
    (small.folder / "schemas" / "assets" / "snapshots.board.schema.json").unlink()
    verdict = judged(small)
    assert verdict.exit_code in (ExitCode.FAILING, ExitCode.COULD_NOT_LOOK)
    assert "has no contract" in one_of(verdict, Kind.STEP, "", "snapshots").message
    assert any(one.asset == "snapshots/board" for one in found(verdict, Kind.CONTRACT, State.FAIL))


def test_what_lies_in_the_folder_and_binds_to_nothing_does_not_pass(small: Project) -> None:
    for name in ("assets/snapshots/board.schema.json", "assets/snapshots.board.json", "assets/gone.schema.json"):
        small.write(f"schemas/{name}", "{}")
    small.write("schemas/fixtures/snapshots.bord.json", "{}")
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.FAILING
    said = one_of(verdict, Kind.CONTRACT, "", "folder").message
    assert "assets/snapshots/board.schema.json would bind to nothing, and nothing refers to it" in said
    assert "assets/snapshots.board.json would bind to nothing" in said
    assert "The contract of gone has no asset of that key" in said
    assert "fixtures/snapshots.bord.json belongs to no contract and no table" in said


@pytest.mark.promise("B43", "A16", "A31")
def test_a_tenant_in_anothers_payload_is_named_with_where(small: Project) -> None:
    leak = execute(
        "update boards.numbers set payload = (select payload from boards.numbers where payload::text like '%lark%')"
        f" where tenant_id = '{ACME}'"
    )
    verdict = judged(small, show=Saboteur(small.folder, "snapshots", leak))
    assert verdict.exit_code is ExitCode.FAILING
    said = one_of(verdict, Kind.ISOLATION, "snapshots/board", "isolation", "acme").message
    assert said.startswith("the published snapshots/board of acme holds what belongs to canary-lark: ")


@pytest.mark.promise("A16")
def test_a_tenant_outside_the_allow_list_is_in_no_artifact(small: Project) -> None:
    small.change("schemas/fixtures/boards.numbers.json", lambda document: document["canary-lark"][0].update(payload={}))
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.FAILING
    assert one_of(verdict, Kind.CHECK, "snapshots/board", "contract", "canary-lark")
    files = {path.name: path.read_text() for path in (small.folder / "artifacts").iterdir()}
    assert [name for name, text in files.items() if "canary-lark" in text] == []


@pytest.mark.promise("F4")
def test_a_database_that_dies_is_what_could_not_be_looked_at(small: Project) -> None:
    verdict = judged(small, show=Saboteur(small.folder, "check", kill))
    assert verdict.exit_code is ExitCode.COULD_NOT_LOOK
    unknown = {(one.kind, one.check) for one in verdict.results if one.state is State.UNKNOWN}
    assert (Kind.CHECK, "data_age") in unknown
    assert {(Kind.STEP, "documents"), (Kind.STEP, "isolation"), (Kind.STEP, "scenarios")} <= unknown
    assert found(verdict, Kind.CONTRACT, State.PASS), "the contracts need no database"


def test_a_check_that_raises_fails_with_its_own_words(small: Project) -> None:
    gone = execute("alter table telemetry.subjects rename column data_times to gone")
    verdict = judged(small, show=Saboteur(small.folder, "check", gone))
    assert verdict.exit_code in (ExitCode.FAILING, ExitCode.COULD_NOT_LOOK)
    said = {one.message for one in verdict.bad if one.check == "data_age"}
    assert any("data_times" in words for words in said), said


def test_a_check_that_never_reports_is_unknown_and_named(small: Project) -> None:
    gone = execute("alter table telemetry.syncs rename to gone")
    verdict = judged(small, show=Saboteur(small.folder, "sync", gone))
    assert verdict.exit_code is ExitCode.COULD_NOT_LOOK
    said = [one.message for one in verdict.bad if (one.asset, one.check) == ("shop/orders", "sync_status")]
    assert said
    assert all("never recorded" in words for words in said)


def test_syncs_of_which_every_one_failed_did_not_end_well_and_are_said_first(small: Project) -> None:
    def spoil(home: Path, dsn: str) -> None:
        del home, dsn
        (small.folder / "schemas" / "fixtures" / "shop.orders.json").write_text("{")

    verdict = judged(small, show=Saboteur(small.folder, "sync", spoil))
    assert verdict.bad[0] == one_of(verdict, Kind.STEP, "", "sync")
    assert verdict.bad[0].message == "nothing of it was well: each of 3 failed, and the checks say why"
    assert {one.kind for one in verdict.bad} == {Kind.STEP, Kind.CHECK}


@pytest.mark.promise("D2")
def test_the_deadline_is_named_and_what_did_not_run_too(small: Project) -> None:
    began = time.monotonic()

    def dawdle(home: Path, dsn: str) -> None:
        del home
        with psycopg.connect(dsn) as conn:
            conn.execute("select pg_sleep(60)")

    verdict = judged(small, seconds=25, show=Saboteur(small.folder, "build", dawdle))
    assert time.monotonic() - began < 55
    assert verdict.exit_code is ExitCode.COULD_NOT_LOOK
    assert one_of(verdict, Kind.DEADLINE, "", "deadline").message.startswith("the deadline of 25 s was exceeded")
    unrun = {one.check for one in found(verdict, Kind.STEP, State.UNKNOWN)}
    assert unrun >= {"build", "check", "documents", "scenarios", "isolation", "contracts"}


@pytest.mark.parametrize(
    ("written", "words"),
    [('{"acme": [', "is not JSON"), ('{"acmee": []}', "Did you mean acme?"), ("[]", "is a list, no object")],
)
def test_a_fixture_that_cannot_be_used_hides_nothing_else(small: Project, written: str, words: str) -> None:
    small.write("schemas/fixtures/shop.orders.json", written)
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.FAILING
    result = one_of(verdict, Kind.STEP, "shop/orders", "fixture")
    assert words in f"{result.message} {result.remedy}"
    assert found(verdict, Kind.CONTRACT, State.PASS)
    assert found(verdict, Kind.ISOLATION, State.PASS)


def test_without_canaries_nobody_could_see_a_leak(small: Project) -> None:
    for name in ("shop.orders", "boards.numbers"):
        small.change(f"schemas/fixtures/{name}.json", lambda document: document.pop("canary-lark") and None)
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.COULD_NOT_LOOK
    assert causes(verdict) == {("UNKNOWN", "isolation", "", "canaries", "*")}


def test_a_stream_without_a_fixture_was_not_looked_at(small: Project) -> None:
    (small.folder / "schemas" / "fixtures" / "shop.orders.json").unlink()
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.COULD_NOT_LOOK
    assert "has no fixture" in one_of(verdict, Kind.STEP, "shop/orders", "fixture").message


def test_a_contract_that_breaks_against_the_base_does_not_pass(small: Project) -> None:
    small.change(
        "schemas/assets/snapshots.board.schema.json",
        lambda schema: schema["properties"]["metrics"].update(required=["sales"]),
    )
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.FAILING
    assert {(one.kind, one.asset) for one in verdict.bad} == {(Kind.CONTRACT, "snapshots/board")}


def test_a_scenario_that_differs_does_not_pass(small: Project) -> None:
    small.write(
        "tests/scenarios/freshness.yaml",
        "- {scenario: it is late, when: 2026-06-01T12:00:00Z, expect: {states: {shop/orders: late}}}",
    )
    verdict = judged(small)
    assert verdict.exit_code is ExitCode.FAILING
    assert {one.kind for one in verdict.bad} == {Kind.SCENARIO}


def test_an_artifact_that_cannot_be_written_fails_a_run_that_passed(small: Project) -> None:
    out = small.folder / "artifacts"
    (out / "junit.xml").mkdir(parents=True)
    final = leave_behind(small.guard(), out=out, settings=load(small.folder / "telemetry.yaml"))
    assert final.exit_code is ExitCode.FAILING
    assert {(one.kind, one.check) for one in final.bad} == {(Kind.ARTIFACT, "junit.xml")}
    assert json.loads((out / "ci-summary.json").read_text())["exit_code"] == ExitCode.FAILING


@pytest.mark.promise("D27")
@pytest.mark.parametrize(("number", "leaves"), [(signal.SIGTERM, True), (signal.SIGINT, True), (signal.SIGKILL, False)])
def test_whoever_ends_it_leaves_no_home_and_no_server(small: Project, number: signal.Signals, leaves: bool) -> None:
    command = [sys.executable, "-m", "telemetry_assets.cli", "check", "--guard"]
    environment = clean_environment(TMPDIR=str(small.folder.parent))
    piped = subprocess.PIPE
    guard = subprocess.Popen(
        command, cwd=small.folder, env=environment, stdout=piped, stderr=piped, text=True, start_new_session=True
    )
    try:
        assert guard.stderr is not None
        for line in guard.stderr:
            if "sync sources" in line:
                break
        started = psutil.Process(guard.pid).children(recursive=True)
        guard.send_signal(number)
        said, _ = guard.communicate(timeout=60)
    finally:
        guard.kill()
        guard.wait()
    psutil.wait_procs(started, timeout=20)
    assert [one for one in started if one.is_running()] == []
    deadline = time.monotonic() + 20
    while list(small.folder.parent.glob("telemetry-guard-*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(small.folder.parent.glob("telemetry-guard-*")) == []
    if leaves:
        assert guard.returncode == ExitCode.COULD_NOT_LOOK, said
        summary = json.loads((small.folder / "telemetry-artifacts" / "ci-summary.json").read_text())
        assert summary["exit_code"] == ExitCode.COULD_NOT_LOOK


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Place]:
    """A copy of the example in a repository, and in a folder of its own for temporary homes."""
    folder = tmp_path / "the example"
    copy_example(folder)
    (folder / "tests" / "scenarios").mkdir(parents=True)
    (folder / "tests" / "scenarios" / "one.yaml").write_text(
        "- {scenario: all is well, when: 2026-06-01T12:00:00Z, expect: {messages: []}}"
    )
    commit(folder)
    (tmp_path / "tmp").mkdir()
    yield Place(folder, {"TMPDIR": str(tmp_path / "tmp")})
    assert list((tmp_path / "tmp").iterdir()) == []


def edited(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def omit_section(folder: Path) -> None:
    edited(folder / "dbt_project/models/marts/tenant_dashboard.sql", ",\n    'parish_metrics', parish.metrics", "")


def ignore_tenant(folder: Path) -> None:
    edited(
        folder / "dbt_project/macros/dashboard_sections.sql", "where ads.tenant_id = changed.tenant_id", "where true"
    )


def fail_dbt_test(folder: Path) -> None:
    (folder / "dbt_project/tests").mkdir()
    (folder / "dbt_project/tests/nobody_has_a_dashboard.sql").write_text(
        "select tenant_id from {{ ref('tenant_dashboard') }}"
    )


@pytest.mark.parametrize(
    ("sabotage", "kind", "check", "words"),
    [
        (omit_section, "check", "contract", "parish_metrics"),
        (ignore_tenant, "isolation", "isolation", "holds what belongs to canary-"),
        (fail_dbt_test, "check", "nobody_has_a_dashboard", ""),
    ],
)
def test_what_a_model_does_wrong_is_found(
    example: Place, sabotage: Callable[[Path], None], kind: str, check: str, words: str
) -> None:
    sabotage(example.folder)
    done = example.run("check", "--guard", "--json", seconds=400)
    assert done.returncode == ExitCode.FAILING, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    bad = [one for one in answer["results"] if one["state"] == "FAIL" and (one["kind"], one["check"]) == (kind, check)]
    assert bad, answer["results"]
    assert any(words in one["message"] for one in bad)
    assert json.loads((example.folder / "telemetry-artifacts" / "manifest.json").read_text())["files"]
    assert not (example.folder / "dbt_project" / "target").exists(), "the project was written to"
