"""The guard's deadline: whoever swallows it, and wherever it lands, it is said and ends the guard."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.cli.guard_clock import EndedEarly, Steps, within
from telemetry_assets.model import State

OVER = EndedEarly("the deadline of 1 s was exceeded", Kind.DEADLINE)


def swallows() -> Iterator[Result]:
    """As Dagster does inside a run: the end becomes a step that failed."""
    try:
        time.sleep(5)
    except BaseException as error:
        yield Result(Kind.STEP, "", "sync", State.FAIL, f"raised {type(error).__name__}")


@pytest.mark.promise("D2")
def test_a_deadline_that_a_step_swallowed_is_still_the_end() -> None:
    done = Steps()
    with within(timedelta(seconds=0.1)) as done.clock:
        done.take("build", swallows)
        done.take("check", lambda: pytest.fail("it was run past the deadline"))
    assert [(one.kind, one.check, one.state) for one in done.results] == [
        (Kind.STEP, "sync", State.FAIL),
        (Kind.DEADLINE, "deadline", State.FAIL),
        (Kind.STEP, "build", State.UNKNOWN),
        (Kind.STEP, "check", State.UNKNOWN),
    ]


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_deadline_between_two_steps_names_it_and_what_did_not_run(taken: int) -> None:
    names = ("build", "check", "isolation")
    done = Steps()
    for name in names[:taken]:
        done.take(name, tuple)
    done.cut(OVER, names)
    assert [one.check for one in done.results] == ["deadline", *names[taken:]]
    assert {one.state for one in done.results if one.kind is Kind.STEP} == {State.UNKNOWN}


def test_what_was_told_of_an_end_is_not_told_again() -> None:
    done = Steps(ended="the deadline of 1 s was exceeded while in step build")
    done.take("check", tuple)
    done.cut(OVER, ("check", "isolation"))
    assert [one.check for one in done.results] == ["check", "isolation"]
