"""dbt's health: the newest complete run, what failed in it or since, and the age of the data in the models.

What belongs here: the runbook's rule for dbt runs and the payload it is told in. What does not: reading artifacts
(``sources/dbt_artifacts.py``) or the ledger (``health.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from telemetry_assets.answers.condition import (
    LONGEST_SKEW,
    Condition,
    Finding,
    Status,
    exit_of_findings,
    iso,
    minutes,
    spoken,
    worst_finding,
)
from telemetry_assets.answers.data_age import data_finding, data_state, oldest_data
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.model import ANY_TENANT

DBT = "dbt"
WINDOW = timedelta(hours=24)
"""How old the newest complete run may be. Exactly this old is stale."""

_REMEDY = "telemetry refresh build"
_EXECUTING = frozenset({"run", "build", "test", "seed", "snapshot", "retry"})
_GOOD = {
    "model": frozenset({"success", "skipped"}),
    "seed": frozenset({"success", "skipped"}),
    "snapshot": frozenset({"success", "skipped"}),
    "test": frozenset({"pass", "warn", "skipped"}),
    "unit_test": frozenset({"pass", "warn", "skipped"}),
}
_GOOD_OTHERWISE = frozenset({"success", "skipped", "no-op"})


@dataclass(frozen=True, slots=True)
class DbtRuns:
    """What is known of dbt's runs. ``recent`` are the newest invocations of any command, ``complete`` the newest that
    built every enabled model. ``path`` is where a run_results.json is looked for, ``invalid`` why that one is none."""

    path: Path | str
    complete: DbtInvocation | None = None
    recent: Sequence[DbtInvocation] = ()
    invalid: str | None = None
    judged: Sequence[Judgement] = ()


def dbt(runs: DbtRuns, now: datetime) -> Condition:
    """dbt's condition: the newest complete run younger than 24 hours, every model of it ``success`` or ``skipped``.

    Something that failed since then is failing until it succeeds; a partial success makes nothing younger or better.
    """
    failing = _failing(runs)
    findings = [*_run_findings(runs, failing, now), data_finding(runs.judged, missing=Status.STALE)]
    told = _told(findings)
    run_age = now - runs.complete.generated_at if runs.complete else None
    data_age = oldest_data(runs.judged)
    payload: dict[str, Any] = {
        "component": DBT,
        "status": str(told.status),
        "stale": any(finding.status is Status.STALE for finding in findings),
        "checked_at": iso(now),
        "run_results_path": str(runs.complete.run_results_path if runs.complete else runs.path),
        "generated_at": iso(runs.complete.generated_at) if runs.complete else None,
        "command": runs.complete.which if runs.complete else None,
        "external": runs.complete.external if runs.complete else None,
        "window_minutes": minutes(WINDOW),
        "age_hours": None if run_age is None else int(run_age.total_seconds() / 36) / 100,
        "run_age_minutes": minutes(run_age),
        "data_age_minutes": minutes(data_age),
        "data_state": data_state(runs.judged),
        "failing_models": [result.unique_id for result in failing],
        "failing_models_detail": [_detail(result) for result in failing],
    }
    if told.detail:
        payload["detail"] = told.detail
    code = exit_of_findings(findings)
    return Condition(DBT, ANY_TENANT, told.status, told.detail, payload, code, run_age, data_age)


def _told(findings: Sequence[Finding]) -> Finding:
    """The worst that dbt's statuses can say. They have no unknown: the sentence and the exit code carry that."""
    everything = worst_finding(findings)
    sayable = worst_finding([finding for finding in findings if finding.status is not Status.UNKNOWN])
    return Finding(sayable.status, everything.detail)


def _run_findings(runs: DbtRuns, failing: Sequence[NodeResult], now: datetime) -> Iterator[Finding]:
    if runs.invalid:
        yield Finding(Status.INVALID_RUN_RESULTS, runs.invalid)
    if failing:
        yield Finding(Status.FAILING, f"{_named(failing)}; when mended: {_REMEDY}")
    if runs.complete is None:
        yield Finding(Status.MISSING_RUN_RESULTS, _missing(runs))
        return
    age = now - runs.complete.generated_at
    if age < -LONGEST_SKEW:
        ahead = spoken(-age)
        yield Finding(Status.INVALID_RUN_RESULTS, f"the newest complete run lies {ahead} ahead of our clock")
    elif age >= WINDOW:
        yield Finding(
            Status.STALE,
            f"the newest complete dbt {runs.complete.which} is {spoken(age)} old, and {spoken(WINDOW)}"
            f" are allowed: see that its schedule runs (telemetry up), or: {_REMEDY}",
        )


def _missing(runs: DbtRuns) -> str:
    newest = max(runs.recent, key=lambda one: one.generated_at, default=None)
    seen = f"; the newest command, dbt {newest.which}, had {len(newest.results)} nodes" if newest else ""
    return f"no dbt run or build of every model is known (looked for {runs.path} too){seen}: {_REMEDY}"


def _failing(runs: DbtRuns) -> tuple[NodeResult, ...]:
    """What failed in the newest complete run, or since then and has not succeeded again, in the order it failed."""
    since = sorted(
        (one for one in runs.recent if _is_later(one, runs.complete) and one.which in _EXECUTING),
        key=lambda one: one.generated_at,
    )
    later: dict[str, NodeResult] = {}
    for invocation in since:
        for result in invocation.results:
            if not is_good(result):
                later[result.unique_id] = result
            elif result.status != "skipped":
                later.pop(result.unique_id, None)
    complete = (
        {result.unique_id: result for result in runs.complete.results if not is_good(result)} if runs.complete else {}
    )
    return tuple({**complete, **later}.values())


def _is_later(invocation: DbtInvocation, complete: DbtInvocation | None) -> bool:
    return complete is None or (
        invocation.generated_at > complete.generated_at and invocation.invocation_id != complete.invocation_id
    )


def is_good(result: NodeResult) -> bool:
    """True where a node's status is one that counts as well; a status we do not know never does."""
    kind = result.unique_id.partition(".")[0]
    return result.status in _GOOD.get(kind, _GOOD_OTHERWISE)


def _named(failing: Sequence[NodeResult]) -> str:
    first = failing[0]
    said = f": {first.message.strip().splitlines()[0]}" if first.message and first.message.strip() else ""
    others = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
    return f"{first.unique_id} is {first.status}{said}{others}"


def _detail(result: NodeResult) -> Mapping[str, Any]:
    return {
        "unique_id": result.unique_id,
        "status": result.status,
        "message": result.message,
        "adapter_response": result.adapter_response,
    }
