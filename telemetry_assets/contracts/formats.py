"""Which formats are asserted, and alike by both validators: those that both know, the others are annotations.

jsonschema knows no ``date-time`` and no ``time`` without further packages; what jsonschema-rs means by them (RFC 3339)
is taught to it here.
"""

import re
from collections.abc import Collection
from datetime import date, time
from functools import cache
from typing import Any

from telemetry_assets.contracts.bounded_patterns import pattern_fault
from telemetry_assets.contracts.dialects import Draft, draft_of, every_schema

_BOTH = frozenset({"date", "date-time", "email", "idn-email", "ipv4", "ipv6", "regex", "time"})
ASSERTED = {Draft.V2020: _BOTH | {"uuid"}, Draft.V7: _BOTH}
"""The formats that a document must keep."""
STANDARD = _BOTH | {
    "duration", "hostname", "idn-hostname", "iri", "iri-reference", "json-pointer", "relative-json-pointer", "uri",
    "uri-reference", "uri-template", "uuid",
}  # fmt: skip
"""Every format that a draft defines; another name is misspelt, or somebody's own."""

_TIME = re.compile(
    r"(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([zZ]|(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))"
)
_DAY = 24 * 60


def not_asserted(draft: Draft, used: Collection[str]) -> dict[str, Any]:
    """For jsonschema-rs: the ``used`` formats that it knows and we do not assert, each holding of everything."""
    return dict.fromkeys(sorted(STANDARD.intersection(used) - ASSERTED[draft]), _anything)


def formats_in(schema: Any) -> set[str]:
    """The names that ``format`` has in a schema and all inside of it."""
    inner = (here for _, here in every_schema(schema, draft_of(schema) or Draft.V2020) if isinstance(here, dict))
    return {name for here in inner if isinstance(name := here.get("format"), str)}


@cache
def reference_checker(draft: Draft) -> Any:
    """For jsonschema: a format checker of exactly the asserted formats."""
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=ASSERTED[draft] - {"date-time", "time", "regex"})
    checker.checks("date-time")(lambda value: not isinstance(value, str) or is_date_time(value))
    checker.checks("time")(lambda value: not isinstance(value, str) or is_time(value))
    # Python's own engine would accept other patterns than the one that matches them.
    checker.checks("regex")(lambda value: not isinstance(value, str) or pattern_fault(value) is None)
    return checker


def is_date_time(text: str) -> bool:
    """RFC 3339: a date, T, a time with its offset."""
    day, _, clock = text[:10], text[10:11], text[11:]
    return text[10:11] in ("T", "t") and is_date(day) and is_time(clock)


def is_date(text: str) -> bool:
    """Four, two and two digits of a day that is in the calendar."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        # The year 0, which RFC 3339 knows and Python does not, has the days of a leap year.
        date.fromisoformat(text if text[:4] != "0000" else f"2000{text[4:]}")
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """RFC 3339: hours, minutes, seconds and an offset; a leap second only where it is 23:59 in UTC."""
    found = _TIME.fullmatch(text)
    if not found:
        return False
    clock, leap = found["clock"], found["clock"].endswith(":60")
    try:
        at = time.fromisoformat(f"{clock[:5]}:59" if leap else clock)
        offset = time(int(found["hours"] or 0), int(found["minutes"] or 0))
    except ValueError:
        return False
    shift = (offset.hour * 60 + offset.minute) * (-1 if found["sign"] == "-" else 1)
    return not leap or (at.hour * 60 + at.minute - shift) % _DAY == _DAY - 1


def _anything(_: object) -> bool:
    return True
