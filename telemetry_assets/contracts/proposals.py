"""Edits of a contract that would let real documents keep it: the smallest that do, each with its verdict. Never applied
here without being asked for by id.

What belongs here: documents that break a contract → edits, and an edit of a schema. What does not: whose documents they
are, writing files (``cli/contracts.py``), the text of a schema (``rewriting.py``).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from telemetry_assets.contracts.compare import compare
from telemetry_assets.contracts.drift import WORST_FIRST, Change, Direction, Drift
from telemetry_assets.contracts.places import pointer_of
from telemetry_assets.contracts.references import Target, needed_files, target_of
from telemetry_assets.contracts.validate import Contract

MOST = 10_000
"""So many violations of one document are looked at."""
_LOWER = {"minimum": min, "minLength": min, "minItems": min, "minProperties": min}
_UPPER = {"maximum": max, "maxLength": max, "maxItems": max, "maxProperties": max}
_SIZED = {"minLength", "minItems", "minProperties", "maxLength", "maxItems", "maxProperties"}
_STRICT = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_CLOSED = ("additionalProperties", "unevaluatedProperties")
_NUMBER = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: at ``at`` (the steps to a schema in ``file``), about ``keyword``, of the property ``name`` where it is
    about one. ``value`` is what the keyword or the property becomes, None where a name is taken out of ``required``."""

    file: str
    at: tuple[str | int, ...]
    keyword: str
    name: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit of ``contract`` (its name) in words, with what it does to readers: ``drift``, and the ``changes`` of it.

    ``pointer`` is where in the documents. ``id`` is that of its one change as ``contracts diff`` says it, so that the
    same id accepts the edit here and its change there; an edit of several changes has an id of its own.
    """

    id: str
    contract: str
    pointer: str
    text: str
    drift: Drift
    edit: Edit
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class _Found:
    """The values that one keyword of one schema refused, and where in the documents."""

    schema: Any
    pointer: str
    values: list[Any] = field(default_factory=list[Any])


def proposals(contract: Contract, documents: Iterable[Any], direction: Direction) -> tuple[Proposal, ...]:
    """The edits that let ``documents`` keep ``contract``, by pointer, each the smallest of its kind.

    What a choice (``anyOf``, ``if``), a ``pattern`` or a ``format`` refuses has none: that needs a person's judgement.
    """
    found = _refused(contract, documents)
    made: dict[str, Proposal] = {}
    for (file, at, keyword, name), refused in found.items():
        edit = _edit(file, at, keyword, name, refused)
        if edit is not None:
            proposal = _proposal(contract, edit, refused, direction)
            made.setdefault(proposal.id, proposal)
    return tuple(sorted(made.values(), key=lambda one: (one.pointer, one.edit.keyword, one.id)))


def edited(schema: Any, edit: Edit) -> Any:
    """A copy of the schema of ``edit.file`` with the edit made; keys keep their order."""
    made = deepcopy(schema)
    here = made
    for step in edit.at:
        here = here[step]
    if edit.keyword in _CLOSED:
        here["properties"] = {**here.get("properties", {}), edit.name: edit.value}
    elif edit.keyword == "required":
        here["required"] = [name for name in here["required"] if name != edit.name]
    elif edit.keyword == "const":
        _replaced(here, "const", "enum", edit.value)
    elif edit.keyword in _STRICT:
        _replaced(here, edit.keyword, _STRICT[edit.keyword], edit.value)
    else:
        here[edit.keyword] = edit.value
    return made


_Spot = tuple[str, tuple[str | int, ...], str, str]


def _refused(contract: Contract, documents: Iterable[Any]) -> dict[_Spot, _Found]:
    """(file, schema, keyword, property) → the values that were refused there."""
    found: dict[_Spot, _Found] = {}
    for document in documents:
        if contract.accepts(document):
            continue
        for error in islice(contract.reference_errors(document), MOST):
            place = _place(contract, list(error.absolute_schema_path)[:-1])
            if place is None:
                continue
            for name, value in _culprits(error):
                path = [*error.absolute_path, *([name] if name else [])]
                pointer = pointer_of("items" if isinstance(step, int) else step for step in path)
                spot = (*place, str(error.validator), name)
                found.setdefault(spot, _Found(error.schema, pointer)).values.append(value)
    return found


def _culprits(error: Any) -> Iterator[tuple[str, Any]]:
    """(property, value) of what an error is about; no property where it is the value itself."""
    if error.validator in _CLOSED:
        known = error.schema.get("properties", {})
        yield from ((name, value) for name, value in error.instance.items() if name not in known)
    elif error.validator == "required":
        yield from ((name, None) for name in error.validator_value if name not in error.instance)
    else:
        yield "", error.instance


def _place(contract: Contract, path: Sequence[str | int]) -> tuple[str, tuple[str | int, ...]] | None:
    """(file, steps in it) of the schema at a path of jsonschema's, its references followed; None where it is lost."""
    files = {**contract.files, contract.name: contract.schema}
    # Schemas of several files are compiled behind one reference to the first.
    steps = path[1:] if len(needed_files(contract.name, files)) > 1 else path
    file, at, here = contract.name, tuple[str | int, ...](), contract.schema
    for step in steps:
        if step == "$ref":
            target = target_of(here[step], file, files)
            if not isinstance(target, Target):
                return None
            file, here, at = target.file, target.schema, _steps(target, files)
            continue
        try:
            here, at = here[step], (*at, step)
        except (KeyError, IndexError, TypeError):
            return None
    return file, at


