"""How fast a channel speaks, whoever sends; how it waits when it fails; and that no clock stops it for long."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.ledger import incidents, outbox
from telemetry_assets.ledger.connection import connect
from tests.ledger.outbox_builders import (
    ACCEPTED,
    GONE,
    MINUTE,
    NOON,
    REFUSED,
    SECOND,
    Ledger,
    claim,
    heads,
    only,
    step,
    tell,
)

HOUR = timedelta(hours=1)


def _tell_many(conn: Ledger, number: int, channel: str = "chat") -> None:
    incidents.apply(conn, [step(None, one, [channel]) for one in range(1, number + 1)])


def _later(conn: Ledger, by: timedelta) -> None:
    """The server's clock goes on: what it holds lies so much further back."""
    conn.execute("update telemetry.channels set next_at = next_at - %s", (by,))


class TestPace:
    """How often."""

    def test_a_channel_of_one_a_second_gives_out_one_a_second(self, scratch: Ledger) -> None:
        _tell_many(scratch, 4)
        given: list[int] = []
        for _ in range(8):
            given += [one.incident for one in claim(scratch, rates={"chat": 1.0})]
            _later(scratch, SECOND / 2)
        assert given == [1, 2, 3, 4]

    def test_a_fast_channel_gets_a_quarter_of_a_second_at_a_time(self, scratch: Ledger) -> None:
        _tell_many(scratch, 30)
        assert len(claim(scratch, rates={"chat": 40.0})) == 10
        assert claim(scratch, rates={"chat": 40.0}) == ()
        _later(scratch, SECOND / 4)
        assert len(claim(scratch, rates={"chat": 40.0}, limit=7)) == 7
        _later(scratch, SECOND / 5)
        assert len(claim(scratch, rates={"chat": 40.0})) == 10

    def test_what_is_not_given_out_costs_no_pace(self, scratch: Ledger) -> None:
        _tell_many(scratch, 1)
        assert len(claim(scratch, rates={"chat": 100.0})) == 1
        tell(scratch, 2)
        _later(scratch, SECOND / 100)
        assert len(claim(scratch, rates={"chat": 100.0})) == 1

    @pytest.mark.parametrize("rate", [20.0, 200.0])
    @pytest.mark.slow
    def test_dispatchers_at_once_keep_the_pace_together(self, database: str, conn: Ledger, rate: float) -> None:
        _tell_many(conn, 200)
        ends = time.monotonic() + 1.0

        def dispatch(_: int) -> int:
            sent = 0
            with connect(database) as mine:
                while time.monotonic() < ends:
                    found = claim(mine, rates={"chat": rate})
                    sent += sum(outbox.sent_together(mine, [(one, ACCEPTED) for one in found], NOON))
                    time.sleep(0.01)
            return sent

        began = time.monotonic()
        with ThreadPoolExecutor(3) as pool:
            sent = sum(pool.map(dispatch, range(3)))
        took = time.monotonic() - began
        assert sent <= rate * (took + 0.25 + 0.05) + 1
        assert sent >= 5

    def test_a_clock_set_back_does_not_stop_the_pace(self, scratch: Ledger) -> None:
        _tell_many(scratch, 2)
        claim(scratch, rates={"chat": 1.0})
        _later(scratch, -HOUR)
        assert heads(claim(scratch, rates={"chat": 1.0})) == [(2, "chat")]
        assert claim(scratch, rates={"chat": 1.0}) == ()


