"""A limit in words: an age, or a time of day with what is not usual about it."""

from datetime import time, timedelta

import pytest

from telemetry_assets.model import EVERY_DAY, Deadline, Limit, Window
from telemetry_assets.render.words import days_text, limit_text

HALF = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (None, "–"),
        (Window(timedelta(hours=1), HALF), "1h"),
        (Deadline(time(9)), "by 09:00 each tenant's zone"),
        (Deadline(time(9), zone="UTC", days=frozenset(range(5))), "by 09:00 mon–fri UTC"),
        (Deadline(time(9), time(8), time(22), zone="UTC", grace=HALF), "by 09:00 UTC, since 22:00, + 30m"),
    ],
)
def test_a_limit_is_said_in_few_words(limit: Limit | None, words: str) -> None:
    assert limit_text(limit) == words


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (EVERY_DAY, ""),
        ({0, 1, 2, 3, 4}, "mon–fri"),
        ({5, 6}, "sat, sun"),
        ({4, 5, 6, 0}, "fri–mon"),
        ({0, 2, 4}, "mon, wed, fri"),
        ({0, 1, 2, 4}, "mon–wed, fri"),
        ({6}, "sun"),
        ({6, 0}, "sun, mon"),
    ],
)
def test_days_that_follow_each_other_are_a_range(days: set[int], words: str) -> None:
    assert days_text(frozenset(days)) == words
