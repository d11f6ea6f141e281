"""What waits, when it is due, what died, and writing that anew."""

from datetime import timedelta

from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.incident import Step
from telemetry_assets.ledger import audit, incidents, outbox
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.outbox import Waiting
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


def _kill(conn: Ledger, now: timedelta = timedelta(0)) -> None:
    for one in claim(conn):
        assert outbox.dead(conn, one, GONE, NOON + now, None)


class TestWaiting:
    """What waits."""

    def test_nothing_waits_in_an_empty_outbox(self, scratch: Ledger) -> None:
        assert outbox.waiting(scratch, NOON) == Waiting(0, None, 0)
        assert outbox.next_due(scratch, NOON) is None
        assert outbox.channels(scratch) == ()
        assert outbox.messages_of(scratch, 1) == outbox.deliveries_of(scratch, 1) == ()

    def test_the_oldest_that_waits_is_named_and_what_died_in_the_last_hour_is_counted(self, scratch: Ledger) -> None:
        tell(scratch, 1, ["chat", "mail"], NOON - MINUTE)
        _kill(scratch)
        tell(scratch, 2, at=NOON - 2 * MINUTE)
        tell(scratch, 3)
        assert outbox.waiting(scratch, NOON) == Waiting(2, NOON - 2 * MINUTE, 2)
        assert outbox.waiting(scratch, NOON + timedelta(hours=1)).died_since == 0


class TestDue:
    """When something may go."""

    def test_what_was_just_written_is_due_at_once(self, scratch: Ledger) -> None:
        tell(scratch, 1, at=NOON + MINUTE)
        assert outbox.next_due(scratch, NOON) == NOON

    def test_what_waits_in_other_channels_can_be_left_out(self, scratch: Ledger) -> None:
        tell(scratch, 1, ["gone"])
        assert outbox.next_due(scratch, NOON, ["chat"]) is None
        assert outbox.next_due(scratch, NOON, []) is None
        assert outbox.next_due(scratch, NOON, ["gone"]) == outbox.next_due(scratch, NOON) == NOON

    def test_the_pace_is_told_by_the_clock_of_who_asks(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        tell(scratch, 2)
        claim(scratch, rates={"chat": 0.1})
        due = outbox.next_due(scratch, NOON)
        assert due is not None
        assert NOON + 8 * SECOND < due <= NOON + 10 * SECOND

    def test_a_channel_that_waits_is_due_when_its_wait_ends(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        outbox.again(scratch, only(scratch), Receipt(Outcome.AGAIN, retry_after=MINUTE), NOON + MINUTE, NOON)
        tell(scratch, 2)
        assert outbox.next_due(scratch, NOON) == NOON + MINUTE
        assert outbox.next_due(scratch, NOON - timedelta(days=1)) == NOON - timedelta(days=1)
        tell(scratch, 3, ["mail"])
        assert outbox.next_due(scratch, NOON) == NOON

    def test_a_conversation_that_waits_alone_is_due_when_its_wait_ends(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        outbox.again(scratch, only(scratch), REFUSED, NOON + MINUTE, NOON)
        tell(scratch, 2)
        outbox.sent(scratch, only(scratch, NOON + SECOND), ACCEPTED, NOON)
        assert outbox.next_due(scratch, NOON + SECOND) == NOON + MINUTE

    def test_a_conversation_that_somebody_holds_is_due_when_the_lease_ends(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        (held,) = claim(scratch, lease_for=30 * SECOND)
        due = outbox.next_due(scratch, NOON)
        assert due is not None
        assert NOON + 20 * SECOND < due <= NOON + 30 * SECOND
        outbox.sent(scratch, held, ACCEPTED, NOON)
        assert outbox.next_due(scratch, NOON) is None

    def test_when_it_says_now_there_is_something_to_claim(self, scratch: Ledger) -> None:
        for number in range(1, 5):
            tell(scratch, number, ["chat", "mail"])
        now = NOON
        while (due := outbox.next_due(scratch, now)) is not None:
            now = max(now, due)
            found = claim(scratch, now)
            assert found
            for one in found:
                if one.tries < one.incident:
                    outbox.again(scratch, one, REFUSED, now + one.incident * SECOND, now)
                else:
                    outbox.sent(scratch, one, ACCEPTED, now)
        assert outbox.waiting(scratch, now).pending == 0


class TestReplay:
    """Writing anew what died."""

    def test_dead_messages_wait_as_if_they_were_new(self, scratch: Ledger) -> None:
        tell(scratch, 1)
        outbox.again(scratch, only(scratch), REFUSED, NOON + 5 * MINUTE, NOON)
        later = NOON + timedelta(days=3)
        outbox.dead(scratch, only(scratch, later), GONE, later, None)
        assert outbox.replay(scratch, None, None, later, "me") == 1
        found = only(scratch, later)
        assert (found.tries, found.failures, found.written_at) == (0, 1, later)
        assert [said.key for said in found.messages] == ["1.1.chat"]
        assert outbox.died_on(scratch, 1) == frozenset()

    def test_timeline_audit_and_listeners_hear_of_it(self, database: str, conn: Ledger) -> None:
        tell(conn, 1, ["chat", "mail"])
        _kill(conn)
        with connect(database) as other:
            other.execute(f"listen {incidents.NOTICE}".encode())
            assert outbox.replay(conn, 1, None, NOON, "me") == 2
            assert len(list(other.notifies(timeout=0.2))) == 1
        entry = incidents.timeline(conn, 1)[-1]
        assert (entry.seq, entry.step, entry.actor) == (2, Step.REPLAYED, "me")
        assert (entry.words, entry.channels) == ("2 dead messages written anew", ("chat", "mail"))
        incident = incidents.find(conn, 1)
        assert incident is not None
        assert incident.steps == 2
        assert [(one.actor, one.action, one.resource) for one in audit.read(conn)] == [("me", "replay", "incident 1")]
        incidents.apply(conn, [step(incident, 1)])

    def test_only_what_was_asked_for_and_what_is_dead_is_written_anew(self, scratch: Ledger) -> None:
        tell(scratch, 1, ["chat", "mail"])
        tell(scratch, 2, ["chat", "mail"])
        _kill(scratch)
        tell(scratch, 3)
        outbox.sent(scratch, only(scratch), ACCEPTED, NOON)
        assert outbox.replay(scratch, 3, None, NOON, "me") == outbox.replay(scratch, 1, "fax", NOON, "me") == 0
        assert audit.read(scratch) == ()
        assert outbox.replay(scratch, 1, "mail", NOON, "me") == 1
        assert heads(claim(scratch)) == [(1, "mail")]
        assert outbox.replay(scratch, None, "chat", NOON, "me") == 2
        assert outbox.replay(scratch, None, None, NOON, "me") == 1

    def test_recipients_that_have_it_do_not_get_it_again(self, scratch: Ledger) -> None:
        tell(scratch, 1, ["mail"])
        some = Receipt(Outcome.DEAD, "550", accepted=("a@x",), refused=("b@x",))
        outbox.dead(scratch, only(scratch, channel="mail"), some, NOON, None)
        outbox.replay(scratch, None, None, NOON, "me")
        assert only(scratch, channel="mail").accepted == ("a@x",)
