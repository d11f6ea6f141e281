"""The life of one incident: which steps it takes, given what it looks like now.

What belongs here: opened, joined, raised, moved, spread, grew, acknowledged, reopened. What does not: which situation
is its own (``matching.py``), reminders and escalations (``prodding.py``), its end (``ending.py``), messages that died
(``undelivered.py``).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from telemetry_assets.errors import UsageError
from telemetry_assets.incidents.headline import NAME_LENGTH, cause_text, headline
from telemetry_assets.incidents.incident import Change, Incident, Phase, Step, Telling
from telemetry_assets.incidents.matching import REOPENS_WITHIN, Match, severity_of
from telemetry_assets.incidents.prodding import prod
from telemetry_assets.incidents.routing import Routing
from telemetry_assets.incidents.situation import with_tails
from telemetry_assets.incidents.telling import Course, Told, owners_of, owners_told, unreached
from telemetry_assets.incidents.texts import one_line
from telemetry_assets.incidents.trouble import NOBODY, Reach, Severity, Situation
from telemetry_assets.model import ANY_TENANT, CauseKind
from telemetry_assets.spoken import counted, named, spoken

SPREADS_AFTER = timedelta(minutes=10)
"""How long after the last news of an incident it is told that it hits further tenants."""
_MUTED = "; nobody is told: all of it is under a silence"


def opened(situation: Situation, number: int, routing: Routing, now: datetime) -> Change:
    """A new incident, and whoever is told of it."""
    incident = Incident(
        number=number,
        kind=situation.kind,
        where=situation.where,
        phase=Phase.OPEN,
        severity=severity_of(situation),
        opened_at=now,
        says=situation.says,
        remedy=situation.remedy,
        root=situation.root,
        reach=situation.reach,
        worst=situation.worst,
    )
    course = Course(
        None, _shown(incident, situation, situation.reach), routing, now, _count(situation), situation.concerned
    )
    _open(course, situation)
    prod(course, situation.shares)
    return course.done()


def reopened(incident: Incident, situation: Situation, routing: Routing, now: datetime) -> Change:
    """The same again soon after its end: who was told of it is told, and who has something unmuted."""
    assert incident.resolved_at is not None
    cleared = replace(
        incident,
        phase=Phase.OPEN,
        severity=severity_of(situation),
        acknowledged_at=None,
        acknowledged_by="",
        resolved_at=None,
        resolution="",
        reopened=incident.reopened + 1,
        told={},
        told_troubles=0,
        told_tenants=(),
        loudest=None,
        came_from=None,
    )
    course = Course(
        incident, _shown(cleared, situation, situation.reach), routing, now, _count(situation), situation.concerned
    )
    after, line = spoken(now - incident.resolved_at), headline(course.incident)
    to = _joined(owners_told(incident, routing), owners_of(situation.shares, routing)) if situation.shares else {}
    course.take(
        Step.REOPENED,
        f"again, {after} after it was resolved: {line}{unreached(to) if situation.shares else _MUTED}",
        f"Again, {after} after it was resolved: {line}",
        to,
    )
    prod(course, situation.shares)
    return course.done()


def gone_on(match: Match, routing: Routing, now: datetime) -> Change | None:
    """What becomes of an incident that is not over; None where nothing is new of it."""
    before = match.incident
    if match.situation is None:
        course = Course(before, before, routing, now)
        prod(course, {owner for one in match.beside for owner in one.shares})
        return course.change()
    situation = with_tails(match.situation, match.beside)
    course = Course(
        before, _shown(before, situation, match.reach), routing, now, _count(situation), situation.concerned
    )
    if before.identity != situation.identity:
        _move(course, before, situation)
    if before.muted and situation.shares and not before.told:
        _open(course, situation)
    elif _was(before) is Severity.WARN and situation.shares and severity_of(situation) is Severity.ERROR:
        _raise(course, situation)
    else:
        _spread(course)
        _grow(course)
        _join(course, situation)
    prod(course, situation.shares)
    return course.change()


def acknowledge(incident: Incident, by: str, now: datetime, routing: Routing) -> Change:
    """Somebody says that they are on it: no more reminders, no escalation. Twice changes nothing.

    Raises UsageError where the incident is resolved.
    """
    if incident.phase is Phase.RESOLVED:
        raise UsageError(
            f"Incident {incident.number} is resolved: there is nothing to acknowledge.",
            f"See how it ended with: telemetry incidents show {incident.number}",
        )
    if incident.phase is Phase.ACKNOWLEDGED:
        return Change(incident, incident)
    name = one_line(by, NAME_LENGTH) or "somebody"
    taken = replace(incident, phase=Phase.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=name)
    course = Course(incident, taken, routing, now)
    course.take(
        Step.ACKNOWLEDGED,
        f"acknowledged by {name}: no more reminders, no escalation",
        f"Acknowledged by {name}: {headline(taken)}",
        owners_told(incident, routing),
        actor=name,
        only=routing.editing | routing.hearing,
    )
    return course.done()


def _open(course: Course, situation: Situation) -> None:
    line = headline(course.incident)
    to = owners_of(situation.shares, course.routing)
    course.take(Step.OPENED, line + (unreached(to) if situation.shares else _MUTED), line, to)


def _raise(course: Course, situation: Situation) -> None:
    line = headline(course.incident)
    to = owners_of(situation.shares, course.routing)
    course.take(Step.RAISED, f"from WARN to ERROR: {line}{unreached(to)}", f"Was a WARN until now: {line}", to)


def _join(course: Course, situation: Situation) -> None:
    """Owners who were not told yet, or only at WARN and now of an ERROR. Whoever cannot be told of an ERROR is in the
    timeline once, and has somebody told instead in time."""
    told = course.incident.told
    news = owners_of(situation.shares, course.routing)
    to = {owner: one for owner, one in news.items() if _is_news(told.get(owner), one)}
    if not to:
        return
    parts = [f"{owner or 'what nobody owns'} ({counted(situation.shares[owner].troubles, 'trouble')})" for owner in to]
    line = headline(course.incident)
    words = "told too" if any(one.channels for one in to.values()) else "hit too"
    course.take(Step.JOINED, f"{words}: {named(parts)}{unreached(to)}", line, to)


def _is_news(telling: Telling | None, news: Told) -> bool:
    if telling is None or (news.channels and not telling.channels):
        return bool(news.channels) or news.severity is Severity.ERROR
    return news.severity.rank > telling.severity.rank


def _move(course: Course, before: Incident, situation: Situation) -> None:
    """To what is merely waiting for its next run nobody is told: the cause is mended, the end will be told. Nor back
    to what people heard of not long ago: a source that fails every other time would ring each time."""
    was, now = cause_text(*before.identity), cause_text(*situation.identity)
    waits = situation.kind is CauseKind.WAITING
    came_from = before.came_from if before.kind is CauseKind.WAITING else before.identity
    course.incident = replace(course.incident, came_from=came_from if waits else None)
    known = before.known_as == now and before.known_at is not None and course.now - before.known_at < REOPENS_WITHIN
    quiet = waits or known or not situation.shares
    line = headline(course.incident)
    course.take(
        Step.MOVED,
        f"the cause has moved: was {was}, is {now}; {situation.says}",
        f"Back again: {line}" if before.known_as == now else f"{line}; before: {before.known_as or was}",
        {} if quiet else owners_told(before, course.routing),
    )


def _spread(course: Course) -> None:
    """Tenants are hit of whom nobody was told. Not at once after other news: an outage reaches one after the other."""
    incident = course.incident
    new = [tenant for tenant in course.concerned if tenant not in set(incident.told_tenants)]
    if not new or not incident.told or incident.known_at is None or course.now - incident.known_at < SPREADS_AFTER:
        return
    whom = "data without tenants" if new == [ANY_TENANT] else named(new)
    line = f"Also hit: {whom}. {headline(incident)}"
    course.take(Step.SPREAD, f"also hit: {whom}", line, owners_told(incident, course.routing))


def _grow(course: Course) -> None:
    """Twice as much as was last told: said where it changes what stands there already, and rings nobody."""
    told, number = course.incident.told_troubles, course.count
    if not told or number is None or number < 2 * told:
        return
    line = headline(course.incident)
    to = owners_told(course.incident, course.routing)
    words = f"it has grown: {counted(told, 'trouble')} when it was last told, {number:,} now"
    course.take(Step.GREW, words, f"Has grown: {line}", to, only=course.routing.editing)
    course.incident = replace(course.incident, told_troubles=number)


def _shown(incident: Incident, situation: Situation, reach: Reach) -> Incident:
    """The incident as its situation is now. The worst severity and the widest reach stay."""
    severity = severity_of(situation)
    return replace(
        incident,
        kind=situation.kind,
        where=situation.where,
        severity=max(incident.severity, severity, key=_rank),
        says=situation.says,
        remedy=situation.remedy,
        root=situation.root,
        reach=reach,
        worst=situation.worst,
        quote=situation.quote,
        since=situation.since,
        widest=max(incident.widest, len(reach)),
        owners=tuple(sorted(situation.shares.keys() - {NOBODY})),
        dashboards=situation.dashboards,
        evidence=situation.evidence,
        muted=not situation.shares,
        broken=situation.broken,
        loudest=max(incident.loudest or severity, severity, key=_rank) if situation.shares else incident.loudest,
    )


def _was(incident: Incident) -> Severity | None:
    """The worst severity so far of what was not muted."""
    return incident.loudest or (None if incident.muted else incident.severity)


def _joined(told: dict[str, Told], news: dict[str, Told]) -> dict[str, Told]:
    """Who was told before and who is to be told now, each through all of their channels."""
    both = dict(told)
    for owner, new in news.items():
        old = told.get(owner, new)
        both[owner] = Told(tuple(dict.fromkeys((*new.channels, *old.channels))), new.severity)
    return both


def _count(situation: Situation) -> int:
    return sum(share.troubles for share in situation.shares.values())


def _rank(severity: Severity) -> int:
    return severity.rank
