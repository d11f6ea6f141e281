"""Changing incidents: one at a time, and again where what was written collided.

What belongs here: the one lock, collisions. What does not: what is changed (``evaluate.py``, ``drain.py``).
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger.connection import bounded_lock
from telemetry_assets.ledger.incidents import MovedOnError

type Ledger = psycopg.Connection[TupleRow]

LOCK = "telemetry.incidents"
"""The advisory lock of whoever changes incidents: what is decided from them is written before anybody reads them."""
PATIENCE = timedelta(seconds=30)
"""How long to wait for it: half of what Dagster gives a tick."""
TRIES = 5
"""How often a write that collided with somebody else's is tried."""


@contextmanager
def changing_incidents(conn: Ledger) -> Generator[None]:
    """Holds the lock of whoever reads incidents, decides and writes them: evaluating, acknowledging, telling instead.

    ``conn`` is in autocommit. Raises CouldNotLookError, also where somebody else holds it for too long.
    """
    with bounded_lock(conn, LOCK, PATIENCE):
        yield


def retried[R](work: Callable[[], R]) -> R:
    """What ``work`` returns, tried again where it lost against somebody who wrote at the same time.

    ``work`` reads, decides and writes, in whole transactions. Raises what it raises otherwise, and a collision after
    the last try. Somebody may change an incident without the lock: then what was decided is decided anew.
    """
    for _ in range(TRIES - 1):
        try:
            return work()
        except (CouldNotLookError, MovedOnError, psycopg.OperationalError) as error:
            if not _collided(error):
                raise
    return work()


def _collided(error: BaseException) -> bool:
    lost = (errors.SerializationFailure, errors.DeadlockDetected)
    return isinstance(error, (MovedOnError, *lost)) or isinstance(error.__cause__, lost)
