"""Readings → promises judged per tenant, beside the light that dbt source freshness shows. Pure; takes ``now``.

Who is owed: a tenant with a row in any table of a dbt source is owed every table of that source that has the tenant
column. A tenant that a source has never heard of is noted once and not counted: many tenants do not use every source.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telemetry_assets.answers.scan_answer import Finding, FindingKind, Judged, TableAnswer
from telemetry_assets.model import ANY_TENANT, ExitCode, State, exit_of
from telemetry_assets.sources.dbt_project import SourceTable
from telemetry_assets.sources.tables import Problem, TableReading, Watermark

_UNSEEABLE = (Problem.NOT_ALLOWED, Problem.LOCKED, Problem.TIMED_OUT)
_LONG_AGO = timedelta(days=3_000_000)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The tables in their order, what is not fresh (worst first), the findings, and the codes that decide the exit."""

    tables: list[TableAnswer] = field(default_factory=list[TableAnswer])
    judged: list[Judged] = field(default_factory=list[Judged])
    findings: list[Finding] = field(default_factory=list[Finding])
    exits: set[ExitCode] = field(default_factory=set[ExitCode])


def judge(looked: Sequence[tuple[SourceTable, TableReading | Finding]], by: str, now: datetime) -> Judgement:
    """Every table with its reading, or with the finding that kept us from asking."""
    tenants = _tenants_by_source(looked)
    judgement = Judgement()
    for table, reading in looked:
        if isinstance(reading, TableReading) and reading.problem is None:
            _judge_table(judgement, table, reading, tenants.get(table.source, frozenset()), now)
        else:
            _cannot_judge(judgement, table, reading)
    judgement.findings.extend(_absent(looked, tenants))
    judgement.findings.extend(_whole_tables(looked, by))
    judgement.judged.sort(key=lambda one: (_RANK[one.state], -one.excess, one.tenant, one.key))
    judgement.exits.update(finding.exit for finding in judgement.findings)
    return judgement


_RANK = {State.FAIL: 0, State.MISSING: 1, State.UNKNOWN: 2, State.WARN: 3, State.PASS: 4}


def state_of(age: timedelta, table: SourceTable) -> State:
    """Late at ``error_after`` exactly, due at ``warn_after`` exactly."""
    if table.error_after is not None and age >= table.error_after:
        return State.FAIL
    if table.warn_after is not None and age >= table.warn_after:
        return State.WARN
    return State.PASS


def dbt_light(table: SourceTable, reading: TableReading, now: datetime) -> State:
    """What dbt source freshness says of the whole table; UNKNOWN where it stops with a runtime error.

    dbt's own rule: the newest of all rows, strictly older than the window; no row at all counts as year 1; a date
    and a year that Python has not are errors to it.
    """
    if reading.problem is not None or reading.detail == "date":
        return State.UNKNOWN
    marks = reading.watermarks
    newest = max((mark.newest for mark in marks if mark.newest is not None), default=None)
    if any(mark.beyond and (mark.ahead or newest is None) for mark in marks):
        return State.UNKNOWN
    age = _LONG_AGO if newest is None else now - newest
    if table.error_after is not None and age > table.error_after:
        return State.FAIL
    if table.warn_after is not None and age > table.warn_after:
        return State.WARN
    return State.PASS


def _judge_table(
    judgement: Judgement, table: SourceTable, reading: TableReading, known: AbstractSet[str], now: datetime
) -> None:
    light = dbt_light(table, reading, now)
    marks = {mark.tenant: mark for mark in reading.watermarks}
    nobody = marks.pop(None, None)
    if reading.tenanted and (marks or known):
        subjects = {
            tenant: marks.get(tenant) for tenant in sorted(known | {name for name in marks if name is not None})
        }
        if nobody is not None:
            message = f"{table.label} has rows without a tenant, which nobody is owed."
            judgement.findings.append(Finding(FindingKind.NO_TENANT, (table.key,), message))
    else:
        subjects = {ANY_TENANT: nobody}
    judged = [_judge(table, tenant, mark, light, now) for tenant, mark in subjects.items()]
    not_fresh = [one for one in judged if one is not None]
    judgement.judged.extend(not_fresh)
    judgement.exits.update(exit_of(one.state) for one in not_fresh)
    counts = Counter(one.state for one in not_fresh)
    counts[State.PASS] = len(judged) - len(not_fresh)
    judgement.tables.append(_answer(table, light, counts, reading))
    if ahead := [mark for mark in reading.watermarks if mark.ahead]:
        judgement.findings.append(_ahead(table, ahead))


def _judge(table: SourceTable, tenant: str, mark: Watermark | None, light: State, now: datetime) -> Judged | None:
    """One promise; None where it is fresh, which is nearly always and only counted."""
    window = table.error_after or table.warn_after
    if mark is None:
        return Judged(table.key, tenant, State.MISSING, light, window=window, reason="no row")
    if mark.data_time is None:
        if mark.ahead:
            return Judged(table.key, tenant, State.UNKNOWN, light, window=window, reason="only times in the future")
        return Judged(table.key, tenant, State.MISSING, light, window=window, reason="no row with a time")
    age = now - mark.data_time
    state = state_of(age, table)
    return None if state is State.PASS else Judged(table.key, tenant, state, light, mark.data_time, age, window)


