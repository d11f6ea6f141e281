"""The words of the field as types: tenant, promise, window, clock, state. Imports nothing of ours.

What belongs here: frozen values that several rooms exchange, and the closed sets they are made of.
What does not: anything that reads a clock, a file or a database, or decides something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType
from uuid import UUID

ANY_TENANT = "*"
"""The one subject of data that has no tenants."""


class State(StrEnum):
    """How a subject stands against its promise. The only state enum of the project."""

    PASS = "PASS"  # noqa: S105
    WARN = "WARN"
    FAIL = "FAIL"
    MISSING = "MISSING"
    UNKNOWN = "UNKNOWN"

    @property
    def word(self) -> str:
        """The word a person reads: fresh, due, late, never, unknown."""
        return _WORDS[self]

    @property
    def broken(self) -> bool:
        """True where a promise is broken: late, or never seen."""
        return self in (State.FAIL, State.MISSING)


_WORDS = {State.PASS: "fresh", State.WARN: "due", State.FAIL: "late", State.MISSING: "never", State.UNKNOWN: "unknown"}


class ExitCode(IntEnum):
    """The one table of exit codes. Where several apply, :func:`worst_exit` picks the first of 4, 1, 3, 2, 0."""

    OK = 0
    FAILING = 1
    LATE = 2
    MISSING = 3
    COULD_NOT_LOOK = 4
    USAGE = 5
    UNEXPECTED = 70


_EXIT_ORDER = (ExitCode.COULD_NOT_LOOK, ExitCode.FAILING, ExitCode.MISSING, ExitCode.LATE)


def worst_exit(codes: Sequence[ExitCode]) -> ExitCode:
    """The exit code of several findings: the first that applies of 4 could not look, 1 failing, 3 never, 2 late, 0."""
    return next((code for code in _EXIT_ORDER if code in codes), ExitCode.OK)


def exit_of(state: State) -> ExitCode:
    """The exit code of one state. A warning is 0."""
    return _STATE_EXIT.get(state, ExitCode.OK)


_STATE_EXIT = {State.FAIL: ExitCode.LATE, State.MISSING: ExitCode.MISSING, State.UNKNOWN: ExitCode.COULD_NOT_LOOK}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing we depend on: whether it is well, what was found, and what to do where it is not."""

    subject: str
    well: bool
    found: str
    remedy: str = ""
    exit_code: ExitCode = ExitCode.OK


class ClockKind(StrEnum):
    """How a root dates its data: by the sync that read it, by a column of its table, or not at all."""

    SYNC = "sync"
    COLUMN = "column"
    STATIC = "static"


@dataclass(frozen=True, slots=True)
class Clock:
    """A root's clock: ``sync`` (start of the newest succeeded sync), ``column NAME``, or ``static`` (never binds)."""

    kind: ClockKind = ClockKind.SYNC
    column: str | None = None

    def __str__(self) -> str:
        return f"column {self.column}" if self.kind is ClockKind.COLUMN else str(self.kind)


@dataclass(frozen=True, slots=True)
class Window:
    """The oldest age a promise allows. ``warn`` < ``fail``; exactly at ``fail`` is late."""

    fail: timedelta
    warn: timedelta | None = None


