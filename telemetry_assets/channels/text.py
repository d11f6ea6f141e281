"""A message as plain text: what file, console, the text of a mail and Slack's fallback share.

What belongs here: the order of the parts and their few words. What does not: escaping for one channel.
"""

from collections.abc import Iterator
from datetime import datetime

from telemetry_assets.incidents.message import Message

RULE = "─" * 60


def mark(message: Message) -> str:
    """What must stand before everything else of what is not real, with a space at its end; else nothing."""
    return ("[TEST] " if message.test else "") + ("[FIRE DRILL] " if message.drill else "")


def title(message: Message) -> str:
    """One line: ``RESOLVED #12: …``; while it is not resolved, its severity stands there. What is not real has neither:
    ``[FIRE DRILL] #12: …``."""
    if message.test:
        return f"{mark(message)}{message.headline}"
    if message.drill:
        return f"{mark(message)}#{message.incident}: {message.headline}"
    word = "RESOLVED" if message.phase == "resolved" else message.severity.value
    return f"{mark(message)}{word} #{message.incident}: {message.headline}"


def told(message: Message) -> str:
    """One line: the step, when, and who it is for."""
    owners = f" · for {', '.join(message.owners)}" if message.owners else ""
    return f"{message.step} {instant(message.at)}{owners}"


def quoted(message: Message) -> str:
    """What somebody else's error said, where that does not stand in the message already."""
    said = " ".join(message.quote.split())
    return "" if said in " ".join(message.says.split()) else message.quote


def instant(at: datetime) -> str:
    """``2026-11-20 09:30:05 UTC``."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def plain(message: Message) -> str:
    """The whole message, ready :func:`~telemetry_assets.channels.fitting.fitted`. Ends without a new line.

    Whatever others wrote is indented, so that it cannot pass for a line of ours.
    """
    return "\n".join(_plain(message))


def block(message: Message, event_id: str, attempt: int) -> str:
    """The message as one block of a log, with its event id, between two rules."""
    again = f" (attempt {attempt})" if attempt > 1 else ""
    return f"{RULE}\n{plain(message)}\nevent {event_id}{again}\n"


def _plain(message: Message) -> Iterator[str]:
    yield title(message)
    yield told(message)
    yield from _indented(message.says)
    if quote := quoted(message):
        yield "It said:"
        yield from _indented(quote)
    if message.remedy:
        yield "What to do:"
        yield from _indented(message.remedy)
    yield from (f"{label}: {value}" for label, value in message.facts)
    yield from _listed("Also:", message.evidence)
    yield from _listed("Before:", tuple(f"{instant(at)}  {words}" for at, words in message.history))
    yield from _listed("Links:", tuple(f"{label}: {url}" for label, url in message.links))
    yield from _listed("Of this message:", message.notes)


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in text.splitlines())


def _listed(heading: str, items: tuple[str, ...]) -> Iterator[str]:
    if items:
        yield heading
        yield from (f"  - {item}" for item in items)
