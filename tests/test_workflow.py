"""The workflow of this repository and the one we write for others: the same, and a gate that cannot lie."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from telemetry_assets.answers.ci_setup import ACTION, WORKFLOW, ci_setup
from telemetry_assets.answers.ci_summary import GATE, GUARD
from telemetry_assets.cli.verdicts import JOBS
from telemetry_assets.render.workflow import workflow_files
from telemetry_assets.settings import load

ROOT = Path(__file__).parent.parent
OWN_JOBS = {"ruff", "pytest"}
OWN_PATHS = {"tests/**", "benchmarks/**", "Makefile"}


def parsed(text: str) -> dict[str, Any]:
    """A workflow, with its ``on`` where GitHub sees it: YAML 1.1 takes the bare word for true."""
    document = yaml.safe_load(text)
    return {("on" if key is True else key): value for key, value in document.items()}


OURS = parsed((ROOT / WORKFLOW).read_text())


@pytest.fixture(scope="module")
def generated() -> Mapping[str, str]:
    """The files for this repository, as ``config init`` would write them."""
    return workflow_files(ci_setup(load(ROOT / "telemetry.yaml"), "make setup"))


def step(job: str, name: str) -> dict[str, Any]:
    """A step of ours by its name."""
    return next(one for one in OURS["jobs"][job]["steps"] if one.get("name") == name)


class TestTriggers:
    """When it runs."""

    @pytest.mark.promise("A4")
    def test_the_schedule_is_a_quarter_past_six_in_jamaica_on_every_day_of_the_year(self) -> None:
        ((cron,),) = ([one["cron"] for one in OURS["on"]["schedule"]],)
        minute, hour, *rest = cron.split()
        assert rest == ["*", "*", "*"]
        days = (date(2026, 1, 1) + timedelta(days=number) for number in range(366))
        local = {
            datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=UTC)
            .astimezone(ZoneInfo("America/Jamaica"))
            .strftime("%H:%M")
            for day in days
        }
        assert local == {"06:15"}

    @pytest.mark.promise("A3", "D1")
    def test_it_runs_on_changes_to_what_a_check_depends_on_and_on_nothing_else(self) -> None:
        for event in ("pull_request", "push"):
            paths = set(OURS["on"][event]["paths"])
            named = {
                "telemetry.yaml",
                "dbt_project/**",
                "schemas/**",
                "connectors/**",
                "telemetry_assets/**",
                "docs/**",
            }
            assert named <= paths
            assert {WORKFLOW, f"{ACTION}/**", "requirements.lock"} <= paths
            assert not [path for path in paths if not path.removesuffix("/**") or path.startswith("*")]
            assert [path for path in paths if not (ROOT / path.removesuffix("/**")).exists()] == []
        assert OURS["on"]["push"]["branches"] == ["main"]

    @pytest.mark.promise("A5")
    def test_it_can_be_started_by_hand(self) -> None:
        assert "workflow_dispatch" in OURS["on"]
        assert set(OURS["on"]) == {"pull_request", "push", "schedule", "workflow_dispatch"}


class TestJobs:
    """What runs, and with what."""

    @pytest.mark.promise("A9")
    def test_every_job_that_needs_the_packages_uses_the_one_set_up(self) -> None:
        for name, job in OURS["jobs"].items():
            assert f"./{ACTION}" in [one.get("uses") for one in job["steps"]], name
        text = (ROOT / WORKFLOW).read_text()
        assert not re.search(r"pip install|setup-python", text)

    @pytest.mark.promise("A2", "A9")
    def test_it_is_what_we_write_for_others_with_jobs_of_our_own(self, generated: Mapping[str, str]) -> None:
        theirs, own = parsed(generated[WORKFLOW]), deepcopy(OURS)
        assert set(own["jobs"]) - set(theirs["jobs"]) == OWN_JOBS
        for event in ("pull_request", "push"):
            extra = set(own["on"][event].pop("paths")) - set(theirs["on"][event].pop("paths"))
            assert extra == OWN_PATHS
        for name, job in theirs["jobs"].items():
            ours = own["jobs"][name]
            assert set(ours.pop("needs", [])) - OWN_JOBS == set(job.pop("needs", []))
            assert ours == job, name
        assert {key: value for key, value in own.items() if key != "jobs"} == {
            key: value for key, value in theirs.items() if key != "jobs"
        }
        action = f"{ACTION}/action.yml"
        assert (ROOT / action).read_text() == generated[action]

    @pytest.mark.promise("D2")
    def test_every_job_has_a_limit_and_the_guard_a_deadline_below_it(self) -> None:
        assert all(isinstance(job["timeout-minutes"], int) for job in OURS["jobs"].values())
        (minutes,) = re.findall(r"--deadline (\d+)m", step(GUARD, "Guard")["run"])
        assert int(minutes) < OURS["jobs"][GUARD]["timeout-minutes"]

    @pytest.mark.promise("D3")
    def test_the_guard_has_the_history_that_it_compares_with(self) -> None:
        (checkout,) = [one for one in OURS["jobs"][GUARD]["steps"] if "checkout" in one.get("uses", "")]
        assert checkout["with"]["fetch-depth"] == 0

    @pytest.mark.promise("D25", "D22", "A7")
    def test_artifacts_are_uploaded_whatever_happened_and_kept_for_thirty_days(self) -> None:
        uploads = {
            name: one
            for name, job in OURS["jobs"].items()
            for one in job["steps"]
            if "upload-artifact" in one.get("uses", "")
        }
        assert set(uploads) == {"pytest", GUARD}
        for one in uploads.values():
            assert one["if"] == "always()"
            assert one["with"]["retention-days"] == 30
            assert one["with"]["if-no-files-found"] == "error"

    @pytest.mark.promise("A7")
    def test_the_tests_run_with_coverage_and_junit(self) -> None:
        assert step("pytest", "The fast tests")["run"] == "make coverage"
        (target,) = re.findall(r"^coverage:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
        for option in (
            "--cov=telemetry_assets",
            "xml:coverage/coverage.xml",
            "html:coverage/html",
            "coverage/junit.xml",
        ):
            assert option in target

    @pytest.mark.promise("D41")
    def test_secrets_reach_the_last_job_alone_and_only_as_environment(self) -> None:
        for name, job in OURS["jobs"].items():
            assert ("secrets." in json.dumps(job)) == (name == "notify"), name
        runs = [one.get("run", "") for job in OURS["jobs"].values() for one in job["steps"]]
        assert [run for run in runs if "${{" in run] == []
        assert OURS["permissions"] == {"contents": "read"}
        assert "pull_request_target" not in OURS["on"]
        assert "github.event_name != 'pull_request'" in OURS["jobs"]["notify"]["if"]

    def test_actions_are_pinned_to_a_major_version(self) -> None:
        steps = [one for job in OURS["jobs"].values() for one in job["steps"]]
        steps += parsed((ROOT / ACTION / "action.yml").read_text())["runs"]["steps"]
        used = {one["uses"] for one in steps if "uses" in one} - {f"./{ACTION}"}
        assert [name for name in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", name)] == []

    @pytest.mark.promise("D37")
    def test_the_names_of_the_checks_stay(self) -> None:
        assert {name: job["name"] for name, job in OURS["jobs"].items()} == {
            "ruff": "Ruff",
            "pytest": "Pytest with coverage",
            "guard": "Telemetry schema guard",
            "gate": "Telemetry quality gate",
            "notify": "Telemetry notify",
        }


class TestGate:
    """The step that judges, run as GitHub runs it."""

    def judge(self, needs: object) -> subprocess.CompletedProcess[str]:
        """The gate's own code, with what GitHub would hand it."""
        one = step(GATE, "Every job succeeded")
        assert (one["shell"], list(one["env"])) == ("python", ["NEEDS"])
        environment = {**os.environ, "NEEDS": json.dumps(needs)}
        return subprocess.run(
            [sys.executable, "-c", one["run"]], env=environment, capture_output=True, text=True, check=False
        )

    def test_it_always_runs_and_needs_every_job_that_finds_something(self) -> None:
        gate = OURS["jobs"][GATE]
        assert gate["if"] == "always()"
        assert set(gate["needs"]) == set(OURS["jobs"]) - {GATE, "notify"}
        assert "continue-on-error" not in json.dumps([gate, OURS["jobs"][GUARD]])

    def test_all_success_is_success(self) -> None:
        assert (
            self.judge({"ruff": {"result": "success", "outputs": {}}, "guard": {"result": "success"}}).returncode == 0
        )

    @pytest.mark.promise("F6", "D32")
    @pytest.mark.parametrize("result", ["failure", "skipped", "cancelled", "", "Success", "neutral", None])
    def test_anything_but_success_is_red_and_named(self, result: str | None) -> None:
        found = self.judge({"ruff": {"result": "success"}, "guard": {"result": result}})
        assert found.returncode == 1
        assert re.fullmatch(r"::error title=Telemetry quality gate::guard: \w+\n", found.stdout)

    @pytest.mark.promise("F5")
    @pytest.mark.parametrize("needs", [{}, {"guard": {}}, {"guard": None}, [], "x"])
    def test_no_answer_is_red(self, needs: object) -> None:
        assert self.judge(needs).returncode == 1

    @pytest.mark.promise("F7")
    def test_it_verifies_the_artifacts_that_the_guard_uploaded(self) -> None:
        (upload,) = [one for one in OURS["jobs"][GUARD]["steps"] if "upload-artifact" in one.get("uses", "")]
        (download,) = [one for one in OURS["jobs"][GATE]["steps"] if "download-artifact" in one.get("uses", "")]
        folder = download["with"]["path"]
        assert download["with"]["name"] == upload["with"]["name"]
        assert step(GATE, "Every artifact is there")["run"] == f"telemetry check --verify {folder}"
        assert f"--out {upload['with']['path'].rstrip('/')} " in step(GUARD, "Guard")["run"]


