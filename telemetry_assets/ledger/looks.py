"""telemetry.looks: when we last looked at something from outside, and why we saw nothing if so.

What belongs here: keeping the newest look of each feeder, reading them. What does not: looking (``sources/``).
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_text, plain_text
from telemetry_assets.model import Look


@explained
def record(conn: psycopg.Connection[TupleRow], looks: Iterable[Look]) -> int:
    """Keep the newest look of each feeder; returns how many rows changed. One statement for any number.

    Of two looks at the same instant the one that failed stays: the greater texts, whichever came first.
    """
    newest: dict[str, Look] = {}
    for look in looks:
        newest[look.feeder] = max(newest.get(look.feeder, look), look, key=_rank)
    if not newest:
        return 0
    ordered = [newest[feeder] for feeder in sorted(newest)]
    columns = {
        "feeder": [look.feeder for look in ordered],
        "looked_at": [instant_text(look.looked_at) for look in ordered],
        "error": [plain_text(look.error) for look in ordered],
        "note": [plain_text(look.note) for look in ordered],
    }
    return conn.execute(_RECORD, columns).rowcount


@explained
def read(conn: psycopg.Connection[TupleRow]) -> dict[str, Look]:
    """The newest look of each feeder."""
    rows = conn.execute("select feeder, looked_at, error, note from telemetry.looks")
    return {feeder: Look(feeder, *seen) for feeder, *seen in rows}


@explained
def forget_failed(conn: psycopg.Connection[TupleRow], feeders: Collection[str]) -> int:
    """Drop the looks that failed, of feeders that something else dates by now; returns how many there were."""
    failed = "delete from telemetry.looks where feeder = any(%s::text[]) and error <> ''"
    return conn.execute(failed, (list(feeders),)).rowcount


_RECORD = """
insert into telemetry.looks as held (feeder, looked_at, error, note)
select * from unnest(%(feeder)s::text[], %(looked_at)s::timestamptz[], %(error)s::text[], %(note)s::text[])
on conflict (feeder) do update set
    (looked_at, error, note) = (excluded.looked_at, excluded.error, excluded.note)
where (held.looked_at, held.error, held.note) < (excluded.looked_at, excluded.error, excluded.note)
"""


def _rank(look: Look) -> tuple[datetime, str, str]:
    return (look.looked_at, look.error, look.note)
