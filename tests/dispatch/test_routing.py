"""telemetry.yaml → who is told through what."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from telemetry_assets import running
from telemetry_assets.declaration.configured import OwnerSettings
from telemetry_assets.dispatch.routing import channels_of, require_channel, routing_of
from telemetry_assets.errors import UsageError
from telemetry_assets.incidents.routing import Escalation
from telemetry_assets.incidents.trouble import Severity
from telemetry_assets.settings import ChannelSettings, SecretRef, Settings
from tests.dispatch.conftest import MINUTE, Stage, webhook
from tests.sinks.http_sink import HttpSink
from tests.sinks.slack_sink import Slack

HOUR = timedelta(hours=1)
FALLBACK = ChannelSettings("monitor_alert", "slack", {"webhook_url": SecretRef("MONITOR_ALERT_WEBHOOK_URL", "here")})


def test_owners_channels_and_escalations_are_taken_over(stage: Stage) -> None:
    boss = OwnerSettings("boss", {"WARN": ("mail",)}, remind=2 * HOUR, runbook="https://example.com/{kind}")
    lead = OwnerSettings("lead", {"ERROR": ("bot", "hook")}, HOUR, "boss")
    bot = ChannelSettings("bot", "slack", {"token": SecretRef("T"), "channel": "#a"})
    mail = ChannelSettings("mail", "email", {})
    stage.told(bot, mail, webhook("hook", "http://127.0.0.1:9/"), owners={"boss": boss, "lead": lead})
    routing = routing_of(stage.settings)
    assert routing.routes["lead"].channels == {Severity.ERROR: ("bot", "hook")}
    assert routing.routes["lead"].escalate == Escalation(HOUR, "boss")
    assert routing.routes["lead"].remind == 4 * HOUR
    assert (routing.routes["boss"].remind, routing.routes["boss"].escalate) == (2 * HOUR, None)
    assert routing.routes["boss"].runbook == "https://example.com/{kind}"
    assert (routing.editing, routing.hearing, routing.fallback) == ({"bot"}, {"hook"}, ())


def test_the_page_of_an_asset_is_in_the_ui_that_runs_unless_somebody_says_where(stage: Stage) -> None:
    settings = stage.settings
    assert routing_of(settings).dagster_url == ""
    running.record(settings.home, "webserver", {"url": "http://127.0.0.1:3000/"})
    assert routing_of(settings).dagster_url == "http://127.0.0.1:3000"
    assert routing_of(replace(settings, dagster_url="https://dagster.example.com")).dagster_url.endswith("example.com")


def test_a_channel_of_ones_own_stands_for_the_fallback_of_its_name(stage: Stage) -> None:
    own = webhook("monitor_alert", "http://127.0.0.1:9/")
    settings = replace(stage.told(own).settings, fallback=FALLBACK)
    assert channels_of(settings) == {"monitor_alert": own}
    assert channels_of(replace(settings, channels={})) == {"monitor_alert": FALLBACK}


@pytest.mark.promise("C8", "C18")
def test_what_nobody_hears_of_goes_to_the_fallback(
    stage: Stage, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = Slack()
    with HttpSink(slack) as sink:
        monkeypatch.setenv("MONITOR_ALERT_WEBHOOK_URL", f"{sink.url}/services/T/B/x")
        stage.settings = replace(stage.told().settings, fallback=FALLBACK)
        stage.synced(now - 90 * MINUTE)
        stage.evaluate(now)
        assert stage.drain().sent == 1
    assert "shop/orders" in slack.posts[0].text


@pytest.mark.parametrize(("asked", "offered"), [("hok", "Did you mean hook"), ("x", "There are: hook")])
def test_a_channel_there_is_not_is_answered_with_the_nearest(stage: Stage, asked: str, offered: str) -> None:
    settings: Settings = stage.told(webhook("hook", "http://127.0.0.1:9/")).settings
    with pytest.raises(UsageError, match=offered):
        require_channel(settings, asked)
