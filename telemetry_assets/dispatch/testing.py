"""Does a channel work? By opening it, and by a message that is marked as a test, sent here and now, past the outbox.

What belongs here: asking each channel. What does not: the words of the test (``incidents/wording.py``), fire drills
(``drills.py``), which go the whole way.
"""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from telemetry_assets.dispatch.attempt import send
from telemetry_assets.dispatch.routing import require_channel
from telemetry_assets.errors import ConfigError
from telemetry_assets.incidents.delivery import Receipt
from telemetry_assets.incidents.wording import test_message
from telemetry_assets.settings import ChannelSettings, SecretRef, Settings


def send_test(settings: Settings, channel_name: str, now: datetime | None = None) -> Receipt:
    """Send a test to a channel, once, and say how it ended.

    Raises UsageError for a channel that telemetry.yaml does not have, ConfigError for one that cannot be opened.
    """
    from telemetry_assets.channels.opening import open_channel

    declared = require_channel(settings, channel_name)
    channel = open_channel(declared, settings.home)
    message = test_message(channel_name, now or datetime.now(UTC))
    return asyncio.run(send(channel, declared, message, event_id=f"test.{uuid4()}"))


def require_usable(settings: Settings) -> None:
    """Open every channel whose secrets are there, and send nothing.

    Raises ConfigError for the first that cannot be opened or has nowhere to write, and for a dead-man URL that is none.
    """
    from telemetry_assets.channels.opening import is_url, open_channel

    for declared in [*settings.channels.values(), *([settings.fallback] if settings.fallback else [])]:
        if all(ref.is_set for ref in declared.options.values() if isinstance(ref, SecretRef)):
            open_channel(declared, settings.home)
        if declared.kind == "file":
            _require_place(declared, settings)
    if settings.deadman and not is_url(settings.deadman.reveal()):
        raise ConfigError("TELEMETRY_DEADMAN_URL is not an http(s) URL.", "Mend it, or unset it.")


def _require_place(declared: ChannelSettings, settings: Settings) -> None:
    path = settings.home / str(declared.options["path"])
    if path.is_dir():
        raise ConfigError(f"channels.{declared.name}.path is a folder: {path}.", "Name a file in it.")
    if not path.parent.is_dir():
        raise ConfigError(
            f"channels.{declared.name}.path has no folder {path.parent}.", "Make it: it is not made for you."
        )
