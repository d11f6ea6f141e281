"""What both validators say of a document: the judge of the comparison's tests, which knows nothing of how we compare.

What belongs here: jsonschema and jsonschema-rs on one schema with the files beside it. What does not: our own code.
"""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

import jsonschema
import jsonschema_rs
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

BASE = "http://folder.invalid/"
"""Where the schema and the files beside it lie, as the validators see it."""
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


@cache
def _formats(py_class: Any) -> jsonschema.FormatChecker:
    """What jsonschema knows; it knows instants and times only with a further package, so jsonschema-rs tells it."""
    checker = jsonschema.FormatChecker(py_class.FORMAT_CHECKER.checkers)
    for name in ("date-time", "time"):
        known = jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True)
        checker.checks(name)(known.is_valid)
    return checker


def _additional_items(validator: Any, additional: Any, instance: Any, schema: Any) -> Any:
    """As draft 7 has it: it says something beside a list of ``items`` only; jsonschema's own raises at a boolean."""
    if isinstance(schema.get("items"), list):
        yield from jsonschema.Draft7Validator.VALIDATORS["additionalItems"](validator, additional, instance, schema)


_DRAFT_7: Any = jsonschema.validators.extend(jsonschema.Draft7Validator, {"additionalItems": _additional_items})


class Oracle:
    """One schema, asked through both validators; formats are asserted. Raises where the schema is none for either."""

    def __init__(self, schema: Any, files: Mapping[str, Any] | None = None) -> None:
        self.schema = schema
        self.files = {BASE + path: content for path, content in (files or {}).items()}
        dialect = schema.get("$schema", DRAFT_2020) if isinstance(schema, dict) else DRAFT_2020
        seven = dialect.startswith("http://json-schema.org/draft-07/schema")
        self._rs_class = jsonschema_rs.Draft7Validator if seven else jsonschema_rs.Draft202012Validator
        self._py_class: Any = _DRAFT_7 if seven else jsonschema.Draft202012Validator
        if self.files:
            # The schema's own address lets its relative references find the files.
            self.files[BASE + "schema"] = schema
            schema = {"$schema": DRAFT_7 if seven else DRAFT_2020, "$ref": BASE + "schema"}
        self._asked = schema

    @cached_property
    def fast(self) -> Any:
        """The validator of jsonschema-rs."""
        more: dict[str, Any] = {}
        if self.files:
            more = {"registry": jsonschema_rs.Registry(list(self.files.items())), "base_uri": BASE}
        return self._rs_class(self._asked, validate_formats=True, offline=True, **more)

    @cached_property
    def slow(self) -> Any:
        """The validator of jsonschema."""
        resources = [
            (address, Resource.from_contents(content, default_specification=DRAFT202012))
            for address, content in self.files.items()
        ]
        registry: Any = Registry().with_resources(resources)
        return self._py_class(self._asked, format_checker=_formats(self._py_class), registry=registry)

    def check(self) -> None:
        """Raises where jsonschema's metaschema refuses the schema or jsonschema-rs cannot build it."""
        for content in (self.schema, *self.files.values()):
            jsonschema.validators.validator_for(content, default=self._py_class).check_schema(content)
        assert self.fast is not None

    def built(self) -> bool:
        """Whether jsonschema-rs takes it for a schema: cheaper than ``check``, for those made by the thousand."""
        try:
            return self.fast is not None
        except (ValueError, jsonschema_rs.ReferencingError):
            return False

    def accepts(self, document: Any) -> bool | None:
        """What both say; None where they differ."""
        fast = self.fast.is_valid(document)
        return fast if fast is self.slow.is_valid(document) else None


def breaks(document: Any, accepting: Oracle, refusing: Oracle) -> bool:
    """Whether both validators agree that the one schema accepts the document and the other refuses it."""
    if not accepting.fast.is_valid(document) or refusing.fast.is_valid(document):
        return False
    return accepting.accepts(document) is True and refusing.accepts(document) is False
