"""Connecting, and the words for when it does not work."""

import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.errors import ConfigError, CouldNotLookError, TelemetryError
from telemetry_assets.ledger import subjects
from telemetry_assets.ledger.connection import advisory_lock, bounded_lock, connect, place, server_version


def test_the_session_speaks_utc_and_names_itself(database: str) -> None:
    with connect(database) as conn:
        assert conn.autocommit
        assert conn.execute("select current_setting('timezone'), current_setting('application_name')").fetchone() == (
            "UTC",
            "telemetry",
        )


def test_a_connection_without_autocommit_keeps_utc_after_a_rollback(database: str) -> None:
    with connect(database, autocommit=False) as conn:
        conn.rollback()
        assert conn.execute("show timezone").fetchone() == ("UTC",)


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg"])
def test_a_url_written_for_sqlalchemy_works(database: str, driver: str) -> None:
    with connect(database.replace("postgresql://", f"postgresql+{driver}://")) as conn:
        assert conn.execute("select 1").fetchone() == (1,)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(CouldNotLookError) as caught:
        connect("postgresql://reader:hunter22@127.0.0.1:1/warehouse")
    assert "127.0.0.1:1/warehouse" in str(caught.value)
    assert "refused" in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_database_is_named(postgres_url: str) -> None:
    with pytest.raises(CouldNotLookError, match='database "nowhere" does not exist'):
        connect(postgres_url.replace("/telemetry?", "/nowhere?"))


@pytest.mark.slow
def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(CouldNotLookError, match=f"127.0.0.1:{port}"):
            connect(f"postgresql://telemetry@127.0.0.1:{port}/telemetry?connect_timeout=2")


@pytest.mark.parametrize(
    "dsn",
    [
        "mysql://reader:hunter22@warehouse/db",
        "just words hunter22",
        "postgresql://reader:hunter22%zz@warehouse/db",
        "postgresql://reader:hunt@hunter22@warehouse/db",
        "postgresql://reader:hunt/hunter22@warehouse/db",
        "host=warehouse password=hunter22 colour=blue",
    ],
)
def test_a_dsn_that_cannot_be_read_is_a_configuration_error_and_is_not_repeated(dsn: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connect(dsn)
    assert "hunter22" not in str(caught.value)
    assert caught.value.remedy


@given(password=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=4, max_size=12))
def test_no_password_ever_shows_escaped_or_not(password: str) -> None:
    secret = f"q{password}q"
    for written in (secret, quote(secret, safe="")):
        with pytest.raises(TelemetryError) as caught:
            connect(f"postgresql://reader:{written}@127.0.0.1:1/warehouse")
        assert secret not in str(caught.value)


def test_a_place_has_neither_user_nor_password() -> None:
    assert place("postgresql://reader:hunter22@warehouse:6432/db") == "warehouse:6432/db"


def test_a_server_lost_in_mid_session_could_not_be_looked_at(database: str) -> None:
    with connect(database) as conn, connect(database) as other:
        other.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
        with pytest.raises(CouldNotLookError, match="stopped answering"):
            subjects.read(conn)
        with pytest.raises(CouldNotLookError):
            subjects.read(conn)


def test_a_database_without_a_ledger_says_what_to_run(empty_database: str) -> None:
    with connect(empty_database) as conn, pytest.raises(CouldNotLookError, match="telemetry prepare"):
        subjects.read(conn)


def test_connections_from_many_threads_are_independent(database: str) -> None:
    seen: list[psycopg.Connection] = []
    threads = [threading.Thread(target=lambda: seen.append(connect(database))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({conn.info.backend_pid for conn in seen}) == 4
    for conn in seen:
        conn.close()


def test_the_version_of_the_server_is_a_number_people_know(database: str) -> None:
    with connect(database) as conn:
        assert int(server_version(conn).split(".")[0]) >= 15


def _is_free(dsn: str, name: str) -> bool:
    with connect(dsn) as conn:
        row = conn.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (name,)).fetchone()
    return row == (True,)


def _fail_under_the_lock(dsn: str) -> None:
    with connect(dsn) as conn, advisory_lock(conn, "dbt here"):
        assert not _is_free(dsn, "dbt here")
        assert _is_free(dsn, "dbt there")
        raise ZeroDivisionError


def test_a_named_lock_is_held_by_one_at_a_time_and_freed_by_an_error(database: str) -> None:
    with pytest.raises(ZeroDivisionError):
        _fail_under_the_lock(database)
    assert _is_free(database, "dbt here")


def test_the_lock_of_a_killed_session_is_free_and_leaving_it_raises_nothing(database: str) -> None:
    with connect(database) as conn, connect(database) as other, advisory_lock(conn, "dbt"):
        other.execute("select pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))
        assert _is_free(database, "dbt")


STOPPED = """
import os, signal, sys
from datetime import timedelta
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger.connection import bounded_lock, connect
from telemetry_assets.ledger.heartbeats import read

with connect(sys.argv[1]) as conn:
    try:
        with bounded_lock(conn, "one", timedelta(seconds=5), timedelta(milliseconds=300)):
            if sys.argv[2] == "in a transaction":
                conn.execute("begin")
            os.kill(os.getpid(), signal.SIGSTOP)
            read(conn)
    except CouldNotLookError:
        os._exit(7)
"""


@pytest.mark.parametrize("where", ["in a transaction", "between two"])
@pytest.mark.slow
def test_a_process_that_is_stopped_with_a_bounded_lock_loses_it_and_its_session(database: str, where: str) -> None:
    with connect(database) as conn, subprocess.Popen([sys.executable, "-c", STOPPED, database, where]) as holder:
        try:
            _, status = os.waitpid(holder.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            with bounded_lock(conn, "one", timedelta(seconds=20)):
                assert conn.execute("select 1").fetchone() == (1,)
        finally:
            holder.send_signal(signal.SIGCONT)
        assert holder.wait(20) == 7


def test_nobody_waits_for_a_bounded_lock_longer_than_they_want_to(database: str) -> None:
    with connect(database) as conn, connect(database) as holder, bounded_lock(holder, "one", timedelta(seconds=1)):
        taken = bounded_lock(conn, "one", timedelta(milliseconds=20))
        with pytest.raises(CouldNotLookError, match="Somebody else holds the lock one"), taken:
            pytest.fail("it is held")
        with bounded_lock(conn, "another", timedelta(milliseconds=20)):
            pass


def test_a_bounded_lock_leaves_no_bounds_behind_that_an_idle_session_meets(database: str) -> None:
    names = ("lock_timeout", "idle_session_timeout")
    with connect(database) as conn:
        before = [conn.execute(f"show {name}".encode()).fetchone() for name in names]
        with bounded_lock(conn, "one", timedelta(seconds=1)):
            assert [conn.execute(f"show {name}".encode()).fetchone() for name in names] == [("1s",), ("1min",)]
        assert [conn.execute(f"show {name}".encode()).fetchone() for name in names] == before
