"""How one attempt to deliver a message ended.

What belongs here: the outcome as a value, and when to try again. What does not: attempting it (``channels/``), writing
it down (``ledger/outbox.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Outcome(StrEnum):
    """What becomes of the message after an attempt."""

    ACCEPTED = "accepted"
    AGAIN = "again"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The end of one attempt. ``reason`` says why it was not accepted, without any secret.

    ``refs`` is what the other side calls the message (kept for edits and threads), ``receipt`` its answer for people,
    ``retry_after`` what it asked for. ``accepted`` are the recipients, of several, that have the message by now;
    ``refused`` those that never will (the others may).
    """

    outcome: Outcome
    reason: str = ""
    receipt: str = ""
    refs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    retry_after: timedelta | None = None
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    took: timedelta = timedelta(0)
