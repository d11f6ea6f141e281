"""Who may say what waits, in which order; how saying it ends; and that a lease that was lost writes nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.incident import Change, Entry, Step
from telemetry_assets.ledger import incidents, outbox
from telemetry_assets.ledger.incidents import MovedOnError
from tests.ledger.outbox_builders import (
    ACCEPTED,
    ANY_PACE,
    GONE,
    MINUTE,
    NOON,
    REFUSED,
    SECOND,
    Ledger,
    claim,
    heads,
    message,
    only,
    step,
    tell,
)


def _statuses(conn: Ledger, number: int = 1) -> list[tuple[int, str, str]]:
    return [(one.message.seq, one.message.channel, one.status) for one in outbox.messages_of(conn, number)]


class TestClaiming:
    """What is given out."""

    def test_everything_that_waits_in_a_conversation_comes_at_once_oldest_first(self, scratch: Ledger) -> None:
        for minute in range(3):
            tell(scratch, 1, at=NOON + minute * MINUTE)
        (found,) = claim(scratch)
        assert found.messages == tuple(message(1, seq, at=NOON + (seq - 1) * MINUTE) for seq in (1, 2, 3))
        assert (found.incident, found.channel, found.written_at) == (1, "chat", NOON)
        assert (found.tries, found.failures, found.refs, found.accepted) == (0, 0, {}, ())

    def test_what_is_leased_is_given_to_nobody_else_while_the_lease_lasts(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        assert heads(claim(scratch)) == [(1, "chat")]
        tell(scratch, 1)
        assert claim(scratch, NOON + timedelta(days=1)) == ()

    def test_the_oldest_message_goes_first(self, scratch: Ledger) -> None:
        for number, minute in ((1, 3), (2, 1), (3, 2)):
            tell(scratch, number, at=NOON + minute * MINUTE)
        assert [only_one[0] for only_one in (heads(claim(scratch, limit=1)) for _ in range(3))] == [
            (2, "chat"),
            (3, "chat"),
            (1, "chat"),
        ]

    def test_who_failed_less_often_goes_before_who_waits_longer(self, scratch: Ledger) -> None:
        tell(scratch, 1, at=NOON - 2 * MINUTE)
        outbox.again(scratch, only(scratch), REFUSED, NOON, NOON)
        tell(scratch, 2, at=NOON - MINUTE)
        tell(scratch, 3)
        assert heads(claim(scratch)) == [(2, "chat")]

    def test_channels_share_the_limit_and_do_not_wait_for_each_other(self, scratch: Ledger) -> None:
        for number in range(1, 6):
            tell(scratch, number, at=NOON - MINUTE)
        tell(scratch, 6, ["mail"])
        assert (6, "mail") in heads(claim(scratch, limit=2))

    def test_only_the_channels_asked_for_are_given_out(self, scratch: Ledger) -> None:
        tell(scratch, 1, ["chat", "mail"])
        assert heads(claim(scratch, rates={"mail": 1.0})) == [(1, "mail")]
        assert claim(scratch, rates={}) == claim(scratch, limit=0) == claim(scratch, rates={"fax": 1.0}) == ()

    def test_a_channel_that_nobody_declares_any_more_is_still_seen_to_have_something(self, scratch: Ledger) -> None:
        tell(scratch, 1, ["gone", "chat"])
        tell(scratch, 2, ["gone"])
        assert outbox.channels(scratch) == ("chat", "gone")
        outbox.dead(scratch, only(scratch, channel="chat"), GONE, NOON, None)
        assert outbox.channels(scratch) == ("gone",)

    def test_a_lease_that_ended_is_taken_over_and_its_holder_can_write_nothing(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        (lost,) = claim(scratch, lease_for=timedelta(0))
        held = only(scratch)
        before = outbox.messages_of(scratch, 1)
        instead = step(incidents.find(scratch, 1), 1, ["mail"])
        assert not outbox.sent(scratch, lost, ACCEPTED, NOON)
        assert not outbox.again(scratch, lost, REFUSED, NOON, NOON)
        assert not outbox.dead(scratch, lost, GONE, NOON, instead)
        assert outbox.sent_together(scratch, [(lost, ACCEPTED), (held, ACCEPTED)], NOON) == (False, True)
        assert outbox.messages_of(scratch, 1)[0].tries == before[0].tries + 1
        assert len(outbox.deliveries_of(scratch, 1)) == len(incidents.timeline(scratch, 1)) == 1

    def test_a_receipt_is_kept_after_the_lease_ended_if_nobody_took_it_over(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        (late,) = claim(scratch, lease_for=timedelta(0))
        assert outbox.sent(scratch, late, ACCEPTED, NOON)
        assert claim(scratch) == ()

    def test_a_lease_of_a_clock_that_was_set_back_is_not_waited_for(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        only(scratch)
        scratch.execute("update telemetry.conversations set leased_until = leased_until + interval '1 day'")
        assert heads(claim(scratch)) == [(1, "chat")]


class TestEnding:
    """How an attempt ends."""

    def test_sent_covers_what_was_claimed_and_not_what_was_written_since(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        claimed = only(scratch)
        tell(scratch, 1)
        receipt = Receipt(Outcome.ACCEPTED, receipt="ok 17", refs={"ts": "17.1"}, took=timedelta(seconds=1.5))
        assert outbox.sent(scratch, claimed, receipt, NOON + SECOND)
        assert _statuses(scratch) == [(1, "chat", "sent"), (2, "chat", "pending")]
        following = only(scratch)
        assert ([said.seq for said in following.messages], following.refs) == ([2], {"ts": "17.1"})
        (delivery,) = outbox.deliveries_of(scratch, 1)
        assert (delivery.seqs, delivery.tried_at, delivery.took) == ((1,), NOON + SECOND, timedelta(seconds=1.5))
        assert (delivery.outcome, delivery.receipt) == (Outcome.ACCEPTED, "ok 17")

    def test_a_receipt_recorded_twice_is_recorded_once(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        claimed = only(scratch)
        assert outbox.sent(scratch, claimed, ACCEPTED, NOON)
        assert not outbox.sent(scratch, claimed, ACCEPTED, NOON)
        assert len(outbox.deliveries_of(scratch, 1)) == 1

    def test_refs_of_later_receipts_join_those_of_earlier_ones(self, scratch: Ledger) -> None:
        for refs in ({"ts": "1", "thread": "1"}, {"ts": "2"}, {}):
            tell(scratch, 1)
            outbox.sent(scratch, only(scratch), Receipt(Outcome.ACCEPTED, refs=refs), NOON)
        tell(scratch, 1)
        assert only(scratch).refs == {"ts": "2", "thread": "1"}

    def test_again_counts_the_tries_and_waits_as_long_as_it_was_told(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        now = NOON
        for tries in range(4):
            found = only(scratch, now)
            assert (found.tries, found.failures, found.channel_failures) == (tries, tries, tries)
            assert outbox.again(scratch, found, REFUSED, now + SECOND, now)
            assert claim(scratch, now + SECOND / 2) == ()
            now += SECOND
        assert [(one.outcome, one.reason) for one in outbox.deliveries_of(scratch, 1)] == [
            (REFUSED.outcome, REFUSED.reason)
        ] * 4

    def test_of_several_recipients_those_that_have_all_of_it_are_kept(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        some = Receipt(Outcome.AGAIN, accepted=("a@x", "b@x"))
        outbox.again(scratch, only(scratch), some, NOON, NOON)
        first = only(scratch)
        assert first.accepted == ("a@x", "b@x")
        outbox.again(scratch, first, Receipt(Outcome.AGAIN, accepted=("b@x", "c@x")), NOON, NOON)
        tell(scratch, 1)
        joined = only(scratch)
        assert joined.accepted == ()
        outbox.again(scratch, joined, Receipt(Outcome.AGAIN, accepted=("c@x",)), NOON, NOON)
        assert only(scratch).accepted == ("c@x",)
        assert outbox.messages_of(scratch, 1)[0].accepted == ("a@x", "b@x", "c@x")

    def test_success_ends_the_failures_of_conversation_and_channel(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        tell(scratch, 2)
        outbox.again(scratch, claim(scratch, limit=1)[0], REFUSED, NOON, NOON)
        outbox.sent(scratch, only(scratch), ACCEPTED, NOON)
        found = only(scratch)
        assert (found.incident, found.failures, found.channel_failures) == (1, 1, 0)
        outbox.sent(scratch, found, ACCEPTED, NOON)
        tell(scratch, 1)
        assert only(scratch).failures == 0

    def test_a_death_tells_somebody_else_in_the_same_transaction(self, scratch: Ledger) -> None:
        change = tell(scratch, 1)
        after = replace(change.after, steps=2)
        entry = Entry(1, 2, Step.UNDELIVERED, NOON, "chat: 404", channels=("mail",))
        instead = Change(change.after, after, (entry,), (message(1, 2, "mail"),))
        assert outbox.dead(scratch, only(scratch), GONE, NOON, instead)
        assert _statuses(scratch) == [(1, "chat", "dead"), (2, "mail", "pending")]
        assert incidents.timeline(scratch, 1)[-1] == entry
        assert outbox.messages_of(scratch, 1)[0].reason == GONE.reason
        assert outbox.died_on(scratch, 1) == {"chat"}
        assert heads(claim(scratch)) == [(1, "mail")]

    def test_a_death_whose_incident_has_moved_on_is_not_written(self, scratch: Ledger) -> None:
        stale = tell(scratch, 1).after
        claimed = only(scratch)
        tell(scratch, 1, ["mail"])
        with pytest.raises(MovedOnError):
            outbox.dead(scratch, claimed, GONE, NOON, step(stale, 1, ["hook"]))
        assert _statuses(scratch) == [(1, "chat", "pending"), (2, "mail", "pending")]
        assert outbox.deliveries_of(scratch, 1) == ()
        assert outbox.dead(scratch, claimed, GONE, NOON, step(incidents.find(scratch, 1), 1, ["hook"]))

    def test_hostile_answers_of_the_other_side_are_kept_as_text(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        receipt = Receipt(Outcome.ACCEPTED, reason="\x00\ud800", receipt="a\x00b", refs={"id\x00": "\x00"})
        assert outbox.sent(scratch, only(scratch), replace(receipt, accepted=("\x00@x",)), NOON)
        assert outbox.deliveries_of(scratch, 1)[0].receipt == "a\ufffdb"


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["tell", "claim", "sent", "again", "dead", "lose", "replay"]),
        st.integers(1, 3),
        st.sampled_from(["chat", "mail"]),
    ),
    max_size=25,
)


@given(acts=ACTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_nothing_is_lost_nothing_is_given_twice_and_the_order_stays(
    scratch: Ledger, acts: list[tuple[str, int, str]]
) -> None:
    with scratch.transaction(force_rollback=True):
        _play(scratch, acts)


def _play(conn: Ledger, acts: list[tuple[str, int, str]]) -> None:
    """Against a model: every message is pending, sent or dead as it was said, and is never in two hands."""
    model: dict[tuple[int, str, int], str] = {}
    held: dict[tuple[int, str], outbox.Claim] = {}
    for act, number, channel in acts:
        key = (number, channel)
        if act == "tell":
            written = tell(conn, number, [channel])
            model[(*key, written.after.steps)] = "pending"
        elif act == "claim":
            for one in claim(conn, rates={channel: float("inf")}):
                assert (one.incident, one.channel) not in held
                seqs = [seq for *of, seq in model if tuple(of) == (one.incident, one.channel)]
                assert one.seqs == sorted(s for s in seqs if model[one.incident, one.channel, s] == "pending")
                held[one.incident, one.channel] = one
        elif act == "replay":
            mine = [place for place, status in model.items() if place[:2] == key and status == "dead"]
            assert outbox.replay(conn, number, channel, NOON, "me") == len(mine)
            model |= dict.fromkeys(mine, "pending")
        elif key in held:
            one = held.pop(key)
            if act == "lose":
                conn.execute(
                    "update telemetry.conversations set leased_until = '-infinity' where lease = %s", (one.lease,)
                )
                continue
            ended = {
                "sent": lambda one=one: outbox.sent(conn, one, ACCEPTED, NOON),
                "again": lambda one=one: outbox.again(conn, one, REFUSED, NOON, NOON),
                "dead": lambda one=one: outbox.dead(conn, one, GONE, NOON, None),
            }
            assert ended[act]()
            if act != "again":
                model |= {(*key, seq): act for seq in one.seqs}
    stored = {
        (kept.message.incident, kept.message.channel, kept.message.seq): kept.status
        for number in (1, 2, 3)
        for kept in outbox.messages_of(conn, number)
    }
    assert stored == model
    pending = {place for place, status in model.items() if status == "pending"}
    assert outbox.waiting(conn, NOON).pending == len(pending)
    conn.execute("update telemetry.conversations set leased_until = '-infinity'")
    while found := claim(conn):
        for one in found:
            pending -= {(one.incident, one.channel, seq) for seq in one.seqs}
            assert outbox.sent(conn, one, ACCEPTED, NOON)
    assert pending == set()


def test_every_pace_is_one_that_can_be_asked_for(scratch: Ledger) -> None:
    tell(scratch, 1)
    for rate in (0.0, -1.0, 1e-9, 1e9, float("inf")):
        (found,) = claim(scratch, rates={**ANY_PACE, "chat": rate}, lease_for=timedelta(0))
        scratch.execute("update telemetry.channels set next_at = '-infinity'")
        assert found.incident == 1


def test_a_conversation_of_hundreds_of_messages_does_not_hold_up_the_others(scratch: Ledger) -> None:
    change = tell(scratch, 1, at=NOON - MINUTE)
    said = tuple(message(1, seq, at=NOON - MINUTE) for seq in range(2, 302))
    incidents.apply(scratch, [Change(change.after, change.after, (), said)])
    for number in (2, 3):
        tell(scratch, number)
    assert len(claim(scratch, limit=2)[0].messages) == 301
    assert heads(claim(scratch, limit=5)) == [(2, "chat"), (3, "chat")]
