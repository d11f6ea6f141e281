"""What became of the contracts, as results of a check: state, words, way out, and the line they are about.

What belongs here: drifts → results. What does not: finding the drifts (``contracts/baseline.py``), documents that
break a contract (``defs/``, ``cli/guarding.py``). The meaning: docs/checking.md.
"""

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from telemetry_assets.answers.results import Kind, Place, Result
from telemetry_assets.contracts.acceptance import FILE, Acceptance
from telemetry_assets.contracts.baseline import ContractDrift, Move
from telemetry_assets.contracts.drift import Change, Drift
from telemetry_assets.errors import TelemetryError
from telemetry_assets.model import State
from telemetry_assets.spoken import counted, named

CHECK = "merge_base"
"""What these results are called: the contract against its version at the merge base."""
_SCHEMAS = PurePath("schemas")
_LONGEST = 160
"""How many characters of a counter-example stand in a message."""


def contract_results(drifts: Iterable[ContractDrift], root: PurePath = _SCHEMAS) -> tuple[Result, ...]:
    """One result per contract: FAIL breaking, UNKNOWN unknown, else PASS, that of an accepted one says by whom.

    ``root`` is the schemas folder relative to the root of the repository: places begin with it.
    """
    return tuple(_result(drift, root) for drift in drifts)


def not_looked(error: TelemetryError) -> tuple[Result, ...]:
    """The one result of a comparison that could not be made."""
    return (Result(Kind.CONTRACT, "", CHECK, State.UNKNOWN, error.message, remedy=error.remedy),)


def accepting(drift: ContractDrift) -> str:
    """The command that accepts what is missing of a drift; empty where nothing is, or nobody can."""
    return f"telemetry contracts update --accept {' --accept '.join(drift.missing)} --reason …" if drift.missing else ""


def in_words(drift: ContractDrift) -> str:
    """What became of a contract, on one line: its changes in words, a counter-example, who accepted it."""
    if drift.fault:
        return f"no sound schema: {drift.fault}"
    said = [_verdict(drift)]
    grave = _grave(drift)
    said += [f"{change.pointer or 'the document'}: {change.text}" for change in grave[:3]]
    said += [f"and {counted(len(grave) - 3, 'more change', 'more changes')}"] if len(grave) > 3 else []
    example = drift.comparison.counterexample
    if example is not None:
        refused = f"the {example.refused_by} one refuses {shown(example.document)}"
        said.append(f"{refused} ({example.message})" if example.message else refused)
    return "; ".join([*said, *acceptance_words(drift)])


def acceptance_words(drift: ContractDrift) -> list[str]:
    """Who accepted it and until when, which entries are over, which name nothing any more."""
    who = named(list(dict.fromkeys(_entry(one) for one in drift.accepted_by)))
    which = "" if drift.accepted else f"{named([one.id for one in drift.accepted_by])} "
    said = [f"{which}accepted by {who}"] if drift.accepted_by else []
    said += [f"{one.id} was accepted by {one.by} until {one.until}, which is over" for one in drift.expired]
    if drift.left_over:
        lines = named([f"{one.id} (line {one.line})" for one in drift.left_over])
        said.append(f"done with, to be taken out of {FILE}: {lines}")
    return said


def shown(document: Any) -> str:
    """A document on one line, the middle left out of a long one."""
    text = json.dumps(document, ensure_ascii=False)
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"


def _result(drift: ContractDrift, root: PurePath) -> Result:
    return Result(
        Kind.CONTRACT,
        drift.asset if drift.path else drift.name,
        CHECK,
        _state(drift),
        in_words(drift),
        remedy=_remedy(drift),
        place=_place(drift, root),
    )


def _state(drift: ContractDrift) -> State:
    if not drift.holds_up:
        return State.PASS
    return State.FAIL if drift.comparison.verdict is Drift.BREAKING else State.UNKNOWN


def _remedy(drift: ContractDrift) -> str:
    if drift.fault:
        return "Correct the schema: telemetry contracts list says what is wrong."
    return f"Take it back, or accept it: {accepting(drift)}" if drift.missing else ""


def _place(drift: ContractDrift, root: PurePath) -> Place | None:
    """The line of the first change that has to be looked at; accepted.yaml for what is in no file any more."""
    if drift.move in (Move.REMOVED, Move.RENAMED, Move.ABSENT):
        entry = next(iter((*drift.expired, *drift.accepted_by, *drift.left_over)), None)
        return Place(str(root / FILE), entry.line) if entry else None
    first = next(iter(_grave(drift)), None)
    return Place(str(root / drift.path), drift.lines.get(first.id, 1) if first else 1)


def _grave(drift: ContractDrift) -> list[Change]:
    """The changes that are to be looked at: those still missing, else the breaking ones, else all."""
    changes = drift.comparison.changes
    missing = [change for change in changes if change.id in drift.missing]
    return missing or [change for change in changes if change.drift.exit_code] or list(changes)


def _verdict(drift: ContractDrift) -> str:
    comparison = drift.comparison
    match drift.move:
        case Move.ADDED:
            return comparison.reason or "new"
        case Move.ABSENT:
            return "no contract of that name is here, nor was at the base"
        case _ if comparison.verdict is Drift.UNKNOWN:
            return f"unknown: {comparison.reason}" if comparison.reason else "unknown"
        case _:
            return comparison.verdict.word


def _entry(entry: Acceptance) -> str:
    until = f" until {entry.until}" if entry.until else ""
    return f"{entry.by}{until} ({entry.reason})"
