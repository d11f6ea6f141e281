"""One attempt to send, whatever the other side does: its hard end, and its faults as receipts without a secret.

What belongs here: time-outs, from an exception to words and an outcome, hiding secrets. What does not: what a status
code means (``wire.py`` for HTTP, ``smtp.py`` for mail).
"""

import asyncio
import base64
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote, urlsplit

from telemetry_assets.channels.fitting import one_line
from telemetry_assets.incidents.delivery import Outcome, Receipt

HIDDEN = "…"
WORDS = 300


class NotAccepted(Exception):
    """The other side said no, or nothing that is an answer. ``receipt`` is how the attempt ended."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.reason)
        self.receipt = receipt


def again(reason: str, retry_after: timedelta | None = None) -> Receipt:
    """To be tried again."""
    return Receipt(Outcome.AGAIN, reason, retry_after=retry_after)


def dead(reason: str) -> Receipt:
    """Never to be tried again."""
    return Receipt(Outcome.DEAD, reason)


class Secrets:
    """What must be in no word that leaves a channel. Never printed itself."""

    def __init__(self, *secrets: str | None) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def __repr__(self) -> str:
        return "Secrets()"

    def hide(self, text: str) -> str:
        """The text with each of them as ``…``."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def words(self, text: str, limit: int = WORDS) -> str:
        """Somebody else's words on one line, cut and without a secret."""
        # Hidden before it is cut, so that no half is left over, and after it is cleaned, so that none appears.
        return cut_words(self.hide(one_line(self.hide(text[: limit * 20]), limit * 20)), limit)


def cut_words(text: str, limit: int) -> str:
    """The first ``limit`` characters on one line."""
    return one_line(text, limit)


def secrets_of_url(url: str) -> tuple[str, ...]:
    """What is secret in the address of a webhook: all of it after the host, each longer part of it, a password."""
    parts = urlsplit(url)
    pieces = [piece for piece in (*parts.path.split("/"), *parts.query.replace("=", "&").split("&")) if len(piece) > 7]
    rest = url.split("://", 1)[-1].partition("/")[2]
    return tuple(piece for piece in (url, rest, parts.query, parts.password or "", *pieces) if piece)


async def attempted(end: timedelta, secrets: Secrets, attempt: Callable[[], Awaitable[Receipt]]) -> Receipt:
    """How ``attempt`` ended, after ``end`` at the latest. Raises only what is a fault of ours, or a cancellation."""
    # Loaded here, where something is sent, and not where somebody only asks about channels.
    from aiohttp import ClientError
    from aiosmtplib import SMTPException
    from slack_sdk.errors import SlackClientError

    began = time.monotonic()
    try:
        async with asyncio.timeout(end.total_seconds()):
            receipt = await attempt()
    except NotAccepted as refused:
        receipt = refused.receipt
    except TimeoutError:
        receipt = again(f"No answer within {end.total_seconds():g} s.")
    except (OSError, ClientError, SMTPException, SlackClientError, ValueError, EOFError) as fault:
        receipt = again(words_of(fault))
    hidden = {"reason": secrets.words(receipt.reason), "receipt": secrets.words(receipt.receipt)}
    return replace(receipt, **hidden, took=timedelta(seconds=time.monotonic() - began))


def words_of(fault: BaseException) -> str:
    """What went wrong, for a person. Texts of libraries are not repeated: they may hold an address with its secrets."""
    for cause in _causes(fault):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS failed: the certificate is not good ({cause.verify_message})."
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed ({cause.reason or 'no handshake'})."
        if isinstance(cause, socket.gaierror):
            return f"The name of the host was not found ({cause.strerror})."
        if isinstance(cause, TimeoutError):
            return "No answer in time."
        if isinstance(cause, OSError) and cause.strerror:
            return f"No connection ({one_line(str(cause.strerror), 200)})."
    return "The connection ended before an answer, or the answer was none."


def _causes(fault: BaseException) -> Iterable[BaseException]:
    """The fault, and what it was made from: libraries keep the true one in an attribute or as the cause."""
    seen: list[BaseException] = []
    queue = [fault]
    while queue:
        one = queue.pop(0)
        if one in seen:
            continue
        seen.append(one)
        kept = (getattr(one, "os_error", None), getattr(one, "certificate_error", None), one.__cause__, one.__context__)
        queue.extend(cause for cause in kept if isinstance(cause, BaseException))
    # The more exact words first: an SSLError inside tells more than the OSError around it.
    return sorted(seen, key=lambda cause: not isinstance(cause, ssl.SSLError | socket.gaierror))


def _forms(secret: str) -> tuple[str, ...]:
    return (secret, quote(secret, safe=""), quote(secret), base64.b64encode(secret.encode()).decode())