class TestNotify:
    """Telling, on the main branch."""

    @pytest.mark.promise("C24")
    def test_it_runs_whatever_the_others_did_and_hands_over_the_summary_and_how_they_ended(self) -> None:
        job, tell = OURS["jobs"]["notify"], step("notify", "Tell the owners")
        assert job["if"].startswith("always() && ")
        assert job["if"].endswith("github.ref == 'refs/heads/main'")
        assert set(job["needs"]) == set(OURS["jobs"]) - {"notify"}
        assert tell["env"][JOBS] == "${{ toJSON(needs) }}"
        assert tell["run"].rstrip().endswith("telemetry check --notify telemetry-artifacts/ci-summary.json")

    @pytest.mark.skipif(not shutil.which("bash"), reason="GitHub runs it by bash")
    def test_without_a_ledger_nobody_is_told_and_the_step_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "telemetry").write_text("#!/bin/sh\necho called $*\n")
        (tmp_path / "telemetry").chmod(0o755)
        script = step("notify", "Tell the owners")["run"]
        for url, said in (("", "::notice title=Telemetry notify::There is no secret"), ("x", "called check --notify")):
            environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DATABASE_URL": url}
            ended = subprocess.run(
                ["bash", "-e", "-c", script], env=environment, capture_output=True, text=True, check=True
            )
            assert ended.stdout.startswith(said)
