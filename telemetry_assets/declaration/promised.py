"""What a promise may say: a window, a deadline or a grace, for whom, and who answers.

What belongs here: the shapes of ``promises:``, and how a tenant's own limit completes itself from the promise's.
What does not: the instants these come to (``freshness/``), whether owners and tenants exist (``consistency.py``).
"""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from telemetry_assets.declaration.calendar import Days, TimeOfDay, time_text
from telemetry_assets.declaration.entry import EntryError, Strict
from telemetry_assets.declaration.forms import Duration, Text, Timezone, duration_text
from telemetry_assets.model import EVERY_DAY, Deadline, Limit, Promise, Window

_NUMBERS = ("window", "by", "grace")
_OF_A_DEADLINE = ("zone", "days", "warn", "since")
_BY = "By when the data must be there, as a local time of day; exactly then it is late."
_WARN = "From this time of day on, before `by`, data that is not there is due: shown, nobody is paged."
_SINCE = "The data must be at least as new as this time of day, the last one before `by`; without it midnight."
_ZONE = "The IANA time zone of the times of day; without it each tenant's own."
_DAYS = "On which days there is a deadline: [mon, tue], mon-fri, weekdays, weekends; without it all seven."


class WindowDeclaration(Strict):
    """The oldest age that is allowed. Exactly at `fail` is late."""

    warn: Duration | None = Field(None, description="From this age on it is due: shown, nobody is paged.")
    fail: Duration = Field(description="From this age on it is late, and the promise is broken.")

    @model_validator(mode="after")
    def _warn_first(self) -> Self:
        if self.warn is not None and self.warn >= self.fail:
            said = f"warns no earlier than it fails ({duration_text(self.warn)}, {duration_text(self.fail)})"
            raise EntryError(f"{said}: make warn the shorter one, or leave it out")
        return self

    def to_model(self) -> Window:
        return Window(fail=self.fail, warn=self.warn)


