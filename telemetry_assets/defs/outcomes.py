"""What Dagster alone knows → the ledger: how asset checks and jobs ended, behind a cursor that no outage moves.

What belongs here: one reading on and its cursor. What does not: what an event says (``check_outcomes.py``,
``run_outcomes.py``), whether it is told (``answers/troubles.py``).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.ci_files import CHECK_JOB
from telemetry_assets.defs import run_outcomes
from telemetry_assets.defs.check_outcomes import check_result, newest_evaluations, wiped
from telemetry_assets.defs.check_runs import CHECK_JOB as RUNS_OF_CHECKS
from telemetry_assets.defs.log_reading import BATCH, Reading, first_cursor, head
from telemetry_assets.defs.run_outcomes import End, failures_of, job_of, location_of, runs_of
from telemetry_assets.ledger import check_results, job_runs, tenants

READING_SECONDS = 5.0
"""How long one kind of event may be read for in a tick; the rest waits for the next."""
_CHECKS, _FAILURES, _SUCCESSES = "checks", "failures", "successes"
_KINDS = {
    _CHECKS: dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    _FAILURES: dg.DagsterEventType.RUN_FAILURE,
    _SUCCESSES: dg.DagsterEventType.RUN_SUCCESS,
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far each kind of event was read (storage ids), and the failed runs of which it is not known yet whether they
    are to be told."""

    read: dict[str, int]
    waiting: tuple[str, ...] = ()

    @staticmethod
    def of(text: str | None, instance: dg.DagsterInstance) -> "Cursor":
        """The cursor of a tick. Without one, with a text that is none, or with one of another log: how things stand."""
        try:
            held = json.loads(text or "")
            cursor = Cursor({kind: int(held["read"][kind]) for kind in _KINDS}, tuple(map(str, held["waiting"])))
        except (ValueError, KeyError, TypeError):
            return Cursor(dict.fromkeys(_KINDS, first_cursor(instance)))
        if max(cursor.read.values()) > head(instance):
            return Cursor(dict.fromkeys(_KINDS, first_cursor(instance)))
        return cursor

    def __str__(self) -> str:
        return json.dumps({"read": self.read, "waiting": list(self.waiting)})


@dataclass(frozen=True, slots=True)
class Taken:
    """What one reading wrote: evaluations and ends of runs, the next cursor, and whether it came to the end."""

    checks: int
    runs: int
    cursor: Cursor
    caught_up: bool


def take_outcomes(
    conn: Connection[TupleRow],
    instance: dg.DagsterInstance,
    cursor: Cursor,
    now: datetime,
    ours: str = "",
    seconds: float = READING_SECONDS,
    batch: int = BATCH,
) -> Taken:
    """Read on from ``cursor`` and write how things stand. ``ours`` is our own code location.

    The same reading again changes nothing. Raises CouldNotLookError, and whatever Dagster's storage raises.
    """
    readings = {
        kind: Reading(instance, event, cursor.read[kind], now, seconds, batch) for kind, event in _KINDS.items()
    }
    checks = _take_checks(conn, instance, readings[_CHECKS], ours)
    ends, waiting = _ends(instance, readings[_SUCCESSES], readings[_FAILURES], cursor.waiting, now, ours)
    keep_ends(conn, instance, ends, ours)
    _overcome(conn, instance)
    after = Cursor({kind: reading.settled for kind, reading in readings.items()}, tuple(waiting))
    return Taken(checks, len(ends), after, all(reading.caught_up for reading in readings.values()))


def keep_ends(conn: Connection[TupleRow], instance: dg.DagsterInstance, ends: Sequence[End], ours: str) -> None:
    """How runs ended → the ledger. Raises CouldNotLookError."""
    jobs = [end for end in ends if end.run.job_name != RUNS_OF_CHECKS]
    job_runs.record(conn, [run_outcomes.job_run(instance, end, ours) for end in jobs])
    for end in sorted((end for end in ends if end.run.job_name == RUNS_OF_CHECKS), key=lambda end: end.at):
        whose = (location_of(end.run, ours), RUNS_OF_CHECKS)
        held = next((one for one in job_runs.failed(conn) if (one.location, one.job) == whose), None)
        job_runs.record(conn, [run_outcomes.check_run(instance, end, ours, held)])


def _take_checks(conn: Connection[TupleRow], instance: dg.DagsterInstance, reading: Reading, ours: str) -> int:
    events = list(newest_evaluations(reading).values())
    if not events:
        return 0
    runs = runs_of(instance, {event.run_id for event in events})
    locations = {run_id: location_of(record.dagster_run, ours) for run_id, record in runs.items()}
    slugs = {tenant.slug for tenant in tenants.read(conn)}
    check_results.record(conn, [check_result(event, slugs, locations) for event in events])
    return len(events)


def _overcome(conn: Connection[TupleRow], instance: dg.DagsterInstance) -> None:
    """What failed and is over though nothing newer of its own says so."""
    # A verdict of the CI is no run of this instance: only a later verdict ends it.
    runs = [one for one in job_runs.failed(conn) if one.job != CHECK_JOB]
    checks = check_results.failed(conn)
    if runs:
        job_runs.record(conn, [*run_outcomes.rebuilt(instance, runs), *run_outcomes.deleted(instance, runs)])
    gone = wiped(instance, checks) if checks else []
    if gone:
        check_results.forget(conn, gone)


def _ends(
    instance: dg.DagsterInstance,
    successes: Reading,
    failures: Reading,
    waiting: Sequence[str],
    now: datetime,
    ours: str,
) -> tuple[list[End], list[str]]:
    """The newest end of each job, and the runs to ask about again.

    Successes are read first, and a failure only stands once the log was read to its end: a job that has failed long ago
    and works since is none to tell.
    """
    ended = {event.run_id: event for reading in (successes, failures) for _, event in reading.events()}
    runs = runs_of(instance, ended)
    ends = [End(ended[run_id], record.dagster_run) for run_id, record in runs.items()]
    newest = _newest([*failures_of(instance, waiting), *ends], ours)
    failed = [end for end in newest if end.failed]
    if not (successes.caught_up and failures.caught_up):
        return [end for end in newest if not end.failed], [end.run.run_id for end in failed]
    standing, later = run_outcomes.to_tell(instance, failed, now)
    return [*(end for end in newest if not end.failed), *standing], later


def _newest(ends: Iterable[End], ours: str) -> list[End]:
    """The newest end of each job; every one of ``telemetry check``, whose runs are not of the same assets."""
    found: dict[tuple[str, str, str], End] = {}
    for end in sorted(ends, key=lambda end: end.at):
        job = job_of(end.run)
        found[location_of(end.run, ours), job, end.run.run_id if job == RUNS_OF_CHECKS else ""] = end
    return list(found.values())
