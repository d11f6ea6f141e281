"""A verdict of the CI through the ledger and a channel of a file: told once, and never what is told already."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.answers.ci_summary import failed_jobs, read_summary
from telemetry_assets.answers.results import Kind, Provenance, Result, Verdict
from telemetry_assets.declaration.configured import OwnerSettings
from telemetry_assets.dispatch.verdicts import Notified, notify
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger import check_results
from telemetry_assets.ledger.check_results import CheckResult
from telemetry_assets.model import ANY_TENANT, ExitCode, Promise, State, Window
from telemetry_assets.render.artifacts import artifacts_of
from telemetry_assets.settings import ChannelSettings
from tests.dispatch.conftest import MINUTE, ORDERS, SALES, Stage

WHOSE = Provenance("acme/shop", "main", "0123abc", "77")


def failed(asset: str = SALES, check: str = "rows", tenant: str = "acme", **more: Any) -> Result:
    """A check that failed."""
    return Result(Kind.CHECK, asset, check, State.FAIL, "two rows too many", tenant=tenant, **more)


def summary(at: datetime, *results: Result, whose: Provenance = WHOSE, run: str = "check-1") -> bytes:
    """The ci-summary.json of a check that ended at ``at``; it passed where no result is given."""
    found = results or (Result(Kind.CHECK, SALES, "rows", State.PASS, "fine"),)
    return artifacts_of(Verdict(found, at - MINUTE, at, run, "all", whose))["ci-summary.json"]


class Told:
    """A stage whose owners have a file each; what stands in the files is what they were told."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.folder = stage, folder
        files = {
            name: ChannelSettings(name, "file", {"path": str(folder / name)}, rate=1000.0) for name in ("eng", "ops")
        }
        owners = {
            "data-eng": OwnerSettings("data-eng", {"ERROR": ("eng",)}),
            "marketing-ops": OwnerSettings("marketing-ops", {"ERROR": ("ops",)}),
        }
        hour = Window(60 * MINUTE)
        promises = (Promise(SALES, hour, owner="marketing-ops"), Promise("*", hour, owner="data-eng"))
        stage.settings = replace(stage.settings, channels=files, owners=owners, promises=promises)

    def hand_over(self, data: bytes | None, now: datetime, jobs: str | None = None) -> Notified:
        """As the command does."""
        found = notify(self.stage.conn, self.stage.settings, data, WHOSE, now, jobs)
        self.stage.drain()
        return found

    def messages(self) -> dict[str, list[str]]:
        """Channel → the messages it was sent, as the outbox holds them."""
        self.stage.drain()
        sent = "from telemetry.outbox where status = 'sent' order by written_at, incident, seq"
        rows = self.stage.rows(f"select channel, message ->> 'step' {sent}")
        return {name: [step for channel, step in rows if channel == name] for name in ("eng", "ops")}


@pytest.fixture
def told(stage: Stage, tmp_path: Path, now: datetime) -> Told:
    stage.synced(now)
    return Told(stage, tmp_path)


