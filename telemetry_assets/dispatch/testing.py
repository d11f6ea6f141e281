"""A message that is marked as a test, sent to one channel here and now, past the outbox: does the channel work?

What belongs here: that one message. What does not: its words (``incidents/wording.py``), fire drills (``drills.py``),
which go the whole way.
"""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from telemetry_assets.dispatch.attempt import send
from telemetry_assets.dispatch.routing import require_channel
from telemetry_assets.incidents.delivery import Receipt
from telemetry_assets.incidents.wording import test_message
from telemetry_assets.settings import Settings


def send_test(settings: Settings, channel_name: str, now: datetime | None = None) -> Receipt:
    """Send a test to a channel, once, and say how it ended.

    Raises UsageError for a channel that telemetry.yaml does not have, ConfigError for one that cannot be opened.
    """
    from telemetry_assets.channels.opening import open_channel

    declared = require_channel(settings, channel_name)
    channel = open_channel(declared, settings.home)
    message = test_message(channel_name, now or datetime.now(UTC))
    return asyncio.run(send(channel, declared, message, event_id=f"test.{uuid4()}"))
