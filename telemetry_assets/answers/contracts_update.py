"""The answer of ``telemetry contracts update``: what would be written where, what is proposed, what a person accepted.

What belongs here: documents as they are and ids that a person named → new texts of files. What does not: writing them
(``cli/contracts.py``), which edits there are (``contracts/proposals.py``).
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from telemetry_assets.answers.contracts_answer import accepted_text, direction_of, tables_of
from telemetry_assets.contracts.acceptance import FILE, Acceptance, read_acceptances, with_acceptance
from telemetry_assets.contracts.baseline import ContractDrift, folder_drift, is_schema
from telemetry_assets.contracts.drift import Drift
from telemetry_assets.contracts.edits import edited
from telemetry_assets.contracts.fixtures import hydrated, made_relative
from telemetry_assets.contracts.grouped import grouped
from telemetry_assets.contracts.proposals import Proposal, beyond_help, proposals
from telemetry_assets.contracts.reading import read_file, read_json
from telemetry_assets.contracts.registry import Folder, load_folder
from telemetry_assets.contracts.rewriting import rewritten
from telemetry_assets.contracts.schema_check import schema_fault
from telemetry_assets.contracts.validate import Contract, Violation
from telemetry_assets.errors import ConfigError, CouldNotLookError, UsageError
from telemetry_assets.model import ANY_TENANT, ExitCode
from telemetry_assets.settings import Settings
from telemetry_assets.sources.git import files_at, files_here, merge_base


@dataclass(frozen=True, slots=True)
class Accepting:
    """What a person accepts, and who they are. ``base`` is the branch that accepted changes are said against."""

    ids: tuple[str, ...] = ()
    by: str = ""
    reason: str = ""
    until: date | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """One id that was accepted: the edit that was made for it (None: a change that stands in the schema already), and
    the entries that accepted.yaml gets."""

    id: str
    words: str
    entries: tuple[Acceptance, ...] = ()
    edit: Proposal | None = None


@dataclass(frozen=True, slots=True)
class UpdateAnswer:
    """``writes`` are the files that change, with their new text. ``relative``: fixture → how many of its times became
    relative. ``unproposed`` are (contract, violation) of documents that no proposed edit lets through."""

    writes: Mapping[Path, str] = field(default_factory=dict[Path, str])
    relative: Mapping[str, int] = field(default_factory=dict[str, int])
    accepted: tuple[Accepted, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    unproposed: tuple[tuple[str, Violation], ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """1 where a document breaks its contract and no edit is proposed, 2 with a proposal, else 0."""
        if self.unproposed:
            return ExitCode.FAILING
        return ExitCode.LATE if self.proposals else ExitCode.OK

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines."""
        return {
            "exit_code": int(self.exit_code),
            "written": [str(path) for path in self.writes],
            "made_relative": dict(self.relative),
            "accepted": [
                {
                    "id": one.id,
                    "text": one.words,
                    "edited": one.edit is not None,
                    "entries": [e.id for e in one.entries],
                }
                for one in self.accepted
            ],
            "proposals": [
                {
                    "id": one.id,
                    "contract": one.contract,
                    "pointer": one.pointer,
                    "text": one.text,
                    "verdict": str(one.drift),
                    "file": one.edit.file,
                }
                for one in self.proposals
            ],
            "unproposed": [{"contract": name, "message": violation.message} for name, violation in self.unproposed],
        }


def read_update(
    settings: Settings, now: datetime, payloads: Mapping[str, Sequence[Any]], accepting: Accepting
) -> UpdateAnswer:
    """What ``contracts update`` would do at ``now``. ``payloads``: contract's name → real documents of it.

    Raises UsageError for an id that is neither proposed nor a change against the merge base, or a missing reason;
    ConfigError for an unsound folder; CouldNotLookError where an id needs the merge base and git cannot say.
    """
    desk = _Desk.of(settings, now, payloads)
    done: list[Accepted] = []
    for identifier in dict.fromkeys(accepting.ids):
        done.append(desk.accept(identifier, accepting, now))
    open_proposals, unproposed = desk.judged()
    return UpdateAnswer(desk.writes(), desk.relative, tuple(done), open_proposals, unproposed)


