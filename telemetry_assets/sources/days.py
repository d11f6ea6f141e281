"""What a date in a table means: the end of that day where its tenant lives, at most the instant of the look. Pure.

What belongs here: days of tenants' zones and the instants they end at. What does not: reading tables (``tables.py``),
deadlines (``freshness/deadline.py``). ``telemetry scan`` keeps dbt's meaning: a date is its first instant in UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from telemetry_assets.freshness.deadline import instant_of
from telemetry_assets.model import Tenant

_UTC = ZoneInfo("UTC")
_DAY = timedelta(days=1)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""Python's first and last instant: what lies beyond them in PostgreSQL is read as them."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days at one instant, ``at``. ``zones`` are by tenant id as tables hold it; who is not in it lives in UTC.

    A day is yet to come where it begins later than ``at`` + ``slack`` in its tenant's zone. ``todays`` are the newest
    days that are not, of all the zones: ascending, at most three.
    """

    at: datetime
    slack: timedelta
    zones: Mapping[str, ZoneInfo]
    todays: tuple[date, ...]

    def today(self, tenant: str | None) -> date:
        """The newest day that is not yet to come for a tenant; one of ``todays``."""
        return _today(self.at + self.slack, self._zone(tenant))

    def end(self, day: date, tenant: str | None) -> datetime:
        """The instant a day ends at in the tenant's zone: its next midnight."""
        try:
            return instant_of(day + _DAY, time(), self._zone(tenant))
        except OverflowError:
            return FIRST if day.year == 1 else LAST

    def data_time(self, day: date, tenant: str | None) -> datetime:
        """How far data of that day reaches by now: a day that has not ended reaches to ``at``."""
        return min(self.end(day, tenant), self.at)

    def _zone(self, tenant: str | None) -> ZoneInfo:
        return self.zones.get(tenant or "", _UTC)


def calendar(tenants: Iterable[Tenant], at: datetime, slack: timedelta) -> Calendar:
    """The days of these tenants. A zone that nobody knows counts as UTC: it is the declaration's to refuse it."""
    found = {str(tenant.id): _zone_of(tenant.timezone) for tenant in tenants if tenant.timezone != "UTC"}
    return Calendar(at, slack, found, tuple(sorted({_today(at + slack, zone) for zone in {_UTC, *found.values()}})))


def _today(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return _UTC
