"""Nobody acts on an ERROR: its owners are reminded, and after a while somebody else is told.

What belongs here: reminders, escalations. What does not: any other step (``life.py``).
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from telemetry_assets.incidents.headline import duration, headline
from telemetry_assets.incidents.incident import Phase, Step
from telemetry_assets.incidents.routing import REMIND_AFTER, Escalation, Routing, channels_of
from telemetry_assets.incidents.telling import Course, Told, unreached
from telemetry_assets.incidents.trouble import NOBODY, Severity
from telemetry_assets.spoken import named, spoken


def prod(course: Course, owners: Collection[str]) -> None:
    """Remind and escalate as far as it is time; ``owners`` are those with something unmuted still."""
    if course.incident.phase is Phase.OPEN:
        _remind(course, owners)
        while due := _to_escalate(course, owners):
            _escalate(course, due)


def _remind(course: Course, owners: Collection[str]) -> None:
    due = {
        owner: Told(channels, Severity.ERROR)
        for owner in _concerned(course, owners)
        if _is_long_ago(course, owner) and (channels := channels_of(owner, Severity.ERROR, course.routing))
    }
    if not due:
        return
    lasted = spoken(duration(course.incident, course.now))
    names = named(_names(due))
    course.take(
        Step.REMINDED,
        f"nobody has acknowledged it in {lasted}{f': {names} reminded' if names else ''}",
        f"Still open after {lasted}: {headline(course.incident)}",
        due,
    )


def _is_long_ago(course: Course, owner: str) -> bool:
    """True where the owner was last told anything so long ago; what was told at this very instant never is."""
    route = course.routing.routes.get(owner)
    last = course.incident.told[owner].last_at
    return last < course.now and course.now - last >= (route.remind if route else REMIND_AFTER)


def _to_escalate(course: Course, owners: Collection[str]) -> dict[str, Escalation]:
    """Owner → whom to tell now, of those whose time is over."""
    due: dict[str, Escalation] = {}
    for owner in _concerned(course, owners):
        telling, way = course.incident.told[owner], _way(owner, course.routing)
        if way and not telling.escalated and telling.error_at and course.now - telling.error_at >= way.after:
            due[owner] = way
    return due


def _escalate(course: Course, due: dict[str, Escalation]) -> None:
    """Whom several escalate to is told once; who was told for that reason before is not told again."""
    already = {_to(owner, course.routing) for owner, told in course.incident.told.items() if told.escalated}
    silent: defaultdict[str, list[str]] = defaultdict(list)
    for owner, way in due.items():
        if way.to not in already and way.to != owner:
            silent[way.to].append(owner)
    told = dict(course.incident.told) | {owner: replace(course.incident.told[owner], escalated=True) for owner in due}
    course.incident = replace(course.incident, told=told)
    if silent:
        to = {owner: Told(channels_of(owner, Severity.ERROR, course.routing), Severity.ERROR) for owner in silent}
        waited = spoken(min(way.after for way in due.values()))
        names = named(sorted({owner for owners in silent.values() for owner in owners}))
        course.take(
            Step.ESCALATED,
            f"{names} did not acknowledge it within {waited}: {named(sorted(silent))} told{unreached(to)}",
            f"Not acknowledged by {names} within {waited}: {headline(course.incident)}",
            to,
        )


def _concerned(course: Course, owners: Collection[str]) -> list[str]:
    """Who was told at ERROR of something that is unmuted still, and whoever was told in their place; sorted."""
    incident = course.incident
    found = [owner for owner, telling in incident.told.items() if owner in owners and telling.error_at]
    for owner in found:
        to = _to(owner, course.routing) if incident.told[owner].escalated else None
        if to is not None and to in incident.told and to not in found:
            found.append(to)
    return sorted(found)


def _way(owner: str, routing: Routing) -> Escalation | None:
    return routing.routes[owner].escalate if owner in routing.routes else None


def _to(owner: str, routing: Routing) -> str | None:
    way = _way(owner, routing)
    return way.to if way else None


def _names(owners: Collection[str]) -> list[str]:
    return sorted(owner for owner in owners if owner != NOBODY)
