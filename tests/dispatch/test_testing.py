"""A test message: one channel, here and now, past the outbox."""

from datetime import datetime

import pytest

from telemetry_assets.dispatch.testing import send_test
from telemetry_assets.errors import ConfigError, UsageError
from telemetry_assets.incidents.delivery import Outcome
from telemetry_assets.settings import ChannelSettings, SecretRef
from tests.dispatch.conftest import Stage, webhook
from tests.sinks.http_sink import HttpSink, Reply


@pytest.mark.promise("C12")
def test_a_test_is_marked_as_one_and_leaves_nothing_behind(stage: Stage, now: datetime) -> None:
    with HttpSink() as sink:
        receipt = send_test(stage.told(webhook("hook", sink.url)).settings, "hook", now)
        (told,) = [request.json for request in sink.requests]
    assert (receipt.outcome, told["test"]) == (Outcome.ACCEPTED, True)
    assert told["event_id"].startswith("test.")
    assert stage.statuses() == {}


def test_what_the_other_side_says_is_in_the_receipt(stage: Stage) -> None:
    with HttpSink(Reply(403)) as sink:
        receipt = send_test(stage.told(webhook("hook", sink.url)).settings, "hook")
    assert receipt.outcome is Outcome.DEAD
    assert "403" in receipt.reason


def test_a_channel_there_is_not_and_one_without_its_secret_are_named(stage: Stage) -> None:
    bot = ChannelSettings("bot", "slack", {"token": SecretRef("NOBODY_SET_THIS", "channels.bot"), "channel": "#a"})
    stage.told(bot)
    with pytest.raises(UsageError, match="no channel 'hook'"):
        send_test(stage.settings, "hook")
    with pytest.raises(ConfigError, match="NOBODY_SET_THIS"):
        send_test(stage.settings, "bot")
