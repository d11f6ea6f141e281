"""telemetry.installation: who we are to those who receive our messages.

What belongs here: reading the id that the ledger was given when it was made. It never changes.
"""

from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger.connection import explained


@explained
def read(conn: psycopg.Connection[TupleRow]) -> UUID:
    """The id of this ledger, in front of every message's key. Raises CouldNotLookError where somebody deleted it."""
    row = conn.execute("select id from telemetry.installation").fetchone()
    if row is None:
        raise CouldNotLookError(
            "The ledger has lost its id (telemetry.installation is empty).",
            "Run `insert into telemetry.installation default values` on it.",
        )
    return row[0]
