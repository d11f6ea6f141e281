"""Our copy of Airbyte's jobs keeps the newest word on each."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from telemetry_assets.ledger import syncs
from telemetry_assets.ledger.syncs import Sync

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
META, GOOGLE = UUID(int=1), UUID(int=2)
RUNNING = Sync(META, 7, "meta_ads", "northshore", "running", NOON, NOON + MINUTE)
DONE = replace(
    RUNNING,
    status="succeeded",
    updated_at=NOON + 3 * MINUTE,
    ended_at=NOON + 3 * MINUTE,
    rows_synced=9,
    bytes_synced=99,
)


def kept(conn: Ledger) -> tuple[Sync, ...]:
    return syncs.recent_of_each(conn, ["northshore"], 10)["northshore"]


def test_a_job_comes_back_as_it_was_reported(conn: Ledger) -> None:
    assert syncs.record(conn, [DONE]) == 1
    assert kept(conn) == (DONE,)
    assert syncs.record(conn, [DONE]) == 0


def test_the_reports_of_a_job_end_in_its_last_one_in_any_order(conn: Ledger) -> None:
    late_echo = replace(RUNNING, updated_at=NOON + 9 * MINUTE)
    reports = [RUNNING, replace(RUNNING, updated_at=NOON + 2 * MINUTE, rows_synced=4), DONE, late_echo]
    for seed in range(12):
        conn.execute("truncate telemetry.syncs")
        random.Random(seed).shuffle(reports)
        cut = seed % 4
        syncs.record(conn, reports[:cut])
        syncs.record(conn, reports[cut:])
        assert kept(conn) == (DONE,)


def test_the_newest_ended_and_the_newest_succeeded_job_of_each_connection(conn: Ledger) -> None:
    failed = replace(DONE, job_id=8, status="failed", started_at=NOON + 10 * MINUTE, error="401 from the ads API")
    now = replace(RUNNING, job_id=9, started_at=NOON + 20 * MINUTE)
    other = replace(DONE, connection_id=GOOGLE, job_id=3, source="google_ads", started_at=NOON - 60 * MINUTE)
    never = replace(RUNNING, connection_id=UUID(int=3), source="tiktok")
    syncs.record(conn, [now, failed, other, DONE, never])
    assert syncs.newest_terminal(conn) == (other, failed)
    assert syncs.newest_succeeded(conn) == (other, DONE)
    assert [sync.terminal for sync in (failed, now)] == [True, False]
    assert [sync.succeeded for sync in (failed, now, DONE)] == [False, False, True]


def test_of_two_jobs_that_started_at_once_the_greater_id_is_the_newest(conn: Ledger) -> None:
    syncs.record(conn, [DONE, replace(DONE, job_id=10), replace(DONE, job_id=9)])
    assert [sync.job_id for sync in syncs.newest_terminal(conn)] == [10]


@pytest.mark.parametrize(("said", "told"), [("Traceback\x00 done", "Traceback\ufffd done"), ("half \ud800", "half ?")])
def test_an_error_with_bytes_no_database_takes_is_kept_readable(conn: Ledger, said: str, told: str) -> None:
    syncs.record(conn, [replace(DONE, error=said)])
    assert kept(conn)[0].error == told


def test_thousands_of_jobs_go_in_by_one_statement(conn: Ledger) -> None:
    assert syncs.record(conn, (replace(DONE, job_id=number) for number in range(5_000))) == 5_000
    assert syncs.record(conn, []) == 0


def test_the_newest_jobs_of_a_connection_hold_its_last_success_and_its_last_rows_however_old(conn: Ledger) -> None:
    empty = [
        replace(DONE, job_id=8 + number, started_at=NOON + (10 + number) * MINUTE, rows_synced=0) for number in (0, 1)
    ]
    failures = [
        replace(DONE, job_id=20 + number, status="failed", started_at=NOON + (20 + number) * MINUTE)
        for number in range(6)
    ]
    running = replace(RUNNING, job_id=30, started_at=NOON + 30 * MINUTE)
    syncs.record(conn, [DONE, *empty, *failures, running, replace(DONE, connection_id=GOOGLE)])
    found = syncs.newest_of(conn, [META, UUID(int=9)], 2)
    assert found == {META: (running, failures[5], failures[4], failures[0], empty[1], empty[0], DONE)}


def test_of_each_connection_the_newest_that_had_succeeded_by_an_instant(conn: Ledger) -> None:
    later = replace(DONE, job_id=8, started_at=NOON + 4 * MINUTE, ended_at=NOON + 9 * MINUTE)
    failed = replace(DONE, job_id=9, status="failed", started_at=NOON + 10 * MINUTE, ended_at=NOON + 11 * MINUTE)
    syncs.record(conn, [DONE, later, failed, RUNNING])
    for minutes, expected in ((2, ()), (3, (DONE,)), (8, (DONE,)), (9, (later,)), (60, (later,))):
        assert syncs.newest_succeeded_by(conn, NOON + minutes * MINUTE) == expected


def test_the_newest_jobs_of_many_tenants_come_by_one_statement(conn: Ledger) -> None:
    jobs = [
        replace(DONE, connection_id=UUID(int=number % 4), tenant=f"t{number % 3}", job_id=number,
                started_at=NOON + number * MINUTE)
        for number in range(40)
    ]  # fmt: skip
    syncs.record(conn, jobs)
    found = syncs.recent_of_each(conn, ["t2", "t0", "nobody", "t0"], 5)
    numbers = {tenant: [job.job_id for job in newest] for tenant, newest in found.items()}
    assert numbers == {"t2": [38, 35, 32, 29, 26], "t0": [39, 36, 33, 30, 27], "nobody": []}


class TestZeroRows:
    """A sync of 0 rows is odd where the last 30 days never had one."""

    NOW = NOON + timedelta(days=40)

    def told(self, conn: Ledger, *rows: int | None, every: timedelta = timedelta(hours=1), **more: object) -> list[str]:
        """What is odd where a connection's syncs, one an hour and the last just now, brought these rows."""
        jobs = self.jobs(rows, every, **more)
        conn.execute(
            "delete from telemetry.syncs where connection_id = any(%s)", ([job.connection_id for job in jobs],)
        )
        syncs.record(conn, jobs)
        return list(syncs.zero_row_oddities(conn, self.NOW).values())

    def jobs(self, rows: tuple[int | None, ...], every: timedelta, **more: object) -> list[Sync]:
        started = [self.NOW - MINUTE - every * number for number in reversed(range(len(rows)))]
        return [
            replace(DONE, job_id=number, started_at=at, ended_at=at + MINUTE, rows_synced=count, **more)
            for number, (at, count) in enumerate(zip(started, rows, strict=True), 1)
        ]  # fmt: skip

    def test_the_first_after_many_with_rows_is_told_with_that_evidence(self, conn: Ledger) -> None:
        syncs.record(conn, self.jobs((*[7] * 412, 0), timedelta(hours=1)))
        assert syncs.zero_row_oddities(conn, self.NOW) == {
            ("meta_ads", "northshore"): "the sync of 2026-10-11 12:00 UTC brought 0 rows;"
            " none of the 412 before it in 30 days did"
        }

    def test_it_stays_while_nothing_but_zeros_follow(self, conn: Ledger) -> None:
        assert self.told(conn, *[7] * 25, 0, 0, 0) == [
            "the last 3 syncs, up to 2026-10-11 12:00 UTC, brought 0 rows; none of the 25 before them in 30 days did"
        ]
        assert self.told(conn, *[7] * 25, *[0] * 300) != []

    @pytest.mark.parametrize(
        "rows",
        [
            (*[7] * 25, 0, 1),  # it is over
            (*[7] * 19, 0),  # no habit yet
            (*[7] * 10, 0, *[7] * 30, 0),  # it happens
            (0,) * 40,  # it never brings any
            (*[7] * 25, None),  # it does not tell
            (*[None] * 25, 0),
            (),
        ],
    )
    def test_else_nothing_is_odd(self, conn: Ledger, rows: tuple[int | None, ...]) -> None:
        assert self.told(conn, *rows) == []

    def test_what_was_more_than_30_days_before_the_zeros_is_no_habit_any_more(self, conn: Ledger) -> None:
        assert self.told(conn, 0, *[7] * 40, 0, every=timedelta(hours=24)) != []
        assert self.told(conn, *[7] * 40, 0, every=timedelta(hours=37)) == []

    def test_a_failed_sync_and_one_that_ended_after_now_say_nothing(self, conn: Ledger) -> None:
        self.told(conn, *[7] * 25, 0)
        newer = replace(DONE, job_id=90, started_at=self.NOW, rows_synced=9)
        syncs.record(conn, [replace(newer, status="failed", ended_at=self.NOW)])
        syncs.record(conn, [replace(newer, job_id=91, ended_at=self.NOW + MINUTE)])
        assert len(syncs.zero_row_oddities(conn, self.NOW)) == 1
        assert syncs.zero_row_oddities(conn, self.NOW + MINUTE) == {}

    def test_of_a_tenants_connections_the_one_that_ended_last_is_told(self, conn: Ledger) -> None:
        self.told(conn, *[7] * 25, 0)
        self.told(conn, *[7] * 30, 0, 0, connection_id=GOOGLE)
        (said,) = syncs.zero_row_oddities(conn, self.NOW).values()
        assert said.startswith(("the sync of", "the last 2 syncs"))
        self.told(conn, *[7] * 30, 0, 0, connection_id=GOOGLE, source="google_ads")
        assert set(syncs.zero_row_oddities(conn, self.NOW)) == {
            ("google_ads", "northshore"),
            ("meta_ads", "northshore"),
        }

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        rows=st.lists(st.sampled_from([None, 0, 5, 5, 5]), max_size=8).flatmap(
            lambda end: st.integers(15, 24).map(lambda usual: (*[9] * usual, *end))
        ),
        hours=st.sampled_from([1, 24, 35, 36, 40]),
    )
    def test_it_says_what_counting_by_hand_says(self, conn: Ledger, rows: tuple[int | None, ...], hours: int) -> None:
        every = timedelta(hours=hours)
        jobs = [job for job in self.jobs(rows, every) if job.rows_synced is not None]
        zeros = 0
        while zeros < len(jobs) and jobs[-1 - zeros].rows_synced == 0:
            zeros += 1
        first = jobs[len(jobs) - zeros].started_at if zeros else None
        before = [job for job in jobs[: len(jobs) - zeros] if first and job.started_at >= first - timedelta(days=30)]
        odd = len(before) >= 20 and all(job.rows_synced for job in before)
        assert (self.told(conn, *rows, every=every) != []) == odd


def test_what_fails_is_told_with_the_first_failure_since_the_newest_success(conn: Ledger) -> None:
    def job(connection: int, number: int, status: str) -> Sync:
        started, ended = NOON + 10 * number * MINUTE, NOON + (10 * number + 1) * MINUTE
        return replace(
            DONE, connection_id=UUID(int=connection), job_id=number, status=status, started_at=started,
            updated_at=ended, ended_at=ended,
        )  # fmt: skip

    mended = [job(1, 1, "failed"), job(1, 2, "succeeded")]
    fails = [job(2, 1, "failed"), job(2, 2, "succeeded"), job(2, 3, "failed"), job(2, 4, "cancelled")]
    never = [job(3, 1, "failed"), job(3, 2, "failed")]
    runs = replace(RUNNING, connection_id=UUID(int=2), job_id=9, started_at=NOON + 90 * MINUTE)
    syncs.record(conn, [*mended, *fails, *never, runs])
    assert syncs.failing(conn) == ((fails[3], fails[2]), (never[1], never[0]))
