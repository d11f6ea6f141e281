"""Every limit at −1 s, −1 µs, 0, +1 µs and +1 s, in one table; the engine and the page, said a second time, both.

And the calendar alone: local times on the days the clocks change, against clocks watched minute by minute.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from telemetry_assets.freshness.cutoff import cutoffs_of
from telemetry_assets.freshness.deadline import instant_of
from telemetry_assets.model import (
    EVERY_DAY,
    AssetKind,
    AssetNode,
    Clock,
    Deadline,
    Limit,
    Look,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)
from tests.freshness import oracle_calendar
from tests.freshness.both import Both
from tests.freshness.timelines import Asked, Timeline, Told

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)
OFFSETS = (-SECOND, -TICK, timedelta(0), TICK, SECOND)
P, W, F, U = State.PASS, State.WARN, State.FAIL, State.UNKNOWN

ROOT, MART = "raw/orders", "marts/orders"
NODES = (AssetNode(ROOT, AssetKind.TABLE, (), Clock()), AssetNode(MART, AssetKind.MODEL, (ROOT,)))
NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)  # a Wednesday, 14:00 in Berlin
HOURLY = Window(60 * MINUTE, 45 * MINUTE)


@dataclass(frozen=True)
class Case:
    """One fact of one asset for one tenant, how it was promised, and the moment somebody asks."""

    now: datetime
    limit: Limit | None = HOURLY
    asset: str = ROOT
    data_time: datetime = NOON
    run_time: datetime = NOON
    zone: str = "Europe/Berlin"
    grace: timedelta = timedelta(0)
    override: Limit | None = None
    looked_at: datetime | None = None

    def states(self) -> tuple[State, State]:
        """(data state, run state), on which the engine and the page agree."""
        overrides = {"acme": self.override} if self.override else {}
        mine = Promise(self.asset, self.limit, overrides=overrides)
        of_mart = Promise(MART, None, grace=self.grace)
        fact = SubjectFact(self.asset, "acme", self.run_time, "run-1", "test", {ROOT: self.data_time})
        looks = (Look(self.asset, self.looked_at),) if self.looked_at else ()
        promises = (mine,) if self.asset == ROOT else (Promise(ROOT, self.limit, overrides=overrides), of_mart)
        tenant = Tenant("acme", UUID(int=1), "Acme", self.zone)
        both = Both(Timeline(NODES, promises, (tenant,), (Told((fact,), looks), Asked(self.now))))
        ((_, engine, page),) = both.live()
        assert engine == page
        state, *_, run_state, _ = engine[self.asset, "acme"]
        return state, run_state


def berlin(*local: int) -> datetime:
    return datetime(2026, *local, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


NINE = Deadline(time(9))
WARNED = Deadline(time(9), warn=time(8))
LATER = Deadline(time(9), grace=timedelta(minutes=30))
OLD, HALF_PAST = berlin(6, 2, 23, 59), berlin(6, 3, 9, 30)
EARLY = Deadline(time(2, 30))
SUMMER, BEFORE_SUMMER = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 28, 12, tzinfo=UTC)
WINTER, LAST_DAY = datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
CUBA, HAVANA = "America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)  # midnight is skipped to 01:00, which is 05:00 UTC

HALF = timedelta(minutes=30)
OF_MART = {"asset": MART, "grace": HALF}

DATA = [
    # what is at its boundary             −1 s −1 µs  0  +1 µs +1 s  and then it is
    ("the fail window",                   (W, W, F, F, F), Case(NOON + HOUR)),
    ("the warn window",                   (P, P, W, W, W), Case(NOON + 45 * MINUTE)),
    ("a window that does not warn",       (P, P, F, F, F), Case(NOON + HOUR, Window(HOUR))),
    ("a tenant's own window",             (P, P, F, F, F), Case(NOON + HALF, override=Window(HALF))),
    ("the root's window and grace",       (W, W, F, F, F), Case(NOON + HOUR + HALF, **OF_MART)),
    ("its warning and grace",             (P, P, W, W, W), Case(NOON + 75 * MINUTE, **OF_MART)),
    ("the deadline",                      (P, P, F, F, F), Case(berlin(6, 3, 9), NINE, data_time=OLD)),
    ("the deadline's warning",            (P, P, W, W, W), Case(berlin(6, 3, 8), WARNED, data_time=OLD)),
    ("the deadline after its warning",    (W, W, F, F, F), Case(berlin(6, 3, 9), WARNED, data_time=OLD)),
    ("a deadline with its own grace",     (P, P, F, F, F), Case(HALF_PAST, LATER, data_time=OLD)),
    ("the root's deadline and grace",     (P, P, F, F, F), Case(HALF_PAST, NINE, data_time=OLD, **OF_MART)),
    ("a deadline the clocks skip",        (P, P, F, F, F), Case(SUMMER, EARLY, data_time=BEFORE_SUMMER)),
    ("a deadline the clocks show twice",  (P, P, F, F, F), Case(WINTER, EARLY, data_time=LAST_DAY, run_time=WINTER)),
    ("data yet to come, by our clock",    (U, U, P, P, P), Case(NOON - 5 * MINUTE)),
    ("the last look, at a late root",     (F, F, F, U, U), Case(NOON + 2 * HOUR, looked_at=NOON + 110 * MINUTE)),
    ("the last look, at a fresh root",    (P, P, P, P, P), Case(NOON + HALF, looked_at=NOON + 20 * MINUTE)),
]  # fmt: skip
"""Time goes on: ``now`` is so much before or after."""

DATA_TIMES = [
    ("at the fail window",                (F, F, F, W, W), Case(NOON + HOUR)),
    ("at the day's beginning",            (F, F, P, P, P), Case(berlin(6, 3, 10), NINE, data_time=berlin(6, 3, 0))),
    ("at one that the clocks skip",       (F, F, P, P, P), Case(HAVANA + DAY / 2, NINE, data_time=HAVANA, zone=CUBA)),
    ("later than anybody could know",     (P, P, P, U, U), Case(NOON + HALF, data_time=NOON + 5 * MINUTE)),
]  # fmt: skip
"""Other data: its time is so much earlier or later."""

RUNS = [
    ("the fail window",                   (W, W, F, F, F), Case(NOON + HOUR)),
    ("the warn window",                   (P, P, W, W, W), Case(NOON + 45 * MINUTE)),
    ("a window inherited with grace",     (W, W, F, F, F), Case(NOON + HOUR + HALF, **OF_MART)),
    ("a run yet to come, by our clock",   (U, U, P, P, P), Case(NOON - 5 * MINUTE)),
    ("a deadline: it is about data",      (U, U, U, U, U), Case(berlin(6, 3, 9), NINE)),
]  # fmt: skip
"""The other light, as time goes on."""

type Rows = list[tuple[str, tuple[State, ...], Case]]


def _rows(rows: Rows) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("expected", "case"), [row[1:] for row in rows], ids=[row[0] for row in rows])


@pytest.mark.promise("B31", "B13", "B48", "F2")
@_rows(DATA)
def test_data_turns_at_the_boundary_and_not_a_microsecond_beside_it(expected: tuple[State, ...], case: Case) -> None:
    assert tuple(replace(case, now=case.now + by).states()[0] for by in OFFSETS) == expected


@pytest.mark.promise("B31", "B13", "B48", "F2")
@_rows(DATA_TIMES)
def test_data_a_microsecond_younger_is_judged_otherwise(expected: tuple[State, ...], case: Case) -> None:
    assert tuple(replace(case, data_time=case.data_time + by).states()[0] for by in OFFSETS) == expected


@pytest.mark.promise("B31", "B15", "F2", "F12")
@_rows(RUNS)
def test_the_run_turns_at_the_boundary_too_by_its_own_clock(expected: tuple[State, ...], case: Case) -> None:
    assert tuple(replace(case, now=case.now + by).states()[1] for by in OFFSETS) == expected


@pytest.mark.promise("F12")
def test_the_two_lights_do_not_mix() -> None:
    stale_data = Case(NOON + 10 * MINUTE, data_time=NOON - 5 * HOUR)
    old_run = Case(NOON + 2 * HOUR, data_time=NOON + 4 * MINUTE, limit=Window(119 * MINUTE))
    assert stale_data.states() == (F, P)
    assert old_run.states() == (P, F)


@pytest.mark.promise("B53")
def test_one_who_never_arrived_is_never_and_not_unknown() -> None:
    tenants = (Tenant("acme", UUID(int=1), "Acme"), Tenant("globex", UUID(int=2), "Globex"))
    fact = SubjectFact(ROOT, "acme", NOON, "run-1", "test", {ROOT: NOON})
    both = Both(Timeline(NODES, (Promise("*", HOURLY),), tenants, (Told((fact,)), Asked(NOON))))
    ((_, engine, page),) = both.live()
    assert engine == page
    assert {subject: answer[0] for subject, answer in engine.items()} == {
        (ROOT, "acme"): P,
        (ROOT, "globex"): State.MISSING,
        (MART, "acme"): State.MISSING,
        (MART, "globex"): State.MISSING,
    }


# The calendar alone

CHANGES = {
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "America/Havana": (date(2026, 3, 8), date(2026, 11, 1)),
    "Asia/Beirut": (date(2026, 3, 29), date(2026, 10, 25)),
    "Africa/Cairo": (date(2026, 4, 24), date(2026, 10, 30)),
    "America/Santiago": (date(2026, 4, 5), date(2026, 9, 6)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    "Pacific/Chatham": (date(2026, 4, 5), date(2026, 9, 27)),
    "Pacific/Apia": (date(2011, 12, 30), date(2011, 12, 31)),  # the day that never was
    "Asia/Pyongyang": (date(2015, 8, 15), date(2018, 5, 5)),  # half an hour, at 00:00 and at 23:30
    "Asia/Kathmandu": (date(2026, 1, 1),),
    "America/Jamaica": (date(2026, 3, 8),),
}
"""Days on which the clocks of a zone are moved."""


@pytest.mark.parametrize("zone", CHANGES)
def test_local_times_around_a_change_of_the_clocks_are_what_one_sees_on_them(zone: str) -> None:
    days = [day + offset * DAY for day in CHANGES[zone] for offset in (-1, 0, 1)]
    clocks = [time(hour, minute) for hour in (0, 1, 2, 3, 12, 23) for minute in (0, 7, 15, 30, 45, 59)]
    for day, clock in product(days, clocks):
        assert instant_of(day, clock, ZoneInfo(zone)) == oracle_calendar.instant(day, clock, zone), (day, clock)


@pytest.mark.parametrize("zone", CHANGES)
def test_cutoffs_of_deadlines_around_a_change_are_those_of_a_calendar_walked_by_hand(zone: str) -> None:
    random = Random(zone)
    clocks = [time(0), time(0, 30), time(1), time(2, 30), time(9), time(23, 45)]
    for _ in range(100):
        days = EVERY_DAY if random.randrange(2) else frozenset(random.sample(range(7), random.randrange(1, 7)))
        warn = random.choice([None, *clocks])
        grace = random.choice((timedelta(0), HOUR))
        limit = Deadline(random.choice(clocks), warn, random.choice(clocks), days, zone, grace)
        day = random.choice(CHANGES[zone]) + random.randrange(-1, 8) * DAY
        at = oracle_calendar.instant(day, random.choice(clocks), zone)
        now = at + limit.grace + random.choice((-TICK, timedelta(0), TICK, HOUR))
        found = cutoffs_of(limit, now)
        assert (found.fail, found.warn) == oracle_calendar.cutoffs(limit, now, zone), (limit, now)
