"""What every mapping of telemetry.yaml has in common: no key it does not know, and its own words for what is wrong.

What belongs here: the shape of shapes. What does not: any key in particular (``promised.py``, ``sources.py``,
``shapes.py``).
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class EntryError(ValueError):
    """What is wrong with an entry by itself; the words go on after its place."""


class UnknownKeysError(EntryError):
    """Keys that a mapping does not have, with the ones it has; worded where the file's lines are known."""

    def __init__(self, unknown: list[str], known: list[str]) -> None:
        super().__init__(", ".join(unknown))
        self.unknown = unknown
        self.known = known


class Strict(BaseModel):
    """A mapping of telemetry.yaml: unknown keys refused, values frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, data: Any) -> Any:
        """First of all, since a misspelt or misplaced key makes everything else said about its mapping noise."""
        if isinstance(data, dict):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            unknown = [str(key) for key in data if key not in known]
            if unknown:
                raise UnknownKeysError(unknown, known)
            cls.check_keys(frozenset(key for key, value in data.items() if value is not None))
        return data

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        """Raise EntryError where the keys that have a value do not go together."""
