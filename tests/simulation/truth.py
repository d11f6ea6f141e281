"""When each subject was really late, by what its table really contained: said without our engine and our ledger.

What belongs here: contents and promises → intervals, to the microsecond. What does not: judging as we do it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from telemetry_assets.model import ANY_TENANT
from tests.simulation.declared import MARGIN, SALES, slugs, tenants
from tests.simulation.week import DAY, HOUR, MINUTE, Week


@dataclass(frozen=True, slots=True)
class By:
    """By a local time of day the data must reach another; ``grace`` later for what is made from it."""

    by: time
    since: time
    weekdays_only: bool
    grace: timedelta = timedelta(0)


type Term = timedelta | By
_OF_EMBER = By(time(10), time(8), True)
_STATEMENT = By(time(9), time(0), False)
_ROOTS: Mapping[str, Term] = {
    "shop/orders": 60 * MINUTE,
    "shop/products": 60 * MINUTE,
    "erp/prices": 2 * HOUR,
    "bank/statements": _STATEMENT,
    "fx/rates": 26 * HOUR,
}
_MADE_FROM = {
    SALES: ("shop/orders", "shop/products"),
    "snapshots/board": ("shop/orders", "shop/products"),
    MARGIN: tuple(_ROOTS),
    "snapshots/margin": tuple(_ROOTS),
}
_GRACE = {SALES: 30 * MINUTE, MARGIN: 30 * MINUTE, "snapshots/margin": 60 * MINUTE}


def terms() -> Iterator[tuple[str, str, dict[str, Term]]]:
    """(asset, tenant, root → term) of everything promised: telemetry.yaml by hand."""
    for root in _ROOTS:
        for tenant in slugs() if root != "fx/rates" else (ANY_TENANT,):
            yield root, tenant, {root: _of_root(root, tenant)}
    for asset, roots in _MADE_FROM.items():
        for tenant in slugs():
            yield asset, tenant, {root: _of_made(asset, root, tenant) for root in roots}


def _of_root(root: str, tenant: str) -> Term:
    return _OF_EMBER if (root, tenant) == ("shop/orders", "ember") else _ROOTS[root]


def _of_made(asset: str, root: str, tenant: str) -> Term:
    if asset == "snapshots/board":
        return By(time(11), time(8), True) if tenant == "ember" else 2 * HOUR
    own, grace = _of_root(root, tenant), _GRACE[asset]
    return By(own.by, own.since, own.weekdays_only, grace) if isinstance(own, By) else own + grace


@dataclass(frozen=True, slots=True)
class Late:
    """A subject really was late, from one instant to another."""

    asset: str
    tenant: str
    since: datetime
    until: datetime


def really_late(week: Week) -> tuple[Late, ...]:
    """Every time a subject was late between the week's start and end, in the order of beginning."""
    found = [
        Late(asset, tenant, since, until)
        for asset, tenant, by_root in terms()
        for since, until in _joined(
            span for root, term in by_root.items() for span in _spans(week, asset, tenant, root, term)
        )
    ]
    return tuple(sorted(found, key=lambda late: (late.since, late.asset, late.tenant)))


def _spans(week: Week, asset: str, tenant: str, root: str, term: Term) -> Iterator[tuple[datetime, datetime]]:
    times, contents = week.contents.tables[asset, tenant]
    deadlines = _deadlines(week, tenant, term) if isinstance(term, By) else ()
    for at, until, held in zip(times, [*times[1:], week.end], contents, strict=True):
        at = max(at, week.start)
        if until <= at:
            continue
        if isinstance(term, By):
            for due, following, since in deadlines:
                begins, ends = max(at, due), min(until, following)
                if begins < ends and held[root] < since:
                    yield begins, ends
        elif max(at, held[root] + term) < until:
            yield max(at, held[root] + term), until


def _deadlines(week: Week, tenant: str, by: By) -> Sequence[tuple[datetime, datetime, datetime]]:
    """(due, the next one due, what the data must reach), from a week before the start on."""
    zone = ZoneInfo(next(one.timezone for one in tenants() if one.slug == tenant))
    first = week.start.date() - 7 * DAY
    days = [first + number * DAY for number in range((week.end.date() - first).days + 9)]
    days = [day for day in days if day.weekday() < 5 or not by.weekdays_only]
    dues = [_instant(day, by.by, zone) + by.grace for day in days]
    sinces = [_instant(day, by.since, zone) for day in days]
    return list(zip(dues, dues[1:], sinces, strict=False))


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _joined(spans: Iterator[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The spans of all roots as one, where they touch."""
    joined: list[tuple[datetime, datetime]] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        else:
            joined.append((since, until))
    return joined
