"""Texts that a pattern is found in: short ones, ones of a wished length, of every branch and end of a class.

What belongs here: a pattern → texts to try. What does not: whether they do match; whoever tries them asks a validator.
"""

import importlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

VARIATIONS = 8
"""How many ways through a pattern are tried; way n takes the n-th branch of each choice."""
_LONGEST = 2_000
_PICKS = "aZ05_- .:/@é\n"
_CATEGORIES = {"DIGIT": "05", "NOT_DIGIT": "a-", "SPACE": " \t", "NOT_SPACE": "a0", "WORD": "aZ0_", "NOT_WORD": "- "}


@lru_cache(maxsize=512)
def texts(pattern: str, lengths: tuple[int, ...] = ()) -> tuple[str, ...]:
    """Texts that the pattern should match, of ``lengths`` too where it can stretch; empty for one we cannot read."""
    tree = _parsed(pattern)
    if tree is None:
        return ()
    found: dict[str, None] = {}
    for way in range(VARIATIONS):
        try:
            short = _Walk(way, 0).through(tree)
            found.setdefault(short)
            for stretch in (1, *(length - len(short) for length in lengths)):
                if 0 < stretch <= _LONGEST:
                    found.setdefault(_Walk(way, stretch).through(tree))
        except (_TooLongError, RecursionError):
            continue
    return tuple(found)


def near(text: str) -> Iterator[str]:
    """Texts that differ a little from one that matches."""
    yield text[:-1]
    yield text[1:]
    yield text + "!"
    yield "!" + text
    yield text.swapcase()
    yield text + text


class _TooLongError(Exception):
    pass


def _parsed(pattern: str) -> Any:
    """Python's own parse tree; its module is private but as old as ``re``. None where Python does not read it."""
    try:
        return importlib.import_module("re._parser").parse(pattern)
    except (re.error, RecursionError, OverflowError, ValueError):
        return None


class _Walk:
    """One way through a pattern: which branch, which character of a class, how far the first repeat stretches."""

    def __init__(self, way: int, stretch: int) -> None:
        self.way, self.stretch = way, stretch
        self.groups: dict[int, str] = {}
        self.length = 0

    def through(self, tree: Any) -> str:
        made = "".join([self._one(str(operator), value) for operator, value in tree])
        self.length += len(made)
        if self.length > 20 * _LONGEST:
            raise _TooLongError
        return made

    def _one(self, operator: str, value: Any) -> str:
        match operator:
            case "LITERAL":
                return chr(value)
            case "NOT_LITERAL":
                return self._pick([each for each in _PICKS if ord(each) != value])
            case "ANY":
                return self._pick([each for each in _PICKS if each != "\n"])
            case "IN":
                return self._pick(_class(value))
            case "BRANCH":
                return self.through(value[1][self.way % len(value[1])])
            case "SUBPATTERN":
                made = self.through(value[3])
                self.groups[value[0] or 0] = made
                return made
            case "GROUPREF":
                return self.groups.get(value, "")
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeated(*value)
            case "ATOMIC_GROUP":
                return self.through(value)
            case _:
                return ""

    def _pick(self, characters: "list[str]") -> str:
        return characters[self.way % len(characters)] if characters else ""

    def _repeated(self, least: int, most: Any, tree: Any) -> str:
        times = int(least)
        if times > _LONGEST:
            raise _TooLongError
        one = self.through(tree)
        room = int(most) - times if isinstance(most, int) else self.stretch
        if self.stretch > 0 and room > 0 and one:
            more = min(self.stretch // len(one) or 1, room)
            self.stretch -= more * len(one)
            times += more
        return one * times


def _class(items: Any) -> list[str]:
    """Characters of a class: the ends of its ranges, and of every usual kind one that is in it."""
    negated = bool(items) and str(items[0][0]) == "NEGATE"
    ends: dict[str, None] = {}
    for operator, value in items:
        match str(operator):
            case "LITERAL":
                ends.setdefault(chr(value))
            case "RANGE":
                ends |= dict.fromkeys((chr(value[0]), chr(value[1])))
            case "CATEGORY":
                ends |= dict.fromkeys(_CATEGORIES.get(str(value).removeprefix("CATEGORY_"), ""))
            case _:
                pass
    if not negated:
        inside = [each for each in _PICKS if any(_in(each, item) for item in items)]
        return list(dict.fromkeys((*ends, *inside)))
    return [each for each in _PICKS if not any(_in(each, item) for item in items)]


def _in(character: str, item: Any) -> bool:
    operator, value = str(item[0]), item[1]
    if operator == "LITERAL":
        return ord(character) == value
    if operator == "RANGE":
        return value[0] <= ord(character) <= value[1]
    if operator == "CATEGORY":
        kind = str(value).removeprefix("CATEGORY_")
        held = {
            "DIGIT": character.isdigit(),
            "SPACE": character.isspace(),
            "WORD": character.isalnum() or character == "_",
        }.get(kind.removeprefix("NOT_"), False)
        return held is not kind.startswith("NOT_")
    return False
