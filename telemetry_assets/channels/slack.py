"""The Slack channel: a bot that edits its first message and answers in its thread, or an incoming webhook.

What belongs here: which call says what, and what Slack's answers mean. What does not: blocks (``slack_blocks.py``).
"""

import json
import logging
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from telemetry_assets.channels import wire
from telemetry_assets.channels.attempt import NotAccepted, Secrets, again, attempted, dead, secrets_of_url
from telemetry_assets.channels.fitting import fitted
from telemetry_assets.channels.slack_blocks import blocks_of, fallback, reply_of
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.message import Message

AGAIN = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "service_unavailable", "fatal_error", "request_timeout"}
)
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
"""The first message cannot be changed or answered any more: say it anew."""
EDITING = frozenset({"acknowledged", "resolved", "reopened", "raised", "moved", "spread", "grew"})
"""Steps that change what the first message shows."""
LOUD = frozenset({"joined", "raised", "spread", "reminded", "escalated", "reopened", "undelivered"})
"""Steps that call for somebody: their answer in the thread is shown in the channel too."""
ENDING = frozenset({"acknowledged", "resolved"})
"""Steps after which nothing that happened before calls for anybody."""

# The SDK writes addresses with their secrets, and whole messages, to its log.
_MUTE = logging.getLogger("telemetry_assets.channels.slack_sdk")
_MUTE.setLevel(logging.CRITICAL + 1)


class SlackBot:
    """Posts as a bot, by chat.postMessage and chat.update."""

    kind = "slack"

    def __init__(self, name: str, token: str, channel: str, api: str, end: timedelta, trust: ssl.SSLContext) -> None:
        self.name = name
        self._token, self._channel, self._end, self._trust = token, channel, end, trust
        self._api = api.rstrip("/") + "/"
        self._secrets = Secrets(token)

    async def send(
        self, message: Message, refs: Mapping[str, str], *, event_id: str, attempt: int, accepted: tuple[str, ...]
    ) -> Receipt:
        """See :class:`telemetry_assets.channels.channel.Channel`. ``refs`` are ``ts`` and ``channel`` of the first
        message, and ``to``: the channel as it was declared then."""
        return await attempted(
            self._end, self._secrets, lambda: self._send(fitted(message), refs, event_id), wire.FAULTS
        )

    async def _send(self, message: Message, refs: Mapping[str, str], event_id: str) -> Receipt:
        async with wire.opened(self._secrets, self._end, self._trust, _only_objects) as session:
            client = AsyncWebClient(
                self._token, self._api, ssl=self._trust, session=session, logger=_MUTE, retry_handlers=[]
            )
            client.proxy = wire.proxy_of(self._api)
            if refs.get("ts") and refs.get("to") == self._channel:
                try:
                    return await self._follow(client, message, refs, event_id)
                except SlackApiError as refused:
                    if _error(refused) not in GONE:
                        raise NotAccepted(_receipt(refused)) from refused
            try:
                return await self._first(client, message, event_id)
            except SlackApiError as refused:
                raise NotAccepted(_receipt(refused)) from refused

    async def _first(self, client: AsyncWebClient, message: Message, event_id: str) -> Receipt:
        said = await client.api_call(
            "chat.postMessage", json={"channel": self._channel, **_content(message, blocks_of(message, event_id))}
        )
        ts, place = said.get("ts"), said.get("channel")
        if not (isinstance(ts, str) and isinstance(place, str)):
            raise NotAccepted(again("Slack answered ok, and not which message it is."))
        refs = {"ts": ts, "channel": place, "to": self._channel}
        return Receipt(Outcome.ACCEPTED, receipt=f"{place} {ts}", refs=MappingProxyType(refs))

    async def _follow(
        self, client: AsyncWebClient, message: Message, refs: Mapping[str, str], event_id: str
    ) -> Receipt:
        """The edit first: done twice it does no harm, an answer would be there twice."""
        place, ts = refs["channel"], refs["ts"]
        if message.step in EDITING or message.history:
            edited = _content(message, blocks_of(message, event_id))
            await client.api_call("chat.update", json={"channel": place, "ts": ts, **edited})
        if message.step == "grew" and not message.history:
            return Receipt(Outcome.ACCEPTED, receipt=f"{place} {ts} edited", refs=refs)
        # What happened before and could not be told yet is told by this message.
        loud = message.step in LOUD or (bool(message.history) and message.step not in ENDING)
        answer = {"thread_ts": ts, "reply_broadcast": loud}
        said = await client.api_call(
            "chat.postMessage", json={"channel": place, **answer, **_content(message, reply_of(message, event_id))}
        )
        return Receipt(Outcome.ACCEPTED, receipt=f"{place} {said.get('ts')}", refs=refs)


class SlackWebhook:
    """Posts through an incoming webhook: each message stands for itself."""

    kind = "slack"

    def __init__(self, name: str, url: str, end: timedelta, trust: ssl.SSLContext) -> None:
        self.name = name
        self._url, self._end, self._trust = url, end, trust
        self._secrets = Secrets(*secrets_of_url(url))

    async def send(
        self, message: Message, refs: Mapping[str, str], *, event_id: str, attempt: int, accepted: tuple[str, ...]
    ) -> Receipt:
        """See :class:`telemetry_assets.channels.channel.Channel`."""
        return await attempted(self._end, self._secrets, lambda: self._post(fitted(message), event_id), wire.FAULTS)

    async def _post(self, message: Message, event_id: str) -> Receipt:
        async with wire.opened(self._secrets, self._end, self._trust) as session:
            client = AsyncWebhookClient(self._url, ssl=self._trust, session=session, logger=_MUTE, retry_handlers=[])
            client.proxy = wire.proxy_of(self._url)
            said = await client.send_dict(_content(message, blocks_of(message, event_id)))
        if said.body.strip() != "ok":
            return again(f"It answered {said.status_code} without Slack's ok: {said.body}")
        return Receipt(Outcome.ACCEPTED, receipt="ok")


def _content(message: Message, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """What every way of posting has: nothing is unfurled, and nothing in the text is read as markup."""
    quiet = {"mrkdwn": False, "link_names": False, "unfurl_links": False, "unfurl_media": False}
    return {"text": fallback(message), "blocks": blocks, **quiet}


async def _only_objects(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """An answer of Slack's is a JSON object that says ok; the SDK takes for granted that others never answer."""
    response = await handler(request)
    with ExitStack() as undo:
        undo.callback(response.close)
        try:
            said = json.loads(await response.read())
        except (ValueError, RecursionError):
            said = None
        good = isinstance(said, dict) and isinstance(cast(dict[str, Any], said).get("ok"), bool)
        if not good or response.content_type != "application/json":
            raise NotAccepted(again(f"It answered {response.status}, and not as Slack does."))
        undo.pop_all()
    return response


def _error(refused: SlackApiError) -> str:
    said = getattr(refused.response, "data", None)
    return str(cast(dict[str, Any], said).get("error") or "") if isinstance(said, dict) else ""


def _receipt(refused: SlackApiError) -> Receipt:
    """What an answer with ``ok: false`` means."""
    error = _error(refused)
    reason = f"Slack answered: {error or 'not ok'}."
    if error in AGAIN or not error:
        return again(reason, wire.retry_after(refused.response.headers, datetime.now(UTC)))
    return dead(reason)
