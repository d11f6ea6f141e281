"""The outbox as others use it, by its four tables.

What belongs here: nothing but names. ``incidents.apply`` writes messages, ``claims.py`` gives them out,
``deliveries.py`` records how it ended, ``backlog.py`` looks at what waits.
"""

from telemetry_assets.ledger.backlog import (
    Kept,
    Waiting,
    channels,
    died_on,
    messages_of,
    next_due,
    replay,
    waiting,
)
from telemetry_assets.ledger.claims import Claim, claim
from telemetry_assets.ledger.deliveries import Delivery, again, dead, deliveries_of, sent, sent_together

__all__ = [
    "Claim",
    "Delivery",
    "Kept",
    "Waiting",
    "again",
    "channels",
    "claim",
    "dead",
    "deliveries_of",
    "died_on",
    "messages_of",
    "next_due",
    "replay",
    "sent",
    "sent_together",
    "waiting",
]
