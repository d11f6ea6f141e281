"""Hearing of it when something is written to the outbox: PostgreSQL's LISTEN.

What belongs here: waiting for the notice. What does not: giving it (``incidents.py``), what is done then.
"""

import threading
from collections.abc import Callable

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.incidents import NOTICE

PATIENCE_SECONDS = 1.0


@explained
def listen(conn: psycopg.Connection[TupleRow], heard: Callable[[], None], ended: threading.Event) -> None:
    """Until ``ended``, call ``heard`` whenever messages were written, and at the start for what was written before.

    ``conn`` is in autocommit and used for nothing else. Raises CouldNotLookError where the server goes away.
    """
    conn.execute(f"listen {NOTICE}")
    heard()
    while not ended.is_set():
        for _ in conn.notifies(timeout=PATIENCE_SECONDS, stop_after=1):
            heard()
