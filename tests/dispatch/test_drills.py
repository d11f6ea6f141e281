"""Fire drills: every channel hears, or an incident says which did not."""

from datetime import UTC, datetime, timedelta

import pytest

from telemetry_assets.dispatch import drills
from telemetry_assets.dispatch.drain import Drained
from telemetry_assets.errors import UsageError
from telemetry_assets.model import CauseKind
from telemetry_assets.settings import ChannelSettings
from tests.dispatch.conftest import MINUTE, Stage, webhook
from tests.sinks.http_sink import HttpSink, Reply
from tests.sinks.slack_sink import Slack

DAY = timedelta(days=1)


@pytest.mark.promise("C4")
class TestDrill:
    """From the outbox to every channel."""

    def test_a_drill_reaches_every_channel_marked_and_leaves_nothing_open(self, stage: Stage, now: datetime) -> None:
        slack = Slack()
        with HttpSink() as sink, HttpSink(slack) as workspace:
            hooked = ChannelSettings("hooked", "slack", {"webhook_url": f"{workspace.url}/services/T/B/x"})
            stage.told(webhook("hook", sink.url), hooked)
            incident = drills.hold(stage.conn, stage.settings, now)
            assert stage.drain() == Drained(sent=2)
            (told,) = [request.json for request in sink.requests]
        assert (told["drill"], told["incident"]["kind"]) == (True, "fire_drill")
        assert "drill" in slack.posts[0].text.lower()
        receipts = drills.receipts_of(stage.conn, incident)
        assert [(one.message.channel, one.status) for one in receipts] == [("hook", "sent"), ("hooked", "sent")]
        stage.synced(now)
        assert stage.evaluate(now + 20 * MINUTE).changes == ()

    def test_a_receipt_that_is_missing_after_15_minutes_is_an_incident_until_it_is_there(
        self, stage: Stage, now: datetime
    ) -> None:
        with HttpSink(Reply(503)) as down, HttpSink() as sink:
            stage.told(webhook("down", down.url), webhook("hook", sink.url))
            stage.synced(now)
            drills.hold(stage.conn, stage.settings, now)
            stage.drain(0.4)
            assert stage.evaluate(now + 14 * MINUTE).changes == ()
            (change,) = stage.evaluate(now + 15 * MINUTE).changes
            assert (change.after.kind, change.after.where) == (CauseKind.DRILL_LOST, "down")
            assert "503" in change.after.says
            down.answer(then=Reply(200))
            stage.drain(clock=lambda: datetime.now(UTC) + 16 * MINUTE)
            (change,) = stage.evaluate(now + 17 * MINUTE).changes
            assert change.after.resolved_at

    def test_a_drill_that_died_is_told_to_nobody_instead_and_is_an_incident(self, stage: Stage, now: datetime) -> None:
        with HttpSink(Reply(404)) as gone, HttpSink() as sink:
            stage.told(webhook("gone", gone.url), webhook("hook", sink.url))
            stage.synced(now)
            drills.hold(stage.conn, stage.settings, now)
            assert stage.drain() == Drained(sent=1, dead=1)
            (change,) = stage.evaluate(now + 15 * MINUTE).changes
            assert (change.after.kind, change.after.where) == (CauseKind.DRILL_LOST, "gone")

    def test_a_channel_that_is_declared_no_more_is_not_missed(self, stage: Stage, now: datetime) -> None:
        stage.told(webhook("down", "http://127.0.0.1:9/"))
        stage.synced(now)
        drills.hold(stage.conn, stage.settings, now)
        stage.told()
        assert stage.evaluate(now + 20 * MINUTE).changes == ()

    def test_without_a_channel_there_is_nothing_to_drill(self, stage: Stage, now: datetime) -> None:
        with pytest.raises(UsageError, match="no channel"):
            drills.hold(stage.conn, stage.settings, now)
        assert drills.hold_when_due(stage.conn, stage.settings, now) is None


class TestWhenADrillIsDue:
    """Once a week, first a week after the first dispatching."""

    def test_the_first_comes_a_week_after_dispatching_began_and_then_one_a_week(
        self, stage: Stage, now: datetime
    ) -> None:
        stage.told(webhook("hook", "http://127.0.0.1:9/"))

        def hold() -> int | None:
            held = drills.hold_when_due(stage.conn, stage.settings, now)
            return held and held.number

        assert [hold(), hold()] == [None, None]
        stage.beat("drill", 6.9 * DAY)
        assert hold() is None
        stage.beat("drill", 7 * DAY)
        assert [hold(), hold()] == [1, None]
        stage.beat("drill", 7 * DAY, note="1")
        assert [hold(), hold()] == [2, None]

    def test_one_by_hand_puts_off_the_next(self, stage: Stage, now: datetime) -> None:
        stage.told(webhook("hook", "http://127.0.0.1:9/"))
        stage.beat("drill", 7 * DAY)
        drills.hold(stage.conn, stage.settings, now)
        assert drills.hold_when_due(stage.conn, stage.settings, now) is None
