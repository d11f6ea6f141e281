"""The campaign's judgement can be bad: each way to betray the record is seen."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from tests.faults.faults_of_sinks import Heard
from tests.faults.ledger_of_truth import Books, Row, Written, judge

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
WHO = UUID("00000000-0000-4000-8000-000000000001")


def entry(seq: int, step: str, *channels: str) -> Written:
    return Written(1, seq, step, AT, f"It {step} at {seq}.", channels, "web-0")


def heard(seq: int, channel: str = "web", more: str = "", **fields: bool) -> Heard:
    body = json.dumps({"event_id": f"{WHO}.1.{seq}.{channel}", "history": more}).encode()
    return Heard(channel, "", {}, body, **{"answered": True, **fields})


def books(*entries: Written, receipts: tuple[int, ...] = (1, 2), dead: tuple[int, ...] = ()) -> Books:
    rows = tuple(
        Row(1, one.seq, channel, "dead" if one.seq in dead else "sent", "")
        for one in entries
        for channel in one.channels
    )
    return Books(WHO, entries, rows, tuple((1, "web", (seq,)) for seq in receipts), len(receipts), ())


TWO = books(entry(1, "opened", "web"), entry(2, "resolved", "web"))


def test_what_was_written_and_accepted_once_in_order_is_clean() -> None:
    assert judge(TWO, [heard(1), heard(2)]).findings == []


def test_a_message_taken_out_of_the_record_is_a_loss() -> None:
    assert len(judge(TWO, [heard(1)]).lost) == 1
    assert len(judge(TWO, []).lost) == 2


def test_a_message_told_as_history_of_a_later_one_is_not_lost_and_without_its_words_it_is() -> None:
    verdict = judge(TWO, [heard(2, more="It opened at 1.")])
    assert (verdict.findings, verdict.joined) == ([], 1)
    assert len(judge(TWO, [heard(2, more="something")]).lost) == 1


def test_a_step_that_never_came_into_the_outbox_is_a_loss() -> None:
    assert len(judge(replace(TWO, rows=TWO.rows[:1]), [heard(1), heard(2)]).lost) == 1


def test_a_dead_message_is_lost_unless_somebody_else_was_told() -> None:
    died = books(entry(1, "opened", "web"), entry(2, "undelivered", "pager"), receipts=(), dead=(1,))
    assert len(judge(died, []).lost) == 2
    verdict = judge(died, [heard(2, "pager")])
    assert (verdict.findings, verdict.elsewhere) == ([], 1)


def test_a_double_is_excused_only_where_the_sender_could_not_know() -> None:
    assert judge(TWO, [heard(1, answered=False), heard(1), heard(2)]).doubles == 1
    assert judge(TWO, [heard(1, answered=False), heard(1), heard(2)]).findings == []
    assert judge(TWO, [heard(1, unmarked=True), heard(1), heard(2)]).findings == []
    assert len(judge(TWO, [heard(1), heard(1), heard(2)]).doubles_outside) == 1


def test_a_double_after_its_receipt_was_on_record_is_never_excused() -> None:
    twice = replace(TWO, receipts=((1, "web", (1,)), (1, "web", (1,)), (1, "web", (2,))))
    assert len(judge(twice, [heard(1, answered=False), heard(1), heard(2)]).doubles_outside) == 1


def test_an_earlier_step_told_after_a_later_one_is_out_of_order() -> None:
    assert len(judge(TWO, [heard(2), heard(1)]).disordered) == 1


def test_the_same_step_under_two_keys_is_a_double_for_whoever_honours_keys() -> None:
    other = replace(heard(1), body=heard(1).body.replace(b"web", b"web:1"))
    assert judge(TWO, [heard(1), other, heard(2)]).effective_doubles == []  # the key ends before what is no part of it
    different = replace(heard(1), body=json.dumps({"event_id": f"{WHO}/1.1.web"}).encode())
    assert len(judge(TWO, [heard(1), different, heard(2)]).effective_doubles) == 1


def test_each_of_several_recipients_must_have_been_told() -> None:
    to = {"web": ("a", "b")}
    mail = f"Message-ID: <{WHO}.1.%d.web@x>\n\nwords".encode()
    both = [Heard("web", who, {}, mail % seq, answered=True) for seq in (1, 2) for who in "ab"]
    assert judge(TWO, both, recipients=to).findings == []
    assert len(judge(TWO, both[:3], recipients=to).lost) == 1


def test_a_secret_in_a_reason_or_in_what_was_printed_is_a_leak() -> None:
    told = [heard(1), heard(2)]
    assert len(judge(TWO, told, secrets=["xoxb"], said=["refused: token xoxb"]).leaked) == 1
    assert len(judge(replace(TWO, said=("https://h/xoxb",)), told, secrets=["xoxb"]).leaked) == 1
