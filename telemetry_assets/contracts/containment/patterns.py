"""What is surely so of a pattern, whichever engine reads it: of which texts, how long its texts are.

What belongs here: only what ECMA 262, Rust and Python agree on. What does not: matching documents (``validate.py``).
"""

import re
from collections.abc import Callable
from functools import lru_cache
from re import _constants as constants  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from re import _parser as parser  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from typing import Any

_LONGEST = 1_000
_DISPUTED = re.compile(r"\\[A-Z0-9bpkuxc]|\(\?[^:]|[^\x20-\x7e]|&&|--|~~|\|\||\[[^]]*\[|\{,|[*+}?][+]")
"""What engines read in different ways, or what only those can do that may run away."""
_ODD_TEXT = re.compile(r"[^\x20-\x7e]")


@lru_cache(maxsize=4096)
def matches(pattern: str, text: str) -> bool | None:
    """Whether a pattern is found in a text, where every engine would say the same; else None. Takes linear time."""
    if len(text) > _LONGEST or _ODD_TEXT.search(text) or not read_alike(pattern):
        return None
    try:
        return _fast(pattern)(text)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def lengths(pattern: str) -> tuple[int, int | None]:
    """(fewest, most) characters of a text in which the pattern is found; most is None where there is no such bound."""
    if not read_alike(pattern):
        return 0, None
    parsed: Any = parser.parse(pattern)
    fewest, most = parsed.getwidth()
    ends = [parsed[0], parsed[-1]] if len(parsed) else []
    anchored = ends == [(constants.AT, constants.AT_BEGINNING), (constants.AT, constants.AT_END)]
    return int(fewest), int(most) if anchored and most < constants.MAXREPEAT else None


@lru_cache(maxsize=1024)
def read_alike(pattern: str) -> bool:
    """Whether every engine reads the pattern alike."""
    if len(pattern) > _LONGEST or _DISPUTED.search(pattern):
        return False
    try:
        re.compile(pattern)
        _fast(pattern)
    except (re.error, ValueError, RecursionError, OverflowError):
        return False
    return True


@lru_cache(maxsize=512)
def _fast(pattern: str) -> Callable[[Any], bool]:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator({"pattern": pattern}).is_valid
