"""Times of day and days of the week, as telemetry.yaml writes them.

What belongs here: one such value by itself. What does not: the deadline they make (``promised.py``), instants
(``freshness/deadline.py``).
"""

import re
from collections.abc import Sequence
from datetime import time
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, WithJsonSchema

from telemetry_assets.declaration.document import nearest
from telemetry_assets.model import DAY_NAMES, EVERY_DAY

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_SETS = {"weekdays": frozenset(range(5)), "weekends": frozenset({5, 6}), "all": EVERY_DAY}
_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = {name: number for names in (DAY_NAMES, _FULL) for number, name in enumerate(names)}


def parse_time(text: Any) -> time:
    """``09:00`` → time. Raises ValueError with the accepted form."""
    if isinstance(text, time):
        return text
    found = _TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f'{text!r} is not a time of day: write two digits each, "09:00", from "00:00" to "23:59"')
    return time(int(found[1]), int(found[2]))


def time_text(clock: time) -> str:
    """A time of day as telemetry.yaml writes it: ``09:00``."""
    return clock.strftime("%H:%M")


def parse_days(value: Any) -> frozenset[int]:
    """``[mon, tue]``, ``mon-fri``, ``fri-mon``, ``weekdays``, ``weekends``, ``all`` → days, Monday 0.

    Raises ValueError naming the word that is no day, and where no day is left.
    """
    if isinstance(value, frozenset):
        return cast("frozenset[int]", value)
    words = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(words, list):
        raise ValueError(f"{value!r} names no days: write [mon, tue], mon-fri, weekdays or weekends")
    days = frozenset(day for word in cast("list[Any]", words) if word != "" for day in _days(word))
    if not days:
        raise ValueError("no day at all: name one at least, or leave days out for all seven")
    return days


def day_words(days: frozenset[int]) -> Sequence[str]:
    """Days as telemetry.yaml lists them: ``["mon", "tue"]``."""
    return [DAY_NAMES[day] for day in sorted(days)]


def _days(word: Any) -> frozenset[int]:
    text = word.strip().lower() if isinstance(word, str) else ""
    if text in _SETS:
        return _SETS[text]
    ends = text.split("-")
    if len(ends) > 2 or not all(end in _NUMBERS for end in ends):
        wrong = next((end for end in ends if end not in _NUMBERS), text)
        raise ValueError(f"{word!r} is not a day; {nearest(wrong, (*DAY_NAMES, *_SETS))}")
    first, last = _NUMBERS[ends[0]], _NUMBERS[ends[-1]]
    return frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))


TimeOfDay = Annotated[
    time,
    BeforeValidator(parse_time),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\s*([01][0-9]|2[0-3]):[0-5][0-9]\s*$", "description": "A time of day: 09:00."}
    ),
]
_DAY_WORDS = {
    "anyOf": [
        {"enum": [*_SETS, *DAY_NAMES, "mon-fri"]},
        {"type": "string", "pattern": r"^\s*[A-Za-z]+(-[A-Za-z]+)?([,\s]+[A-Za-z]+(-[A-Za-z]+)?)*\s*$"},
    ]
}
Days = Annotated[
    frozenset[int],
    BeforeValidator(parse_days),
    WithJsonSchema({"anyOf": [*_DAY_WORDS["anyOf"], {"type": "array", "minItems": 1, "items": _DAY_WORDS}]}),
]
