"""Advertising as it looks to an ads platform: accounts, campaigns, ads, daily insights by parish, budgets.

What belongs here: rows as a pure function of (seed, account, instant). What does not: HTTP (``ads_api.py``) and what
goes wrong on purpose (``breakages.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from enum import StrEnum
from functools import lru_cache
from math import cos, pi
from random import Random
from zoneinfo import ZoneInfo

SEED = 7
DAYS = 90
Row = dict[str, str | int | float]

PARISHES = {
    "Kingston": 0.17, "St Andrew": 0.16, "St Catherine": 0.13, "St James": 0.11, "Clarendon": 0.07, "Manchester": 0.07,
    "St Ann": 0.06, "St Elizabeth": 0.05, "Westmoreland": 0.05, "St Mary": 0.03, "Trelawny": 0.03, "Portland": 0.03,
    "St Thomas": 0.02, "Hanover": 0.02,
}  # fmt: skip
"""The 14 parishes of Jamaica with their share of an ad's spend."""
WEEKDAYS = (0.92, 0.90, 0.95, 1.00, 1.14, 1.20, 1.05)
"""Spend by weekday, Monday first, around 1."""


class Source(StrEnum):
    """The two platforms, by the names the warehouse gives them."""

    META = "meta_ads"
    GOOGLE = "google_ads"


class Stream(StrEnum):
    """What each platform serves."""

    CAMPAIGNS = "campaigns"
    ADS = "ads"
    INSIGHTS = "insights"
    BUDGETS = "budgets"


class Flight(StrEnum):
    """When a campaign runs: every day, every other month, or not since 2024."""

    ALWAYS = "always"
    ALTERNATE = "alternate"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Account:
    """One advertiser on one platform. ``daily`` is its usual spend a day, ``order`` what a conversion is worth."""

    id: str
    source: Source
    tenant: str
    zone: str
    daily: float
    order: float

    def today(self, now: datetime) -> date:
        """The date in the account's own zone."""
        return now.astimezone(ZoneInfo(self.zone)).date()

    def number(self, campaign: int, ad: int = 0) -> str | int:
        """The id of a campaign, or with ``ad`` of an ad: text on Meta, a number on Google."""
        number = int(self.id) * 1000 + campaign * 10 + ad
        return str(number) if self.source is Source.META else number


@dataclass(frozen=True, slots=True)
class _Campaign:
    number: int
    name: str
    objective: str
    channel: str
    flight: Flight
    share: float
    ads: int

    def runs(self, account: Account, day: date) -> bool:
        if self.flight is Flight.ALTERNATE:
            return (day.month + int(account.id)) % 2 == 0
        return self.flight is Flight.ALWAYS


_PLAN = (
    _Campaign(1, "Brand, always on", "AWARENESS", "DISPLAY", Flight.ALWAYS, 0.25, 2),
    _Campaign(2, "Weekend offers", "TRAFFIC", "SEARCH", Flight.ALWAYS, 0.30, 2),
    _Campaign(3, "Online sales", "SALES", "PERFORMANCE_MAX", Flight.ALWAYS, 0.45, 2),
    _Campaign(4, "Every other month", "LEADS", "VIDEO", Flight.ALTERNATE, 0.20, 1),
    _Campaign(5, "Launch of 2024", "ENGAGEMENT", "SEARCH", Flight.ENDED, 0.10, 1),
)
_TENANTS = (
    ("telemetry-tenant", "America/Jamaica", 420.0, 58.0),
    ("northshore", "America/Jamaica", 900.0, 96.0),
    ("blue-mountain", "America/Jamaica", 310.0, 41.0),
    ("harbour-foods", "America/New_York", 560.0, 52.0),
    ("coral-bay", "Europe/London", 240.0, 73.0),
)
ACCOUNTS = {
    account.id: account
    for number, (tenant, zone, daily, order) in enumerate(_TENANTS, start=1)
    for account in (
        Account(str(100 + number), Source.META, tenant, zone, daily, order),
        Account(str(9000 + number), Source.GOOGLE, tenant, zone, 0.8 * daily, order),
    )
}
"""Account id → account. Meta has 101…105, Google 9001…9005, in the order of the example's tenants."""
KEYS: dict[tuple[Source, Stream], tuple[str, ...]] = {
    (Source.META, Stream.INSIGHTS): ("date", "ad_id", "parish"),
    (Source.GOOGLE, Stream.INSIGHTS): ("segments_date", "ad_id", "geo_parish"),
    **{(source, stream): ("id",) for source in Source for stream in (Stream.CAMPAIGNS, Stream.ADS)},
    **{(source, Stream.BUDGETS): ("campaign_id", "month") for source in Source},
}
"""The primary key of each stream's rows within one account."""


