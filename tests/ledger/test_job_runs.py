"""Of every job the newest ended run is kept, and since when it fails."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from telemetry_assets.ledger import audit, job_runs
from telemetry_assets.ledger.job_runs import JobRun

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAILED = JobRun("", "nightly", "run-1", False, NOON, "out of memory", ("marts/daily", "shop/orders"))


def _at(minute: int, succeeded: bool) -> JobRun:
    return replace(FAILED, run_id=f"run-{minute}", succeeded=succeeded, ended_at=NOON + minute * MINUTE)


def test_a_job_whose_newest_run_failed_is_read_with_all_that_is_known(scratch: Ledger) -> None:
    assert job_runs.record(scratch, [FAILED, replace(FAILED, job="hourly", succeeded=True)]) == 2
    assert job_runs.failed(scratch) == (replace(FAILED, failing_since=NOON),)


def test_it_fails_since_the_first_failure_that_no_success_came_after(scratch: Ledger) -> None:
    job_runs.record(scratch, [_at(0, False), _at(1, True), _at(2, False)])
    job_runs.record(scratch, [_at(3, False)])
    (found,) = job_runs.failed(scratch)
    assert (found.run_id, found.failing_since) == ("run-3", NOON + 2 * MINUTE)
    job_runs.record(scratch, [_at(4, True)])
    assert job_runs.failed(scratch) == ()
    job_runs.record(scratch, [_at(5, False)])
    assert job_runs.failed(scratch)[0].failing_since == NOON + 5 * MINUTE


def test_jobs_of_two_locations_are_two_jobs(scratch: Ledger) -> None:
    job_runs.record(scratch, [FAILED, replace(FAILED, location="other", succeeded=True)])
    assert [one.location for one in job_runs.failed(scratch)] == [""]


def test_the_same_again_and_older_runs_change_nothing(scratch: Ledger) -> None:
    assert job_runs.record(scratch, [_at(2, False)]) == 1
    assert job_runs.record(scratch, [_at(2, False), _at(1, True)]) == 0
    assert job_runs.record(scratch, []) == 0
    assert job_runs.failed(scratch)[0].failing_since == NOON + 2 * MINUTE


def test_names_and_words_of_any_kind_and_length_are_kept(scratch: Ledger) -> None:
    wild = replace(FAILED, job="j\x00" * 5000, location="é" * 5000, said="\ud800" * 50_000, assets=("a\x00",))
    assert job_runs.record(scratch, [wild]) == 1
    assert job_runs.record(scratch, [wild]) == 0
    assert job_runs.failed(scratch)[0].assets == ("a\ufffd",)


@given(ends=st.lists(st.booleans(), min_size=1, max_size=8), data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_runs_in_their_order_by_any_cuts_and_with_repeats_say_the_same(
    scratch: Ledger, ends: Sequence[bool], data: st.DataObject
) -> None:
    runs = [_at(minute, succeeded) for minute, succeeded in enumerate(ends)]
    with scratch.transaction(force_rollback=True):
        done = 0
        while done < len(runs):
            back = data.draw(st.integers(0, done))
            done = data.draw(st.integers(done + 1, len(runs)))
            job_runs.record(scratch, data.draw(st.permutations(runs[back:done])))
        found = job_runs.failed(scratch)
    streak = len(ends) - max((place + 1 for place, succeeded in enumerate(ends) if succeeded), default=0)
    since = NOON + (len(ends) - streak) * MINUTE
    assert [(one.run_id, one.failing_since) for one in found] == ([(runs[-1].run_id, since)] if streak else [])


def test_the_audit_is_read_newest_first(scratch: Ledger) -> None:
    audit.write(scratch, NOON, "me", "acknowledge", "incident 7", "on it")
    audit.write(scratch, NOON, "y\x00ou", "replay", "everything dead")
    newest, oldest = audit.read(scratch)
    assert (newest.actor, newest.action, newest.resource, newest.detail) == (
        "y\ufffdou",
        "replay",
        "everything dead",
        "",
    )
    assert (oldest.at, oldest.actor, oldest.detail) == (NOON, "me", "on it")
    assert audit.read(scratch, limit=1) == (newest,)
