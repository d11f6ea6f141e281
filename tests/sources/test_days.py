"""What a date means: against a count of hours, in every zone there is."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.model import Tenant
from telemetry_assets.sources.days import FIRST, LAST, calendar

ID = UUID(int=7)
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))
INSTANTS = st.datetimes(datetime(1950, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SLACK = timedelta(minutes=5)


def of(zone: str, at: datetime):
    return calendar([Tenant("acme", ID, "Acme", zone)], at, SLACK)


@given(zone=ZONES, at=INSTANTS, back=st.integers(-3, 400))
def test_the_end_of_a_day_is_the_first_instant_that_is_of_a_later_one(zone: str, at: datetime, back: int):
    day = at.date() - timedelta(days=back)
    end = of(zone, at).end(day, str(ID))
    local = ZoneInfo(zone)
    assert end.astimezone(local).date() > day
    assert (end - timedelta(hours=26)).astimezone(local).date() <= day


@given(zone=ZONES, at=INSTANTS, ahead=st.integers(-4, 4))
def test_a_day_is_yet_to_come_where_no_clock_shows_it_within_the_slack(zone: str, at: datetime, ahead: int):
    days = of(zone, at)
    day = at.date() + timedelta(days=ahead)
    shown = {(at + minutes * timedelta(minutes=1)).astimezone(ZoneInfo(zone)).date() for minutes in range(6)}
    assert (day > days.today(str(ID))) == (day > max(shown))
    assert days.today(str(ID)) in days.todays
    assert days.data_time(day, str(ID)) <= at


@given(zones=st.lists(ZONES, max_size=20), at=INSTANTS)
def test_at_any_instant_it_is_at_most_three_days(zones: list[str], at: datetime):
    tenants = [Tenant(f"t{number}", UUID(int=number), "", zone) for number, zone in enumerate(zones)]
    todays = calendar(tenants, at, SLACK).todays
    assert list(todays) == sorted(set(todays))
    assert 1 <= len(todays) <= 3


def test_a_stranger_and_a_zone_that_nobody_knows_live_in_utc():
    at = datetime(2026, 11, 20, 23, tzinfo=UTC)
    for zone in ("Mars/Phobos", "../etc", "", "UTC"):
        days = of(zone, at)
        assert days.end(at.date(), str(ID)) == days.end(at.date(), None) == datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Jamaica"])
def test_the_first_and_the_last_day_of_all_end(zone: str):
    days = of(zone, datetime(2026, 11, 20, tzinfo=UTC))
    assert FIRST <= days.end(date.min, str(ID)) <= FIRST + timedelta(days=2)
    assert days.end(date.max, str(ID)) == LAST


def test_a_midnight_that_the_clocks_skip_is_the_instant_they_skip_to():
    days = of("America/Santiago", datetime(2026, 11, 20, tzinfo=UTC))
    assert days.end(date(2026, 9, 5), str(ID)) == datetime(2026, 9, 6, 4, tzinfo=UTC)
