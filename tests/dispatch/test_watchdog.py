"""Who is missed, and who is not: heartbeats → the monitor is down."""

from datetime import datetime, timedelta

import pytest

from telemetry_assets.dispatch import deadman, watchdog
from telemetry_assets.dispatch.evaluate import alarm
from telemetry_assets.dispatch.watchdog import next_quiet, quiet
from telemetry_assets.incidents.incident import Step
from telemetry_assets.ledger.heartbeats import Heartbeat
from telemetry_assets.model import CauseKind
from tests.dispatch.conftest import MINUTE, Stage, webhook
from tests.sinks.http_sink import HttpSink

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def _beats(*more: Heartbeat, **ages: int) -> list[Heartbeat]:
    """Sensors by name → seconds since they beat, each due every 30 s; watched for a day."""
    sensors = [Heartbeat(f"sensor:{name}", age * SECOND, 30 * SECOND) for name, age in ages.items()]
    return [Heartbeat("watching", DAY, timedelta(0)), *sensors, *more]


@pytest.mark.promise("B11", "F17")
class TestWhoIsMissed:
    """The pure decision."""

    def test_nobody_is_missed_while_all_beat(self) -> None:
        assert quiet(_beats(Heartbeat("dispatch", 14 * SECOND, 15 * SECOND), alerts=10, tenants=44)) == ()

    def test_where_dagster_never_beat_nobody_misses_it(self) -> None:
        assert quiet(_beats()) == ()

    def test_no_tick_of_any_sensor_for_45_seconds_is_a_dead_daemon_and_nothing_else_is_said(self) -> None:
        assert quiet(_beats(alerts=45, tenants=600)) != ()
        (found,) = quiet(_beats(alerts=46, tenants=600))
        assert found.says == "The Dagster daemon is down: none of our sensors ticks any more."
        assert found.age == 46 * SECOND

    @pytest.mark.parametrize(
        ("age", "expected", "missed"), [(90, 30, 0), (91, 30, 1), (91, 5, 1), (181, 60, 1), (180, 60, 0)]
    )
    def test_a_sensor_may_be_silent_for_three_of_its_intervals_and_90_seconds_at_least(
        self, age: int, expected: int, missed: int
    ) -> None:
        slow = Heartbeat("sensor:tenants", age * SECOND, expected * SECOND)
        assert len(quiet(_beats(slow, alerts=5))) == missed

    def test_what_is_switched_off_is_named(self) -> None:
        off = Heartbeat("dagster:instigators", SECOND, 30 * SECOND, "schedule sync_shop, sensor tenants")
        (found,) = quiet(_beats(off, alerts=5))
        assert "schedule sync_shop, sensor tenants" in found.says

    def test_the_sensor_that_tells_counts_even_where_it_never_was(self) -> None:
        (found,) = quiet(_beats(tenants=5))
        assert "alerts" in found.says

    @pytest.mark.parametrize(("expected", "missed"), [(15, 1), (0, 0)])
    def test_a_dispatcher_is_missed_unless_it_was_asked_to_end(self, expected: int, missed: int) -> None:
        assert len(quiet(_beats(Heartbeat("dispatch", DAY, expected * SECOND), alerts=5))) == missed

    def test_nobody_is_blamed_for_the_time_before_somebody_watched(self) -> None:
        began = Heartbeat("watching", 44 * SECOND, timedelta(0))
        night = [Heartbeat("sensor:alerts", DAY, 30 * SECOND), Heartbeat("dispatch", DAY, 15 * SECOND)]
        assert quiet([began, *night]) == ()
        assert len(quiet([Heartbeat("watching", 46 * SECOND, timedelta(0)), *night])) == 1
        assert quiet(night) == ()


class TestWhenToLookAgain:
    """The watchdog is not late either."""

    @pytest.mark.parametrize(("ages", "left"), [({}, None), ({"alerts": 0}, 45), ({"alerts": 30, "next": 40}, 15),
                                                ({"alerts": 10, "next": 89}, 1), ({"alerts": 500}, None)])  # fmt: skip
    def test_the_next_silence_is_known_beforehand(self, ages: dict[str, int], left: int | None) -> None:
        assert next_quiet(_beats(**ages)) == (None if left is None else left * SECOND)


