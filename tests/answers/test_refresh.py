"""The exit code of a refresh: the checks phase says what status says, every other phase that it failed."""

import pytest

from telemetry_assets.answers.refresh import Phase, PhaseResult
from telemetry_assets.model import ExitCode, State


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ({State.UNKNOWN}, ExitCode.COULD_NOT_LOOK),
        ({State.UNKNOWN, State.FAIL}, ExitCode.COULD_NOT_LOOK),
        ({State.FAIL, State.MISSING}, ExitCode.MISSING),
        ({State.FAIL}, ExitCode.LATE),
        (set[State](), ExitCode.OK),
    ],
)
def test_the_checks_phase_ends_as_the_promises_stand_and_a_warning_is_no_failure(
    states: set[State], code: ExitCode
) -> None:
    judged = PhaseResult(Phase.CHECKS, "run", True, 1.0, ("marts/board data_age: acme: due",), tuple(states))
    assert judged.exit_code is code


def test_a_phase_that_broke_fails_whatever_the_promises_are() -> None:
    assert PhaseResult(Phase.CHECKS, "run", False, 1.0, (), (State.FAIL,)).exit_code is ExitCode.FAILING
    assert PhaseResult(Phase.BUILD, "run", True, 1.0, ("marts/a not_null: 3 rows",)).exit_code is ExitCode.FAILING
