"""A refresh told in lines, and its results: what failed is always said, and said once."""

import json

import pytest

from telemetry_assets.answers.refresh import Phase, PhaseResult, Step
from telemetry_assets.render import progress


def result(phase: Phase, *failures: str, succeeded: bool = True) -> PhaseResult:
    return PhaseResult(phase, "0123456789", succeeded, 1.25, failures)


def test_in_a_pipe_a_long_phase_tells_its_end_and_every_failure_but_not_every_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.shown() as show:
        show.phase(Phase.BUILD)
        for number in range(1, 41):
            show.step(Phase.BUILD, Step(number, 40, f"model {number}", failed=number == 7))
    lines = capsys.readouterr().err.splitlines()
    assert "build dbt" in lines[0]
    assert [line.split("]")[1].strip() for line in lines[1:]] == ["7/40 FAILED model 7", "40/40 model 40"]


def test_a_machine_that_reads_the_answer_sees_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown(quiet=True) as show:
        show.note("start")
        show.phase(Phase.SYNC)
        show.step(Phase.SYNC, Step(1, 2, "one"))
    assert capsys.readouterr() == ("", "")


def test_what_failed_for_the_same_reason_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress.print_results(
        [result(Phase.SYNC, "shop/a sync_status: acme: no token", "shop/b sync_status: acme: no token")]
    )
    printed = capsys.readouterr().out
    assert printed.count("no token") == 1
    assert "shop/a sync_status (and 1 more): acme: no token" in printed


def test_broken_promises_are_counted_where_they_are_shown_later(capsys: pytest.CaptureFixture[str]) -> None:
    progress.print_results([result(Phase.CHECKS, "shop/a data_age: late")], promises_follow=True)
    printed = capsys.readouterr().out
    assert "1 checks did not pass" in printed
    assert "data_age" not in printed


def test_the_results_for_machines_are_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    progress.print_json([result(Phase.SYNC), result(Phase.BUILD, "it: broke", succeeded=False)])
    phases = json.loads(capsys.readouterr().out)["phases"]
    assert [(one["phase"], one["succeeded"]) for one in phases] == [("sync", True), ("build", False)]
