"""Our copy of Airbyte's jobs keeps the newest word on each."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
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


def test_a_job_comes_back_as_it_was_reported(conn: Ledger) -> None:
    assert syncs.record(conn, [DONE]) == 1
    assert syncs.recent(conn, None, 10) == (DONE,)
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
        assert syncs.recent(conn, None, 10) == (DONE,)


def test_the_newest_ended_and_the_newest_succeeded_job_of_each_connection(conn: Ledger) -> None:
    failed = replace(DONE, job_id=8, status="failed", started_at=NOON + 10 * MINUTE, error="401 from the ads API")
    now = replace(RUNNING, job_id=9, started_at=NOON + 20 * MINUTE)
    other = replace(DONE, connection_id=GOOGLE, job_id=3, source="google_ads", started_at=NOON - 60 * MINUTE)
    never = replace(RUNNING, connection_id=UUID(int=3), source="tiktok")
    syncs.record(conn, [now, failed, other, DONE, never])
    assert syncs.newest_terminal(conn) == (other, failed)
    assert syncs.newest_succeeded(conn) == (other, DONE)
    assert [sync.job_id for sync in syncs.recent(conn, "northshore", 2)] == [9, 8]
    assert syncs.recent(conn, "somebody-else", 5) == ()
    assert [sync.terminal for sync in (failed, now)] == [True, False]
    assert [sync.succeeded for sync in (failed, now, DONE)] == [False, False, True]


def test_of_two_jobs_that_started_at_once_the_greater_id_is_the_newest(conn: Ledger) -> None:
    syncs.record(conn, [DONE, replace(DONE, job_id=10), replace(DONE, job_id=9)])
    assert [sync.job_id for sync in syncs.newest_terminal(conn)] == [10]


@pytest.mark.parametrize(("said", "kept"), [("Traceback\x00 done", "Traceback\ufffd done"), ("half \ud800", "half ?")])
def test_an_error_with_bytes_no_database_takes_is_kept_readable(conn: Ledger, said: str, kept: str) -> None:
    syncs.record(conn, [replace(DONE, error=said)])
    assert syncs.recent(conn, None, 1)[0].error == kept


def test_thousands_of_jobs_go_in_by_one_statement(conn: Ledger) -> None:
    assert syncs.record(conn, (replace(DONE, job_id=number) for number in range(5_000))) == 5_000
    assert syncs.record(conn, []) == 0


def test_the_newest_jobs_of_a_connection_hold_its_last_success_and_its_last_rows_however_old(conn: Ledger) -> None:
    empty = replace(DONE, job_id=8, started_at=NOON + 10 * MINUTE, rows_synced=0)
    failures = [
        replace(DONE, job_id=20 + number, status="failed", started_at=NOON + (20 + number) * MINUTE)
        for number in range(5)
    ]
    syncs.record(conn, [DONE, empty, *failures, replace(DONE, connection_id=GOOGLE)])
    found = syncs.newest_of(conn, [META, UUID(int=9)], 2)
    assert found == {META: (failures[4], failures[3], empty, DONE)}
