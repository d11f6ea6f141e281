"""The life of incidents a second time, from docs/incidents.md alone: slow, by sets, one subject at a time.

What belongs here: which incidents there are after a reconciling, and of what. What does not: who is told (the test of
the model states that as properties), and anything taken from the code under test but its values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from telemetry_assets.incidents.trouble import Identity, Severity, Subject, Trouble
from telemetry_assets.model import CauseKind

UNSEEN = {CauseKind.COULD_NOT_LOOK, CauseKind.CLOCK}
TAIL = {CauseKind.WAITING, CauseKind.NOT_PUBLISHED, CauseKind.BUILD_SKIPPED}
FAR = datetime(9999, 1, 1, tzinfo=UTC)
REOPENS_WITHIN = timedelta(minutes=30)


@dataclass
class Told:
    """What the page says of one incident."""

    identity: Identity
    opened_at: datetime
    subjects: set[Subject]
    severity: Severity
    resolved_at: datetime | None = None
    acknowledged: bool = False
    reopened: int = 0
    born: int = 0
    came_from: Identity | None = None

    @property
    def open(self) -> bool:
        """Not resolved."""
        return self.resolved_at is None


@dataclass
class Oracle:
    """All incidents there ever were."""

    incidents: list[Told] = field(default_factory=list)

    def reconcile(self, troubles: Sequence[Trouble], now: datetime) -> None:
        """The six steps of the page."""
        left = _situations(troubles)
        alive = [one for one in self.incidents if one.open]
        before = {id(one): set(one.subjects) for one in alive}
        matched: list[tuple[Told, Identity]] = []
        # 1. Same identity.
        for one in alive:
            if one.identity in left:
                matched.append((one, one.identity))
        taken = {identity for _, identity in matched}
        free = [one for one in alive if one.identity not in taken]
        rest = {identity: hit for identity, hit in left.items() if identity not in taken}
        # 2. The cause has moved; what cannot be seen holds the rest.
        while True:
            pairs = [
                (-len(one.subjects & _subjects(hit)), one.born, identity, one)
                for one in free
                for identity, hit in rest.items()
                if identity[0] not in UNSEEN and one.subjects & _subjects(hit)
            ]
            if not pairs:
                break
            _, _, identity, one = min(pairs, key=lambda pair: pair[:3])
            matched.append((one, identity))
            free = [other for other in free if other is not one]
            rest = {other: hit for other, hit in rest.items() if other != identity}
        unseen = set().union(*(_subjects(hit) for identity, hit in left.items() if identity[0] in UNSEEN))
        free = [one for one in free if not one.subjects & unseen]
        everything = set().union(*before.values(), *(_subjects(left[identity]) for _, identity in matched))
        for one, identity in matched:
            if one.identity[0] is not CauseKind.WAITING:
                one.came_from = one.identity
            if identity[0] is not CauseKind.WAITING:
                one.came_from = None
            one.identity = identity
            one.subjects = _subjects(left[identity])
            one.severity = max(one.severity, _worst(left[identity]), key=lambda severity: severity.rank)
        # 3. Only the tail of a recovery, or not to be seen, of subjects that are somebody's already.
        given: set[Subject] = set()
        for identity in sorted(rest):
            hit = _subjects(rest[identity])
            if identity[0] in TAIL | UNSEEN and hit <= everything:
                given |= hit
                for one, _ in matched:
                    one.subjects |= hit & before[id(one)]
                rest = {other: found for other, found in rest.items() if other != identity}
        starting = {
            identity: hit
            for identity, hit in sorted(rest.items())
            if identity[0] is not CauseKind.WAITING or _worst(hit) is Severity.ERROR
        }
        # 4. The same again, by what it was at its end, then by what it was before it merely waited.
        for known in ("identity", "came_from"):
            for identity in list(starting):
                if self._reopen(identity, known, starting[identity], now):
                    del starting[identity]
        # 5. New.
        for identity, hit in starting.items():
            self.incidents.append(Told(identity, now, _subjects(hit), _worst(hit), born=len(self.incidents)))
        # 6. Recovered.
        for one in free:
            if not before[id(one)] & given:
                one.resolved_at = now

    def _reopen(self, identity: Identity, known: str, hit: Sequence[Trouble], now: datetime) -> bool:
        lately = [
            one
            for one in self.incidents
            if getattr(one, known) == identity and one.resolved_at and now - one.resolved_at <= REOPENS_WITHIN
        ]
        if not lately:
            return False
        one = max(lately, key=lambda other: (other.resolved_at, other.born))
        one.resolved_at, one.acknowledged, one.reopened = None, False, one.reopened + 1
        one.subjects, one.severity = _subjects(hit), _worst(hit)
        one.identity, one.came_from = identity, None
        return True

    def seen(self) -> list[tuple[object, ...]]:
        """Everything the page fixes, in one order."""
        return sorted(
            (str(one.identity[0]), one.identity[1], one.opened_at, one.resolved_at or FAR, one.acknowledged,
             one.reopened, tuple(sorted(one.subjects)) if one.open else ())
            for one in self.incidents
        )  # fmt: skip


def _situations(troubles: Iterable[Trouble]) -> dict[Identity, list[Trouble]]:
    found: dict[Identity, list[Trouble]] = {}
    for trouble in troubles:
        found.setdefault(trouble.identity, []).append(trouble)
    return found


def _subjects(troubles: Iterable[Trouble]) -> set[Subject]:
    return {trouble.subject for trouble in troubles}


def _worst(troubles: Iterable[Trouble]) -> Severity:
    return max((trouble.severity for trouble in troubles), key=lambda severity: severity.rank)
