"""The reference validator's work, counted: choices that refer back to themselves would keep it busy for ever.

What belongs here: the count. What does not: who counts (``validators.py``), what it means that it ran out.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_LEFT: ContextVar[list[int] | None] = ContextVar("left", default=None)


class SpentError(Exception):
    """As many sub-schemas were asked about as were allowed; the answer is not known."""


@contextmanager
def at_most(steps: int) -> Generator[None]:
    """Let the reference validator ask at most ``steps`` sub-schemas in here: about 100,000 a second."""
    token = _LEFT.set([steps])
    try:
        yield
    finally:
        _LEFT.reset(token)


def count() -> None:
    """One sub-schema more. Raises SpentError where that is too many; outside of :func:`at_most` nothing is."""
    left = _LEFT.get()
    if left is not None:
        left[0] -= 1
        if left[0] < 0:
            raise SpentError
