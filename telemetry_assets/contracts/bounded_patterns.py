"""Patterns matched with bounded work: a text that would keep a backtracking engine busy for years is *undecided*.

What belongs here: one pattern and one text. What does not: documents (``validate.py``). The dialect is ECMA 262's as
jsonschema-rs reads it, so both validators mean the same by a pattern; Python's ``re`` never sees one.
"""

from functools import lru_cache
from typing import Any

BACKTRACKS = 50_000
"""Steps back before a match is given up: about 2 ms."""


class UndecidedError(Exception):
    """The match took too long; whether the text matches is not known."""


def bounded() -> Any:
    """The options that keep jsonschema-rs within the bounds."""
    from jsonschema_rs import FancyRegexOptions

    return FancyRegexOptions(backtrack_limit=BACKTRACKS)


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text. Raises UndecidedError; ValueError where it does not compile."""
    from jsonschema_rs import ValidationError, ValidationErrorKind

    validator = _compiled(pattern)
    if validator.is_valid(text):
        return True
    try:
        validator.validate(text)
    except ValidationError as error:
        if isinstance(error.kind, ValidationErrorKind.Pattern):
            return False
    raise UndecidedError(pattern)


def pattern_fault(pattern: Any) -> str | None:
    """Why a pattern cannot be used; None where it can."""
    if not isinstance(pattern, str):
        return "is no text"
    try:
        _compiled(pattern)
    except (ValueError, UnicodeEncodeError):
        return "does not compile in the bounded engine (a misspelt, too large or unsupported regular expression)"
    return None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator({"pattern": pattern}, pattern_options=bounded(), offline=True)
