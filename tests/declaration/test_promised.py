"""Promises as telemetry.yaml makes them: how old, by when, or a grace; a tenant's own; every bad one refused."""

from collections.abc import Callable
from datetime import time, timedelta

import pytest

from telemetry_assets.model import EVERY_DAY, Deadline, Promise, Window
from telemetry_assets.settings import Settings

WEEKDAYS = frozenset(range(5))
Declare = Callable[[str], Settings]


@pytest.fixture
def promise(declare: Declare) -> Callable[[str], Promise]:
    """The promise on marts/* with these keys."""
    return lambda keys: declare(f"promises:\n  - {{asset: marts/*, {keys}}}\n").promises[0]


@pytest.fixture
def refusal(refused: Callable[[str], list[str]]) -> Callable[[str], str]:
    """The one line that refuses the promise on marts/* with these keys."""

    def line(keys: str) -> str:
        lines = refused(f"promises:\n  - {{asset: marts/*, {keys}}}\n")
        assert len(lines) == 1, lines
        return lines[0]

    return line


class TestADeadline:
    """``by:`` beside ``window:`` and ``grace:``."""

    def test_by_alone_is_every_day_since_midnight_in_each_tenants_zone(self, promise) -> None:
        assert promise('by: "09:00"').limit == Deadline(by=time(9), since=time(0), days=EVERY_DAY, zone=None)

    def test_it_can_say_zone_days_warning_and_since_when(self, promise) -> None:
        said = 'by: "09:00", zone: America/Jamaica, days: [mon, tue], warn: "08:30", since: "06:00"'
        assert promise(said).limit == Deadline(
            by=time(9), warn=time(8, 30), since=time(6), days=frozenset({0, 1}), zone="America/Jamaica"
        )

    def test_its_other_parts_are_those_of_any_promise(self, declare: Declare) -> None:
        text = 'promises:\n  - {asset: a, by: "09:00", owner: me, tenants: [north]}\nowners: {me: {}}\n'
        assert declare(text).promises[0] == Promise("a", Deadline(time(9)), owner="me", tenants=frozenset({"north"}))

    @pytest.mark.parametrize("written", ["09:30", '"09:30"', "'09:30'"])
    def test_a_time_of_day_needs_no_quotes(self, promise, written: str) -> None:
        assert promise(f"by: {written}").limit.by == time(9, 30)

    @pytest.mark.parametrize(("written", "hour"), [("10:00", 10), ("23:00", 23), ("00:00", 0)])
    def test_what_yaml_takes_for_base_60_is_a_time_of_day(self, promise, written: str, hour: int) -> None:
        assert promise(f"by: {written}").limit.by == time(hour)

    @pytest.mark.parametrize(
        ("written", "days"),
        [
            ("[mon, tue, wed, thu, fri]", WEEKDAYS),
            ("weekdays", WEEKDAYS),
            ("weekends", {5, 6}),
            ("all", EVERY_DAY),
            ("mon-fri", WEEKDAYS),
            ("fri-mon", {4, 5, 6, 0}),
            ("sun-sun", {6}),
            ("sat", {5}),
            ("[sat]", {5}),
            ("mon, wed", {0, 2}),
            ("[mon-wed, fri]", {0, 1, 2, 4}),
            ("[weekends, Monday]", {5, 6, 0}),
            ("[sun, sun]", {6}),
        ],
    )
    def test_days_are_named_in_many_ways(self, promise, written: str, days: set[int]) -> None:
        text = f'"{written}"' if "," in written and "[" not in written else written
        assert promise(f'by: "09:00", days: {text}').limit.days == days

    @pytest.mark.parametrize(
        ("by", "since", "warn"),
        [
            ("09:00", "00:00", "00:00"),
            ("09:00", "00:00", "08:59"),
            ("09:00", "22:00", "23:00"),
            ("09:00", "22:00", "22:00"),
            ("09:00", "22:00", "08:00"),
            ("00:00", "00:00", "23:00"),
            ("09:00", "09:00", "10:00"),
        ],
    )
    def test_a_warning_lies_between_since_and_by_the_evening_before_too(self, promise, by, since, warn) -> None:
        assert promise(f'by: "{by}", since: "{since}", warn: "{warn}"').limit.warn == time.fromisoformat(warn)


