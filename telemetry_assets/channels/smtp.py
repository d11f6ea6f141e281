"""The e-mail channel: one mail to several recipients over SMTP, and which of them took it.

What belongs here: the exchange with the server, and what its codes mean. What does not: the mail (``mail.py``).
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPRecipientRefused, SMTPResponseException

from telemetry_assets.channels.attempt import NotAccepted, Secrets, again, attempted, dead
from telemetry_assets.channels.fitting import fitted
from telemetry_assets.channels.mail import address_of, mail_of, message_id
from telemetry_assets.channels.wire import addresses
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.message import Message

CLOSING = 421
FAULTS: Mapping[type[Exception], str] = MappingProxyType(
    {SMTPException: "The connection was closed without an answer."}
)


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. ``tls`` is starttls, tls (from the first byte) or none; it logs in where there is a ``user``."""

    host: str
    port: int
    tls: str
    user: str | None
    password: str | None = field(repr=False)
    trust: ssl.SSLContext


@dataclass(slots=True)
class _Taken:
    """What became of each recipient: it has the mail, it may have it later, it never will; the last two with words."""

    accepted: list[str] = field(default_factory=list[str])
    later: dict[str, str] = field(default_factory=dict[str, str])
    never: dict[str, str] = field(default_factory=dict[str, str])
    words: str = ""

    def refuse(self, recipient: str, code: int, words: str) -> None:
        """A recipient that got ``code``."""
        (self.never if 500 <= code < 600 else self.later)[recipient] = f"{recipient}: {code} {words}"

    def receipt(self, refs: Mapping[str, str]) -> Receipt:
        """The end of the attempt: tried again while anybody may have it later."""
        reason = " ".join((*self.later.values(), *self.never.values()))
        outcome = Outcome.AGAIN if self.later else Outcome.DEAD if self.never else Outcome.ACCEPTED
        return Receipt(outcome, reason, self.words, refs, accepted=tuple(self.accepted), refused=tuple(self.never))


class Mail:
    """Sends each message as one mail to everybody in ``to``."""

    kind = "email"

    def __init__(
        self,
        name: str,
        server: Server,
        sender: str,
        to: tuple[str, ...],
        end: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._server, self._sender, self._to, self._end, self._now = server, sender, to, end, now
        login = f"\0{server.user}\0{server.password}" if server.user else None
        self._secrets = Secrets(server.password, login)

    async def send(
        self, message: Message, refs: Mapping[str, str], *, event_id: str, attempt: int, accepted: tuple[str, ...]
    ) -> Receipt:
        """See :class:`telemetry_assets.channels.channel.Channel`. ``refs``: ``message_id`` of the first mail."""
        first = refs.get("message_id", "")
        mail = mail_of(fitted(message), event_id, attempt, self._sender, self._to, first, self._now())
        own = message_id(event_id, address_of(self._sender).addr_spec)
        known = MappingProxyType({"message_id": first or own})
        return await attempted(self._end, self._secrets, lambda: self._send(mail.as_bytes(), known, accepted), FAULTS)

    async def _send(self, content: bytes, refs: Mapping[str, str], accepted: tuple[str, ...]) -> Receipt:
        taken = _Taken(list(accepted))
        rest = [one for one in (address_of(item).addr_spec for item in self._to) if one not in accepted]
        if not rest:
            return taken.receipt(refs)
        try:
            async with self._connected() as client:
                await client.mail(address_of(self._sender).addr_spec)
                await _hand_over(client, content, rest, taken)
        except SMTPResponseException as refused:
            said = f"The mail server answered {refused.code} {refused.message}"
            raise NotAccepted(dead(said) if 500 <= refused.code < 600 else again(said)) from refused
        except SMTPException as fault:
            # Those of their own class say what the server cannot do; what they are made from is elsewhere.
            if type(fault) is SMTPException:
                raise NotAccepted(again(str(fault))) from fault
            raise
        return taken.receipt(refs)

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[SMTP]:
        server = self._server
        connection = await _connection(server.host, server.port, self._end)
        client = SMTP(
            hostname=server.host,
            sock=connection,
            timeout=None,
            local_hostname="".join(socket.gethostname().split()) or "localhost",
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=server.trust if server.tls != "none" else None,
            username=server.user,
            password=server.password,
        )
        try:
            await client.connect()
            yield client
            if isinstance(client.transport, asyncio.WriteTransport) and not client.transport.is_closing():
                # Said for politeness: nobody waits for an answer once the mail is taken.
                client.transport.write(b"QUIT\r\n")
        finally:
            client.close()
            # Closed by its transport alone: a number given back too early is another channel's connection by then.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


async def _hand_over(client: SMTP, content: bytes, rest: list[str], taken: _Taken) -> None:
    """Names every recipient, then sends the mail to those the server takes."""
    good: list[str] = []
    for recipient in rest:
        try:
            await client.rcpt(recipient)
            good.append(recipient)
        except SMTPRecipientRefused as refused:
            taken.refuse(recipient, refused.code, refused.message)
            if refused.code == CLOSING:
                unheard = (one for one in rest if one not in taken.never and one not in taken.later)
                taken.later.update({one: f"{one}: not taken yet." for one in unheard})
                return
    if not good:
        return
    try:
        answer = await client.data(content)
    except SMTPDataError as refused:
        for recipient in good:
            taken.refuse(recipient, refused.code, refused.message)
    else:
        taken.accepted += good
        taken.words = f"{answer.code} {answer.message}"


async def _connection(host: str, port: int, end: timedelta) -> socket.socket:
    """Connected to the first of the host's addresses that answers; each gets its share of the time."""
    fault: OSError = OSError("no address")
    found = await addresses(host, port)
    for family, protocol, at in found:
        connection = socket.socket(family, socket.SOCK_STREAM, protocol)
        connection.setblocking(False)
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)
            try:
                async with asyncio.timeout(end.total_seconds() / len(found)):
                    await asyncio.get_running_loop().sock_connect(connection, at)
            except OSError as failed:
                fault = failed
            else:
                undo.pop_all()
                return connection
    raise fault