class DeadlineDeclaration(Strict):
    """A deadline of a tenant's own. What it leaves out is as the promise's deadline has it; `warn` goes with `by`."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    by: TimeOfDay | None = Field(None, description=_BY)
    zone: Timezone | None = Field(None, description=_ZONE)
    days: Days | None = Field(None, description=_DAYS)
    warn: TimeOfDay | None = Field(None, description=_WARN)
    since: TimeOfDay | None = Field(None, description=_SINCE)

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        if not given:
            raise EntryError('has no number: say fail: 60m (how old), or by: "09:00" (by when)')

    def to_model(self, promised: Limit | None) -> Deadline:
        """The whole deadline. Raises EntryError where it has no `by`, or a `warn` that is out of place."""
        theirs = promised if isinstance(promised, Deadline) else None
        by = self.by or (theirs.by if theirs else None)
        if by is None:
            raise EntryError('has no by, and the promise has none either: say by: "09:00"')
        warn = theirs.warn if theirs and self.by is None else None
        return checked(
            Deadline(
                by=by,
                warn=warn if self.warn is None else self.warn,
                since=(theirs.since if theirs else time(0)) if self.since is None else self.since,
                days=self.days or (theirs.days if theirs else EVERY_DAY),
                zone=self.zone or (theirs.zone if theirs else None),
            )
        )


OwnLimit = Annotated[
    Annotated[WindowDeclaration, Tag("(window)")] | Annotated[DeadlineDeclaration, Tag("(deadline)")],
    Discriminator(lambda value: _kind_of_limit(value)),
]


class PromiseDeclaration(Strict):
    """Who is owed what: assets, tenants, how old or by when, and who answers. The first that matches wins."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in _NUMBERS],
            "dependentRequired": {key: ["by"] for key in _OF_A_DEADLINE},
        }
    )

    asset: Text = Field(description="An asset key or a pattern of keys: snapshots/tenant_dashboard, shop/*.")
    window: WindowDeclaration | None = Field(None, description="The oldest age allowed for every tenant.")
    by: TimeOfDay | None = Field(None, description=f"Instead of a window, a deadline. {_BY}")
    zone: Timezone | None = Field(None, description=_ZONE)
    days: Days | None = Field(None, description=_DAYS)
    warn: TimeOfDay | None = Field(None, description=_WARN)
    since: TimeOfDay | None = Field(None, description=_SINCE)
    grace: Duration | None = Field(
        None, description="Instead of a window or a deadline: each root's own limit plus this long."
    )
    owner: Text | None = Field(None, description="Who is told when it is broken: a name of owners.")
    tenants: (
        Annotated[
            Annotated[dict[str, OwnLimit], Tag("(overrides)")]
            | Annotated[list[str], Field(min_length=1), Tag("(list)")],
            Discriminator(lambda value: "(list)" if isinstance(value, list) else "(overrides)"),
        ]
        | None
    ) = Field(
        None,
        description="A list of slugs: the promise is made to these only. A mapping: these have a window or a deadline "
        "of their own. Without it every tenant is promised the same.",
    )

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        numbers = [key for key in _NUMBERS if key in given]
        if not numbers:
            raise EntryError(
                'has no number: say window: {fail: 60m} (how old), by: "09:00" (by when), '
                "or grace: 30m on top of the roots' own limits"
            )
        if len(numbers) > 1:
            raise EntryError(
                f"has both {' and '.join(numbers)}: keep one. window says how old, by says by when, "
                "grace adds to the roots' own limits"
            )
        lost = [key for key in _OF_A_DEADLINE if key in given and "by" not in given]
        if "warn" in lost and numbers == ["window"]:
            raise EntryError("has warn beside window: it belongs inside, window: {warn: 45m, fail: 60m}")
        if lost:
            raise EntryError(f'has {lost[0]} and no by: {lost[0]} belongs to a deadline, by: "09:00"')

    @model_validator(mode="after")
    def _warn_in_its_day(self) -> Self:
        self.limit()
        return self

    def limit(self) -> Limit | None:
        """What everybody is promised; None where each root's own limit counts. Raises EntryError."""
        if self.by is None:
            return self.window.to_model() if self.window else None
        return checked(
            Deadline(
                by=self.by,
                warn=self.warn,
                since=self.since or time(0),
                days=self.days or EVERY_DAY,
                zone=self.zone,
            )
        )

    def own_limits(self) -> Mapping[str, WindowDeclaration | DeadlineDeclaration]:
        """The tenants that have a limit of their own, as declared."""
        return self.tenants if isinstance(self.tenants, dict) else {}

    def own_limit(self, tenant: str) -> Limit:
        """A tenant's own limit, completed from the promise's. Raises EntryError."""
        own = self.own_limits()[tenant]
        return own.to_model() if isinstance(own, WindowDeclaration) else own.to_model(self.limit())

    def to_model(self) -> Promise:
        return Promise(
            asset=self.asset,
            limit=self.limit(),
            grace=self.grace or timedelta(0),
            owner=self.owner,
            tenants=frozenset(self.tenants) if isinstance(self.tenants, list) else None,
            overrides={slug: self.own_limit(slug) for slug in self.own_limits()},
        )


def checked(deadline: Deadline) -> Deadline:
    """The deadline itself. Raises EntryError where ``warn`` is not on the way from ``since`` to ``by``."""
    warn = deadline.warn
    if warn is None:
        return deadline
    whole = _minutes(deadline.since, deadline.by) or 24 * 60
    if warn == deadline.by or _minutes(deadline.since, warn) >= whole:
        raise EntryError(
            f"warns at {time_text(warn)}, which is not between since ({time_text(deadline.since)}) and by "
            f"({time_text(deadline.by)}): warn is the time before by from which data that is not there is shown as due"
        )
    return deadline


def _minutes(start: time, end: time) -> int:
    """From one time of day on to the next other, 0 to 1439."""
    return ((end.hour - start.hour) * 60 + end.minute - start.minute) % (24 * 60)


def _kind_of_limit(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "(deadline)" if isinstance(value, DeadlineDeclaration) else "(window)"
    of_a_window = "fail" in value or ("warn" in value and ":" not in str(value["warn"]))
    return "(window)" if of_a_window else "(deadline)"
