"""Which situation belongs to which incident, where the cause has moved, what is new and what is over: rules 1 to 6.

What belongs here: the pairs. What does not: what becomes of each (``life.py``), telling it (``telling.py``).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telemetry_assets.incidents.incident import Incident, Phase
from telemetry_assets.incidents.reach import lies_within, meet, of_assets, overlap, union
from telemetry_assets.incidents.situation import with_tails
from telemetry_assets.incidents.trouble import Identity, Reach, Severity, Situation
from telemetry_assets.model import CauseKind

REOPENS_WITHIN = timedelta(minutes=30)
"""How long after its end an incident comes back with its cause, instead of a new one."""

UNSEEN = frozenset({CauseKind.COULD_NOT_LOOK, CauseKind.CLOCK})
"""Kinds that say of what they hit neither that it is broken nor that it has recovered."""
_TAIL = UNSEEN | {CauseKind.WAITING, CauseKind.NOT_PUBLISHED, CauseKind.BUILD_SKIPPED}

type _Own = Mapping[int, Situation]
"""Number of an incident → the situation it is."""


@dataclass(frozen=True, slots=True)
class Match:
    """An incident and what it is now. ``situation`` is None where it is held, and then ``beside`` is what holds it;
    else ``beside`` are the tails (rule 3) that are told with it. ``reach`` is what it hits."""

    incident: Incident
    situation: Situation | None
    beside: tuple[Situation, ...]
    reach: Reach


@dataclass(frozen=True, slots=True)
class Matches:
    """Everything in its place: incidents that go on, that come back, that are over, and what is new; each in order."""

    going_on: tuple[Match, ...]
    reopened: tuple[tuple[Incident, Situation], ...]
    over: tuple[Incident, ...]
    new: tuple[Situation, ...]


def severity_of(situation: Situation) -> Severity:
    """The worst of what is not muted; of all where everything is."""
    return max(
        (share.severity for share in situation.shares.values()), key=lambda one: one.rank, default=situation.severity
    )


def matches_of(incidents: Iterable[Incident], situations: Iterable[Situation], now: datetime) -> Matches:
    """Every situation and every incident in its place, whatever order they come in. A drill has no situation."""
    real = sorted((one for one in incidents if not one.drill), key=lambda one: one.number)
    unresolved = [one for one in real if one.phase is not Phase.RESOLVED]
    found = {one.identity: one for one in sorted(situations, key=lambda one: one.identity)}
    own = {one.number: found[one.identity] for one in unresolved if one.identity in found}
    taken = {one.identity for one in own.values()}
    left = [one for one in unresolved if one.number not in own]
    own |= _moved(left, [one for one in found.values() if one.identity not in taken])
    held = _held([one for one in left if one.number not in own], found.values())
    taken = {one.identity for one in own.values()}
    rest = [one for one in found.values() if one.identity not in taken]
    given = _given(rest, unresolved, own)
    theirs = {one.identity for one in given}
    starting = [one for one in rest if one.identity not in theirs and not _is_mere_waiting(one)]
    back = _back(starting, [one for one in real if one.phase is Phase.RESOLVED], now)
    going_on = [one for one in unresolved if one.number in own]
    hitting = [
        *((own[one.number].identity, _reach(one, own[one.number], given), one.opened_at) for one in going_on),
        *((one.identity, one.reach, back[one.identity].opened_at if one.identity in back else now) for one in starting),
    ]
    tails = _tails_of(given, hitting)
    return Matches(
        going_on=tuple(
            _match(one, own.get(one.number), given, tails, held.get(one.number, ()))
            for one in unresolved
            if one.number in own or one.number in held
        ),
        reopened=tuple(
            (back[one.identity], with_tails(one, tails.get(one.identity, ())))
            for one in starting
            if one.identity in back
        ),
        over=tuple(one for one in unresolved if one.number not in own and one.number not in held),
        new=tuple(with_tails(one, tails.get(one.identity, ())) for one in starting if one.identity not in back),
    )


def _moved(left: Sequence[Incident], situations: Sequence[Situation]) -> dict[int, Situation]:
    """Rule 2: incident → where it has moved."""
    moved: dict[int, Situation] = {}
    gone: set[Identity] = set()
    for incident, situation in _pairs(left, [one for one in situations if one.kind not in UNSEEN]):
        if incident.number not in moved and situation.identity not in gone:
            moved[incident.number] = situation
            gone.add(situation.identity)
    return moved


def _held(left: Sequence[Incident], situations: Iterable[Situation]) -> dict[int, tuple[Situation, ...]]:
    """Rule 2: incident → what keeps it as it is. What cannot be seen holds all it hits, also where it is an incident of
    its own: else who is held would be over as soon as that one has opened."""
    held: defaultdict[int, tuple[Situation, ...]] = defaultdict(tuple)
    for incident, situation in _pairs(left, [one for one in situations if one.kind in UNSEEN]):
        held[incident.number] += (situation,)
    return held


def _pairs(left: Sequence[Incident], situations: Sequence[Situation]) -> Iterator[tuple[Incident, Situation]]:
    """Those that have a subject in common: most subjects first, then the older incident, then by identity."""
    hitting: defaultdict[str, set[Identity]] = defaultdict(set)
    by_identity = {one.identity: one for one in situations}
    for situation in situations:
        for asset in situation.reach.assets if left else ():
            hitting[asset].add(situation.identity)
    hitting.pop("", None)
    pairs: list[tuple[tuple[int, datetime, int, Identity], Incident]] = []
    for incident in left:
        reach = of_assets(incident.reach)
        for identity in {identity for asset in reach.assets for identity in hitting.get(asset, ())}:
            common = overlap(reach, by_identity[identity].reach)
            if common:
                pairs.append(((-common, incident.opened_at, incident.number, identity), incident))
    return ((incident, by_identity[key[-1]]) for key, incident in sorted(pairs, key=lambda pair: pair[0]))


def _given(rest: Sequence[Situation], unresolved: Sequence[Incident], own: _Own) -> tuple[Situation, ...]:
    """Rule 3: what is only the tail of a recovery, or cannot be seen, and hits nothing that is not known already."""
    tails = [one for one in rest if one.kind in _TAIL]
    if not tails or not unresolved:
        return ()
    known = union([*(one.reach for one in unresolved), *(one.reach for one in own.values())])
    return tuple(one for one in tails if lies_within(one.reach, known))


def _tails_of(
    given: Sequence[Situation], hitting: Sequence[tuple[Identity, Reach, datetime]]
) -> dict[Identity, tuple[Situation, ...]]:
    """Of each identity the tails that are told with it: each with what has most in common with it, then the older.

    By what incidents hit from now on, those that only begin too: the next reconciling must find the same.
    """
    tails: defaultdict[Identity, tuple[Situation, ...]] = defaultdict(tuple)
    for tail in given:
        common = [(-overlap(tail.reach, reach), opened_at, identity) for identity, reach, opened_at in hitting]
        if common and min(common)[0]:
            tails[min(common)[-1]] += (tail,)
    return tails


def _is_mere_waiting(situation: Situation) -> bool:
    """Whether something is an incident does not depend on silences: they only decide who is told."""
    return situation.kind is CauseKind.WAITING and situation.severity is Severity.WARN


def _back(starting: Sequence[Situation], resolved: Sequence[Incident], now: datetime) -> dict[Identity, Incident]:
    """Rule 4: what starts again so soon that it is the same incident; of several the newest."""
    recent = sorted(
        (one for one in resolved if one.resolved_at and now - one.resolved_at <= REOPENS_WITHIN), key=_ended
    )
    back: dict[Identity, Incident] = {}
    for newest in ({one.identity: one for one in recent}, {one.came_from: one for one in recent if one.came_from}):
        gone = {one.number for one in back.values()}
        for situation in starting:
            incident = newest.get(situation.identity)
            if incident and incident.number not in gone:
                back.setdefault(situation.identity, incident)
    return back


def _match(
    incident: Incident,
    situation: Situation | None,
    given: Sequence[Situation],
    tails: Mapping[Identity, tuple[Situation, ...]],
    holding: tuple[Situation, ...],
) -> Match:
    if situation is None:
        return Match(incident, None, holding, incident.reach)
    return Match(incident, situation, tails.get(situation.identity, ()), _reach(incident, situation, given))


def _reach(incident: Incident, situation: Situation, given: Sequence[Situation]) -> Reach:
    """What a situation of rule 3 hits of an incident stays with it: else that tail would open one a moment later."""
    common = [shared for one in given if (shared := meet(one.reach, incident.reach)).blocks]
    return union([situation.reach, *common])


def _ended(incident: Incident) -> tuple[datetime, int]:
    assert incident.resolved_at is not None
    return incident.resolved_at, incident.number
