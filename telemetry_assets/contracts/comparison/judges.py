"""What both validators say of a document under one schema: a counter-example counts only where they agree.

What belongs here: asking both. What does not: the validators themselves (``validators.py``), finding documents
(``witness.py``).
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from telemetry_assets.contracts.dialects import Draft, draft_of
from telemetry_assets.contracts.places import pointer_of
from telemetry_assets.contracts.validators import TOOK_TOO_LONG, judging, wording


class Judge:
    """One schema as both validators see it. ``files`` are the schemas it may refer to, by path; ``name`` is its own."""

    def __init__(self, schema: Any, files: Mapping[str, Any] | None = None, name: str = "") -> None:
        self._asked = (schema, draft_of(schema) or Draft.V2020)
        self._where: dict[str, Any] = {"name": name, "files": files}

    @cached_property
    def _fast(self) -> Any:
        return judging(*self._asked, **self._where)

    @cached_property
    def _slow(self) -> Any:
        return wording(*self._asked, **self._where)

    @cached_property
    def _strict(self) -> Any:
        return judging(*self._asked, **self._where, every_format=True)

    def strict(self, document: Any) -> bool:
        """What jsonschema-rs says alone where it asserts every format that it knows."""
        return self._strict.is_valid(document)

    def fast(self, document: Any) -> bool:
        """What jsonschema-rs says alone."""
        return self._fast.is_valid(document)

    def accepts(self, document: Any) -> bool:
        """Whether both accept it."""
        return self._fast.is_valid(document) and self._reference_says(document) is True

    def refuses(self, document: Any) -> bool:
        """Whether both refuse it, for what they know and not for work they gave up."""
        return not self._fast.is_valid(document) and self._reference_says(document) is False

    def words(self, document: Any) -> tuple[str, str]:
        """(pointer, message) of the violation that says most of a refused document."""
        from jsonschema.exceptions import best_match

        best = best_match(self._slow.iter_errors(document))
        return ("", "it is refused") if best is None else (pointer_of(best.absolute_path), best.message)

    def _reference_says(self, document: Any) -> bool | None:
        """None where it could not be decided: a pattern too hard, a document too deep, a number too large."""
        try:
            error = next(self._slow.iter_errors(document), None)
        except (RecursionError, ArithmeticError):
            return None
        if error is not None and _gave_up(error):
            return None
        return error is None


def _gave_up(error: Any) -> bool:
    return error.message == TOOK_TOO_LONG or any(_gave_up(inner) for inner in error.context or ())
