"""When a partition ends, from its key alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.sources.partition_times import is_time, partition_end, spacing


@pytest.mark.parametrize(
    ("key", "ends"),
    [
        ("2026-09-01", "2026-09-02T00:00"),
        ("2026-09-01-13:00", "2026-09-01T14:00"),
        ("2026-09", "2026-10-01T00:00"),
        ("2026-12", "2027-01-01T00:00"),
        ("acme|2026-09-01", "2026-09-02T00:00"),
        ("acme", None),
        ("", None),
        ("2026-13-01", None),
        ("2026-09-01T13:00", None),
        ("9999-12-31", None),
        ("20260901", None),
    ],
)
def test_a_key_ends_where_dagster_means_it_to(key: str, ends: str | None) -> None:
    assert partition_end(key) == (datetime.fromisoformat(ends).replace(tzinfo=UTC) if ends else None)
    assert is_time(key) is (ends is not None)


@pytest.mark.parametrize(
    ("keys", "ends"),
    [
        (["2026-09-01", "2026-09-02", "2026-09-07"], "2026-09-08T00:00"),
        (["2026-08-24", "2026-08-31", "2026-09-07"], "2026-09-14T00:00"),
        (["2026-07-01", "2026-08-01", "2026-09-01"], "2026-10-01T00:00"),
        (["2026-08-31", "2026-09-07"], "2026-09-08T00:00"),
        (["acme", "2026-09-07", ""], "2026-09-08T00:00"),
    ],
)
def test_its_neighbours_tell_a_week_and_a_month_from_a_day(keys: Sequence[str], ends: str) -> None:
    newest = max(key for key in keys if is_time(key))
    assert partition_end(newest, spacing(keys)) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


@given(st.text(alphabet="0123456789-:|a", max_size=20), st.integers(0, 400))
def test_no_key_is_too_odd(key: str, days: int) -> None:
    end = partition_end(key, timedelta(days=days))
    assert end is None or end.tzinfo is UTC
