"""What jsonschema-rs thinks of a proof of ours: it may object, its consent proves nothing.

What belongs here: asking it, only about schemas of a size that it answers at once. What does not: judging what it
answers (``compare.py``). Why nobody else is asked: jsoncompat 0.5 draws its documents by chance, panics, and ends the
process at a large ``minItems``; of 4,000 pairs it showed one document that our own search did not.
"""

import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from telemetry_assets.contracts.bounded_patterns import bounded

_MOST_NODES = 1_500
_MOST_CONSTANTS = 500
_MOST_CHOICES = 10
_DEEPEST = 12
_LARGEST = 1_000
_IN_PLACE = ("anyOf", "oneOf")
_COUNTS = (
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
)
_REPEATED = re.compile(r"\d+")


def objection_to(sub: Any, sup: Any) -> str:
    """What jsonschema-rs says against every document of ``sub`` being one of ``sup``; empty where it says nothing."""
    if not (_modest(sub) and _modest(sup)):
        return ""
    from jsonschema_rs import canonical, canonicalize

    try:
        canon = [
            canonicalize(schema, validate_formats=True, offline=True, pattern_options=bounded())
            for schema in (sub, sup)
        ]
        answer = canon[1].covers(canon[0])
    except (ValueError, RuntimeError, canonical.CanonicalizationError):
        return ""
    return "jsonschema-rs finds it does not hold" if answer == canonical.Containment.NO else ""


def _modest(schema: Any) -> bool:
    """Whether a schema, its references followed, is small, shallow and of few choices: it takes exponential time."""
    definitions: Mapping[str, Any] = schema.get("$defs", {}) if isinstance(schema, dict) else {}
    choices = 0
    for nodes, (value, depth) in enumerate(_unfolded(schema, definitions)):
        if depth > 2 * _DEEPEST or nodes > _MOST_NODES:
            return False
        if isinstance(value, dict):
            choices += sum(len(value[each]) > 1 for each in _IN_PLACE if isinstance(value.get(each), list))
            choices += ("if" in value) + ("not" in value)
            if choices > _MOST_CHOICES or _hostile(value):
                return False
    return True


def _hostile(schema: Mapping[str, Any]) -> bool:
    """Whether it names many constants, or sizes that would be built or unrolled."""
    if isinstance(constants := schema.get("enum"), list) and len(constants) > _MOST_CONSTANTS:
        return True
    if any(isinstance(size := schema.get(each), int | float) and size > _LARGEST for each in _COUNTS):
        return True
    patterns: list[Any] = [schema.get("pattern"), *_names(schema.get("patternProperties"))]
    repeats = [_REPEATED.findall(each) for each in patterns if isinstance(each, str)]
    return any(prod(int(times) or 1 for times in each) > _LARGEST for each in repeats)


def _names(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _unfolded(schema: Any, definitions: Mapping[str, Any]) -> Iterator[tuple[Any, int]]:
    """Every value inside with its depth; a reference stands for what it leads to, once on each way down."""
    stack: list[tuple[Any, int, tuple[str, ...]]] = [(schema, 0, ())]
    while stack:
        value, depth, above = stack.pop()
        yield value, depth
        if isinstance(value, list):
            stack.extend((inner, depth, above) for inner in value)
        elif isinstance(value, dict):
            name = str(value.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in above:
                stack.append((definitions[name], depth + 1, (*above, name)))
            stack.extend((inner, depth + 1, above) for key, inner in value.items() if key != "$defs")
