"""dbt's health: the newest complete run at its boundaries, what failed in it or since, and the age of the data."""

from datetime import datetime, timedelta

import pytest

from telemetry_assets.answers.condition import Status
from telemetry_assets.answers.health_dbt import DbtRuns, dbt, is_good
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.model import ExitCode, State

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
PATH = "dbt_project/target/run_results.json"


def ran(at: datetime, which: str = "build", *, complete: bool = False, **nodes: str) -> DbtInvocation:
    """An invocation; nodes by name without their type: a name that starts with ``test_`` is a test, else a model."""
    return DbtInvocation(
        invocation_id=f"{which}-{at.isoformat()}",
        which=which,
        generated_at=at,
        covers_all=complete,
        external=False,
        run_results_path=f"somewhere/{which}/run_results.json",
        run_id="r",
        results=tuple(
            NodeResult(f"{'test' if name.startswith('test_') else 'model'}.p.{name}", status, f"{name} said {status}")
            for name, status in nodes.items()
        ),
    )


def runs(*invocations: DbtInvocation, **more) -> DbtRuns:
    """As the reader hands them over: newest first, and the newest complete one."""
    recent = tuple(sorted(invocations, key=lambda one: one.generated_at, reverse=True))
    return DbtRuns(path=PATH, complete=next((one for one in recent if one.covers_all), None), recent=recent, **more)


@pytest.mark.promise("B15", "B32")
@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(0), Status.OK),
        (24 * HOUR - SECOND, Status.OK),
        (24 * HOUR, Status.STALE),
        (24 * HOUR + SECOND, Status.STALE),
    ],
)
def test_a_complete_run_is_healthy_until_it_is_a_day_old_and_stale_exactly_then(valid, now, age, status) -> None:
    found = dbt(runs(ran(now - age, complete=True, a="success")), now)
    assert found.status is status
    assert valid(found.payload)["stale"] is (status is Status.STALE)


@pytest.mark.promise("B32")
@pytest.mark.parametrize(
    ("unique_id", "status", "good"),
    [
        ("model.p.a", "success", True),
        ("model.p.a", "skipped", True),
        ("model.p.a", "error", False),
        ("model.p.a", "partial success", False),
        ("model.p.a", "no-op", False),
        ("model.p.a", "warn", False),
        ("model.p.a", "brand_new", False),
        ("seed.p.a", "success", True),
        ("snapshot.p.a", "error", False),
        ("test.p.a", "pass", True),
        ("test.p.a", "warn", True),
        ("test.p.a", "skipped", True),
        ("test.p.a", "fail", False),
        ("test.p.a", "error", False),
        ("test.p.a", "success", False),
        ("unit_test.p.a", "pass", True),
        ("unit_test.p.a", "fail", False),
        ("exposure.p.a", "no-op", True),
        ("operation.p.on-run-start-0", "error", False),
        ("operation.p.on-run-start-0", "success", True),
        ("whatever.p.a", "runtime error", False),
    ],
)
def test_a_status_we_do_not_know_never_counts_as_good(unique_id, status, good) -> None:
    assert is_good(NodeResult(unique_id, status)) is good


@pytest.mark.promise("B32", "A20")
def test_a_complete_run_with_a_failed_model_is_failing_and_says_which_and_why(valid, now) -> None:
    found = dbt(runs(ran(now - HOUR, complete=True, a="success", b="error", c="skipped", test_d="fail")), now)
    assert (found.status, found.exit_code) == (Status.FAILING, ExitCode.FAILING)
    payload = valid(found.payload)
    assert payload["failing_models"] == ["model.p.b", "test.p.test_d"]
    assert payload["failing_models_detail"][0] == {
        "unique_id": "model.p.b",
        "status": "error",
        "message": "b said error",
        "adapter_response": None,
    }
    assert "model.p.b is error: b said error and 1 more" in found.detail


@pytest.mark.promise("A30")
def test_without_any_complete_run_the_results_are_missing_and_the_remedy_is_named(valid, now) -> None:
    found = dbt(runs(), now)
    assert (found.status, found.exit_code) == (Status.MISSING_RUN_RESULTS, ExitCode.MISSING)
    payload = valid(found.payload)
    assert payload["run_results_path"] == PATH
    assert payload["generated_at"] is None
    assert payload["run_age_minutes"] is None
    assert "telemetry refresh build" in payload["detail"]


@pytest.mark.promise("F10")
@pytest.mark.parametrize("which", ["test", "compile", "docs", "run"])
def test_a_later_partial_command_makes_an_old_run_no_younger(valid, now, which) -> None:
    old, new = ran(now - 30 * HOUR, complete=True, a="success"), ran(now - HOUR, which, a="success")
    found = dbt(runs(old, new), now)
    assert found.status is Status.STALE
    assert valid(found.payload)["generated_at"] == "2026-04-30T06:00:00Z"


@pytest.mark.promise("F10")
def test_a_later_partial_command_alone_leaves_the_results_missing_and_is_mentioned(now) -> None:
    found = dbt(runs(ran(now - HOUR, "test", test_a="pass")), now)
    assert found.status is Status.MISSING_RUN_RESULTS
    assert "the newest command, dbt test, had 1 nodes" in found.detail


