"""HTTP as every channel that speaks it does: one request on a connection of its own, and what a status means.

What belongs here: sessions, addresses, status codes, Retry-After; replies are read as far as they are short. What does
not: bodies and signatures (``webhook.py``), what Slack says in a 200 (``slack.py``).
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aiohttp import (
    ClientError,
    ClientHandlerType,
    ClientMiddlewareType,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult

from telemetry_assets.channels.aside import aside
from telemetry_assets.channels.attempt import NotAccepted, Secrets, again, dead
from telemetry_assets.incidents.delivery import Receipt

LONGEST_REPLY = 65_536
WORDS = 1_000
LONGEST_WAIT = timedelta(hours=1)
FAULTS: Mapping[type[Exception], str] = MappingProxyType(
    {
        ServerDisconnectedError: "The connection was closed without an answer.",
        ClientPayloadError: "The answer broke off, or was longer than any answer.",
        ClientResponseError: "The answer was no HTTP.",
        ClientError: "The connection was lost.",
    }
)
"""What aiohttp raises for the other side's faults, for :func:`telemetry_assets.channels.attempt.attempted`."""
_TRY_AGAIN = frozenset({408, 429})
_TAG = re.compile(r"<[^>]*>")


def opened(secrets: Secrets, end: timedelta, trust: ssl.SSLContext, *further: ClientMiddlewareType) -> ClientSession:
    """A session for one attempt that ends after ``end``. Whatever is not a 2xx is raised in it as NotAccepted."""
    return ClientSession(
        connector=TCPConnector(ssl=trust, resolver=_Resolver(), force_close=True, use_dns_cache=False),
        response_class=_ShortResponse,
        middlewares=(*further, _only_accepted(secrets, end)),
        timeout=ClientTimeout(total=None, sock_connect=None),
        headers={"User-Agent": "telemetry-assets"},
    )


async def addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, int, tuple[str, int]]]:
    """(family, protocol, (address, port)) of a host. Raises socket.gaierror; a hung name server stops nobody else."""
    found = await aside(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return [(family, protocol, (str(at[0]), int(at[1]))) for family, _, protocol, _, at in found]


def proxy_of(url: str) -> str | None:
    """The proxy that the environment (HTTPS_PROXY, NO_PROXY) names for this address."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def refusal(status: int, headers: Mapping[str, str], words: str, now: datetime) -> Receipt:
    """What a status other than 2xx means. ``words`` are the reply's own."""
    said = f"It answered {status}{': ' if words else ''}{words}"
    if status in _TRY_AGAIN or status >= 500 or status < 200:
        return again(said, retry_after(headers, now))
    if status < 400:
        return dead(f"It answered {status}: the address has moved. Put the new one where this channel is declared.")
    return dead(said)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the reply asks to wait, seconds or an HTTP date (against the reply's own clock, if it shows one); None
    where it does not, or says nothing that can be read. At most an hour."""
    said = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", said, re.ASCII):
        return min(timedelta(seconds=float(said)), LONGEST_WAIT)
    until = _http_date(said)
    if until is None:
        return None
    return max(timedelta(0), min(until - (_http_date(headers.get("Date", "")) or now), LONGEST_WAIT))


async def words_of_reply(response: ClientResponse, secrets: Secrets, end: timedelta) -> str:
    """The first words of a reply, without tags and secrets, as far as they come at once."""
    heard = bytearray()
    try:
        async with asyncio.timeout(min(1.0, end.total_seconds() / 5)):
            async for piece in response.content.iter_any():
                heard += piece
                if len(heard) > 4 * WORDS:
                    break
    except (ClientError, OSError, ValueError):
        pass  # The status has said it already.
    return secrets.hide(_TAG.sub(" ", secrets.hide(heard.decode(errors="replace"))))[:WORDS].strip()


class _Resolver(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=at[0], port=at[1], family=kind, proto=protocol, flags=numeric)
            for kind, protocol, at in await addresses(host, port)
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None: ...


class _ShortResponse(ClientResponse):
    """A reply that is a fault when it is long: nobody fills our memory."""

    async def read(self) -> bytes:
        if self._body is None:
            heard = bytearray()
            async for piece in self.content.iter_any():
                heard += piece
                if len(heard) > LONGEST_REPLY:
                    self.close()
                    raise ClientPayloadError("longer than any answer")
            self._body = bytes(heard)
        return self._body


def _only_accepted(secrets: Secrets, end: timedelta) -> ClientMiddlewareType:
    async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        response = await handler(request)
        if 200 <= response.status < 300:
            return response
        with closing(response):
            words = await words_of_reply(response, secrets, end)
        # The only clock of ours is for a Retry-After as a date from a server that shows none.
        raise NotAccepted(refusal(response.status, response.headers, words, datetime.now(UTC)))

    return middleware


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, IndexError, OverflowError):
        return None
