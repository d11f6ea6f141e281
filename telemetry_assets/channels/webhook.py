"""The webhook channel: a signed POST of JSON, as schemas/api/message.schema.json describes it.

What belongs here: the request and its signature. What does not: the body's parts (``body.py``), statuses (``wire.py``).
"""

import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from telemetry_assets.channels import wire
from telemetry_assets.channels.attempt import Secrets, attempted, secrets_of_url
from telemetry_assets.channels.body import body_of
from telemetry_assets.channels.fitting import fitted
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.message import Message

EVENT_ID = "X-Telemetry-Event-Id"
ATTEMPT = "X-Telemetry-Attempt"
SIGNATURE = "X-Telemetry-Signature"


class Webhook:
    """POSTs each message to one URL. Redirects are not followed; any 2xx is an acceptance."""

    kind = "webhook"

    def __init__(
        self,
        name: str,
        url: str,
        secret: str | None,
        end: timedelta,
        trust: ssl.SSLContext,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._url, self._secret, self._end, self._trust, self._now = url, secret, end, trust, now
        self._secrets = Secrets(*secrets_of_url(url), secret)

    async def send(
        self, message: Message, refs: Mapping[str, str], *, event_id: str, attempt: int, accepted: tuple[str, ...]
    ) -> Receipt:
        """See :class:`telemetry_assets.channels.channel.Channel`."""
        body = json.dumps(body_of(fitted(message), event_id, attempt), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", EVENT_ID: event_id, ATTEMPT: str(attempt)}
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, int(self._now().timestamp()), body)
        return await attempted(self._end, self._secrets, lambda: self._post(body, headers), wire.FAULTS)

    async def _post(self, body: bytes, headers: dict[str, str]) -> Receipt:
        async with (
            wire.opened(self._secrets, self._end, self._trust) as session,
            session.post(
                self._url, data=body, headers=headers, allow_redirects=False, proxy=wire.proxy_of(self._url)
            ) as response,
        ):
            words = await wire.words_of_reply(response, self._secrets, self._end)
            return Receipt(Outcome.ACCEPTED, receipt=f"{response.status} {words}".strip())


def signature(secret: str, at: int, body: bytes) -> str:
    """``t=UNIX,v1=HEX``: HMAC-SHA256 of ``UNIX.BODY`` with the secret."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
