"""The file of breakages: what it accepts, what it refuses, and what each kind does to a feed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telemetry_assets.demo.breakages import (
    Breakage,
    as_of,
    break_feed,
    dead_feed_default,
    ensure_default,
    heal,
    read,
    spoil,
)
from telemetry_assets.errors import CouldNotLookError, UsageError

NOW = datetime(2026, 3, 4, 15, 34, 56, tzinfo=UTC)
ROWS = [{"clicks": 3, "spend": 1.5}, {"clicks": 0, "spend": 0.0}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "demo" / "faults.json"


def test_a_missing_file_breaks_nothing(file: Path):
    assert read(file) == ()


def test_a_broken_feed_is_read_back_as_it_was_written(file: Path):
    added = break_feed(file, "lag", now=NOW, source="meta_ads", account="northshore", minutes=45)
    assert read(file) == added
    assert [(feed.kind, feed.account, feed.minutes, feed.since) for feed in added] == [(Breakage.LAG, "102", 45, NOW)]


def test_a_tenant_without_a_source_means_both_platforms_and_nothing_named_means_all_ten_accounts(file: Path):
    assert {feed.account for feed in break_feed(file, "error", now=NOW, account="coral-bay")} == {"105", "9005"}
    assert len(break_feed(file, "error", now=NOW)) == 10


def test_breaking_the_same_feed_again_replaces_the_first_time(file: Path):
    break_feed(file, "stop", now=NOW, account="101")
    break_feed(file, "stop", now=NOW, account="101", since=NOW - timedelta(hours=1))
    assert [feed.since for feed in read(file)] == [NOW - timedelta(hours=1)]


def test_healing_one_source_leaves_the_other_broken(file: Path):
    break_feed(file, "silence", now=NOW, account="harbour-foods")
    assert [feed.account for feed in heal(file, source="google_ads")] == ["9004"]
    assert [feed.account for feed in read(file)] == ["104"]


def test_the_demo_starts_with_one_dead_feed_and_a_healed_one_stays_healed(file: Path):
    ensure_default(file, NOW)
    assert read(file) == (dead_feed_default(NOW),)
    heal(file)
    ensure_default(file, NOW)
    assert read(file) == ()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"kind": "stopp"}, "stop, lag, silence, lose-field, change-type, error"),
        ({"kind": "stop", "source": "tiktok"}, "meta_ads, google_ads"),
        ({"kind": "stop", "account": "acme"}, "coral-bay"),
        ({"kind": "stop", "stream": "videos"}, "campaigns, ads, insights, budgets"),
        ({"kind": "stop", "source": "meta_ads", "account": "9001"}, "google_ads"),
    ],
)
def test_an_unknown_word_is_refused_naming_the_valid_ones_and_changes_nothing(
    file: Path, arguments: dict[str, str], named: str
):
    with pytest.raises(UsageError, match=named):
        break_feed(file, now=NOW, **arguments)  # pyright: ignore[reportArgumentType]
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"broken": [{"kind": "flood"}]}', '{"broken": 3}', '{"other": []}'])
def test_a_torn_or_foreign_file_is_an_error_that_says_what_to_do(file: Path, text: str):
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(CouldNotLookError, match="Delete it"):
        read(file)


def test_the_file_is_replaced_whole(file: Path):
    break_feed(file, "stop", now=NOW)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert len(json.loads(file.read_text())["broken"]) == 10


def test_stop_holds_a_feed_at_its_instant_and_lag_behind_the_clock(file: Path):
    broken = break_feed(file, "stop", now=NOW, account="101") + break_feed(
        file, "lag", now=NOW, account="101", minutes=5
    )
    assert as_of([], NOW) == NOW
    assert as_of(broken, NOW) == NOW - timedelta(minutes=5)
    assert as_of(broken, NOW + timedelta(hours=1)) == NOW


def test_each_kind_spoils_rows_in_its_own_way(file: Path):
    def sent(kind: str) -> object:
        return spoil(break_feed(file, kind, now=NOW, account="101"), ROWS)  # pyright: ignore[reportArgumentType]

    assert sent("stop") == sent("lag") == sent("error") == ROWS
    assert sent("silence") == []
    assert sent("lose-field") == [{"spend": 1.5}, {"spend": 0.0}]
    assert sent("change-type") == [{"clicks": "about 3", "spend": 1.5}, {"clicks": "about 0", "spend": 0.0}]
