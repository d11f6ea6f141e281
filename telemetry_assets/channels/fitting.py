"""A message as it may leave the house: no characters that act on a reader, nothing longer than anybody reads.

What belongs here: cleaning and cutting texts, whatever the channel. What does not: what only one channel forbids.
"""

import re
from dataclasses import replace
from urllib.parse import quote, urlsplit

from telemetry_assets.incidents.message import Message

LINE = 300
HEADLINE = 600
TEXT = 3_000
URL = 2_000
FEW = 10
MANY = 50

# Sequences that steer a terminal; then single controls, marks that turn text round or hide it, and half a character.
_STEERING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_HALF = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The text without what acts on a reader: terminal sequences, control and direction characters. Lines stay."""
    text = _STEERING.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("\u2028", "\n").replace("\u2029", "\n").replace("\x85", "\n")
    return _HALF.sub("\ufffd", _ACTING.sub("", text))


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters; what was cut ends in ``…``."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def one_line(text: str, limit: int = LINE) -> str:
    """The text on one line, cleaned and cut."""
    return cut(" ".join(clean(text[: limit * 20]).split()), limit)


def lines(text: str, limit: int = TEXT) -> str:
    """The text cleaned and cut, with its lines."""
    return cut(clean(text[: limit * 20]).strip(), limit)


def link(url: str) -> str:
    """The URL where it is one of http(s) that a browser may follow, with every odd character quoted; else nothing."""
    url = one_line(url, URL + 1)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= URL
    except ValueError:
        good = False
    return quote(url, safe=":/?#[]@!$&()*+,;=%-._~") if good else ""


def fitted(message: Message) -> Message:
    """The message with every text cleaned and cut, and of every list the first few (of what happened, the last)."""
    return replace(
        message,
        where=one_line(message.where),
        headline=one_line(message.headline, HEADLINE),
        says=lines(message.says),
        remedy=lines(message.remedy),
        quote=lines(message.quote),
        owners=_few(message.owners),
        facts=tuple((one_line(label, 80), one_line(value)) for label, value in message.facts[:FEW]),
        evidence=_few(message.evidence, FEW),
        links=tuple((one_line(label, 80) or good, good) for label, url in message.links[:FEW] if (good := link(url))),
        history=tuple((at, one_line(words)) for at, words in message.history[-MANY:]),
        assets=_few(message.assets),
        tenants=_few(message.tenants),
        notes=_few(message.notes, FEW),
    )


def _few(texts: tuple[str, ...], most: int = MANY) -> tuple[str, ...]:
    return tuple(one_line(text) for text in texts[:most])