EVERY_DAY = frozenset(range(7))
"""All days of the week, Monday 0."""

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""How a day of the week is written, in telemetry.yaml and in answers."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when, on which days, the data must reach how far: ``by`` 09:00 on weekdays, since midnight of that day.

    Local times of ``zone`` (an IANA name; None: the tenant's own). ``days``: Monday is 0. Data as old as ``since`` is
    good, however early it came. ``warn``: from then on it is due. ``grace`` moves all of it later.
    """

    by: time
    warn: time | None = None
    since: time = time(0)
    days: frozenset[int] = EVERY_DAY
    zone: str | None = None
    grace: timedelta = timedelta(0)


type Limit = Window | Deadline
"""What a promise holds a data time against."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody whose data is judged apart. The slug is the partition key and label; tables hold the id."""

    slug: str
    id: UUID
    name: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Promise:
    """Who is owed what: an asset pattern (``shop/*``), the tenants, a limit or a grace, an owner.

    With ``limit`` every tenant is judged against it (or its own in ``overrides``). Without one, each root is judged
    against that root's own limit plus ``grace``. ``tenants`` is None for all tenants.
    """

    asset: str
    limit: Limit | None = None
    grace: timedelta = timedelta(0)
    owner: str | None = None
    tenants: frozenset[str] | None = None
    overrides: Mapping[str, Limit] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class SubjectFact:
    """What one run, or one look, made known of one (asset, tenant).

    ``run_time`` is the end of the run; None where nobody's run is known (a table that others fill), and then
    ``looked_at`` is the instant of the look. ``data_times`` maps each dated root's key (``shop/orders``) to the data
    time this run incorporated. ``synthetic`` marks seeds and demo rows, which refresh nothing.
    Raises ValueError without either instant.
    """

    asset: str
    tenant: str
    run_time: datetime | None
    run_id: str
    source: str
    data_times: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    rows: int | None = None
    synthetic: bool = False
    looked_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.run_time is None and self.looked_at is None:
            raise ValueError(f"A fact of {self.asset} for {self.tenant} has neither a run time nor a look.")

    @property
    def known_at(self) -> datetime:
        """When this was true: the look, else the end of the run. Facts of a subject are ordered by it."""
        known = self.looked_at or self.run_time
        assert known is not None
        return known


@dataclass(frozen=True, slots=True)
class Look:
    """The last time we looked at something from outside: ``feeder`` is an asset's key or a source's name.

    ``error`` says in words why nothing could be seen, empty where all went well; ``note`` what was left out of what was
    seen: values from the future.
    """

    feeder: str
    looked_at: datetime
    error: str = ""
    note: str = ""


class CauseKind(StrEnum):
    """What may be at the bottom of a promise that is not kept, and what else may be wrong without one."""

    SYNC_FAILED = "sync_failed"
    SYNC_NOT_RUN = "sync_not_run"
    SYNC_RUNNING_LONG = "sync_running_long"
    FEED_QUIET = "feed_quiet"
    ZERO_ROWS = "zero_rows"
    NEVER_LOADED = "never_loaded"
    BUILD_FAILED = "build_failed"
    BUILD_SKIPPED = "build_skipped"
    BUILD_NOT_RUN = "build_not_run"
    WITHHELD = "withheld"
    NOT_PUBLISHED = "not_published"
    CLOCK = "clock"
    COULD_NOT_LOOK = "could_not_look"
    CORRECTED = "corrected"
    UNDATED = "undated"
    NO_WINDOW = "no_window"
    WAITING = "waiting"
    CHECK_FAILED = "check_failed"
    RUN_FAILED = "run_failed"
    MONITOR_DOWN = "monitor_down"
    DRILL_LOST = "drill_lost"
    FIRE_DRILL = "fire_drill"


BESIDE_PROMISES = frozenset(
    {CauseKind.CHECK_FAILED, CauseKind.RUN_FAILED, CauseKind.MONITOR_DOWN, CauseKind.DRILL_LOST, CauseKind.FIRE_DRILL}
)
"""Kinds that never explain a promise."""


class AssetKind(StrEnum):
    """What an asset is to us: a synced stream, a watched table, a dbt node, or a published snapshot."""

    STREAM = "stream"
    TABLE = "table"
    MODEL = "model"
    VIEW = "view"
    SEED = "seed"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class AssetNode:
    """One asset of the graph as data. ``key`` is slash-joined; ``clock`` is set on roots only (None: undated).

    ``exposures`` are the dashboards that read the asset directly, ``owner`` is the promise's or the exposure's.
    """

    key: str
    kind: AssetKind
    parents: tuple[str, ...] = ()
    clock: Clock | None = None
    window: Window | None = None
    owner: str | None = None
    exposures: tuple[str, ...] = ()
    tenanted: bool = True
