"""telemetry.silences: what nobody is to be told of for a while, and who asked for that.

What belongs here: rows. What does not: which troubles a silence covers (``incidents/silence.py``).
"""

from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.incidents.silence import Silence
from telemetry_assets.ledger import audit
from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.repeating import repeated
from telemetry_assets.ledger.values import instant_text, plain_text


@explained
@repeated
def add(
    conn: psycopg.Connection[TupleRow],
    asset: str,
    tenant: str | None,
    until: datetime,
    reason: str,
    author: str,
    now: datetime,
) -> Silence:
    """A new silence of an asset or pattern, of one tenant or (None) of all. The audit says so too."""
    words = tuple(None if text is None else plain_text(text) for text in (asset, tenant, reason, author))
    with conn.transaction():
        row = conn.execute(_ADD, (*words, instant_text(until), instant_text(now))).fetchone()
        assert row is not None
        silence = Silence(*row)
        audit.write(conn, now, author, "silence", _resource(silence), reason)
    return silence


@explained
@repeated
def end(conn: psycopg.Connection[TupleRow], number: int, now: datetime, actor: str) -> Silence | None:
    """End a silence before its time; returns it as it is then. None where none of that number is in force."""
    with conn.transaction():
        row = conn.execute(_END, {"id": number, "now": instant_text(now)}).fetchone()
        if row is None:
            return None
        silence = Silence(*row)
        audit.write(conn, now, actor, "end silence", _resource(silence))
    return silence


@explained
def read(conn: psycopg.Connection[TupleRow], limit: int = 1000) -> tuple[Silence, ...]:
    """The newest silences, ended or not, newest first."""
    return tuple(Silence(*row) for row in conn.execute(f"{_SELECT} order by id desc limit %s", (limit,)))


@explained
def in_force(conn: psycopg.Connection[TupleRow], now: datetime) -> tuple[Silence, ...]:
    """The silences that hold at ``now``, oldest first."""
    return tuple(Silence(*row) for row in conn.execute(f"{_SELECT} where {_HOLDS} order by id", _at(now)))


_COLUMNS = "id, asset, tenant, until, reason, author, created_at, ended_at"

_SELECT = f"select {_COLUMNS} from telemetry.silences"

_HOLDS = "until > %(now)s::timestamptz and (ended_at is null or ended_at > %(now)s::timestamptz)"

_ADD = f"""
insert into telemetry.silences (asset, tenant, reason, author, until, created_at)
values (%s, %s, %s, %s, %s::timestamptz, %s::timestamptz) returning {_COLUMNS}
"""

_END = f"""
update telemetry.silences set ended_at = %(now)s::timestamptz where id = %(id)s and {_HOLDS} returning {_COLUMNS}
"""


def _at(now: datetime) -> dict[str, str]:
    return {"now": instant_text(now)}


def _resource(silence: Silence) -> str:
    tenant = f" of {silence.tenant}" if silence.tenant else ""
    return f"silence {silence.id}: {silence.asset}{tenant}"
