"""E-mail: what the server says of each recipient, and mails nobody can inject anything into."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.channels.channel import Channel
from telemetry_assets.channels.fitting import fitted
from telemetry_assets.channels.mail import html_of, mail_of
from telemetry_assets.incidents.delivery import Outcome
from tests.channels.messages import AT, END, EVENT, HOSTILE, OPENED, RESOLVED, SHORT, channel, hostile, sent
from tests.sinks import ports
from tests.sinks.smtp_sink import SmtpSink
from tests.sinks.tls import Authority

ANN, BOB, CAT = "ann@example.com", "bob@example.com", "cat@example.com"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def mailer(sink: SmtpSink, *to: str, end: timedelta = END, **options: Any) -> Channel:
    return channel(
        "email",
        {
            "host": sink.host,
            "port": sink.port,
            "tls": sink.tls,
            "from": "Monitor <monitor@example.com>",
            "to": [*to],
            **options,
        },
        end,
    )


class TestRecipients:
    """Who has it, who may have it later, who never will."""

    @pytest.mark.promise("B4")
    def test_everybody_gets_one_mail_together(self, sink: SmtpSink) -> None:
        receipt = sent(mailer(sink, ANN, f"Bob <{BOB}>"))
        assert (receipt.outcome, receipt.accepted, receipt.reason) == (Outcome.ACCEPTED, (ANN, BOB), "")
        assert receipt.receipt == "250 OK"
        (mail,) = sink.mails
        assert (mail.sender, mail.recipients) == ("monitor@example.com", (ANN, BOB))
        assert mail.message["To"] == f"{ANN}, Bob <{BOB}>"

    @pytest.mark.parametrize("code", [421, 450, 451, 452])
    def test_who_is_told_to_wait_is_tried_again_alone(self, sink: SmtpSink, code: int) -> None:
        sink.on("RCPT", f"{code} not now", to=BOB, times=1)
        to = mailer(sink, ANN, BOB)
        first = sent(to)
        assert first.outcome is Outcome.AGAIN
        assert f"{BOB}: {code} not now" in first.reason
        assert first.accepted == (() if code == 421 else (ANN,))
        second = sent(to, refs=first.refs, attempt=2, accepted=first.accepted)
        assert (second.outcome, second.accepted) == (Outcome.ACCEPTED, (ANN, BOB))
        assert [recipient for mail in sink.mails for recipient in mail.recipients] == [ANN, BOB]

    def test_who_is_refused_for_good_makes_it_dead_when_all_others_have_it(self, sink: SmtpSink) -> None:
        sink.on("RCPT", "550 5.1.1 no such user", to=BOB)
        sink.on("RCPT", "450 greylisted", to=CAT, times=1)
        to = mailer(sink, ANN, BOB, CAT)
        first = sent(to)
        assert (first.outcome, first.accepted, first.refused) == (Outcome.AGAIN, (ANN,), (BOB,))
        second = sent(to, accepted=first.accepted)
        assert (second.outcome, second.accepted, second.refused) == (Outcome.DEAD, (ANN, CAT), (BOB,))
        assert second.reason == f"{BOB}: 550 5.1.1 no such user"

    def test_when_all_are_refused_nothing_is_sent(self, sink: SmtpSink) -> None:
        sink.on("RCPT", "554 no")
        receipt = sent(mailer(sink, ANN, BOB))
        assert (receipt.outcome, receipt.refused, sink.mails) == (Outcome.DEAD, (ANN, BOB), [])

    def test_who_has_it_all_is_asked_nothing(self, sink: SmtpSink) -> None:
        receipt = sent(mailer(sink, ANN), accepted=(ANN,))
        assert (receipt.outcome, receipt.accepted, sink.connections) == (Outcome.ACCEPTED, (ANN,), 0)


class TestCodes:
    """The other commands."""

    @pytest.mark.parametrize("command", ["GREETING", "MAIL", "DATA", "END"])
    @pytest.mark.parametrize(
        ("said", "outcome"),
        [("421 closing", "again"), ("451 later", "again"), ("550 no", "dead"), ("554 never", "dead")],
    )
    def test_4xx_is_tried_again_and_5xx_is_dead(self, sink: SmtpSink, command: str, said: str, outcome: str) -> None:
        sink.on(command, said)
        receipt = sent(mailer(sink, ANN))
        assert receipt.outcome == outcome
        assert said in receipt.reason
        assert sink.mails == []

    def test_a_mail_that_was_taken_is_accepted_whatever_becomes_of_the_goodbye(self, sink: SmtpSink) -> None:
        sink.on("QUIT", "421 no goodbye", delay=5)
        receipt = sent(mailer(sink, ANN))
        assert receipt.outcome is Outcome.ACCEPTED
        assert receipt.took < timedelta(seconds=1)

    @pytest.mark.parametrize("command", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"])
    def test_a_connection_that_ends_is_tried_again(self, sink: SmtpSink, command: str) -> None:
        sink.on(command, "421 bye", close=True)
        receipt = sent(mailer(sink, ANN))
        assert receipt.outcome is Outcome.AGAIN
        assert receipt.reason

    @pytest.mark.parametrize("command", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"])
    @pytest.mark.slow
    def test_a_slow_server_ends_hard(self, sink: SmtpSink, command: str) -> None:
        sink.on(command, "250 OK", delay=1)
        receipt = sent(mailer(sink, ANN, end=SHORT))
        assert (receipt.outcome, receipt.reason) == (Outcome.AGAIN, "No answer within 0.3 s.")
        assert receipt.took < 2 * SHORT

    @pytest.mark.parametrize("said", ["nonsense", "2", "999 what", "250-" + "x" * 50_000])
    def test_a_reply_that_is_none_is_tried_again(self, sink: SmtpSink, said: str) -> None:
        sink.on("MAIL", said)
        assert sent(mailer(sink, ANN, end=SHORT)).outcome is Outcome.AGAIN

    def test_nobody_there_is_tried_again(self) -> None:
        options = {"tls": "none", "from": "m@example.com", "to": [ANN]}
        with ports.refused() as port:
            refused = sent(channel("email", {"host": "127.0.0.1", "port": port, **options}))
        unknown = sent(channel("email", {"host": "nowhere.invalid", **options}))
        with ports.silent() as port:
            silent = sent(channel("email", {"host": "127.0.0.1", "port": port, **options}, SHORT))
        assert {refused.outcome, unknown.outcome, silent.outcome} == {Outcome.AGAIN}
        assert refused.reason == "No connection (Connection refused)."
        assert unknown.reason.startswith("The name of the host was not found")
        assert silent.reason == "No answer within 0.3 s."


class TestSecurity:
    """TLS and passwords."""

    @pytest.fixture
    def authority(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
        authority = Authority(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
        return authority

    @pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
    @pytest.mark.parametrize("tls", ["starttls", "tls"])
    def test_it_logs_in_over_tls(self, authority: Authority, tls: str) -> None:
        with SmtpSink(tls=tls, context=authority.server_context(), logins={"monitor": "pass word"}) as sink:
            receipt = sent(mailer(sink, ANN, user="monitor", password="pass word\n"))
        assert receipt.outcome is Outcome.ACCEPTED
        assert (sink.mails[0].user, sink.mails[0].encrypted) == ("monitor", True)

    def test_a_wrong_password_is_dead_and_not_shown(self, authority: Authority) -> None:
        with SmtpSink(tls="starttls", context=authority.server_context(), logins={"monitor": "right"}) as sink:
            sink.on("AUTH", "535 5.7.8 hunter2 is wrong for \0monitor\0hunter2")
            receipt = sent(mailer(sink, ANN, user="monitor", password="hunter2"))
        assert receipt.outcome is Outcome.DEAD
        assert "535" in receipt.reason
        assert "hunter2" not in repr(receipt)

    def test_a_server_without_starttls_gets_nothing(self) -> None:
        with SmtpSink() as sink:
            receipt = sent(mailer(sink, ANN, tls="starttls", user="monitor", password="hunter2"))
        assert (receipt.outcome, sink.mails) == (Outcome.AGAIN, [])
        assert "STARTTLS" in receipt.reason

    @pytest.mark.parametrize("tls", ["starttls", "tls"])
    def test_a_bad_certificate_gets_nothing(self, authority: Authority, tls: str) -> None:
        with SmtpSink(tls=tls, context=authority.server_context(expired=True)) as sink:
            receipt = sent(mailer(sink, ANN))
        assert (receipt.outcome, sink.mails) == (Outcome.AGAIN, [])
        assert "TLS failed" in receipt.reason


class TestConversation:
    """Several mails that are one conversation."""

    def test_later_mails_answer_the_first(self, sink: SmtpSink) -> None:
        to = mailer(sink, ANN)
        first = sent(to)
        later = sent(to, RESOLVED, first.refs, event_id="6f0d.12.2.ops")
        opened, resolved = (mail.message for mail in sink.mails)
        assert opened["Message-ID"] == "<6f0d.12.1.ops@example.com>"
        assert opened["In-Reply-To"] is None
        assert resolved["Message-ID"] == "<6f0d.12.2.ops@example.com>"
        assert resolved["In-Reply-To"] == resolved["References"] == opened["Message-ID"]
        assert later.refs == first.refs == {"message_id": opened["Message-ID"]}

    def test_a_mail_sent_twice_has_one_id(self, sink: SmtpSink) -> None:
        to = mailer(sink, ANN)
        sent(to)
        sent(to, attempt=2)
        first, second = (mail.message for mail in sink.mails)
        assert first["Message-ID"] == second["Message-ID"]
        assert (first["X-Telemetry-Attempt"], second["X-Telemetry-Attempt"]) == ("1", "2")


class _Tags(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


OURS = {"html", "body", "h2", "p", "pre", "br", "table", "tr", "th", "td", "ul", "li", "a", "b"}
ANYTHING = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from([*"<>&\"'=/\r\n\t :;?_-\x0b\x0c\x85\u2028\ud800é", "=?utf-8?b?", "Bcc:"]), max_size=60
    ).map("".join),
    st.sampled_from(HOSTILE),
)


def read(content: bytes) -> EmailMessage:
    """As a reader takes it."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


