"""Deadlines on real calendars: to the microsecond, over weekends, leap days, and nights on which the clocks change."""

import timeit
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.freshness.cutoff import EVER, cutoffs_of
from telemetry_assets.freshness.deadline import instant_of, next_told, since_of_newest
from telemetry_assets.freshness.window import loosened
from telemetry_assets.model import Deadline, State

NINE = Deadline(by=time(9))
WEEKDAYS = Deadline(by=time(9), days=frozenset(range(5)))
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


def at(text: str, zone: str = "UTC") -> datetime:
    """``2026-03-02 09:00`` on the clocks of a zone, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def state(deadline: Deadline, data_time: datetime, now: datetime) -> State:
    """The state of a data time at ``now``."""
    return cutoffs_of(deadline, now).state_of(data_time)


class TestTheInstantOfTheDeadline:
    """Exactly at the deadline is late; data exactly at ``since`` is good."""

    YESTERDAY = at("2026-03-01 08:00")

    @pytest.mark.parametrize(
        ("before_by", "expected"),
        [
            (SECOND, State.PASS),
            (TICK, State.PASS),
            (timedelta(0), State.FAIL),
            (-TICK, State.FAIL),
            (-SECOND, State.FAIL),
        ],
    )
    def test_yesterdays_data_is_good_until_the_deadline(self, before_by: timedelta, expected: State) -> None:
        assert state(NINE, self.YESTERDAY, at("2026-03-02 09:00") - before_by) is expected

    @pytest.mark.parametrize(
        ("before_since", "expected"),
        [
            (SECOND, State.FAIL),
            (TICK, State.FAIL),
            (timedelta(0), State.PASS),
            (-TICK, State.PASS),
            (-SECOND, State.PASS),
        ],
    )
    def test_data_is_good_from_since_on(self, before_since: timedelta, expected: State) -> None:
        assert state(NINE, at("2026-03-02 00:00") - before_since, at("2026-03-02 09:00")) is expected

    @pytest.mark.parametrize(
        ("before_warn", "expected"),
        [(SECOND, State.PASS), (TICK, State.PASS), (timedelta(0), State.WARN), (-TICK, State.WARN)],
    )
    def test_it_is_due_from_the_warning_on(self, before_warn: timedelta, expected: State) -> None:
        warned = Deadline(by=time(9), warn=time(8, 30))
        assert state(warned, self.YESTERDAY, at("2026-03-02 08:30") - before_warn) is expected

    def test_a_due_one_is_late_at_the_deadline_and_not_due_any_more(self) -> None:
        warned = Deadline(by=time(9), warn=time(8, 30))
        assert state(warned, self.YESTERDAY, at("2026-03-02 09:00") - TICK) is State.WARN
        assert state(warned, self.YESTERDAY, at("2026-03-02 09:00")) is State.FAIL

    def test_data_that_came_early_is_good_all_day(self) -> None:
        early = at("2026-03-02 00:00:01")
        for now in ("2026-03-02 00:01", "2026-03-02 09:00", "2026-03-02 23:59", "2026-03-03 08:59:59"):
            assert state(NINE, early, at(now)) is State.PASS
        assert state(NINE, early, at("2026-03-03 09:00")) is State.FAIL

    def test_what_was_late_is_good_again_as_soon_as_the_data_is_there(self) -> None:
        noon = at("2026-03-02 12:00")
        assert state(NINE, self.YESTERDAY, noon) is State.FAIL
        assert state(NINE, noon - TICK, noon) is State.PASS


class TestSinceAndWarnTheEveningBefore:
    """A time of day that is not before ``by`` on its day is that of the day before."""

    EVENING = Deadline(by=time(9), since=time(22), warn=time(23))

    def test_since_is_the_evening_before(self) -> None:
        now = at("2026-03-02 09:00")
        assert state(self.EVENING, at("2026-03-01 22:00"), now) is State.PASS
        assert state(self.EVENING, at("2026-03-01 22:00") - TICK, now) is State.FAIL

    def test_it_warns_from_the_evening_before_on(self) -> None:
        old = at("2026-03-01 12:00")
        assert state(self.EVENING, old, at("2026-03-01 23:00") - TICK) is State.PASS
        assert state(self.EVENING, old, at("2026-03-01 23:00")) is State.WARN
        assert state(self.EVENING, old, at("2026-03-02 08:59:59")) is State.WARN
        assert state(self.EVENING, old, at("2026-03-02 09:00")) is State.FAIL

    def test_the_evening_before_monday_is_sunday(self) -> None:
        mondays = Deadline(by=time(9), since=time(22), warn=time(23), days=frozenset({0}))
        friday = at("2026-02-27 12:00")
        assert state(mondays, friday, at("2026-03-01 22:59")) is State.PASS
        assert state(mondays, friday, at("2026-03-01 23:00")) is State.WARN
        assert state(mondays, at("2026-03-01 22:00"), at("2026-03-02 09:00")) is State.PASS

    def test_since_at_by_is_the_deadline_before(self) -> None:
        whole_day = Deadline(by=time(9), since=time(9))
        assert cutoffs_of(whole_day, at("2026-03-02 09:00")).fail == at("2026-03-01 09:00") - TICK

    def test_a_deadline_at_midnight_asks_for_the_day_that_ends(self) -> None:
        assert cutoffs_of(Deadline(by=time(0)), at("2026-03-02 00:00")).fail == at("2026-03-01 00:00") - TICK


class TestDays:
    """On days without a deadline the one before goes on counting."""

    def test_a_weekend_asks_for_nothing_new(self) -> None:
        friday = at("2026-02-27 07:00")
        for now in ("2026-02-27 09:00", "2026-02-28 09:00", "2026-03-01 23:59", "2026-03-02 08:59:59"):
            assert state(WEEKDAYS, friday, at(now)) is State.PASS
        assert state(WEEKDAYS, friday, at("2026-03-02 09:00")) is State.FAIL

    def test_what_is_late_on_friday_is_late_all_weekend(self) -> None:
        thursday = at("2026-02-26 23:00")
        assert state(WEEKDAYS, thursday, at("2026-03-01 12:00")) is State.FAIL

    def test_the_day_is_that_of_the_zone(self) -> None:
        mondays = Deadline(by=time(9), days=frozenset({0}), zone="Pacific/Kiritimati")
        sunday_noon = at("2026-03-01 12:00")
        assert cutoffs_of(mondays, at("2026-03-01 19:00")).fail == at("2026-03-02 00:00", "Pacific/Kiritimati") - TICK
        assert state(mondays, sunday_noon, at("2026-03-01 19:00")) is State.PASS

    @pytest.mark.parametrize("day", range(7))
    def test_one_day_a_week_is_found_from_every_day_of_it(self, day: int) -> None:
        weekly = Deadline(by=time(9), days=frozenset({day}), warn=time(8))
        deadline = at("2026-03-02 09:00") + timedelta(days=day)
        since = deadline - timedelta(hours=9) - TICK
        for step in range(7 * 24):
            assert since_of_newest(weekly, deadline + timedelta(hours=step)) == since
        assert since_of_newest(weekly, deadline + timedelta(days=7)) == since + timedelta(days=7)

    def test_a_leap_day_is_a_day(self) -> None:
        assert cutoffs_of(NINE, at("2028-02-29 09:00")).fail == at("2028-02-29 00:00") - TICK
        assert cutoffs_of(NINE, at("2028-03-01 08:59")).fail == at("2028-02-29 00:00") - TICK
        assert cutoffs_of(NINE, at("2028-03-01 09:00")).fail == at("2028-03-01 00:00") - TICK


class TestGrace:
    """A deadline loosened by a grace has, at any moment, the cutoffs it had that long before."""

    def test_a_promise_with_a_grace_is_late_that_much_later(self) -> None:
        later = loosened(Deadline(by=time(9), warn=time(8)), timedelta(minutes=30))
        old = at("2026-03-01 10:00")
        states = [state(later, old, at(f"2026-03-02 {hour}")) for hour in ("08:29", "08:30", "09:29:59", "09:30")]
        assert states == [State.PASS, State.WARN, State.WARN, State.FAIL]

    @given(st.integers(0, 10**8), st.integers(0, 10_000))
    def test_at_any_moment(self, seconds: int, minutes: int) -> None:
        now, grace = at("2025-01-01 00:00") + timedelta(seconds=seconds), timedelta(minutes=minutes)
        warned = Deadline(by=time(9), warn=time(8), days=frozenset({1, 4}), zone="America/New_York")
        assert cutoffs_of(loosened(warned, grace), now) == cutoffs_of(warned, now - grace)


INSTANTS = [
    ("an ordinary time", "America/New_York", "2026-03-02", "09:00", "2026-03-02 14:00"),
    ("New York skips 02:00 to 03:00", "America/New_York", "2026-03-08", "02:00", "2026-03-08 07:00"),
    ("anywhere in the gap is its end", "America/New_York", "2026-03-08", "02:30", "2026-03-08 07:00"),
    ("the minute before the gap", "America/New_York", "2026-03-08", "01:59", "2026-03-08 06:59"),
    ("the end of the gap is there", "America/New_York", "2026-03-08", "03:00", "2026-03-08 07:00"),
    ("New York has 01:30 twice: the later", "America/New_York", "2026-11-01", "01:30", "2026-11-01 06:30"),
    ("and 02:00 once", "America/New_York", "2026-11-01", "02:00", "2026-11-01 07:00"),
    ("London skips 01:30", "Europe/London", "2026-03-29", "01:30", "2026-03-29 01:00"),
    ("London has 01:00 twice", "Europe/London", "2026-10-25", "01:00", "2026-10-25 01:00"),
    ("Lord Howe skips half an hour", "Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03 15:30"),
    ("Lord Howe has half an hour twice", "Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04 15:15"),
    ("and 01:15 once", "Australia/Lord_Howe", "2026-04-05", "01:15", "2026-04-04 14:15"),
    ("Apia skips a whole day", "Pacific/Apia", "2011-12-30", "09:00", "2011-12-30 10:00"),
    ("the day after it begins there", "Pacific/Apia", "2011-12-31", "00:00", "2011-12-30 10:00"),
    ("Cairo skips midnight", "Africa/Cairo", "2026-04-24", "00:00", "2026-04-23 22:00"),
    ("Kathmandu is at 45 minutes", "Asia/Kathmandu", "2026-03-02", "09:00", "2026-03-02 03:15"),
]


@pytest.mark.parametrize(
    ("zone", "day", "clock", "utc"), [case[1:] for case in INSTANTS], ids=[case[0] for case in INSTANTS]
)
def test_a_local_time_is_one_instant(zone: str, day: str, clock: str, utc: str) -> None:
    found = instant_of(date.fromisoformat(day), time.fromisoformat(clock), ZoneInfo(zone))
    assert found == at(utc)
    assert found.utcoffset() == timedelta(0)


class TestNightsOnWhichTheClocksChange:
    """A deadline stays on the clock of its zone."""

    NEW_YORK = Deadline(by=time(9), zone="America/New_York")

    def test_spring_makes_the_night_an_hour_shorter(self) -> None:
        sunday = cutoffs_of(self.NEW_YORK, at("2026-03-08 13:00"))
        assert sunday.fail == at("2026-03-08 05:00") - TICK
        assert cutoffs_of(self.NEW_YORK, at("2026-03-08 13:00") - TICK).fail == at("2026-03-07 05:00") - TICK

    def test_autumn_makes_it_an_hour_longer(self) -> None:
        assert cutoffs_of(self.NEW_YORK, at("2026-11-01 14:00")).fail == at("2026-11-01 04:00") - TICK
        assert cutoffs_of(self.NEW_YORK, at("2026-11-01 14:00") - TICK).fail == at("2026-10-31 04:00") - TICK

    def test_a_deadline_in_the_gap_is_at_its_end(self) -> None:
        in_gap = Deadline(by=time(2, 30), zone="America/New_York")
        old = at("2026-03-07 12:00")
        assert state(in_gap, old, at("2026-03-08 07:00") - TICK) is State.PASS
        assert state(in_gap, old, at("2026-03-08 07:00")) is State.FAIL

    def test_a_deadline_that_comes_twice_is_at_the_second(self) -> None:
        twice = Deadline(by=time(1, 30), zone="America/New_York")
        old = at("2026-10-31 12:00")
        assert state(twice, old, at("2026-11-01 05:30")) is State.PASS
        assert state(twice, old, at("2026-11-01 06:30") - TICK) is State.PASS
        assert state(twice, old, at("2026-11-01 06:30")) is State.FAIL

    def test_a_day_that_begins_at_one_begins_there(self) -> None:
        cairo = Deadline(by=time(9), zone="Africa/Cairo")
        assert cutoffs_of(cairo, at("2026-04-24 06:00")).fail == at("2026-04-23 22:00") - TICK

    def test_where_a_whole_day_is_skipped_its_deadline_is_the_jump(self) -> None:
        apia = Deadline(by=time(9), zone="Pacific/Apia")
        jump = at("2011-12-30 10:00")
        assert cutoffs_of(apia, jump - TICK).fail == at("2011-12-29 00:00", "Pacific/Apia") - TICK
        assert cutoffs_of(apia, jump).fail == at("2011-12-29 00:00", "Pacific/Apia") - TICK
        assert cutoffs_of(apia, at("2011-12-31 09:00", "Pacific/Apia")).fail == jump - TICK

    def test_a_healthy_tenant_is_never_late_over_a_year_of_its_clocks(self) -> None:
        promised = Deadline(by=time(9), days=WEEKDAYS.days, zone="Europe/London")
        for number in range(365):
            day = date(2026, 1, 1) + timedelta(days=number)
            loaded = instant_of(day, time(6), ZoneInfo("Europe/London"))
            assert state(promised, loaded, loaded + timedelta(hours=26, minutes=59)) is State.PASS


def test_before_the_first_deadline_of_all_time_nothing_is_late() -> None:
    start = datetime(1, 1, 1, 1, tzinfo=UTC)
    assert cutoffs_of(Deadline(by=time(9), warn=time(8), zone="Asia/Tokyo"), start).fail == EVER
    assert cutoffs_of(NINE, start).state_of(start) is State.PASS


ZONES = ["UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"]
CLOCKS = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))
DEADLINES = st.builds(
    Deadline,
    by=CLOCKS,
    warn=st.none() | CLOCKS,
    since=CLOCKS,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    zone=st.sampled_from(ZONES),
    grace=st.integers(0, 3000).map(lambda minutes: timedelta(minutes=minutes)),
)
CHANGES = [at("2026-03-08 07:00"), at("2026-10-25 01:00"), at("2026-04-04 15:00"), at("2011-12-30 10:00")]
MOMENTS = st.builds(
    lambda change, seconds: change + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-10 * 86400, 10 * 86400),
)


class TestProperties:
    """Of any deadline, at any moment, around nights on which the clocks change."""

    @given(DEADLINES, MOMENTS, st.integers(0, 5 * 86400))
    @settings(max_examples=300)
    def test_cutoffs_never_move_backwards(self, deadline: Deadline, now: datetime, seconds: int) -> None:
        first, then = cutoffs_of(deadline, now), cutoffs_of(deadline, now + timedelta(seconds=seconds))
        assert first.fail <= then.fail
        if first.warn is not None:
            assert then.warn is not None
            assert first.warn <= then.warn

    @given(DEADLINES, MOMENTS)
    @settings(max_examples=300)
    def test_they_lie_in_the_past_and_the_warning_is_no_earlier(self, deadline: Deadline, now: datetime) -> None:
        cutoffs = cutoffs_of(deadline, now)
        assert cutoffs.fail < now - deadline.grace
        assert cutoffs.warn is None or cutoffs.fail <= cutoffs.warn

    @given(st.dates(date(2010, 1, 1), date(2030, 1, 1)), CLOCKS, CLOCKS, st.sampled_from(ZONES))
    @settings(max_examples=300)
    def test_the_instants_of_a_day_are_ordered(self, day: date, one: time, other: time, zone: str) -> None:
        first, second = sorted((one, other))
        assert instant_of(day, first, ZoneInfo(zone)) <= instant_of(day, second, ZoneInfo(zone))
        assert instant_of(day, second, ZoneInfo(zone)) <= instant_of(day + timedelta(days=1), first, ZoneInfo(zone))

    @given(st.sampled_from(CHANGES), st.integers(-1, 1), CLOCKS, st.sampled_from(ZONES))
    @settings(max_examples=100, deadline=None)
    def test_an_instant_is_what_the_clock_on_the_wall_says(
        self, change: datetime, days: int, clock: time, zone: str
    ) -> None:
        day = change.astimezone(ZoneInfo(zone)).date() + timedelta(days=days)
        assert instant_of(day, clock, ZoneInfo(zone)) == _seen_on_the_wall(day, clock, ZoneInfo(zone))

    @given(DEADLINES, MOMENTS)
    @settings(max_examples=100, deadline=None)
    def test_the_newest_deadline_is_the_newest_of_all(self, deadline: Deadline, now: datetime) -> None:
        zone = ZoneInfo(deadline.zone or "UTC")
        days = [now.date() + timedelta(days=number) for number in range(-12, 4)]
        due = [(instant_of(day, deadline.by, zone), day) for day in days if day.weekday() in deadline.days]
        newest, day = max(pair for pair in due if pair[0] <= now)
        sinces = (instant_of(day - timedelta(days=back), deadline.since, zone) for back in range(3))
        assert since_of_newest(deadline, now) == next(since for since in sinces if since < newest) - TICK


def _seen_on_the_wall(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The last minute at which the wall shows this; never shown: the first at which it shows something later."""
    start = datetime.combine(day, time(0), tzinfo=UTC) - timedelta(hours=26)
    wanted = datetime.combine(day, clock)
    walls = [(start + timedelta(minutes=minute)) for minute in range(76 * 60)]
    shown = [(minute.astimezone(zone).replace(tzinfo=None), minute) for minute in walls]
    same = [minute for wall, minute in shown if wall == wanted]
    return same[-1] if same else next(minute for wall, minute in shown if wall > wanted)


