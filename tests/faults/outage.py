"""A sink that is down for hours while causes come and go, and a thousand messages that wait for a fast one.

The hours pass on the clock that is handed in. What belongs here: those scenes and their figures. What does not: faults
with kills (``campaign.py``).
"""

import random
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from telemetry_assets.incidents.trouble import Severity
from tests.faults.faults_of_sinks import Fault
from tests.faults.ledger_of_truth import Verdict, judge, read_books
from tests.faults.script import START, Course, standings
from tests.faults.stage import Database, Stage, channel_of
from tests.faults.worker import Answer, Drain, Evaluate, Worker

EVERY = timedelta(minutes=10)
CAUSES = 30
PACE = 20.0
"""Messages a second that the channel takes once it is back; a channel's own default."""


@dataclass(frozen=True, slots=True)
class Outage:
    """``steps`` were taken meanwhile, of which ``messages`` told once it was back, within ``seconds``."""

    hours: int
    steps: int
    messages: int
    attempts: int
    seconds: float
    most_per_second: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Backlog:
    """``messages`` waited; how long they took, and by how many bytes the process that sent them grew at the
    most, beside one that sent a hundred."""

    messages: int
    seconds: float
    grown: int
    grown_by_hundred: int
    verdict: Verdict

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


def down(stage: Stage, hours: int, seed: int = 1) -> Outage:
    """The sink refuses every connection for so long; then it is back."""
    channel = channel_of(Fault.REFUSED)
    rounds = max(int(timedelta(hours=hours) / EVERY), 6)
    every = timedelta(hours=hours) / rounds
    chance = random.Random(seed)
    them = [Course(f"{channel}-{number}", channel, _comes_and_goes(chance, rounds)) for number in range(CAUSES)]
    stage.record.clear()
    with stage.database() as database:
        worker = Worker(database.url, stage.config, stage.environment)
        try:
            stage.sinks[channel].set(Fault.REFUSED)
            for number in range(rounds):
                at = START + number * every
                troubles = [trouble for course in them if (trouble := course.trouble(number))]
                _fine(worker.ask(Evaluate(at, troubles, standings(them, number))))
                _fine(worker.ask(Drain(at, 0.01)))
            stage.heal()
            back = START + rounds * every
            seconds = 0.0
            for look in range(10):
                if not database.pending():
                    break
                seconds += _fine(worker.ask(Drain(back + look * timedelta(minutes=6), 30, rate=PACE))).took
        finally:
            worker.close()
        verdict = _verdict(stage, database)
    instants = [heard.at for heard in stage.record.heard]
    most = max(sum(1 for other in instants if at <= other < at + 1) for at in instants)
    return Outage(hours, verdict.transitions, len(instants), verdict.attempts, seconds, most, verdict)


def backlog(stage: Stage, messages: int = 1000) -> Backlog:
    """So many incidents wait for a sink that takes a thousand a second; a hundred went before, to be compared with."""
    stage.record.clear()
    channel = channel_of(Fault.NONE)
    with stage.database() as database:
        grown, seconds = [], 0.0
        for first, count in ((0, 100), (100, messages)):
            them = [Course(f"{channel}-{number}", channel, (Severity.ERROR,)) for number in range(first + count)]
            at = START + timedelta(minutes=first)
            writer = Worker(database.url, stage.config, stage.environment)
            _fine(writer.ask(Evaluate(at, [trouble for course in them if (trouble := course.trouble(0))], {})))
            writer.close()
            worker = Worker(database.url, stage.config, stage.environment)
            answer = _fine(worker.ask(Drain(at, 60)))
            worker.close()
            grown.append(answer.memory)
            seconds = answer.took
        verdict = _verdict(stage, database)
    return Backlog(messages, seconds, grown[1], grown[0], verdict)


def _comes_and_goes(chance: random.Random, rounds: int) -> tuple[Severity | None, ...]:
    """Well or ill for a while, and again."""
    course: list[Severity | None] = []
    while len(course) < rounds:
        ill = chance.choice((None, Severity.WARN, Severity.ERROR))
        course += [ill] * chance.randint(1, max(rounds // 4, 2))
    return tuple(course[:rounds])


def _fine(answer: Answer) -> Answer:
    assert not answer.error, answer.error
    return answer


def _verdict(stage: Stage, database: Database) -> Verdict:
    with psycopg.connect(database.url, autocommit=True) as conn:
        return judge(read_books(conn), stage.record.heard, recipients=stage.recipients)
