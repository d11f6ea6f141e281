"""Asking again and again until somebody has seen enough.

What belongs here: the loop, its clock, ending it. What does not: what is asked, how it is shown (``render/watch.py``).
"""

import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from telemetry_assets.cli.readers import end_with_readers
from telemetry_assets.errors import TelemetryError, UsageError
from telemetry_assets.model import ExitCode

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

    from telemetry_assets.answers.status import StatusAnswer
    from telemetry_assets.render.watch import View
    from telemetry_assets.settings import Settings


def interval(text: str, option: str = "--every") -> timedelta:
    """``5s`` → timedelta. Raises UsageError with the option and the accepted form."""
    from telemetry_assets.declaration.forms import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}.") from None


def watch_status(settings: "Settings", ask: "Callable[[Connection[TupleRow]], StatusAnswer]", every: str) -> ExitCode:
    """Watch what ``ask`` answers, on the database of the settings, on standard output."""
    from telemetry_assets.local.postgres import using_database
    from telemetry_assets.render.watch import view

    span = interval(every)
    end_with_readers()
    with using_database(settings) as dsn, closing(Looker(dsn, ask)) as looker:
        return watch(looker.look, view(sys.stdout, every), span)


def watch(
    look: "Callable[[], StatusAnswer]",
    view: "View",
    every: timedelta,
    *,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ExitCode:
    """Show an answer every so often until Ctrl-C or SIGTERM; the exit code of the last look.

    Whatever the first look meets ends the watch; later on, what cannot be looked at is said and tried again.
    """
    with _ended_by_signals():
        return _show_until_interrupted(look, view, every, pause, clock)


def _show_until_interrupted(
    look: "Callable[[], StatusAnswer]",
    view: "View",
    every: timedelta,
    pause: Callable[[float], None],
    clock: Callable[[], datetime],
) -> ExitCode:
    answer = look()
    code = answer.exit_code
    view.open()
    try:
        view.show(answer)
        while True:
            pause(every.total_seconds())
            try:
                answer = look()
            except TelemetryError as error:
                code = error.exit_code
                view.trouble(str(error), clock())
                continue
            code = answer.exit_code
            view.show(answer)
    except KeyboardInterrupt:
        return code
    finally:
        view.close()


class Looker:
    """Asks over one connection, and over a new one where the last was lost."""

    def __init__(self, dsn: str, ask: "Callable[[Connection[TupleRow]], StatusAnswer]") -> None:
        self._dsn = dsn
        self._ask = ask
        self._conn: Connection[TupleRow] | None = None

    def look(self) -> "StatusAnswer":
        """An answer of now. Raises as connecting and asking do."""
        try:
            return self._ask(self._connected())
        except TelemetryError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection."""
        if self._conn is not None:
            self._conn.close()
        self._conn = None

    def _connected(self) -> "Connection[TupleRow]":
        from telemetry_assets.ledger.connection import connect
        from telemetry_assets.ledger.schema import require_current

        if self._conn is None:
            self._conn = connect(self._dsn)
            require_current(self._conn)
        return self._conn


@contextmanager
def _ended_by_signals() -> Generator[None]:
    """SIGTERM ends as Ctrl-C does: a terminal must not be left on its other screen."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
