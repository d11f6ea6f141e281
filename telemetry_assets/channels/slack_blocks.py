"""A message as Block Kit: plain text wherever somebody else's words stand, and Slack's limits kept.

What belongs here: blocks, and the escaping of Slack's markup. What does not: sending them (``slack.py``).
"""

import re
from dataclasses import replace
from typing import Any

from telemetry_assets.channels.fitting import cut
from telemetry_assets.channels.text import instant, plain, quoted, title, told
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.trouble import Severity

HEADER = 150
SECTION = 3_000
FIELDS = 10
BLOCK_ID = 255
"""Slack's own limits. Its limit for all blocks together is not told: the parts below stay well under 15,000."""
FALLBACK = 3_000
SAYS = 2_500
PART = 1_200
FACT = 500
EVENTS = 8

_JOINER = "\u2060"
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MARKUP = re.compile(r"[*_~`@]|#(?=[^\W\d])|:(?=[^\W\d][\w+'-]*:|[+-]1:|//)|(?i:www)(?=\.)")

type Block = dict[str, Any]


def escaped(text: str, limit: int) -> str:
    """The text for a text object of type plain_text, at most ``limit`` long when escaped: ``& < >`` as entities."""
    whole = text.translate(_ENTITIES)
    if _length(whole) <= limit:
        return whole
    kept: list[str] = []
    room = limit - 1
    for char in text[:limit]:
        piece = char.translate(_ENTITIES)
        room -= _length(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def inert(text: str, limit: int) -> str:
    """The text for where Slack (or a server like it) reads markup: escaped, and with an invisible joiner after
    whatever could start formatting, a mention, an emoji or a link."""
    return escaped(_MARKUP.sub(lambda found: found[0] + _JOINER, text[: 2 * limit]), limit)


def fallback(message: Message) -> str:
    """All of the message as text: for notifications, and for servers that know no blocks. Its links can be followed."""
    links = "".join(f"\n{inert(label, 100)}: {url.translate(_ENTITIES)}" for label, url in message.links[:3])
    return inert(plain(replace(message, links=())), FALLBACK) + links


def blocks_of(message: Message, event_id: str) -> list[Block]:
    """The whole message. The first block's id is the event id."""
    remedy = f"\n\nWhat to do: {message.remedy}" if message.remedy else ""
    return [
        {
            "type": "header",
            "block_id": event_id[:BLOCK_ID],
            "text": _plain(f"{_light(message)} {title(message)}", HEADER),
        },
        *_section(f"{message.says}{remedy}", SAYS),
        *_section(f"It said: {quote}" if (quote := quoted(message)) else "", PART),
        *_fields(message.facts),
        *_section(_listed("Also", message.evidence), PART),
        *_before(message),
        *_links(message),
        *_context(message),
    ]


def reply_of(message: Message, event_id: str) -> list[Block]:
    """What a later step adds, for the thread: the rest stands in the first message."""
    return [
        {
            "type": "section",
            "block_id": event_id[:BLOCK_ID],
            "text": _plain(f"{_light(message)} {title(message)}\n{message.says}".strip(), SAYS),
        },
        *_fields(message.facts),
        *_before(message),
        *_context(message),
    ]


def _light(message: Message) -> str:
    if message.phase == "resolved":
        return "🟢"
    if message.phase == "acknowledged":
        return "🔵"
    return "🔴" if message.severity is Severity.ERROR else "🟠"


def _section(text: str, limit: int) -> list[Block]:
    return [{"type": "section", "text": _plain(text, limit)}] if text.strip() else []


def _fields(pairs: tuple[tuple[str, str], ...]) -> list[Block]:
    fields = [_plain(f"{label}\n{value}", FACT) for label, value in pairs]
    return [{"type": "section", "fields": fields[at : at + FIELDS]} for at in range(0, len(fields), FIELDS)]


def _before(message: Message) -> list[Block]:
    happened = tuple(cut(f"{instant(at)}  {words}", 140) for at, words in message.history[-EVENTS:])
    return _section(_listed("Before", happened), PART)


def _links(message: Message) -> list[Block]:
    """The one place with markup: URLs come quoted, so nothing in them ends the link."""
    links: list[str] = []
    for label, url in message.links:
        text = f"<{url.translate(_ENTITIES)}|{inert(label, 100).replace('|', ' ')}>"
        if sum(map(len, links)) + len(text) + 5 * len(links) <= SECTION:
            links.append(text)
    if not links:
        return []
    return [{"type": "section", "text": {"type": "mrkdwn", "text": " · ".join(links), "verbatim": True}}]


def _context(message: Message) -> list[Block]:
    notes = "".join(f"\n{note}" for note in message.notes)
    return [{"type": "context", "elements": [_plain(f"{told(message)}{notes}", PART)]}]


def _listed(heading: str, items: tuple[str, ...]) -> str:
    return "\n".join((f"{heading}:", *(f"• {item}" for item in items))) if items else ""


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}


def _length(text: str) -> int:
    """As Slack may count: in UTF-16."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)