class TestMail:
    """The mail itself."""

    def test_it_has_text_and_html_that_say_the_same(self, sink: SmtpSink) -> None:
        sent(mailer(sink, ANN))
        text, page = sink.mails[0].message.iter_parts()
        assert (text.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
        for part in (OPENED.headline, OPENED.remedy, OPENED.quote, "https://dagster.test/assets/orders"):
            assert part in text.get_content()
            assert part in page.get_content()
        assert sink.mails[0].message["Auto-Submitted"] == "auto-generated"

    @given(ANYTHING)
    @settings(max_examples=60)
    def test_no_name_becomes_a_header_a_recipient_or_a_tag(self, text: str) -> None:
        message = fitted(hostile(text))
        content = mail_of(message, f"id.{text}", 1, "m@example.com", (ANN,), "", AT).as_bytes()
        mail = read(content)
        assert set(mail.keys()) == {
            *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Telemetry-Event-Id"),
            *("X-Telemetry-Attempt", "MIME-Version", "Content-Type"),
        }
        assert mail["To"] == ANN
        assert all(len(line) <= 998 for line in content.split(b"\r\n"))
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert all(byte < 128 for byte in content)
        tags = _Tags(html_of(message))
        assert tags.tags <= OURS
        assert tags.names <= {"style", "align", "cellpadding", "href"}
        assert all(re.match(r"https?://", link) for link in tags.links)

    def test_names_in_any_script_arrive_as_they_are(self) -> None:
        message = replace(OPENED, headline="продажи: 売上 — größer als 60 min 😀" * 3, says="ж" * 2000)
        mail = read(mail_of(message, EVENT, 1, "Überwachung <m@example.com>", (ANN,), "", AT).as_bytes())
        assert "売上 — größer" in mail["Subject"]
        assert mail["From"] == "Überwachung <m@example.com>"
        text, _ = mail.iter_parts()
        assert "ж" * 2000 in text.get_content()

    def test_ten_megabytes_are_cut_to_what_a_person_reads(self) -> None:
        content = mail_of(fitted(hostile("é" * 10_000_000)), EVENT, 1, "m@example.com", (ANN,), "", AT).as_bytes()
        assert len(content) < 200_000

    def test_lines_of_dots_arrive_whole(self, sink: SmtpSink) -> None:
        sent(mailer(sink, ANN), replace(OPENED, says=".\r\n..\r\n.\r\nQUIT"))
        text, _ = sink.mails[0].message.iter_parts()
        assert "  .\n  ..\n  .\n  QUIT\n" in text.get_content().replace("\r\n", "\n")
