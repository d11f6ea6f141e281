"""``telemetry contracts list``, ``validate``, ``diff`` and ``update`` for people; ``--json`` is the answer itself.

What belongs here: answers → lines. What does not: finding anything.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from telemetry_assets.answers.contract_results import acceptance_words, accepting, shown
from telemetry_assets.answers.contracts_answer import DiffAnswer, ListAnswer, Listed, ValidateAnswer
from telemetry_assets.answers.contracts_update import UpdateAnswer
from telemetry_assets.contracts.baseline import ContractDrift, Move
from telemetry_assets.contracts.drift import Drift
from telemetry_assets.render.drift import STYLES, cell_of
from telemetry_assets.render.table import Cell, draw
from telemetry_assets.render.terminal import BOLD, DIM, RED, SGR, Palette, palette, printable, write
from telemetry_assets.spoken import counted

_WIDEST = 200


class _Answer(Protocol):
    def as_json(self) -> Mapping[str, Any]: ...


def print_json(answer: _Answer) -> None:
    """The answer as one JSON document."""
    print(json.dumps(answer.as_json(), indent=2, ensure_ascii=False))


def print_list(answer: ListAnswer) -> None:
    """Each contract with what every document has to have; what does not fit in the folder; a last line."""
    write(list_lines(answer, palette()))


def print_validate(answer: ValidateAnswer) -> None:
    """A line per kind of violation, and how many documents broke the contract."""
    write(validate_lines(answer, palette()))


def print_diff(answer: DiffAnswer) -> None:
    """Each contract that changed, its changes with their ids, a counter-example, who accepted it."""
    write(diff_lines(answer, palette()))


def print_update(answer: UpdateAnswer) -> None:
    """What was written, and what is proposed."""
    write(update_lines(answer, palette()))


def list_lines(answer: ListAnswer, colours: Palette) -> list[str]:
    """Every line of a list."""
    lines = [line for one in answer.contracts for line in (*_listed(one, colours), "")]
    lines += [f"{colours.paint('error:', RED)} {printable(fault, _WIDEST)}" for fault in answer.faults]
    lines += [colours.paint(f"not looked: {printable(answer.unlooked, _WIDEST)}", DIM)] if answer.unlooked else []
    bare = sum(one.fixture is None for one in answer.contracts)
    without = f", {bare} without a fixture" if bare else ""
    told = f"{counted(len(answer.contracts), 'contract')} in {answer.folder}{without}"
    faults = f"; {counted(len(answer.faults), 'error')}" if answer.faults else ""
    return [*lines, colours.paint(f"{told}{faults}.", BOLD)]


def validate_lines(answer: ValidateAnswer, colours: Palette) -> list[str]:
    """Every line of a validation."""
    many = answer.documents > 1
    lines = [
        f"{colours.paint(f'document {number}' if many else '✗', RED)}  {printable(one.message, 2 * _WIDEST)}"
        for number, one in answer.violations
    ]
    if not answer.documents:
        return [colours.paint(f"There is no document to hold to {answer.contract}.", BOLD)]
    if not answer.broken:
        kept = "keeps" if answer.documents == 1 else "keep"
        return [colours.paint(f"{counted(answer.documents, 'document')} {kept} {answer.contract}.", BOLD)]
    told = f"{answer.broken:,} of {counted(answer.documents, 'document')} broke {answer.contract}."
    return [*lines, colours.paint(told, BOLD)]


def diff_lines(answer: DiffAnswer, colours: Palette) -> list[str]:
    """Every line of a comparison of the folder."""
    changed = [drift for drift in answer.drifts if _worth_telling(drift)]
    lines = [line for drift in changed for line in (*_drift(drift, colours), "")]
    tally = [
        (verdict.word, sum(drift.comparison.verdict is verdict and bool(drift.path) for drift in answer.drifts))
        for verdict in (Drift.BREAKING, Drift.UNKNOWN, Drift.NON_BREAKING, Drift.NO_CHANGE)
    ]
    accepted = sum(drift.accepted for drift in answer.drifts)
    said = ", ".join(f"{count} {word}" for word, count in tally if count) or "no contract"
    told = f"{said}{f'; {accepted} accepted' if accepted else ''}."
    base = f"Compared with {printable(answer.base.rev)} at {answer.base.commit[:12]}."
    return [*lines, f"{colours.paint(told[:1].upper() + told[1:], BOLD)} {colours.paint(base, DIM)}"]


def update_lines(answer: UpdateAnswer, colours: Palette) -> list[str]:
    """Every line of an update."""
    lines = [f"{name}: {counted(count, 'time')} made relative" for name, count in answer.relative.items()]
    for one in answer.accepted:
        noted = f", noted in accepted.yaml as {', '.join(e.id for e in one.entries)}" if one.entries else ""
        lines.append(f"{colours.paint('accepted', SGR['green'])}  {one.id}  {printable(one.words, _WIDEST)}{noted}")
    if answer.proposals:
        lines += ["", *_proposed(answer, colours)]
    lines += [
        f"{colours.paint('no edit to propose:', RED)} {name}: {printable(one.message, _WIDEST)}"
        for name, one in answer.unproposed
    ]
    if answer.proposals:
        first = answer.proposals[0]
        reason = " --reason …" if first.drift.exit_code else ""
        told = f"{counted(len(answer.proposals), 'edit')} proposed, none made."
        way = f"Make one: telemetry contracts update --accept {first.id}{reason}"
        return [*lines, "", f"{colours.paint(told, BOLD)} {way}"]
    if not lines:
        return [colours.paint("Nothing to do: fixtures are relative, and every document keeps its contract.", BOLD)]
    return lines


def _listed(one: Listed, colours: Palette) -> Iterator[str]:
    about = [one.draft, one.direction, one.fixture or "no fixture"]
    yield f"{colours.paint(one.name, BOLD)}  → {one.asset}  {colours.paint(' · '.join(about), DIM)}"
    rows = [
        [section.pointer, section.kind, Cell("may be empty", SGR["yellow"]) if section.may_be_empty else "never empty"]
        for section in one.sections
    ]
    yield from draw(["required", "type", ""], rows, colours) if rows else ["  nothing is required"]


def _worth_telling(drift: ContractDrift) -> bool:
    return drift.comparison.verdict is not Drift.NO_CHANGE or bool(drift.left_over)


def _drift(drift: ContractDrift, colours: Palette) -> Iterator[str]:
    comparison = drift.comparison
    word = "accepted" if drift.accepted else comparison.verdict.word
    style = SGR["green"] if drift.accepted else STYLES[comparison.verdict]
    said = {Move.ADDED: comparison.reason or "new", Move.ABSENT: "no such contract"}.get(drift.move, word)
    said = "no sound schema" if drift.fault else said
    direction = f"{drift.path} · {comparison.direction}" if drift.path else "accepted.yaml"
    yield f"{colours.paint(drift.name, BOLD)}  {colours.paint(said, style)}  {colours.paint(direction, DIM)}"
    rows = [[change.id, cell_of(change.drift), change.pointer or "/", change.text] for change in comparison.changes]
    yield from draw(["change", "alone", "where", "what"], rows, colours) if rows else []
    if drift.fault:
        yield f"  {printable(drift.fault, _WIDEST)}"
    elif comparison.verdict is Drift.UNKNOWN and comparison.reason:
        yield f"  could not be shown: {printable(comparison.reason, _WIDEST)}"
    example = comparison.counterexample
    if example is not None:
        who = f"{example.accepted_by} accepts and {example.refused_by} refuses"
        yield f"  for example, {who}: {shown(example.document)}"
        where = f"{example.pointer}: " if example.pointer else ""
        yield f"    {printable(where + example.message, _WIDEST)}" if example.message else ""
    yield from (f"  {printable(words, _WIDEST)}" for words in acceptance_words(drift))
    if drift.missing:
        yield f"  → {accepting(drift)}"


def _proposed(answer: UpdateAnswer, colours: Palette) -> list[str]:
    rows = [
        [
            one.id,
            cell_of(one.drift),
            one.contract,
            one.pointer or "/",
            one.text,
        ]
        for one in answer.proposals
    ]
    return draw(["edit", "readers", "contract", "where", "what"], rows, colours, indent=0)
