"""Channels and owners as they are declared: what is refused in which words, and what the schema says of the same."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.declaration.forms import parse_rate
from telemetry_assets.declaration.parse import schema
from telemetry_assets.errors import ConfigError
from telemetry_assets.settings import SecretRef, Settings

Declare = Callable[[str], Settings]
Refused = Callable[[str], list[str]]

EMAIL = "host: h, from: a@b.c, to: [d@e.f]"


def test_a_channel_called_like_a_kind_is_of_that_kind(declare: Declare) -> None:
    channels = declare("channels: {console: {}, slack: {kind: webhook, url: https://h/x}}\n").channels
    assert {name: channel.kind for name, channel in channels.items()} == {"console": "console", "slack": "webhook"}


def test_an_address_may_have_a_name_before_it(declare: Declare) -> None:
    text = 'channels: {email: {host: h, from: "Données Bleues <a+x@b.c>", to: [d@e.f]}}\n'
    assert declare(text).channels["email"].options["from"] == "Données Bleues <a+x@b.c>"


def test_what_is_left_out_is_by_default_and_what_is_common_is_no_option(declare: Declare) -> None:
    channels = declare("channels: {a: {kind: console}, b: {kind: file, path: x, rate: 3, timeout: 2m}}\n").channels
    assert (channels["a"].rate, channels["a"].timeout, channels["a"].options) == (None, timedelta(seconds=10), {})
    assert (channels["b"].rate, channels["b"].timeout) == (3.0, timedelta(minutes=2))
    assert channels["b"].options == {"path": "x"}


def test_the_keys_of_a_kind_stay_as_they_are_written(declare: Declare) -> None:
    options = (
        declare(f"channels: {{email: {{{EMAIL}, port: 25, user: {{env: U}}, password: {{env: P}}}}}}\n")
        .channels["email"]
        .options
    )
    assert options == {
        "host": "h",
        "port": 25,
        "tls": "starttls",
        "user": SecretRef("U", "channels.email.user"),
        "password": SecretRef("P", "channels.email.password"),
        "from": "a@b.c",
        "to": ["d@e.f"],
    }


BAD = {
    "no kind": ("pager: {url: https://h/x}", "pager has no kind: say kind: slack, email, webhook, file or console."),
    "an unknown kind": (
        "pager: {kind: slak, token: x}",
        "pager is of kind 'slak', which there is not; did you mean slack?",
    ),
    "a kind of a strange type": ("pager: {kind: [slack]}", "pager is of kind \"['slack']\", which there is not; "),
    "no mapping": ("slack: xoxb", "slack must be a mapping (key: value)."),
    "a misspelt key": ("slack: {tokn: {env: A}}", "slack.tokn is not a key here; did you mean token?"),
    "a key of another kind": ("file: {path: x, url: https://h/x}", "file.url is not a key here; there is rate,"),
    "a token without a channel": ("slack: {token: {env: A}}", 'slack has a token and no channel: write channel: "#da'),
    "an unquoted channel": ("\n  slack:\n    token: {env: A}\n    channel: #data", "slack has a token and no channel"),
    "no way to Slack": ("slack: {}", "slack has no token and no webhook_url: write token: {env: SLACK_TOKEN}, or"),
    "two ways to Slack": (
        'slack: {token: {env: A}, channel: "#a", webhook_url: {env: B}}',
        "slack has both token and webhook_url: keep one of the two.",
    ),
    "a webhook with a channel": (
        'slack: {webhook_url: {env: B}, channel: "#a"}',
        "slack has a webhook_url, which knows its channel itself: leave out channel and api_url.",
    ),
    "a token written out": (
        'slack: {token: xoxb-1-hunter2, channel: "#a"}',
        "slack.token is a secret written out. Keep it out of the file: write {env: SLACK_TOKEN} and export",
    ),
    "a webhook of Slack written out": (
        "slack: {webhook_url: https://hooks.slack.com/services/T/B/hunter2}",
        "slack.webhook_url is a secret written out. Keep it out of the file: write {env: SLACK_WEBHOOK_URL}",
    ),
    "a webhook of Slack as any webhook": (
        "webhook: {url: https://hooks.slack.com/services/T/B/hunter2}",
        "webhook is a webhook of Slack, and its address a secret: say kind: slack, webhook_url: {env: …}.",
    ),
    "a password within an address": ("webhook: {url: https://me:hunter2@h/x}", "webhook.url is a secret written out."),
    "a signing secret written out": ("webhook: {url: https://h, secret: hunter2}", "webhook.secret is a secret writt"),
    "a secret that is a number": (
        f"email: {{{EMAIL}, user: u, password: 1234}}",
        "email.password must be text: put it in quotes.",
    ),
    "a variable that is none": ('webhook: {url: {env: "A B"}}', "webhook.url.env is not the name of an environment v"),
    "a server as a URL": (
        "email: {host: smtp://h, from: a@b.c, to: [a@b.c]}",
        "email.host is 'smtp://h', not the name of",
    ),
    "a server with its port": (
        "email: {host: 'h:25', from: a@b.c, to: [a@b.c]}",
        "email.host is 'h:25', not the name of",
    ),
    "an address that is none": ("webhook: {url: example.com/x}", "webhook.url is not a URL: write https://HOST/PATH."),
    "an address with a bad port": ("webhook: {url: https://h:99999/x}", "webhook.url is not a URL"),
    "no address": ("webhook: {}", "webhook.url is missing."),
    "no server": ("email: {from: a@b.c, to: [d@e.f]}", "email.host is missing."),
    "one recipient as text": ("email: {host: h, from: a@b.c, to: d@e.f}", "email.to must be a list."),
    "no recipient": ("email: {host: h, from: a@b.c, to: []}", "email.to is empty: name at least one."),
    "a recipient with a line break": (
        'email: {host: h, from: a@b.c, to: ["d@e.f\\nBcc: x@y.z"]}',
        r"email.to[0]: 'd@e.f\nBcc: x@y.z' is not an e-mail address: write somebody@example.com, or",
    ),
    "two recipients in one": (
        'email: {host: h, from: a@b.c, to: ["d@e.f, g@h.i"]}',
        "email.to[0]: 'd@e.f, g@h.i' is not",
    ),
    "letters no mail server takes": ('email: {host: h, from: "ü@b.c", to: [d@e.f]}', "email.from: 'ü@b.c' is not an e"),
    "a sender that is no address": ("email: {host: h, from: alerts, to: [d@e.f]}", "email.from: 'alerts' is not an"),
    "an odd way of encryption": (f"email: {{{EMAIL}, tls: ssl}}", "email.tls must be 'starttls', 'tls' or 'none'."),
    "an odd port": (f"email: {{{EMAIL}, port: 0}}", "email.port is wrong: "),
    "a user without a password": (f"email: {{{EMAIL}, user: me}}", "email has a user and no password: logging in"),
    "a password in the clear": (
        f"email: {{{EMAIL}, tls: none, user: me, password: {{env: P}}}}",
        "email would send its password in the clear: say tls: starttls or tls: tls.",
    ),
    "no path": ("log: {kind: file}", "log.path is missing."),
    "a rate of nothing": ("console: {rate: 0}", "console.rate: 0 is not a rate: write messages per second, like 1 or"),
    "a rate in words": ("console: {rate: 1/s}", "console.rate: '1/s' is not a rate"),
    "a time-out without a unit": ("console: {timeout: 10}", "console.timeout: 10 is not a duration: write 90s"),
    "a time-out of an hour": ("console: {timeout: 1h}", "console.timeout is longer than 5m: nobody waits that long"),
    "a name that is none": (
        '"a b": {kind: console}',
        "a b: 'a b' is not a channel's name: letters, digits, _ . and -.",
    ),
    "the fallback's name": (
        "monitor_alert: {kind: console}",
        "monitor_alert is what MONITOR_ALERT_WEBHOOK_URL is call",
    ),
}


@pytest.mark.parametrize(("channel", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_channel_is_refused_in_one_sentence_that_shows_no_secret(
    refused: Refused, channel: str, words: str
) -> None:
    text = f"channels: {{{channel}}}\n" if not channel.startswith("\n") else f"channels:{channel}\n"
    (said,) = refused(text)
    assert f" channels.{words}" in f" {said.partition(': ')[2] if said[0].isdigit() else said}"
    assert "hunter2" not in said


OWNERS = {
    "a channel that is not declared": (
        "me: {notify: {ERROR: [consol]}}",
        "owners.me.notify.ERROR[0] is 'consol', which is not in channels; did you mean console?",
    ),
    "a severity that is none": (
        "me: {notify: {ERORR: [console]}}",
        "owners.me.notify.ERORR must be 'ERROR' or 'WARN'.",
    ),
    "one channel as text": ("me: {notify: {ERROR: console}}", "owners.me.notify.ERROR must be a list."),
    "an escalation to nobody we know": (
        "me: {escalate: {after: 1h, to: yu}}, you: {}",
        "owners.me.escalate.to is 'yu', which is not in owners; did you mean you?",
    ),
    "an escalation to oneself": (
        "me: {escalate: {after: 1h, to: me}}",
        "owners.me.escalate.to is 'me' itself, who has not acted then; name somebody else.",
    ),
    "an escalation without a time": ("me: {escalate: {to: you}}, you: {}", "owners.me.escalate.after is missing."),
    "a reminder without a unit": ("me: {remind: 4}", "owners.me.remind: 4 is not a duration: write 90s"),
    "an empty link": ('me: {dashboard: ""}', "owners.me.dashboard is empty."),
    "a misspelt key": ("me: {notfy: {}}", "owners.me.notfy is not a key here; did you mean notify?"),
}


@pytest.mark.parametrize(("owner", "words"), OWNERS.values(), ids=OWNERS.keys())
def test_a_bad_owner_is_refused_in_one_sentence(refused: Refused, owner: str, words: str) -> None:
    (said,) = refused(f"owners: {{{owner}}}\nchannels: {{console: {{}}}}\n")
    assert words in said


SCHEMA = (
    ('slack: {token: {env: A}, channel: "#a"}', True),
    ('team: {kind: slack, token: {env: A}, channel: "#a", rate: 0.5, timeout: 5s}', True),
    ("slack: {kind: file, path: x}", True),
    (f"email: {{{EMAIL}}}", True),
    ("team: {path: x}", False),
    ("slack: {path: x}", False),
    ("slack: {token: {env: A}}", False),
    ("slack: {token: xoxb, channel: x}", False),
    (f"email: {{{EMAIL}, user: a}}", False),
    ("console: {rate: 0}", False),
    ("console: {colour: red}", False),
    ("pager: {kind: sms}", False),
    ('"a b": {kind: console}', False),
)


@pytest.mark.parametrize(("channel", "good"), SCHEMA)
def test_the_schema_says_of_a_channel_what_we_say(declare: Declare, channel: str, good: bool) -> None:
    text = f"channels: {{{channel}}}\n"
    assert jsonschema.Draft202012Validator(schema()).is_valid(yaml.safe_load(text)) is good
    with nullcontext() if good else pytest.raises(ConfigError):
        declare(text)


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.text(), st.none()))
def test_a_rate_is_a_number_above_nothing_or_refused(given_rate: object) -> None:
    try:
        assert 0 < parse_rate(given_rate) <= 1000
    except ValueError as error:
        assert "is not a rate" in str(error)  # noqa: PT017
