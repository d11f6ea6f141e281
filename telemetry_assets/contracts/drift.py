"""The words of a comparison of two schemas: direction, drift, change, counter-example. The meaning: docs/contracts.md.

What belongs here: values. What does not: finding them (``compare.py`` and what it calls).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telemetry_assets.model import ExitCode


class Direction(StrEnum):
    """Whose documents must go on being accepted: the old ones by the new schema, the new ones by the old, or both."""

    BACKWARD = "backward"
    FORWARD = "forward"
    FULL = "full"


class Drift(StrEnum):
    """What a change does to whoever reads the documents. ``UNKNOWN`` counts as breaking until a person accepts it."""

    NO_CHANGE = "no_change"
    NON_BREAKING = "non_breaking"
    BREAKING = "breaking"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> ExitCode:
        """0, 1 breaking, 4 unknown."""
        return _EXITS.get(self, ExitCode.OK)

    @property
    def word(self) -> str:
        """What people read."""
        return _WORDS[self]


_EXITS = {Drift.BREAKING: ExitCode.FAILING, Drift.UNKNOWN: ExitCode.COULD_NOT_LOOK}
_WORDS = {
    Drift.NO_CHANGE: "unchanged",
    Drift.NON_BREAKING: "not breaking",
    Drift.BREAKING: "breaking",
    Drift.UNKNOWN: "unknown",
}
WORST_FIRST = (Drift.BREAKING, Drift.UNKNOWN, Drift.NON_BREAKING, Drift.NO_CHANGE)
"""Of several drifts the first of these is that of all together."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change in words. ``pointer`` is where in the documents (``items``: any item, ``*``: any other property).

    ``id`` is 8 hex digits, the same for the same change for ever; ``drift`` is what this change alone does.
    """

    id: str
    pointer: str
    keyword: str
    text: str
    drift: Drift


@dataclass(frozen=True, slots=True)
class CounterExample:
    """A document that the schema ``accepted_by`` (``old`` or ``new``) accepts and the other refuses, with its words."""

    document: Any
    accepted_by: str
    refused_by: str
    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of a schema. ``reason`` says why the verdict is unknown: the obligation that nobody could show."""

    verdict: Drift
    direction: Direction
    changes: tuple[Change, ...] = ()
    counterexample: CounterExample | None = None
    reason: str = ""
