"""Times in fixtures: relative ones become absolute when hydrated, absolute ones become relative once."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.contracts.fixtures import age_of, hydrated, made_relative
from telemetry_assets.errors import ConfigError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

seconds = st.integers(min_value=-700 * 86400, max_value=700 * 86400)
instants = seconds.map(lambda offset: (NOW + timedelta(seconds=offset)).isoformat().replace("+00:00", "Z"))
dates = st.integers(min_value=-700, max_value=700).map(lambda days: (NOW + timedelta(days=days)).date().isoformat())
plain = st.text(max_size=8).filter(lambda text: not text.startswith("$"))
leaves = instants | dates | plain | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


@pytest.mark.promise("A22")
@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("$now", "2026-06-01T12:00:00Z"),
        ("$now-15m", "2026-06-01T11:45:00Z"),
        ("$now+1d", "2026-06-02T12:00:00Z"),
        ("$now-30s", "2026-06-01T11:59:30Z"),
        ("$now-2w", "2026-05-18T12:00:00Z"),
        ("$now-1d6h", "2026-05-31T06:00:00Z"),
        ("$now+0m", "2026-06-01T12:00:00Z"),
        ("$today", "2026-06-01"),
        ("$month", "2026-06-01"),
        ("$month-6mo", "2025-12-01"),
        ("$month+7mo", "2027-01-01"),
        ("$today-3d", "2026-05-29"),
        ("$today+1w", "2026-06-08"),
        ("$$now", "$now"),
        ("$$", "$"),
        ("$$5.00", "$5.00"),
        ("costs $5", "costs $5"),
        ("", ""),
    ],
)
def test_a_relative_time_becomes_what_it_says(written: str, becomes: str) -> None:
    assert hydrated({"a": [written]}, NOW) == {"a": [becomes]}


def test_keys_and_what_is_no_text_stay_as_they_are() -> None:
    document = {"$now": 1, "b": None, "c": [True, 1.5, {}], "d": {"$ref": "x"}}
    assert hydrated(document, NOW) == document


def test_the_day_is_that_of_utc_wherever_now_was_read() -> None:
    evening = datetime(2026, 5, 31, 22, tzinfo=timezone(timedelta(hours=-5)))
    assert hydrated(["$today", "$now"], evening) == ["2026-06-01", "2026-06-01T03:00:00Z"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$nowish", "is no time"),
        ("$now-15", "is no time"),
        ("$now-15y", "is no time"),
        ("$now - 15m", "is no time"),
        ("$now-1.5h", "is no time"),
        ("$now-٣m", "is no time"),
        ("$5.00", "$$ for a dollar"),
        ("$", "is no time"),
        ("$today-3h", "a date moves by days"),
        ("$now+999999999w", "out of range"),
        ("$now+" + "9" * 5000 + "d", "out of range"),
    ],
)
def test_a_text_with_a_dollar_that_is_no_time_names_fixture_and_pointer(written: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"^orders\.json, /rows/1/a~1b: ") as refused:
        hydrated({"rows": ["x", {"a/b": written}]}, NOW, "orders.json")
    assert said in str(refused.value)
    assert len(str(refused.value)) < 250


@pytest.mark.promise("A22")
def test_the_newest_instant_of_a_document_counts_as_now() -> None:
    document = {
        "generated_at": "2026-05-20T09:30:00Z",
        "synced": "2026-05-20T09:15:00+00:00",
        "local": "2026-05-20T04:30:00-0500",
        "since": "2026-05-19T08:29:59.75Z",
        "day": "2026-05-19",
        "ends": "2026-07-31",
        "born": "1990-01-01",
        "naive": "2026-05-20T09:30:00",
        "version": "20260520",
        "text": "on 2026-05-20",
    }
    assert made_relative(document, NOW) == {
        **document,
        "generated_at": "$now",
        "synced": "$now-15m",
        "local": "$now",
        "since": "$now-1d1h1s",
        "day": "$today-1d",
        "ends": "$today+72d",
    }


def test_a_document_with_dates_alone_is_of_its_newest_day() -> None:
    rows = [{"day": "2026-05-19"}, {"day": "2026-05-20"}, {"day": "2026-12-31"}]
    assert [row["day"] for row in made_relative(rows, NOW)] == ["$today-1d", "$today", "$today+225d"]


def test_a_time_added_to_a_relative_fixture_is_relative_to_the_present() -> None:
    assert made_relative(["$now", "2026-06-01T11:00:00Z"], NOW) == ["$now", "$now-1h"]


def test_what_only_looks_like_a_time_stays() -> None:
    odd = ["2026-13-01", "2026-02-30", "2026-06-01T25:00:00Z", "0001-01-01T00:00:00+14:00", "2026-06-01T12:00:00+99:00"]
    assert made_relative(odd, NOW) == odd


def test_an_explicit_instant_counts_as_now_and_moves_the_two_years() -> None:
    then = datetime(2019, 1, 1, tzinfo=UTC)
    assert made_relative(["2018-12-31T23:00:00Z", "2026-06-01"], NOW, as_of=then) == ["$now-1h", "2026-06-01"]


@given(documents)
def test_relative_and_back_is_the_same_document(document: Any) -> None:
    assert hydrated(made_relative(document, NOW, as_of=NOW), NOW) == document


@given(documents)
def test_made_relative_twice_changes_nothing_more(document: Any) -> None:
    once = made_relative(document, NOW)
    assert made_relative(once, NOW) == once


@given(documents)
def test_a_relative_document_has_no_age(document: Any) -> None:
    relative = made_relative(document, NOW)
    assert age_of(relative, NOW) is None


@given(documents, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=5000)))
def test_a_relative_fixture_keeps_its_shape_however_late_it_is_read(document: Any, later: timedelta) -> None:
    relative = made_relative(document, NOW, as_of=NOW)
    assert made_relative(hydrated(relative, NOW + later), NOW + later, as_of=NOW + later) == relative


def test_the_age_is_that_of_the_newest_time_that_has_come() -> None:
    assert age_of({"a": "2026-04-21T12:00:00Z", "b": "2027-01-01T00:00:00Z"}, NOW) == timedelta(days=41)
    assert age_of(["2026-05-30"], NOW) == timedelta(days=1, hours=12, seconds=1)
    assert age_of(["2026-06-01"], NOW) == timedelta(0)
    assert age_of(["1990-01-01", "text", 3], NOW) is None


def test_a_document_of_the_future_alone_is_relative_to_the_present() -> None:
    assert made_relative({"ends": "2026-06-03"}, NOW) == {"ends": "$today+2d"}
