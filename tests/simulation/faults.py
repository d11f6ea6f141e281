"""What can be planted in a week: what breaks, for whom, and what whoever is paged must be told.

What belongs here: the faults and the right answers. What does not: what a fault does to the world (``week.py``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from telemetry_assets.model import ANY_TENANT, CauseKind
from tests.simulation.declared import COSTS, LINES, MARGIN, MODELS, SALES, SNAPSHOTS, SOURCES, slugs


class FaultKind(StrEnum):
    """What breaks, in the words of the printed table. What stops is not started any more."""

    DEAD_TENANT = "dead tenant"
    STUCK_CURSOR = "stuck cursor"
    ZERO_ROWS = "zero-row source"
    SYNC_REFUSED = "token expired"
    MODEL_FAILS = "model fails"
    TEST_FAILS = "test fails"
    SYNCS_STOP = "syncs stop"
    BUILDS_STOP = "builds stop"
    PUBLISHING_STOPS = "publishing stops"
    ALL_STOPS = "scheduler stops"


_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault, repaired at ``until``. ``where``: the tenant, source or model it is in."""

    kind: FaultKind
    where: str
    since: datetime
    until: datetime

    def on(self, kind: FaultKind, at: datetime, *where: str) -> bool:
        """True where this is such a fault, in one of the places, and goes on at that moment."""
        return self.kind is kind and self.since <= at < self.until and (not where or self.where in where)

    def hits(self, asset: str, tenant: str) -> bool:
        """True where the fault can make this subject late."""
        match self.kind:
            case FaultKind.DEAD_TENANT | FaultKind.STUCK_CURSOR:
                return tenant == self.where and (asset == "shop/orders" or asset in _BELOW_SHOP)
            case FaultKind.ZERO_ROWS:
                return asset == "shop/orders" or asset in _BELOW_SHOP
            case FaultKind.SYNC_REFUSED:
                return tenant == self.where and asset in _streams("shop") | _BELOW_SHOP
            case FaultKind.SYNCS_STOP:
                return asset in _streams(self.where) | (_BELOW_SHOP if self.where == "shop" else _BELOW_COSTS)
            case FaultKind.MODEL_FAILS | FaultKind.TEST_FAILS:
                return asset in _below(self.where) - {self.where}
            case FaultKind.BUILDS_STOP:
                return asset in _BELOW_SHOP
            case FaultKind.PUBLISHING_STOPS:
                return asset in SNAPSHOTS
            case FaultKind.ALL_STOPS:
                return True

    def hits_somebody(self, asset: str) -> bool:
        """True where the fault can make the asset late for anybody."""
        return any(self.hits(asset, tenant) for tenant in (*slugs(), ANY_TENANT))

    def explains(self, asset: str, kind: CauseKind, root: str) -> bool:
        """True where this cause, told of a subject that is late, names this fault and the place to mend it."""
        right, places = self._right(asset)
        return kind is right and root in places

    def _right(self, asset: str) -> tuple[CauseKind, frozenset[str]]:
        """The right cause, and where it may be said to lie."""
        match self.kind:
            case FaultKind.DEAD_TENANT | FaultKind.STUCK_CURSOR:
                return CauseKind.FEED_QUIET, frozenset({"shop/orders"})
            case FaultKind.ZERO_ROWS:
                return CauseKind.ZERO_ROWS, _streams(self.where)
            case FaultKind.SYNC_REFUSED:
                return CauseKind.SYNC_FAILED, _streams("shop")
            case FaultKind.SYNCS_STOP:
                return CauseKind.SYNC_NOT_RUN, _streams(self.where)
            case FaultKind.ALL_STOPS:
                return CauseKind.SYNC_NOT_RUN, frozenset(SOURCES)
            case FaultKind.MODEL_FAILS:
                return CauseKind.BUILD_FAILED, frozenset({self.where})
            case FaultKind.TEST_FAILS:
                return CauseKind.BUILD_SKIPPED, frozenset({self.where})
            case FaultKind.BUILDS_STOP:
                return CauseKind.BUILD_NOT_RUN, frozenset({LINES, COSTS, SALES, MARGIN})
            case FaultKind.PUBLISHING_STOPS:
                return CauseKind.NOT_PUBLISHED, frozenset({asset})


ALONE = (
    (FaultKind.DEAD_TENANT, "cedar"),
    (FaultKind.STUCK_CURSOR, "acme"),
    (FaultKind.ZERO_ROWS, "shop"),
    (FaultKind.SYNC_REFUSED, "birch"),
    (FaultKind.MODEL_FAILS, COSTS),
    (FaultKind.TEST_FAILS, LINES),
    (FaultKind.SYNCS_STOP, "shop"),
    (FaultKind.SYNCS_STOP, "erp"),
    (FaultKind.BUILDS_STOP, ""),
    (FaultKind.PUBLISHING_STOPS, ""),
    (FaultKind.ALL_STOPS, ""),
)
TOGETHER = (
    ((FaultKind.DEAD_TENANT, "dune"), (FaultKind.MODEL_FAILS, COSTS)),
    ((FaultKind.SYNC_REFUSED, "fern"), (FaultKind.PUBLISHING_STOPS, "")),
    ((FaultKind.STUCK_CURSOR, "ember"), (FaultKind.SYNCS_STOP, "erp")),
)
"""What is planted, one at a time and two at once, each with the tenant, model or source it is in."""


def planted(seed: int, start: datetime) -> tuple[tuple[Fault, ...], ...]:
    """The faults of one faulty week after the other: each begins one to four days after ``start``, two within hours,
    and is repaired after a day and a half to two days."""
    weeks: list[tuple[Fault, ...]] = []
    for kinds in (*((alone,) for alone in ALONE), *TOGETHER):
        random = Random(f"{seed}/{kinds}")
        since = start + random.uniform(1, 4) * _DAY
        until = since + random.uniform(1.5, 2) * _DAY
        begins = [since, since + random.uniform(0, 0.2) * _DAY]
        weeks.append(tuple(Fault(*kind, at, until) for kind, at in zip(kinds, begins, strict=False)))
    return tuple(weeks)


def _below(key: str) -> frozenset[str]:
    """An asset and all that is made from it, the staging view aside: nobody is promised it."""
    made_from = MODELS | {snapshot: (parent,) for snapshot, parent in SNAPSHOTS.items()}
    found = {key}
    for child, parents in made_from.items():
        if found & set(parents):
            found.add(child)
    return frozenset(found)


def _streams(source: str) -> frozenset[str]:
    return frozenset(key for key in SOURCES if key.startswith(f"{source}/"))


_BELOW_SHOP = _below(LINES) - {LINES}
_BELOW_COSTS = _below(COSTS) - {COSTS}