def truth(account: str, now: datetime, seed: int = SEED) -> dict[Stream, tuple[Row, ...]]:
    """Every row of an account as the platform has it at ``now`` (aware): what a loss-free sync holds afterwards.

    For a feed that stopped, ask for the instant it stopped at. Raises KeyError for an unknown account id.
    """
    return {stream: rows(seed, account, stream, now) for stream in Stream}


def rows(seed: int, account: str, stream: Stream, now: datetime, since: datetime | None = None) -> tuple[Row, ...]:
    """The rows of one stream as they are at ``now``, oldest day first; with ``since`` those changed then or later.

    Past days keep their numbers, but for late conversions credited up to 72 hours after; today's grow by the minute.
    """
    return _rows(seed, ACCOUNTS[account], stream, now.astimezone(UTC).replace(second=0, microsecond=0), since)


@lru_cache(maxsize=8)
def _rows(seed: int, account: Account, stream: Stream, now: datetime, since: datetime | None) -> tuple[Row, ...]:
    """Cached by the minute, so that the pages of one pull are cut from the same rows."""
    match stream:
        case Stream.INSIGHTS:
            return tuple(_insights(seed, account, now, since))
        case Stream.BUDGETS:
            found = _budgets(account, now)
        case Stream.CAMPAIGNS | Stream.ADS:
            found = _campaigns_or_ads(account, now, stream)
    return tuple(row for row in found if since is None or str(row["updated_at"]) >= _text(since))


def _campaigns_or_ads(account: Account, now: datetime, stream: Stream) -> Iterator[Row]:
    meta, today = account.source is Source.META, account.today(now)
    for campaign in _PLAN:
        alternates, ended = campaign.flight is Flight.ALTERNATE, campaign.flight is Flight.ENDED
        if campaign.runs(account, today):
            status = "ACTIVE" if meta else "ENABLED"
        else:
            status = "PAUSED" if alternates else "ARCHIVED" if meta else "REMOVED"
        changed = date(2025, 1, 1) if ended else today.replace(day=1, month=today.month if alternates else 1)
        common: Row = {"status": status, "updated_at": _text(min(now, _midnight(changed, account.zone)))}
        if stream is Stream.ADS:
            title, campaign_id = "name" if meta else "headline", account.number(campaign.number)
            for ad in range(1, campaign.ads + 1):
                ids: Row = {"id": account.number(campaign.number, ad), "campaign_id": campaign_id}
                yield ids | {title: f"{campaign.name}, version {ad}"} | common
        else:
            yield {
                "id": account.number(campaign.number),
                "account_id" if meta else "customer_id": account.id,
                "name": f"{account.tenant.replace('-', ' ').title()}: {campaign.name}",
                "objective" if meta else "advertising_channel_type": campaign.objective if meta else campaign.channel,
                "start_date": date(2024, 1, 8 + campaign.number).isoformat(),
                "end_date": date(2024 if ended else today.year, 12, 31).isoformat(),
            } | common


def _budgets(account: Account, now: datetime) -> Iterator[Row]:
    """One row per running campaign and month, for the months the insights touch."""
    months = sorted({(account.today(now) - timedelta(days=back)).replace(day=1) for back in range(DAYS)})
    for campaign in _PLAN:
        amount = 50 * round(account.daily * campaign.share * 30 / 50)
        money: Row = {"amount_micros": amount * 1_000_000, "currency_code": "USD"}
        if account.source is Source.META:
            money = {"amount": float(amount), "currency": "USD"}
        for month in months:
            if campaign.runs(account, month):
                ids: Row = {"campaign_id": account.number(campaign.number), "month": month.isoformat()}
                yield ids | money | {"updated_at": _text(_midnight(month, account.zone))}


