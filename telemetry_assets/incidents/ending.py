"""The end of an incident: on what evidence, and in which words.

What belongs here: what has become of the worst subject, the step ``resolved``. What does not: whether it is over
(``matching.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from telemetry_assets.incidents.headline import (
    cause_text,
    duration,
    promised_text,
    standing_text,
    subject_text,
)
from telemetry_assets.incidents.incident import Change, Incident, Phase, Step
from telemetry_assets.incidents.reach import of_assets, overlap
from telemetry_assets.incidents.routing import Routing
from telemetry_assets.incidents.telling import Course, owners_told
from telemetry_assets.incidents.trouble import Situation, Standing, Subject
from telemetry_assets.model import State
from telemetry_assets.spoken import counted, named, spoken

_OVER = "it is over"


def resolved(
    incident: Incident,
    situations: Sequence[Situation],
    standing: Mapping[Subject, Standing],
    routing: Routing,
    now: datetime,
) -> Change:
    """The end of an incident without a situation. ``situations`` are all there are, ``standing`` is as now."""
    after = standing.get((incident.worst.asset, incident.worst.tenant))
    words = "; ".join(filter(None, (_evidence(incident, after), _left(incident, situations))))
    ended = replace(incident, phase=Phase.RESOLVED, resolved_at=now, resolution=words)
    course = Course(incident, ended, routing, now)
    cause = incident.known_as or cause_text(incident.kind, incident.where)
    lasted = spoken(duration(ended, now))
    facts = [("Now", text)] if after and after.state and (text := standing_text(after)) else []
    course.take(
        Step.RESOLVED,
        f"resolved after {lasted}: {words}",
        f"{cause}; over after {lasted}{'' if words == _OVER else f': {words}'}",
        owners_told(incident, routing),
        extra=facts,
    )
    return course.done()


def _evidence(incident: Incident, after: Standing | None) -> str:
    """How the worst subject stands now, and how it stood."""
    before, subject = incident.worst.standing, subject_text(incident.worst)
    if before.state is None:
        return _OVER
    if after is None or after.state is None:
        return f"{'none of it' if len(incident.reach) > 1 else subject} is promised any more"
    never = before.state is State.MISSING
    was = "had never been seen" if never else f"was {spoken(before.data_age)}" if before.data_age else ""
    beside = ", ".join(filter(None, (was, promised_text(after.limit or before.limit))))
    age = f"{spoken(after.data_age)} old" if after.data_age is not None else after.state.word
    if after.state is State.PASS:
        return f"{subject} is {age}{'' if never else ' again'}{f' ({beside})' if beside else ''}"
    return f"{subject} is {after.state.word} still, {age}{f' ({beside})' if beside else ''}"


def _left(incident: Incident, situations: Iterable[Situation]) -> str:
    """What of it is in trouble still, for another cause: it is told with that one, and must not look well."""
    reach = of_assets(incident.reach)
    others = {cause_text(one.kind, one.where): common for one in situations if (common := overlap(reach, one.reach))}
    if not others:
        return ""
    left = sum(others.values())
    be = "is" if left == 1 else "are"
    return f"{counted(left, 'promise')} of it {be} still in trouble for another cause: {named(sorted(others))}"
