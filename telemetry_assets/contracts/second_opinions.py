"""What two libraries think of a pair of schemas. Neither is believed: one finds documents, one may only object.

What belongs here: asking jsoncompat and jsonschema-rs, only about schemas of a size that they answer at once. What does
not: judging what they answer (``compare.py``).
"""

import json
import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from telemetry_assets.contracts.bounded_patterns import bounded
from telemetry_assets.contracts.sides import NOTHING

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


def suggested(accepting: Any, refusing: Any) -> Any:
    """A document that jsoncompat takes for accepted by the one and refused by the other; ``NOTHING`` where it has none.

    It is alpha: what it suggests is to be validated, and that it finds nothing proves nothing.
    """
    if not (_modest(accepting) and _modest(refusing)):
        return NOTHING
    from jsoncompat import analyze_compat

    try:
        # Its serializer writes documents of the second schema for readers of the first.
        answer = analyze_compat(json.dumps(refusing), json.dumps(accepting), "serializer")
    except (ValueError, RuntimeError):
        return NOTHING
    return answer["counterexample"] if answer["status"] == "incompatible" else NOTHING


def steady(document: Any, schemas: tuple[Any, Any]) -> bool:
    """Whether a document holds nothing made up: jsoncompat draws by chance, we answer the same always."""
    said = json.dumps(schemas)
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend((*value, *value.values()))
        elif isinstance(value, list):
            stack.extend(value)
        elif value not in ("", "a", 0, 1, None) and json.dumps(value) not in said:
            return False
    return True


def objection(sub: Any, sup: Any) -> str:
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
    """Whether a schema, its references followed, is small, shallow and of few choices: both take exponential time."""
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
    """Whether it names a size that jsoncompat would try to build: it ends the process where memory does not suffice."""
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