class TestOnce:
    """One run, one message per channel (C26); one failure, told once (F3)."""

    @pytest.mark.promise("C24", "C26", "F3")
    def test_a_failed_verdict_is_one_message_to_the_owner_of_what_failed_and_one_more_when_it_passes(
        self, told: Told, now: datetime
    ) -> None:
        data = summary(now, failed(), failed(tenant="globex"), failed(check="volume"))
        found = told.hand_over(data, now)
        assert (len(found.news), found.exit_code, found.job) == (3, ExitCode.OK, "telemetry check of acme/shop@main")
        assert told.messages() == {"eng": [], "ops": ["opened"]}
        text = (told.folder / "ops").read_text()
        assert "telemetry check of acme/shop@main" in text
        assert "3 failures: marts/sales rows [acme]: two rows too many" in text
        assert "run 77 of the CI" in text

        told.hand_over(data, now + MINUTE)
        told.hand_over(summary(now + MINUTE, failed(), run="check-2"), now + 2 * MINUTE)
        assert told.messages() == {"eng": [], "ops": ["opened"]}

        told.hand_over(summary(now + 3 * MINUTE, run="check-3"), now + 3 * MINUTE)
        told.hand_over(summary(now + 4 * MINUTE, run="check-4"), now + 4 * MINUTE)
        assert told.messages() == {"eng": [], "ops": ["opened", "resolved"]}

    @pytest.mark.promise("C26")
    def test_what_failed_of_two_owners_is_one_message_to_each(self, told: Told, now: datetime) -> None:
        told.hand_over(summary(now, failed(), failed(ORDERS)), now)
        assert told.messages() == {"eng": ["opened"], "ops": ["opened"]}

    def test_what_is_of_no_asset_is_told_to_everybody(self, told: Told, now: datetime) -> None:
        scenario = Result(Kind.SCENARIO, "", "A dead feed is late", State.FAIL, "nobody was told")
        told.hand_over(summary(now, scenario), now)
        assert told.messages() == {"eng": ["opened"], "ops": ["opened"]}

    def test_a_verdict_that_passed_is_told_to_nobody(self, told: Told, now: datetime) -> None:
        assert told.hand_over(summary(now), now).evaluation.changes == ()
        assert told.messages() == {"eng": [], "ops": []}

    def test_another_branch_is_another_job(self, told: Told, now: datetime) -> None:
        told.hand_over(summary(now, failed()), now)
        told.hand_over(summary(now, whose=replace(WHOSE, branch="fix")), now)
        assert told.messages() == {"eng": [], "ops": ["opened"]}

    def test_an_older_verdict_that_comes_late_changes_nothing(self, told: Told, now: datetime) -> None:
        told.hand_over(summary(now, failed(), run="new"), now)
        told.hand_over(summary(now - 10 * MINUTE, run="old"), now)
        assert told.messages() == {"eng": [], "ops": ["opened"]}

    def test_a_verdict_of_a_clock_ahead_does_not_stand_in_the_way_of_the_next(self, told: Told, now: datetime) -> None:
        told.hand_over(summary(now + timedelta(days=3), failed()), now)
        told.hand_over(summary(now + MINUTE, run="next"), now + MINUTE)
        assert told.messages() == {"eng": [], "ops": ["opened", "resolved"]}


class TestOtherJobs:
    """D30, C24: what fails in the CI beside the guard."""

    PASSED = json.dumps({"ruff": {"result": "success"}, "guard": {"result": "success"}, "gate": {"result": "success"}})

    @pytest.mark.promise("C24", "D30")
    def test_a_job_that_failed_where_the_guard_passed_is_told(self, told: Told, now: datetime) -> None:
        needs = {"ruff": {"result": "failure"}, "guard": {"result": "success"}, "gate": {"result": "failure"}}
        told.hand_over(summary(now), now, jobs=json.dumps(needs))
        assert told.messages() == {"eng": ["opened"], "ops": ["opened"]}
        assert "step ruff: the job ruff ended with failure" in (told.folder / "eng").read_text()
        told.hand_over(summary(now + MINUTE, run="next"), now + MINUTE, jobs=self.PASSED)
        assert told.messages()["eng"] == ["opened", "resolved"]

    @pytest.mark.parametrize(
        ("needs", "verdict", "told"),
        [
            ({}, "passed", []),
            ({"guard": "success", "gate": "success"}, "passed", []),
            ({"guard": "failure", "gate": "failure"}, "failed", []),
            ({"guard": "failure", "gate": "failure"}, None, []),
            ({"guard": "failure", "gate": "failure"}, "passed", ["guard"]),
            ({"guard": "success", "gate": "failure"}, "passed", ["gate"]),
            ({"tests": "skipped", "guard": "failure", "gate": "failure"}, "failed", ["tests"]),
            ({"tests": "cancelled", "guard": "success", "gate": "failure"}, "passed", ["tests"]),
            ({"tests": "", "guard": "success", "gate": "failure"}, "passed", ["tests"]),
        ],
    )
    def test_of_the_jobs_that_is_told_which_nothing_else_says(
        self, now: datetime, needs: dict[str, str], verdict: str | None, told: list[str]
    ) -> None:
        said = read_summary(summary(now, *([failed()] if verdict == "failed" else []))) if verdict else None
        jobs = json.dumps({job: {"result": result, "outputs": {}} for job, result in needs.items()})
        assert [one.check for one in failed_jobs(jobs, said)] == told

    @pytest.mark.parametrize("needs", ["[]", "null", "{", "7"])
    def test_what_cannot_be_read_of_the_jobs_is_no_success(self, needs: str) -> None:
        assert [one.state for one in failed_jobs(needs, None)] == [State.UNKNOWN]


