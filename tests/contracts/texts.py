"""Texts that a regular expression finds, made at random.

What belongs here: walking a parsed pattern. What does not: schemas. Lookarounds and such are passed over: a text that
does not match after all only costs a try.
"""

import re
from functools import lru_cache
from random import Random

# The parser of ``re`` has no public name.
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

LONGEST_REPEAT = 3
ALPHABET = "abzAZ019_- .é"
CLASSES = {
    "CATEGORY_DIGIT": "0579",
    "CATEGORY_SPACE": " \t",
    "CATEGORY_WORD": "abZ0_",
    "CATEGORY_NOT_DIGIT": "a -",
    "CATEGORY_NOT_SPACE": "a0-",
    "CATEGORY_NOT_WORD": " -.",
}


def text_of(pattern: str, random: Random, *, exact: bool = False) -> str:
    """A text in which the pattern is probably found; unless ``exact``, at times something stands before or behind."""
    parsed = _parsed(pattern)
    if parsed is None:
        return "a"
    text = "".join(_made(parsed, random, []))
    if exact:
        return text
    if random.random() < 0.15:
        text = random.choice(("x", "-", "0")) + text
    return text + random.choice(("x", "-", "0")) if random.random() < 0.15 else text


@lru_cache(maxsize=2_000)
def _parsed(pattern: str) -> Any:
    try:
        return parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def _made(parsed: Any, random: Random, groups: list[str]) -> list[str]:
    out: list[str] = []
    for code, value in parsed:
        out += _one(str(code), value, random, groups)
    return out


def _one(code: str, value: Any, random: Random, groups: list[str]) -> list[str]:
    match code:
        case "LITERAL":
            return [chr(value)]
        case "NOT_LITERAL":
            return [random.choice([one for one in ALPHABET if one != chr(value)])]
        case "ANY":
            return [random.choice(ALPHABET)]
        case "IN":
            return [_of_class(value, random)]
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            low, high, inner = value
            times = random.randint(low, max(low, min(int(high), low + LONGEST_REPEAT)))
            return [text for _ in range(times) for text in _made(inner, random, groups)]
        case "SUBPATTERN":
            made = _made(value[3], random, groups)
            groups.append("".join(made))
            return made
        case "ATOMIC_GROUP":
            return _made(value, random, groups)
        case "BRANCH":
            return _made(random.choice(value[1]), random, groups)
        case "GROUPREF":
            return groups[-1:]
        case "ASSERT":
            return _made(value[1], random, groups) if value[0] > 0 and random.random() < 0.3 else []
        case _:
            return []


def _of_class(members: Any, random: Random) -> str:
    kind, value = members[0]
    if str(kind) == "NEGATE":
        return random.choice([one for one in ALPHABET if not _within(members[1:], one)] or ["~"])
    kind, value = random.choice(members)
    match str(kind):
        case "LITERAL":
            return chr(value)
        case "RANGE":
            return chr(random.choice((value[0], value[1], random.randint(*value))))
        case _:
            return random.choice(CLASSES.get(str(value), "a"))


def _within(members: Any, one: str) -> bool:
    for kind, value in members:
        if str(kind) == "LITERAL" and chr(value) == one:
            return True
        if str(kind) == "RANGE" and value[0] <= ord(one) <= value[1]:
            return True
        if str(kind) == "CATEGORY" and one in CLASSES.get(str(value), ""):
            return True
    return False
