"""The answers of ``telemetry contracts list``, ``validate`` and ``diff``: one object each, for people and for machines.

What belongs here: folder, documents and git → an answer. What does not: drawing it (``render/contracts.py``), edits and
acceptances (``contracts_update.py``).
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePath
from typing import Any

from telemetry_assets.answers.contract_results import CHECK, accepting, contract_results, not_looked
from telemetry_assets.answers.results import Kind, Place, Result
from telemetry_assets.contracts.acceptance import FILE, Acceptance, read_acceptances
from telemetry_assets.contracts.baseline import DIRECTION, ContractDrift, contract_name, folder_drift, is_schema
from telemetry_assets.contracts.drift import Direction
from telemetry_assets.contracts.grouped import Tally
from telemetry_assets.contracts.registry import Folder, folder_faults, load_folder
from telemetry_assets.contracts.sections import Section, sections
from telemetry_assets.contracts.validate import Contract, Violation
from telemetry_assets.errors import ConfigError, CouldNotLookError, TelemetryError, UsageError
from telemetry_assets.model import ANY_TENANT, ExitCode, State, worst_exit
from telemetry_assets.settings import Settings
from telemetry_assets.sources.asset_graph import asset_graph, read_manifest
from telemetry_assets.sources.git import MergeBase, files_at, files_here, in_repository, merge_base, root_of


@dataclass(frozen=True, slots=True)
class Listed:
    """One contract of the folder: what it binds to, what every document has to have, and what is there for it."""

    name: str
    asset: str
    path: str
    draft: str
    direction: str
    fixture: str | None
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """The contracts of a folder; ``faults`` is what does not fit in it, ``unlooked`` why that is not known whole."""

    folder: Path
    contracts: tuple[Listed, ...]
    faults: tuple[str, ...] = ()
    unlooked: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """1 with a fault."""
        return ExitCode.FAILING if self.faults else ExitCode.OK

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines."""
        contracts = [
            {
                "name": one.name,
                "asset": one.asset,
                "path": one.path,
                "draft": one.draft,
                "direction": one.direction,
                "fixture": one.fixture,
                "sections": [
                    {"pointer": each.pointer, "kind": each.kind, "may_be_empty": each.may_be_empty}
                    for each in one.sections
                ],
            }
            for one in self.contracts
        ]
        answer = {"folder": str(self.folder), "exit_code": int(self.exit_code), "contracts": contracts}
        return {**answer, "faults": list(self.faults), "not_looked": self.unlooked or None}


@dataclass(frozen=True, slots=True)
class ValidateAnswer:
    """``documents`` of ``contract``, ``broken`` of them. Alike violations once, each with the document it was first
    found in (from 1)."""

    contract: str
    documents: int
    broken: int
    violations: tuple[tuple[int, Violation], ...]

    @property
    def exit_code(self) -> ExitCode:
        """1 where a document breaks the contract, 4 where there is none: then nothing was looked at."""
        if not self.documents:
            return ExitCode.COULD_NOT_LOOK
        return ExitCode.FAILING if self.broken else ExitCode.OK

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines."""
        violations = [
            {
                "document": number,
                "pointer": one.pointer,
                "found": one.found,
                "expected": one.expected,
                "message": one.message,
                "more": one.more,
            }
            for number, one in self.violations
        ]
        answer = {"contract": self.contract, "exit_code": int(self.exit_code), "documents": self.documents}
        return {**answer, "broken": self.broken, "violations": violations}


@dataclass(frozen=True, slots=True)
class DiffAnswer:
    """The folder against the merge base. ``root`` is the schemas folder relative to the root of the repository."""

    base: MergeBase
    root: PurePath
    drifts: tuple[ContractDrift, ...]

    @property
    def results(self) -> tuple[Result, ...]:
        """A result per contract, as ``telemetry check`` tells it."""
        return contract_results(self.drifts, self.root)

    @property
    def exit_code(self) -> ExitCode:
        """4 with an unknown one that nobody accepted, 1 with a breaking one, else 0."""
        return worst_exit([result.exit_code for result in self.results])

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines."""
        base = {"rev": self.base.rev, "commit": self.base.commit}
        told = zip(self.drifts, self.results, strict=True)
        contracts = [_drift_json(drift, result) for drift, result in told]
        return {"base": base, "exit_code": int(self.exit_code), "contracts": contracts}


def read_list(settings: Settings) -> ListAnswer:
    """The contracts of the folder and what does not fit in it. Raises ConfigError for an unsound contract."""
    folder = load_folder(settings.schemas_dir)
    listed = tuple(_listed(folder, contract) for contract in folder.every.values())
    unlooked = ""
    try:
        manifest = read_manifest(settings.dbt) if settings.dbt else None
        assets = {node.key for node in asset_graph(settings, manifest)}
    except TelemetryError as error:
        assets, unlooked = {one.asset for one in folder.contracts.values()}, str(error)
    published = [snapshot.asset_key for snapshot in settings.snapshots.values()]
    return ListAnswer(folder.path, listed, folder_faults(folder, assets, published, tables_of(settings)), unlooked)


def tables_of(settings: Settings) -> frozenset[str]:
    """The assets whose fixtures are tenant → rows: streams and watched tables."""
    streams = {key for source in settings.sources.values() for key in source.asset_keys}
    return frozenset(streams | {table.asset_key for source in settings.tables.values() for table in source.tables})