class TestATenantsOwn:
    """The mapping under ``tenants:``: a window or a deadline, whatever the promise has."""

    def test_what_a_deadline_leaves_out_is_as_promised(self, promise) -> None:
        own = promise(
            'by: "09:00", zone: Europe/London, days: weekdays, since: "06:00", tenants: {north: {by: "10:00"}}'
        )
        assert own.overrides == {"north": Deadline(time(10), None, time(6), WEEKDAYS, "Europe/London")}

    def test_it_may_be_another_zone_and_nothing_else(self, promise) -> None:
        own = promise('by: "09:00", warn: "08:00", tenants: {north: {zone: Europe/London}}')
        assert own.overrides == {"north": Deadline(time(9), time(8), zone="Europe/London")}

    def test_the_warning_of_the_promise_belongs_to_its_own_by(self, promise) -> None:
        assert promise('by: "09:00", warn: "08:30", tenants: {north: {by: "08:00"}}').overrides["north"].warn is None

    def test_a_warning_alone_is_a_deadlines(self, promise) -> None:
        own = promise('by: "09:00", tenants: {north: {warn: "08:00"}}')
        assert own.overrides == {"north": Deadline(time(9), time(8))}

    def test_a_window_may_stand_in_a_deadlines_promise_and_the_reverse(self, promise) -> None:
        hour = Window(timedelta(hours=1))
        assert promise('by: "09:00", tenants: {north: {fail: 1h}}').overrides == {"north": hour}
        assert promise('window: {fail: 1h}, tenants: {north: {by: "09:00"}}').overrides == {"north": Deadline(time(9))}
        assert promise('grace: 1h, tenants: {north: {by: "09:00"}, south: {fail: 1h}}').overrides == {
            "north": Deadline(time(9)),
            "south": hour,
        }


