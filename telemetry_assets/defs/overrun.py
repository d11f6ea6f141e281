"""A deadline for what runs in this process: Ctrl-C is pressed for whoever is still running when it is over.

What belongs here: watching the time. What does not: what is run, what is said of it (``answers/overrun.py``).
"""

import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from telemetry_assets.answers.overrun import overrun_results
from telemetry_assets.answers.results import Result

AGAIN = 5.0
"""Seconds until whoever did not hear it is interrupted again."""


@dataclass(slots=True)
class Overrun:
    """Whether the time of ``limit`` was over before the work was done."""

    limit: timedelta | None
    happened: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def results(self, found: Sequence[Result]) -> tuple[Result, ...]:
        """What is to be added to what was ``found``, where it happened."""
        return overrun_results(self.limit, found) if self.happened and self.limit else ()


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
