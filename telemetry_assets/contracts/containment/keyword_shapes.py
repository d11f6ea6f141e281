"""Which keywords of the two drafts say anything about documents, and what each must look like.

What belongs here: the tables, and the fault of a keyword's value. What does not: where schemas are
(``spots.py``), what the keywords mean.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from telemetry_assets.contracts.containment.exact import exact

TYPES = frozenset({"null", "boolean", "object", "array", "string", "integer", "number"})


class Draft(StrEnum):
    """The two drafts that contracts are written in."""

    D2020 = "2020-12"
    D7 = "7"


class Shape(StrEnum):
    """What a keyword's value must be."""

    SCHEMA = "a schema (an object or a boolean)"
    SCHEMAS = "a non-empty list of schemas"
    MAP = "an object of schemas"
    EITHER = "a schema or a list of schemas"
    DEPENDENCIES = "an object of schemas or lists of names"
    COUNT = "a whole number, 0 or more"
    NUMBER = "a number"
    POSITIVE = "a number above 0"
    TEXT = "text"
    NAMES = "a list of different names"
    NAME_MAP = "an object of lists of different names"
    FLAG = "true or false"
    TYPE = "a type or a list of different types"
    LIST = "a list"
    ANY = "anything"


_SHARED = {
    "type": Shape.TYPE, "enum": Shape.LIST, "const": Shape.ANY, "$ref": Shape.TEXT,
    "$id": Shape.TEXT, "$anchor": Shape.TEXT, "$dynamicAnchor": Shape.TEXT,
    "multipleOf": Shape.POSITIVE, "maximum": Shape.NUMBER, "exclusiveMaximum": Shape.NUMBER,
    "minimum": Shape.NUMBER, "exclusiveMinimum": Shape.NUMBER,
    "maxLength": Shape.COUNT, "minLength": Shape.COUNT, "pattern": Shape.TEXT, "format": Shape.TEXT,
    "maxItems": Shape.COUNT, "minItems": Shape.COUNT, "uniqueItems": Shape.FLAG, "contains": Shape.SCHEMA,
    "maxProperties": Shape.COUNT, "minProperties": Shape.COUNT, "required": Shape.NAMES, "properties": Shape.MAP,
    "patternProperties": Shape.MAP, "additionalProperties": Shape.SCHEMA, "propertyNames": Shape.SCHEMA,
    "if": Shape.SCHEMA, "then": Shape.SCHEMA, "else": Shape.SCHEMA,
    "allOf": Shape.SCHEMAS, "anyOf": Shape.SCHEMAS, "oneOf": Shape.SCHEMAS, "not": Shape.SCHEMA,
}  # fmt: skip
SHAPES: Mapping[Draft, Mapping[str, Shape]] = {
    Draft.D2020: _SHARED | {
        "$dynamicRef": Shape.TEXT, "items": Shape.SCHEMA, "prefixItems": Shape.SCHEMAS,
        "minContains": Shape.COUNT, "maxContains": Shape.COUNT,
        "dependentRequired": Shape.NAME_MAP, "dependentSchemas": Shape.MAP,
        "unevaluatedItems": Shape.SCHEMA, "unevaluatedProperties": Shape.SCHEMA,
    },
    Draft.D7: _SHARED | {
        "items": Shape.EITHER, "additionalItems": Shape.SCHEMA, "dependencies": Shape.DEPENDENCIES,
    },
}  # fmt: skip
"""Draft → keyword → shape; whatever is not named here accepts everything."""
SHELVES = ("$defs", "definitions")
"""Where schemas lie that only references apply."""


def _schema(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _number(value: Any) -> bool:
    try:
        exact(value)
    except (ValueError, TypeError):
        return False
    return not isinstance(value, bool | str)


def _schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_schema, value))


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and _names(names) and set(names) <= TYPES


_FITS: Mapping[Shape, Callable[[Any], bool]] = {
    Shape.SCHEMA: _schema,
    Shape.SCHEMAS: _schemas,
    Shape.MAP: lambda value: isinstance(value, dict) and all(map(_schema, value.values())),
    Shape.EITHER: lambda value: _schema(value) or (isinstance(value, list) and all(map(_schema, value))),
    Shape.DEPENDENCIES: lambda value: (
        isinstance(value, dict) and all(_schema(each) or _names(each) for each in value.values())
    ),
    Shape.COUNT: lambda value: _number(value) and value >= 0 and exact(value).denominator == 1,
    Shape.NUMBER: _number,
    Shape.POSITIVE: lambda value: _number(value) and value > 0,
    Shape.TEXT: lambda value: isinstance(value, str),
    Shape.NAMES: _names,
    Shape.NAME_MAP: lambda value: isinstance(value, dict) and all(map(_names, value.values())),
    Shape.FLAG: lambda value: isinstance(value, bool),
    Shape.TYPE: _type,
    Shape.LIST: lambda value: isinstance(value, list),
    Shape.ANY: lambda value: True,
}


def misshapen(keyword: str, value: Any, draft: Draft) -> Shape | None:
    """What the keyword's value should have been; None where it is that, or where the draft has no such keyword."""
    shape = SHAPES[draft].get(keyword)
    return None if shape is None or _FITS[shape](value) else shape


Step = tuple[str] | tuple[str, str | int]


def inner_schemas(raw: Mapping[str, Any], draft: Draft) -> Iterator[tuple[Step, Any]]:
    """(step, schema) of every schema that stands directly in one, on the shelves too."""
    shapes = SHAPES[draft]
    for keyword, value in raw.items():
        shape = Shape.MAP if keyword in SHELVES else shapes.get(keyword)
        match shape:
            case Shape.SCHEMA | Shape.EITHER if _schema(value):
                yield (keyword,), value
            case Shape.SCHEMAS | Shape.EITHER if isinstance(value, list):
                yield from (((keyword, index), inner) for index, inner in enumerate(value))
            case Shape.MAP | Shape.DEPENDENCIES if isinstance(value, dict):
                yield from (((keyword, name), inner) for name, inner in value.items() if _schema(inner))
            case _:
                pass
