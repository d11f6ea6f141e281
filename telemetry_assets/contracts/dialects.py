"""The two drafts of JSON Schema that a contract may be of: their names, and which of their keywords hold schemas.

What belongs here: the vocabulary as tables. What does not: what is wrong with a schema (``schema_check.py``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Path_ = tuple[str | int, ...]


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


@dataclass(frozen=True, slots=True)
class Keywords:
    """The keywords of a draft: holding a schema, a list of them, a map of them, or something else.

    ``in_place`` are those whose schemas look at the same value as the schema that holds them.
    """

    one: frozenset[str]
    several: frozenset[str]
    named: frozenset[str]
    plain: frozenset[str]
    in_place: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Every keyword."""
        return self.one | self.several | self.named | self.plain


_SHARED_ONE = {"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
_SHARED_PLAIN = {
    "$comment", "$id", "$ref", "$schema", "const", "contentEncoding", "contentMediaType", "default", "description",
    "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maxItems", "maxLength", "maxProperties",
    "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "readOnly", "required",
    "title", "type", "uniqueItems", "writeOnly",
}  # fmt: skip
_SHARED_IN_PLACE = {"allOf", "anyOf", "oneOf", "not", "if", "then", "else"}

KEYWORDS: Mapping[Draft, Keywords] = {
    Draft.V2020: Keywords(
        one=frozenset(_SHARED_ONE | {"contentSchema", "unevaluatedItems", "unevaluatedProperties"}),
        several=frozenset({"allOf", "anyOf", "oneOf", "prefixItems"}),
        named=frozenset({"$defs", "dependentSchemas", "patternProperties", "properties"}),
        plain=frozenset(
            _SHARED_PLAIN
            | {"$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary", "dependentRequired", "deprecated"}
            | {"maxContains", "minContains"}
        ),
        in_place=frozenset(_SHARED_IN_PLACE | {"dependentSchemas"}),
    ),
    Draft.V7: Keywords(
        one=frozenset(_SHARED_ONE | {"additionalItems"}),
        several=frozenset({"allOf", "anyOf", "oneOf", "items"}),
        named=frozenset({"definitions", "dependencies", "patternProperties", "properties"}),
        plain=frozenset(_SHARED_PLAIN),
        in_place=frozenset(_SHARED_IN_PLACE | {"dependencies"}),
    ),
}

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
    said = schema.get("$schema") if isinstance(schema, dict) else None
    if said is None:
        return Draft.V2020
    return next((draft for draft in Draft if isinstance(said, str) and said.removesuffix("#") == draft.uri), None)


def subschemas(schema: Any, draft: Draft) -> Iterator[tuple[str, Path_, Any]]:
    """(keyword, path from the schema, schema inside) of each schema that stands right inside of this one."""
    if not isinstance(schema, dict):
        return
    known = KEYWORDS[draft]
    for keyword, value in schema.items():
        if keyword in known.several and isinstance(value, list):
            yield from ((keyword, (keyword, index), inner) for index, inner in enumerate(value))
        elif keyword in known.named and isinstance(value, dict):
            # A draft-07 dependency may be a list of names instead of a schema.
            yield from (
                (keyword, (keyword, name), inner) for name, inner in value.items() if isinstance(inner, dict | bool)
            )
        elif keyword in known.one and isinstance(value, dict | bool):
            yield keyword, (keyword,), value


def every_schema(schema: Any, draft: Draft) -> Iterator[tuple[Path_, Any]]:
    """(path, schema) of a schema and of all inside of it, depth first in the order of the file."""
    stack: list[tuple[Path_, Any]] = [((), schema)]
    while stack:
        path, here = stack.pop()
        yield path, here
        inside = [((*path, *step), inner) for _, step, inner in subschemas(here, draft)]
        stack.extend(reversed(inside))
