"""The labelled pairs of pairs/*.yaml: two schemas, and for both directions what is true of them.

A pair is ``{name, old, new, forward, backward}``; a direction is ``compatible``, or ``{incompatible: DOCUMENT}`` with a
document that shows it. ``draft``/``drafts`` says ``$schema`` of both/each (2020-12 where nothing is said);
``old_files``/``new_files`` lie beside them (``new_files`` where not given: as the old). ``base`` takes both from a
schema of payloads/, the new one with ``edits`` ([pointer, value], or [pointer] to take away), and
``incompatible_edits`` edits its document. What belongs here: reading. What does not: judging.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.contracts.oracle import DRAFT_7, DRAFT_2020

FOLDER = Path(__file__).parent / "pairs"
DIALECTS = {"7": DRAFT_7, "2020-12": DRAFT_2020}
KEYS = {
    "name", "old", "new", "forward", "backward", "draft", "drafts", "old_files", "new_files", "base", "edits",
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """One direction of a pair: does ``sup`` accept every document of ``sub``? ``witness`` where it does not."""

    family: str
    name: str
    direction: str
    old: Any
    new: Any
    old_files: dict[str, Any]
    new_files: dict[str, Any]
    compatible: bool
    witness: Any
    sample: Any

    @property
    def sub(self) -> tuple[Any, dict[str, Any]]:
        """The schema whose documents have to be accepted, with its files."""
        return (self.new, self.new_files) if self.direction == "forward" else (self.old, self.old_files)

    @property
    def sup(self) -> tuple[Any, dict[str, Any]]:
        """The schema that has to accept them, with its files."""
        return (self.old, self.old_files) if self.direction == "forward" else (self.new, self.new_files)

    @property
    def id(self) -> str:
        """How it is named in a report."""
        return f"{self.family}: {self.name} ({self.direction})"


@cache
def questions() -> tuple[Question, ...]:
    """Both directions of every pair, in the order of the files."""
    return tuple(question for path in sorted(FOLDER.glob("*.yaml")) for question in _of_file(path))


def _of_file(path: Path) -> Iterator[Question]:
    # The compiled loader reads them ten times as fast.
    for pair in yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        odd = set(pair) - KEYS
        assert not odd, f"{path.name}: {pair['name']}: {odd}"
        old, new, sample = _schemas(pair)
        old_files = pair.get("old_files", {})
        new_files = pair.get("new_files", old_files)
        for direction in ("forward", "backward"):
            compatible, witness = _label(pair[direction], sample)
            name = str(pair["name"])
            yield Question(path.stem, name, direction, old, new, old_files, new_files, compatible, witness, sample)


def _schemas(pair: dict[str, Any]) -> tuple[Any, Any, Any]:
    if "base" in pair:
        old = json.loads((FOLDER / "payloads" / f"{pair['base']}.schema.json").read_text())
        sample = json.loads((FOLDER / "payloads" / f"{pair['base']}.json").read_text())
        return old, edited(old, pair["edits"]), sample
    drafts = pair.get("drafts") or [pair.get("draft")] * 2
    old, new = (_in_draft(pair[side], draft) for side, draft in zip(("old", "new"), drafts, strict=True))
    return old, new, None


def _in_draft(schema: Any, draft: Any) -> Any:
    return schema if draft is None else {"$schema": DIALECTS[str(draft)], **schema}


def _label(label: Any, sample: Any) -> tuple[bool, Any]:
    """Whether it is compatible, and the document that shows that it is not."""
    if label == "compatible":
        return True, None
    ((kind, value),) = label.items()
    return False, {"incompatible": lambda: value, "incompatible_edits": lambda: edited(sample, value)}[kind]()


def edited(document: Any, edits: list[list[Any]]) -> Any:
    """A copy with each [pointer, value] set, and each [pointer] taken away."""
    document = copy.deepcopy(document)
    for pointer, *value in edits:
        *parents, last = pointer.split("/")[1:]
        place = document
        for step in parents:
            place = place[int(step)] if isinstance(place, list) else place[step]
        key = int(last) if isinstance(place, list) else last
        if value:
            place[key] = value[0]
        else:
            del place[key]
    return document
