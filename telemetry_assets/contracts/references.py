"""Where a ``$ref`` of a schema leads: a place in the same file, or in another file of the same folder tree.

What belongs here: following references, and what is wrong with one. What does not: the other keywords of a schema
(``schema_check.py``). Nothing here opens a file or a network: files are handed in as {relative path: schema}.
"""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from telemetry_assets.contracts.dialects import IN_PLACE, Draft, Path_, draft_of, every_schema, subschemas
from telemetry_assets.contracts.places import pointer_of, steps_of

REFERENCES = ("$ref", "$dynamicRef")
Files = Mapping[str, Any]
Spot = tuple[str, str]
"""(file, JSON Pointer) of a schema."""


@dataclass(frozen=True, slots=True)
class Target:
    """The schema that a reference leads to. ``file`` is the relative path of its file, ``pointer`` its place there."""

    file: str
    pointer: str
    schema: Any


def target_of(reference: Any, name: str, files: Files) -> Target | str:
    """Where a reference in the file ``name`` leads; a string says why nowhere."""
    if not isinstance(reference, str):
        return "is no text"
    try:
        parts = urlsplit(reference)
    except ValueError:
        return "is no reference"
    if parts.scheme or parts.netloc or parts.query:
        return "leaves the folder; a contract stands on its own, never on a network"
    file = name
    if parts.path:
        file = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
        if file.startswith(("../", "/")) or file == "..":
            return "leaves the folder; a contract stands on its own"
        if file not in files:
            return f"leads to {file}, which is no schema of the folder"
    return _inside(files[file], file, unquote(parts.fragment))


def _inside(schema: Any, file: str, fragment: str) -> Target | str:
    draft = draft_of(schema) or Draft.V2020
    if fragment and not fragment.startswith("/"):
        for path, inner in every_schema(schema, draft):
            if isinstance(inner, dict) and fragment in _anchors(inner):
                return Target(file, pointer_of(path), inner)
        return f"leads to the anchor {fragment!r}, which {file or 'the file'} does not have"
    here = schema
    for key in steps_of(fragment):
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            return f"leads to {fragment}, which {file or 'the file'} does not have"
    if not isinstance(here, dict | bool):
        return f"leads to {fragment}, which is no schema"
    return Target(file, fragment, here)


def _anchors(schema: Mapping[str, Any]) -> set[str]:
    said = {value for key in ("$anchor", "$dynamicAnchor") if isinstance(value := schema.get(key), str)}
    own = schema.get("$id")
    return said | ({own[1:]} if isinstance(own, str) and own.startswith("#") else set())


def references_in(schema: Any) -> Iterator[tuple[Path_, Any]]:
    """(path of the keyword, reference) of every reference of a file."""
    for path, inner in every_schema(schema, draft_of(schema) or Draft.V2020):
        if isinstance(inner, dict):
            yield from (((*path, key), inner[key]) for key in REFERENCES if key in inner)


def needed_files(name: str, files: Files) -> dict[str, Any]:
    """The file ``name`` and every one that it leads to, however far; references that lead nowhere are left out."""
    needed, ahead = {name: files[name]}, [name]
    while ahead:
        here = ahead.pop()
        for _, reference in references_in(files[here]):
            target = target_of(reference, here, files)
            if isinstance(target, Target) and target.file not in needed:
                needed[target.file] = files[target.file]
                ahead.append(target.file)
    return needed


def loop(name: str, files: Files) -> Spot | None:
    """A schema of ``name`` that leads only back to itself, so that looking at a value would never end; None without."""
    done: set[Spot] = set()
    for path, inner in every_schema(files[name], draft_of(files[name]) or Draft.V2020):
        found = _back(Target(name, pointer_of(path), inner), files, done, _in_place)
        if found:
            return found
    return None


def chooses_again(name: str, files: Files) -> bool:
    """Whether, as deep as a document goes, it can meet a choice (``anyOf``, ``oneOf``) again that it has passed."""
    needed = needed_files(name, files)
    choosing = any(
        isinstance(inner, dict) and not inner.keys().isdisjoint(("anyOf", "oneOf"))
        for schema in needed.values()
        for _, inner in every_schema(schema, draft_of(schema) or Draft.V2020)
    )
    return choosing and _back(Target(name, "", files[name]), files, set(), _inside_of) is not None


def _back(
    start: Target, files: Files, done: set[Spot], onwards: Callable[[Target, Files], Iterator[Target]]
) -> Spot | None:
    """A schema that is met again on the way from ``start``; depth first with a stack, for the way may be long."""
    on_way: dict[Spot, Iterator[Target]] = {}
    ahead = [start]
    while ahead:
        here = ahead.pop()
        spot = (here.file, here.pointer)
        if spot in on_way:
            return spot
        if spot not in done:
            on_way[spot] = onwards(here, files)
        while on_way:
            last = next(reversed(on_way))
            following = next(on_way[last], None)
            if following is not None:
                ahead.append(following)
                break
            done.add(last)
            del on_way[last]
    return None


def _inside_of(here: Target, files: Files) -> Iterator[Target]:
    """What the references in a schema lead to, however deep they stand in it."""
    for _, inner in every_schema(here.schema, draft_of(files[here.file]) or Draft.V2020):
        for key in REFERENCES:
            if isinstance(inner, dict) and key in inner:
                target = target_of(inner[key], here.file, files)
                yield from [target] if isinstance(target, Target) else []


def _in_place(here: Target, files: Files) -> Iterator[Target]:
    """What looks at the same value."""
    schema, draft = here.schema, draft_of(files[here.file]) or Draft.V2020
    if not isinstance(schema, dict):
        return
    for key in REFERENCES:
        if key in schema and isinstance(target := target_of(schema[key], here.file, files), Target):
            yield target
    # In draft 7 nothing beside a $ref counts.
    if draft is Draft.V7 and "$ref" in schema:
        return
    for step, inner in subschemas(schema, draft):
        if step[0] in IN_PLACE:
            yield Target(here.file, f"{here.pointer}{pointer_of(step)}", inner)