@pytest.mark.promise("B11", "F17")
class TestTheMonitorIsDown:
    """What evaluating makes of it."""

    def test_a_dead_daemon_is_one_incident_that_ends_with_its_first_tick(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink:
            stage.told(webhook("hook", sink.url))
            stage.synced(now)
            stage.evaluate(now)
            stage.beat("watching", 10 * MINUTE)
            for name in ("alerts", "tenants", "airbyte_syncs"):
                stage.beat(f"sensor:{name}", MINUTE)
            (change,) = stage.evaluate(now).changes
            assert (change.after.kind, change.after.where) == (CauseKind.MONITOR_DOWN, "monitor")
            stage.beat("sensor:alerts", timedelta(0))
            (change,) = stage.evaluate(now).changes
            assert [entry.step for entry in change.entries] == [Step.RESOLVED]
            stage.drain()
            assert len(sink.requests) == 1

    def test_after_a_night_without_anybody_the_morning_begins_without_an_incident(
        self, stage: Stage, now: datetime
    ) -> None:
        stage.synced(now)
        for name in ("sensor:alerts", "sensor:tenants", "dispatch", "evaluation", "watching"):
            stage.beat(name, DAY / 2)
        assert stage.evaluate(now).changes == ()

    def test_a_restart_of_the_watcher_does_not_look_like_a_recovery(self, stage: Stage, now: datetime) -> None:
        stage.synced(now)
        stage.evaluate(now)
        stage.beat("watching", 10 * MINUTE)
        stage.beat("sensor:alerts", MINUTE)
        assert len(stage.evaluate(now).changes) == 1
        stage.beat("evaluation", 5 * MINUTE)
        assert [entry for change in stage.evaluate(now).changes for entry in change.entries] == []

    def test_evaluating_that_fails_for_two_minutes_is_told_and_touches_no_other_incident(
        self, stage: Stage, now: datetime
    ) -> None:
        stage.synced(now - 90 * MINUTE)
        assert watchdog.unevaluated(stage.conn)
        stage.evaluate(now)
        assert not watchdog.unevaluated(stage.conn)
        stage.beat("evaluation", 2 * MINUTE)
        assert watchdog.unevaluated(stage.conn)
        (change,) = alarm(stage.conn, stage.settings, now, "Nothing could be evaluated for two minutes: why")
        assert change.after.kind is CauseKind.MONITOR_DOWN
        assert stage.rows("select kind from telemetry.incidents where phase = 'open' order by number") == [
            ("feed_quiet",),
            ("monitor_down",),
        ]


class TestTheDeadManUrl:
    """Asked only while all is well."""

    @pytest.mark.promise("F17")
    def test_all_well_is_no_reason_and_everything_else_is_one(self, stage: Stage, now: datetime) -> None:
        with HttpSink() as sink:
            stage.told(webhook("hook", sink.url))
            assert "evaluated" in deadman.unwell(stage.conn, now)[0]
            stage.synced(now)
            stage.evaluate(now)
            assert deadman.unwell(stage.conn, now) == ()
            stage.fail_jobs(1, now)
            assert deadman.unwell(stage.conn, now + 14 * MINUTE) == ()
            assert "waited" in deadman.unwell(stage.conn, now + 15 * MINUTE)[0]
            stage.rows("update telemetry.outbox set status = 'dead', ended_at = now() returning 1")
            assert "died" in deadman.unwell(stage.conn, now)[0]
            assert deadman.unwell(stage.conn, now + 61 * MINUTE) == ()
            stage.beat("watching", 10 * MINUTE)
            stage.beat("sensor:alerts", MINUTE)
            assert "daemon" in deadman.unwell(stage.conn, now + 61 * MINUTE)[0]
