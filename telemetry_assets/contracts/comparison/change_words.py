"""How a schema, a value and a bound are said in a change's text: short, on one line, the same for ever.

What belongs here: pieces of text. What does not: which changes there are (``changes.py``).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from telemetry_assets.contracts.containment.exact import ALL_KINDS, canonical, kind_of, plain
from telemetry_assets.contracts.containment.nodes import FALSE, Node
from telemetry_assets.spoken import counted

_CLIP = 60
_NAMED = 5
_ORDER = ("object", "array", "string", "number", "integer", "fraction", "boolean", "null")


def kinds_of(node: Node) -> frozenset[str]:
    """The kinds of values that a node lets through, as far as its own words say."""
    if "enum" in node.words:
        return frozenset(kind_of(value) for value in node.words["enum"].values())
    return node.words.get("types", ALL_KINDS)


def types(kinds: Iterable[str]) -> str:
    """``string or null``; both kinds of numbers are ``number``."""
    found = set(kinds)
    if found >= ALL_KINDS:
        return "anything"
    if {"integer", "fraction"} <= found:
        found = found - {"integer", "fraction"} | {"number"}
    names = [name for name in _ORDER if name in found]
    named = ["number that is not whole" if name == "fraction" else name for name in names]
    return " or ".join(named) if named else "nothing"


def schema(node: Node) -> str:
    """What a schema is about, in a few words."""
    words = node.words
    if node is FALSE or words.get("enum", True) == {}:
        return "nothing"
    if not words:
        return "anything"
    if "enum" in words:
        return values(words["enum"].values())
    if "types" in words:
        return types(words["types"]) + (" with more asked of it" if len(words) > 1 else "")
    return "what another schema accepts"


def values(several: Iterable[Any]) -> str:
    """``"A", "B" and 3 more``."""
    shown = [value(each) for each in several]
    if len(shown) > _NAMED:
        return f"{', '.join(shown[:_NAMED])} and {len(shown) - _NAMED:,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1] if shown else "")))


def value(one: Any) -> str:
    """A value as JSON, clipped."""
    return clipped(canonical(one) if isinstance(one, dict | list | bool | str | None) else number(one))


def number(one: Any) -> str:
    """A number as people write it."""
    made = plain(one) if isinstance(one, Fraction) else one
    return f"{made:f}" if isinstance(made, Decimal) else str(made)


def clipped(text: str) -> str:
    """The text, its end left out where it is long."""
    return text if len(text) <= _CLIP else f"{text[: _CLIP - 1]}…"


def bound(keyword: str, said: Any) -> str:
    """A lower or upper bound of a number; empty where there is none."""
    if said is None:
        return ""
    limit, is_open = said
    words = {"low": ("at least", "more than"), "high": ("at most", "less than")}[keyword]
    return f"{words[is_open]} {number(limit)}"


COUNTED: Mapping[str, tuple[str, str]] = {
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minItems": ("at least", "item"),
    "maxItems": ("at most", "item"),
    "minProperties": ("at least", "property"),
    "maxProperties": ("at most", "property"),
}
"""Keyword → how its bound is said."""


def count(keyword: str, said: int | None) -> str:
    """``at least 1 item``, ``at most 5 characters``; ``any number of items`` where there is no upper bound."""
    words, noun = COUNTED[keyword]
    plural = "properties" if noun == "property" else ""
    if said is None:
        return f"any number of {plural or noun + 's'}" if words == "at most" else f"{words} 0 {plural or noun + 's'}"
    return f"{words} {counted(said, noun, plural)}"


def counts(keyword: str, old: int | None, new: int | None) -> str:
    """``at least 1 → at least 0 items``."""
    first, second = count(keyword, old), count(keyword, new)
    head = (
        first.rpartition(" ")[0]
        if first.startswith(COUNTED[keyword][0]) and second.startswith(COUNTED[keyword][0])
        else first
    )
    return f"{head} → {second}"
