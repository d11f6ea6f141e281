"""Frozen dataclasses as JSON values, and back: every field there is, told by their types alone.

What belongs here: the two conversions. What does not: which dataclass is kept in which column.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, TypeAliasType, Union, cast, get_args, get_origin, get_type_hints

from telemetry_assets.ledger.values import instant_of, instant_text

_TICK = timedelta(microseconds=1)


def plain(value: Any) -> Any:
    """A dataclass, mapping, tuple, enum, instant, duration, text, number or None as a JSON value.

    Instants become texts, durations microseconds. Raises ValueError for a naive instant.
    """
    if value is None or isinstance(value, bool | int | float) or type(value) is str:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, timedelta):
        return value // _TICK
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in cast(Mapping[object, object], value).items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in cast(list[object], value)]
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} has no form as a JSON value")


def record_of[R](kind: type[R], values: Mapping[str, Any]) -> R:
    """The dataclass behind :func:`plain`. What is missing has its default; what no field knows is passed over.

    Raises TypeError where a field without default is missing, ValueError for a value that its type does not have.
    """
    return kind(**{name: read(values[name]) for name, read in _fields(kind) if name in values})


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = get_type_hints(kind)
    return tuple((one.name, _reader(hints[one.name])) for one in fields(kind))


def _reader(hint: Any) -> Callable[[Any], Any]:
    """What reads a value of this type from its JSON value."""
    if isinstance(hint, TypeAliasType):
        return _reader(hint.__value__)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (inner,) = (_reader(arg) for arg in args if arg is not type(None))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        return _tuple_reader(args)
    if origin is Mapping:
        item = _reader(args[1])
        return lambda value: MappingProxyType({key: item(one) for key, one in value.items()})
    if is_dataclass(hint):
        return lambda value: record_of(hint, value)  # pyright: ignore[reportArgumentType]
    if hint is datetime:
        return instant_of
    return (lambda value: timedelta(microseconds=value)) if hint is timedelta else hint


def _tuple_reader(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    if len(args) == 2 and args[1] is Ellipsis:
        item = _reader(args[0])
        return lambda values: tuple(item(one) for one in values)
    items = tuple(_reader(arg) for arg in args)
    return lambda values: tuple(read(one) for read, one in zip(items, values, strict=True))
