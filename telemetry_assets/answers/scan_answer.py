"""What a scan answers: the values that its judgement makes and its renderers draw.

What belongs here: frozen values and what follows from them by counting. What does not: asking, deciding, drawing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from telemetry_assets.model import ExitCode, State


class FindingKind(StrEnum):
    """What a person should know about a table beside its ages."""

    NO_TABLE = "no_table"
    NO_COLUMN = "no_column"
    NOT_A_TIME = "not_a_time"
    NOT_ALLOWED = "not_allowed"
    LOCKED = "locked"
    TIMED_OUT = "timed_out"
    BROKEN_SQL = "broken_sql"
    NO_CLOCK = "no_clock"
    OTHER_DATABASE = "other_database"
    AHEAD = "ahead"
    NO_TENANT = "no_tenant"
    WHOLE_TABLE = "whole_table"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. ``exit`` is OK for a note; ``keys`` are the tables (or sources) it is about."""

    kind: FindingKind
    keys: tuple[str, ...]
    message: str
    remedy: str = ""
    exit: ExitCode = ExitCode.OK


@dataclass(frozen=True, slots=True)
class Judged:
    """One promise that is not fresh: a table and a tenant (``*``: the table as a whole).

    ``light`` is what dbt source freshness says of the whole table. ``age`` is None where there is nothing to date.
    """

    key: str
    tenant: str
    state: State
    light: State
    data_time: datetime | None = None
    age: timedelta | None = None
    window: timedelta | None = None
    reason: str = ""

    @property
    def excess(self) -> float:
        """How many windows old it is; what was never seen comes after what is late."""
        return self.age / self.window if self.age is not None and self.window else 0.0

    @property
    def hidden(self) -> bool:
        """True where the promise is broken and dbt's light over its table is green."""
        return self.state.broken and self.light is State.PASS


@dataclass(frozen=True, slots=True)
class TableAnswer:
    """One table: its windows, its promises counted by state, and dbt's light (UNKNOWN: dbt stops with an error)."""

    source: str
    key: str
    relation: str
    light: State
    counts: Mapping[State, int]
    warn_after: timedelta | None = None
    error_after: timedelta | None = None
    tenanted: bool = False
    by_index: bool = False


@dataclass(frozen=True, slots=True)
class WorstTenant:
    """One tenant with broken promises: how many, and the worst of them."""

    tenant: str
    late: int
    never: int
    worst: Judged


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """The whole answer. ``judged`` holds every promise that is not fresh, worst first; fresh ones are only counted."""

    project: str
    read_from: str
    database: str
    database_origin: str
    by: str
    looked_at: datetime
    tenants: int
    undated: int
    tables: tuple[TableAnswer, ...]
    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    exit_code: ExitCode

    @property
    def counts(self) -> dict[State, int]:
        """Promises by state, every state named."""
        return {state: sum(table.counts.get(state, 0) for table in self.tables) for state in State}

    @property
    def promises(self) -> int:
        """Every (table, tenant) that was judged, or should have been."""
        return sum(self.counts.values())

    @property
    def broken(self) -> tuple[Judged, ...]:
        """The broken promises, worst first."""
        return tuple(judged for judged in self.judged if judged.state.broken)

    @property
    def worst_tenants(self) -> tuple[WorstTenant, ...]:
        """The tenants with broken promises, worst first; ``*`` stands for tables without tenants."""
        grouped: dict[str, list[Judged]] = {}
        for judged in self.broken:
            grouped.setdefault(judged.tenant, []).append(judged)
        return tuple(
            WorstTenant(
                tenant=tenant,
                late=sum(judged.state is State.FAIL for judged in group),
                never=sum(judged.state is State.MISSING for judged in group),
                worst=group[0],
            )
            for tenant, group in grouped.items()
        )