class TestFailing:
    """How a channel waits."""

    def test_a_channel_that_fails_gives_out_one_conversation_at_a_time(self, scratch: Ledger) -> None:
        _tell_many(scratch, 5)
        tell(scratch, 6, ["mail"])
        for one in claim(scratch, limit=2, rates={"chat": float("inf")}):
            outbox.again(scratch, one, REFUSED, NOON, NOON)
        trial = only(scratch)
        assert claim(scratch, rates={"chat": float("inf")}) == ()
        assert heads(claim(scratch)) == [(6, "mail")]
        outbox.again(scratch, trial, REFUSED, NOON, NOON)
        trial = only(scratch)
        assert trial.incident not in (1, 2)
        outbox.sent(scratch, trial, ACCEPTED, NOON)
        assert len(claim(scratch)) == 4

    def test_a_lost_trial_is_followed_by_another_when_its_lease_ends(self, scratch: Ledger) -> None:
        _tell_many(scratch, 3)
        outbox.again(scratch, claim(scratch, limit=1)[0], REFUSED, NOON, NOON)
        claim(scratch, lease_for=timedelta(0))
        assert len(claim(scratch)) == 1

    def test_the_whole_channel_waits_and_no_other(self, scratch: Ledger) -> None:
        for number in (1, 2):
            tell(scratch, number, ["chat", "mail"])
        outbox.again(scratch, claim(scratch, limit=1, rates={"chat": float("inf")})[0], REFUSED, NOON + SECOND, NOON)
        assert heads(claim(scratch)) == [(1, "mail"), (2, "mail")]
        assert heads(claim(scratch, NOON + SECOND)) == [(2, "chat")]

    def test_a_message_that_nobody_takes_stops_the_others_for_a_second_only(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        outbox.again(scratch, only(scratch), REFUSED, NOON + 5 * MINUTE, NOON)
        tell(scratch, 2)
        assert claim(scratch) == ()
        assert heads(claim(scratch, NOON + SECOND)) == [(2, "chat")]
        assert heads(claim(scratch, NOON + 5 * MINUTE)) == []

    def test_the_channel_waits_longer_each_time_it_fails_in_a_row(self, scratch: Ledger) -> None:
        _tell_many(scratch, 5)
        now = NOON
        for failures in range(5):
            (found,) = claim(scratch, now, limit=1 if failures == 0 else 9)
            assert (found.incident, found.failures) == (failures + 1, failures)
            outbox.again(scratch, found, REFUSED, now + 2**failures * SECOND, now)
            assert claim(scratch, now + (2**failures - 0.5) * SECOND) == ()
            now += 2**failures * SECOND

    def test_a_batch_that_fails_together_counts_as_one_failure_of_the_channel(self, scratch: Ledger) -> None:
        _tell_many(scratch, 9)
        for one in claim(scratch):
            outbox.again(scratch, one, REFUSED, NOON + SECOND, NOON)
        assert only(scratch, NOON + SECOND).channel_failures == 1

    def test_what_the_other_side_asked_for_holds_whatever_else_it_accepted(self, scratch: Ledger) -> None:
        _tell_many(scratch, 3)
        one, two, _ = claim(scratch)
        slow_down = Receipt(Outcome.AGAIN, "429", retry_after=30 * SECOND)
        outbox.again(scratch, one, slow_down, NOON + 30 * SECOND, NOON)
        outbox.sent(scratch, two, ACCEPTED, NOON)
        tell(scratch, 4)
        assert claim(scratch, NOON + 29 * SECOND) == ()
        assert {1, 4} == {found.incident for found in claim(scratch, NOON + 30 * SECOND)}

    def test_a_shorter_wait_does_not_shorten_a_longer_one(self, scratch: Ledger) -> None:
        _tell_many(scratch, 2)
        one, two = claim(scratch)
        outbox.again(scratch, one, Receipt(Outcome.AGAIN, retry_after=MINUTE), NOON + MINUTE, NOON)
        outbox.again(scratch, two, REFUSED, NOON + SECOND, NOON)
        tell(scratch, 4)
        assert claim(scratch, NOON + 59 * SECOND) == ()
        assert len(claim(scratch, NOON + MINUTE)) == 1

    def test_a_death_says_nothing_of_the_channel(self, scratch: Ledger) -> None:
        _tell_many(scratch, 3)
        outbox.dead(scratch, claim(scratch, limit=1)[0], GONE, NOON, None)
        assert len(claim(scratch)) == 2


class TestClocks:
    """What the clock of who sends may do."""

    def test_one_set_back_delays_a_try_by_five_minutes_at_most(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        outbox.again(scratch, only(scratch), REFUSED, NOON + 4 * MINUTE, NOON)
        assert claim(scratch, NOON - MINUTE) == ()
        for back in (5 * MINUTE, HOUR, timedelta(days=400)):
            assert heads(claim(scratch, NOON - back, lease_for=timedelta(0))) == [(1, "chat")]
            scratch.execute("update telemetry.channels set retry_at = %s, failures = 1", (NOON + SECOND,))

    def test_one_set_back_delays_what_was_asked_for_no_longer_than_that(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        slow_down = Receipt(Outcome.AGAIN, "429", retry_after=HOUR)
        outbox.again(scratch, only(scratch), slow_down, NOON + HOUR, NOON)
        assert claim(scratch, NOON) == ()
        assert heads(claim(scratch, NOON - SECOND)) == [(1, "chat")]

    def test_no_wait_is_longer_than_an_hour_and_five_minutes(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        outbox.again(scratch, only(scratch), Receipt(Outcome.AGAIN, retry_after=HOUR), NOON + timedelta(days=9), NOON)
        assert heads(claim(scratch, NOON + HOUR + 5 * MINUTE)) == [(1, "chat")]

    def test_one_set_forward_kills_and_delays_nothing(self, scratch: Ledger) -> None:
        ahead = NOON + timedelta(days=3650)
        tell(scratch, 1, at=ahead)
        outbox.again(scratch, only(scratch, ahead), REFUSED, ahead + MINUTE, ahead)
        assert heads(claim(scratch, NOON)) == [(1, "chat")]
        assert outbox.waiting(scratch, NOON).oldest_written_at == ahead

    def test_times_at_the_ends_of_the_calendar_are_times(self, scratch: Ledger) -> None:
        for number, at in enumerate((NOON.replace(year=1), NOON.replace(year=9999)), 1):
            tell(scratch, number, at=at)
            found = only(scratch, at)
            assert found.written_at == at
            outbox.again(scratch, found, REFUSED, at, at)
            outbox.sent(scratch, only(scratch, at), ACCEPTED, at)
