"""What somebody else's code may do to our process: print, leave threads behind, end it. None of it may cost the answer.

What belongs here: keeping standard output for the answer, and the end of the process ours. What does not: what is run
(``live_check.py``, ``defs/foreign_checking.py``).
"""

import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NoReturn

from telemetry_assets.cli.app import say
from telemetry_assets.errors import TelemetryError
from telemetry_assets.model import ExitCode

_END = os._exit


class Aside:
    """Standard output, put aside while their code runs: what it prints, from a child process too, goes to stderr."""

    def __init__(self) -> None:
        self._stdout, self._kept = sys.stdout, -1

    @contextmanager
    def __call__(self) -> Generator[None]:
        self._stdout.flush()
        self._kept = os.dup(1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        try:
            yield
        finally:
            self.back()

    def back(self) -> None:
        """Standard output is the answer's again; harmless to repeat."""
        if self._kept < 0:
            return
        sys.stdout.flush()
        os.dup2(self._kept, 1)
        os.close(self._kept)
        self._kept, sys.stdout = -1, self._stdout


@contextmanager
def no_way_out() -> Generator[None]:
    """``os._exit`` inside is an error like any other: nobody ends a check with a code of his own. A fork may end so."""
    ours = os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != ours:
            _END(status)
        raise SystemExit(f"os._exit({status})")

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = _END


def despite_threads(work: Callable[[], ExitCode]) -> ExitCode:
    """Do ``work``; where it leaves threads that would keep the process from ending, the process ends here, with what it
    came to."""
    before = frozenset(threading.enumerate())

    def left() -> bool:
        return any(not one.daemon and one not in before for one in threading.enumerate())

    try:
        code = work()
    except TelemetryError as error:
        if not left():
            raise
        say(f"telemetry: {error}")
        code = error.exit_code
    if left():
        end_now(code)
    return code


def end_now(code: int) -> NoReturn:
    """End the process with all that was said said, whatever else runs in it."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    _END(code)