def _insights(seed: int, account: Account, now: datetime, since: datetime | None) -> Iterator[Row]:
    today = account.today(now)
    for day in (today - timedelta(days=back) for back in reversed(range(DAYS))):
        start, end = _midnight(day, account.zone), _midnight(day + timedelta(days=1), account.zone)
        elapsed = (1 - cos(pi * min(1.0, (now - start) / (end - start)))) / 2
        for campaign in (campaign for campaign in _PLAN if campaign.runs(account, day)):
            for ad in range(1, campaign.ads + 1):
                delay, traffic = _ad_day(seed, account, campaign, ad, day)
                settled = now >= end + delay
                updated = min(now, end + delay if settled else end)
                if since is None or updated >= since:
                    ids = (day.isoformat(), account.number(campaign.number, ad), account.number(campaign.number))
                    share = (elapsed, elapsed if settled else 0.9 * elapsed)
                    yield from _by_parish(account, ids, traffic, share, _text(updated))


type _Traffic = tuple[tuple[str, int, int, float, float], ...]
"""Parish, impressions, clicks, spend, conversions of one ad's whole day."""


def _by_parish(
    account: Account, ids: tuple[str, str | int, str | int], traffic: _Traffic, share: tuple[float, float], updated: str
) -> Iterator[Row]:
    """The 14 rows of an ad's day, with the ``share`` (0–1) of its traffic and of its conversions shown so far."""
    day, ad, campaign = ids
    shown, credited = share
    for parish, impressions, clicks, spend, conversions in traffic:
        seen, clicked, paid = int(impressions * shown), int(clicks * shown), spend * shown
        won = min(float(clicked), conversions * credited)
        if account.source is Source.META:
            yield {
                "date": day, "ad_id": ad, "campaign_id": campaign, "parish": parish, "impressions": seen,
                "clicks": clicked, "spend": round(paid, 2), "conversions": int(won),
                "conversion_value": round(int(won) * account.order, 2), "updated_at": updated,
            }  # fmt: skip
        else:
            yield {
                "segments_date": day, "ad_id": ad, "campaign_id": campaign, "geo_parish": parish, "impressions": seen,
                "clicks": clicked, "cost_micros": int(paid * 1_000_000), "conversions": round(won, 2),
                "conversions_value": round(won * account.order, 2), "updated_at": updated,
            }  # fmt: skip


@lru_cache(maxsize=8192)
def _ad_day(seed: int, account: Account, campaign: _Campaign, ad: int, day: date) -> tuple[timedelta, _Traffic]:
    """How late an ad's last conversions are credited (mostly at once), and its day. CPM about 5, CTR about 1.5 %."""
    random = Random(f"{seed}/{account.id}/{campaign.number}.{ad}/{day}")
    budget = account.daily * campaign.share / campaign.ads * WEEKDAYS[day.weekday()] * random.uniform(0.8, 1.15)
    appeal, traffic = random.uniform(0.011, 0.019), list[tuple[str, int, int, float, float]]()
    for parish, share in PARISHES.items():
        spend = budget * share * random.uniform(0.75, 1.25)
        impressions = int(1000 * spend / random.uniform(4.2, 6.2))
        clicks = min(impressions, int(impressions * appeal * random.uniform(0.7, 1.3) + random.random()))
        conversions = min(float(clicks), clicks * random.uniform(0.008, 0.03) + 0.5 * random.random() ** 6)
        if account.source is Source.META:  # Meta counts whole conversions, Google credits fractions of one
            conversions = float(int(conversions + random.random()))
        traffic.append((parish, impressions, clicks, spend, conversions))
    return timedelta(hours=max(0, random.randrange(-216, 73))), tuple(traffic)


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: str) -> datetime:
    """The first instant of a day in its zone, as UTC."""
    return datetime.combine(day, clock_time(), ZoneInfo(zone)).astimezone(UTC)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
