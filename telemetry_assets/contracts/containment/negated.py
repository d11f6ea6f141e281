"""The schema that accepts exactly what another refuses.

What belongs here: one step of negation; what stands deeper is wrapped in ``not``. What does not: proving
(``contained.py``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from telemetry_assets.contracts.containment.exact import ALL_KINDS, NUMBERS
from telemetry_assets.contracts.containment.nodes import FALSE, TRUE, Node, node, type_node

_OBJECT = frozenset({"object"})
_ARRAY = frozenset({"array"})
_STRING = frozenset({"string"})
_FEW = 8
_WHOLE = frozenset({"unevaluatedItems", "unevaluatedProperties", "opaque", "$ref"})
"""Words whose meaning hangs on the words beside them, or on a definition."""
_COUNTS = {
    "minLength": ("maxLength", -1, _STRING),
    "maxLength": ("minLength", 1, _STRING),
    "minItems": ("maxItems", -1, _ARRAY),
    "maxItems": ("minItems", 1, _ARRAY),
    "minProperties": ("maxProperties", -1, _OBJECT),
    "maxProperties": ("minProperties", 1, _OBJECT),
}


def refusing(inner: Node) -> Node:
    """``not inner``, as short as it gets."""
    if not inner.words:
        return FALSE
    if inner.words.get("enum") == {}:
        return TRUE
    return inner.words["not"] if set(inner.words) == {"not"} else node({"not": inner})


def absent(name: str) -> Node:
    """What every value keeps but an object with that property."""
    return node({"properties": {name: FALSE}})


def present(name: str) -> Node:
    """What every value keeps but an object without that property."""
    return node({"required": (name,)})


def negated(inner: Node) -> Node:
    """``not inner`` in words that say something: the ways to break ``inner``. It accepts exactly the rest."""
    if not inner.words or inner.words.get("enum") == {}:
        return refusing(inner)
    if _WHOLE & inner.words.keys():
        return node({"not": inner})
    pieces = list({piece.digest: piece for piece in _pieces(inner.words)}.values())
    return pieces[0] if len(pieces) == 1 else node({"anyOf": tuple(pieces)})


def _pieces(words: Mapping[str, Any]) -> Iterator[Node]:
    for word, value in words.items():
        match word:
            case "types":
                yield type_node(ALL_KINDS - value)
            case "enum" | "oneOf":
                yield node({"not": node({word: value})})
            case "low" | "high":
                yield node({"types": NUMBERS, "high" if word == "low" else "low": (value[0], not value[1])})
            case "multipleOf":
                yield node({"types": NUMBERS, "not": node({word: value})})
            case "pattern" | "format":
                yield node({"types": _STRING, "not": node({word: value})})
            case _ if word in _COUNTS:
                other, shift, kinds = _COUNTS[word]
                yield node({"types": kinds, other: value + shift})
            case "allOf":
                yield from (refusing(each) for each in value)
            case "anyOf":
                yield node({"allOf": tuple([refusing(each) for each in value])})
            case "not":
                yield value
            case "if":
                yield node({"allOf": (value[0], refusing(value[1]))})
                yield node({"allOf": (refusing(value[0]), refusing(value[2]))})
            case "uniqueItems" | "items" | "prefixItems" | "contains":
                yield from _of_arrays(words, word, value)
            case _:
                yield from _of_objects(words, word, value)


def _of_arrays(words: Mapping[str, Any], word: str, value: Any) -> Iterator[Node]:
    match word:
        case "prefixItems":
            for index, each in enumerate(value):
                before = (TRUE,) * index
                yield node({"types": _ARRAY, "minItems": index + 1, "prefixItems": (*before, refusing(each))})
        case "items" if not words.get("prefixItems"):
            yield node({"types": _ARRAY, "contains": (refusing(value), 1, None)})
        case "items" if words.get("maxItems", _FEW + 1) <= _FEW:
            # Of longer arrays ``maxItems`` says it.
            for index in range(len(words["prefixItems"]), words["maxItems"]):
                before = (TRUE,) * index
                yield node({"types": _ARRAY, "minItems": index + 1, "prefixItems": (*before, refusing(value))})
        case "items":
            said = {"items": value, "prefixItems": (TRUE,) * len(words["prefixItems"])}
            yield node({"types": _ARRAY, "not": node(said)})
        case "contains" if value[1:] == (1, None):
            yield node({"types": _ARRAY, "items": refusing(value[0])})
        case _:
            yield node({"types": _ARRAY, "not": node({word: value})})


def _of_objects(words: Mapping[str, Any], word: str, value: Any) -> Iterator[Node]:
    match word:
        case "required":
            yield from (node({"types": _OBJECT, "properties": {name: FALSE}}) for name in value)
        case "properties":
            for name, each in value.items():
                yield node({"types": _OBJECT, "required": (name,), "properties": {name: refusing(each)}})
        case "dependentRequired":
            for name, needed in value.items():
                for other in needed:
                    yield node({"types": _OBJECT, "required": (name,), "properties": {other: FALSE}})
        case "dependentSchemas":
            for name, each in value.items():
                yield node({"types": _OBJECT, "required": (name,), "allOf": (refusing(each),)})
        case "additionalProperties":
            said = {other: dict.fromkeys(words.get(other, ()), TRUE) for other in ("properties", "patternProperties")}
            yield node(
                {"types": _OBJECT, "not": node({word: value} | {key: kept for key, kept in said.items() if kept})}
            )
        case _:
            yield node({"types": _OBJECT, "not": node({word: value})})
