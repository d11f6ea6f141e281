"""The two drafts of JSON Schema that a contract may be of: their names, their keywords, which of these hold schemas.

What belongs here: the vocabulary as tables. What does not: what is wrong with a schema (``schema_check.py``).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

Path_ = tuple[str | int, ...]
Step = tuple[str] | tuple[str, str | int]
"""A keyword, and the name or the index in it."""


class Draft(StrEnum):
    """A draft by the name people use."""

    V2020 = "2020-12"
    V7 = "draft-07"

    @property
    def uri(self) -> str:
        """What ``$schema`` says."""
        return _URIS[self]


_URIS = {
    Draft.V2020: "https://json-schema.org/draft/2020-12/schema",
    Draft.V7: "http://json-schema.org/draft-07/schema",
}


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
    "type": Shape.TYPE, "enum": Shape.LIST, "const": Shape.ANY, "$ref": Shape.TEXT, "$id": Shape.TEXT,
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
    Draft.V2020: _SHARED | {
        "$anchor": Shape.TEXT, "$dynamicAnchor": Shape.TEXT, "$dynamicRef": Shape.TEXT,
        "items": Shape.SCHEMA, "prefixItems": Shape.SCHEMAS, "minContains": Shape.COUNT, "maxContains": Shape.COUNT,
        "dependentRequired": Shape.NAME_MAP, "dependentSchemas": Shape.MAP,
        "unevaluatedItems": Shape.SCHEMA, "unevaluatedProperties": Shape.SCHEMA, "contentSchema": Shape.SCHEMA,
    },
    Draft.V7: _SHARED | {
        "items": Shape.EITHER, "additionalItems": Shape.SCHEMA, "dependencies": Shape.DEPENDENCIES,
    },
}  # fmt: skip
"""Draft → keyword → shape, of the keywords by which a document can fail, that name a schema or hold one."""
SHELVES = ("$defs", "definitions")
"""Where schemas lie that only references apply. Whoever writes one draft's name in the other means the same."""
IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"})
"""The keywords whose schemas look at the same value as the schema that holds them."""
_ANNOTATIONS = frozenset({
    "$comment", "$schema", "contentEncoding", "contentMediaType", "default", "description", "examples", "readOnly",
    "title", "writeOnly",
})  # fmt: skip
KEYWORDS: Mapping[Draft, frozenset[str]] = {
    Draft.V2020: _ANNOTATIONS | {"$defs", "$vocabulary", "deprecated", *SHAPES[Draft.V2020]},
    Draft.V7: _ANNOTATIONS | {"definitions", *SHAPES[Draft.V7]},
}
"""Every keyword of a draft."""

SAID_OTHERWISE: Mapping[Draft, Mapping[str, str]] = {
    Draft.V2020: {
        "definitions": "$defs",
        "dependencies": "dependentRequired' or 'dependentSchemas",
        "additionalItems": "items' beside 'prefixItems",
        "$recursiveRef": "$dynamicRef",
        "id": "$id",
    },
    Draft.V7: {
        "$defs": "definitions",
        "dependentRequired": "dependencies",
        "dependentSchemas": "dependencies",
        "prefixItems": "items",
        "$anchor": "$id",
        "id": "$id",
    },
}
"""Keywords of other drafts, and what this one says instead."""


def draft_of(schema: Any) -> Draft | None:
    """The draft that a schema is of, 2020-12 where it does not say; None for any other."""
    if not isinstance(schema, dict) or "$schema" not in schema:
        return Draft.V2020
    said = schema["$schema"]
    return next((draft for draft in Draft if isinstance(said, str) and said.removesuffix("#") == draft.uri), None)


def subschemas(schema: Mapping[str, Any], draft: Draft) -> Iterator[tuple[Step, Any]]:
    """(step, schema) of each schema that stands right inside of this one, on the shelves too.

    A step begins with the keyword; what stands in a list of schemas may be anything.
    """
    shapes = SHAPES[draft]
    for keyword, value in schema.items():
        match Shape.MAP if keyword in SHELVES else shapes.get(keyword):
            case Shape.SCHEMA | Shape.EITHER if isinstance(value, dict | bool):
                yield (keyword,), value
            case Shape.SCHEMAS | Shape.EITHER if isinstance(value, list):
                yield from (((keyword, index), inner) for index, inner in enumerate(value))
            case Shape.MAP | Shape.DEPENDENCIES if isinstance(value, dict):
                # A draft-07 dependency may be a list of names instead of a schema.
                yield from (((keyword, name), inner) for name, inner in value.items() if isinstance(inner, dict | bool))
            case _:
                pass


def every_schema(schema: Any, draft: Draft) -> Iterator[tuple[Path_, Any]]:
    """(path, schema) of a schema and of all inside of it, depth first in the order of the file."""
    stack: list[tuple[Path_, Any]] = [((), schema)]
    while stack:
        path, here = stack.pop()
        yield path, here
        if isinstance(here, dict):
            inside = [((*path, *step), inner) for step, inner in subschemas(here, draft)]
            stack.extend(reversed(inside))
