"""What ``telemetry incidents run`` answers: what an evaluation changed, what is broken now, what was sent of it.

What belongs here: the values, the exit code and the JSON. What does not: evaluating and sending (``dispatch/``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry_assets.answers.condition import iso
from telemetry_assets.answers.incidents_answer import incident_json
from telemetry_assets.incidents.incident import Change, Entry
from telemetry_assets.incidents.matching import UNSEEN
from telemetry_assets.incidents.trouble import Severity, Situation
from telemetry_assets.model import ExitCode, State, exit_of, worst_exit


@dataclass(frozen=True, slots=True)
class Sent:
    """Of how many conversations what waited was accepted, is to be tried again, will never be accepted."""

    sent: int
    again: int
    dead: int


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """One evaluation: its changes, everything that is wrong now, how many promises there are and how many are broken.

    ``sent`` is None where nothing was to be sent.
    """

    now: datetime
    changes: tuple[Change, ...]
    situations: tuple[Situation, ...]
    owed: int
    broken: int
    sent: Sent | None = None

    @property
    def entries(self) -> Sequence[Entry]:
        """The transitions, in the order of the incidents."""
        return [entry for change in self.changes for entry in change.entries]

    @property
    def awaited(self) -> int:
        """How many of the broken promises are of what never came and is no trouble yet: it has time to."""
        return max(0, self.broken - sum(one.broken for one in self.situations))

    @property
    def exit_code(self) -> ExitCode:
        """What is broken by the one table. A warning is 0; a silence mends nothing."""
        never = [ExitCode.MISSING] if self.awaited else []
        return worst_exit([*never, *(situation_exit(one) for one in self.situations)])

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines."""
        return {
            "checked_at": iso(self.now),
            "exit_code": int(self.exit_code),
            "promises": self.owed,
            "broken": self.broken,
            "awaited": self.awaited,
            "transitions": [
                {
                    "incident": one.incident,
                    "step": str(one.step),
                    "at": iso(one.at),
                    "words": one.words,
                    "channels": list(one.channels),
                }
                for one in self.entries
            ],
            "incidents": [incident_json(change.after) for change in self.changes],
            "situations": [
                {"kind": str(one.kind), "where": one.where, "severity": str(one.severity), "says": one.says}
                for one in self.situations
            ],
            "sent": {"sent": self.sent.sent, "again": self.sent.again, "dead": self.sent.dead} if self.sent else None,
        }


def situation_exit(situation: Situation) -> ExitCode:
    """4 where nobody could look, 2 and 3 for a broken promise, 1 for another error, 0 for a warning."""
    if situation.kind in UNSEEN:
        return ExitCode.COULD_NOT_LOOK
    state = situation.worst.standing.state
    if state is not None and state.broken:
        return exit_of(State(state))
    return ExitCode.FAILING if situation.severity is Severity.ERROR else ExitCode.OK
