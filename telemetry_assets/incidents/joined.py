"""Several waiting messages of one conversation as one that tells the truth of now, and what happened before it.

What belongs here: joining. What does not: which messages wait (``ledger/outbox.py``).
"""

from collections.abc import Sequence
from dataclasses import replace

from telemetry_assets.incidents.incident import Phase, Step
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.texts import clock, one_line
from telemetry_assets.incidents.wording import HEADLINE_CUT

HISTORY_SHOWN = 20
_BEGINNINGS = frozenset({Step.OPENED, Step.REOPENED})


def joined(messages: Sequence[Message]) -> Message:
    """The newest of several messages of an incident to a channel, under its key, with the earlier ones as its history.

    What began and ended while it waited says both in its headline. Notes and owners of all stay. One message stays as
    it is. Raises ValueError without any.
    """
    if not messages:
        raise ValueError("There is no message to join.")
    *earlier, newest = sorted(messages, key=lambda message: message.seq)
    if not earlier:
        return newest
    told = {(one.at, one.headline) for one in earlier} | {line for one in messages for line in one.history}
    return replace(
        newest,
        headline=_headline(earlier, newest),
        history=tuple(sorted(told))[-HISTORY_SHOWN:],
        owners=tuple(dict.fromkeys(owner for one in (newest, *earlier) for owner in one.owners)),
        notes=tuple(dict.fromkeys(note for one in (*earlier, newest) for note in one.notes)),
    )


def _headline(earlier: Sequence[Message], newest: Message) -> str:
    began = next((one for one in reversed(earlier) if one.step in _BEGINNINGS), None)
    if began is None or newest.phase != Phase.RESOLVED:
        return newest.headline
    again = "opened" if began.step == Step.OPENED else "was back"
    late = f"Told late, it {again} at {clock(began.at, newest.at)}: "
    return one_line(late + newest.headline, HEADLINE_CUT)
