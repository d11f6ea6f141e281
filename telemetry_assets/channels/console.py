"""The console channel: a block of text per message on the standard output of whoever dispatches.

What belongs here: writing it there. What does not: the text (``text.py``).
"""

import sys
from collections.abc import Mapping
from datetime import timedelta

from telemetry_assets.channels.aside import aside
from telemetry_assets.channels.attempt import NotAccepted, Secrets, again, attempted
from telemetry_assets.channels.fitting import fitted
from telemetry_assets.channels.text import block
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.message import Message


class Console:
    """Writes to ``sys.stdout`` as it is at that moment."""

    kind = "console"

    def __init__(self, name: str, end: timedelta) -> None:
        self.name = name
        self._end = end

    async def send(
        self, message: Message, refs: Mapping[str, str], *, event_id: str, attempt: int, accepted: tuple[str, ...]
    ) -> Receipt:
        """See :class:`telemetry_assets.channels.channel.Channel`."""
        text = block(fitted(message), event_id, attempt)
        return await attempted(self._end, Secrets(), lambda: aside(lambda: _write(text)))


def _write(text: str) -> Receipt:
    out = sys.stdout
    encoding = getattr(out, "encoding", None) or "utf-8"
    try:
        out.write(text.encode(encoding, "replace").decode(encoding))
        out.flush()
    except (OSError, ValueError) as fault:
        words = getattr(fault, "strerror", None) or "it is closed"
        raise NotAccepted(again(f"Standard output could not be written: {words}.")) from fault
    return Receipt(Outcome.ACCEPTED, receipt=f"{len(text)} characters")