COMPLETE = {"complete": True, "a": "success", "b": "success"}


@pytest.mark.parametrize(
    ("later", "status"),
    [
        ([("run", {"a": "error"})], Status.FAILING),
        ([("test", {"test_a": "fail"})], Status.FAILING),
        ([("seed", {"a": "error"})], Status.FAILING),
        ([("compile", {"a": "error"})], Status.OK),  # compiling builds nothing
        ([("run --empty", {"a": "error"})], Status.OK),
        ([("run", {"a": "success"})], Status.OK),
        ([("run", {"a": "error"}), ("run", {"b": "success"})], Status.FAILING),
        ([("run", {"a": "error"}), ("run", {"a": "skipped"})], Status.FAILING),
        ([("run", {"a": "error"}), ("run", {"a": "success"})], Status.OK),
        ([("run", {"a": "success"}), ("run", {"a": "error"})], Status.FAILING),
        ([("test", {"test_a": "fail"}), ("test", {"test_a": "pass"})], Status.OK),
    ],
)
def test_a_failure_since_the_complete_run_is_failing_until_that_node_succeeds(valid, now, later, status) -> None:
    since = [ran(now - (5 - number) * HOUR, which, **nodes) for number, (which, nodes) in enumerate(later)]
    found = dbt(runs(ran(now - 6 * HOUR, **COMPLETE), *since), now)
    assert found.status is status
    valid(found.payload)


def test_a_partial_success_heals_no_failure_of_the_complete_run(now) -> None:
    complete = ran(now - 6 * HOUR, complete=True, a="error", b="success")
    assert dbt(runs(complete, ran(now - HOUR, "run", a="success")), now).status is Status.FAILING


def test_a_partial_failure_before_the_complete_run_is_history(now) -> None:
    assert dbt(runs(ran(now - 7 * HOUR, "run", a="error"), ran(now - 6 * HOUR, **COMPLETE)), now).status is Status.OK


def test_an_old_and_failed_run_is_failing_and_flagged_stale_too(valid, now) -> None:
    found = dbt(runs(ran(now - 30 * HOUR, complete=True, a="error")), now)
    assert found.status is Status.FAILING
    assert valid(found.payload)["stale"] is True
    assert "1800 min old" in found.detail


def test_an_unreadable_file_newer_than_every_run_is_invalid_and_says_why(valid, now) -> None:
    found = dbt(runs(ran(now - HOUR, **COMPLETE), invalid="target/run_results.json is empty."), now)
    assert (found.status, found.exit_code) == (Status.INVALID_RUN_RESULTS, ExitCode.FAILING)
    assert "is empty" in valid(found.payload)["detail"]


@pytest.mark.parametrize(
    ("ahead", "status"),
    [(timedelta(minutes=5), Status.OK), (timedelta(minutes=5, seconds=1), Status.INVALID_RUN_RESULTS)],
)
def test_a_run_dated_in_the_future_is_not_believed(valid, now, ahead, status) -> None:
    found = dbt(runs(ran(now + ahead, **COMPLETE)), now)
    assert found.status is status
    assert valid(found.payload)["run_age_minutes"] == 0


@pytest.mark.promise("F12")
def test_old_data_in_a_young_build_is_stale_and_names_the_root(valid, judged, now) -> None:
    late = judged("marts/parish_daily", state=State.FAIL, minutes=4320)
    found = dbt(runs(ran(now - HOUR, **COMPLETE), judged=[late, judged("marts/budget_pacing")]), now)
    assert (found.status, found.exit_code) == (Status.STALE, ExitCode.LATE)
    payload = valid(found.payload)
    assert (payload["run_age_minutes"], payload["data_age_minutes"]) == (60, 4320)
    assert "marts/parish_daily is 3 d old, by meta_ads/insights" in found.detail


def test_data_whose_age_cannot_be_known_is_told_and_ends_with_could_not_look(valid, judged, now) -> None:
    odd = judged("marts/parish_daily", state=State.UNKNOWN, minutes=None, reason="clock: it is yet to come")
    found = dbt(runs(ran(now - HOUR, **COMPLETE), judged=[odd]), now)
    assert found.exit_code is ExitCode.COULD_NOT_LOOK
    assert valid(found.payload)["data_state"] == "UNKNOWN"
    assert "clock: it is yet to come" in found.detail


@pytest.mark.promise("A26", "B9")
def test_a_healthy_payload_says_what_ran_where_and_when(valid, now) -> None:
    payload = valid(dbt(runs(ran(now - 90 * timedelta(minutes=1), **COMPLETE)), now).payload)
    assert payload["component"] == "dbt"
    assert payload["status"] == "ok"
    assert payload["command"] == "build"
    assert payload["run_results_path"] == "somewhere/build/run_results.json"
    assert payload["generated_at"] == "2026-05-01T10:30:00Z"
    assert payload["age_hours"] == 1.5
    assert payload["failing_models"] == []
