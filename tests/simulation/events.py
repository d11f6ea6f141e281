"""What there is to be seen of the simulated world, and what its tables really contain.

What belongs here: frozen events, and the contents as they change. What does not: making either (``week.py``).
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from telemetry_assets.model import ANY_TENANT
from tests.simulation.declared import STAGED


@dataclass(frozen=True, slots=True)
class SyncStarted:
    """A job of one tenant's connection begins."""

    at: datetime
    source: str
    tenant: str
    job: int


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How one job ended; ``newest`` is the newest row of each dated stream in its raw table by then."""

    number: int
    tenant: str
    started_at: datetime
    ended_at: datetime
    rows: int = 0
    error: str = ""
    newest: Mapping[str, datetime | date] = field(default_factory=dict[str, datetime | date])


@dataclass(frozen=True, slots=True)
class SyncRunEnded:
    """All jobs of one run of a source have ended."""

    at: datetime
    run_id: str
    source: str
    jobs: tuple[JobEnd, ...]


@dataclass(frozen=True, slots=True)
class BuildStarted:
    """dbt starts: from now on it reads."""

    at: datetime
    run_id: str


@dataclass(frozen=True, slots=True)
class BuildEnded:
    """dbt has ended. ``said``: model → status; ``failed_tests``: the models a test of which failed."""

    at: datetime
    run_id: str
    said: Mapping[str, str]
    failed_tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """A snapshot is published for everybody."""

    at: datetime
    run_id: str
    snapshot: str


type Event = SyncStarted | SyncRunEnded | BuildStarted | BuildEnded | Published
type Held = Mapping[str, datetime]
"""Root → how far its data reaches that a table really contains."""


@dataclass(slots=True)
class Contents:
    """What each table of each tenant really contained, and since when: what only the simulator can know."""

    tables: dict[tuple[str, str], tuple[list[datetime], list[Held]]] = field(default_factory=dict)

    def write(self, asset: str, tenant: str, at: datetime, held: Held) -> None:
        """From ``at`` on the table contains that."""
        times, contents = self.tables.setdefault((asset, tenant), ([], []))
        times.append(at)
        contents.append(held)

    def at(self, asset: str, tenant: str, moment: datetime) -> Held:
        """What the table contained at a moment; a view what it reads, nobody's table what it has for all."""
        asset = "shop/orders" if asset == STAGED else asset
        times, contents = self.tables.get((asset, tenant)) or self.tables.get((asset, ANY_TENANT)) or ([], [])
        place = bisect_right(times, moment)
        return contents[place - 1] if place else {}
