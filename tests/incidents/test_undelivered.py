"""What becomes of messages on their way: joined, told to somebody else, tried again; and what only looks like one."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.incidents.backoff import next_try
from telemetry_assets.incidents.drill import drill
from telemetry_assets.incidents.incident import Phase
from telemetry_assets.incidents.joined import joined
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.routing import Escalation, Route, Routing
from telemetry_assets.incidents.undelivered import tell_instead
from telemetry_assets.model import CauseKind, State
from tests.incidents.made import ERROR, HOUR, MINUTE, NOON, ROUTING, WARN, Life, trouble


def instead(
    life: Life, *tried: str, of: int = -1, reason: str = "invalid_auth", routing: Routing = ROUTING
) -> list[str]:
    """The steps after a message of the life died."""
    message = life.messages[of]
    now = NOON + 9 * MINUTE
    return life.take(tell_instead(life.incidents[message.incident], message, reason, routing, tried, now))


class TestToldInstead:
    def test_first_whom_the_owner_escalates_to(self) -> None:
        life = Life()
        life.look(0, trouble())
        assert instead(life) == ["1 undelivered pager"]
        assert life.words == ("slack did not get the message of step 1 (opened): invalid_auth; told to pager instead")
        assert life.messages[-1].facts[0] == ("Told to you because", "slack did not get it: invalid_auth")
        assert life.look(20) == ["1 resolved pager,slack"]

    def test_then_another_channel_of_the_owner_then_everybody_else_then_the_fallback_then_nobody(self) -> None:
        routes = {
            "a": Route("a", {ERROR: ("one", "two"), WARN: ("three",)}, Escalation(HOUR, "b")),
            "b": Route("b", {ERROR: ("boss",)}),
            "c": Route("c", {WARN: ("four",)}),
            "d": Route("d", {ERROR: ("five",)}),
        }
        routing = Routing(routes=routes, fallback=("hook",))
        life = Life(routing)
        life.look(0, trouble(owner="a"))
        tried: list[str] = []
        said: list[str] = []
        while True:
            (step,) = instead(life, *tried, of=0, routing=routing)
            said.append(step.removeprefix("1 undelivered"))
            tried += said[-1].strip().split(",")
            if not said[-1]:
                break
        assert said == [" boss", " two", " three", " five,four", " hook", ""]
        assert life.words.endswith("told to nobody instead")

    def test_each_owner_of_the_message_is_seen_to(self) -> None:
        routes = {
            "a": Route("a", {ERROR: ("slack",)}, Escalation(HOUR, "c")),
            "b": Route("b", {ERROR: ("slack", "mail")}),
            "c": Route("c", {ERROR: ("pager",)}),
        }
        life = Life(Routing(routes=routes))
        life.look(0, trouble(owner="a"), trouble(asset="m", owner="b"))
        assert instead(life, "mail", of=1, routing=life.routing) == ["1 undelivered pager"]
        assert instead(life, of=1, routing=life.routing) == ["1 undelivered mail,pager"]

    def test_what_nobody_owns_goes_to_everybody_else(self) -> None:
        life = Life()
        life.look(0, trouble(owner=""))
        assert life.messages[0].channel == "pager"
        assert instead(life) == ["1 undelivered mail,slack"]

    def test_it_is_told_as_it_is_now(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(5)
        assert instead(life, of=0) == ["1 undelivered pager"]
        assert life.headline == (
            "shop: sync failed; over since 12:05 UTC: marts/sales for acme is 4 min old again"
            " (was 1 h 30 min, promised under 60 min)"
        )

    def test_a_reason_of_megabytes_is_cut(self) -> None:
        life = Life()
        life.look(0, trouble())
        instead(life, reason="no\r\n" * 3_000_000)
        assert len(life.words) < 500
        assert "\n" not in life.words

    def test_a_drill_is_not_told_to_anybody_else(self) -> None:
        change = drill(1, ["slack", "mail"], NOON)
        told = tell_instead(change.after, change.messages[0], "gone", ROUTING, (), NOON)
        assert told.messages == ()


class TestDrill:
    def test_it_goes_to_every_channel_marked_and_is_over_at_once(self) -> None:
        change = drill(7, ["slack", "mail", "slack"], NOON)
        assert (change.before, change.after.phase, change.after.drill) == (None, Phase.RESOLVED, True)
        assert [(one.channel, one.drill, one.key) for one in change.messages] == [
            ("mail", True, "7.1.mail"),
            ("slack", True, "7.1.slack"),
        ]
        assert change.after.kind is CauseKind.FIRE_DRILL

    def test_reconciling_leaves_it_alone(self) -> None:
        life = Life()
        life.take(drill(1, ["slack"], NOON))
        assert life.look(1) == []


class TestJoined:
    def make(self, *steps: tuple[float, State | None]) -> list[Message]:
        """The messages of a life: a state per minute, None for fresh."""
        life = Life()
        for minute, state in steps:
            life.look(minute, *([trouble(owner="marketing", state=state)] if state else []))
        return life.messages

    def test_one_message_stays_as_it_is(self) -> None:
        (message,) = self.make((0, State.FAIL))
        assert joined([message]) is message

    def test_what_opened_and_was_resolved_meanwhile_is_one_message_that_says_both(self) -> None:
        opened, ended = self.make((0, State.FAIL), (25, None))
        both = joined([ended, opened])
        assert both.key == ended.key
        assert both.headline.startswith("Told late, it opened at 12:00 UTC: shop: sync failed; over after 25 min: ")
        assert both.history == ((NOON, opened.headline),)

    def test_what_was_back_and_is_over_again_says_so(self) -> None:
        messages = self.make((0, State.FAIL), (25, None), (30, State.FAIL), (40, None))
        assert joined(messages[1:]).headline.startswith("Told late, it was back at 12:30 UTC: ")
        assert [at for at, _ in joined(messages).history] == [NOON, NOON + 25 * MINUTE, NOON + 30 * MINUTE]

    def test_what_is_open_still_says_the_newest_and_tells_the_rest_as_history(self) -> None:
        due, late = self.make((0, State.WARN), (5, State.FAIL))
        assert joined([due, late]).headline == late.headline
        assert joined([due, late]).history == ((NOON, due.headline),)

    def test_joining_what_was_joined_keeps_all_of_it(self) -> None:
        messages = self.make((0, State.WARN), (5, State.FAIL), (9, None))
        assert joined([joined(messages[:2]), messages[2]]).history == joined(messages).history

    def test_notes_and_owners_of_all_stay(self) -> None:
        route = Route("a", {ERROR: ("slack",)}, dashboard="{nope}")
        life = Life(Routing(routes={"a": route}))
        life.look(0, trouble(owner="a"))
        life.routing = Routing(routes={"a": Route("a", {ERROR: ("slack",)}), "b": Route("b", {ERROR: ("slack",)})})
        life.look(1, trouble(owner="a"), trouble(asset="m", owner="b"))
        both = joined(life.messages)
        assert len(both.notes) == 1
        assert both.owners == ("b", "a")

    def test_nothing_is_no_message(self) -> None:
        with pytest.raises(ValueError, match="no message"):
            joined([])


class TestBackoff:
    @pytest.mark.parametrize(
        ("failures", "whole"), [(-1, 1), (0, 1), (1, 2), (5, 32), (8, 256), (9, 300), (10**9, 300)]
    )
    def test_half_to_all_of_a_doubling_second_at_most_five_minutes(self, failures: int, whole: int) -> None:
        waits = [(next_try(failures, None, NOON, Random(seed)) - NOON).total_seconds() for seed in range(50)]
        assert all(whole / 2 <= wait <= whole for wait in waits)
        assert len(set(waits)) > 40

    @given(st.timedeltas(), st.integers(0, 100))
    def test_what_the_other_side_asks_for_holds_for_an_hour_at_most(self, asked: timedelta, failures: int) -> None:
        wait = next_try(failures, asked, NOON, Random(1)) - NOON
        assert wait == min(max(asked, timedelta(0)), HOUR)
