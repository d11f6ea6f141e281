"""telemetry.check_results: the newest evaluation of every asset check we know of, ours or another code location's.

What belongs here: keeping the newest, reading what fails. What does not: reading Dagster's event log (``defs/``).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.repeating import repeated
from telemetry_assets.ledger.values import index_text, instant_text, plain_text


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One evaluation of a check of an asset, for one partition of it (``tenant``; ``*`` where it has none).

    ``severity`` is Dagster's word, ``WARN`` or ``ERROR``; ``said`` is the check's own; ``location`` is empty for ours.
    """

    asset: str
    check_name: str
    tenant: str
    passed: bool
    severity: str
    evaluated_at: datetime
    said: str = ""
    run_id: str = ""
    location: str = ""


@explained
def record(conn: psycopg.Connection[TupleRow], results: Iterable[CheckResult]) -> int:
    """Keep the newest evaluation of each check and partition; returns how many rows changed. One statement for any
    number, harmless to repeat. Of two at the same instant the one that failed stays, whichever came first."""
    newest: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in map(_row, results):
        key = (row["asset"], row["check_name"], row["tenant"])
        newest[key] = max(newest.get(key, row), row, key=_rank)
    ordered = [newest[key] for key in sorted(newest)]
    return _record(conn, {name: [row[name] for row in ordered] for name in ordered[0]}) if ordered else 0


@explained
def failed(conn: psycopg.Connection[TupleRow]) -> tuple[CheckResult, ...]:
    """Every evaluation that failed and that none came after, by asset, check and tenant."""
    return _read(conn, "not passed")


@explained
def of_location(conn: psycopg.Connection[TupleRow], location: str) -> tuple[CheckResult, ...]:
    """The newest evaluation of everything a code location checks, by asset, check and tenant."""
    return _read(conn, "location = %(location)s", location)


@explained
@repeated
def forget(conn: psycopg.Connection[TupleRow], checks: Collection[tuple[str, str]]) -> int:
    """Drop every result of these (asset, check name), which nobody evaluates any more; returns how many rows."""
    names = {"asset": [index_text(asset) for asset, _ in checks], "check": [index_text(name) for _, name in checks]}
    return conn.execute(_FORGET, names).rowcount


_COLUMNS = "asset, check_name, tenant, passed, severity, evaluated_at, said, run_id, location"

_RECORD = f"""
insert into telemetry.check_results as held ({_COLUMNS})
select * from unnest(
    %(asset)s::text[], %(check_name)s::text[], %(tenant)s::text[], %(passed)s::boolean[], %(severity)s::text[],
    %(evaluated_at)s::timestamptz[], %(said)s::text[], %(run_id)s::text[], %(location)s::text[]
)
on conflict (asset, check_name, tenant) do update set
    (passed, severity, evaluated_at, said, run_id, location) = (
        excluded.passed, excluded.severity, excluded.evaluated_at, excluded.said, excluded.run_id, excluded.location
    )
where (held.evaluated_at, not held.passed, held.run_id collate "C")
    < (excluded.evaluated_at, not excluded.passed, excluded.run_id collate "C")
"""

_FORGET = """
delete from telemetry.check_results
where (asset, check_name) in (select * from unnest(%(asset)s::text[], %(check)s::text[]))
"""


@repeated
def _record(conn: psycopg.Connection[TupleRow], columns: dict[str, list[Any]]) -> int:
    return conn.execute(_RECORD, columns).rowcount


def _read(conn: psycopg.Connection[TupleRow], condition: str, location: str = "") -> tuple[CheckResult, ...]:
    statement = f"select {_COLUMNS} from telemetry.check_results where {condition} order by asset, check_name, tenant"
    return tuple(CheckResult(*row) for row in conn.execute(statement.encode(), {"location": location}))


def _row(result: CheckResult) -> dict[str, Any]:
    return {
        "asset": index_text(result.asset),
        "check_name": index_text(result.check_name),
        "tenant": index_text(result.tenant),
        "passed": result.passed,
        "severity": plain_text(result.severity),
        "evaluated_at": instant_text(result.evaluated_at),
        "said": plain_text(result.said),
        "run_id": plain_text(result.run_id),
        "location": plain_text(result.location),
    }


def _rank(row: dict[str, Any]) -> tuple[str, bool, str]:
    return (row["evaluated_at"], not row["passed"], row["run_id"])
