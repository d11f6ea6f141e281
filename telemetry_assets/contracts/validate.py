"""Documents against one contract: fast for thousands that keep it, one worded violation for each that breaks it.

What belongs here: judging documents and saying what is wrong. What does not: where contracts come from
(``registry.py``), what happens to a document that breaks one (``sources/publishing.py``).
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from telemetry_assets.contracts.counted_work import SpentError, at_most
from telemetry_assets.contracts.dialects import Draft, draft_of
from telemetry_assets.contracts.places import pointer_of
from telemetry_assets.contracts.reading import DEEPEST, deeper
from telemetry_assets.contracts.references import chooses_again
from telemetry_assets.contracts.validators import TOOK_TOO_LONG, carrier, judging, wording
from telemetry_assets.contracts.wording import clipped, shown, words_of

WORDED = 1000
"""Of so many violations of one document the most telling is chosen; the others are only counted."""
WORK = 500_000
"""So many sub-schemas the reference validator asks for the words of one document: some five seconds."""
COUNTED = 100_000
"""So many violations of one document are counted at most."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The one violation of a document that says most. ``pointer`` is a JSON Pointer, empty for the whole document.

    ``message`` is a sentence made of the others; ``more`` counts the document's further violations.
    """

    tenant: str
    pointer: str
    found: str
    expected: str
    message: str
    more: int = 0


# Without slots: what is compiled once is kept in the instance.
@dataclass(frozen=True)
class Contract:
    """The JSON Schema (2020-12 or draft 7) that an asset's documents keep. ``asset`` is slash-joined.

    ``files`` are the schemas of its folder by relative path and ``name`` its own one, for references between files.
    """

    asset: str
    path: Path
    schema: Any
    name: str = ""
    files: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @property
    def draft(self) -> Draft:
        """The draft that the schema is written in."""
        return draft_of(self.schema) or Draft.V2020

    @cached_property
    def judge(self) -> Any:
        """The jsonschema-rs validator, whose verdict counts: ``is_valid``, ``iter_errors``."""
        return judging(self.schema, self.draft, name=self.name, files=self.files)

    @cached_property
    def enumerable(self) -> bool:
        """Whether jsonschema-rs may be asked what is wrong: of a choice that comes again deeper it collects every error
        of every branch at every level, which nothing bounds."""
        return not chooses_again(self.name, {**self.files, self.name: self.schema})

    @cached_property
    def reference(self) -> Any:
        """The jsonschema validator, which words what broke: the same formats, patterns and files."""
        return wording(self.schema, self.draft, name=self.name, files=self.files)

    def accepts(self, document: Any, *, parsed: bool = False) -> bool:
        """Whether a document keeps the contract. ``parsed`` as for :meth:`validate_many`."""
        try:
            # A schema that leaves a place open would take NaN there for something; so the rest of Python goes first.
            return (parsed or carried(document)) and self.judge.is_valid(document)
        except (TypeError, ValueError, RecursionError):
            return False

    def validate_many(self, documents: Iterable[tuple[str, Any]], *, parsed: bool = False) -> tuple[Violation, ...]:
        """One violation per (tenant, document) that breaks the contract, in the order given; documents are plain JSON.

        NaN, infinities, more than 200 levels and anything JSON cannot carry break every contract. ``parsed`` says that
        the documents come from ``read_json``, which lets none of these through, so that they need not be looked for.
        """
        judged = (None if self.accepts(document, parsed=parsed) else self.violation(tenant, document)
                  for tenant, document in documents)  # fmt: skip
        return tuple(violation for violation in judged if violation)

    def violation(self, tenant: str, document: Any) -> Violation:
        """The violation that says most of a document that breaks the contract; the reference validator's words."""
        if not carried(document):
            return _not_json(tenant, document)
        errors = self.reference_errors(document)
        if not errors:
            return self._disagreed(tenant, document)
        more = len(errors) - 1
        if len(errors) == WORDED and self.enumerable:
            more = sum(1 for _ in islice(self.judge.iter_errors(document), COUNTED)) - 1
        return worded(tenant, errors, more)

    def reference_errors(self, document: Any, most: int = WORDED) -> list[Any]:
        """The reference validator's first errors, as far as Python's recursion and :data:`WORK` reach."""
        errors: list[Any] = []
        with suppress(RecursionError, SpentError), at_most(WORK):
            errors.extend(islice(self.reference.iter_errors(document), most))
        return errors

    def _disagreed(self, tenant: str, document: Any) -> Violation:
        """What only the judging validator says: its own words, and that the other did not say it."""
        if not self.enumerable:
            return said(tenant, (), shown(document), "what its contract allows (jsonschema-rs alone says so)")
        error = next(self.judge.iter_errors(document), None)
        if error is None:
            return said(tenant, (), shown(document), "what both validators accept")
        return judged_alone(tenant, error)


