"""One attempt to deliver: a message, its channel, a receipt. However it ends, it ends, and says how.

What belongs here: opening channels, the hard end of an attempt. What does not: what a channel does (``channels/``),
claims and receipts in the ledger (``drain.py``).
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from telemetry_assets.channels.channel import Channel
from telemetry_assets.errors import TelemetryError
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.joined import joined
from telemetry_assets.incidents.message import Message
from telemetry_assets.ledger.outbox import Claim
from telemetry_assets.settings import ChannelSettings

GRACE = timedelta(seconds=2)
"""How much longer than its own time-out a channel may take before it is cut off."""


class Sender:
    """The channels of the settings, each opened when its first message comes and kept."""

    def __init__(self, channels: Mapping[str, ChannelSettings], home: Path, say: Callable[[str], None]) -> None:
        self._declared = channels
        self._home = home
        self._say = say
        self._open: dict[str, Channel] = {}

    async def send(self, claim: Claim, event_id: str) -> Receipt:
        """How one attempt ended, what waits in the conversation being one message. What cannot be opened is tried
        again, and what breaks is, and said."""
        try:
            declared = self._declared[claim.channel]
            channel = self._open.get(claim.channel) or await asyncio.to_thread(self._opened, declared)
            message, attempt = joined(claim.messages), claim.tries + 1
            return await send(
                channel, declared, message, claim.refs, event_id=event_id, attempt=attempt, accepted=claim.accepted
            )
        except TelemetryError as error:
            return Receipt(Outcome.AGAIN, str(error))
        except Exception as error:
            # A bug in one channel's formatting must stop neither the other messages nor this one for good.
            self._say(f"{claim.channel}: {traceback.format_exc()}")
            return Receipt(Outcome.AGAIN, f"{type(error).__name__} while sending; the log has the rest")

    def _opened(self, declared: ChannelSettings) -> Channel:
        # In a thread, and only now: a channel's libraries take half a second to load.
        from telemetry_assets.channels.opening import open_channel

        channel = self._open[declared.name] = open_channel(declared, self._home)
        return channel


async def send(
    channel: Channel,
    declared: ChannelSettings,
    message: Message,
    refs: Mapping[str, str] | None = None,
    *,
    event_id: str,
    attempt: int = 1,
    accepted: tuple[str, ...] = (),
) -> Receipt:
    """One attempt of an open channel, with its hard end a little beyond the channel's own time-out."""
    began = time.perf_counter()
    limit = declared.timeout + GRACE
    try:
        async with asyncio.timeout(limit.total_seconds()):
            receipt = await channel.send(message, refs or {}, event_id=event_id, attempt=attempt, accepted=accepted)
    except TimeoutError:
        receipt = Receipt(Outcome.AGAIN, f"no answer within {limit.total_seconds():g} s")
    return replace(receipt, took=timedelta(seconds=time.perf_counter() - began))
