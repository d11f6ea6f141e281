"""A document that one schema accepts and another refuses, found on purpose and made small: the same for ever.

What belongs here: the search, its bounds, the shrinking. What does not: which documents are tried (``candidates.py``).
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from telemetry_assets.contracts.comparison.candidates import Candidates, SpentError
from telemetry_assets.contracts.comparison.judges import Judge
from telemetry_assets.contracts.comparison.sides import NOTHING, Side

STEPS = 12_000
"""How many values the search looks at."""
_CONFIRMED = 12
"""How many documents are asked of both validators before the search gives up: they disagree then."""
_SHRUNK = 600
_BEST = 2


def find(accepting: Any, refusing: Any, judges: tuple[Judge, Judge] | None = None, *, steps: int = STEPS) -> Any:
    """A small document that ``accepting`` accepts and ``refusing`` refuses as both validators see it, else ``NOTHING``.

    Both are 2020-12 schemas that stand on their own; ``judges`` decide in their stead (for the schemas as they were
    written). Bounded by ``steps``, never by time: the same pair, the same document.
    """
    judges = judges or (Judge(accepting), Judge(refusing))
    try:
        ours, theirs = Side(accepting), Side(refusing)
        document = _plainest(islice(_candidates(ours, theirs, steps), _CONFIRMED), judges)
        return document if document is NOTHING else shrunk(document, judges)
    except (ValueError, LookupError, RecursionError):
        # Nested deeper than the validators go, or references that only a whole folder resolves.
        return NOTHING
    return NOTHING


def _candidates(ours: Side, theirs: Side, steps: int) -> Iterator[Any]:
    try:
        for document in Candidates(ours, theirs, steps).documents():
            if not theirs.holds(("",), document):
                yield document
    except SpentError:
        return


def _plainest(documents: Iterator[Any], judges: tuple[Judge, Judge]) -> Any:
    """Of those that count the first of the best standing."""
    best, most = NOTHING, -1
    try:
        for document in documents:
            if counts(document, judges) and (standing := _standing(document, judges)) > most:
                best, most = document, standing
                if most == _BEST:
                    break
    except (ValueError, LookupError, RecursionError):
        if best is NOTHING:
            raise
    return best


def _standing(document: Any, judges: tuple[Judge, Judge]) -> int:
    """How surely others say the same, who assert other formats, take é for a letter, end at the last line's end."""
    if not judges[0].strict(document) or judges[1].strict(document):
        return 0
    text = json.dumps(document)
    if not re.search(r"\\[^\"\\/]", text):
        return _BEST
    return 0 if re.search(r"\\u|\\n\"", text) else 1


def counts(document: Any, judges: tuple[Judge, Judge]) -> bool:
    """Whether both validators accept the document under the first schema and refuse it under the second."""
    return judges[0].accepts(document) and judges[1].refuses(document)


def shrunk(document: Any, judges: tuple[Judge, Judge]) -> Any:
    """The document with all that is not needed taken away, as long as it counts and stands as before; bounded."""
    found, left, standing = document, _SHRUNK, _standing(document, judges)
    while left > 0:
        attempts = list(islice(_smaller(found), left))
        # The slow validator is asked at the end alone.
        fitting = (
            at
            for at, less in enumerate(attempts)
            if judges[0].fast(less) and not judges[1].fast(less) and _standing(less, judges) >= standing
        )
        first = next(fitting, None)
        if first is None:
            break
        found, left = attempts[first], left - first - 1
    return found if counts(found, judges) else document


def _smaller(value: Any) -> Iterator[Any]:
    """Values with a little less in them, the boldest first."""
    if isinstance(value, dict):
        # What is wrong below is, where a schema refers to itself, wrong as the whole, too.
        yield from (inner for inner in value.values() if isinstance(inner, dict))
        for name in value:
            yield {key: inner for key, inner in value.items() if key != name}
        for name, inner in value.items():
            yield from ({**value, name: less} for less in _smaller(inner))
    elif isinstance(value, list):
        if len(value) > 3:
            yield from (value[: len(value) // 2], value[len(value) // 2 :])
        if len(value) <= 40:
            yield from (value[:index] + value[index + 1 :] for index in range(len(value)))
            for index, inner in enumerate(value):
                yield from ([*value[:index], less, *value[index + 1 :]] for less in _smaller(inner))
    elif isinstance(value, str):
        yield from (
            less for less in dict.fromkeys(("", "a", value[: len(value) // 2], value[:-1])) if len(less) < len(value)
        )
    elif isinstance(value, int | float) and not isinstance(value, bool) and value not in (0, 1):
        yield from (less for less in (0, 1) if abs(less) < abs(value))