def documents_in(value: Any, contract: Contract) -> list[Any]:
    """The documents of a file: the items of a list, unless the contract is of lists; else the one value."""
    kinds = contract.schema.get("type", []) if isinstance(contract.schema, dict) else []
    return value if isinstance(value, list) and "array" not in kinds else [value]


@dataclass(slots=True)
class _Desk:
    """The folder as it is being edited: texts that changed, contracts over the schemas as they would be."""

    folder: Folder
    documents: dict[str, list[Any]]
    texts: dict[str, str]
    schemas: dict[str, Any]
    accepted: str
    relative: dict[str, int] = field(default_factory=dict[str, int])
    changed: set[str] = field(default_factory=set[str])
    _base: dict[str, bytes] | None = None

    @classmethod
    def of(cls, settings: Settings, now: datetime, payloads: Mapping[str, Sequence[Any]]) -> "_Desk":
        folder = load_folder(settings.schemas_dir)
        texts = {path: (folder.path / path).read_bytes().decode("utf-8") for path in folder.files}
        documents = {name: list(given) for name, given in payloads.items()}
        desk = cls(folder, documents, texts, dict(folder.files), accepted_text(folder.path))
        rows = {key.replace("/", ".") for key in tables_of(settings)}
        for name, path in folder.fixtures.items():
            desk._take_fixture(name, path, now, rows=name in rows)
        return desk

    def accept(self, identifier: str, accepting: Accepting, now: datetime) -> Accepted:
        """Make the proposed edit of that id, or accept the change against the merge base that has it."""
        offered = {proposal.id: proposal for proposal in self.judged()[0]}
        if identifier in offered:
            return self._edit(offered[identifier], accepting, now)
        drifts = self._drifts(accepting, now)
        drift = next((one for one in drifts if identifier in one.missing), None)
        if drift is not None:
            words = next(
                f"{c.pointer or 'the document'}: {c.text}" for c in drift.comparison.changes if c.id == identifier
            )
            entries = self._enter([(identifier, drift.name)], accepting)
            return Accepted(identifier, f"{drift.name}: {words}", entries)
        entry = next((entry for one in drifts for entry in one.accepted_by if entry.id == identifier), None)
        if entry is not None:
            said = f"is accepted already by {entry.by} ({entry.reason}): {FILE}, line {entry.line}"
            return Accepted(identifier, said)
        if any(identifier == change.id for one in drifts for change in one.comparison.changes):
            return Accepted(identifier, "needs no accepting")
        known = [*offered, *(each for one in drifts for each in one.missing)]
        close = difflib.get_close_matches(identifier, known, n=1, cutoff=0.5)
        meant = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(
            f"There is no change {identifier!r} to accept.", f"{meant}See them: telemetry contracts update, or diff."
        )

    def judged(self) -> tuple[tuple[Proposal, ...], tuple[tuple[str, Violation], ...]]:
        """What is proposed now, and the violations of documents that nothing is proposed for."""
        found: list[Proposal] = []
        helpless: list[tuple[str, Violation]] = []
        for name, documents in sorted(self.documents.items()):
            contract = self._contract(name)
            if contract is None or all(contract.accepts(document) for document in documents):
                continue
            found += proposals(contract, documents, direction_of(contract))
            left, still = beyond_help(contract, documents)
            helpless += [(name, one) for one in grouped(still, ((ANY_TENANT, each) for each in left))]
        return tuple(found), tuple(helpless)

    def writes(self) -> dict[Path, str]:
        """The files whose text is another now, in the order of their names."""
        paths = {self.folder.path / name: self.texts[name] for name in sorted(self.changed)}
        if self.accepted != accepted_text(self.folder.path):
            paths[self.folder.path / FILE] = self.accepted
        return paths

    def _take_fixture(self, name: str, path: Path, now: datetime, *, rows: bool) -> None:
        key = f"fixtures/{path.name}"
        data = read_file(path)
        document = read_json(data, str(path))
        relative = made_relative(document, now)
        text = data.decode("utf-8")
        made = rewritten(text, relative)
        if made != text:
            self.texts[key] = made
            self.changed.add(key)
            self.relative[key] = _differences(document, relative)
        contract = self.folder.every.get(name)
        if contract is not None:
            whole = hydrated(relative, now, key)
            held = rows_in(whole) if rows else documents_in(whole, contract)
            self.documents[name] = [*self.documents.get(name, []), *held]

    def _contract(self, name: str) -> Contract | None:
        contract = self.folder.every.get(name)
        return replace(contract, schema=self.schemas[contract.name], files=self.schemas) if contract else None

    def _edit(self, proposal: Proposal, accepting: Accepting, now: datetime) -> Accepted:
        file = proposal.edit.file
        before = self._drifts_if_known(accepting, now)
        schema = edited(self.schemas[file], proposal.edit)
        fault = schema_fault(schema, name=file, files=self.schemas)
        if fault:
            raise ConfigError(f"The edit {proposal.id} would make {file} unsound: {fault}.", "Edit it by hand.")
        self.schemas = {**self.schemas, file: schema}
        self.texts[file] = rewritten(self.texts[file], schema)
        self.changed.add(file)
        if before is not None:
            new = _new_ids(before, self._drifts(accepting, now))
        else:
            new = [(each, proposal.contract) for each in _grave(proposal)]
        entries = self._enter(new, accepting)
        words = f"{proposal.contract}: {proposal.pointer or 'the document'}: {proposal.text}"
        return Accepted(proposal.id, words, entries, proposal)

    def _enter(self, ids: Sequence[tuple[str, str]], accepting: Accepting) -> tuple[Acceptance, ...]:
        """Write entries for (id, contract), but those that are written already."""
        name = f"{self.folder.path.name}/{FILE}"
        there = {entry.id: entry for entry in read_acceptances(self.accepted, name)}
        made: list[Acceptance] = []
        for identifier, contract in ids:
            if not any(map(str.isalnum, accepting.reason)):  # also the … of the command that was copied
                said = f"Accepting {identifier} breaks readers of {contract} (or nobody knows): that needs a reason."
                raise UsageError(said, 'Add --reason "why nobody is hurt".')
            if identifier in there:
                old = there[identifier]
                raise UsageError(
                    f"{name}:{old.line} accepted {identifier} until {old.until}, which is over.",
                    "Take that entry out, then accept it again.",
                )
            entry = Acceptance(identifier, contract, accepting.by, accepting.reason.strip(), accepting.until)
            self.accepted = with_acceptance(self.accepted, entry, name)
            made.append(entry)
        return tuple(made)

    def _drifts_if_known(self, accepting: Accepting, now: datetime) -> tuple[ContractDrift, ...] | None:
        try:
            return self._drifts(accepting, now)
        except CouldNotLookError:
            return None

    def _drifts(self, accepting: Accepting, now: datetime) -> tuple[ContractDrift, ...]:
        """What became of each contract since the merge base, as the desk has them now."""
        if self._base is None:
            base = merge_base(self.folder.path, accepting.base)
            self._base = files_at(base.commit, self.folder.path, is_schema)
        new = {**files_here(self.folder.path, is_schema), **{path: self.texts[path].encode() for path in self.schemas}}
        return folder_drift(self._base, new, read_acceptances(self.accepted, FILE), now.astimezone(UTC).date())


def _new_ids(before: Sequence[ContractDrift], after: Sequence[ContractDrift]) -> list[tuple[str, str]]:
    """(id, contract) of what has to be accepted after an edit and had not before."""
    old = {(each, drift.name) for drift in before for each in drift.missing}
    new = [(each, drift.name) for drift in after for each in drift.missing]
    return [one for one in new if one not in old]


def _grave(proposal: Proposal) -> list[str]:
    """The ids of an edit that have to be named, where no merge base says which."""
    if not proposal.drift.exit_code:
        return []
    harmless = (Drift.NON_BREAKING, Drift.NO_CHANGE)
    changes = proposal.changes
    return [change.id for change in changes if change.drift not in harmless] or [change.id for change in changes]


def rows_in(document: Any) -> list[Any]:
    """The rows of a fixture of tenant → rows, whosever they are."""
    held = document.values() if isinstance(document, dict) else []
    return [row for rows in held if isinstance(rows, list) for row in rows if isinstance(row, dict)]


def _differences(one: Any, other: Any) -> int:
    """How many texts of two documents of the same shape differ."""
    if isinstance(one, dict):
        return sum(_differences(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return sum(_differences(*pair) for pair in zip(one, other, strict=True))
    return int(json.dumps(one) != json.dumps(other))
