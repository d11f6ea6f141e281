"""A ``ci-summary.json`` that somebody hands back: read strictly, because what is no verdict must not pass for one.

What belongs here: bytes → the verdict they say, or why they say none. What does not: drawing one
(``render/ci_summary.py``), telling it (``dispatch/verdicts.py``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from telemetry_assets.answers.ci_files import CI_SUMMARY, FAILED, PASSED
from telemetry_assets.answers.results import Kind, Provenance, Result
from telemetry_assets.contracts.reading import read_json
from telemetry_assets.errors import CouldNotLookError, TelemetryError
from telemetry_assets.model import ExitCode, State, worst_exit

GUARD, GATE = "guard", "gate"
"""The jobs of the workflow that judge, by id."""
UNKNOWN_END = "an unknown result"

_AGAIN = "Run telemetry check again with --out, and hand over the ci-summary.json that it writes."


@dataclass(frozen=True, slots=True)
class Said:
    """What a summary says: how many results, the failures among them, of when and whose."""

    results: int
    failures: tuple[Result, ...]
    exit_code: ExitCode
    ended: datetime
    correlation_id: str
    provenance: Provenance

    @property
    def passed(self) -> bool:
        """True where nothing failed."""
        return self.exit_code is ExitCode.OK


def read_summary(data: bytes | None, name: str = CI_SUMMARY) -> Said:
    """What ``data`` says; None stands for a file that is not there.

    Raises CouldNotLookError where it is no summary (schemas/api/ci_summary.schema.json), is cut short, or contradicts
    itself: an exit code that its failures do not give, fewer failures than it counts, no result at all.
    """
    if data is None:
        raise CouldNotLookError(f"{name} is not there.", _AGAIN)
    try:
        return _said(read_json(data, name))
    except TelemetryError as error:
        raise CouldNotLookError(error.message, _AGAIN) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise CouldNotLookError(f"{name} is no summary of a check: it {what}.", _AGAIN) from None


def failed_jobs(needs: str | None, said: Said | None) -> tuple[Result, ...]:
    """What GitHub says of the jobs before (``toJSON(needs)``), as far as the summary does not say it: a result of each
    that did not succeed. The guard's failure is the summary's, where that has one; the gate's is that of the others."""
    if not needs:
        return ()
    try:
        ended = {str(job): str((one or {}).get("result") or UNKNOWN_END) for job, one in json.loads(needs).items()}
    except (ValueError, AttributeError):
        return (_job("jobs", State.UNKNOWN, "how the jobs before ended cannot be read"),)
    told = {GUARD} if said is None or not said.passed else set[str]()
    failed = {job: result for job, result in ended.items() if result != "success" and job not in told}
    others = failed.keys() - {GATE} or told
    return tuple(
        _job(job, State.UNKNOWN if result == UNKNOWN_END else State.FAIL, f"the job {job} ended with {result}")
        for job, result in failed.items()
        if job != GATE or not others
    )


def _job(name: str, state: State, words: str) -> Result:
    return Result(Kind.STEP, "", name, state, words, remedy="Look at the run of the workflow")


def _said(document: Mapping[str, Any]) -> Said:
    if not isinstance(document, dict) or document.get("version") != 1 or document["version"] is True:
        raise ValueError("is no object of version 1")
    failures = tuple(_failure(one) for one in _each(document["failures"]))
    code = ExitCode(_number(document["exit_code"], "exit_code"))
    counts = {State(state): _number(count, f"counts.{state}") for state, count in document["counts"].items()}
    results, away = _number(document["results"], "results"), _number(document["left_out"], "left_out")
    _consistent(document["verdict"], code, failures, counts, results, away)
    return Said(
        results,
        failures,
        code,
        _instant(document["ended"]),
        _text(document["correlation_id"], "correlation_id", empty=False),
        _provenance(document["provenance"]),
    )


def _consistent(
    verdict: object, code: ExitCode, failures: tuple[Result, ...], counts: Mapping[State, int], results: int, away: int
) -> None:
    bad = sum(counts[state] for state in (State.FAIL, State.MISSING, State.UNKNOWN))
    if set(counts) != set(State) or sum(counts.values()) != results or not results:
        raise ValueError(f"counts {sum(counts.values())} states of {results} results")
    if verdict != (PASSED if code is ExitCode.OK else FAILED):
        raise ValueError(f"says {verdict!r} with exit code {int(code)}")
    if worst_exit([one.exit_code for one in failures]) is not code:
        raise ValueError(f"says exit code {int(code)}, and its failures another")
    if not (len(failures) == bad if not away else bool(failures) == bool(bad)):
        raise ValueError(f"counts {bad} failures and lists {len(failures)}")


def _failure(one: Mapping[str, Any]) -> Result:
    late = one["late"]
    if not isinstance(late, bool):
        raise TypeError("has a failure whose 'late' is neither true nor false")
    result = Result(
        Kind(one["kind"]),
        _text(one["asset"], "asset"),
        _text(one["check"], "check", empty=False),
        State(one["state"]),
        _text(one["message"], "message"),
        tenant=_text(one["tenant"], "tenant", empty=False),
        remedy=_text(one["remedy"], "remedy"),
        late=late,
    )
    if result.exit_code is ExitCode.OK:
        raise ValueError(f"lists a {result.state} as a failure")
    return result


def _provenance(one: Mapping[str, Any]) -> Provenance:
    names = ("repository", "branch", "commit", "run_id")
    return Provenance(*(None if one[name] is None else _text(one[name], name, empty=False) for name in names))


def _each(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("has no list of failures")
    return value


def _number(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"has no number {name}")
    return value


def _text(value: object, name: str, *, empty: bool = True) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise TypeError(f"has no text {name}")
    return value


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(_text(value, "ended"))
    if instant.tzinfo is None:
        raise ValueError("has an end without a time zone")
    return instant.astimezone(UTC)
