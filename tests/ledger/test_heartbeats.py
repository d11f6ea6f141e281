"""Who is alive, by the clock of the server; who we are; and that what PostgreSQL undoes is done again."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from psycopg import IsolationLevel
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger import heartbeats, installation
from telemetry_assets.ledger.connection import connect

type Ledger = psycopg.Connection[TupleRow]

EVERY = timedelta(seconds=30)


def test_a_beat_is_as_old_as_the_servers_clock_says(scratch: Ledger) -> None:
    heartbeats.beat(scratch, "sensor alerts", EVERY, "off: schedule nightly")
    scratch.execute("update telemetry.heartbeats set beat_at = beat_at - interval '5 minutes'")
    heartbeats.beat(scratch, "dispatch", timedelta(seconds=15))
    young, old = heartbeats.read(scratch)
    assert (old.component, old.expected, old.note) == ("sensor alerts", EVERY, "off: schedule nightly")
    assert timedelta(minutes=5) <= old.age < timedelta(minutes=6)
    assert timedelta(0) <= young.age < timedelta(minutes=1)


def test_the_last_beat_counts_with_what_it_said(scratch: Ledger) -> None:
    heartbeats.beat(scratch, "dispatch", EVERY, "one")
    heartbeats.beat(scratch, "dispatch", 2 * EVERY, "t\x00wo")
    (beat,) = heartbeats.read(scratch)
    assert (beat.expected, beat.note) == (2 * EVERY, "t\ufffdwo")


def test_no_age_is_negative(scratch: Ledger) -> None:
    heartbeats.beat(scratch, "dispatch", EVERY)
    scratch.execute("update telemetry.heartbeats set beat_at = beat_at + interval '1 day'")
    assert heartbeats.read(scratch)[0].age == timedelta(0)


def test_who_never_beat_is_not_there(scratch: Ledger) -> None:
    assert heartbeats.read(scratch) == ()


def test_what_postgresql_undoes_for_anothers_sake_is_done_again(database: str, conn: Ledger) -> None:
    heartbeats.beat(conn, "dispatch", EVERY, "before")
    begun = threading.Event()

    def beat() -> None:
        with connect(database) as mine:
            mine.isolation_level = IsolationLevel.SERIALIZABLE
            begun.set()
            heartbeats.beat(mine, "dispatch", EVERY, "mine")

    with ThreadPoolExecutor(1) as pool:
        with conn.transaction():
            conn.execute("update telemetry.heartbeats set note = 'theirs'")
            done = pool.submit(beat)
            begun.wait()
            while not conn.execute("select 1 from pg_locks where not granted").fetchone():
                time.sleep(0.01)
        done.result(10)
    assert heartbeats.read(conn)[0].note == "mine"


def test_inside_a_transaction_of_the_caller_it_is_told_and_not_repeated(database: str, conn: Ledger) -> None:
    heartbeats.beat(conn, "dispatch", EVERY, "before")
    with connect(database) as mine:
        mine.isolation_level = IsolationLevel.REPEATABLE_READ
        mine.autocommit = False
        heartbeats.read(mine)
        heartbeats.beat(conn, "dispatch", EVERY, "theirs")
        with pytest.raises(CouldNotLookError, match="could not serialize"):
            heartbeats.beat(mine, "dispatch", EVERY, "mine")
    assert heartbeats.read(conn)[0].note == "theirs"


def test_the_installation_has_one_id_that_stays(scratch: Ledger) -> None:
    assert installation.read(scratch) == installation.read(scratch)
    with pytest.raises(psycopg.errors.UniqueViolation), scratch.transaction():
        scratch.execute("insert into telemetry.installation default values")


def test_an_installation_without_its_id_says_what_to_run(scratch: Ledger) -> None:
    scratch.execute("delete from telemetry.installation")
    with pytest.raises(CouldNotLookError, match="insert into telemetry"):
        installation.read(scratch)
