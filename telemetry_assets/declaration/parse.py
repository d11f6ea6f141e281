"""telemetry.yaml, read and checked: the one door to what a person declared; errors name line, key and way out.

What belongs here: from a file to a Declaration, and the JSON Schema that editors complete with. What does not: the
shapes themselves (``shapes.py``), paths made absolute and the environment (``settings.py``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from telemetry_assets.declaration.consistency import problems
from telemetry_assets.declaration.document import Document, Place, Problem, nearest, read_document
from telemetry_assets.declaration.entry import EntryError, UnknownKeysError
from telemetry_assets.declaration.forms import parse_clock, parse_duration
from telemetry_assets.declaration.shapes import Declaration

__all__ = ["Declaration", "parse", "parse_clock", "parse_duration", "read_document", "schema"]

SCHEMA_PATH = "schemas/config/telemetry.schema.json"
"""Where the schema is committed (a test keeps it current), and what the modeline of telemetry.yaml names."""

_WORDS = {
    "missing": "is missing.",
    "model_type": "must be a mapping (key: value).",
    "dict_type": "must be a mapping (key: value).",
    "list_type": "must be a list.",
    "string_type": "must be text: put it in quotes.",
    "bool_type": "must be true or false.",
    "bool_parsing": "must be true or false.",
    "string_too_short": "is empty.",
    "too_short": "is empty: name at least one.",
    "uuid_type": "must be a UUID in quotes.",
    "uuid_parsing": "is not a UUID, like 11111111-2222-3333-4444-555555555555.",
    "path_type": "must be a path.",
}
"""Pydantic's kinds of errors in words a person can act on."""


def parse(document: Document) -> Declaration:
    """A document → Declaration. Raises one ConfigError with everything that is wrong in it, by line."""
    data = {} if document.data is None else document.data
    if not isinstance(data, Mapping):
        document.refuse([Problem((), "The file must be a mapping: sources: …, promises: …")])
    declared, found = _readable(data)
    broken = {str(problem.place[0]) for problem in found}
    if not broken <= set(Declaration.model_fields):
        broken |= Declaration.model_fields.keys() - data.keys()
    found += problems(declared, document.path.parent, frozenset(broken))
    document.refuse(found)
    return declared


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of telemetry.yaml, every key described in words."""
    made = _tidied(Declaration.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "telemetry.yaml", **made}


def _tidied(node: Any, *, named: bool = False) -> Any:
    """Pydantic's schema without what an editor would only stumble over. ``named``: the keys of ``node`` are names.

    Out: derived titles, defaults that are objects, the null beside every optional value; names of a mapping are closed.
    """
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    if named:
        return {key: _tidied(item) for key, item in node.items()}
    kept = {key: item for key, item in node.items() if key != "title" and not (key == "default" and item in (None, {}))}
    if isinstance(kept.get("default"), dict):
        del kept["default"]
    if "patternProperties" in kept:
        kept.pop("propertyNames", None)
        kept["additionalProperties"] = False
    options = [option for option in kept.pop("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        kept = {**options[0], **kept}
    elif options:
        kept["anyOf"] = options
    names = ("properties", "patternProperties", "$defs")
    return {key: _tidied(item, named=key in names) for key, item in kept.items()}


def _readable(data: Mapping[Any, Any]) -> tuple[Declaration, list[Problem]]:
    """What can be read without the broken sections, so that one message has the errors of all the others too."""
    try:
        return Declaration.model_validate(data), []
    except ValidationError as error:
        found = [problem for entry in error.errors(include_url=False) for problem in worded(entry)]
    broken = {str(problem.place[0]) for problem in found}
    declared, more = _readable({key: value for key, value in data.items() if str(key) not in broken})
    return declared, found + more


def worded(entry: Mapping[str, Any]) -> Iterator[Problem]:
    """One error of pydantic's (``errors()``) as problems in words a person can act on."""
    place: Place = tuple(part for part in entry["loc"] if part != "[key]")
    cause = entry.get("ctx", {}).get("error")
    if isinstance(cause, UnknownKeysError):
        for key in cause.unknown:
            yield Problem((*place, key), f"is not a key here; {nearest(key, cause.known)}")
    elif isinstance(cause, EntryError):
        yield Problem(place, f"{cause}.")
    elif cause is not None:
        yield Problem(place, f": {cause}".removesuffix("?") + ("?" if str(cause).endswith("?") else "."))
    elif entry["type"] == "literal_error":
        yield Problem(place, f"must be {entry['ctx']['expected']}.")
    else:
        yield Problem(place, _WORDS.get(entry["type"], f"is wrong: {entry['msg']}."))
