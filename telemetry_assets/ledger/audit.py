"""telemetry.audit: who did what, and when. Append-only.

What belongs here: writing entries, reading them. What does not: deciding who may.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_text, plain_text


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One deed: ``action`` is a verb (``acknowledge``), ``resource`` what it was done to (``incident 7``)."""

    at: datetime
    actor: str
    action: str
    resource: str
    detail: str = ""


@explained
def write(
    conn: psycopg.Connection[TupleRow], at: datetime, actor: str, action: str, resource: str, detail: str = ""
) -> None:
    """Write one entry; in the caller's transaction where there is one."""
    conn.execute(_WRITE, (instant_text(at), *map(plain_text, (actor, action, resource, detail))))


@explained
def read(conn: psycopg.Connection[TupleRow], limit: int = 1000) -> tuple[AuditEntry, ...]:
    """The newest entries, newest first."""
    return tuple(AuditEntry(*row) for row in conn.execute(_READ, (limit,)))


_WRITE = "insert into telemetry.audit (at, actor, action, resource, detail) values (%s::timestamptz, %s, %s, %s, %s)"

_READ = "select at, actor, action, resource, detail from telemetry.audit order by id desc limit %s"
