"""What a contract demands to be there: its required places down to two levels, and whether each may be empty.

What belongs here: reading that out of a schema. What does not: judging documents (``validate.py``), drawing it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from telemetry_assets.contracts.dialects import Draft
from telemetry_assets.contracts.places import pointer_of
from telemetry_assets.contracts.references import Target, target_of
from telemetry_assets.contracts.validate import Contract
from telemetry_assets.contracts.validators import judging

LEVELS = 2
_EMPTY: tuple[Any, ...] = ("", [], {}, None)
"""What has nothing in it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A place that every document of a contract has. ``pointer`` is of the document; ``kind`` its types in words."""

    pointer: str
    kind: str
    may_be_empty: bool


def sections(contract: Contract) -> tuple[Section, ...]:
    """The required places of a contract, outer before inner, in the order of the schema.

    A place of an item or of an optional object is none: a document may have no such item.
    """
    root = Target(contract.name, "", contract.schema)
    return tuple(_below(contract, [root], (), LEVELS))


def _below(contract: Contract, here: list[Target], path: tuple[str, ...], levels: int) -> Iterator[Section]:
    schemas = [schema for target in here for schema in _together(contract, target, frozenset())]
    required = dict.fromkeys(name for each in schemas for name in each.schema.get("required", ()))
    for name in required if levels else ():
        inner = [
            Target(each.file, f"{each.pointer}/properties{pointer_of([name])}", each.schema["properties"][name])
            for each in schemas
            if name in each.schema.get("properties", {})
        ]
        place = (*path, name)
        yield Section(pointer_of(place), _kind(contract, inner), _may_be_empty(contract, inner))
        yield from _below(contract, inner, place, levels - 1)


def _together(contract: Contract, target: Target, seen: frozenset[tuple[str, str]]) -> Iterator[Target]:
    """The schemas that all hold of the same place: the schema itself, its ``allOf`` and where its ``$ref`` leads."""
    spot = (target.file, target.pointer)
    if not isinstance(target.schema, dict) or spot in seen:
        return
    yield target
    if "$ref" in target.schema:
        there = target_of(target.schema["$ref"], target.file, _files(contract))
        if isinstance(there, Target):
            yield from _together(contract, there, seen | {spot})
    for index, inner in enumerate(target.schema.get("allOf", ())):
        yield from _together(contract, Target(target.file, f"{target.pointer}/allOf/{index}", inner), seen | {spot})


def _kind(contract: Contract, here: list[Target]) -> str:
    """The types that all of the place's schemas allow, as they are named."""
    said = [
        set([types] if isinstance(types, str) else types)
        for target in here
        for each in _together(contract, target, frozenset())
        if (types := each.schema.get("type"))
    ]
    return " or ".join(sorted(set.intersection(*said))) if said else "anything"


def _may_be_empty(contract: Contract, here: list[Target]) -> bool:
    """Whether some empty value is accepted there: by asking, so that every keyword counts."""
    judges = [_judge(contract, target) for target in here]
    return any(all(judge.is_valid(empty) for judge in judges) for empty in _EMPTY)


def _judge(contract: Contract, target: Target) -> Any:
    if not isinstance(target.schema, dict):
        return judging(target.schema, Draft.V2020)
    name, files = ".section", {**_files(contract), ".section": {}}
    return judging({"$schema": contract.draft.uri, "$ref": _reference(target)}, contract.draft, name=name, files=files)


def _reference(target: Target) -> str:
    from urllib.parse import quote

    return f"{quote(target.file or '.whole')}#{quote(target.pointer)}"


def _files(contract: Contract) -> dict[str, Any]:
    return {**contract.files, contract.name: contract.schema, contract.name or ".whole": contract.schema}
