"""The runbooks' status names, and the condition of one component for one tenant.

What belongs here: the closed set of statuses, which is worse, the exit code of each, ages as payloads write them.
What does not: deciding a status (``health_airbyte.py``, ``health_dbt.py``, ``health_snapshots.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from telemetry_assets.model import ExitCode, worst_exit
from telemetry_assets.spoken import spoken as in_words

LONGEST_SKEW = timedelta(minutes=5)
"""How far ahead of our clock an instant may lie and still be believed."""


class Status(StrEnum):
    """What a health payload may say, from good to bad: of two findings about one subject the later one is told."""

    OK = "ok"
    UNKNOWN = "unknown"
    STALE = "stale"
    MISSING = "missing"
    NO_RECENT_SYNC = "no_recent_sync"
    MISSING_RUN_RESULTS = "missing_run_results"
    FAILING = "failing"
    INVALID_RUN_RESULTS = "invalid_run_results"
    MISCONFIGURED = "misconfigured"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this status: 4 could not look, 1 failing or misconfigured, 3 missing, 2 late."""
        return _EXITS.get(self, ExitCode.OK)


_EXITS = {
    Status.UNKNOWN: ExitCode.COULD_NOT_LOOK,
    Status.STALE: ExitCode.LATE,
    Status.MISSING: ExitCode.MISSING,
    Status.NO_RECENT_SYNC: ExitCode.MISSING,
    Status.MISSING_RUN_RESULTS: ExitCode.MISSING,
    Status.FAILING: ExitCode.FAILING,
    Status.INVALID_RUN_RESULTS: ExitCode.FAILING,
    Status.MISCONFIGURED: ExitCode.FAILING,
}
_ORDER = tuple(Status)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is so: a status and, unless it is ok, why in a sentence with the way out."""

    status: Status
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One component as its payload tells it. ``subject`` is a tenant's slug, or ``*`` for dbt as a whole.

    ``exit_code`` is of everything found, so that what could not be seen counts where the status cannot say it.
    ``run_age`` and ``data_age`` are the two ages in the payload; None where there is nothing to date.
    """

    component: str
    subject: str
    status: Status
    detail: str
    payload: Mapping[str, Any]
    exit_code: ExitCode
    run_age: timedelta | None = None
    data_age: timedelta | None = None


def worst_finding(findings: Sequence[Finding]) -> Finding:
    """The worst status, with the sentences of every finding that is not ok, the worst first. No finding is ok."""
    bad = sorted(
        (one for one in findings if one.status is not Status.OK), key=lambda one: _ORDER.index(one.status), reverse=True
    )
    return Finding(bad[0].status, "; ".join(dict.fromkeys(one.detail for one in bad))) if bad else Finding(Status.OK)


def worst_status(statuses: Sequence[Status]) -> Status:
    """The worst of several subjects' statuses, ok of none."""
    return max(statuses, key=_ORDER.index, default=Status.OK)


def exit_of_findings(findings: Sequence[Finding]) -> ExitCode:
    """The one exit code of several findings, by the table."""
    return worst_exit([finding.status.exit_code for finding in findings])


def minutes(age: timedelta | None) -> float | None:
    """An age in minutes as payloads carry it, to the tenth, rounded down (59:59 is never 60), never negative."""
    return None if age is None else max(age // timedelta(seconds=6), 0) / 10


def spoken(age: timedelta | None) -> str:
    """An age in a sentence: minutes up to two days (``75 min``, ``7.3 min``), then days and hours (``3 d 2 h``)."""
    if age is not None and age > timedelta(days=2):
        return in_words(age)
    return f"{minutes(age) or 0:.1f}".removesuffix(".0") + " min"


def iso(instant: datetime | None) -> str | None:
    """An instant as ISO-8601 in UTC with a Z."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
