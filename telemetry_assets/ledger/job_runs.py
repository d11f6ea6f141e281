"""telemetry.job_runs: the newest ended run of every job we know of, ours or another code location's.

What belongs here: keeping the newest, and since when a job fails. What does not: reading Dagster's runs (``defs/``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.repeating import repeated
from telemetry_assets.ledger.values import index_text, instant_text, plain_text


@dataclass(frozen=True, slots=True)
class JobRun:
    """One ended run of a job. ``said`` is what went wrong, in its own words, ``assets`` what it was to make.

    ``failing_since`` is when the first of the failed runs in a row ended; only what is read has it.
    """

    location: str
    job: str
    run_id: str
    succeeded: bool
    ended_at: datetime
    said: str = ""
    assets: tuple[str, ...] = ()
    failing_since: datetime | None = None


@explained
def record(conn: psycopg.Connection[TupleRow], runs: Iterable[JobRun]) -> int:
    """Keep the newest ended run of each job; returns how many were news. Harmless to repeat, in any order of the runs.

    A job fails since the first failed run that no success came after; a run older than the one held changes nothing.
    """
    rows = sorted(map(_row, runs), key=lambda row: (row["location"], row["job"], row["ended_at"], row["run_id"]))
    return _record(conn, rows) if rows else 0


@explained
def failed(conn: psycopg.Connection[TupleRow]) -> tuple[JobRun, ...]:
    """The jobs whose newest ended run failed, by location and name."""
    rows = conn.execute(_FAILED)
    return tuple(JobRun(*rest, assets=tuple(assets), failing_since=since) for *rest, assets, since in rows)


_COLUMNS = "location, job, run_id, succeeded, ended_at, said, assets, failing_since"

_RECORD = f"""
insert into telemetry.job_runs as held ({_COLUMNS}) values (
    %(location)s, %(job)s, %(run_id)s, %(succeeded)s, %(ended_at)s::timestamptz, %(said)s, %(assets)s::text[],
    case when not %(succeeded)s then %(ended_at)s::timestamptz end
)
on conflict (location, job) do update set
    (run_id, succeeded, ended_at, said, assets, failing_since) = (
        excluded.run_id, excluded.succeeded, excluded.ended_at, excluded.said, excluded.assets,
        case when not excluded.succeeded then coalesce(held.failing_since, excluded.failing_since) end
    )
where (held.ended_at, held.run_id collate "C") < (excluded.ended_at, excluded.run_id collate "C")
"""

_FAILED = f"select {_COLUMNS} from telemetry.job_runs where not succeeded order by location, job"


@repeated
def _record(conn: psycopg.Connection[TupleRow], rows: Sequence[dict[str, object]]) -> int:
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(_RECORD, rows)
        return cursor.rowcount


def _row(run: JobRun) -> dict[str, object]:
    return {
        "location": index_text(run.location),
        "job": index_text(run.job),
        "run_id": plain_text(run.run_id),
        "succeeded": run.succeeded,
        "ended_at": instant_text(run.ended_at),
        "said": plain_text(run.said),
        "assets": [plain_text(asset) for asset in run.assets],
    }
