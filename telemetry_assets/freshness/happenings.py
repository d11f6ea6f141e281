"""What last happened to feeds, models and snapshots, as plain values: what a cause is told from.

What belongs here: frozen values that a ledger, or a simulation, hands in. What does not: telling the cause
(``cause.py``), reading anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from telemetry_assets.freshness.facts import Correction

SUCCEEDED = "succeeded"
LEAST_SLACK, MOST_SLACK = timedelta(minutes=2), timedelta(hours=1)
"""How much later than its cadence something may start before we call it stopped: once its cadence, within these."""


@dataclass(frozen=True, slots=True)
class SyncEnd:
    """One ended sync. ``status`` is Airbyte's word, ``rows`` None where nobody counted, ``error`` its own words."""

    status: str
    started_at: datetime
    ended_at: datetime
    rows: int | None = None
    error: str = ""

    @property
    def succeeded(self) -> bool:
        """True where it ended well."""
        return self.status == SUCCEEDED


@dataclass(frozen=True, slots=True)
class Feed:
    """What fills a source's streams for one tenant: its ended syncs, newest first, and the one that runs now.

    Of long ago it is enough to know the newest success, the newest that brought rows, and the first sync after each.
    ``every`` is how often one should start; None where nobody of ours says.
    """

    every: timedelta | None = None
    ended: tuple[SyncEnd, ...] = ()
    running_since: datetime | None = None

    @property
    def last_start(self) -> datetime | None:
        """When a sync was last started."""
        started = [self.running_since, *(sync.started_at for sync in self.ended)]
        return max((one for one in started if one is not None), default=None)


@dataclass(frozen=True, slots=True)
class NodeRun:
    """dbt's last word on a model or a test of it: its status and message, and when the invocation ended."""

    status: str
    at: datetime
    said: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A payload that broke its contract: since when it is held back, and the first violation in words."""

    since: datetime
    said: str


@dataclass(frozen=True, slots=True)
class Happenings:
    """The newest of each kind of event.

    ``feeds``: (source, tenant) → feed; ``synced`` are the sources whose feeds we know of. ``models``: asset → dbt's
    last word on it; ``tests``: asset → failed tests of it, of the newest invocation that ran them. ``built_at``: the
    newest complete dbt build; ``build_every``: how often one should be, None where nobody of ours says. ``withheld``:
    (snapshot, tenant). ``published``: snapshot → its newest publication for anybody; ``publish_every`` likewise.
    ``corrections``: (root, tenant) → the newest.
    """

    feeds: Mapping[tuple[str, str], Feed] = MappingProxyType({})
    synced: frozenset[str] = frozenset()
    models: Mapping[str, NodeRun] = MappingProxyType({})
    tests: Mapping[str, Sequence[NodeRun]] = MappingProxyType({})
    built_at: datetime | None = None
    build_every: timedelta | None = None
    withheld: Mapping[tuple[str, str], Withheld] = MappingProxyType({})
    published: Mapping[str, datetime] = MappingProxyType({})
    publish_every: Mapping[str, timedelta] = MappingProxyType({})
    corrections: Mapping[tuple[str, str], Correction] = MappingProxyType({})


def is_overdue(last: datetime | None, every: timedelta, now: datetime) -> bool:
    """True where what should have started ``every`` so often did not: not once in its cadence and the slack."""
    return last is None or now - last > every + min(max(every, LEAST_SLACK), MOST_SLACK)