def _cannot_judge(judgement: Judgement, table: SourceTable, reading: TableReading | Finding) -> None:
    finding = reading if isinstance(reading, Finding) else _problem(table, reading)
    state = State.MISSING if finding.kind is FindingKind.NO_TABLE else State.UNKNOWN
    judgement.findings.append(finding)
    judgement.judged.append(
        Judged(table.key, ANY_TENANT, state, State.UNKNOWN, window=table.error_after, reason=finding.message)
    )
    judgement.tables.append(_answer(table, State.UNKNOWN, {state: 1}, None))


def _answer(table: SourceTable, light: State, counts: Mapping[State, int], reading: TableReading | None) -> TableAnswer:
    return TableAnswer(
        source=table.source,
        key=table.key,
        relation=f"{table.schema}.{table.identifier}",
        light=light,
        counts=counts,
        warn_after=table.warn_after,
        error_after=table.error_after,
        tenanted=reading is not None and reading.tenanted,
        by_index=reading is not None and reading.by_index,
    )


def _problem(table: SourceTable, reading: TableReading) -> Finding:
    """A table's failure in words: what, where, and the way out."""
    relation = f"{table.schema}.{table.identifier}"
    field_ = " ".join((table.loaded_at_field or "its loaded_at_query").split())
    texts: dict[Problem | None, tuple[str, str]] = {
        Problem.NO_TABLE: (f"The table {relation} is not there.", "Load it, or correct its source's YAML."),
        Problem.NO_COLUMN: (f"{relation} has no column {field_}.", "Correct loaded_at_field."),
        Problem.NOT_A_TIME: (
            f"{field_} of {relation} is {reading.detail}, which is not a time.",
            "Name a timestamp or a date, or cast it in loaded_at_field.",
        ),
        Problem.NOT_ALLOWED: (f"{relation} may not be read: {reading.detail}.", "Grant SELECT on it to this user."),
        Problem.LOCKED: (f"{relation} is locked by somebody else.", "Scan again when the migration is through."),
        Problem.TIMED_OUT: (f"{relation} was not reached in time.", "An index on (tenant, time) makes it quick."),
    }
    message, remedy = texts.get(
        reading.problem, (f"PostgreSQL refuses the SQL for {relation}: {reading.detail}.", "Correct it in the YAML.")
    )
    code = ExitCode.COULD_NOT_LOOK if reading.problem in _UNSEEABLE else ExitCode.FAILING
    if reading.problem is Problem.NO_TABLE:
        code = ExitCode.MISSING
    return Finding(FindingKind(str(reading.problem)), (table.key,), message, remedy, code)


def _ahead(table: SourceTable, marks: Sequence[Watermark]) -> Finding:
    newest = max((mark.newest for mark in marks if mark.newest is not None), default=None)
    until = (
        f"up to {newest:%Y-%m-%d %H:%M} UTC"
        if newest and newest.year < 9999 and not any(mark.beyond for mark in marks)
        else "of no real year"
    )
    whose = "1 tenant has" if len(marks) == 1 else f"{len(marks)} tenants have"
    who = "its rows have" if marks[0].tenant is None and len(marks) == 1 else whose
    return Finding(
        FindingKind.AHEAD,
        (table.key,),
        f"In {table.label} {who} times in the future, {until}; they are ignored.",
        "Mend the clock or the zone of the writer.",
    )


def _tenants_by_source(looked: Iterable[tuple[SourceTable, TableReading | Finding]]) -> dict[str, set[str]]:
    tenants: dict[str, set[str]] = {}
    for table, reading in looked:
        if isinstance(reading, TableReading) and reading.tenanted:
            seen = tenants.setdefault(table.source, set())
            seen.update(mark.tenant for mark in reading.watermarks if mark.tenant is not None)
    return tenants


def _absent(
    looked: Iterable[tuple[SourceTable, TableReading | Finding]], tenants: Mapping[str, AbstractSet[str]]
) -> Iterable[Finding]:
    everyone: set[str] = set().union(*tenants.values())
    for source in dict.fromkeys(table.source for table, _ in looked):
        gone = sorted(everyone - tenants[source]) if source in tenants else []
        if gone:
            count = "1 tenant has" if len(gone) == 1 else f"{len(gone)} tenants have"
            message = f"{count} nothing at all in {source}, and no promise there is counted: {_some(gone)}."
            yield Finding(FindingKind.ABSENT, (source,), message)


def _whole_tables(looked: Iterable[tuple[SourceTable, TableReading | Finding]], by: str) -> Iterable[Finding]:
    whole = tuple(
        table.key
        for table, reading in looked
        if isinstance(reading, TableReading) and reading.problem is None and not reading.tenanted
    )
    if whole:
        names = _some([key.replace("/", ".") for key in whole])
        what = "1 table is" if len(whole) == 1 else f"{len(whole)} tables are"
        yield Finding(FindingKind.WHOLE_TABLE, whole, f"{what} not split by {by} and judged whole: {names}.")


def _some(names: Sequence[str], limit: int = 5) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
