"""The fault campaign: every fault of a sink under every disturbance of the sender, transition by transition.

One episode is one disturbance, with all faults side by side, a channel for each: channels never wait for each other,
so one process meets them all. What belongs here: episodes, and the sender that is disturbed. What does not: the sinks
and the server (``stage.py``), the named points (``kill_points.py``), the judgement (``ledger_of_truth.py``).
"""

import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import psycopg

from tests.faults.disk import Disk, small_disk
from tests.faults.disturbance import Disturbance
from tests.faults.kill_points import EVALUATED, MARKED, Gate, Point
from tests.faults.ledger_of_truth import Told, Verdict, judge, read_books, steps_of, told_of
from tests.faults.script import ROUND, START, Course, courses, standings
from tests.faults.stage import CHANNELS, SECRETS, Database, Stage
from tests.faults.worker import Answer, Drain, Evaluate, Worker

_COMMIT = {Disturbance.KILL_BEFORE_COMMIT: Point.BEFORE_COMMIT, Disturbance.KILL_AFTER_COMMIT: Point.AFTER_COMMIT}
_HURTING = {Disturbance.RESTART, Disturbance.CUT, Disturbance.DISK_FULL}
"""What keeps a receipt from being written down though the sender lives."""
_STEPS = {
    Disturbance.CLOCK_BACK: (timedelta(0), timedelta(hours=-3), timedelta(hours=-7)),
    Disturbance.CLOCK_FORWARD: (timedelta(0), timedelta(hours=3), timedelta(hours=96)),
}
LONGEST_RETRY = timedelta(minutes=5, seconds=1)
SHORT, LONG = timedelta(milliseconds=200), timedelta(seconds=5)
"""The time-out of an attempt: while sinks are silent, and when they are not (so that a busy machine is no fault)."""
LOOKS = 60
"""How often the clock goes on by the longest pause before we call it lost."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it: causes per fault and disturbance, rounds (each is a step of each cause), and whether each channel
    is struck in every drain, or once while it fails and once when it works."""

    causes: int
    rounds: int
    every_drain: bool = True


SAMPLE = Size(2, 3, every_drain=False)
FULL = Size(9, 6)
"""9 causes, 6 steps each, 16 channels, 12 disturbances: 10,368 transitions."""


@dataclass(slots=True)
class Episode:
    """How one disturbance went. ``strikes``: how often it struck while that channel was being told."""

    disturbance: Disturbance
    verdict: Verdict = field(default_factory=Verdict)
    strikes: Counter[str] = field(default_factory=Counter[str])
    errors: list[str] = field(default_factory=list[str])
    seconds: float = 0.0


def episode(stage: Stage, disturbance: Disturbance, size: Size, seed: int = 1) -> Episode:
    """Live through it, and judge."""
    began = time.monotonic()
    stage.record.clear()
    them = courses(CHANNELS, size.causes, size.rounds, seed)
    with ExitStack() as stack:
        database = stack.enter_context(stage.database())
        gate = stack.enter_context(Gate(stage.server.socket))
        disk = stack.enter_context(small_disk(database)) if disturbance is Disturbance.DISK_FULL else None
        if disturbance is Disturbance.SERIALIZATION:
            database.collide()
        sender = Sender(stage, database, gate, disturbance, disk, size)
        try:
            for number in range(size.rounds):
                stage.fail()
                sender.evaluate(them, number)
                sender.drain_for_a_while()
                if number % 2 or number == size.rounds - 1:
                    stage.heal()
                    sender.drain_all()
        finally:
            sender.close()
        with psycopg.connect(database.url, autocommit=True) as conn:
            books = read_books(conn)
        secrets = tuple(SECRETS.values())
        verdict = judge(books, stage.record.heard, secrets=secrets, said=sender.said, recipients=stage.recipients)
        verdict.unexpected += _unexpected(them, steps_of(books), disturbance)
        verdict.unexpected += [line for line in sender.said if "Traceback" in line]
    return Episode(disturbance, verdict, sender.strikes, sender.errors, time.monotonic() - began)


def _unexpected(them: Sequence[Course], taken: dict[str, list[str]], disturbance: Disturbance) -> list[str]:
    """Steps that were not taken, or taken twice. With a clock that jumps, what is back may be opened anew."""

    def plain(steps: list[str]) -> list[str]:
        again = disturbance in _STEPS
        return [("opened" if again and step == "reopened" else step) for step in steps]

    return [
        f"{course.place}: {taken.get(course.place, [])} instead of {course.steps()}"
        for course in them
        if plain(taken.get(course.place, [])) != plain(course.steps())
    ]