class TestToldAlready:
    """What an open incident has told is not told again."""

    @pytest.mark.promise("C24", "F3")
    def test_a_late_promise_that_the_monitor_told_is_not_told_again(self, told: Told, now: datetime) -> None:
        late = now + 61 * MINUTE
        told.stage.evaluate(late)
        before = told.messages()
        assert before["ops"] == ["opened"]
        results = [
            Result(Kind.CHECK, SALES, "data_age", State.FAIL, "late", tenant=slug, late=True)
            for slug in ("acme", "globex")
        ]
        found = told.hand_over(summary(late, *results), late)
        assert (len(found.news), len(found.told_already)) == (0, 2)
        assert told.messages() == before

    def test_what_nobody_told_is_told_beside_it(self, told: Told, now: datetime) -> None:
        late = now + 61 * MINUTE
        told.stage.evaluate(late)
        result = Result(Kind.CHECK, SALES, "data_age", State.FAIL, "late", tenant="acme", late=True)
        found = told.hand_over(summary(late, result, failed()), late)
        assert [one.check for one in found.news] == ["rows"]
        assert told.messages()["ops"] == ["opened", "opened"]

    def test_the_promise_of_a_tenant_that_is_kept_is_news(self, told: Told, now: datetime) -> None:
        late = now + 61 * MINUTE
        told.stage.synced(late, "globex")
        told.stage.evaluate(late)
        result = Result(Kind.CHECK, SALES, "data_age", State.FAIL, "late", tenant="globex", late=True)
        assert len(told.hand_over(summary(late, result), late).news) == 1

    @pytest.mark.promise("F3")
    @pytest.mark.parametrize(("check", "news"), [("rows", 0), ("volume", 1)])
    def test_a_check_that_the_monitor_told_is_known_by_its_name(
        self, told: Told, now: datetime, check: str, news: int
    ) -> None:
        recorded = CheckResult(SALES, "rows", "acme", False, "ERROR", now, "two rows too many", "run-1")
        check_results.record(told.stage.conn, [recorded])
        told.stage.evaluate(now)
        assert len(told.hand_over(summary(now, failed(check=check)), now).news) == news

    def test_the_evaluation_of_the_same_command_tells_first(self, told: Told, now: datetime) -> None:
        check_results.record(told.stage.conn, [CheckResult(SALES, "rows", "acme", False, "ERROR", now, "two", "run-1")])
        assert told.hand_over(summary(now, failed()), now).news == ()
        assert told.messages()["ops"] == ["opened"]

    def test_what_was_told_and_is_over_ends_the_telling_of_the_verdict_too(self, told: Told, now: datetime) -> None:
        told.hand_over(summary(now, failed()), now)
        check_results.record(
            told.stage.conn, [CheckResult(SALES, "volume", "acme", False, "ERROR", now, "few", "run-1")]
        )
        found = told.hand_over(summary(now + MINUTE, failed(check="volume"), run="next"), now + MINUTE)
        assert found.news == ()
        assert sorted(told.messages()["ops"]) == ["opened", "opened", "resolved"]

    def test_what_is_silenced_is_not_told(self, told: Told, now: datetime) -> None:
        from telemetry_assets.ledger import silences

        silences.add(told.stage.conn, "marts/*", "acme", now + 60 * MINUTE, "a migration", "ada", now)
        found = told.hand_over(summary(now, failed(), failed(tenant="globex")), now)
        assert [one.tenant for one in found.news] == ["globex"]