REFUSALS = {
    "a promise without any number is told the three ways": (
        "owner: null",
        '5: promises[0] has no number: say window: {fail: 60m} (how old), by: "09:00" (by when), or grace: 30m on top',
    ),
    "window and by are one too many": (
        'window: {fail: 1h}, by: "09:00"',
        "5: promises[0] has both window and by: keep",
    ),
    "by and grace are one too many": ('by: "09:00", grace: 1h', "has both by and grace: keep one. window says how old"),
    "all three are two too many": ('by: "09:00", grace: 1h, window: {fail: 1h}', "both window and by and grace"),
    "a window of zero is none": ("window: {fail: 0m}", "5: promises[0].window.fail: '0m' is no time at all"),
    "a negative window is none": ("window: {fail: -5m}", "5: promises[0].window.fail: '-5m' is not a duration"),
    "a window warns before it fails": (
        "window: {warn: 2h, fail: 1h}",
        "5: promises[0].window warns no earlier than it fails (2h, 1h): make warn the shorter one",
    ),
    "a grace of zero is none": ("grace: 0s", "5: promises[0].grace: '0s' is no time at all"),
    "an unknown zone gets the nearest": (
        'by: "09:00", zone: America/Jamaika',
        "5: promises[0].zone: 'America/Jamaika' is not a time zone of the IANA list; did you mean America/Jamaica?",
    ),
    "a zone of nowhere gets an example": ('by: "09:00", zone: qqq', "write one like America/Jamaica or UTC"),
    "a folder of zones is no zone": ('by: "09:00", zone: America', "5: promises[0].zone: 'America' is not a time zone"),
    "this machine's zone is no zone": (
        'by: "09:00", zone: localtime',
        "'localtime' is not a time zone of the IANA list",
    ),
    "a zone with leap seconds is none": ('by: "09:00", zone: right/UTC', "'right/UTC' is not a time zone of the IANA"),
    "a path is no zone": ('by: "09:00", zone: ../etc/passwd', "is not a time zone of the IANA list"),
    "an unknown day gets the nearest": (
        'by: "09:00", days: [mon, tus]',
        "5: promises[0].days: 'tus' is not a day; did you mean tue?",
    ),
    "an unknown end of a range is named": (
        'by: "09:00", days: mon-fry',
        "days: 'mon-fry' is not a day; did you mean fri?",
    ),
    "a range has two ends": ('by: "09:00", days: mon-wed-fri', "'mon-wed-fri' is not a day"),
    "a number is no day": ('by: "09:00", days: [1]', "1 is not a day; there is mon, tue"),
    "a number is no days": ('by: "09:00", days: 5', "5: promises[0].days: 5 names no days: write [mon, tue], mon-fri"),
    "no days are refused": ('by: "09:00", days: []', "5: promises[0].days: no day at all: name one at least, or leave"),
    "empty days are refused": ('by: "09:00", days: ""', "no day at all"),
    "an hour alone is no time of day": (
        "by: 9",
        '5: promises[0].by: 9 is not a time of day: write two digits each, "09',
    ),
    "one digit is not enough": ("by: 9:30", "'9:30' is not a time of day"),
    "midnight is the start of a day": ('by: "24:00"', "'24:00' is not a time of day: write two digits each"),
    "a minute has sixty seconds": ('by: "09:60"', "'09:60' is not a time of day"),
    "seconds are too exact": ('by: "09:00:00"', "'09:00:00' is not a time of day"),
    "other digits are no digits": ('by: "०९:००"', "is not a time of day"),
    "a warning after by is refused and told what it means": (
        'by: "09:00", warn: "09:30"',
        "at 09:30, which is not between since (00:00) and by (09:00): warn is the time before by from which data that",
    ),
    "a warning at by is refused": ('by: "09:00", warn: "09:00"', "warns at 09:00, which is not between"),
    "a warning before since is refused": ('by: "09:00", since: "06:00", warn: "05:00"', "since (06:00) and by (09:00)"),
    "a warning of a whole day is refused": ('by: "09:00", since: "09:00", warn: "09:00"', "warns at 09:00"),
    "a deadline does not warn by age": ('by: "09:00", warn: 45m', "promises[0].warn: '45m' is not a time of day"),
    "a warning beside a window belongs inside": (
        "window: {fail: 1h}, warn: 45m",
        "5: promises[0] has warn beside window: it belongs inside, window: {warn: 45m, fail: 60m}.",
    ),
    "a zone belongs to a deadline": ("window: {fail: 1h}, zone: UTC", "has zone and no by: zone belongs to a deadline"),
    "days belong to a deadline": ("grace: 1h, days: [mon]", "has days and no by: days belongs to a deadline"),
    "a misspelt key of a deadline gets the nearest": (
        'by: "09:00", zon: UTC',
        "zon is not a key here; did you mean zone",
    ),
    "a tenant's own with two numbers is refused": (
        'by: "09:00", tenants: {north: {by: "10:00", fail: 1h}}',
        "5: promises[0].tenants.north.by is not a key here; there is warn, fail",
    ),
    "a tenant's own without any number is refused": (
        'by: "09:00", tenants: {north: {}}',
        "5: promises[0].tenants.north has no number: say fail: 60m",
    ),
    "a tenant's own zone needs somebody's by": (
        "window: {fail: 1h}, tenants: {north: {zone: UTC}}",
        '5: promises[0].tenants.north has no by, and the promise has none either: say by: "09:00".',
    ),
    "a tenant's own warning after by is refused": (
        'by: "09:00", tenants: {north: {by: "08:00", warn: "08:30"}}',
        "5: promises[0].tenants.north warns at 08:30, which is not between since (00:00) and by (08:00)",
    ),
    "a tenant's own since that loses the promise's warning is refused": (
        'by: "09:00", warn: "07:00", tenants: {north: {since: "08:00"}}',
        "5: promises[0].tenants.north warns at 07:00, which is not between since (08:00) and by (09:00)",
    ),
    "a tenant's own unknown zone is refused": (
        'by: "09:00", tenants: {north: {zone: Europe/Londn}}',
        "5: promises[0].tenants.north.zone: 'Europe/Londn' is not a time zone of the IANA list; did you mean Europe/",
    ),
    "an unknown tenant's own is refused": (
        'by: "09:00", tenants: {nort: {by: "10:00"}}',
        "5: promises[0].tenants.nort names tenant 'nort', which is not in tenants; did you mean north?",
    ),
    "a bare time is no tenant's own": ('by: "09:00", tenants: {north: "10:00"}', "tenants.north must be a mapping"),
}


@pytest.mark.parametrize(("keys", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_bad_promise_is_refused(refusal: Callable[[str], str], keys: str, words: str) -> None:
    assert words in refusal(keys)


def test_a_bad_deadline_is_found_on_its_own_line(refused: Callable[[str], list[str]]) -> None:
    text = """promises:
  - asset: marts/*
    by: "09:00"
    days: [mon, tus]
    tenants:
      north: {by: "10:00"}
      south:
        by: 25:00
"""
    assert [line.split(":")[0] for line in refused(text)] == ["7", "11"]