class Sender:
    """The process (or two) that evaluates and drains, and is disturbed at it; when it dies there is a new one."""

    def __init__(
        self, stage: Stage, database: Database, gate: Gate, disturbance: Disturbance, disk: Disk | None, size: Size
    ) -> None:
        self._stage, self._database, self._gate, self._disturbance = stage, database, gate, disturbance
        self._disk, self._every_drain = disk, size.every_drain
        self._dsn = gate.dsn(database.name) if disturbance.value.startswith("kill") else database.url
        self._crew = [self._worker() for _ in range(2 if disturbance is Disturbance.TWO else 1)]
        self._now = START
        self._targets: set[str] = set()
        self._struck: dict[bool, set[str]] = {False: set(), True: set()}
        self._healed = False
        self._drains = 0
        self._told: list[Told] = []
        self._installation = database.installation()
        self._lock, self._restart = threading.Lock(), threading.Event()
        self.strikes: Counter[str] = Counter()
        self.errors: list[str] = []
        self.said: list[str] = []
        stage.record.strike = self._strike

    def evaluate(self, them: Sequence[Course], number: int) -> None:
        """Write what that round changes; where it is disturbed, again until it is written."""
        at = START + number * ROUND + _STEPS.get(self._disturbance, (timedelta(0),))[-1] * (number % 2)
        troubles = [trouble for course in them if (trouble := course.trouble(number))]
        command = Evaluate(at, troubles, standings(them, number))
        point = _COMMIT.get(self._disturbance)
        trap = self._gate.arm(point, EVALUATED, self._kill) if point else None
        with self._hurt(evaluating=True):
            answers = self._ask(command)
        if trap:
            assert trap.sprung.is_set(), "nobody was killed"
            self.strikes.update(list(CHANNELS))
        if not any(answer and not answer.error for answer in answers):
            (again, *_) = self._ask(command)
            assert again
            assert not again.error, again.error

    def drain_for_a_while(self) -> None:
        """Three looks while the sinks fail."""
        self._aim(healed=False)
        for pause in (2, 5, 11):
            with self._hurt():
                self._drain(seconds=0.05, timeout=SHORT)
            self._now += timedelta(seconds=pause)

    def drain_all(self) -> None:
        """Until nothing waits; each look is as late as the longest pause between two tries."""
        self._aim(healed=True)
        for _ in range(LOOKS):
            with self._hurt():
                self._drain(seconds=0.5, timeout=LONG)
            if not self._database.pending():
                return
            self._now += LONGEST_RETRY

    def close(self) -> None:
        """End every process."""
        self._stage.record.strike = lambda channel, accepted: False
        for worker in self._crew:
            worker.close()

    def _worker(self) -> Worker:
        return Worker(self._dsn, self._stage.config, self._stage.environment)

    def _drain(self, seconds: float, timeout: timedelta) -> None:
        """One look of every process, again as often as they are killed at it."""
        steps = _STEPS.get(self._disturbance, ())
        command = Drain(self._now, seconds, timeout, steps=steps, environment=dict(self._stage.environment))
        while not all(self._ask(command)):
            pass

    def _ask(self, command: Evaluate | Drain) -> list[Answer | None]:
        """What each process answers; None for one that was killed, in whose place there is a new one."""
        for worker in self._crew:
            worker.send(command)
        answers: list[Answer | None] = []
        for place, worker in enumerate(self._crew):
            try:
                answer = worker.answer()
            except EOFError:
                answers.append(None)
                worker.close()
                self._unmark()
                self._database.forget_leases()
                self._crew[place] = self._worker()
                continue
            answers.append(answer)
            self.said += [answer.error, *answer.said]
            self.errors += [answer.error] if answer.error else []
        return answers

    def _unmark(self) -> None:
        """A process died: of what it sent and has no receipt for, it could not know that it was accepted."""
        receipts = self._database.receipts()
        heard = self._stage.record.heard
        self._told += [told_of(one, self._installation) for one in heard[len(self._told) :]]
        for told in self._told:
            told.heard.unmarked |= (told.incident, told.seq, told.heard.channel) not in receipts

    @contextmanager
    def _hurt(self, *, evaluating: bool = False) -> Generator[None]:
        """The database is hurt meanwhile, or traps are laid."""
        self._stage.record.hurt = self._disturbance in _HURTING
        with ExitStack() as stack:
            if self._disk:
                stack.enter_context(self._disk.full() if evaluating else self._disk.no_room_for_receipts())
            if self._disturbance is Disturbance.RESTART:
                stack.enter_context(self._restarting(at_once=evaluating))
            if not evaluating:
                self._lay_traps()
            yield
        self._gate.disarm()
        self._stage.record.hurt = False
        if self._disturbance in _HURTING:
            self._database.forget_leases()

    def _lay_traps(self) -> None:
        """Kill at the mark of each channel: when it is written, or in every other drain just before."""
        self._drains += 1
        if self._disturbance is Disturbance.KILL_AFTER_MARK:
            point = Point.AFTER_COMMIT
        elif self._disturbance is Disturbance.KILL_AFTER_SEND and self._drains % 2 == 0:
            point = Point.BEFORE_COMMIT
        else:
            return
        for channel in sorted(self._targets):
            self._gate.arm(point, (*MARKED, channel), partial(self._kill_at, channel))

    def _aim(self, *, healed: bool) -> None:
        """Whom to strike in the drains to come."""
        with self._lock:
            self._healed = healed
            self._targets = set(CHANNELS) - (set() if self._every_drain else self._struck[healed])

    def _hit(self, channel: str) -> None:
        self._targets.discard(channel)
        self._struck[self._healed].add(channel)
        self.strikes[channel] += 1

    def _strike(self, channel: str, accepted: bool) -> bool:
        """Called by a sink that has decided and not yet answered. True: the sender is dead."""
        with self._lock:
            if channel not in self._targets:
                return False
            if self._disturbance is Disturbance.KILL_AFTER_SEND and self._drains % 2:
                self._kill_at(channel)
                return True
            if self._disturbance is Disturbance.CUT:
                self._hit(channel)
                self._database.cut()
            if self._disturbance is Disturbance.RESTART and not self._restart.is_set():
                self.strikes.update(list(CHANNELS))
                self._restart.set()
        return False

    def _kill_at(self, channel: str) -> None:
        self._hit(channel)
        self._kill()

    def _kill(self) -> None:
        self._crew[0].kill()

    @contextmanager
    def _restarting(self, *, at_once: bool) -> Generator[None]:
        """A restart of the server when the first sink has a message in its hands, or now."""
        self._restart.clear()
        ended = threading.Event()

        def wait() -> None:
            while not ended.is_set():
                if at_once or self._restart.wait(0.05):
                    self._stage.server.restart()
                    return

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
