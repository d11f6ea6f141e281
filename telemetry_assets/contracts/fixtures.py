"""Times in fixtures: written relative (``$now-15m``, ``$today-3d``) so that a fixture never ages. docs/contracts.md.

What belongs here: relative ⇄ absolute, and how old a document with absolute times is. What does not: reading fixtures
(``registry.py``), writing them (``cli/contracts.py``). A document is plain JSON; none is changed in place.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from telemetry_assets.errors import ConfigError

NEAR = timedelta(days=730)
"""Further away than this a time is no sign of when the document was made: a birthday, an epoch."""

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_RELATIVE = re.compile(r"\$(now|today)(?:([+-])((?:[0-9]+[smhdw])+))?")
_MONTH = re.compile(r"\$month(?:([+-][0-9]{1,4})mo)?")
_PART = re.compile(r"([0-9]+)([smhdw])")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d(:?\d\d)?)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def hydrated(document: Any, now: datetime, name: str = "the fixture") -> Any:
    """``document`` with every relative time made absolute at ``now``; ``$$…`` becomes ``$…``, all else stays.

    ``$now-1d6h`` becomes ``2026-05-31T06:00:00Z``, ``$today-3d`` the UTC date, ``$month-1mo`` the first day of a month.
    Raises ConfigError for any other text that begins with a dollar, naming ``name`` and the JSON Pointer.
    """
    return _rebuilt(document, lambda text, pointer: _absolute(text, now.astimezone(UTC), name, pointer))


def made_relative(document: Any, now: datetime, *, as_of: datetime | None = None) -> Any:
    """``document`` with every absolute time within two years of ``now`` made relative, to the second.

    What counts as now: ``as_of``, else the newest time of the document that is not in the future; ``now`` itself where
    there is none, or the document has relative times already. Text that is no instant (with a zone) and no date stays.
    Run twice, the second changes nothing.
    """
    around = (as_of or now).astimezone(UTC)
    given = as_of is not None or _is_relative(document)
    base = around if given else _newest(document, around) or around
    return _rebuilt(document, lambda text, _: _relative(text, around, base))


def age_of(document: Any, now: datetime) -> timedelta | None:
    """How long ago its newest absolute time was, None where it has none within two years that is not in the future.

    Instants count before dates; a date is the end of its day, but never later than ``now``.
    """
    newest = _newest(document, now.astimezone(UTC))
    return None if newest is None else now - newest


def _absolute(text: str, now: datetime, name: str, pointer: str) -> str:
    if not text.startswith("$"):
        return text
    if text.startswith("$$"):
        return text[1:]
    if month := _MONTH.fullmatch(text):
        return _first_day(now, int(month[1] or 0))
    match = _RELATIVE.fullmatch(text)
    if match is None:
        ways = "Write $now, $now-15m, $now+1d, $today, $today-3d (units s m h d w) or $month-1mo, or $$ for a dollar."
        raise ConfigError(f"{name}, {pointer or 'the document'}: {_clipped(text)!r} is no time.", ways)
    kind, sign, parts = match.groups()
    if kind == "today" and re.search("[smh]", parts or ""):
        raise ConfigError(
            f"{name}, {pointer or 'the document'}: {_clipped(text)!r}: a date moves by days.", "Take d or w, or $now."
        )
    try:
        return _moved(kind, now, _duration(parts or ""), forward=sign == "+")
    except (OverflowError, ValueError):
        raise ConfigError(f"{name}, {pointer or 'the document'}: {_clipped(text)!r} is out of range.") from None


def _moved(kind: str, now: datetime, by: timedelta, *, forward: bool) -> str:
    moved = now + by if forward else now - by
    return moved.date().isoformat() if kind == "today" else _written(moved)


def _first_day(now: datetime, months: int) -> str:
    year, month = divmod(now.year * 12 + now.month - 1 + months, 12)
    return f"{year:04}-{month + 1:02}-01"


def _written(instant: datetime) -> str:
    return instant.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _duration(parts: str) -> timedelta:
    durations = (timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PART.findall(parts))
    return sum(durations, timedelta(0))


def _relative(text: str, around: datetime, base: datetime) -> str:
    instant = _instant(text)
    if instant is not None and abs(instant - around) <= NEAR:
        return f"$now{_offset(instant.replace(microsecond=0) - base.replace(microsecond=0))}"
    day = _date(text)
    if day is not None and abs(day - around.date()) <= NEAR:
        return f"$today{_offset(timedelta(days=(day - base.date()).days))}"
    return text


def _offset(span: timedelta) -> str:
    """``-1d6h``, ``+90d``; nothing for no time at all."""
    left, parts = abs(int(span.total_seconds())), ""
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, left = divmod(left, seconds)
        parts += f"{number}{unit}" if number else ""
    return f"{'-' if span < timedelta(0) else '+'}{parts}" if parts else ""


def _newest(document: Any, now: datetime) -> datetime | None:
    """The newest time of ``document`` in the two years before ``now``: of its instants, else of its dates."""
    texts = list(_texts(document))
    instants = [instant for instant in map(_instant, texts) if instant and timedelta(0) <= now - instant <= NEAR]
    if instants:
        return max(instants)
    days = [day for day in map(_date, texts) if day and timedelta(0) <= now.date() - day <= NEAR]
    if not days:
        return None
    last_second = datetime.combine(max(days), time(23, 59, 59), UTC)
    return min(last_second, now)


def _is_relative(document: Any) -> bool:
    return any(_RELATIVE.fullmatch(text) or _MONTH.fullmatch(text) for text in _texts(document))


def _instant(text: str) -> datetime | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _texts(document: Any) -> Iterator[str]:
    """Every text of a document, keys left out."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)


def _rebuilt(document: Any, change: Callable[[str, str], str], pointer: str = "") -> Any:
    """A copy of ``document`` with ``change(text, pointer)`` for every text."""
    if isinstance(document, str):
        return change(document, pointer)
    if isinstance(document, dict):
        return {
            key: _rebuilt(value, change, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [_rebuilt(value, change, f"{pointer}/{index}") for index, value in enumerate(document)]
    return document


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