def test_the_cutoffs_of_a_deadline_take_less_than_fifty_microseconds() -> None:
    deadline = Deadline(time(9), time(8), days=frozenset({0}), zone="America/New_York")
    now = at("2026-03-08 12:00")
    best = min(timeit.repeat(lambda: cutoffs_of(deadline, now), number=200, repeat=20)) / 200
    assert best < 50e-6


@given(
    st.timedeltas(timedelta(0), timedelta(days=366)).map(lambda span: at("2026-01-01") + span),
    st.sampled_from(("UTC", "America/Jamaica", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana")),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.booleans(),
)
def test_no_deadline_passes_before_the_next_one_told_and_one_does_then(
    now: datetime, zone: str, by: time, warn: time, days: frozenset[int], warned: bool
) -> None:
    deadline = Deadline(by, warn=warn, days=days, zone=zone)
    then = next_told(deadline, now, warned=warned)
    assert then is not None
    assert then > now
    before, at_once = (since_of_newest(deadline, instant, warned=warned) for instant in (then - TICK, then))
    assert since_of_newest(deadline, now, warned=warned) == before
    assert at_once is not None
    assert before is None or at_once > before


def test_after_the_last_year_there_is_no_next_deadline() -> None:
    assert next_told(NINE, datetime.max.replace(tzinfo=UTC)) is None
