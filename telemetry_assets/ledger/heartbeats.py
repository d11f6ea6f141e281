"""telemetry.heartbeats: who is alive, by the clock of this server alone.

What belongs here: beating, and how long ago each component did. What does not: what silence means (``dispatch/``).
"""

from dataclasses import dataclass
from datetime import timedelta

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.repeating import repeated
from telemetry_assets.ledger.values import plain_text


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How long ago a component beat last, how soon the next beat should come, and what it had to say."""

    component: str
    age: timedelta
    expected: timedelta
    note: str = ""


@explained
@repeated
def beat(conn: psycopg.Connection[TupleRow], component: str, expected: timedelta, note: str = "") -> None:
    """``component`` is alive now, and will say so again within ``expected``."""
    conn.execute(_BEAT, (plain_text(component), expected, plain_text(note)))


@explained
def read(conn: psycopg.Connection[TupleRow]) -> tuple[Heartbeat, ...]:
    """The last beat of every component that ever beat, by name. No age is negative."""
    return tuple(Heartbeat(*row) for row in conn.execute(_READ))


_BEAT = """
insert into telemetry.heartbeats as held (component, beat_at, expected, note)
values (%s, clock_timestamp(), %s, %s)
on conflict (component) do update set (beat_at, expected, note) = (excluded.beat_at, excluded.expected, excluded.note)
"""

_READ = """
select component, greatest(clock_timestamp() - beat_at, interval '0'), expected, note
from telemetry.heartbeats order by component
"""
