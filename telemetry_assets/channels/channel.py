"""What every channel is: a name, a kind, and one way to send.

What belongs here: the protocol, so that another kind is one more module. What does not: the kinds, opening one
(``opening.py``), trying again (``dispatch/``).
"""

from collections.abc import Mapping
from typing import Protocol

from telemetry_assets.incidents.delivery import Receipt
from telemetry_assets.incidents.message import Message


class Channel(Protocol):
    """Somewhere messages go. It holds no connection and no event loop between two messages."""

    @property
    def name(self) -> str:
        """Its name in telemetry.yaml."""
        ...

    @property
    def kind(self) -> str:
        """slack, email, webhook, file or console."""
        ...

    async def send(
        self, message: Message, refs: Mapping[str, str], *, event_id: str, attempt: int, accepted: tuple[str, ...]
    ) -> Receipt:
        """One attempt, over after the channel's time-out whatever the other side does, and how it ended.

        ``refs`` are those of the conversation's last receipt (empty: nothing was said yet), ``event_id`` the key with
        the installation's id in front, ``attempt`` 1, 2, …, ``accepted`` the recipients that have this message
        already. What the other side does wrong is in the receipt and never raised, and no secret is in it.
        """
        ...
