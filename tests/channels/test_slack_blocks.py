"""Block Kit: Slack's limits kept, and nothing of others that Slack could read as its own."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.channels.fitting import fitted
from telemetry_assets.channels.slack_blocks import blocks_of, escaped, fallback, inert, reply_of
from telemetry_assets.incidents.message import Message
from tests.channels.messages import AT, EVENT, HOSTILE, OPENED, RESOLVED, hostile

LIMITS = {"header": 150, "section": 3000, "field": 2000, "context": 2000}
PIECES = [*"*_~`<>&|@#!:/. \n-+wab1é😀", "www.", "http://", "&lt;", "<!here>", ":fire:"]
MARKUP = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
ANYTHING = st.one_of(MARKUP, st.text(max_size=80), st.sampled_from(HOSTILE))


def texts(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, text object) of everything that is shown."""
    for block in blocks:
        if "text" in block:
            yield block["type"], block["text"]
        for text in block.get("fields", ()):
            yield "field", text
        for text in block.get("elements", ()):
            yield "context", text


def length(text: str) -> int:
    """In UTF-16, the most that Slack could count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def assert_within_limits(blocks: list[dict[str, Any]]) -> None:
    """Fails where Slack would refuse."""
    assert len(blocks) <= 50
    assert all(len(block.get("fields", ())) <= 10 for block in blocks)
    assert all(len(block.get("block_id", "")) <= 255 for block in blocks)
    shown = list(texts(blocks))
    assert all(1 <= length(text["text"]) <= LIMITS[where] for where, text in shown)
    assert sum(length(text["text"]) for _, text in shown) < 15_000


def assert_inert(text: str) -> None:
    """Fails where a reader of markup could find some: any of its characters unescaped or unbroken."""
    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", text)
    assert not re.search(r"[*_~`@](?!\u2060)", text.removesuffix("…") + "\u2060" * text.endswith("…"))
    assert not re.search(r":[a-z][a-z_]*:|://|www\.|#[a-z]", text)


class TestEscaping:
    """Texts by hypothesis."""

    @given(MARKUP)
    def test_what_stands_where_markup_is_read_is_inert(self, text: str) -> None:
        assert_inert(inert(text, 300))

    @given(ANYTHING, st.integers(2, 40))
    def test_what_is_escaped_fits_and_no_entity_is_cut(self, text: str, limit: int) -> None:
        shown = escaped(text, limit)
        assert length(shown) <= limit
        assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", shown)

    @given(st.text(max_size=60))
    def test_escaping_changes_nothing_but_three_characters(self, text: str) -> None:
        back = escaped(text, 1000).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert back == text

    @given(ANYTHING)
    @settings(max_examples=60)
    def test_nothing_of_others_is_read_as_markup_anywhere(self, text: str) -> None:
        message = fitted(hostile(text))
        for blocks in (blocks_of(message, EVENT), reply_of(message, EVENT)):
            assert_within_limits(blocks)
            for _, shown in texts(blocks):
                if shown["type"] == "mrkdwn":
                    assert_links_only(shown["text"])
                else:
                    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", shown["text"])
        assert_inert(fallback(replace(message, links=())))


def assert_links_only(text: str) -> None:
    """Fails where the one text with markup holds anything but whole links to http(s)."""
    for part in text.split(" · "):
        found = re.fullmatch(r"<(https?://[^<>|\s]+)\|([^<>|]*)>", part)
        assert found, part
        assert_inert(found[2])


class TestBlocks:
    """Whole messages."""

    @pytest.mark.promise("B19")
    def test_a_message_shows_what_is_wrong_what_to_do_and_where_to_look(self) -> None:
        shown = "\n".join(text["text"] for _, text in texts(blocks_of(OPENED, EVENT)))
        for part in (OPENED.headline, OPENED.says, OPENED.remedy, OPENED.quote, OPENED.evidence[0], "for data-eng"):
            assert part in shown
        assert "<https://dagster.test/assets/orders|Dagster> · <https://bi.test/d?tenant=north|Dashboard>" in shown
        assert shown.startswith("🔴 ERROR #12: ")

    def test_an_error_that_stands_in_the_message_already_is_not_said_twice(self) -> None:
        twice = replace(
            OPENED, says="The newest sync failed: HTTP 401: token expired", quote="HTTP 401:\ntoken expired"
        )
        assert json.dumps(blocks_of(twice, EVENT)).count("token expired") == 1
        assert json.dumps(blocks_of(OPENED, EVENT)).count("token expired") == 1

    @pytest.mark.parametrize(
        ("message", "begins"),
        [
            (RESOLVED, "🟢 RESOLVED #12: "),
            (replace(OPENED, phase="acknowledged"), "🔵 ERROR #12: "),
            (replace(OPENED, drill=True), "🔴 [FIRE DRILL] #12: "),
            (replace(OPENED, test=True, headline="alerts reach ops"), "🔴 [TEST] alerts reach ops"),
        ],
    )
    def test_the_header_says_how_it_stands_and_what_is_not_real(self, message: Message, begins: str) -> None:
        assert blocks_of(message, EVENT)[0]["text"]["text"].startswith(begins)

    def test_ten_megabytes_and_long_lists_keep_within_the_limits(self) -> None:
        many = tuple(f"name{number} " + "&" * 400 for number in range(1000))
        big = replace(
            hostile("&😀" * 2_500_000),
            owners=many,
            evidence=many,
            notes=many,
            facts=tuple((name, name) for name in many),
            links=tuple((name, f"https://x.test/{'a' * 1900}") for name in many),
            history=tuple((AT, name) for name in many),
        )
        message = fitted(big)
        assert_within_limits(blocks_of(message, "x" * 1000))
        assert_within_limits(reply_of(message, "x" * 1000))
        assert length(fallback(message)) < 40_000

    def test_of_a_long_history_the_newest_is_shown(self) -> None:
        message = fitted(replace(OPENED, history=tuple((AT, f"event {number}") for number in range(100))))
        shown = str(blocks_of(message, EVENT))
        assert "event 99" in shown
        assert "event 5 " not in shown

    def test_the_fallback_has_links_that_a_server_without_blocks_can_follow(self) -> None:
        assert fallback(OPENED).endswith(
            "\nDagster: https://dagster.test/assets/orders\nDashboard: https://bi.test/d?tenant=north"
        )
