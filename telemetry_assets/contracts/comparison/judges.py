"""What both validators say of a document under one schema: a counter-example counts only where they agree.

What belongs here: asking both. What does not: the validators themselves (``validators.py``), finding documents
(``witness.py``).
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from telemetry_assets.contracts.bounded_patterns import UndecidedError
from telemetry_assets.contracts.counted_work import SpentError, at_most
from telemetry_assets.contracts.dialects import Draft, draft_of
from telemetry_assets.contracts.places import pointer_of
from telemetry_assets.contracts.validators import judging, wording

_WORK = 50_000
"""How many sub-schemas jsonschema may ask for one answer: about half a second."""


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
    def _brief(self) -> Any:
        return wording(*self._asked, **self._where, brief=True)

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

        errors: list[Any] = []
        with suppress(RecursionError, SpentError), at_most(_WORK):
            errors.extend(self._slow.iter_errors(document))
        best = best_match(iter(errors))
        return ("", "it is refused") if best is None else (pointer_of(best.absolute_path), best.message)

    def _reference_says(self, document: Any) -> bool | None:
        """None where it could not be decided: a pattern too hard, a document too deep, a number too large, choices in
        choices without end."""
        try:
            with at_most(_WORK):
                return bool(self._brief.is_valid(document))
        except (RecursionError, ArithmeticError, SpentError, UndecidedError):
            return None
