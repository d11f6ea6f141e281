"""Instants as people read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from telemetry_assets.render.instants import instant_text

EVENING = timezone(timedelta(hours=-5))


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        (None, "–"),
        (datetime(2026, 11, 21, 8, 3, 59, tzinfo=EVENING), "2026-11-21 13:03 UTC"),
        (datetime.min.replace(tzinfo=UTC), "0001-01-01 00:00 UTC"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31 23:59 UTC"),
    ],
)
def test_an_instant_is_said_in_utc_with_a_year_of_four_digits(instant: datetime | None, words: str) -> None:
    assert instant_text(instant) == words
