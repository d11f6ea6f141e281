"""The ledger for code that waits for many things at once: a connection, the one thread that uses it, new when lost.

What belongs here: opening anew. What does not: what is read or written.
psycopg's blocking calls never run in the event loop, where one slow statement would stop every message on its way; and
not in threads at large, since a connection is one conversation. So each pen has a thread of its own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from telemetry_assets.dispatch.changing import Ledger, retried
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger.connection import LOST, connect, end_when_stopped


class AwayError(CouldNotLookError):
    """The database is away, as opposed to not holding what it should: it will be back."""


def reached(dsn: Callable[[], str]) -> Ledger:
    """A connection to where ``dsn`` says, which stops nobody else where this process is stopped. Raises AwayError."""
    try:
        conn = connect(dsn())
        end_when_stopped(conn)
        return conn
    except CouldNotLookError as error:
        raise AwayError(error.message, error.remedy) from error


class Pen:
    """One connection, used by one thread of its own, so that statements never mix and nobody waits in the event loop.

    ``dsn`` is asked at every connecting: a server that came back may be elsewhere.
    """

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._conn: Ledger | None = None

    async def close(self) -> None:
        """Let go of the connection and the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown(wait=False)

    async def write[R](self, work: Callable[[Ledger], R]) -> R:
        """What ``work`` returns, done with the connection; it is whole transactions, since collisions repeat it.

        Raises AwayError where the ledger cannot be reached, and as ``work`` does; the next call connects anew.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do[R](self, work: Callable[[Ledger], R]) -> R:
        conn = self._conn
        if conn is None or conn.closed:
            conn = self._conn = reached(self._dsn)
        try:
            return retried(lambda: work(conn))
        except CouldNotLookError as error:
            if conn.closed or isinstance(error.__cause__, LOST):
                raise AwayError(error.message, error.remedy) from error
            raise
        except LOST as error:
            words = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise AwayError(f"The ledger stopped answering: {words}.") from error

    def _let_go(self) -> None:
        if self._conn is not None:
            self._conn.close()
        self._conn = None
