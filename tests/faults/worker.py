"""A process that evaluates and drains on command, with the product's own parts, until somebody kills it.

It is forked from a server that has imported everything, so a new one costs some milliseconds. What belongs here: the
commands, and calling the product. What does not: deciding what to command (``campaign.py``).
"""

import asyncio
import itertools
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from telemetry_assets.channels.opening import open_channel
from telemetry_assets.dispatch.changing import changing_incidents, retried
from telemetry_assets.dispatch.drain import drain
from telemetry_assets.dispatch.routing import routing_of
from telemetry_assets.errors import TelemetryError
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.matching import REOPENS_WITHIN
from telemetry_assets.incidents.reconcile import reconcile
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import Standing, Subject, Trouble
from telemetry_assets.ledger import incidents, installation, outbox
from telemetry_assets.ledger.connection import connect
from telemetry_assets.settings import Settings, load

FORKING = multiprocessing.get_context("forkserver")
PRELOADED = [
    "tests.faults.worker",
    "telemetry_assets.channels.opening",
    "telemetry_assets.channels.slack",
    "telemetry_assets.channels.mail",
    "telemetry_assets.channels.smtp",
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
    """Send what is due at ``now`` for at most ``seconds``, each attempt in ``timeout``, ``rate`` messages a second
    (None: as declared); ``steps`` are added to the clock in turn, each time somebody looks at it."""

    now: datetime
    seconds: float
    timeout: timedelta = timedelta(seconds=5)
    rate: float | None = None
    steps: Sequence[timedelta] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class MarkFirst:
    """Sabotage: what is due is marked as sent, and then sent. The judge must see through it."""

    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command went: ``error`` in words where it failed, by how many bytes the process grew at the most (0 where
    nobody can say), and what the product had to say on its way."""

    error: str = ""
    sent: int = 0
    took: float = 0.0
    memory: int = 0
    said: tuple[str, ...] = ()


type Command = Evaluate | Drain | MarkFirst


class Worker:
    """One such process. ``ask`` waits for its answer, and raises EOFError where it died."""

    def __init__(self, dsn: str, config: Path, environment: Mapping[str, str]) -> None:
        FORKING.set_forkserver_preload(PRELOADED)
        self._pipe, theirs = FORKING.Pipe()
        self._process = FORKING.Process(target=_serve, args=(theirs, dsn, config, dict(environment)), daemon=True)
        with _nothing_to_import_again():
            self._process.start()
        theirs.close()

    def send(self, command: Command) -> None:
        """Command, without waiting."""
        self._pipe.send(command)

    def answer(self, within: float = 120) -> Answer:
        """What it answers. Raises EOFError where it died, AssertionError where it hangs."""
        assert self._pipe.poll(within), "the worker hangs"
        try:
            return self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            assert self._process.exitcode == -signal.SIGKILL, "the worker died by itself"
            raise EOFError from None

    def ask(self, command: Command) -> Answer:
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


@contextmanager
def _nothing_to_import_again() -> Generator[None]:
    """A new process would import anew whatever was started here (pytest, the report), which takes most of a second."""
    started = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = started


def _serve(pipe: Connection, dsn: str, config: Path, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    work: dict[type, Callable[[str, Path, Any], tuple[int, tuple[str, ...]]]] = {
        Evaluate: _evaluate,
        Drain: _drain,
        MarkFirst: _mark_first,
    }
    while True:
        try:
            command = pipe.recv()
        except EOFError:
            return
        before = _resident()
        began, error, sent, said = time.perf_counter(), "", 0, ()
        try:
            sent, said = work[type(command)](dsn, config, command)
        except TelemetryError as failed:
            error = f"{type(failed).__name__}: {failed}"
        pipe.send(Answer(error, sent, time.perf_counter() - began, _peak() - before, said))


def _resident() -> int:
    """Bytes in use now, from where the peak is counted anew (Linux): a fork begins with the peak of its parent."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


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
    drained = drain(_settings(config, command), dsn=dsn, seconds=command.seconds, clock=clock, say=said.append)
    return drained.sent, tuple(said)


def _mark_first(dsn: str, config: Path, command: MarkFirst) -> tuple[int, tuple[str, ...]]:
    settings = load(config)
    with connect(dsn) as conn:
        rates = dict.fromkeys(settings.channels, 1000.0)
        who = installation.read(conn)
        claims = outbox.claim(conn, rates, command.now, limit=16, lease_for=timedelta(minutes=1))
        for claim in claims:
            assert outbox.sent(conn, claim, Receipt(Outcome.ACCEPTED), command.now)
    for claim in claims:
        channel = open_channel(settings.channels[claim.channel], settings.home)
        message = claim.messages[-1]
        asyncio.run(channel.send(message, {}, event_id=f"{who}.{message.key}", attempt=1, accepted=()))
    return len(claims), ()


def _settings(config: Path, command: Drain) -> Settings:
    """What is declared, with another time-out (telemetry.yaml counts in whole seconds) and pace."""
    settings = load(config)
    changed = {
        name: replace(one, timeout=command.timeout, rate=command.rate or one.rate)
        for name, one in settings.channels.items()
    }
    return replace(settings, channels=changed)