def _steps(target: Target, files: Mapping[str, Any]) -> tuple[str | int, ...]:
    at: tuple[str | int, ...] = ()
    here: Any = files[target.file]
    for raw in target.pointer.split("/")[1:]:
        key = raw.replace("~1", "/").replace("~0", "~")
        listed: bool = isinstance(here, list)
        step = int(key) if listed else key
        here, at = here[step], (*at, step)
    return at


def _edit(file: str, at: tuple[str | int, ...], keyword: str, name: str, found: _Found) -> Edit | None:
    """The smallest edit that accepts all of the values, None where there is none of its kind."""
    old: Any = found.schema.get(keyword) if isinstance(found.schema, dict) else None
    values = found.values
    if keyword in _CLOSED and old is False:
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


def _proposal(contract: Contract, edit: Edit, found: _Found, direction: Direction) -> Proposal:
    files = {**contract.files, contract.name: contract.schema}
    after = {**files, edit.file: edited(files[edit.file], edit)}
    seen = compare(
        files[contract.name], after[contract.name], direction, name=contract.name, old_files=files, new_files=after
    )
    drift, changes = seen.verdict, seen.changes
    if edit.file != contract.name:
        drift = _worst(drift, edit.file, files, after, direction)
    name = contract.name.rpartition("/")[2].removesuffix(".schema.json")
    return Proposal(
        changes[0].id if len(changes) == 1 else _id(edit), name, found.pointer, _text(edit, found), drift, edit, changes
    )


def _worst(drift: Drift, file: str, old: Mapping[str, Any], new: Mapping[str, Any], direction: Direction) -> Drift:
    """The worst that an edit of a shared file does to any contract that refers to it."""
    readers = [path for path in old if path.startswith(("assets/", "api/")) and file in needed_files(path, old)]
    found = {
        compare(old[path], new[path], direction, name=path, old_files=old, new_files=new).verdict for path in readers
    }
    return next(one for one in WORST_FIRST if one in {drift, *found})


def _text(edit: Edit, found: _Found) -> str:
    if edit.keyword in _CLOSED:
        return f"add it as optional, {_kind(edit.value)}"
    if edit.keyword == "required":
        return "make it optional"
    if edit.keyword == "type":
        return f"type: {_types(found.schema['type'])} → {_types(edit.value)}"
    if edit.keyword in ("enum", "const"):
        old = found.schema["enum"] if edit.keyword == "enum" else [found.schema["const"]]
        new = [value for value in edit.value if not any(_same(value, known) for known in old)]
        return f"also allow {_clipped(', '.join(json.dumps(value, ensure_ascii=False) for value in new))}"
    return f"{edit.keyword}: {found.schema[edit.keyword]} → {_STRICT.get(edit.keyword, '')} {edit.value}".replace(
        "  ", " "
    )


def _id(edit: Edit) -> str:
    said = [edit.file, pointer_of(edit.at), edit.keyword, edit.name, edit.value]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _inferred(values: Iterable[Any]) -> Any:
    """The schema that genson reads from the values, without a draft of its own."""
    from genson import SchemaBuilder

    builder = SchemaBuilder(schema_uri=SchemaBuilder.NULL_URI)
    for value in values:
        builder.add_object(value)
    return builder.to_schema()


def _widened(old: Any, values: Iterable[Any]) -> Any:
    """``type`` with the types of the values too, in the order they came; a fraction makes an integer a number."""
    kinds = [old] if isinstance(old, str) else list(old)
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


def _types(said: Any) -> str:
    return said if isinstance(said, str) else " or ".join(said)


def _clipped(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
