"""One attempt to send, whatever the other side does: its hard end, and its faults as receipts without a secret.

What belongs here: time-outs, from an exception to words and an outcome, hiding secrets. What does not: what a status
code means (``wire.py`` for HTTP, ``smtp.py`` for mail).
"""

import asyncio
import base64
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from telemetry_assets.channels.fitting import one_line
from telemetry_assets.incidents.delivery import Outcome, Receipt

HIDDEN = "…"
WORDS = 300
NO_FAULTS: Mapping[type[Exception], str] = MappingProxyType({})


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
        return one_line(self.hide(one_line(self.hide(text[: limit * 20]), limit * 20)), limit)


def secrets_of_url(url: str) -> tuple[str, ...]:
    """What is secret in the address of a webhook: all of it after the host, each longer part of it, a password."""
    parts = urlsplit(url)
    pieces = [piece for piece in (*parts.path.split("/"), *parts.query.replace("=", "&").split("&")) if len(piece) > 7]
    rest = url.split("://", 1)[-1].partition("/")[2]
    return tuple(piece for piece in (url, rest, parts.query, parts.password or "", *pieces) if piece)


async def attempted(
    end: timedelta,
    secrets: Secrets,
    attempt: Callable[[], Awaitable[Receipt]],
    faults: Mapping[type[Exception], str] = NO_FAULTS,
) -> Receipt:
    """How ``attempt`` ended, after ``end`` at the latest. Raises only what is a fault of ours, or a cancellation.

    ``faults`` are the exceptions of a library that are the other side's doing, the most exact first, with their words.
    """
    began = time.monotonic()
    try:
        async with asyncio.timeout(end.total_seconds()):
            receipt = await attempt()
    except NotAccepted as refused:
        receipt = refused.receipt
    except TimeoutError:
        receipt = again(f"No answer within {end.total_seconds():g} s.")
    except (OSError, ValueError, *faults) as fault:
        receipt = again(words_of(fault, faults))
    hidden = {"reason": secrets.words(receipt.reason), "receipt": secrets.words(receipt.receipt)}
    return replace(receipt, **hidden, took=timedelta(seconds=time.monotonic() - began))


def words_of(fault: BaseException, faults: Mapping[type[Exception], str] = NO_FAULTS) -> str:
    """What went wrong, for a person. Texts of libraries are not repeated: they may hold an address with its secrets."""
    causes = _causes(fault)
    exact = next(filter(None, map(_exact, causes)), "")
    if exact or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return exact or "TLS failed."
    system = next((cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno), None)
    if system:
        return f"No connection ({os.strerror(system)})."
    return next((words for kind, words in faults.items() if isinstance(fault, kind)), "The answer was none.")


def _exact(cause: BaseException) -> str:
    """Words for what says more than that there is no connection. A library's own kind of it may lack the attributes."""
    if isinstance(cause, ssl.SSLCertVerificationError) and (words := getattr(cause, "verify_message", "")):
        return f"TLS failed: the certificate is not good ({words})."
    if isinstance(cause, ssl.SSLError) and (words := getattr(cause, "reason", "")):
        return f"TLS failed ({words})."
    if isinstance(cause, socket.gaierror):
        return f"The name of the host was not found ({cause.strerror})."
    return "No answer in time." if isinstance(cause, TimeoutError) else ""


def _causes(fault: BaseException) -> list[BaseException]:
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
    return seen


def _forms(secret: str) -> tuple[str, ...]:
    return (secret, quote(secret, safe=""), quote(secret), base64.b64encode(secret.encode()).decode())
