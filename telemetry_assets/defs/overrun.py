"""A deadline for what runs in this process: Ctrl-C is pressed for whoever is still running when it is over.

What belongs here: watching the time, and the result that says it was over. What does not: what is run.
"""

import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.model import State
from telemetry_assets.spoken import counted, named, spoken

AGAIN = 5.0
"""Seconds until whoever did not hear it is interrupted again."""


@dataclass(slots=True)
class Overrun:
    """Whether the time of ``limit`` was over before the work was done. ``work`` is then what did not run."""

    limit: timedelta | None
    happened: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def result(self, results: Sequence[Result]) -> tuple[Result, ...]:
        """A failure of kind ``deadline`` where it happened, naming what is unknown for it."""
        if not self.happened or self.limit is None:
            return ()
        without = [f"{one.asset} {one.check}" for one in results if one.state is State.UNKNOWN and not one.task_id]
        said = f"; {counted(len(without), 'check')} did not run: {named(list(dict.fromkeys(without)), 5)}"
        message = f"not done within {spoken(self.limit)}{said if without else ''}"
        return (Result(Kind.DEADLINE, "", "deadline", State.FAIL, message, remedy="Give it longer: --deadline."),)


@contextmanager
def ended_by(limit: timedelta | None) -> Generator[Overrun]:
    """What runs inside is interrupted when ``limit`` is over; then this ends as if it had come to its end.

    Ctrl-C itself goes through. Only the main thread can be interrupted, so only there is it watched.
    """
    overrun = Overrun(limit)
    main = threading.main_thread()
    if limit is None or threading.current_thread() is not main:
        yield overrun
        return

    def watch() -> None:
        wait = limit.total_seconds()
        while not overrun.over.wait(wait):
            with overrun.lock:
                if overrun.over.is_set() or main.ident is None:
                    return
                overrun.happened = True
                signal.pthread_kill(main.ident, signal.SIGINT)
            wait = AGAIN

    threading.Thread(target=watch, name="deadline", daemon=True).start()
    try:
        try:
            yield overrun
        finally:
            with overrun.lock:
                overrun.over.set()
    except KeyboardInterrupt:
        if not overrun.happened:
            raise
