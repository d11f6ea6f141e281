"""A fire drill: an incident that is none, to see that every channel hears.

What belongs here: making one. What does not: when it is time, and whether it was received (``dispatch/``).
"""

from collections.abc import Sequence
from datetime import datetime

from telemetry_assets.incidents.incident import Change, Incident, Phase, Step
from telemetry_assets.incidents.routing import Routing
from telemetry_assets.incidents.telling import Course, Told
from telemetry_assets.incidents.trouble import NOBODY, Reach, Severity, Standing, Worst
from telemetry_assets.model import CauseKind

_LINE = "Nothing is wrong: this shows that alerts reach you"
_SAYS = (
    "Once a week a message goes the whole way of an alert to every channel. If it does not come, an incident says so"
    " through the others."
)


def drill(number: int, channels: Sequence[str], now: datetime) -> Change:
    """A fire drill that is told to every one of the channels. It is over as soon as it is told: nobody has to act."""
    incident = Incident(
        number=number,
        kind=CauseKind.FIRE_DRILL,
        where="drill",
        phase=Phase.RESOLVED,
        severity=Severity.WARN,
        opened_at=now,
        says=_SAYS,
        remedy="",
        root="",
        reach=Reach(),
        worst=Worst("", "", Standing(None)),
        resolved_at=now,
        resolution="a drill",
        drill=True,
    )
    course = Course(None, incident, Routing(), now)
    course.take(Step.OPENED, "Fire drill: every channel is told", _LINE, {NOBODY: Told(tuple(channels), Severity.WARN)})
    return course.done()
