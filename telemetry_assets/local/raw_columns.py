"""A stream's columns: JSON schema → PostgreSQL types, and values → what COPY reads, column by column.

What belongs here: pure decisions on names, types and values. What does not: SQL (``raw_table.py``).

A text column takes any value (others as their JSON); every other column takes only what its type says, so that a type
change at the source is seen. NaN and Infinity become null, NUL characters are dropped: PostgreSQL can hold neither.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson

from telemetry_assets.errors import FailingError

RESERVED = frozenset(
    {"tenant_id", "_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_emitted_at"}
    | {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
)
"""Column names that are ours or PostgreSQL's own."""

NAME_BYTES = 63


class ColumnType(StrEnum):
    """The types of raw columns, spelt as PostgreSQL's format_type() does."""

    TEXT = "text"
    DATE = "date"
    TIMESTAMPTZ = "timestamp with time zone"
    TIMESTAMP = "timestamp without time zone"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    JSONB = "jsonb"


_BY_NAME = {
    "integer": ColumnType.BIGINT,
    "number": ColumnType.NUMERIC,
    "boolean": ColumnType.BOOLEAN,
    "object": ColumnType.JSONB,
    "array": ColumnType.JSONB,
}


class TypeChanged(FailingError):
    """A value does not fit its column any more."""

    def __init__(self, stream: str, column: str, old: str, value: Any) -> None:
        shown = repr(value) if len(repr(value)) <= 80 else f"{repr(value)[:77]}..."
        super().__init__(
            f"Stream {stream}: column {column} is {old} and the source now sends {shown}.",
            "Rows committed before stay. Fix the source, or give the column its new type in the connector's schema "
            "and rename or drop the old column.",
        )


def column_type(schema: Mapping[str, Any]) -> ColumnType:
    """The column of a property. Several types that share no column, or no type at all, are jsonb."""
    alternatives = schema.get("oneOf") or schema.get("anyOf")
    if alternatives:
        found = {column_type(option) for option in alternatives if option.get("type") != "null"}
        return found.pop() if len(found) == 1 else ColumnType.JSONB
    declared = schema.get("type")
    names = {str(name) for name in (declared if isinstance(declared, list) else [declared])} - {"null"}
    if schema.get("airbyte_type") == "big_integer" or names == {"integer", "number"}:
        return ColumnType.NUMERIC
    if names == {"string"}:
        return _string_type(schema)
    return _BY_NAME.get(names.pop(), ColumnType.JSONB) if len(names) == 1 else ColumnType.JSONB


def _string_type(schema: Mapping[str, Any]) -> ColumnType:
    match schema.get("format"):
        case "date":
            return ColumnType.DATE
        case "date-time":
            naive = schema.get("airbyte_type") == "timestamp_without_timezone"
            return ColumnType.TIMESTAMP if naive else ColumnType.TIMESTAMPTZ
        case _:
            return ColumnType.TEXT


def type_of_values(values: Iterable[Any]) -> ColumnType | None:
    """The column of a field that no schema declares, by what it holds now; None where it holds nothing yet."""
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return None
    if kinds <= {int, float}:
        return ColumnType.NUMERIC
    if len(kinds) > 1:
        return ColumnType.JSONB
    return {str: ColumnType.TEXT, bool: ColumnType.BOOLEAN}.get(kinds.pop(), ColumnType.JSONB)


def check_names(stream: str, columns: Iterable[str]) -> None:
    """Raises FailingError for a name that cannot be a table's or a column's, or that is ours."""
    for name in (stream, *columns):
        if not name or "\0" in name or len(name.encode()) > NAME_BYTES:
            raise FailingError(
                f"Stream {stream[:80]!r}: the name {name!r} is not one for PostgreSQL.",
                f"Give it 1 to {NAME_BYTES} bytes in the connector.",
            )
    for name in columns:
        if name in RESERVED:
            raise FailingError(
                f"Stream {stream}: its field {name} has the name of a column that is ours or PostgreSQL's.",
                "Rename the field in the connector.",
            )


_PLAIN: Mapping[ColumnType, frozenset[type]] = {
    ColumnType.TEXT: frozenset({str, type(None)}),
    ColumnType.DATE: frozenset({str, type(None)}),
    ColumnType.TIMESTAMPTZ: frozenset({str, type(None)}),
    ColumnType.TIMESTAMP: frozenset({str, type(None)}),
    ColumnType.BIGINT: frozenset({int, type(None)}),
    ColumnType.NUMERIC: frozenset({int, float, type(None)}),
    ColumnType.BOOLEAN: frozenset({bool, type(None)}),
    ColumnType.JSONB: frozenset({type(None)}),
}

# PostgreSQL also reads "today", "infinity" and 1/2/2026 as dates: only ISO may pass.
_DATE = r"\d{4,6}-\d\d-\d\d"
_MOMENT = _DATE + r"(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?"
_PATTERNS = {
    ColumnType.DATE: re.compile(_DATE),
    ColumnType.TIMESTAMPTZ: re.compile(_MOMENT),
    ColumnType.TIMESTAMP: re.compile(_MOMENT),
}


def encode(stream: str, column: str, kind: ColumnType, values: Sequence[Any]) -> Sequence[Any]:
    """One column of a batch as csv.writer shall see it. Raises TypeChanged for a value the column cannot hold."""
    kinds = set(map(type, values))
    if not kinds <= _PLAIN[kind]:
        values = _converted(stream, column, kind, values)
    if kind is ColumnType.NUMERIC and float in kinds:
        return [None if type(value) is float and not math.isfinite(value) else value for value in values]
    pattern = _PATTERNS.get(kind)
    if pattern:
        for value in set(values):
            if value is not None and not pattern.fullmatch(value):
                raise TypeChanged(stream, column, kind, value)
    return values


def _converted(stream: str, column: str, kind: ColumnType, values: Sequence[Any]) -> Sequence[Any]:
    convert, plain = _CONVERTERS.get(kind, _refuse), _PLAIN[kind]
    converted: list[Any] = []
    for value in values:
        try:
            converted.append(value if type(value) in plain else convert(value))
        except ValueError:
            raise TypeChanged(stream, column, kind, value) from None
    return converted


def _refuse(value: Any) -> Any:
    raise ValueError(value)


def _whole(value: Any) -> int | None:
    """1.0 is an integer to JSON Schema; beyond 2^53 a float no longer says which."""
    if type(value) is not float:
        raise ValueError(value)
    if not math.isfinite(value):
        return None
    if not value.is_integer() or abs(value) > 2**53:
        raise ValueError(value)
    return int(value)


def _json(value: Any) -> str:
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # an integer beyond 64 bits, which only the lenient parser lets through
        text = orjson.dumps(_storable(value)).decode()
    return orjson.dumps(_storable(value)).decode() if "\\u0000" in text else text


def _storable(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {str(key).replace("\0", ""): _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
        case int() if not isinstance(value, bool) and abs(value) >= 2**63:
            return float(value)
        case _:
            return value


_CONVERTERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    ColumnType.TEXT: _json,
    ColumnType.BIGINT: _whole,
    ColumnType.JSONB: _json,
}
