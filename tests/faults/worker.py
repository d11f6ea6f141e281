"""A process that evaluates and drains on command, with the product's own parts, until somebody kills it.

It is forked from a server that has imported everything, so a new one costs some milliseconds. What belongs here: the
commands, and calling the product. What does not: deciding what to command (``campaign.py``).
"""

import itertools
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from telemetry_assets.incidents.reconcile import reconcile

from telemetry_assets.dispatch.changing import changing_incidents, retried
from telemetry_assets.dispatch.drain import drain
from telemetry_assets.dispatch.evaluate import REOPENS_WITHIN
from telemetry_assets.dispatch.routing import routing_of
from telemetry_assets.errors import TelemetryError
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import Standing, Subject, Trouble
from telemetry_assets.ledger import incidents
from telemetry_assets.ledger.connection import connect
from telemetry_assets.settings import load

FORKING = multiprocessing.get_context("forkserver")
PRELOADED = [
    "tests.faults.worker",
    "telemetry_assets.channels.opening",
    "telemetry_assets.channels.slack",
    "telemetry_assets.channels.email",
    "telemetry_assets.channels.webhook",
    "aiohttp",
    "slack_sdk.web.async_client",
    "aiosmtplib",
]


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Reconcile what is wrong at ``now`` with what is known, and write it."""

    now: datetime
    troubles: Sequence[Trouble]
    standing: Mapping[Subject, Standing]


@dataclass(frozen=True, slots=True)
class Drain:
    """Send what is due at ``now`` for at most ``seconds``; ``steps`` are added to the clock in turn, at each look."""

    now: datetime
    seconds: float
    steps: Sequence[timedelta] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command went: ``error`` in words where it failed, the peak memory of the process in bytes so far, and what
    the product had to say on its way."""

    error: str = ""
    sent: int = 0
    took: float = 0.0
    memory: int = 0
    said: tuple[str, ...] = ()


class Worker:
    """One such process. ``ask`` waits for its answer, and raises EOFError where it died."""

    def __init__(self, dsn: str, config: Path, environment: Mapping[str, str]) -> None:
        FORKING.set_forkserver_preload(PRELOADED)
        self._pipe, theirs = FORKING.Pipe()
        self._process = FORKING.Process(target=_serve, args=(theirs, dsn, config, dict(environment)), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, command: Evaluate | Drain) -> None:
        """Command, without waiting."""
        self._pipe.send(command)

    def answer(self, within: float = 120) -> Answer:
        """What it answers. Raises EOFError where it died, AssertionError where it hangs."""
        assert self._pipe.poll(within), "the worker hangs"
        try:
            return self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise EOFError from None

    def ask(self, command: Evaluate | Drain) -> Answer:
        """Command and wait."""
        self.send(command)
        return self.answer()

    def kill(self) -> None:
        """kill -9, now."""
        if self._process.pid and self._process.exitcode is None:
            os.kill(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it and wait for it."""
        self.kill()
        self._process.join()
        self._pipe.close()


def _serve(pipe: Connection, dsn: str, config: Path, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    work: dict[type, Callable[[str, Path, Any], tuple[int, tuple[str, ...]]]] = {Evaluate: _evaluate, Drain: _drain}
    while True:
        try:
            command = pipe.recv()
        except EOFError:
            return
        began, error, sent, said = time.perf_counter(), "", 0, ()
        try:
            sent, said = work[type(command)](dsn, config, command)
        except TelemetryError as failed:
            error = f"{type(failed).__name__}: {failed}"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        pipe.send(Answer(error, sent, time.perf_counter() - began, memory, said))


def _evaluate(dsn: str, config: Path, command: Evaluate) -> tuple[int, tuple[str, ...]]:
    settings = load(config)
    with connect(dsn) as conn:

        def once() -> int:
            with changing_incidents(conn):
                known = incidents.unresolved(conn, command.now - REOPENS_WITHIN)
                situations = situations_of(command.troubles, {})
                number = incidents.next_number(conn)
                changes = reconcile(known, situations, command.standing, routing_of(settings), command.now, number)
                incidents.apply(conn, changes)
                return len(changes)

        return retried(once), ()


def _drain(dsn: str, config: Path, command: Drain) -> tuple[int, tuple[str, ...]]:
    os.environ.update(command.environment)
    began = time.monotonic()
    steps = itertools.cycle(command.steps or (timedelta(0),))

    def clock() -> datetime:
        return command.now + timedelta(seconds=time.monotonic() - began) + next(steps)

    said: list[str] = []
    drained = drain(load(config), dsn=dsn, seconds=command.seconds, clock=clock, say=said.append)
    return drained.sent, tuple(said)
