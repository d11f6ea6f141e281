"""One edit of a schema: which one lets refused values through, how it is made, how it is said.

What belongs here: keyword and values → edit, schema and edit → schema. What does not: which values a schema refused
(``proposals.py``), the text of a schema (``rewriting.py``).
"""

import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Steps = tuple[str | int, ...]

CLOSED = ("additionalProperties", "unevaluatedProperties")
"""Keywords that close an object."""
CHOICES = ("type", "enum", "const")
"""Keywords that can be widened where a schema is referred to, by a choice beside the reference."""
_LOWER = {"minimum": min, "minLength": min, "minItems": min, "minProperties": min}
_UPPER = {"maximum": max, "maxLength": max, "maxItems": max, "maxProperties": max}
_SIZED = {"minLength", "minItems", "minProperties", "maxLength", "maxItems", "maxProperties"}
_STRICT = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_NUMBER = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: at ``at`` (the steps to a schema in ``file``), about ``keyword``, of the property ``name`` where it is
    about one. ``value`` is what the keyword or the property becomes, None where a name is taken out of ``required``.

    With the keyword ``$ref`` the reference becomes a choice between itself and ``value``; ``name`` is the keyword that
    refused behind it."""

    file: str
    at: Steps
    keyword: str
    name: str = ""
    value: Any = None


def edit_for(file: str, at: Steps, keyword: str, name: str, schema: Any, values: Sequence[Any]) -> Edit | None:
    """The smallest edit that accepts all of the values, None where there is none of its kind."""
    old: Any = schema.get(keyword) if isinstance(schema, dict) else None
    if keyword == "$ref":
        return Edit(file, at, keyword, name, _choice(name, schema[name], values))
    if keyword in CLOSED and old is False:
        return Edit(file, at, keyword, name, _inferred(values))
    if keyword == "required":
        return Edit(file, at, keyword, name)
    if keyword == "type":
        return Edit(file, at, keyword, value=_widened(old, values))
    if keyword in ("enum", "const"):
        return Edit(file, at, keyword, value=_with(old if keyword == "enum" else [old], values))
    bound = _STRICT.get(keyword, keyword)
    pick = {**_LOWER, **_UPPER}.get(bound)
    if pick is None:
        return None
    return Edit(file, at, keyword, value=pick(len(value) if keyword in _SIZED else value for value in values))


def edited(schema: Any, edit: Edit) -> Any:
    """A copy of the schema of ``edit.file`` with the edit made; keys keep their order."""
    made = deepcopy(schema)
    here = made
    for step in edit.at:
        here = here[step]
    if edit.keyword in CLOSED:
        here["properties"] = {**here.get("properties", {}), edit.name: edit.value}
    elif edit.keyword == "required":
        here["required"] = [name for name in here["required"] if name != edit.name]
    elif edit.keyword == "const":
        _replaced(here, "const", "enum", edit.value)
    elif edit.keyword == "$ref":
        _replaced(here, "$ref", "anyOf", [{"$ref": here["$ref"]}, edit.value])
    elif edit.keyword in _STRICT:
        _replaced(here, edit.keyword, _STRICT[edit.keyword], edit.value)
    else:
        here[edit.keyword] = edit.value
    return made


def said(edit: Edit, schema: Any) -> str:
    """The edit in words; ``schema`` is the one at its place, as it is before."""
    if edit.keyword == "$ref" and edit.name == "type":
        return f"type: {_types(schema['type'])} → {_types([*_kinds(schema['type']), *_kinds(edit.value['type'])])}"
    if edit.keyword == "$ref":
        return f"also allow {_values(edit.value['enum'])}"
    if edit.keyword in CLOSED:
        return f"add it as optional, {_kind(edit.value)}"
    if edit.keyword == "required":
        return "make it optional"
    if edit.keyword == "type":
        return f"type: {_types(schema['type'])} → {_types(edit.value)}"
    if edit.keyword in ("enum", "const"):
        old = schema["enum"] if edit.keyword == "enum" else [schema["const"]]
        new = [value for value in edit.value if not any(_same(value, known) for known in old)]
        return f"also allow {_values(new)}"
    instead = f"{_STRICT[edit.keyword]} " if edit.keyword in _STRICT else ""
    return f"{edit.keyword}: {schema[edit.keyword]} → {instead}{edit.value}"


def _choice(keyword: str, old: Any, values: Sequence[Any]) -> Any:
    """The schema of what ``keyword`` refused: the types or the values that it has not yet."""
    if keyword != "type":
        return {"enum": _with([], values)}
    new = [kind for kind in _kinds(_widened([], values)) if kind not in _kinds(old)]
    return {"type": new[0] if len(new) == 1 else new}


def _inferred(values: Iterable[Any]) -> Any:
    """The schema that genson reads from the values, without a draft of its own."""
    from genson import SchemaBuilder

    builder = SchemaBuilder(schema_uri=SchemaBuilder.NULL_URI)
    for value in values:
        builder.add_object(value)
    return builder.to_schema()


def _widened(old: Any, values: Iterable[Any]) -> Any:
    """``type`` with the types of the values too, in the order they came; a fraction makes an integer a number."""
    kinds = _kinds(old)
    for kind in map(_type_of, values):
        if kind == "number" and "integer" in kinds:
            kinds[kinds.index("integer")] = "number"
        elif kind not in kinds and not (kind == "integer" and "number" in kinds):
            kinds.append(kind)
    return kinds[0] if len(kinds) == 1 else kinds


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return _NUMBER[0 if value == int(value) else 1]
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _with(known: Sequence[Any], values: Iterable[Any]) -> list[Any]:
    made = list(known)
    for value in values:
        if not any(_same(value, one) for one in made):
            made.append(value)
    return made


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _replaced(here: dict[str, Any], old: str, new: str, value: Any) -> None:
    """Another keyword in the place of one, the order of the others kept."""
    kept = {new if key == old else key: value if key == old else held for key, held in here.items()}
    here.clear()
    here.update(kept)


def _kind(schema: Any) -> str:
    return _types(schema.get("type", "anything")) if isinstance(schema, dict) else "anything"


def _kinds(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def _values(values: Iterable[Any]) -> str:
    return _clipped(", ".join(json.dumps(value, ensure_ascii=False) for value in values))


def _types(said: Any) -> str:
    return said if isinstance(said, str) else " or ".join(said)


def _clipped(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