class TestNoVerdict:
    """F5: no answer is no success."""

    @pytest.mark.promise("F5")
    @pytest.mark.parametrize(
        "data", [None, b"", b"{}", b'{"version": 1, "verdict": "passed"}'], ids=["none", "empty", "bare", "part"]
    )
    def test_a_summary_that_is_not_there_or_broken_is_told_once_as_no_verdict(
        self, told: Told, now: datetime, data: bytes | None
    ) -> None:
        found = told.hand_over(data, now)
        assert (found.said, found.exit_code) == (None, ExitCode.COULD_NOT_LOOK)
        told.hand_over(data, now + MINUTE)
        assert told.messages() == {"eng": ["opened"], "ops": ["opened"]}
        assert "no verdict: ci-summary.json" in (told.folder / "eng").read_text()

    def test_the_next_verdict_ends_it(self, told: Told, now: datetime) -> None:
        told.hand_over(None, now)
        told.hand_over(summary(now + MINUTE), now + MINUTE)
        assert told.messages() == {"eng": ["opened", "resolved"], "ops": ["opened", "resolved"]}

    @pytest.mark.promise("F6")
    @pytest.mark.parametrize(
        "change",
        [
            lambda one: one.pop("failures"),
            lambda one: one.update(version=2),
            lambda one: one.update(version=True),
            lambda one: one.update(exit_code=0, verdict="passed"),
            lambda one: one.update(exit_code=7),
            lambda one: one.update(verdict="passed"),
            lambda one: one.update(failures=[]),
            lambda one: one.update(failures=None),
            lambda one: one.update(failures=one["failures"] * 2),
            lambda one: one.update(results=0, counts=dict.fromkeys(one["counts"], 0)),
            lambda one: one["counts"].pop("UNKNOWN"),
            lambda one: one["counts"].update(FAIL=-1),
            lambda one: one["counts"].update(SKIPPED=0),
            lambda one: one["failures"][0].update(state="PASS"),
            lambda one: one["failures"][0].update(kind="rumour"),
            lambda one: one["failures"][0].update(late="no"),
            lambda one: one["failures"][0].update(tenant=""),
            lambda one: one["failures"].__setitem__(0, "x"),
            lambda one: one.update(ended="2026-06-01T12:00:00"),
            lambda one: one.update(ended="soon"),
            lambda one: one.update(correlation_id=""),
            lambda one: one.update(provenance="acme"),
        ],
    )
    def test_a_summary_that_lacks_something_or_contradicts_itself_is_none(
        self, change: Callable[[dict[str, Any]], object]
    ) -> None:
        document = json.loads(summary(datetime(2026, 6, 1, tzinfo=UTC), failed()))
        read_summary(json.dumps(document).encode())
        change(document)
        with pytest.raises(CouldNotLookError):
            read_summary(json.dumps(document).encode())

    def test_what_is_read_is_what_was_written(self) -> None:
        at = datetime(2026, 6, 1, tzinfo=UTC)
        lost = Result(Kind.STEP, "", "sync", State.UNKNOWN, "away", tenant=ANY_TENANT, remedy="wait")
        said = read_summary(summary(at, failed(late=True), lost))
        assert said.failures == (lost, failed(late=True))
        assert (said.exit_code, said.results, said.ended, said.provenance) == (4, 2, at, WHOSE)
