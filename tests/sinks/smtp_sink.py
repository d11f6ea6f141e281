"""A real mail server whose replies are scripted, and which keeps what it took.

    with SmtpSink() as sink:                                  # takes everything
        sink.on("RCPT", "550 no such user", to="gone@example.com")    # always, for that recipient
        sink.on("MAIL", "451 try later", times=2)             # the next two
        sink.on("END", "250 taken", received=lambda: os.kill(…))      # after the content, before the reply
        send(sink.host, sink.port)
        sink.mails[0].recipients, sink.mails[0].message["Subject"]

Commands: GREETING, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA (before the content), END (after it), QUIT.
What belongs here: SMTP, and every way to refuse. What does not: what a mail of ours looks like.
"""

import asyncio
import email
import email.policy
import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

logging.getLogger("mail.log").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that was taken: the envelope, who sent it (AUTH), over TLS or not, and what it says."""

    at: float
    sender: str
    recipients: tuple[str, ...]
    user: str
    encrypted: bool
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The content, parsed."""
        return email.message_from_bytes(self.content, policy=email.policy.default)


@dataclass(slots=True)
class Answer:
    """What to say to a command. ``times`` None: always. ``close`` the connection afterwards."""

    command: str
    text: str
    to: str = ""
    times: int | None = None
    delay: float = 0.0
    close: bool = False
    received: Callable[[], None] | None = None


class SmtpSink:
    """The server, in a thread of its own, at ``127.0.0.1:port``.

    ``tls`` is none, starttls or tls (from the first byte), with ``context``. ``logins`` (user → password) makes AUTH
    required. ``mails`` are those it answered with 250; ``refused`` the (recipient, reply) it did not take.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        tls: str = "none",
        context: ssl.SSLContext | None = None,
        logins: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.mails: list[Mail] = []
        self.refused: list[tuple[str, str]] = []
        self.connections = 0
        self.port = port
        self.tls, self.context, self.logins = tls, context, dict(logins or {})
        self._answers: list[Answer] = []
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="smtp-sink", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def on(self, command: str, text: str, **more: Any) -> None:
        """Answer ``command`` with ``text``; ``more`` as in :class:`Answer`. What was said last is looked at first."""
        self._answers.insert(0, Answer(command, text, **more))

    def clear(self) -> None:
        """Take everything again."""
        self._answers.clear()

    async def answer(self, command: str, to: str = "") -> Answer | None:
        """What the script says, after its delay; None where it says nothing."""
        for answer in self._answers:
            if answer.command == command and answer.to in ("", to) and answer.times != 0:
                answer.times = answer.times - 1 if answer.times else answer.times
                await asyncio.sleep(answer.delay)
                if answer.received:
                    answer.received()
                return answer
        return None

    def take(self, session: Session, envelope: Envelope) -> None:
        """Keep one mail."""
        user = cast(LoginPassword | None, session.auth_data)
        self.mails.append(
            Mail(
                at=time.time(),
                sender=envelope.mail_from or "",
                recipients=tuple(envelope.rcpt_tos),
                user=user.login.decode() if user else "",
                encrypted=self.tls == "tls" or session.ssl is not None,
                content=cast(bytes, envelope.content or b""),
            )
        )

    def _protocol(self) -> SMTP:
        self.connections += 1
        return _Protocol(self, loop=self._loop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._stop = asyncio.Event()
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        context = self.context if self.tls == "tls" else None
        server = await self._loop.create_server(self._protocol, self.host, self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._stop.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Protocol(SMTP):
    """aiosmtpd's server, asking the script before it says anything of its own."""

    def __init__(self, sink: SmtpSink, loop: asyncio.AbstractEventLoop) -> None:
        self.sink = sink
        self._greeted = False
        super().__init__(
            _Handler(sink),
            hostname="sink.test",
            loop=loop,
            enable_SMTPUTF8=True,
            tls_context=sink.context if sink.tls == "starttls" else None,
            auth_required=bool(sink.logins),
            auth_require_tls=sink.tls == "starttls",
            authenticator=_authenticate(sink.logins),
        )

    async def push(self, status: Any) -> None:
        answer = None if self._greeted else await self.sink.answer("GREETING")
        self._greeted = True
        await super().push(answer.text if answer else status)
        if answer and self.transport:
            self.transport.close()

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self._scripted("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if not await self._scripted("STARTTLS"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        if not await self._scripted("AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if not await self._scripted("DATA"):
            await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg: str) -> None:
        if not await self._scripted("QUIT"):
            await super().smtp_QUIT(arg)

    async def _scripted(self, command: str) -> bool:
        answer = await self.sink.answer(command)
        if answer:
            await self.push(answer.text)
            if answer.close and self.transport:
                self.transport.close()
        return answer is not None


class _Handler:
    """aiosmtpd's hooks."""

    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self.sink.answer("MAIL")
        if not answer:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return await _said(server, answer)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self.sink.answer("RCPT", address)
        if answer and not answer.text.startswith("2"):
            self.sink.refused.append((address, answer.text))
        else:
            envelope.rcpt_tos.append(address)
        return await _said(server, answer)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await self.sink.answer("END")
        if not answer or answer.text.startswith("2"):
            self.sink.take(session, envelope)
        return await _said(server, answer)


async def _said(server: SMTP, answer: Answer | None) -> str:
    """The reply; where the script closes, it is said and the connection ends before aiosmtpd can say it again."""
    if answer and answer.close and server.transport:
        if answer.text:
            await server.push(answer.text)
        server.transport.close()
    return answer.text if answer else "250 OK"


def _authenticate(logins: Mapping[str, str]) -> Callable[..., AuthResult]:
    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and logins.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=good, handled=False, auth_data=data)

    return authenticate
