"""Where in a JSON text something stands: its tokens with offset, JSON Pointer and depth; an offset as line and column.

What belongs here: a slow walk, done once something is known to be wrong. What does not: parsing (``reading.py``).
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+|"')

_SHOWN = 200
"""How many steps a pointer has at most: a text may be deeper than anybody reads."""


class Token(NamedTuple):
    """One token. ``pointer`` is of the value that it begins, of the value that a key names, or of what holds it."""

    offset: int
    text: str
    pointer: tuple[str | int, ...]
    depth: int
    key: bool


@dataclass(slots=True)
class _Holder:
    is_object: bool
    step: str | int = 0
    at_key: bool = True
    count: int = field(default=0)


def tokens(text: str) -> Iterator[Token]:
    """Every token of a JSON text, as far as it is one; never raises. Linear in the text, at about 1 µs a token."""
    holders: list[_Holder] = []
    for match in _TOKEN.finditer(text):
        word, inner = match.group(), holders[-1] if holders else None
        if word in "]}" and holders:
            holders.pop()
        elif word == "," and inner:
            inner.count += 1
            inner.at_key = True
            inner.step = inner.step if inner.is_object else inner.count
        elif word == ":" and inner:
            inner.at_key = False
        is_key = bool(inner and inner.is_object and inner.at_key and word[0] == '"')
        if inner and is_key:
            inner.step = unescaped(word)
        yield Token(match.start(), word, tuple(holder.step for holder in holders[:_SHOWN]), len(holders), is_key)
        if word in "[{":
            holders.append(_Holder(is_object=word == "{"))


def unescaped(token: str) -> str:
    """The text that a string token stands for; the token itself where it is not a whole string."""
    try:
        return json.loads(token, strict=False)
    except ValueError:
        return token


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both count from 1, as editors do."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def steps_of(pointer: str) -> tuple[str, ...]:
    """The keys of a JSON Pointer, indexes as text; none for the whole document. The other way is :func:`pointer_of`."""
    return tuple([step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]])


def pointer_of(path: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of a path of keys and indexes; empty for the whole document."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
