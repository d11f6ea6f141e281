"""``telemetry contracts compare`` for people: the verdict, the document that shows it, the changes, what to do.

What belongs here: a comparison → lines, or JSON. What does not: comparing (``contracts/compare.py``).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from telemetry_assets.contracts.drift import Comparison, CounterExample, Direction, Drift
from telemetry_assets.contracts.places import steps_of
from telemetry_assets.render.drift import STYLES, cell_of
from telemetry_assets.render.table import draw
from telemetry_assets.render.terminal import BOLD, Palette, palette, printable, write

_ASKED = {
    Direction.FORWARD: "do readers made for the old schema accept every document that the new one allows?",
    Direction.BACKWARD: "does the new schema accept every document that the old one allowed?",
    Direction.FULL: "does each schema accept every document of the other?",
}
_LINES = 40
"""How much of a counter-example is shown."""
_CHANGES = 60
_WIDEST = 160
_ACCEPTED = 3


def print_terminal(found: Comparison, old: str, new: str) -> None:
    """Verdict, counter-example, changes; ``old`` and ``new`` are what the files are called."""
    write(lines(found, old, new, palette()))


def print_json(found: Comparison, old: str, new: str) -> None:
    """The same as one JSON document (schemas/api/comparison.schema.json)."""
    print(json.dumps(as_json(found, old, new), indent=2, ensure_ascii=False))


def as_json(found: Comparison, old: str, new: str) -> dict[str, Any]:
    """``{verdict, direction, old, new, changes, counterexample, reason, exit_code}``."""
    return {
        "verdict": found.verdict,
        "direction": found.direction,
        "old": old,
        "new": new,
        "changes": [asdict(change) for change in found.changes],
        "counterexample": asdict(found.counterexample) if found.counterexample else None,
        "reason": found.reason,
        "exit_code": int(found.verdict.exit_code),
    }


def lines(found: Comparison, old: str, new: str, colours: Palette) -> Iterator[str]:
    """Every line of a comparison."""
    verdict = colours.paint(found.verdict.word.upper(), STYLES[found.verdict])
    yield f"{verdict}  {found.direction}: {_ASKED[found.direction]}"
    yield f"  {_answer(found)}"
    names = {"old": old, "new": new}
    if found.counterexample:
        yield ""
        yield from _shown(found.counterexample, names, colours)
    if found.changes:
        yield ""
        yield from _changes(found, colours)
    if way := _to_do(found):
        yield ""
        yield f"What to do: {way}"


def _answer(found: Comparison) -> str:
    match found.verdict:
        case Drift.NO_CHANGE:
            return "Yes: both accept the same documents."
        case Drift.NON_BREAKING:
            return "Yes, proved."
        case Drift.BREAKING:
            return "No: here is a document that shows it."
        case Drift.UNKNOWN:
            return f"Neither proved nor shown otherwise. What could not be shown: {printable(found.reason, _WIDEST)}."


def _shown(example: CounterExample, names: dict[str, str], colours: Palette) -> Iterator[str]:
    accepts, refuses = printable(names[example.accepted_by], 80), printable(names[example.refused_by], 80)
    where = printable(example.pointer, _WIDEST)
    text = _pretty(example.document)
    if len(text) > _LINES and where:
        yield f"The {example.accepted_by} schema ({accepts}) accepts a document that has this at {where}:"
        text = _pretty(_at(example.document, example.pointer))
    else:
        yield f"The {example.accepted_by} schema ({accepts}) accepts this document:"
    yield from (f"  {colours.paint(printable(line, _WIDEST), BOLD)}" for line in text[:_LINES])
    if len(text) > _LINES:
        yield f"  … {len(text) - _LINES:,} more lines; --json has it whole"
    said = printable(example.message, _WIDEST)
    yield f"The {example.refused_by} schema ({refuses}) refuses it, at {where or 'the document'}: {said}"


def _pretty(value: Any) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False).splitlines()


def _at(value: Any, pointer: str) -> Any:
    for key in steps_of(pointer):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def _changes(found: Comparison, colours: Palette) -> Iterator[str]:
    rows = [
        [
            change.id,
            printable(change.pointer, 80) or "/",
            printable(change.text, _WIDEST),
            cell_of(change.drift),
        ]
        for change in found.changes[:_CHANGES]
    ]
    yield from draw(("CHANGE", "where", "what", "alone"), rows, colours)
    if len(found.changes) > _CHANGES:
        yield f"  … {len(found.changes) - _CHANGES:,} more changes; --json has all"


def _to_do(found: Comparison) -> str:
    grave = [change.id for change in found.changes if change.drift.exit_code]
    accept = " ".join(f"--accept {each}" for each in grave[:_ACCEPTED]) or "--accept ID"
    accept = f"telemetry contracts update {accept}{' …' if len(grave) > _ACCEPTED else ''} --reason …"
    if found.verdict is Drift.BREAKING:
        return f"take it back; or tell the readers first, then accept it where the contracts lie: {accept}"
    if found.verdict is Drift.UNKNOWN:
        return f"it counts as breaking until a person accepts it: {accept}; or say it more simply there."
    return ""
