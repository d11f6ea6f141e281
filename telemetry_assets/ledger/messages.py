"""A message as the jsonb of the outbox holds it.

What belongs here: reading one, whatever is in it. What does not: its parts (``incidents/message.py``).
"""

from collections.abc import Mapping
from typing import Any

from telemetry_assets.incidents.message import Message, message_of
from telemetry_assets.incidents.trouble import Severity
from telemetry_assets.ledger.values import EARLIEST


def read_message(incident: int, seq: int, channel: str, stored: Mapping[str, Any]) -> Message:
    """The message that was written; where this version cannot read it, one that says so: it goes out nevertheless."""
    try:
        return message_of(stored)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return Message(
            incident=incident,
            seq=seq,
            channel=channel,
            step=str(stored.get("step", "")),
            at=EARLIEST,
            phase=str(stored.get("phase", "")),
            severity=Severity.ERROR,
            kind=str(stored.get("kind", "")),
            where=str(stored.get("where", "")),
            headline=str(stored.get("headline") or f"Incident {incident}"),
            says=str(stored.get("says", "")),
            remedy=f"Read it with `telemetry incidents show {incident}`.",
            notes=(f"this version cannot read the message as it was written: {error!r}",),
        )
