"""What goes wrong in the campaign, round by round, and which steps that must make: drawn from a seed.

What belongs here: troubles as functions of (identity, round), and the steps they ask for by docs/incidents.md.
What does not: reconciling them (the product does), faults.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telemetry_assets.incidents.trouble import Severity, Standing, Subject, Trouble
from telemetry_assets.model import CauseKind, State

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROUND = timedelta(minutes=1)
TENANT = "acme"


@dataclass(frozen=True, slots=True)
class Course:
    """One cause: whom it concerns (a channel's name is its owner's too) and its severity in each round, None: well."""

    place: str
    channel: str
    severities: tuple[Severity | None, ...]

    @property
    def asset(self) -> str:
        """The asset it hits; every course has its own."""
        return f"marts/{self.place}"

    def trouble(self, number: int) -> Trouble | None:
        """What is wrong in that round."""
        severity = self.severities[number]
        if severity is None:
            return None
        state = State.FAIL if severity is Severity.ERROR else State.WARN
        return Trouble(
            CauseKind.SYNC_FAILED,
            self.place,
            severity,
            self.asset,
            TENANT,
            f"The sync of {self.place} failed.",
            "Look at its log.",
            root=self.place,
            owner=self.channel,
            standing=Standing(state, timedelta(minutes=70 + number), limit="60 min"),
        )

    def steps(self) -> list[str]:
        """The steps its life must take, one per change that says something."""
        taken: list[str] = []
        before: Severity | None = None
        for severity in self.severities:
            if before is None and severity:
                taken.append("reopened" if taken else "opened")
            elif before is Severity.WARN and severity is Severity.ERROR:
                taken.append("raised")
            elif before and severity is None:
                taken.append("resolved")
            before = severity
        return taken


def courses(channels: Iterable[str], each: int, rounds: int, seed: int) -> list[Course]:
    """``each`` causes per channel, every one of which takes a step in every round."""
    chance = random.Random(seed)
    return [
        Course(f"{channel}-{number}", channel, _severities(chance, rounds))
        for channel in channels
        for number in range(each)
    ]


def standings(them: Iterable[Course], number: int) -> Mapping[Subject, Standing]:
    """How everything stands in that round."""
    return {
        (course.asset, TENANT): trouble.standing
        if (trouble := course.trouble(number))
        else Standing(State.PASS, timedelta(minutes=1), limit="60 min")
        for course in them
    }


def _severities(chance: random.Random, rounds: int) -> tuple[Severity | None, ...]:
    course: list[Severity | None] = []
    now: Severity | None = None
    for _ in range(rounds):
        match now:
            case None:
                now = chance.choice((Severity.WARN, Severity.ERROR))
            case Severity.WARN:
                now = chance.choice((Severity.ERROR, None))
            case Severity.ERROR:
                now = None
        course.append(now)
    return tuple(course)
