"""What waits gets out: to real sinks that refuse, stall, forget and die, by one dispatcher or several."""

import asyncio
import multiprocessing
import os
import signal
import threading
import time
import tracemalloc
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from telemetry_assets.declaration.configured import OwnerSettings
from telemetry_assets.dispatch.drain import Dispatcher, Drained, drain
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.model import Promise, Window
from telemetry_assets.settings import ChannelSettings, SecretRef, Settings
from tests.dispatch.conftest import MINUTE, Stage, webhook
from tests.sinks.http_sink import HttpSink, Reply, Request
from tests.sinks.ports import refused, silent
from tests.sinks.slack_sink import Slack
from tests.sinks.smtp_sink import SmtpSink

HOUR = timedelta(hours=1)


class TestFromPromiseToSink:
    """End to end: the ledger says that something is late, a sink hears of it."""

    @pytest.mark.promise("C4", "C26")
    def test_a_broken_promise_is_one_message_and_its_recovery_another(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink:
            stage.told(webhook("hook", sink.url))
            stage.synced(now - 90 * MINUTE)
            found = stage.evaluate(now)
            assert (found.owed, found.broken) == (4, 4)
            assert stage.drain() == Drained(sent=1)
            stage.synced(now)
            stage.evaluate(now + MINUTE)
            assert stage.drain() == Drained(sent=1)
            opened, resolved = (request.json for request in sink.requests)
        assert (opened["step"], opened["incident"]["where"], opened["reach"]["subjects"]) == (
            "opened",
            "shop/orders",
            4,
        )
        assert (resolved["step"], resolved["incident"]["number"]) == ("resolved", 1)
        assert "was 1 h 30 min" in resolved["headline"]

    def test_evaluating_again_at_the_same_instant_tells_nobody_anything_more(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink:
            stage.told(webhook("hook", sink.url))
            stage.synced(now - 90 * MINUTE)
            assert len(stage.evaluate(now).changes) == 1
            assert [stage.evaluate(now).changes for _ in range(3)] == [(), (), ()]
            stage.drain()
            assert len(sink.requests) == 1

    def test_nobody_is_told_of_what_is_fresh(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink:
            stage.told(webhook("hook", sink.url))
            stage.synced(now)
            found = stage.evaluate(now)
            assert (found.changes, found.broken, stage.drain()) == ((), 0, Drained())
            assert sink.connections == 0

    def test_two_who_evaluate_at_once_open_one_incident(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink, ThreadPoolExecutor(4) as pool:
            stage.told(webhook("hook", sink.url))
            stage.synced(now - 90 * MINUTE)

            def evaluate(_: int) -> int:
                with psycopg.connect(stage.dsn, autocommit=True) as conn:
                    return len(replace_conn(stage, conn).evaluate(now).changes)

            assert sorted(pool.map(evaluate, range(4))) == [0, 0, 0, 1]
            stage.drain()
            assert len(sink.requests) == 1


class TestWhatIsNotAccepted:
    """Again, joined with what came meanwhile, or dead and told to somebody else."""

    @pytest.mark.slow
    def test_what_a_sink_refused_is_sent_again_with_the_same_key(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink:
            sink.answer(Reply(503), Reply(429, {"Retry-After": "1"}))
            stage.told(webhook("hook", sink.url))
            stage.fail_jobs(1, now)
            assert stage.drain(6) == Drained(sent=1, again=2)
            keys = [request.json["event_id"] for request in sink.requests]
            assert [request.json["attempt"] for request in sink.requests] == [1, 2, 3]
        assert len(set(keys)) == 1
        assert keys[0].endswith(".1.1.hook")
        outcomes = stage.rows("select outcome, reason from telemetry.deliveries order by id")
        assert [outcome for outcome, _ in outcomes] == ["again", "again", "accepted"]
        assert "503" in outcomes[0][1]

    @pytest.mark.promise("C4")
    def test_what_began_and_ended_while_the_sink_was_down_is_one_truthful_message(
        self, stage: Stage, now: datetime
    ) -> None:
        with refused() as port:
            stage.told(webhook("hook", f"http://127.0.0.1:{port}"))
            stage.synced(now - 90 * MINUTE)
            stage.evaluate(now)
            assert stage.drain(0.4) == Drained(again=1)
        stage.synced(now)
        stage.evaluate(now + MINUTE)
        with HttpSink() as sink:
            stage.told(webhook("hook", sink.url))
            assert stage.drain(clock=lambda: datetime.now(UTC) + 10 * MINUTE) == Drained(sent=1)
            (only,) = [request.json for request in sink.requests]
        assert only["event_id"].endswith(".1.2.hook")
        assert (only["step"], len(only["history"])) == ("resolved", 1)
        assert "Told late" in only["headline"]
        assert stage.statuses() == {"sent": 2}

    def test_what_is_refused_for_good_is_told_through_another_channel_at_once(
        self, stage: Stage, now: datetime
    ) -> None:
        with HttpSink(Reply(404)) as gone, HttpSink() as sink:
            boss = OwnerSettings("boss", {"ERROR": ("other",)})
            stage.told(webhook("hook", gone.url))
            other = webhook("other", sink.url)
            stage.settings = replace(
                stage.settings,
                channels={**stage.settings.channels, "other": other},
                owners={**stage.settings.owners, "boss": boss},
            )
            stage.fail_jobs(1, now)
            assert stage.drain() == Drained(sent=1, dead=1)
            assert len(gone.requests) == 1
            (told,) = [request.json for request in sink.requests]
        assert told["step"] == "undelivered"
        assert "404" in str(told["facts"])
        words = stage.rows("select words from telemetry.timeline where step = 'undelivered'")
        assert "hook" in words[0][0]
        assert "404" in words[0][0]

    def test_a_channel_that_nobody_can_be_told_through_ends_in_the_timeline(self, stage: Stage, now: datetime) -> None:
        with HttpSink(Reply(410)) as gone:
            stage.told(webhook("hook", gone.url))
            stage.fail_jobs(1, now)
            assert stage.drain() == Drained(dead=1)
        (words,) = stage.rows("select words from telemetry.timeline where step = 'undelivered'")
        assert "told to nobody instead" in words[0]

    def test_after_72_hours_and_20_tries_a_message_is_dead_and_not_before(self, stage: Stage, now: datetime) -> None:
        with refused() as port:
            stage.told(webhook("hook", f"http://127.0.0.1:{port}"))
            stage.fail_jobs(1, now)

            def drain_at(at: datetime) -> Drained:
                return stage.drain(0.05, clock=lambda: at)

            # A clock set forward kills nothing: three tries are no 20.
            assert [drain_at(now + hours * HOUR) for hours in (80, 160, 240)] == [Drained(again=1)] * 3
            stage.rows("update telemetry.outbox set tries = 18 returning 1")
            assert drain_at(now + 71 * HOUR) == Drained(again=1)
            stage.rows("update telemetry.outbox set tries = 18 returning 1")
            assert drain_at(now + 73 * HOUR) == Drained(again=1)
            assert drain_at(now + 74 * HOUR) == Drained(dead=1)
        (reason,) = stage.rows("select reason from telemetry.outbox")
        assert "72 h and 20 tries" in reason[0]

    def test_of_several_recipients_only_those_without_the_mail_are_tried_again(
        self, stage: Stage, now: datetime
    ) -> None:
        with SmtpSink() as sink:
            sink.on("RCPT", "450 later", to="b@example.com", times=1)
            to = ["a@example.com", "b@example.com"]
            options = {"host": sink.host, "port": sink.port, "tls": "none", "from": "us@example.com", "to": to}
            stage.told(ChannelSettings("mail", "email", options))
            stage.fail_jobs(1, now)
            assert stage.drain(6) == Drained(sent=1, again=1)
            assert [mail.recipients for mail in sink.mails] == [("a@example.com",), ("b@example.com",)]
            assert len({mail.message["Message-ID"] for mail in sink.mails}) == 1
        assert stage.rows("select accepted from telemetry.outbox") == [(to,)]

    def test_a_secret_that_is_missing_delays_that_channel_and_no_other(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink:
            bot = ChannelSettings(
                "bot", "slack", {"token": SecretRef("NOBODY_SET_THIS", "channels.bot"), "channel": "#a"}
            )
            stage.told(webhook("hook", sink.url), bot)
            stage.fail_jobs(1, now)
            assert stage.drain(0.4) == Drained(sent=1, again=1)
        (reason,) = stage.rows("select reason from telemetry.outbox where channel = 'bot'")
        assert "NOBODY_SET_THIS" in reason[0]

    def test_a_channel_that_was_taken_out_of_the_file_dies_after_15_minutes_and_somebody_else_is_told(
        self, stage: Stage, now: datetime
    ) -> None:
        with HttpSink() as sink:
            stage.told(webhook("removed", "http://127.0.0.1:9/"))
            stage.fail_jobs(1, now)
            stage.told(webhook("hook", sink.url))
            assert stage.drain(0.4, clock=lambda: now + 14 * MINUTE) == Drained(again=1)
            assert stage.drain(clock=lambda: now + 20 * MINUTE) == Drained(sent=1, dead=1)
            (told,) = [request.json for request in sink.requests]
        assert "telemetry.yaml has no channel removed" in str(told["facts"])


class TestSideBySide:
    """Channels, conversations, dispatchers: none waits for another, none says what another said."""

    @pytest.mark.slow
    def test_a_channel_that_hangs_delays_no_other(self, stage: Stage, now: datetime) -> None:
        with silent() as port, HttpSink() as sink:
            slow = webhook("slow", f"http://127.0.0.1:{port}", timeout=timedelta(seconds=2))
            stage.told(slow, webhook("hook", sink.url))
            stage.fail_jobs(8, now)
            began = time.time()
            stage.drain(1.5, at_once=4)
            assert len(sink.requests) == 8
            assert max(request.at for request in sink.requests) - began < 1.9

    @pytest.mark.promise("C4")
    def test_two_dispatchers_at_once_send_each_message_once(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink, ThreadPoolExecutor(3) as pool:
            stage.told(webhook("hook", sink.url), webhook("other", sink.url))
            stage.fail_jobs(20, now)
            ended = list(pool.map(lambda _: stage.drain(), range(3)))
            keys = Counter(request.json["event_id"] for request in sink.requests)
        assert sum(one.sent for one in ended) == 40
        assert (len(keys), set(keys.values())) == (40, {1})

    @pytest.mark.slow
    def test_slack_is_told_at_most_once_a_second_whoever_sends(self, stage: Stage, now: datetime) -> None:
        slack = Slack()
        with HttpSink(slack) as sink, ThreadPoolExecutor(2) as pool:
            stage.told(ChannelSettings("hooked", "slack", {"webhook_url": f"{sink.url}/services/T/B/x"}))
            stage.fail_jobs(3, now)
            list(pool.map(lambda _: stage.drain(), range(2)))
            at = [request.at for request in sink.requests]
        assert len(slack.posts) == 3
        # The pace is that of beginnings; before the first the libraries load.
        assert at[-1] - at[0] > 1.3
        assert min(later - earlier for earlier, later in pairwise(at)) > 0.4

    def test_what_is_said_of_one_incident_stays_in_order(self, stage: Stage, now: datetime) -> None:
        with HttpSink(lambda _: Reply(after=0.05)) as sink, ThreadPoolExecutor(2) as pool:
            stage.told(webhook("hook", sink.url))
            stage.settings = replace(
                stage.settings, promises=(Promise("*", limit=Window(20 * MINUTE), owner="data-eng"),)
            )
            draining: list[Future[Drained]] = []
            for times in range(3):
                synced = now + times * 25 * MINUTE
                stage.synced(synced)
                stage.evaluate(synced)
                draining.append(pool.submit(stage.drain))
                stage.evaluate(synced + 21 * MINUTE)
                draining.append(pool.submit(stage.drain))
            for one in draining:
                one.result()
            stage.drain()
            seqs = [int(request.json["event_id"].split(".")[-2]) for request in sink.requests]
        assert seqs == sorted(set(seqs))
        assert seqs[-1] == 5


class TestWhatGoesWrongOnOurSide:
    """Connections that are cut, processes that end: nothing is lost, and doubles only where none can know."""

    def test_a_receipt_survives_a_connection_that_was_cut_while_sending(self, stage: Stage, now: datetime) -> None:
        def cut(_: Request) -> None:
            with psycopg.connect(stage.dsn, autocommit=True) as conn:
                conn.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'telemetry' and datname = current_database()"
                )

        with HttpSink() as sink:
            sink.answer(Reply(received=cut))
            stage.told(webhook("hook", sink.url))
            stage.fail_jobs(1, now)
            assert stage.drain() == Drained(sent=1)
            assert len(sink.requests) == 1
        assert stage.statuses() == {"sent": 1}

    def test_asked_to_end_it_finishes_what_is_on_its_way_and_begins_nothing_more(
        self, stage: Stage, now: datetime
    ) -> None:
        with HttpSink() as sink:
            sink.answer(then=lambda _: Reply(after=0.3))
            stage.told(webhook("hook", sink.url))
            stage.fail_jobs(40, now)

            async def run() -> Drained:
                async with Dispatcher(stage.settings, lambda: stage.dsn, at_once=4) as dispatcher:
                    running = asyncio.create_task(dispatcher.run())
                    while not sink.requests:
                        await asyncio.sleep(0.01)
                    dispatcher.end()
                    return await running

            ended = asyncio.run(run())
            assert 0 < len(sink.requests) == ended.sent <= 8
        assert stage.statuses() == {"sent": ended.sent, "pending": 40 - ended.sent}

    def test_a_lease_that_ran_out_records_nothing(self, stage: Stage, now: datetime) -> None:
        def lose(_: Request) -> None:
            with psycopg.connect(stage.dsn, autocommit=True) as conn:
                conn.execute("update telemetry.conversations set lease = gen_random_uuid()")

        with HttpSink() as sink:
            sink.answer(Reply(received=lose))
            stage.told(webhook("hook", sink.url))
            stage.fail_jobs(1, now)
            assert stage.drain(0.5) == Drained()
        assert stage.statuses() == {"pending": 1}

    def test_a_ledger_that_cannot_be_reached_is_said_and_not_waited_for(self, stage: Stage) -> None:
        with refused() as port, pytest.raises(CouldNotLookError):
            drain(stage.settings, seconds=1, dsn=f"postgresql://a@127.0.0.1:{port}/b")

    def test_a_thread_may_drain_while_another_thread_does(self, stage: Stage, now: datetime, tmp_path: Path) -> None:
        stage.told(ChannelSettings("lines", "file", {"path": str(tmp_path / "lines.txt")}))
        stage.fail_jobs(3, now)
        ended: list[Drained] = []
        thread = threading.Thread(target=lambda: ended.append(stage.drain()))
        thread.start()
        ended.append(stage.drain())
        thread.join()
        assert sum(one.sent for one in ended) == 3


@pytest.mark.slow
class TestManyAtOnce:
    """A backlog, and an end in the middle."""

    def test_a_thousand_that_wait_go_out_in_flat_memory(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink:
            stage.told(webhook("hook", sink.url))
            stage.fail_jobs(1000, now)
            stage.drain(0.5)
            tracemalloc.start()
            began = len(sink.requests)
            ended = stage.drain(120)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert began + ended.sent == len({request.json["event_id"] for request in sink.requests}) == 1000
        # What the sink keeps of each request is in it: 5 kB.
        assert peak < 20_000_000
        assert stage.statuses() == {"sent": 1000}

    def test_killed_between_sending_and_recording_it_is_sent_again_with_the_same_key(
        self, stage: Stage, now: datetime
    ) -> None:
        with HttpSink() as sink:
            stage.told(webhook("hook", sink.url))
            stage.fail_jobs(1, now)
            child = multiprocessing.get_context("fork").Process(target=_drain, args=(stage.dsn, stage.settings))

            def kill(_: Request) -> None:
                assert child.pid
                os.kill(child.pid, signal.SIGKILL)

            sink.answer(Reply(received=kill, after=0.3))
            child.start()
            child.join(60)
            assert child.exitcode == -signal.SIGKILL
            assert stage.statuses() == {"pending": 1}
            assert stage.drain(0.3) == Drained()
            stage.rows("update telemetry.conversations set leased_until = clock_timestamp() returning 1")
            assert stage.drain() == Drained(sent=1)
            assert len({request.json["event_id"] for request in sink.requests}) == 1
            assert len(sink.requests) == 2


def _drain(dsn: str, settings: Settings) -> None:
    drain(settings, seconds=30, dsn=dsn)


def replace_conn(stage: Stage, conn: psycopg.Connection) -> Stage:
    """The same stage seen over another connection."""
    return Stage(stage.dsn, conn, stage.settings)
