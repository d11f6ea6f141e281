"""Edits of a contract that would let real documents keep it: the smallest that do, each with its verdict. Never applied
here without being asked for by id.

What belongs here: documents that break a contract → edits with their places, ids and verdicts. What does not: the edits
themselves (``edits.py``), whose documents they are, writing files (``cli/contracts.py``).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from telemetry_assets.contracts.compare import compare
from telemetry_assets.contracts.drift import WORST_FIRST, Change, Direction, Drift
from telemetry_assets.contracts.edits import CHOICES, CLOSED, Edit, Steps, edit_for, edited, said
from telemetry_assets.contracts.places import pointer_of, steps_of
from telemetry_assets.contracts.references import Target, needed_files, references_in, target_of
from telemetry_assets.contracts.validate import Contract

ROUNDS = 8
"""So often an edit may bring out what it had hidden: a type, then its bounds."""
MOST = 10_000
"""So many violations of one document are looked at."""


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


@dataclass(frozen=True, slots=True)
class _Place:
    """A schema: its file, the steps to it there, and the schema with the reference that led straight to it."""

    file: str
    at: Steps
    schema: Any
    reference: tuple[str, Steps] | None = None


@dataclass(slots=True)
class _Found:
    """The values that one keyword of one schema refused, where in the documents, and how many references share it."""

    schema: Any
    pointer: str
    shared: int = 0
    values: list[Any] = field(default_factory=list[Any])


def proposals(contract: Contract, documents: Iterable[Any], direction: Direction) -> tuple[Proposal, ...]:
    """The edits that let ``documents`` keep ``contract``, by pointer, each the smallest of its kind.

    What a choice (``anyOf``, ``if``), a ``pattern`` or a ``format`` refuses has none: that needs a person's judgement.
    """
    made: dict[str, Proposal] = {}
    for edit, refused in _edits(contract, documents):
        proposal = _proposal(contract, edit, refused, direction)
        made.setdefault(proposal.id, proposal)
    return tuple(sorted(made.values(), key=lambda one: (one.pointer, one.edit.keyword, one.id)))


def beyond_help(contract: Contract, documents: Sequence[Any]) -> tuple[tuple[Any, ...], Contract]:
    """The documents that break ``contract`` even after every edit that can be proposed and those that follow from it,
    and the contract as it would be then."""
    for _ in range(ROUNDS):
        found = [edit for edit, _ in _edits(contract, documents)]
        if not found:
            break
        files = {**contract.files, contract.name: contract.schema}
        for edit in found:
            files[edit.file] = edited(files[edit.file], edit)
        contract = replace(contract, schema=files[contract.name], files=files)
    return tuple(document for document in documents if not contract.accepts(document)), contract


_Spot = tuple[str, Steps, str, str]


def _edits(contract: Contract, documents: Iterable[Any]) -> Iterator[tuple[Edit, _Found]]:
    for (file, at, keyword, name), refused in _refused(contract, documents).items():
        edit = edit_for(file, at, keyword, name, refused.schema, refused.values)
        if edit is not None:
            yield edit, refused


def _refused(contract: Contract, documents: Iterable[Any]) -> dict[_Spot, _Found]:
    """(file, schema, keyword, property) → the values that were refused there."""
    found: dict[_Spot, _Found] = {}
    for document in documents:
        if contract.accepts(document):
            continue
        for error in contract.reference_errors(document, MOST):
            place = _place(contract, error)
            if place is None:
                continue
            for name, value in _culprits(error):
                path = [*error.absolute_path, *([name] if name else [])]
                pointer = pointer_of("items" if isinstance(step, int) else step for step in path)
                spot, shared = _spot(contract, place, str(error.validator), name)
                found.setdefault(spot, _Found(error.schema, pointer, shared)).values.append(value)
    return found


def _spot(contract: Contract, place: _Place, keyword: str, name: str) -> tuple[_Spot, int]:
    """Where an edit goes, and how many references share that schema. A value that only one of them brought is let
    through at that reference, where a choice can say so."""
    files = {**contract.files, contract.name: contract.schema}
    shared = _shared(files, place.file, place.at)
    if place.reference is None or shared < 2 or keyword not in CHOICES:
        return (place.file, place.at, keyword, name), shared
    return (*place.reference, "$ref", keyword), 1


def _shared(files: Mapping[str, Any], file: str, at: Steps) -> int:
    """How many references lead to the schema at ``at`` or to one that it stands in: the most of any."""
    above = {pointer_of(at[:length]) for length in range(1, len(at) + 1)}
    led = Counter(
        target.pointer
        for name, schema in files.items()
        for _, reference in references_in(schema)
        if isinstance(target := target_of(reference, name, files), Target) and target.file == file
    )
    return max((led[pointer] for pointer in above), default=0)


def _culprits(error: Any) -> Iterator[tuple[str, Any]]:
    """(property, value) of what an error is about; no property where it is the value itself."""
    if error.validator in CLOSED:
        known = error.schema.get("properties", {})
        yield from ((name, value) for name, value in error.instance.items() if name not in known)
    elif error.validator == "required":
        yield from ((name, None) for name in error.validator_value if name not in error.instance)
    else:
        yield "", error.instance


def _place(contract: Contract, error: Any) -> _Place | None:
    """The schema that an error is about; None where it is lost.

    jsonschema names the steps on the way but not the references it followed: both ways are gone.
    """
    files = {**contract.files, contract.name: contract.schema}
    steps = tuple(error.absolute_schema_path)[:-1]
    ways = _ways(_Place(contract.name, (), contract.schema), steps, files, frozenset())
    return next((place for place in ways if place.schema == error.schema), None)


def _ways(here: _Place, steps: Steps, files: Mapping[str, Any], seen: frozenset[tuple[str, Steps]]) -> Iterator[_Place]:
    """Whatever lies at the end of ``steps``, with references gone through at will."""
    schema, spot = here.schema, (here.file, here.at)
    if not steps:
        yield here
    elif isinstance(schema, dict | list):
        step = steps[0]
        inner: Any = schema.get(step) if isinstance(schema, dict) else dict[Any, Any](enumerate(schema)).get(step)
        if inner is not None:
            yield from _ways(_Place(here.file, (*here.at, step), inner), steps[1:], files, frozenset())
    if isinstance(schema, dict) and "$ref" in schema and spot not in seen:
        target = target_of(schema["$ref"], here.file, files)
        if isinstance(target, Target):
            reference = here.reference or (None if "anyOf" in schema else spot)
            there = _Place(target.file, _steps(target, files), target.schema, reference)
            yield from _ways(there, steps, files, seen | {spot})


def _steps(target: Target, files: Mapping[str, Any]) -> Steps:
    at: Steps = ()
    here: Any = files[target.file]
    for key in steps_of(target.pointer):
        listed: bool = isinstance(here, list)
        step = int(key) if listed else key
        here, at = here[step], (*at, step)
    return at


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
        changes[0].id if len(changes) == 1 else _id(edit),
        name,
        found.pointer,
        said(edit, found.schema) + (f" (in what {found.shared} references share)" if found.shared > 1 else ""),
        drift,
        edit,
        changes,
    )


def _worst(drift: Drift, file: str, old: Mapping[str, Any], new: Mapping[str, Any], direction: Direction) -> Drift:
    """The worst that an edit of a shared file does to any contract that refers to it."""
    readers = [path for path in old if path.startswith(("assets/", "api/")) and file in needed_files(path, old)]
    found = {
        compare(old[path], new[path], direction, name=path, old_files=old, new_files=new).verdict for path in readers
    }
    return next(one for one in WORST_FIRST if one in {drift, *found})


def _id(edit: Edit) -> str:
    said = [edit.file, pointer_of(edit.at), edit.keyword, edit.name, edit.value]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
