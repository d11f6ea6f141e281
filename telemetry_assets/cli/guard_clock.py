"""The guard's time: its steps one after the other, each timed, until the deadline or somebody ends it.

What belongs here: what an error, the deadline, Ctrl-C and SIGTERM come to. What does not: what the steps do
(``guard_steps.py``).
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType
from typing import NoReturn

import psutil
import psycopg

from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.errors import CouldNotLookError, TelemetryError, UsageError
from telemetry_assets.model import State
from telemetry_assets.spoken import spoken

LOGGER = logging.getLogger("telemetry.guard")
LONGEST = 2_000

type Work = Callable[[], Iterable[Result]]


class EndedEarly(BaseException):
    """The deadline has come, or somebody ended the guard. No ``Exception``: nothing that a step calls may catch it."""

    def __init__(self, words: str, kind: Kind) -> None:
        super().__init__(words)
        self.words, self.kind = words, kind


class NotExecutedError(Exception):
    """A step had nothing to stand on; the words say which one before it failed."""


@dataclass(slots=True)
class Clock:
    """``came`` is the end that has come, whoever has swallowed it since: Dagster does, inside a run in process."""

    came: EndedEarly | None = None


@dataclass(slots=True)
class Steps:
    """What the steps found so far, and how long each took. ``ended`` is why the rest is not run any more."""

    results: list[Result] = field(default_factory=list[Result])
    took: dict[str, timedelta] = field(default_factory=dict[str, timedelta])
    ended: str = ""
    clock: Clock = field(default_factory=Clock)

    def take(self, name: str, work: Work, on_begin: Callable[[str], None] = lambda _: None) -> None:
        """Attempt one step: its results, and one of its own for whatever ended it. Raises nothing of the step's but a
        UsageError: what was asked for is not there."""
        if self.ended:
            self.results.append(_step(name, State.UNKNOWN, f"was not executed: {self.ended}"))
            return
        began = time.monotonic()
        try:
            on_begin(name)
            self.results.extend(work())
        except (EndedEarly, KeyboardInterrupt) as end:
            self._end(name, end)
        except UsageError:
            raise
        except NotExecutedError as why:
            self.results.append(_step(name, State.UNKNOWN, f"was not executed: {why}"))
        except Exception as error:  # the outermost edge: whatever a step raises, the next ones run
            self.results.append(trouble(name, error))
        finally:
            self.took[name] = timedelta(seconds=time.monotonic() - began)
            if self.clock.came and not self.ended:
                self._end(name, self.clock.came)

    def cut(self, end: BaseException, names: Iterable[str]) -> None:
        """The end came between two of the steps ``names``: those that have not run are told, and what ended them."""
        left = [name for name in names if name not in self.took]
        if not self.ended and left:
            self._end(left[0], end)
        told = {one.check for one in self.results if one.kind is Kind.STEP and one.state is State.UNKNOWN}
        for name in left:
            if name not in told:
                self.take(name, tuple)

    def _end(self, name: str, end: BaseException) -> None:
        words = words_of(end)
        self.ended = f"{words} while in step {name}"
        if isinstance(end, EndedEarly) and end.kind is Kind.DEADLINE:
            remedy = "See in diagnostics.json which step took how long; give it more time with --deadline."
            self.results.append(Result(Kind.DEADLINE, "", "deadline", State.FAIL, self.ended, remedy=remedy))
        self.results.append(_step(name, State.UNKNOWN, f"did not end: {words}"))


def words_of(end: BaseException) -> str:
    """Why the rest is not run any more: the deadline, SIGTERM or Ctrl-C."""
    return end.words if isinstance(end, EndedEarly) else "the guard was interrupted"


def trouble(name: str, error: Exception, kind: Kind = Kind.STEP) -> Result:
    """The result of a step that raised: UNKNOWN where something could not be reached, else FAIL. A bug is logged."""
    if isinstance(error, CouldNotLookError | OSError | psycopg.OperationalError):
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return _step(name, State.UNKNOWN, f"could not look: {said}", kind)
    if isinstance(error, TelemetryError):
        return Result(kind, "", name, State.FAIL, error.message[:LONGEST], remedy=error.remedy)
    LOGGER.exception("step %s", name, exc_info=error)
    said = str(error).strip().splitlines()
    return _step(name, State.FAIL, f"raised {type(error).__name__}: {said[0] if said else ''}".rstrip(": "), kind)


@contextmanager
def within(limit: timedelta) -> Generator[Clock]:
    """Raise :class:`EndedEarly` in what runs inside once ``limit`` is over, or on SIGTERM; the clock that is yielded
    remembers the first. In the main thread; in any other there is no deadline."""
    clock = Clock()
    if threading.current_thread() is not threading.main_thread():
        yield clock
        return

    def end(words: str, kind: Kind) -> NoReturn:
        clock.came = clock.came or EndedEarly(words, kind)
        raise EndedEarly(words, kind)

    def overrun(number: int, frame: FrameType | None) -> None:
        del number, frame
        end(f"the deadline of {spoken(limit)} was exceeded", Kind.DEADLINE)

    def terminated(number: int, frame: FrameType | None) -> None:
        del number, frame
        end("the guard was ended by SIGTERM", Kind.STEP)

    handlers: Mapping[int, Callable[[int, FrameType | None], None]] = {
        signal.SIGALRM: overrun,
        signal.SIGTERM: terminated,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    # Again and again: what swallows the first one meets the next.
    signal.setitimer(signal.ITIMER_REAL, limit.total_seconds(), 2.0)
    try:
        yield clock
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def end_children(among: Collection[int] = ()) -> None:
    """End the processes that a step started and did not live to end: all of ours but ``among``."""
    left = [one for one in psutil.Process().children(recursive=True) if one.pid not in among]
    for one in left:
        with suppress(psutil.NoSuchProcess):
            one.terminate()
    for one in psutil.wait_procs(left, timeout=3)[1]:
        with suppress(psutil.NoSuchProcess):
            one.kill()


def _step(name: str, state: State, message: str, kind: Kind = Kind.STEP) -> Result:
    return Result(kind, "", name, state, message[:LONGEST])
