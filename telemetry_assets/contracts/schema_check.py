"""Whether a contract is itself sound: the 2020-12 metaschema, and no keyword that validators would silently skip.

What belongs here: faults of a schema, each naming its place. What does not: reading files (``registry.py``), judging
documents (``validate.py``).
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from telemetry_assets.contracts.validate import pointer_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ONE = frozenset({
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then",
    "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAP = frozenset({"$defs", "dependentSchemas", "patternProperties", "properties"})
_PLAIN = frozenset({
    "$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "$vocabulary", "const",
    "contentEncoding", "contentMediaType", "default", "dependentRequired", "deprecated", "description", "enum",
    "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength",
    "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf",
    "pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly",
})  # fmt: skip
KEYWORDS = _ONE | _LIST | _MAP | _PLAIN
"""Every keyword of 2020-12. Others are let through only as annotations that begin with ``x-``."""


def schema_fault(schema: Any) -> str | None:
    """The first thing wrong with a schema, as ``/pointer/keyword: what``; None where it is sound."""
    if not isinstance(schema, dict):
        return f"the document is {type(schema).__name__}, not an object"
    if schema.get("$schema") != DIALECT:
        return f"/$schema: {schema.get('$schema')!r} is not {DIALECT!r}"
    return next(_strange_keywords(schema, ()), None) or _against_metaschema(schema)


def _against_metaschema(schema: Mapping[str, Any]) -> str | None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema))
    return None if error is None else f"{pointer_of(error.absolute_path)}: {error.message}"


def _strange_keywords(schema: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Misspelt keywords and references that leave the file, depth first. A schema may be true or false."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        here = (*path, keyword)
        if keyword not in KEYWORDS and not keyword.startswith("x-"):
            close = difflib.get_close_matches(keyword, KEYWORDS, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            yield f"{pointer_of(here)}: {keyword!r} is no keyword of JSON Schema 2020-12{meant}"
        if keyword in ("$ref", "$dynamicRef") and not str(value).startswith("#"):
            yield f"{pointer_of(here)}: {value!r} leaves the file; a contract stands on its own"
        for step, inner in _inside(keyword, value):
            yield from _strange_keywords(inner, (*here, *step))


def _inside(keyword: str, value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if keyword in _ONE:
        yield (), value
    elif keyword in _LIST and isinstance(value, list):
        yield from (((index,), inner) for index, inner in enumerate(value))
    elif keyword in _MAP and isinstance(value, dict):
        yield from (((name,), inner) for name, inner in value.items())
