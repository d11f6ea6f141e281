"""What became of a schema: the verdict over two versions of it, proved or shown, never guessed.

What belongs here: putting proof, counter-example and objection together. What does not: proving
(``contained.py``), searching (``witness.py``), the changes in words (``changes.py``). The meaning: docs/contracts.md.
"""

import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from telemetry_assets.contracts.comparison import witness
from telemetry_assets.contracts.comparison.changes import changes
from telemetry_assets.contracts.comparison.judges import Judge
from telemetry_assets.contracts.comparison.objections import objection_to
from telemetry_assets.contracts.comparison.sides import NOTHING
from telemetry_assets.contracts.containment.contained import prove
from telemetry_assets.contracts.containment.normal import Normal, normalise
from telemetry_assets.contracts.drift import WORST_FIRST, Change, Comparison, CounterExample, Direction, Drift
from telemetry_assets.contracts.spelling import disputed, with_draft

Files = Mapping[str, Any]
NO_FILES: Files = {}
OLD, NEW = "old", "new"


@dataclass(frozen=True, slots=True)
class _Version:
    side: str
    normal: Normal
    schema: Any
    judge: Judge


@dataclass(frozen=True, slots=True)
class _Answer:
    drift: Drift
    counterexample: CounterExample | None = None
    reason: str = ""


def compare(
    old: Any,
    new: Any,
    direction: Direction = Direction.FORWARD,
    *,
    name: str = "",
    old_files: Files = NO_FILES,
    new_files: Files = NO_FILES,
) -> Comparison:
    """What becomes of documents when ``old`` becomes ``new``, in the direction asked for.

    ``name`` is the contract's path in its folder: references are relative to it, the ids of the changes are made with
    its file's name. ``old_files`` and ``new_files``: path → schema of that folder, then and now. Raises ConfigError for
    what is no schema, naming file, pointer and keyword. The same input gives the same answer, in bounded work.
    """
    old, new = with_draft(old), with_draft(new)
    before = normalise(old, old_files, name)
    if _text(old, old_files) == _text(new, new_files):
        return Comparison(Drift.NO_CHANGE, direction)
    after = normalise(new, new_files, name)
    dispute = disputed(old, new)
    if before.equal(after) and not dispute:
        return Comparison(Drift.NO_CHANGE, direction)
    told = changes(before, after, direction, _contract(name))
    versions = _version(OLD, before, old, old_files, name), _version(NEW, after, new, new_files, name)
    answers = [_answer(sub, sup, dispute) for sub, sup in _ways(*versions, direction)]
    worst = min(answers, key=lambda answer: WORST_FIRST.index(answer.drift))
    return Comparison(worst.drift, direction, _agreeing(told, worst.drift), worst.counterexample, worst.reason)


def _contract(path: str) -> str:
    """A contract's name, wherever its folder lies."""
    return posixpath.basename(path).removesuffix(".json").removesuffix(".schema")


def _text(schema: Any, files: Files) -> str:
    """What is written, orders aside; 1, 1.0 and true stay apart."""
    return json.dumps([schema, dict(files)], sort_keys=True)


def _version(side: str, normal: Normal, schema: Any, files: Files, name: str) -> _Version:
    return _Version(side, normal, normal.to_schema(), Judge(schema, files, name))


def _ways(before: _Version, after: _Version, direction: Direction) -> list[tuple[_Version, _Version]]:
    """(whose documents, by whom they must be accepted), per question of the direction."""
    forward, backward = (after, before), (before, after)
    return {Direction.FORWARD: [forward], Direction.BACKWARD: [backward], Direction.FULL: [backward, forward]}[
        direction
    ]


def _answer(sub: _Version, sup: _Version, dispute: str) -> _Answer:
    """Whether ``sup`` accepts every document of ``sub``; nothing is proved where validators read a word in two ways."""
    proof = prove(sub.normal, sup.normal)
    reason = dispute or proof.obligation
    if proof.proven and not dispute:
        objection = objection_to(sub.schema, sup.schema)
        if not objection:
            return _Answer(Drift.NON_BREAKING)
        reason = f"we proved that the {sup.side} schema accepts every document of the {sub.side} one, but {objection}"
    document = witness.find(sub.schema, sup.schema, (sub.judge, sup.judge))
    if document is NOTHING:
        return _Answer(Drift.UNKNOWN, reason=reason)
    pointer, message = sup.judge.words(document)
    return _Answer(Drift.BREAKING, CounterExample(document, sub.side, sup.side, pointer, message))


def _agreeing(told: tuple[Change, ...], verdict: Drift) -> tuple[Change, ...]:
    """Where all changes together surely break nobody, none is said to; a change alone is what all are together."""
    if verdict is Drift.NON_BREAKING or len(told) == 1:
        return tuple(replace(change, drift=verdict) for change in told)
    return told
