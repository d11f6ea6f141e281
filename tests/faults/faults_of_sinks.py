"""Sinks that misbehave on demand, on the real servers of ``tests/sinks``: webhook, Slack, mail.

Each writes down what it accepted, and whether the sender can have learnt of it. What belongs here: faults, and the
record. What does not: which fault when (``campaign.py``), judging the record (``ledger_of_truth.py``).
"""

import itertools
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from aiosmtpd.smtp import Envelope, Session

from tests.sinks.http_sink import HttpSink, Reply, Request
from tests.sinks.slack_sink import Slack
from tests.sinks.smtp_sink import SmtpSink


class Fault(StrEnum):
    """How the other side fails."""

    NONE = "none"
    REFUSED = "connection refused"
    DNS = "DNS failure"
    TLS = "TLS error"
    TIMEOUT_BEFORE = "time-out before accept"
    TIMEOUT_AFTER = "time-out after accept"
    RETRY_AFTER = "429 with Retry-After"
    TOO_MANY = "429 without"
    BURST = "5xx burst"
    PERMANENT = "permanent 4xx"
    DRIP = "slow drip"
    MALFORMED = "malformed reply"
    SMTP_421 = "SMTP 421"
    SMTP_450 = "SMTP 450"
    SMTP_550 = "SMTP 550"
    PARTIAL = "partial recipients"

    @property
    def of_mail(self) -> bool:
        """Whether only a mail server can do it."""
        return self in {Fault.SMTP_421, Fault.SMTP_450, Fault.SMTP_550, Fault.PARTIAL}

    @property
    def permanent(self) -> bool:
        """Whether a message dies of it at once."""
        return self in {Fault.PERMANENT, Fault.SMTP_550}


RECIPIENTS = ("first@sink.test", "second@sink.test")
FOREVER = 30.0
"""Seconds: longer than anybody waits in the campaign."""


@dataclass(slots=True)
class Heard:
    """One message that a sink accepted, for one recipient (empty but in mail). ``at`` is ``time.monotonic``.

    ``answered``: the sender was told so, and lived; ``unmarked``: it could not write that down, because it was killed
    before, or the database was hurt. ``headers`` are those of HTTP. ``edit``: it changes what was said.
    """

    channel: str
    recipient: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)
    answered: bool = False
    unmarked: bool = False
    edit: bool = False


@dataclass(slots=True)
class Record:
    """What all sinks accepted, in order.

    ``strike`` is called at each request once it is decided and before the reply, with the channel and whether it was
    accepted; True says that the sender cannot learn of it any more (it was killed).
    """

    heard: list[Heard] = field(default_factory=list[Heard])
    requests: int = 0
    strike: Callable[[str, bool], bool] = lambda channel, accepted: False
    hurt: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self.heard, self.requests, self.hurt = [], 0, False

    def take(self, channel: str, accepted: Iterable[Heard]) -> bool:
        """Write down one request and what was accepted of it; whether the sender can still be told."""
        accepted = list(accepted)
        with self.lock:
            self.requests += 1
            self.heard += accepted
            for heard in accepted:
                heard.unmarked = self.hurt
        return not self.strike(channel, bool(accepted))


class Sink(Protocol):
    """The other side of one channel."""

    port: int

    def set(self, fault: Fault) -> None:
        """Fail like this from now on."""

    def close(self) -> None:
        """Go away."""


