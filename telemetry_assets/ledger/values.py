"""How Python values become column values and come back: instants, JSON, text a connector wrote.

What belongs here: conversions every table of the ledger shares. What does not: statements, and anything that decides.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzLoader

INDEXED = 800
"""So many bytes of a text go into an index."""

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
"""What an instant is read as that Python cannot hold: PostgreSQL knows infinity, 4713 BC and the year 294276.

``LATEST`` lies after every ``now``, so a judgement calls it a clock nobody can believe, never fresh.
"""


class BoundedTimestamptz(TimestamptzLoader):
    """Reads any timestamptz: what lies outside Python's years becomes EARLIEST or LATEST and raises nothing."""

    def load(self, data: Buffer) -> datetime:
        """The instant in the session's zone."""
        try:
            return super().load(data)
        except DataError:
            return _outside(bytes(data).decode())


def instant_text(instant: datetime) -> str:
    """An aware instant as UTC ISO-8601 of fixed width, so that texts sort as instants do. Naive: ValueError."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no timezone: an instant of the ledger is aware")
    try:
        return instant.astimezone(UTC).isoformat(timespec="microseconds")
    except OverflowError:
        bound = EARLIEST if instant.year == 1 else LATEST
        return bound.isoformat(timespec="microseconds")


def instant_of(text: str) -> datetime:
    """Text of a jsonb → aware UTC instant. Text without a zone is UTC; text that is no time of Python's is a bound."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return _outside(text)


def instants_json(instants: Mapping[str, datetime]) -> str:
    """``{key: instant}`` as the text of a jsonb."""
    return json.dumps({key: instant_text(instant) for key, instant in instants.items()})


def instants_of(stored: Mapping[str, Any]) -> dict[str, datetime]:
    """A jsonb of instants → ``{key: instant}``."""
    return {key: instant_of(str(text)) for key, text in stored.items()}


def json_text(value: Any) -> str:
    """Any JSON value as text that jsonb accepts: no NaN, no infinity, no NUL and no lone surrogate inside."""
    text = json.dumps(value)
    suspects = ("NaN", "Infinity", "\\u0000", "\\ud8", "\\ud9", "\\uda", "\\udb", "\\udc", "\\udd", "\\ude", "\\udf")
    return json.dumps(_clean(value)) if any(suspect in text for suspect in suspects) else text


def plain_text(text: str) -> str:
    """Text that a text column accepts: what PostgreSQL cannot hold becomes U+FFFD (NUL) or ``?`` (half a pair)."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def index_text(text: str) -> str:
    """Text that an index accepts, three to a row: what is longer than 800 bytes is cut and ends in its own hash."""
    clean = plain_text(text)
    if len(clean.encode()) <= INDEXED:
        return clean
    return clean.encode()[: INDEXED - 70].decode(errors="ignore") + "…" + hashlib.sha256(clean.encode()).hexdigest()


def _outside(text: str) -> datetime:
    return EARLIEST if text.startswith("-") or text.endswith("BC") else LATEST


def _clean(value: Any) -> Any:
    match value:
        case str():
            return plain_text(value)
        case float() if value != value or value in (float("inf"), float("-inf")):
            return None
        case dict():
            return {plain_text(str(key)): _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return value
