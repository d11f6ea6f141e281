"""JSON values as JSON Schema compares them: numbers by what they are (1 is 1.0), never as floats; ``true`` is not 1.

What belongs here: kinds, exact numbers, one text per value. What does not: schemas.
"""

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

ALL_KINDS = frozenset({"null", "boolean", "object", "array", "string", "integer", "fraction"})
"""Every JSON value is of exactly one of these; ``fraction`` is a number that is not whole."""
NUMBERS = frozenset({"integer", "fraction"})
_FAR = 5_000


def exact(number: Any) -> Fraction:
    """The number that a JSON text means: 0.1 is one tenth. Raises ValueError for NaN, infinities, absurd exponents."""
    if isinstance(number, float):
        if not math.isfinite(number):
            raise ValueError(f"{number} is no JSON number")
        return Fraction(repr(number))
    if isinstance(number, Decimal) and (not number.is_finite() or abs(number.adjusted()) > _FAR):
        raise ValueError(f"{number} is no number that can be reckoned with")
    return Fraction(number)


def plain(number: Fraction) -> int | float | Decimal:
    """The number as JSON libraries write it; a float wherever that is exactly it."""
    if number.denominator == 1:
        return number.numerator
    try:
        near = float(number)
    except OverflowError:
        near = math.inf
    if math.isfinite(near) and Fraction(repr(near)) == number:
        return near
    return Decimal(number.numerator) / Decimal(number.denominator)


def kind_of(value: Any) -> str:
    """Which of ``ALL_KINDS`` a value is. Raises ValueError for what is no JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"
        case float() | Decimal():
            return "integer" if exact(value).denominator == 1 else "fraction"
        case list() | tuple():
            return "array"
        case dict():
            return "object"
        case _:
            raise ValueError(f"{type(value).__name__} is no JSON")


def canonical(value: Any) -> str:
    """One text per JSON value: two values are equal as JSON Schema means it exactly if their texts are."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return f"[{','.join([canonical(item) for item in value])}]"
    if isinstance(value, dict):
        return f"{{{','.join([f'{json.dumps(key)}:{canonical(value[key])}' for key in sorted(value)])}}}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(exact(value))


def tidy(value: Any) -> Any:
    """The same value with whole numbers written as integers."""
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    if isinstance(value, dict):
        return {key: tidy(item) for key, item in value.items()}
    if isinstance(value, float | Decimal):
        return plain(exact(value))
    return value
