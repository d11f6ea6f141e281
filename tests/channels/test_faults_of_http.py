"""What the other side of HTTP can do wrong, and how it ends: for the webhook and for both ways into Slack."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_assets.channels.channel import Channel
from telemetry_assets.incidents.delivery import Outcome, Receipt
from tests.channels.messages import END, SHORT, channel, sent
from tests.sinks import ports
from tests.sinks.http_sink import HttpSink, Reply, as_json
from tests.sinks.smtp_sink import SmtpSink
from tests.sinks.tls import Authority

pytestmark = pytest.mark.slow

SECRET = "T0secretB0/xoxb-9f8e7d6c5b4a"
KINDS = ("webhook", "slack bot", "slack webhook")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as sink:
        yield sink


def opened(kind: str, url: str, end: timedelta = END) -> Channel:
    options: dict[str, dict[str, Any]] = {
        "webhook": {"url": f"{url}/hooks/{SECRET}?key=alsosecret", "secret": "signing-secret"},
        "slack bot": {"token": SECRET, "channel": "#ops", "api_url": f"{url}/api"},
        "slack webhook": {"webhook_url": f"{url}/services/{SECRET}"},
    }
    return channel(kind.split()[0], options[kind], end)


def answered(kind: str, sink: HttpSink, reply: Reply, end: timedelta = END) -> Receipt:
    sink.answer(then=reply)
    return sent(opened(kind, sink.url, end))


class TestStatuses:
    """What a status means."""

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
    def test_a_passing_failure_is_tried_again(self, kind: str, sink: HttpSink, status: int) -> None:
        receipt = answered(kind, sink, Reply(status, body=b"<h1>sorry</h1>"))
        assert (receipt.outcome, receipt.reason) == (Outcome.AGAIN, f"It answered {status}: sorry")

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
    def test_a_refusal_is_dead_at_once_with_its_words(self, kind: str, sink: HttpSink, status: int) -> None:
        receipt = answered(kind, sink, Reply(status, body=b"no_such_hook"))
        assert (receipt.outcome, receipt.reason) == (Outcome.DEAD, f"It answered {status}: no_such_hook")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
    def test_a_redirect_is_dead_and_not_followed(self, kind: str, sink: HttpSink, status: int) -> None:
        with HttpSink() as elsewhere:
            receipt = answered(kind, sink, Reply(status, {"Location": f"{elsewhere.url}/?{SECRET}"}, b""))
        assert receipt.outcome is Outcome.DEAD
        assert "moved" in receipt.reason
        assert elsewhere.connections == 0

    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            ("7", 7),
            ("0", 0),
            ("2.5", 2.5),
            ("999999999", 3600),
            ("Sun, 01 Mar 2026 14:05:30 GMT", 30),
            ("Sun, 01 Mar 2026 14:00:00 GMT", 0),
            ("Sun, 01 Mar 2099 14:00:00 GMT", 3600),
            ("-5", None),
            ("soon", None),
            ("9" * 5000, None),
            ("Sun, 99 Mar 2026 14:05:30 GMT", None),
            ("", None),
        ],
    )
    def test_retry_after_is_read_as_seconds_and_as_a_date(self, sink: HttpSink, said: str, meant: float | None) -> None:
        headers = {"Retry-After": said, "Date": "Sun, 01 Mar 2026 14:05:00 GMT"}
        receipt = answered("webhook", sink, Reply(429, headers))
        assert receipt.outcome is Outcome.AGAIN
        assert receipt.retry_after == (None if meant is None else timedelta(seconds=meant))

    def test_a_date_of_a_server_without_a_clock_is_read_by_ours(self, kind: str, sink: HttpSink) -> None:
        soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        receipt = answered(kind, sink, Reply(503, {"Retry-After": soon}))
        assert receipt.retry_after is not None
        assert timedelta(seconds=25) < receipt.retry_after <= timedelta(seconds=30)


class TestConnections:
    """No answer at all."""

    def test_a_refused_connection_is_tried_again(self, kind: str) -> None:
        with ports.refused() as port:
            receipt = sent(opened(kind, f"http://127.0.0.1:{port}"))
        assert (receipt.outcome, receipt.reason) == (Outcome.AGAIN, "No connection (Connection refused).")

    def test_a_name_that_is_not_found_is_tried_again(self, kind: str) -> None:
        receipt = sent(opened(kind, "http://nowhere.invalid"))
        assert receipt.outcome is Outcome.AGAIN
        assert receipt.reason.startswith("The name of the host was not found")

    @pytest.mark.parametrize("port", [ports.silent, ports.unanswered])
    def test_nobody_waits_longer_than_the_time_out(self, kind: str, port: Any) -> None:
        with port() as number:
            receipt = sent(opened(kind, f"http://127.0.0.1:{number}", SHORT))
        assert (receipt.outcome, receipt.reason) == (Outcome.AGAIN, "No answer within 0.3 s.")
        assert SHORT <= receipt.took < 3 * SHORT

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(before=2),
            Reply(after=2),
            Reply(drip_headers=0.05),
            Reply(503, {"X": "y" * 100}, drip_headers=0.05),
        ],
        ids=["nothing is read", "nothing is answered", "headers drip", "headers of a failure drip"],
    )
    def test_a_slow_answer_ends_hard(self, kind: str, sink: HttpSink, reply: Reply) -> None:
        receipt = answered(kind, sink, reply, SHORT)
        assert (receipt.outcome, receipt.reason) == (Outcome.AGAIN, "No answer within 0.3 s.")
        assert receipt.took < 3 * SHORT

    def test_a_refusal_whose_words_drip_is_a_refusal_still(self, kind: str, sink: HttpSink) -> None:
        receipt = answered(kind, sink, Reply(404, body=b"gone" * 100, drip_body=0.05), SHORT)
        assert receipt.outcome is Outcome.DEAD
        assert receipt.reason.startswith("It answered 404")
        assert receipt.took < SHORT

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(close=True),
            Reply(unread=True),
            Reply(reset=True),
            Reply(raw=b""),
            Reply(raw=b"220 mail.test ESMTP\r\n"),
            Reply(raw=b"\x00\xff\x16\x03\x01" * 50),
            Reply(raw=b"HTTP/1.1 abc OK\r\n\r\n"),
            Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: minus\r\n\r\nok"),
            Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"),
            Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Enc"),
        ],
        ids=lambda reply: repr(reply.raw[:20]) if reply.raw is not None else "",
    )
    def test_an_answer_that_is_none_is_tried_again(self, kind: str, sink: HttpSink, reply: Reply) -> None:
        receipt = answered(kind, sink, reply)
        assert receipt.outcome is Outcome.AGAIN
        assert receipt.reason

    @given(st.binary(max_size=40), st.integers(0, 120), st.integers(0, 60))
    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_garbage_in_an_answer_is_more_than_a_receipt(
        self, kind: str, sink: HttpSink, garbage: bytes, at: int, cut: int
    ) -> None:
        good = as_json({"ok": True, "ts": "1.2", "channel": "C0"})
        whole = good.head + b"\r\n\r\n" + good.body
        receipt = answered(kind, sink, Reply(raw=whole[:at] + garbage + whole[at + cut :]), SHORT)
        assert receipt.took < 3 * SHORT
        assert receipt.reason or receipt.outcome is Outcome.ACCEPTED

    def test_a_refusal_of_endless_words_is_read_a_little(self, kind: str, sink: HttpSink) -> None:
        receipt = answered(kind, sink, Reply(400, body=b"word " * 2_000_000))
        assert receipt.outcome is Outcome.DEAD
        assert len(receipt.reason) <= 300


class TestTls:
    """Certificates."""

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    def test_a_good_certificate_of_a_trusted_authority_is_taken(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
        with HttpSink(tls=authority.server_context()) as sink:
            assert sent(opened("webhook", sink.url)).outcome is Outcome.ACCEPTED

    def test_a_bad_certificate_is_tried_again_and_nothing_is_sent(
        self, kind: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with HttpSink(tls=authority.server_context()) as sink:
            strange = sent(opened(kind, sink.url))
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
        with HttpSink(tls=authority.server_context(expired=True)) as expired:
            late = sent(opened(kind, expired.url))
        with HttpSink(tls=authority.server_context("other.test")) as other:
            wrong = sent(opened(kind, other.url))
        assert {receipt.outcome for receipt in (strange, late, wrong)} == {Outcome.AGAIN}
        assert "TLS failed: the certificate is not good" in strange.reason
        assert "expired" in late.reason
        assert "127.0.0.1" in wrong.reason
        assert not [*sink.requests, *expired.requests, *other.requests]

    def test_a_server_that_speaks_no_tls_is_tried_again(self, kind: str) -> None:
        with SmtpSink() as sink:
            receipt = sent(opened(kind, f"https://{sink.host}:{sink.port}"))
        assert receipt.outcome is Outcome.AGAIN
        assert receipt.reason.startswith("TLS failed")


@pytest.mark.parametrize("status", [200, 302, 404, 429, 503])
def test_no_secret_is_in_what_is_said_or_logged_of_an_attempt(
    kind: str, sink: HttpSink, status: int, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    hidden = {
        "webhook": [SECRET, "alsosecret", "signing-secret", *SECRET.split("/")],
        "slack bot": [SECRET],
        "slack webhook": [SECRET, *SECRET.split("/")],
    }[kind]
    echo = " ".join((*hidden, quote(SECRET, safe=""), f"/hooks/{SECRET}?x=1"))
    ok = status == 200 and kind == "slack bot"
    reply = as_json({"ok": False, "error": echo}) if ok else Reply(status, body=echo.encode())
    to = opened(kind, sink.url)
    receipt = answered(kind, sink, reply)
    said = " ".join((repr(receipt), repr(to), caplog.text, *capsys.readouterr()))
    assert [secret for secret in hidden if secret in said] == []


def test_a_secret_is_not_left_over_in_halves_where_words_are_cut(sink: HttpSink) -> None:
    to = opened("webhook", sink.url)
    for padding in range(280, 300):
        sink.answer(then=Reply(503, body=b"x" * padding + SECRET.encode()))
        assert SECRET[:4] not in sent(to).reason


def test_many_attempts_at_once_do_not_wait_for_each_other(sink: HttpSink) -> None:
    import asyncio

    from tests.channels.messages import OPENED

    sink.answer(then=Reply(after=0.3))
    to = opened("webhook", sink.url)

    async def all_of_them() -> list[Receipt]:
        return await asyncio.gather(
            *(to.send(OPENED, {}, event_id=f"e.{n}", attempt=1, accepted=()) for n in range(40))
        )

    began = time.monotonic()
    receipts = asyncio.run(all_of_them())
    assert {receipt.outcome for receipt in receipts} == {Outcome.ACCEPTED}
    assert time.monotonic() - began < 2
