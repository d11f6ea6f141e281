"""Documents against one contract: fast for thousands that keep it, one worded violation for each that breaks it.

What belongs here: judging documents and saying what is wrong. What does not: where contracts come from
(``registry.py``), what happens to a document that breaks one (``sources/publishing.py``).
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry_assets.contracts.places import pointer_of

CLIP = 60
"""How many characters of a found value a message shows."""


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


@dataclass(frozen=True, slots=True)
class Contract:
    """The JSON Schema (2020-12) that an asset's documents keep. ``asset`` is slash-joined."""

    asset: str
    path: Path
    schema: dict[str, Any]

    def validate_many(self, documents: Iterable[tuple[str, Any]]) -> tuple[Violation, ...]:
        """One violation per (tenant, document) that breaks the contract, in the order given; documents are plain JSON.

        NaN, infinities and anything JSON cannot carry break every contract.
        """
        # Imported here: the commands that validate nothing must stay light.
        from jsonschema_rs import Draft202012Validator

        fast = Draft202012Validator(self.schema)
        judged = (self._violation(tenant, document, fast) for tenant, document in documents)
        return tuple(violation for violation in judged if violation)

    def _violation(self, tenant: str, document: Any, fast: Any) -> Violation | None:
        try:
            # Both validators would take NaN for something; so what JSON cannot carry is refused first.
            json.dumps(document, allow_nan=False)
            valid = fast.is_valid(document)
        except (TypeError, ValueError, RecursionError):
            return _not_json(tenant, document)
        return None if valid else self._worded(tenant, document, fast)

    def _worded(self, tenant: str, document: Any, fast: Any) -> Violation:
        """The reference validator words what the fast one found; should they differ, the fast one's words stand."""
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match

        errors = list(Draft202012Validator(self.schema).iter_errors(document))
        best = best_match(iter(errors))
        if best is None:
            first = next(fast.iter_errors(document))
            return _said(tenant, first.instance_path, _shown(first.instance), _clipped(first.message))
        found, expected = _words(best)
        return _said(tenant, best.absolute_path, found, expected, more=len(errors) - 1)


def _said(tenant: str, path: Iterable[str | int], found: str, expected: str, more: int = 0) -> Violation:
    pointer = pointer_of(path)
    others = f" (and {more} more)" if more else ""
    message = f"{pointer or 'the document'}: found {found}, expected {expected}{others}"
    return Violation(tenant, pointer, found, expected, message, more)


def _not_json(tenant: str, document: Any) -> Violation:
    for path, value in _walk(document):
        if isinstance(value, float) and not math.isfinite(value):
            return _said(tenant, path, str(value), "a finite number")
        if not isinstance(value, str | int | float | bool | dict | list | None):
            return _said(tenant, path, f"a Python {type(value).__name__}", "a JSON value")
        if isinstance(value, dict) and (odd := [key for key in value if not isinstance(key, str)]):
            return _said(tenant, path, f"the key {_clipped(repr(odd[0]))}", "text as a key")
    return _said(tenant, (), "what JSON cannot carry", "a JSON document")


def _walk(document: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value with its path, the document first; a stack, since a document may be deeper than Python recurses."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while stack:
        path, value = stack.pop()
        yield path, value
        # Deeper than this nothing of ours is; a document that holds itself would never end.
        if len(path) > 100:
            continue
        if isinstance(value, dict):
            stack.extend(((*path, str(key)), item) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend(((*path, index), item) for index, item in enumerate(value))


def _words(error: Any) -> tuple[str, str]:
    """(found, expected) of one jsonschema error, by its keyword."""
    value, instance = error.validator_value, error.instance
    match error.validator:
        case "type":
            kinds = value if isinstance(value, list) else [value]
            return _shown(instance), " or ".join(_article(kind) for kind in kinds)
        case "required":
            missing = [name for name in value if name not in instance]
            return f"no {_listed(missing)}", f"{_listed(missing)} to be there"
        case "additionalProperties" | "unevaluatedProperties":
            known = error.schema.get("properties", {})
            return _listed([name for name in instance if name not in known]), f"nothing but {_listed(known)}"
        case "minItems" | "maxItems":
            bound = "at least" if error.validator == "minItems" else "at most"
            return _counted(len(instance), "item"), f"{bound} {_counted(value, 'item')}"
        case "enum":
            return _shown(instance), f"one of {_clipped(', '.join(map(_shown, value)))}"
        case "const":
            return _shown(instance), _shown(value)
        case "pattern" | "format" | "minLength" | "maxLength":
            meant = error.schema.get("description")
            return _shown(instance), meant or f"text of {error.validator} {_clipped(str(value))}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return _shown(instance), f"{_BOUNDS[error.validator]} {value}"
        case _:
            return _shown(instance), f"what {error.validator} {_shown(value)} allows"


_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}


def _article(kind: str) -> str:
    if kind == "null":
        return "null"
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    return _clipped(", ".join(f"'{name}'" for name in names), 3 * CLIP)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object of {_counted(len(value), 'key')}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"an array of {_counted(len(value), 'item')}"
    return _clipped(json.dumps(value, ensure_ascii=False))


def _clipped(text: str, length: int = CLIP) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
