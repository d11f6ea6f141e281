"""``anyOf`` and ``oneOf`` for jsonschema: what does not fit in which branch is said for choices in choices only so far.

What belongs here: these two keywords. What does not: the validator's others (``validators.py``). jsonschema's own
collect every error of every branch, of choices in them again: where a schema refers to itself that never ends.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any

from telemetry_assets.contracts.wording import clipped

DEEP = 2
"""Of a choice in a choice in a choice the branches are not told of any more."""
_MOST = 10
"""So many errors of one branch are told."""
_LONGEST = 300
_LEVEL: ContextVar[int] = ContextVar("level", default=0)


def any_of(validator: Any, branches: list[Any], instance: Any, schema: Any) -> Iterator[Any]:
    """At least one of them holds."""
    if _holding(validator, branches, instance, 1) < 1:
        yield _none(validator, branches, instance)


def one_of(validator: Any, branches: list[Any], instance: Any, schema: Any) -> Iterator[Any]:
    """One of them holds, and no second."""
    from jsonschema import ValidationError

    holding = _holding(validator, branches, instance, 2)
    if holding > 1:
        yield ValidationError(f"{clipped(repr(instance))} is valid under more than one of the given schemas")
    elif not holding:
        yield _none(validator, branches, instance)


def _holding(validator: Any, branches: list[Any], instance: Any, enough: int) -> int:
    with _at(DEEP):
        holding = (True for branch in branches if validator.evolve(schema=branch).is_valid(instance))
        return len(list(islice(holding, enough)))


def _none(validator: Any, branches: list[Any], instance: Any) -> Any:
    """The error of a choice of which no branch holds, with the errors of its branches."""
    from jsonschema import ValidationError

    context: list[Any] = []
    level = _LEVEL.get()
    if not validator.brief and level < DEEP:
        with _at(level + 1):
            for index, branch in enumerate(branches):
                context += islice(validator.descend(instance, branch, schema_path=index), _MOST)
    for error in context:
        # It quotes the instance, all of it.
        error.message = clipped(error.message, _LONGEST)
    return ValidationError(f"{clipped(repr(instance))} is not valid under any of the given schemas", context=context)


@contextmanager
def _at(level: int) -> Generator[None]:
    token = _LEVEL.set(level)
    try:
        yield
    finally:
        _LEVEL.reset(token)
