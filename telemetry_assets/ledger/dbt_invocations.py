"""telemetry.dbt_invocations: what each dbt command did to which node, so that a later `dbt test` never hides a run.

What belongs here: writing and finding invocations. What does not: reading artifacts (``sources/dbt.py``).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.freshness.building import FAILED
from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_text, json_text


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What one invocation did to one node: dbt's status and message, seconds, the adapter's answer."""

    unique_id: str
    status: str
    message: str | None = None
    execution_time: float | None = None
    adapter_response: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class DbtInvocation:
    """One dbt command. ``which`` is its name (run, build, test …); ``covers_all``: every enabled model was selected.

    ``external`` marks a command we did not start, imported from the project's target folder.
    """

    invocation_id: str
    which: str
    generated_at: datetime
    covers_all: bool
    external: bool
    run_results_path: str
    run_id: str | None
    results: tuple[NodeResult, ...]


WELL = ("success", "pass", "warn", "no-op", "reused")
"""dbt's statuses of a node with which nothing is wrong."""


@dataclass(frozen=True, slots=True)
class LastWord:
    """What dbt last said of a node, and when that invocation ended."""

    status: str
    message: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Failing:
    """dbt's last word on a node that fails, and since when every word but "skipped" was that it failed."""

    word: LastWord
    since: datetime


@explained
def record(conn: psycopg.Connection[TupleRow], invocation: DbtInvocation) -> None:
    """Keep one invocation. Recorded twice it stays one row, and what we ran ourselves never turns external."""
    conn.execute(
        _RECORD,
        {
            "invocation_id": invocation.invocation_id,
            "which": invocation.which,
            "generated_at": instant_text(invocation.generated_at),
            "covers_all": invocation.covers_all,
            "external": invocation.external,
            "run_results_path": invocation.run_results_path,
            "run_id": invocation.run_id,
            "results": json_text([asdict(result) for result in invocation.results]),
        },
    )


@explained
def is_known(conn: psycopg.Connection[TupleRow], invocation_id: str) -> bool:
    """True where this invocation was recorded before."""
    found = conn.execute("select 1 from telemetry.dbt_invocations where invocation_id = %s", (invocation_id,))
    return found.fetchone() is not None


@explained
def newest_complete(conn: psycopg.Connection[TupleRow]) -> DbtInvocation | None:
    """The newest ``run`` or ``build`` that covered every enabled model, None before the first."""
    row = conn.execute(
        f"select {_COLUMNS} from telemetry.dbt_invocations"
        f" where covers_all and which in ('run', 'build') order by {_NEWEST_FIRST} limit 1"
    ).fetchone()
    return _invocation(row) if row else None


@explained
def newest_complete_at(conn: psycopg.Connection[TupleRow]) -> datetime | None:
    """When :func:`newest_complete` ended, without reading its results."""
    row = conn.execute(
        "select max(generated_at) from telemetry.dbt_invocations where covers_all and which in ('run', 'build')"
    ).fetchone()
    return row[0] if row else None


@explained
def recent(conn: psycopg.Connection[TupleRow], limit: int) -> tuple[DbtInvocation, ...]:
    """The newest invocations first, whatever command they were."""
    rows = conn.execute(f"select {_COLUMNS} from telemetry.dbt_invocations order by {_NEWEST_FIRST} limit %s", (limit,))
    return tuple(_invocation(row) for row in rows)


@explained
def last_words(conn: psycopg.Connection[TupleRow], limit: int) -> dict[str, LastWord]:
    """unique id → what the newest of the last ``limit`` invocations that touched the node said of it, where that was
    not that all is well."""
    rows = conn.execute(_LAST_WORDS, {"limit": limit, "well": list(WELL)})
    return {unique_id: LastWord(status, message or "", said_at) for unique_id, status, message, said_at in rows}


@explained
def failing(conn: psycopg.Connection[TupleRow], limit: int) -> dict[str, Failing]:
    """unique id → the failure of each node of which the newest word was one, of the last ``limit`` invocations."""
    paths = " || ".join(f'@.status == "{status}"' for status in sorted(FAILED))
    ids = [unique_id for (unique_id,) in conn.execute(_FAILED, {"limit": limit, "path": f"$[*] ? ({paths}).unique_id"})]
    found: dict[str, Failing] = {}
    over: set[str] = set()
    for unique_id, *said in conn.execute(_WORDS_OF, {"limit": limit, "ids": ids}) if ids else ():
        word = LastWord(*said)
        if word.status in WELL:
            over.add(unique_id)
        elif word.status in FAILED and unique_id not in over:
            found[unique_id] = Failing(found[unique_id].word if unique_id in found else word, word.said_at)
    return found


_COLUMNS = "invocation_id, which, generated_at, covers_all, external, run_results_path, run_id, results"
_NEWEST_FIRST = "generated_at desc, invocation_id desc"

_NEWEST = f"""(
    select generated_at, invocation_id, results from telemetry.dbt_invocations
    where which in ('run', 'build', 'seed', 'snapshot', 'test') order by {_NEWEST_FIRST} limit %(limit)s
) as newest"""

_FAILED = f"""
select distinct unique_id #>> '{{}}'
from {_NEWEST}, jsonb_path_query(newest.results, %(path)s::jsonpath) as unique_id
order by 1
"""

_WORDS_OF = f"""
select result ->> 'unique_id', result ->> 'status', coalesce(result ->> 'message', ''), generated_at
from {_NEWEST}, jsonb_array_elements(newest.results) as result
where result ->> 'unique_id' = any(%(ids)s::text[])
order by {_NEWEST_FIRST}
"""

_LAST_WORDS = f"""
select unique_id, status, message, generated_at from (
    select distinct on (result ->> 'unique_id')
        result ->> 'unique_id' as unique_id, result ->> 'status' as status, result ->> 'message' as message,
        generated_at
    from {_NEWEST}, jsonb_array_elements(newest.results) as result
    order by 1, {_NEWEST_FIRST}
) as last
where status <> all(%(well)s::text[])
order by unique_id
"""

_RECORD = f"""
insert into telemetry.dbt_invocations as held ({_COLUMNS})
values (
    %(invocation_id)s, %(which)s, %(generated_at)s, %(covers_all)s, %(external)s, %(run_results_path)s, %(run_id)s,
    %(results)s::jsonb
)
on conflict (invocation_id) do update set
    (which, generated_at, covers_all, external, run_results_path, results) = (
        excluded.which, excluded.generated_at, excluded.covers_all, excluded.external, excluded.run_results_path,
        excluded.results
    ),
    run_id = coalesce(excluded.run_id, held.run_id)
where held.external or not excluded.external
"""


def _invocation(row: TupleRow) -> DbtInvocation:
    invocation_id, which, generated_at, covers_all, external, run_results_path, run_id, results = row
    return DbtInvocation(
        invocation_id=invocation_id,
        which=which,
        generated_at=generated_at,
        covers_all=covers_all,
        external=external,
        run_results_path=run_results_path,
        run_id=run_id,
        results=tuple(NodeResult(**result) for result in results),
    )