def worded(tenant: str, errors: list[Any], more: int = 0) -> Violation:
    """The violation in the most telling of jsonschema's errors."""
    from jsonschema.exceptions import best_match

    best = best_match(iter(errors))
    if best.message == TOOK_TOO_LONG:
        return said(tenant, best.absolute_path, shown(best.instance), _undecided(best.validator_value), more)
    found, expected = words_of(best)
    return said(tenant, best.absolute_path, found, expected, more)


def judged_alone(tenant: str, error: Any) -> Violation:
    """The violation in jsonschema-rs's own words, where jsonschema has none for it."""
    from jsonschema_rs import ValidationErrorKind as Kind

    if isinstance(error.kind, Kind.BacktrackLimitExceeded | Kind.RegexEngineFailure):
        return said(tenant, error.instance_path, shown(error.instance), _undecided(error.schema_path[-1]))
    expected = f"{clipped(error.message)} (jsonschema-rs alone says so, and so it is refused)"
    return said(tenant, error.instance_path, shown(error.instance), expected)


def said(tenant: str, path: Iterable[str | int], found: str, expected: str, more: int = 0) -> Violation:
    """A violation, its sentence made of its parts."""
    pointer = pointer_of(path)
    others = f" (and {more} more)" if more else ""
    message = f"{pointer or 'the document'}: found {found}, expected {expected}{others}"
    return Violation(tenant, pointer, found, expected, message, more)


def _undecided(pattern: Any) -> str:
    named = f" {clipped(pattern)}" if isinstance(pattern, str) and pattern != "pattern" else ""
    return f"text that the pattern{named} is decided for within bounds ({TOOK_TOO_LONG})"


def carried(document: Any) -> bool:
    """Whether JSON can carry a value, at most :data:`DEEPEST` levels deep."""
    try:
        return carrier().is_valid(document)
    except (TypeError, ValueError):
        return False


def _not_json(tenant: str, document: Any) -> Violation:
    if deeper(document):
        return said(tenant, (), f"more than {DEEPEST} levels", f"at most {DEEPEST} levels of objects and arrays")
    for path, value in _walk(document):
        if isinstance(value, float) and not math.isfinite(value):
            return said(tenant, path, str(value), "a finite number")
        if not isinstance(value, str | int | float | bool | dict | list | None):
            return said(tenant, path, f"a Python {type(value).__name__}", "a JSON value")
        if isinstance(value, dict) and (odd := [key for key in value if not isinstance(key, str)]):
            return said(tenant, path, f"the key {clipped(repr(odd[0]))}", "text as a key")
    return said(tenant, (), "what JSON cannot carry", "a JSON document")


def _walk(document: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value with its path, the document first; a stack, for it is as deep as it is."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while stack:
        path, value = stack.pop()
        yield path, value
        if isinstance(value, dict):
            stack.extend(((*path, str(key)), item) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend(((*path, index), item) for index, item in enumerate(value))
