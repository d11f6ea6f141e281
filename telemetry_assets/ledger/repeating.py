"""What PostgreSQL asks to do again is done again: a serialization failure, a deadlock.

What belongs here: repeating a whole transaction. What does not: repeating after a lost connection, which only somebody
who can open another may do.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

TIMES = 10


def repeated[**P, R](
    function: Callable[Concatenate[psycopg.Connection[TupleRow], P], R],
) -> Callable[Concatenate[psycopg.Connection[TupleRow], P], R]:
    """Wraps a function that is one transaction, so that it begins anew where PostgreSQL undid it for another's sake.

    Inside a transaction of the caller nothing is repeated: that one is lost as a whole, and its owner begins anew.
    """

    @wraps(function)
    def call(conn: psycopg.Connection[TupleRow], *args: P.args, **kwargs: P.kwargs) -> R:
        ours = conn.info.transaction_status == TransactionStatus.IDLE
        for _ in range(TIMES if ours else 0):
            try:
                return function(conn, *args, **kwargs)
            except (errors.SerializationFailure, errors.DeadlockDetected):
                continue
        return function(conn, *args, **kwargs)

    return call
