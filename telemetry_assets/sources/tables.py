"""The newest time per tenant of many tables, by SQL: one round trip, read-only, each table's failure its own.

What belongs here: asking over an open connection, and turning the answer into readings. What does not: which tables
(``dbt_project.py``, ``watching.py``), connecting (``dbt_database.py``), and whether a time is late.
Times without a zone are read as UTC, as dbt does; so are dates, unless a calendar says what a day is.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson

from telemetry_assets.sources.days import FIRST, LAST, Calendar

AHEAD = timedelta(minutes=5)
"""A value later than now plus this is ignored and reported: somebody's clock is wrong."""
_SQL = Path(__file__).with_name("watermarks.sql")
_IDENTIFIER = re.compile(r'[^\W\d][\w$]*|"(?:[^"]|"")+"')
_INFINITE = ("Infinity", "-Infinity")


class Problem(StrEnum):
    """Why a table gave no answer."""

    NO_TABLE = "no_table"
    NO_COLUMN = "no_column"
    NOT_A_TIME = "not_a_time"
    NOT_ALLOWED = "not_allowed"
    LOCKED = "locked"
    TIMED_OUT = "timed_out"
    BROKEN_SQL = "broken_sql"


_PROBLEMS = {
    "TM002": Problem.NO_TABLE,
    "TM003": Problem.NO_COLUMN,
    "TM004": Problem.NOT_A_TIME,
    "42P01": Problem.NO_TABLE,
    "42501": Problem.NOT_ALLOWED,
    "55P03": Problem.LOCKED,
    "57014": Problem.TIMED_OUT,
}


@dataclass(frozen=True, slots=True)
class TableRequest:
    """One table to look at. ``loaded_at`` is a column, or an SQL expression of the user's own.

    ``query`` stands for both table and expression. ``tenant`` is the tenant column; without it a table is read whole.
    """

    schema: str
    name: str
    loaded_at: str
    tenant: str
    filter: str | None = None
    query: str | None = None


class Watermark(NamedTuple):
    """One tenant's newest time. ``tenant`` is None for rows without one, and for a table read as a whole.

    ``data_time`` leaves out what lies in the future (``ahead``), ``newest`` does not. ``beyond``: the newest is of a
    year that Python has not, and None here; the infinities are Python's first and last instant, as for dbt's driver.
    """

    tenant: str | None
    data_time: datetime | None
    newest: datetime | None
    ahead: bool = False
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class TableReading:
    """What one table answered: its watermarks, or the problem and the database's own words."""

    problem: Problem | None = None
    detail: str = ""
    tenanted: bool = False
    by_index: bool = False
    watermarks: tuple[Watermark, ...] = ()


class Cursor(Protocol):
    """A cursor of psycopg 2 or 3."""

    def execute(self, query: Any, /) -> object: ...
    def fetchall(self) -> Sequence[Sequence[Any]]: ...


def read_watermarks(
    cursor: Cursor,
    requests: Sequence[TableRequest],
    *,
    now: datetime | None = None,
    calendar: Calendar | None = None,
    timeout: timedelta = timedelta(minutes=5),
    role: str | None = None,
    search_path: str | None = None,
) -> tuple[datetime, tuple[TableReading, ...]]:
    """The instant looked at (``now``, else the database's clock) and one reading per request, in their order.

    With a ``calendar`` its instant and slack count, and a date reaches to the end of its day there. ``timeout`` bounds
    the whole look, the smallest tables first; what was not reached by then reads TIMED_OUT. The connection must be in
    autocommit and is left inside a read-only transaction: close it or roll back. Raises what the driver raises.
    """
    asked = _asked(requests, now, calendar)
    cursor.execute(_script(asked, timeout, role, search_path))
    if hasattr(cursor, "nextset"):
        _to_last_result(cursor)
    first, *rows = orjson.loads(f"[{','.join(row[0] for row in cursor.fetchall())}]")
    return _instant(first["now"]), tuple(_reading(row, calendar) for row in sorted(rows, key=lambda row: row["n"]))


