"""What the value of each keyword must look like, and the fault of one that does not.

What belongs here: one value of one keyword. What does not: which keywords there are (``dialects.py``), what they mean.
"""

from collections.abc import Callable, Mapping
from typing import Any

from telemetry_assets.contracts.containment.exact import exact
from telemetry_assets.contracts.dialects import SHAPES, Draft, Shape

TYPES = frozenset({"null", "boolean", "object", "array", "string", "integer", "number"})


def _schema(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _number(value: Any) -> bool:
    try:
        exact(value)
    except (ValueError, TypeError):
        return False
    return not isinstance(value, bool | str)


def _schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_schema, value))


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and _names(names) and set(names) <= TYPES


_FITS: Mapping[Shape, Callable[[Any], bool]] = {
    Shape.SCHEMA: _schema,
    Shape.SCHEMAS: _schemas,
    Shape.MAP: lambda value: isinstance(value, dict) and all(map(_schema, value.values())),
    Shape.EITHER: lambda value: _schema(value) or (isinstance(value, list) and all(map(_schema, value))),
    Shape.DEPENDENCIES: lambda value: (
        isinstance(value, dict) and all(_schema(each) or _names(each) for each in value.values())
    ),
    Shape.COUNT: lambda value: _number(value) and value >= 0 and exact(value).denominator == 1,
    Shape.NUMBER: _number,
    Shape.POSITIVE: lambda value: _number(value) and value > 0,
    Shape.TEXT: lambda value: isinstance(value, str),
    Shape.NAMES: _names,
    Shape.NAME_MAP: lambda value: isinstance(value, dict) and all(map(_names, value.values())),
    Shape.FLAG: lambda value: isinstance(value, bool),
    Shape.TYPE: _type,
    Shape.LIST: lambda value: isinstance(value, list),
    Shape.ANY: lambda value: True,
}


def misshapen(keyword: str, value: Any, draft: Draft) -> Shape | None:
    """What the keyword's value should have been; None where it is that, or where the draft has no such keyword."""
    shape = SHAPES[draft].get(keyword)
    return None if shape is None or _FITS[shape](value) else shape
