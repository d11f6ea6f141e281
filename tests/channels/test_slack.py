"""Slack: posts, threads, the first message edited in place, and what its answers mean."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from telemetry_assets.channels.channel import Channel
from telemetry_assets.channels.slack import AGAIN
from telemetry_assets.incidents.delivery import Outcome
from tests.channels.messages import AT, OPENED, RESOLVED, channel, sent
from tests.sinks.http_sink import HttpSink, Reply, as_json
from tests.sinks.slack_sink import Slack

TOKEN = "xoxb-123-secret"


@pytest.fixture
def slack() -> Slack:
    return Slack()


@pytest.fixture
def sink(slack: Slack) -> Iterator[HttpSink]:
    with HttpSink(slack) as sink:
        yield sink


@pytest.fixture
def bot(sink: HttpSink) -> Channel:
    return channel("slack", {"token": TOKEN, "channel": "#ops", "api_url": f"{sink.url}/api"})


class TestBot:
    """By chat.postMessage and chat.update."""

    @pytest.mark.promise("B4")
    def test_the_first_message_is_posted_to_the_channel_with_the_bots_token(
        self, bot: Channel, slack: Slack, sink: HttpSink
    ) -> None:
        receipt = sent(bot)
        assert receipt.outcome is Outcome.ACCEPTED
        assert [request.path for request in sink.requests] == ["/api/chat.postMessage"]
        assert sink.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert sink.requests[0].json["channel"] == "#ops"
        assert "orders: sync failed" in slack.posts[0].text.replace("\u2060", "")
        assert receipt.refs == {"ts": slack.posts[0].ts, "channel": "C0123", "to": "#ops"}
        assert slack.posts[0].ts in receipt.receipt

    @pytest.mark.parametrize("step", ["acknowledged", "resolved", "reopened", "raised", "moved"])
    def test_a_step_that_changes_the_incident_edits_the_first_message_and_answers_in_its_thread(
        self, bot: Channel, slack: Slack, step: str
    ) -> None:
        refs = sent(bot).refs
        receipt = sent(bot, replace(RESOLVED, step=step), refs, event_id="later")
        first, answer = slack.posts
        assert receipt.outcome is Outcome.ACCEPTED
        assert receipt.refs == refs
        assert len(first.edits) == 1
        assert first.key == answer.key == "later"
        assert (answer.thread, answer.channel) == (first.ts, "C0123")

    @pytest.mark.parametrize("step", ["joined", "reminded", "escalated", "undelivered"])
    def test_a_step_that_calls_for_somebody_is_answered_and_shown_in_the_channel(
        self, bot: Channel, slack: Slack, step: str
    ) -> None:
        refs = sent(bot).refs
        sent(bot, replace(OPENED, step=step), refs)
        first, answer = slack.posts
        assert first.edits == []
        assert (answer.thread, answer.broadcast) == (first.ts, True)

    @pytest.mark.parametrize(
        ("step", "shown"),
        [("raised", True), ("reopened", True), ("resolved", False), ("acknowledged", False), ("moved", False)],
    )
    def test_only_what_calls_for_somebody_leaves_the_thread(
        self, bot: Channel, slack: Slack, step: str, shown: bool
    ) -> None:
        sent(bot, replace(OPENED, step=step), sent(bot).refs)
        assert slack.posts[1].broadcast is shown

    def test_growing_edits_the_first_message_and_says_nothing_else(self, bot: Channel, slack: Slack) -> None:
        receipt = sent(bot, replace(OPENED, step="grew", headline="40 promises"), sent(bot).refs)
        assert receipt.outcome is Outcome.ACCEPTED
        assert "40 promises" in slack.posts[0].text
        assert len(slack.posts) == 1

    def test_growing_that_tells_what_could_not_be_told_before_is_said_aloud(self, bot: Channel, slack: Slack) -> None:
        grown = replace(OPENED, step="grew", history=((AT, "raised to ERROR"),))
        sent(bot, grown, sent(bot).refs)
        assert slack.posts[1].broadcast
        assert "raised to ERROR" in str(slack.posts[1].blocks)

    def test_what_happened_before_and_could_not_be_told_is_in_the_first_message_too(
        self, bot: Channel, slack: Slack
    ) -> None:
        reminded = replace(OPENED, step="reminded", history=((AT, "raised to ERROR"),))
        sent(bot, reminded, sent(bot).refs)
        assert len(slack.posts[0].edits) == 1

    def test_an_edit_done_twice_leaves_one_answer(self, bot: Channel, slack: Slack, sink: HttpSink) -> None:
        refs = sent(bot).refs
        sink.answer(slack, Reply(503))
        assert sent(bot, RESOLVED, refs).outcome is Outcome.AGAIN
        assert sent(bot, RESOLVED, refs).outcome is Outcome.ACCEPTED
        assert len(slack.posts) == 2

    def test_where_somebody_deleted_the_first_message_a_new_one_takes_its_place(
        self, bot: Channel, slack: Slack
    ) -> None:
        refs = sent(bot).refs
        slack.delete(refs["ts"])
        receipt = sent(bot, RESOLVED, refs)
        assert receipt.outcome is Outcome.ACCEPTED
        assert slack.posts[0].thread == ""
        assert receipt.refs["ts"] == slack.posts[0].ts != refs["ts"]

    def test_a_conversation_of_another_channel_is_begun_anew(self, bot: Channel, slack: Slack, sink: HttpSink) -> None:
        refs = sent(bot).refs
        elsewhere = channel("slack", {"token": TOKEN, "channel": "#other", "api_url": f"{sink.url}/api"})
        assert sent(elsewhere, RESOLVED, refs).refs["to"] == "#other"
        assert slack.posts[1].thread == ""


class TestAnswers:
    """What Slack says in a 200."""

    @pytest.mark.parametrize("error", sorted(AGAIN))
    def test_its_passing_errors_are_tried_again(self, bot: Channel, sink: HttpSink, error: str) -> None:
        sink.answer(as_json({"ok": False, "error": error}, headers={"Retry-After": "3"}))
        receipt = sent(bot)
        assert (receipt.outcome, receipt.reason) == (Outcome.AGAIN, f"Slack answered: {error}.")
        assert receipt.retry_after == timedelta(seconds=3)

    @pytest.mark.parametrize("error", ["channel_not_found", "invalid_auth", "not_in_channel", "is_archived"])
    @pytest.mark.parametrize("later", [False, True])
    def test_its_other_errors_are_dead_at_once(self, bot: Channel, sink: HttpSink, error: str, later: bool) -> None:
        refs = sent(bot).refs if later else {}
        sink.answer(then=as_json({"ok": False, "error": error}))
        receipt = sent(bot, RESOLVED, refs)
        assert (receipt.outcome, receipt.reason) == (Outcome.DEAD, f"Slack answered: {error}.")

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(body=b"ok"),
            Reply(body=b""),
            Reply(204, body=b""),
            Reply(body=b"<html>Sign in to the hotel's network</html>", headers={"Content-Type": "text/html"}),
            as_json(["ok"]),
            as_json("ok"),
            as_json(None),
            as_json({}),
            as_json({"ok": "yes"}),
            as_json({"ok": False}),
            as_json({"ok": False, "error": None}),
            as_json({"ok": True}),
            as_json({"ok": True, "ts": None, "channel": "C1"}),
            Reply(headers={"Content-Type": "application/json"}, body=b'{"ok": true,'),
            Reply(headers={"Content-Type": "application/json"}, body=b'{"ok": true}', length=500),
            Reply(headers={"Content-Type": "application/json"}, body=b"[" * 60_000),
            Reply(headers={"Content-Type": "application/json"}, body=b'{"ok": true, "x": "' + b"y" * 5_000_000 + b'"}'),
            Reply(headers={"Content-Type": "application/json; charset=utf-16"}, body=b'{"ok": true}'),
            Reply(headers={"Content-Type": "text/plain"}, body=b'{"ok": true, "ts": "1", "channel": "C"}'),
            Reply(headers={"Content-Type": "application/json"}, body=b'{"ok": true, "e": "\xff"}'),
        ],
        ids=lambda reply: reply.headers.get("Content-Type", "") + " " + repr(reply.body[:25]),
    )
    def test_what_is_no_answer_of_slacks_is_tried_again(self, bot: Channel, sink: HttpSink, reply: Reply) -> None:
        sink.answer(reply)
        receipt = sent(bot)
        assert receipt.outcome is Outcome.AGAIN
        assert receipt.reason


class TestWebhook:
    """An incoming webhook, which MONITOR_ALERT_WEBHOOK_URL is."""

    @pytest.fixture
    def hook(self, sink: HttpSink) -> Channel:
        return channel("slack", {"webhook_url": f"{sink.url}/services/T0/B0/secret"})

    @pytest.mark.promise("C8", "C18")
    def test_each_message_is_posted_whole(self, hook: Channel, slack: Slack, sink: HttpSink) -> None:
        receipts = [sent(hook), sent(hook, RESOLVED, event_id="later")]
        assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED] * 2
        assert [request.path for request in sink.requests] == ["/services/T0/B0/secret"] * 2
        assert [post.key for post in slack.posts] == ["6f0d.12.1.ops", "later"]
        assert "authorization" not in sink.requests[0].headers

    @pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b"no_text", b"\xff\xfe", b"x" * 1_000_000])
    def test_a_200_without_its_ok_is_tried_again(self, hook: Channel, sink: HttpSink, body: bytes) -> None:
        sink.answer(Reply(body=body))
        receipt = sent(hook)
        assert receipt.outcome is Outcome.AGAIN
        assert len(receipt.reason) <= 300
