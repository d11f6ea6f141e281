"""The words of one schema that concern one kind of value each: numbers, texts, arrays, objects.

What belongs here: the one form of bounds, counts, items, required names; which kinds are left. What does not: choices
and enums (``shaping.py``). Each function rewrites the words and returns the kinds that can still be.
"""

from fractions import Fraction
from math import ceil, floor
from typing import Any

from telemetry_assets.contracts.containment.exact import ALL_KINDS, NUMBERS, canonical, exact, tidy
from telemetry_assets.contracts.containment.nodes import FALSE, TRUE

Words = dict[str, Any]
Kinds = frozenset[str]
_ANYTHING = frozenset({"", "^", ".*", "^.*"})
"""Patterns that every text has a match of."""
_KINDS = {name: frozenset({name}) for name in ALL_KINDS} | {"number": NUMBERS}


def kinds_of(words: Words) -> Kinds:
    """The kinds that ``type`` allows; ``const`` and ``enum`` become one enum."""
    if "const" in words:
        const = words.pop("const")
        kept = [value for value in words.get("enum", [const]) if canonical(value) == canonical(const)]
        words["enum"] = kept
    if "enum" in words:
        constants = {canonical(value): tidy(value) for value in words["enum"]}
        words["enum"] = {text: constants[text] for text in sorted(constants)}
    named = words.pop("type", None)
    if named is None:
        return ALL_KINDS
    return frozenset().union(*[_KINDS[name] for name in ([named] if isinstance(named, str) else named)])


def numbers(words: Words, kinds: Kinds, keep: bool) -> Kinds:
    """Bounds as ``low`` and ``high``; what only whole numbers can keep as whole numbers."""
    low = max([(exact(words.pop(word)), open_) for word, open_ in _LOWS if word in words], default=None)
    high = min([(exact(words.pop(word)), not open_) for word, open_ in _HIGHS if word in words], default=None)
    high = None if high is None else (high[0], not high[1])
    step = exact(words.pop("multipleOf")) if "multipleOf" in words else None
    if step is not None and step.denominator == 1:
        kinds -= {"fraction"}
    if "integer" in kinds and "fraction" not in kinds:
        step = Fraction(step.numerator) if step is not None and step.numerator != 1 else None
        low = None if low is None else (Fraction(floor(low[0]) + 1 if low[1] else ceil(low[0])), False)
        high = None if high is None else (Fraction(ceil(high[0]) - 1 if high[1] else floor(high[0])), False)
    words.update({word: value for word, value in (("low", low), ("high", high), ("multipleOf", step)) if value})
    crossed = low and high and (low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1])))
    return kinds - NUMBERS if crossed else kinds


_LOWS = (("minimum", False), ("exclusiveMinimum", True))
_HIGHS = (("maximum", False), ("exclusiveMaximum", True))


def strings(words: Words, kinds: Kinds, keep: bool) -> Kinds:
    """Lengths; no pattern that every text matches."""
    _counts(words, "minLength", "maxLength")
    if words.get("pattern") in _ANYTHING:
        del words["pattern"]
    return kinds - {"string"} if _crossed(words, "minLength", "maxLength") else kinds


def arrays(words: Words, kinds: Kinds, keep: bool) -> Kinds:
    """Counts, ``contains`` with its counts, and the items in their shortest form."""
    _counts(words, "minItems", "maxItems")
    least, most = int(words.pop("minContains", 1)), words.pop("maxContains", None)
    if "contains" in words:
        words["contains"] = (words["contains"], least, None if most is None else int(most))
        if least == 0 and most is None and not keep:
            del words["contains"]
    if not words.get("uniqueItems", True):
        del words["uniqueItems"]
    if not keep:
        _items(words)
    return kinds - {"array"} if _crossed(words, "minItems", "maxItems") else kinds


def _items(words: Words) -> None:
    """No item that says nothing more than the rest; the first impossible item as ``maxItems``."""
    prefix, rest = words.pop("prefixItems", ()), words.pop("items", TRUE)
    impossible = next((index for index, each in enumerate((*prefix, rest)) if each is FALSE), None)
    most = min(words.get("maxItems", len(prefix) + 1), len(prefix) + 1 if impossible is None else impossible)
    if impossible is not None:
        words["maxItems"] = most
    if most <= len(prefix):
        # No further item can be, so it may as well be like the last.
        prefix = prefix[:most]
        rest = prefix[-1] if prefix else TRUE
    while prefix and prefix[-1].digest == rest.digest:
        prefix = prefix[:-1]
    words["prefixItems"] = prefix
    if rest is not TRUE:
        words["items"] = rest


def objects(words: Words, kinds: Kinds, keep: bool) -> Kinds:
    """Required names with what they require, counts, no property that says nothing."""
    _required(words)
    _counts(words, "minProperties", "maxProperties")
    if words.get("propertyNames") is TRUE:
        del words["propertyNames"]
    if not keep:
        _without_noise(words)
    required = words.get("required", ())
    if len(required) >= words.get("minProperties", 1):
        words.pop("minProperties", None)
    refused = any(words.get("properties", {}).get(name) is FALSE for name in required)
    least = max(words.get("minProperties", 0), len(required))
    return kinds - {"object"} if refused or least > words.get("maxProperties", least) else kinds


def _without_noise(words: Words) -> None:
    if words.get("additionalProperties") is TRUE:
        del words["additionalProperties"]
    for keyword in ("properties", "patternProperties", "dependentSchemas"):
        if keyword in words and (keyword == "dependentSchemas" or "additionalProperties" not in words):
            words[keyword] = {name: inner for name, inner in words[keyword].items() if inner is not TRUE}


def _required(words: Words) -> None:
    """Names sorted; what a required name requires is required itself."""
    required = set(words.pop("required", ()))
    needs = {name: set(value) - {name} for name, value in words.pop("dependentRequired", {}).items()}
    while any(name in required and not value <= required for name, value in needs.items()):
        required |= set().union(*[value for name, value in needs.items() if name in required])
    words["required"] = tuple(sorted(required))
    left = {name: tuple(sorted(needs[name] - required)) for name in sorted(needs)}
    words["dependentRequired"] = {name: value for name, value in left.items() if value}


def _counts(words: Words, least: str, most: str) -> None:
    if least in words:
        words[least] = int(words[least])
        if words[least] == 0:
            del words[least]
    if most in words:
        words[most] = int(words[most])


def _crossed(words: Words, least: str, most: str) -> bool:
    return most in words and words.get(least, 0) > words[most]