class WebSink:
    """A webhook receiver or, with ``slack``, Slack, always at the same port. ``tls``: a context to be trusted, and one
    not to be."""

    def __init__(
        self,
        channel: str,
        record: Record,
        tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
        slack: bool = False,
    ) -> None:
        self._channel, self._record, self._tls = channel, record, tls
        self._slack = Slack() if slack else None
        self._fault = Fault.NONE
        self._turns = itertools.count()
        self.port = 0
        self._server: HttpSink | None = None
        self._listen()

    def set(self, fault: Fault) -> None:
        """Fail like this from now on."""
        listens = {Fault.REFUSED, Fault.TLS} & {fault, self._fault}
        self._fault = fault
        if listens:
            self.close()
            self._listen()

    def close(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.__exit__()
        self._server = None

    def _listen(self) -> None:
        if self._fault is not Fault.REFUSED:
            tls = self._tls[self._fault is Fault.TLS] if self._tls else None
            self._server = HttpSink(self._answer, tls=tls, port=self.port).__enter__()
            self.port = self._server.port

    def _answer(self, request: Request) -> Reply:
        turn = next(self._turns)
        accepts = self._fault in _ACCEPTING or (self._fault is Fault.MALFORMED and turn % 2 == 0)
        edit = request.path.endswith("/chat.update")
        heard = Heard(self._channel, "", {"path": request.path, **request.headers}, request.body, edit=edit)
        told = self._record.take(self._channel, [heard] if accepts else [])
        if not told:
            return Reply(close=True)
        if self._fault is not Fault.NONE:
            return _failing(self._fault, turn)
        reply = self._slack(request) if self._slack else Reply(body=b"{}")
        heard.answered = True
        return reply


_ACCEPTING = {Fault.NONE, Fault.TIMEOUT_AFTER, Fault.DRIP}
_BURST = (500, 502, 503, 504)
_PERMANENT = (400, 401, 403, 404, 410, 422)
_NO_REPLY = (
    b"\0\1\2 no reply at all\r\n\r\n",
    b"",
    b"HTTP/1.1 2",
    b"HTTP/9.9 yes\r\n\r\n",
    b"220 mail here\r\n",
    b"{}",
)


def _failing(fault: Fault, turn: int) -> Reply:
    match fault:
        case Fault.TIMEOUT_BEFORE | Fault.TIMEOUT_AFTER:
            return Reply(after=FOREVER, close=True)
        case Fault.DRIP:
            return Reply(drip_headers=0.05)
        case Fault.RETRY_AFTER:
            return Reply(429, {"Retry-After": "30"})
        case Fault.TOO_MANY:
            return Reply(429)
        case Fault.BURST:
            return Reply(_BURST[turn % len(_BURST)])
        case Fault.PERMANENT:
            return Reply(_PERMANENT[turn % len(_PERMANENT)])
        case Fault.MALFORMED:
            return Reply(raw=_NO_REPLY[turn // 2 % len(_NO_REPLY)])
        case _:
            raise AssertionError(fault)


class MailSink:
    """A mail server with STARTTLS that takes mail for :data:`RECIPIENTS`."""

    def __init__(self, channel: str, record: Record, tls: ssl.SSLContext) -> None:
        self._server = _Recording(channel, record, tls)
        self._server.__enter__()
        self.port = self._server.port

    def set(self, fault: Fault) -> None:
        """Fail like this from now on."""
        self._server.clear()
        for command, text, more in _SAID.get(fault, ()):
            self._server.on(command, text, received=self._server.refuse, **more)

    def close(self) -> None:
        """Go away."""
        self._server.__exit__()


_SAID: dict[Fault, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    Fault.SMTP_421: (
        ("END", "421 4.3.2 shutting down", {"close": True}),
        ("MAIL", "421 4.3.2 shutting down", {"times": 1, "close": True}),
        ("GREETING", "421 4.3.2 not now", {"times": 1}),
    ),
    Fault.SMTP_450: (
        ("END", "451 4.3.0 try later", {}),
        ("RCPT", "450 4.2.0 mailbox busy", {"times": 2}),
    ),
    Fault.SMTP_550: (("RCPT", "550 5.1.1 no such user", {}),),
    Fault.PARTIAL: (("RCPT", "452 4.2.2 full", {"to": RECIPIENTS[1]}),),
}


class _Recording(SmtpSink):
    """Tells the record before the sender."""

    def __init__(self, channel: str, record: Record, tls: ssl.SSLContext) -> None:
        super().__init__(tls="starttls", context=tls)
        self._channel, self._record = channel, record

    def refuse(self) -> None:
        """Something is being refused."""
        self._record.take(self._channel, [])

    def take(self, session: Session, envelope: Envelope) -> None:
        """Keep one mail."""
        super().take(session, envelope)
        heard = [Heard(self._channel, to, {}, self.mails[-1].content) for to in envelope.rcpt_tos]
        told = self._record.take(self._channel, heard)
        for one in heard:
            one.answered = told