def find_contract(folder: Folder, name: str) -> Contract:
    """The contract of a name as ``list`` gives it, or of an asset's key. Raises UsageError with the nearest."""
    every = folder.every
    found = every.get(name) or next((one for one in every.values() if one.asset == name), None)
    if found is not None:
        return found
    close = difflib.get_close_matches(name, [*every, *(one.asset for one in every.values())], n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    raise UsageError(f"There is no contract {name!r} in {folder.path}.", f"{meant}See them: telemetry contracts list.")


def validated(contract: Contract, documents: Iterable[Any]) -> ValidateAnswer:
    """Documents that ``read_json`` has read, held to ``contract``."""
    tally = Tally(contract)
    first: dict[tuple[str, str], int] = {}
    for document in documents:
        broken = tally.broken
        tally.add(ANY_TENANT, document, parsed=True)
        if tally.broken > broken:
            for violation in tally.violations():
                first.setdefault((violation.pointer, violation.expected), tally.seen)
    told = [(first[one.pointer, one.expected], one) for one in tally.violations()]
    return ValidateAnswer(name_of(contract), tally.seen, tally.broken, tuple(told))


def name_of(contract: Contract) -> str:
    """The name that a contract goes by: its file's, without the ending."""
    return contract_name(contract.name) or contract.name


def read_diff(schemas_dir: Path, base: str | None, today: date) -> DiffAnswer:
    """The folder against the merge base of ``base`` (see :func:`merge_base`) and HEAD, with what is accepted.

    Raises CouldNotLookError without git or that commit, ConfigError for a broken accepted.yaml.
    """
    found = merge_base(schemas_dir, base)
    old, new = files_at(found.commit, schemas_dir, is_schema), files_here(schemas_dir, is_schema)
    drifts = folder_drift(old, new, read_accepted(schemas_dir), today)
    root = PurePath(schemas_dir.resolve().relative_to(root_of(schemas_dir).resolve()))
    return DiffAnswer(found, root, drifts)


def read_contract_results(schemas_dir: Path, base: str | None, today: date) -> tuple[Result, ...]:
    """What the guard finds of the contracts against the merge base; what could not be looked at is a result too."""
    try:
        return read_diff(schemas_dir, base, today).results
    except CouldNotLookError as error:
        return not_looked(error)
    except ConfigError as error:
        place = Place(in_repository(schemas_dir / FILE, schemas_dir.parent))
        return (Result(Kind.CONTRACT, "", CHECK, State.FAIL, error.message, remedy=error.remedy, place=place),)


def read_accepted(schemas_dir: Path) -> tuple[Acceptance, ...]:
    """The entries of accepted.yaml in a folder; none where there is no such file."""
    return read_acceptances(accepted_text(schemas_dir), f"{schemas_dir.name}/{FILE}")


def accepted_text(schemas_dir: Path) -> str:
    """accepted.yaml of a folder as text, empty where there is none."""
    path = schemas_dir / FILE
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start}).", "Save it as UTF-8.") from None
    except OSError as error:
        raise CouldNotLookError(f"{path} cannot be read: {error.strerror}.") from None


def direction_of(contract: Contract) -> Direction:
    """The direction that a contract asks for."""
    asked = contract.schema.get(DIRECTION) if isinstance(contract.schema, dict) else None
    return Direction(asked) if asked in list(Direction) else Direction.FORWARD


def _listed(folder: Folder, contract: Contract) -> Listed:
    name = name_of(contract)
    fixture = folder.fixtures.get(name)
    return Listed(
        name,
        contract.asset,
        contract.name,
        str(contract.draft),
        str(direction_of(contract)),
        fixture.relative_to(folder.path).as_posix() if fixture else None,
        sections(contract),
    )


def _drift_json(drift: ContractDrift, result: Result) -> Mapping[str, Any]:
    comparison, example = drift.comparison, drift.comparison.counterexample
    return {
        "contract": drift.name,
        "asset": drift.asset,
        "path": drift.path or None,
        "move": str(drift.move),
        "became": drift.became or None,
        "verdict": str(comparison.verdict),
        "direction": str(comparison.direction),
        "state": str(result.state),
        "reason": comparison.reason or None,
        "fault": drift.fault or None,
        "changes": [
            {
                "id": change.id,
                "pointer": change.pointer,
                "keyword": change.keyword,
                "text": change.text,
                "drift": str(change.drift),
                "line": drift.lines.get(change.id),
            }
            for change in comparison.changes
        ],
        "counterexample": None
        if example is None
        else {
            "document": example.document,
            "accepted_by": example.accepted_by,
            "refused_by": example.refused_by,
            "pointer": example.pointer,
            "message": example.message,
        },
        "accepted": drift.accepted,
        "accepted_by": [_entry_json(entry) for entry in drift.accepted_by],
        "missing": list(drift.missing),
        "expired": [_entry_json(entry) for entry in drift.expired],
        "left_over": [_entry_json(entry) for entry in drift.left_over],
        "accept": accepting(drift) or None,
    }


def _entry_json(entry: Acceptance) -> Mapping[str, Any]:
    until = entry.until.isoformat() if entry.until else None
    return {"id": entry.id, "by": entry.by, "reason": entry.reason, "until": until, "line": entry.line}
