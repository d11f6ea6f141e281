"""Which draft a schema without ``$schema`` is spelt in, and what validators of 2020-12 read in two ways.

What belongs here: two files that somebody hands to the comparison. What does not: the folder, whose contracts say their
draft or are 2020-12 (``schema_check.py``).
"""

import json
from collections.abc import Mapping
from typing import Any

from telemetry_assets.contracts.dialects import SHAPES, Draft, Path_, every_schema

_LATER = SHAPES[Draft.V2020].keys() - SHAPES[Draft.V7].keys()
"""The keywords that draft 7 does not have."""


def with_draft(schema: Any) -> Any:
    """The schema; with draft 7's ``$schema`` where it names none and is spelt as only that draft has it.

    A list of ``items`` is no schema in 2020-12 and ``dependencies`` no keyword of it; whoever writes one and nothing of
    2020-12 means draft 7.
    """
    if not isinstance(schema, dict) or "$schema" in schema:
        return schema
    inside = [here for _, here in every_schema(schema, Draft.V7) if isinstance(here, dict)]
    if not any(isinstance(here.get("items"), list) or "dependencies" in here for here in inside):
        return schema
    return schema if any(here.keys() & _LATER for here in inside) else {"$schema": Draft.V7.uri + "#", **schema}


def disputed(old: Any, new: Any) -> str:
    """What of two 2020-12 schemas one validator asserts and another skips, and is not the same in both; else empty."""
    if _dependencies(old) == _dependencies(new):
        return ""
    return "validators of 2020-12 differ about dependencies (the words there: dependentRequired, dependentSchemas)"


def _dependencies(schema: Any) -> dict[Path_, str]:
    """Path → text of each ``dependencies`` of a schema that is not draft 7's."""
    if isinstance(schema, Mapping) and str(schema.get("$schema", "")).removesuffix("#") == Draft.V7.uri:
        return {}
    found = every_schema(schema, Draft.V2020)
    return {
        path: json.dumps(here["dependencies"], sort_keys=True)
        for path, here in found
        if isinstance(here, dict) and "dependencies" in here
    }
