"""The line of a schema file that a JSON Pointer, or a change of the documents, is about.

What belongs here: pointers → lines. What does not: tokens and pointers themselves (``places.py``).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from telemetry_assets.contracts.places import line_and_column, steps_of, tokens

Path = tuple[str, ...]

_INSIDE = ("allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas")
"""Keywords whose schemas are about the same value as the schema they stand in."""
_MANY = ("additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames")
_EACH = ("items", "prefixItems", "additionalItems", "contains", "unevaluatedItems")


def line_of(text: str, pointer: str) -> int:
    """The line (from 1) where what ``pointer`` (RFC 6901) names begins: its key, or the item of an array.

    Where the text has no such place, that of its nearest parent. Never raises, whatever the text is.
    """
    return _line(text, steps_of(pointer))


def line_of_change(text: str, pointer: str, keyword: str = "") -> int:
    """The line of a schema's ``text`` that is about ``pointer`` in its *documents* (``items``: any item of an array,
    ``*``: any other property), there about ``keyword`` where it is written.

    References inside the file are followed; where the way ends, so does the answer: at the nearest parent.
    """
    try:
        root = json.loads(text)
    except (ValueError, RecursionError):
        return 1
    path: Path = ()
    for step in steps_of(pointer):
        children = (_child(root, place, step) for place in _places(root, path, set()))
        found = next((child for child in children if child is not None), None)
        if found is None:
            break
        path = found
    else:
        said = (place for place in _places(root, path, set()) if keyword in _at(root, place))
        holder = next(said, None) if keyword else None
        path = (*holder, keyword) if holder is not None else path
    return _line(text, path)


def _line(text: str, path: Path) -> int:
    best, deepest = 0, 0
    for token in tokens(text):
        if token.text in ",:]}" or len(token.pointer) <= deepest or len(token.pointer) > len(path):
            continue
        if tuple(map(str, token.pointer)) == path[: len(token.pointer)]:
            best, deepest = token.offset, len(token.pointer)
            if deepest == len(path):
                break
    return line_and_column(text, best)[0]


def _places(root: Any, path: Path, seen: set[Path]) -> Iterator[Path]:
    """The schemas that speak of the same value as the one at ``path``: itself, what it refers to, what it combines."""
    schema = _at(root, path)
    if path in seen or not isinstance(schema, Mapping):
        return
    seen.add(path)
    yield path
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        yield from _places(root, steps_of(reference.removeprefix("#")), seen)
    for word in _INSIDE:
        inner = schema.get(word)
        if word in ("if", "then", "else", "not"):
            yield from _places(root, (*path, word), seen)
        elif isinstance(inner, Mapping):
            for name in inner:
                yield from _places(root, (*path, word, str(name)), seen)
        elif isinstance(inner, list):
            for index in range(len(inner)):
                yield from _places(root, (*path, word, str(index)), seen)


def _child(root: Any, path: Path, step: str) -> Path | None:
    """Where the schema at ``path`` speaks of what ``step`` leads to, None where it does not."""
    schema = cast("Mapping[str, Any]", _at(root, path))
    named = schema.get("properties")
    if isinstance(named, Mapping) and step in named:
        return (*path, "properties", step)
    if step.isdecimal():
        for word in ("prefixItems", "items"):
            if _at(root, (*path, word, step)) is not None:
                return (*path, word, step)
    words = {"items": _EACH, "*": _MANY}.get(step, _EACH if step.isdecimal() else ())
    word = next((word for word in words if word in schema), None)
    return None if word is None else (*path, word)


def _at(root: Any, path: Path) -> Any:
    """What stands at ``path``, None where nothing does."""
    value = root
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
