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
    """The first that counts and that every engine reads alike (is é a letter?), else the first that counts."""
    first = NOTHING
    try:
        for document in documents:
            if counts(document, judges):
                if _typed(document):
                    return document
                first = document if first is NOTHING else first
    except (ValueError, LookupError, RecursionError):
        if first is NOTHING:
            raise
    return first


def _typed(document: Any) -> bool:
    """Whether all texts in it are of plain characters."""
    return not re.search(r"\\[^\"\\/]", json.dumps(document))


def counts(document: Any, judges: tuple[Judge, Judge]) -> bool:
    """Whether both validators accept the document under the first schema and refuse it under the second."""
    return judges[0].accepts(document) and judges[1].refuses(document)


def shrunk(document: Any, judges: tuple[Judge, Judge]) -> Any:
    """The document with all that is not needed taken away, as long as it still counts; bounded."""
    found, left = document, _SHRUNK
    while left > 0:
        attempts = list(islice(_smaller(found), left))
        # The slow validator is asked at the end alone.
        fitting = (at for at, less in enumerate(attempts) if judges[0].fast(less) and not judges[1].fast(less))
        first = next(fitting, None)
        if first is None:
            break
        found, left = attempts[first], left - first - 1
    return found if counts(found, judges) else document


def _smaller(value: Any) -> Iterator[Any]:
    """Values with a little less in them, the boldest first."""
    if isinstance(value, dict):
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
