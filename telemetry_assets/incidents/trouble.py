"""What is wrong now: single troubles, and the situations they add up to. docs/incidents.md says what counts.

What belongs here: the values. What does not: adding troubles up (``situation.py``), finding them
(``answers/troubles.py``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from telemetry_assets.model import CauseKind, State

type Subject = tuple[str, str]
"""(asset, tenant)."""
type Identity = tuple[CauseKind, str]
"""Kind and where."""

NOBODY = ""
"""The owner of what nobody owns."""


class Severity(StrEnum):
    """How bad a trouble is, in the words of ``notify:`` in telemetry.yaml."""

    WARN = "WARN"
    ERROR = "ERROR"

    @property
    def rank(self) -> int:
        """Greater is worse."""
        return 1 if self is Severity.ERROR else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subject stands at one instant: ``data_age`` is that of its binding root, ``limit`` in words (``60 min``).

    Ages are None where nothing is known; ``state`` is None for what is no subject of a promise: a check, a job.
    ``past`` is how far it is past its limit (negative: not yet), None where nobody knows; of two the greater is worse.
    """

    state: State | None
    data_age: timedelta | None = None
    run_age: timedelta | None = None
    data_time: datetime | None = None
    limit: str = ""
    past: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong now, of one subject. ``asset`` is empty for what is no asset.

    ``root`` is the asset where the cause lies (a page to look at), ``says`` and ``remedy`` are for a person, ``quote``
    is what somebody else's error said, ``since`` when it began, where that is known. ``owner`` is :data:`NOBODY` where
    nobody owns it. ``muted``: under a silence.
    """

    kind: CauseKind
    where: str
    severity: Severity
    asset: str
    tenant: str
    says: str
    remedy: str = ""
    root: str = ""
    quote: str = ""
    since: datetime | None = None
    owner: str = NOBODY
    standing: Standing = Standing(None)
    muted: bool = False

    @property
    def identity(self) -> Identity:
        """What makes several troubles one."""
        return (self.kind, self.where)

    @property
    def subject(self) -> Subject:
        """What is hit."""
        return (self.asset, self.tenant)


@dataclass(frozen=True, slots=True)
class Block:
    """Assets that are hit for the same tenants, both sorted: a million subjects in a few names."""

    assets: tuple[str, ...]
    tenants: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.assets) * len(self.tenants)


@dataclass(frozen=True, slots=True)
class Reach:
    """Every subject that is hit, as blocks without overlap: one per set of tenants, in the order of their first asset.

    Equal where the subjects are. Build it with :func:`telemetry_assets.incidents.reach.reach_of`.
    """

    blocks: tuple[Block, ...] = ()

    def __len__(self) -> int:
        """How many subjects."""
        return sum(len(block) for block in self.blocks)

    def __iter__(self) -> Iterator[Subject]:
        return ((asset, tenant) for block in self.blocks for asset in block.assets for tenant in block.tenants)

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset that is hit, sorted."""
        return tuple(sorted(asset for block in self.blocks for asset in block.assets))

    @property
    def tenants(self) -> tuple[str, ...]:
        """Everybody who is hit, sorted."""
        return tuple(sorted({tenant for block in self.blocks for tenant in block.tenants}))


@dataclass(frozen=True, slots=True)
class Share:
    """An owner's part of a situation, of what is not muted: worst severity, how many troubles, of how many tenants."""

    severity: Severity
    troubles: int
    tenants: int


@dataclass(frozen=True, slots=True)
class Worst:
    """The subject that is told, and how it stands: of the worst state (MISSING, FAIL, UNKNOWN, WARN) the one furthest
    past its limit."""

    asset: str
    tenant: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What somebody looks at, made from an asset that is hit."""

    label: str
    owner: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """All troubles of one identity at one instant. ``shares``: owner → its part; empty where all of it is muted.

    ``severity`` is the worst of all, muted or not. ``evidence`` are further sentences: other checks that failed too.
    ``broken`` is how many subjects break a promise: late, or never seen. ``concerned`` are the tenants whom the worst
    of what is not muted hits.
    """

    kind: CauseKind
    where: str
    severity: Severity
    says: str
    remedy: str
    root: str
    reach: Reach
    worst: Worst
    quote: str = ""
    since: datetime | None = None
    shares: Mapping[str, Share] = field(default_factory=lambda: MappingProxyType({}))
    dashboards: tuple[Dashboard, ...] = ()
    evidence: tuple[str, ...] = ()
    concerned: tuple[str, ...] = ()
    broken: int = 0

    @property
    def identity(self) -> Identity:
        """Kind and where."""
        return (self.kind, self.where)
