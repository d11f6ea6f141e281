"""An incident and the steps of its life, as values. docs/incidents.md says what they mean.

What belongs here: what is remembered of an incident, and what one reconciling changes. What does not: deciding
(``reconcile.py``), wording messages (``wording.py``), rows (``ledger/incidents.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.trouble import Dashboard, Identity, Reach, Severity, Worst
from telemetry_assets.model import CauseKind


class Phase(StrEnum):
    """Where an incident is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Step(StrEnum):
    """What happens to an incident; each is an entry of its timeline."""

    OPENED = "opened"
    JOINED = "joined"
    RAISED = "raised"
    MOVED = "moved"
    GREW = "grew"
    SPREAD = "spread"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    UNDELIVERED = "undelivered"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Telling:
    """What an owner was told of an incident since it last opened: the worst severity, when first (at ERROR too), when
    last, through which channels, and whether somebody else was told because this owner did not act."""

    severity: Severity
    first_at: datetime
    last_at: datetime
    channels: tuple[str, ...]
    error_at: datetime | None = None
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """What is remembered of one incident.

    ``severity`` is the worst since it opened, ``reach`` what it hits now, ``widest`` the most subjects it ever hit,
    ``told`` the owners who were told, ``told_troubles`` how many unmuted troubles the last message spoke of, ``steps``
    how many entries its timeline has. ``broken`` is how many subjects break a promise, ``loudest`` the worst severity
    of what was not muted since it opened (None: all was), ``known_as`` its cause in the words that were last told, at
    ``known_at``. ``came_from`` is what it was before it merely waited, ``told_tenants`` are those of whom everybody who
    is told has heard. ``drill`` marks what is not real.
    """

    number: int
    kind: CauseKind
    where: str
    phase: Phase
    severity: Severity
    opened_at: datetime
    says: str
    remedy: str
    root: str
    reach: Reach
    worst: Worst
    quote: str = ""
    since: datetime | None = None
    widest: int = 0
    owners: tuple[str, ...] = ()
    dashboards: tuple[Dashboard, ...] = ()
    evidence: tuple[str, ...] = ()
    told: Mapping[str, Telling] = field(default_factory=lambda: MappingProxyType({}))
    told_troubles: int = 0
    muted: bool = False
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    resolution: str = ""
    reopened: int = 0
    steps: int = 0
    drill: bool = False
    broken: int = 0
    loudest: Severity | None = None
    known_as: str = ""
    known_at: datetime | None = None
    came_from: Identity | None = None
    told_tenants: tuple[str, ...] = ()

    @property
    def identity(self) -> Identity:
        """Kind and where."""
        return (self.kind, self.where)

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel that was told, sorted."""
        return tuple(sorted({channel for telling in self.told.values() for channel in telling.channels}))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a timeline: the step, its place (1, 2, …), when, in words, who did it (empty: we did), and to which
    channels it is told (none: to nobody)."""

    incident: int
    seq: int
    step: Step
    at: datetime
    words: str
    actor: str = ""
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one incident: ``before`` is None for a new one. Its entries, and the messages to write."""

    before: Incident | None
    after: Incident
    entries: tuple[Entry, ...] = ()
    messages: tuple[Message, ...] = ()
