"""Opening: what is missing is named, what is secret is not; and what can be said of a channel unopened."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.channels.opening import open_channel
from telemetry_assets.channels.traits import edits, hears, rate_of
from telemetry_assets.errors import ConfigError
from telemetry_assets.incidents.delivery import Outcome
from telemetry_assets.settings import ChannelSettings, SecretRef
from tests.channels.messages import channel, sent
from tests.sinks.http_sink import HttpSink

HOME = Path("/nowhere")
MAIL = {"host": "mail.test", "from": "m@example.com", "to": ["a@example.com"]}


class TestMissing:
    """ConfigError, with the option or the variable."""

    @pytest.mark.parametrize(
        ("kind", "options", "named"),
        [
            ("slack", {}, "channels.ops.token is missing"),
            ("slack", {"token": "x"}, "channels.ops.channel is missing"),
            ("slack", {"webhook_url": ""}, "channels.ops.webhook_url is missing"),
            ("slack", {"webhook_url": "hooks.slack.com/secret9"}, "channels.ops.webhook_url is not an http(s) URL"),
            ("slack", {"token": "a\nsecret9", "channel": "#x"}, "channels.ops.token has a line break"),
            ("email", {}, "channels.ops.host is missing"),
            ("email", {"host": "h"}, "channels.ops.from is missing"),
            ("email", {"host": "h", "from": "a@b"}, "channels.ops.to is missing"),
            ("email", {**MAIL, "to": []}, "channels.ops.to is missing"),
            ("email", {**MAIL, "to": ["nobody"]}, "channels.ops.to has 'nobody'"),
            ("email", {**MAIL, "to": ["a@b\r\nBcc: c@d"]}, "channels.ops.to has"),
            ("email", {**MAIL, "from": "müller@example.com"}, "channels.ops.from has"),
            ("email", {**MAIL, "user": "u"}, "channels.ops.password is missing"),
            ("email", {**MAIL, "tls": "maybe"}, "channels.ops.tls is 'maybe'"),
            ("webhook", {}, "channels.ops.url is missing"),
            ("webhook", {"url": "ftp://x/secret9"}, "channels.ops.url is not an http(s) URL"),
            ("webhook", {"url": "http://[x/secret9"}, "channels.ops.url is not an http(s) URL"),
            ("webhook", {"url": "http://x:99999/secret9"}, "channels.ops.url is not an http(s) URL"),
            ("webhook", {"url": "http://x", "secret": ""}, "channels.ops.secret is missing"),
            ("file", {}, "channels.ops.path is missing"),
            ("pigeon", {}, "The channel ops is of kind 'pigeon'"),
        ],
    )
    def test_it_is_named_without_a_secret(self, kind: str, options: dict[str, Any], named: str) -> None:
        with pytest.raises(ConfigError) as caught:
            open_channel(ChannelSettings("ops", kind, options), HOME)
        assert named in str(caught.value)
        assert "secret9" not in str(caught.value)

    @pytest.mark.parametrize("key", ["token", "webhook_url"])
    def test_a_variable_that_is_not_set_is_named(self, key: str) -> None:
        options = {key: SecretRef("SLACK_TOKEN_THAT_IS_NOT_SET", f"channels.ops.{key}")}
        with pytest.raises(ConfigError, match=r"The secret SLACK_TOKEN_THAT_IS_NOT_SET \(channels.ops"):
            open_channel(ChannelSettings("ops", "slack", options), HOME)


def test_secrets_are_read_when_it_is_opened_and_the_new_line_after_them_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with HttpSink() as sink:
        monkeypatch.setenv("HOOK_URL", f"{sink.url}/a\n")
        monkeypatch.setenv("HOOK_SECRET", "s3cret\n")
        to = channel("webhook", {"url": SecretRef("HOOK_URL"), "secret": SecretRef("HOOK_SECRET")})
        monkeypatch.delenv("HOOK_SECRET")
        assert sent(to).outcome is Outcome.ACCEPTED
    assert (sink.requests[0].path, "x-telemetry-signature" in sink.requests[0].headers) == ("/a", True)


def test_a_proxy_of_the_environment_is_used_where_no_proxy_does_not_name_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with HttpSink() as sink, HttpSink() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        for to in (channel("webhook", {"url": sink.url}), channel("slack", {"webhook_url": sink.url})):
            assert sent(to).outcome is Outcome.ACCEPTED
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for to in (channel("webhook", {"url": sink.url}), channel("slack", {"webhook_url": sink.url})):
            assert sent(to).outcome is Outcome.ACCEPTED
    assert (len(proxy.requests), len(sink.requests)) == (2, 2)


@pytest.mark.parametrize(
    ("kind", "options", "traits"),
    [
        ("slack", {"token": "x", "channel": "#x"}, (True, False, 1)),
        ("slack", {"webhook_url": "x"}, (False, False, 1)),
        ("email", {}, (False, False, 20)),
        ("webhook", {}, (False, True, 20)),
        ("file", {}, (False, False, 20)),
        ("console", {}, (False, False, 20)),
    ],
)
def test_its_traits_are_known_unopened(kind: str, options: dict[str, Any], traits: tuple[bool, bool, float]) -> None:
    settings = ChannelSettings("ops", kind, options)
    assert (edits(settings), hears(settings), rate_of(settings)) == traits
    assert rate_of(ChannelSettings("ops", kind, options, rate=0.5)) == 0.5


@pytest.mark.parametrize(
    ("modules", "left_out"),
    [
        ("traits, opening, channel", {"aiohttp", "slack_sdk", "aiosmtplib"}),
        ("traits, opening, file, console", {"aiohttp", "slack_sdk", "aiosmtplib"}),
        ("webhook", {"slack_sdk", "aiosmtplib"}),
    ],
)
def test_nothing_is_loaded_that_is_not_needed(modules: str, left_out: set[str]) -> None:
    code = f"import sys; from telemetry_assets.channels import {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not left_out & set(loaded)