def _to_last_result(cursor: Any) -> None:
    """psycopg 3 stands on the first of several results, psycopg 2 on the last (and refuses ``nextset``)."""
    if type(cursor).__module__.partition(".")[0] == "psycopg":
        while cursor.nextset():
            pass


def _script(asked: Any, timeout: timedelta, role: str | None, search_path: str | None) -> str:
    milliseconds = int(timeout.total_seconds() * 1000)
    lines = [
        "BEGIN TRANSACTION READ ONLY",
        "SET LOCAL TimeZone = 'UTC'",
        f"SET LOCAL statement_timeout = {milliseconds}",
        f"SET LOCAL lock_timeout = {min(milliseconds, 3000)}",
        *([f"SET LOCAL ROLE {quoted(role)}"] if role else []),
        *([f"SET LOCAL search_path = {search_path}"] if search_path else []),
        f"SET LOCAL telemetry.asked = {literal(json.dumps(asked))}",
        _SQL.read_text(encoding="utf-8"),
    ]
    return ";\n".join(lines)


def _asked(requests: Sequence[TableRequest], now: datetime | None, calendar: Calendar | None) -> dict[str, Any]:
    at, slack = (calendar.at, calendar.slack) if calendar else (now, AHEAD)
    return {
        "now": at.isoformat() if at else None,
        "slack": f"{int(slack.total_seconds())} seconds",
        "days": [day.isoformat() for day in calendar.todays] if calendar else [],
        "tables": [_asked_of(number, request) for number, request in enumerate(requests)],
    }


def _asked_of(number: int, request: TableRequest) -> dict[str, Any]:
    column = _column(request.loaded_at)
    return {
        "n": number,
        "schema": request.schema,
        "name": request.name,
        "column": column,
        "expression": None if column else request.loaded_at,
        "query": request.query,
        "filter": request.filter or None,
        "tenant": request.tenant,
    }


def _column(text: str) -> str | None:
    """The column that ``text`` names, as PostgreSQL would read it; None where it is an expression."""
    text = text.strip()
    if not _IDENTIFIER.fullmatch(text):
        return None
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()


def _reading(row: dict[str, Any], calendar: Calendar | None) -> TableReading:
    code = row.get("problem")
    by_day = calendar if row.get("by_day") else None
    return TableReading(
        problem=None if code is None else _PROBLEMS.get(code, Problem.BROKEN_SQL),
        detail=row.get("detail") or "",
        tenanted=bool(row.get("tenanted")),
        by_index=bool(row.get("indexed")),
        watermarks=tuple(
            _day_mark(by_day, *found) if by_day else _watermark(*found) for found in row.get("rows") or ()
        ),
    )


def _watermark(tenant: str | None, newest: float | str | None, *good: float | str | None) -> Watermark:
    """``good`` comes only where somebody's newest lies in the future; else it is ``newest``."""
    last = None if newest is None else _instant(newest)
    known = None if (last is FIRST or last is LAST) and newest not in _INFINITE else last
    beyond = known is not last
    if not good or good[0] == newest:
        return Watermark(tenant, last, known, False, beyond)
    return Watermark(tenant, None if good[0] is None else _instant(good[0]), known, True, beyond)


def _day_mark(
    calendar: Calendar, tenant: str | None, newest: float | str | None, *good: float | str | None
) -> Watermark:
    """``good`` are the newest up to each of the calendar's todays, of which one is the tenant's."""
    mine = good[calendar.todays.index(calendar.today(tenant))] if good else newest
    mark = _watermark(tenant, newest, mine)
    return mark._replace(
        data_time=mark.data_time and calendar.data_time(mark.data_time.date(), tenant),
        newest=mark.newest and calendar.end(mark.newest.date(), tenant),
    )


def _instant(epoch: float | str) -> datetime:
    """Seconds since 1970, infinities too; years outside Python's become its first or last."""
    try:
        return datetime.fromtimestamp(epoch, UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return FIRST if float(epoch) < 0 else LAST


def literal(text: str) -> str:
    """A string literal whatever ``standard_conforming_strings`` says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def quoted(name: str) -> str:
    """An identifier exactly as it is written."""
    return '"' + name.replace('"', '""') + '"'
