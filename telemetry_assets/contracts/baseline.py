"""A folder of contracts against an earlier version of it: what became of each, and whether a person accepted it.

What belongs here: files as bytes → a drift per contract. What does not: where the files come from (``sources/git.py``),
comparing two schemas (``compare.py``), what it means for a verdict (``answers/contract_results.py``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any

from telemetry_assets.contracts.acceptance import Acceptance
from telemetry_assets.contracts.compare import compare
from telemetry_assets.contracts.drift import Change, Comparison, Direction, Drift
from telemetry_assets.contracts.lines import line_of_change
from telemetry_assets.contracts.reading import read_json
from telemetry_assets.contracts.registry import API, ASSETS, CONFIG, FIXTURES, SUFFIX
from telemetry_assets.contracts.schema_check import schema_fault
from telemetry_assets.errors import ConfigError

KINDS = (ASSETS, API)
"""The folders whose files are contracts; other schemas are only referred to."""
DIRECTION = "x-direction"
"""How a contract asks for another direction than ``forward``."""


class Move(StrEnum):
    """What became of a contract as a file. ``ABSENT``: accepted.yaml names it, and it is in neither version."""

    KEPT = "kept"
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class ContractDrift:
    """What became of one contract. ``path`` is its file below the schemas folder (of a removed one: where it was).

    ``accepted``: it breaks, or nobody knows, and every change that needs it is named by an entry that holds
    (``accepted_by``); ``missing`` are the ids that are not, ``expired`` the entries that would have named them,
    ``left_over`` those that name no change there is. ``fault``: the new version is no sound schema, which nobody can
    accept. ``lines`` maps change ids to lines of the file. ``became`` is the new name of a renamed one.
    """

    name: str
    path: str
    move: Move
    comparison: Comparison
    accepted: bool = False
    missing: tuple[str, ...] = ()
    accepted_by: tuple[Acceptance, ...] = ()
    expired: tuple[Acceptance, ...] = ()
    left_over: tuple[Acceptance, ...] = ()
    fault: str = ""
    lines: Mapping[str, int] = field(default_factory=dict[str, int])
    became: str = ""

    @property
    def asset(self) -> str:
        """The asset it binds to, slash-joined; ``api/NAME`` of a payload of our own."""
        return self.name.replace(".", "/") if self.path.startswith(f"{ASSETS}/") else f"{API}/{self.name}"

    @property
    def holds_up(self) -> bool:
        """Whether a change must not merge for it: breaking or unknown, and not accepted."""
        return self.comparison.verdict.exit_code != 0 and not self.accepted


def is_schema(path: str) -> bool:
    """Whether a file of the schemas folder matters here: a contract, or what one may refer to."""
    return path.endswith(SUFFIX) and not path.startswith((f"{FIXTURES}/", f"{CONFIG}/"))


def contract_name(path: str) -> str | None:
    """The contract in a file of the schemas folder (``assets/a.b.schema.json``: ``a.b``), None where it is none."""
    kind, _, rest = path.partition("/")
    return rest.removesuffix(SUFFIX) if kind in KINDS and "/" not in rest and rest.endswith(SUFFIX) else None


def folder_drift(
    old_files: Mapping[str, bytes], new_files: Mapping[str, bytes], accepted: Iterable[Acceptance], today: date
) -> tuple[ContractDrift, ...]:
    """What became of every contract of either version, by path; last what ``accepted`` names that is in neither.

    Files are {path relative to the schemas folder: bytes}. Nothing of them raises: a file that is no schema is the
    drift of its contract, a breaking one where it is the new version.
    """
    old, new = _Version.of(old_files), _Version.of(new_files)
    entries = tuple(accepted)
    renamed = _renamed(old, new)
    found: list[ContractDrift] = []
    for path in sorted(old.contracts | new.contracts):
        if path not in new.contracts:
            drift = _removed(path, renamed.get(path))
        elif path not in old.contracts:
            drift = _added(path, new, [was for was, now in renamed.items() if now == path])
        else:
            drift = _kept(path, old, new)
        found.append(_judged(drift, entries, today))
    known = {drift.name for drift in found}
    absent = sorted({entry.contract for entry in entries} - known)
    return (*found, *(_absent(name, entries) for name in absent))


@dataclass(frozen=True, slots=True)
class _Version:
    """One version of the folder: its files, their schemas, and what is wrong with those that have none."""

    files: Mapping[str, bytes]
    schemas: Mapping[str, Any]
    faults: Mapping[str, str]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> "_Version":
        schemas: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for path, data in files.items():
            if not is_schema(path):
                continue
            try:
                schemas[path] = read_json(data, path)
            except ConfigError as error:
                faults[path] = error.message
        return cls({path: data for path, data in files.items() if is_schema(path)}, schemas, faults)

    @property
    def contracts(self) -> set[str]:
        return {path for path in self.files if contract_name(path) is not None}

    def fault(self, path: str, *, strict: bool) -> str:
        """Why the contract at ``path`` is no sound schema, empty where it is one."""
        if path in self.faults:
            return self.faults[path]
        fault = schema_fault(self.schemas[path], name=path, files=self.schemas, strict=strict)
        if fault:
            return f"{path}: {fault}"
        try:
            _direction(path, self.schemas[path])
        except ConfigError as error:
            return str(error)
        return ""


def _kept(path: str, old: _Version, new: _Version) -> ContractDrift:
    if old.files == new.files:
        return _drift(path, Move.KEPT, Comparison(Drift.NO_CHANGE, _asked(path, new)))
    if fault := new.fault(path, strict=True):
        return _faulty(path, Move.KEPT, fault)
    if fault := old.fault(path, strict=False):
        if old.files[path] == new.files[path]:
            return _drift(path, Move.KEPT, Comparison(Drift.NO_CHANGE, _asked(path, new)))
        reason = f"at the base it was no sound schema: {fault}"
        change = _of_the_file(path, old, new, reason, Drift.UNKNOWN)
        return _drift(path, Move.KEPT, Comparison(Drift.UNKNOWN, _asked(path, new), (change,), reason=reason))
    directions = {_direction(path, one.schemas[path]) for one in (old, new)}
    # Whoever loosens the direction is still held to the stricter one, once.
    direction = directions.pop() if len(directions) == 1 else Direction.FULL
    comparison = compare(
        old.schemas[path], new.schemas[path], direction, name=path, old_files=old.schemas, new_files=new.schemas
    )
    if comparison.verdict.exit_code and not comparison.changes:
        text = "what it refers to changed" if old.files[path] == new.files[path] else "the schema changed"
        change = _of_the_file(path, old, new, text, comparison.verdict)
        comparison = replace(comparison, changes=(change,))
    text = new.files[path].decode("utf-8")
    lines = {change.id: line_of_change(text, change.pointer, change.keyword) for change in comparison.changes}
    return replace(_drift(path, Move.KEPT, comparison), lines=lines)


def _added(path: str, new: _Version, was: Sequence[str]) -> ContractDrift:
    if fault := new.fault(path, strict=True):
        return _faulty(path, Move.ADDED, fault)
    origin = f"was {contract_name(was[0])}" if was else "new"
    return _drift(path, Move.ADDED, Comparison(Drift.NON_BREAKING, Direction.FORWARD, reason=origin))


def _removed(path: str, became: str | None) -> ContractDrift:
    name = contract_name(became) if became else None
    text = f"renamed to {name}: readers know it by its name" if name else "removed: its readers lose it"
    change = Change(_id(path, "contract", contract_name(path), name), "", "contract", text, Drift.BREAKING)
    comparison = Comparison(Drift.BREAKING, Direction.FORWARD, (change,), reason=text)
    return replace(_drift(path, Move.RENAMED if name else Move.REMOVED, comparison), became=name or "")


def _absent(name: str, entries: Sequence[Acceptance]) -> ContractDrift:
    left_over = tuple(entry for entry in entries if entry.contract == name)
    comparison = Comparison(Drift.NO_CHANGE, Direction.FORWARD)
    return ContractDrift(name, "", Move.ABSENT, comparison, left_over=left_over)


def _faulty(path: str, move: Move, fault: str) -> ContractDrift:
    comparison = Comparison(Drift.BREAKING, Direction.FORWARD, reason=f"no sound schema: {fault}")
    return replace(_drift(path, move, comparison), fault=fault)


def _drift(path: str, move: Move, comparison: Comparison) -> ContractDrift:
    return ContractDrift(contract_name(path) or path, path, move, comparison)


def _judged(drift: ContractDrift, entries: Sequence[Acceptance], today: date) -> ContractDrift:
    """``drift`` with what the entries of its contract accept of it."""
    ours = [entry for entry in entries if entry.contract == drift.name]
    present = {change.id for change in drift.comparison.changes}
    left_over = tuple(entry for entry in ours if entry.id not in present)
    needed = _needed(drift.comparison) if not drift.fault else ()
    named = {entry.id: entry for entry in ours if entry.id in needed}
    missing = tuple(one for one in needed if one not in named or not named[one].holds(today))
    return replace(
        drift,
        accepted=bool(needed) and not missing,
        missing=missing,
        accepted_by=tuple(named[one] for one in needed if one in named and one not in missing),
        expired=tuple(named[one] for one in missing if one in named),
        left_over=left_over,
    )


def _needed(comparison: Comparison) -> tuple[str, ...]:
    """The ids that a person has to name: of what breaks or may; of all of it where only together they do."""
    if not comparison.verdict.exit_code:
        return ()
    harmless = (Drift.NON_BREAKING, Drift.NO_CHANGE)
    grave = tuple(change.id for change in comparison.changes if change.drift not in harmless)
    return tuple(dict.fromkeys(grave or (change.id for change in comparison.changes)))


def _renamed(old: _Version, new: _Version) -> dict[str, str]:
    """Path of what is gone → path of what is new and accepts the same documents, each at most once."""
    gone = sorted(path for path in old.contracts - new.contracts if path in old.schemas)
    come = sorted(path for path in new.contracts - old.contracts if path in new.schemas)
    pairs: dict[str, str] = {}
    for was in gone:
        equal = (now for now in come if now not in pairs.values() and _same(was, now, old, new))
        if (now := next(equal, None)) is not None:
            pairs[was] = now
    return pairs


def _same(was: str, now: str, old: _Version, new: _Version) -> bool:
    if old.files[was] == new.files[now]:
        return True
    try:
        found = compare(
            old.schemas[was], new.schemas[now], Direction.FULL, name=now, old_files=old.schemas, new_files=new.schemas
        )
    except ConfigError:
        return False
    return found.verdict is Drift.NO_CHANGE


def _of_the_file(path: str, old: _Version, new: _Version, text: str, drift: Drift) -> Change:
    """The change of a schema that cannot be said in parts; the next change of its file, or of those around it where
    its own stayed, is another one."""
    own = old.files[path] != new.files[path]
    digests = [
        sha256(b"\0".join(data for each, data in sorted(version.files.items()) if each == path or not own)).hexdigest()
        for version in (old, new)
    ]
    return Change(_id(path, "schema", *digests), "", "schema", text, drift)


def _id(path: str, keyword: str, old: object, new: object) -> str:
    said = json.dumps([contract_name(path), "", keyword, old, new], ensure_ascii=False, separators=(",", ":"))
    return sha256(said.encode()).hexdigest()[:8]


def _asked(path: str, version: _Version) -> Direction:
    """The direction a sound version asks for, the default where it has none that can be read."""
    try:
        return _direction(path, version.schemas.get(path))
    except ConfigError:
        return Direction.FORWARD


def _direction(path: str, schema: Any) -> Direction:
    asked = schema.get(DIRECTION, Direction.FORWARD) if isinstance(schema, dict) else Direction.FORWARD
    if asked not in list(Direction):
        raise ConfigError(f"{path}: {DIRECTION} is {asked!r}.", f"There is {', '.join(Direction)}.")
    return Direction(asked)
