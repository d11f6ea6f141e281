"""The loop outside Dagster: in time, at once, through outages, to a clean end."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from telemetry_assets.dispatch import loop
from telemetry_assets.dispatch.loop import LONGEST_PAUSE, SHORTEST_PAUSE, Troubled, until
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.settings import SecretRef
from tests.dispatch.conftest import MINUTE, Stage, wait_until, webhook
from tests.sinks.http_sink import HttpSink, Reply
from tests.sinks.ports import refused

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)


@contextmanager
def running(stage: Stage, said: list[str]) -> Generator[threading.Event]:
    """The loop in a thread, until the end of the block; it must end within seconds."""
    ended = threading.Event()
    thread = threading.Thread(target=lambda: loop.run(stage.settings, ended, said.append, dsn=stage.dsn))
    thread.start()
    try:
        yield ended
    finally:
        ended.set()
        thread.join(15)
        assert not thread.is_alive(), "the loop does not end"


@pytest.mark.promise("C4", "C20")
def test_a_promise_that_breaks_is_told_within_two_seconds(stage: Stage, said: list[str]) -> None:
    with HttpSink() as sink:
        stage.told(webhook("hook", sink.url))
        breaks = datetime.now(UTC) + timedelta(seconds=2)
        stage.synced(breaks - HOUR)
        with running(stage, said):
            wait_until(lambda: bool(sink.requests), 15)
        assert 0 < sink.requests[0].at - breaks.timestamp() < 2
    assert any("opened" in line for line in said)


def test_what_somebody_else_wrote_is_sent_at_once(stage: Stage, now: datetime, said: list[str]) -> None:
    with HttpSink() as sink:
        stage.told(webhook("hook", sink.url))
        stage.synced(now)
        with running(stage, said):
            wait_until(lambda: bool(stage.rows("select 1 from telemetry.heartbeats where component = 'dispatch'")))
            time.sleep(0.3)
            written = time.time()
            stage.fail_jobs(1, now)
            wait_until(lambda: bool(sink.requests))
        assert sink.requests[0].at - written < 2


def test_it_ends_when_it_is_told_to_with_what_is_on_its_way(stage: Stage, now: datetime, said: list[str]) -> None:
    with HttpSink() as sink:
        sink.answer(then=Reply(after=0.7))
        stage.told(webhook("hook", sink.url))
        stage.fail_jobs(1, now)
        with running(stage, said):
            wait_until(lambda: bool(sink.requests))
        assert stage.rows("select status from telemetry.outbox where (incident, seq) = (1, 1)") == [("sent",)]
    (row,) = stage.rows("select expected, note from telemetry.heartbeats where component = 'dispatch'")
    assert row == (timedelta(0), "ended")


def test_a_connection_that_is_cut_is_opened_anew(stage: Stage, now: datetime, said: list[str]) -> None:
    cut = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = 'telemetry' and datname = current_database()"
    )
    with HttpSink() as sink:
        stage.told(webhook("hook", sink.url))
        stage.synced(now)
        with running(stage, said):
            wait_until(lambda: bool(stage.rows("select 1 from telemetry.heartbeats where component = 'dispatch'")))
            for sent in range(1, 3):
                assert stage.rows(cut)[0][0] >= 2
                time.sleep(0.2)
                stage.fail_jobs(1, now, first=sent)
                wait_until(lambda sent=sent: len(sink.requests) == sent)


def test_a_database_that_is_away_is_said_once_and_asked_less_and_less(stage: Stage, said: list[str]) -> None:
    with refused() as port:
        away = replace_dsn(stage, f"postgresql://telemetry@127.0.0.1:{port}/nothing")
        with running(away, said):
            time.sleep(1.5)
    assert len([line for line in said if "could not be reached" in line]) == 1
    assert len(said) == 1


def test_where_nothing_can_be_evaluated_for_two_minutes_somebody_is_told(
    stage: Stage, now: datetime, said: list[str]
) -> None:
    with HttpSink() as sink:
        stage.told(webhook("hook", sink.url))
        stage.rows("delete from telemetry.assets returning 1")
        stage.beat("evaluation", 3 * MINUTE)
        with running(stage, said):
            wait_until(lambda: bool(sink.requests))
        assert sink.requests[0].json["incident"]["kind"] == "monitor_down"
        assert "telemetry prepare" in sink.requests[0].json["says"]


class TestTheDeadManUrl:
    """Asked while all is well, and silent otherwise."""

    @pytest.fixture
    def watched(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Generator[tuple[Stage, HttpSink]]:
        with HttpSink() as watcher:
            monkeypatch.setenv("TELEMETRY_DEADMAN_URL", f"{watcher.url}/ping/secret")
            stage.settings = replace(stage.settings, deadman=SecretRef("TELEMETRY_DEADMAN_URL", "the dead-man URL"))
            yield stage, watcher

    def test_is_asked_after_the_first_evaluation(
        self, watched: tuple[Stage, HttpSink], now: datetime, said: list[str]
    ) -> None:
        stage, watcher = watched
        stage.synced(now)
        with running(stage, said):
            wait_until(lambda: bool(watcher.requests))
        assert [(one.method, one.path) for one in watcher.requests] == [("GET", "/ping/secret")]

    @pytest.mark.promise("F17")
    def test_is_not_asked_while_dagster_is_down(
        self, watched: tuple[Stage, HttpSink], now: datetime, said: list[str]
    ) -> None:
        stage, watcher = watched
        stage.synced(now)
        stage.beat("evaluation", timedelta(seconds=10))
        stage.beat("watching", 10 * MINUTE)
        stage.beat("sensor:alerts", MINUTE)
        with running(stage, said):
            wait_until(lambda: any("dead-man" in line for line in said))
        assert watcher.requests == []
        assert not any("secret" in line for line in said)

    def test_that_fails_is_said_without_its_secret_and_stops_nothing(
        self, watched: tuple[Stage, HttpSink], now: datetime, said: list[str]
    ) -> None:
        stage, watcher = watched
        watcher.answer(then=Reply(503))
        stage.synced(now)
        with running(stage, said):
            wait_until(lambda: any("503" in line for line in said))
        assert not any("secret" in line for line in said)


def test_the_next_look_is_just_after_the_next_promise_can_break_and_never_at_once() -> None:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert until(None, at) == LONGEST_PAUSE
    assert until(at + HOUR, at) == LONGEST_PAUSE
    assert timedelta(seconds=3) < until(at + timedelta(seconds=3), at) < timedelta(seconds=3.1)
    assert until(at - HOUR, at) == SHORTEST_PAUSE


def test_a_failure_that_several_parts_meet_is_said_once_and_its_end_once(said: list[str]) -> None:
    troubled = Troubled(said.append)
    troubled.worked("sending")
    for part, words in (
        ("sending", "The database is away."),
        ("evaluating", "It is away."),
        ("sending", "Still away."),
    ):
        troubled.failed(part, words, known_as="away")
    troubled.worked("sending")
    assert len(said) == 1
    troubled.worked("evaluating")
    troubled.worked("evaluating")
    assert said == ["The database is away. Trying again until it works.", "All is working again."]


@pytest.mark.slow
@pytest.mark.promise("C4")
def test_a_server_that_restarts_loses_nothing(
    server: EmbeddedPostgres, stage: Stage, now: datetime, said: list[str]
) -> None:
    from telemetry_assets.ledger import graph, tenants
    from telemetry_assets.ledger.schema import migrate
    from tests.dispatch.conftest import NODES, PEOPLE

    server.start()
    migrate(server.url)
    with HttpSink() as sink:
        stage.told(webhook("hook", sink.url))
        with psycopg.connect(server.url, autocommit=True) as conn:
            tenants.write(conn, PEOPLE)
            graph.replace(conn, NODES)
            own = Stage(server.url, conn, stage.settings)
            own.synced(now)
        with running(own, said):
            wait_until(lambda: bool(_heartbeat(server.url)), 20)
            server.stop()
            time.sleep(3)
            server.start()
            with psycopg.connect(server.url, autocommit=True) as conn:
                Stage(server.url, conn, stage.settings).fail_jobs(3, now)
            wait_until(lambda: len(sink.requests) == 3, 30)
            wait_until(lambda: "All is working again." in said, 30)
    # A part that slept through it finds its connection cut when it next uses it, and says so too.
    assert 1 <= len([line for line in said if "Trying again" in line]) <= 3, "\n".join(said)
    assert said[-1] == "All is working again."


def replace_dsn(stage: Stage, dsn: str) -> Stage:
    return Stage(dsn, stage.conn, stage.settings)


def _heartbeat(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute("select 1 from telemetry.heartbeats where component = 'dispatch'").fetchall()
