"""Silences are kept with who asked for them, hold until their time is over or somebody ends them, and are audited."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger import audit, silences

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_silence_holds_until_its_time_is_over(scratch: Ledger) -> None:
    silence = silences.add(scratch, "marts/*", "acme", NOON + HOUR, "rebuild", "me", NOON)
    assert (silence.asset, silence.tenant, silence.until) == ("marts/*", "acme", NOON + HOUR)
    assert (silence.reason, silence.author, silence.created_at, silence.ended_at) == ("rebuild", "me", NOON, None)
    assert silences.in_force(scratch, NOON + HOUR - timedelta(microseconds=1)) == (silence,)
    assert silences.in_force(scratch, NOON + HOUR) == ()
    assert silences.in_force(scratch, NOON - HOUR) == (silence,)


def test_a_silence_can_be_ended_once_and_by_anybody(scratch: Ledger) -> None:
    silence = silences.add(scratch, "shop/orders", None, NOON + HOUR, "", "me", NOON)
    ended = silences.end(scratch, silence.id, NOON + HOUR / 2, "you")
    assert ended == replace(silence, ended_at=NOON + HOUR / 2)
    assert silences.end(scratch, silence.id, NOON + HOUR / 2, "you") is None
    assert silences.in_force(scratch, NOON + HOUR / 2) == ()
    assert silences.in_force(scratch, NOON) == (ended,)
    assert silences.read(scratch) == (ended,)


def test_what_is_over_or_was_never_there_cannot_be_ended(scratch: Ledger) -> None:
    silence = silences.add(scratch, "a", None, NOON, "", "me", NOON - HOUR)
    assert silences.end(scratch, silence.id, NOON, "me") is None
    for unknown in (silence.id + 1, 0, -1, 2**70):
        assert silences.end(scratch, unknown, NOON, "me") is None


def test_the_newest_silences_are_read_first_and_what_holds_oldest_first(scratch: Ledger) -> None:
    one, two, three = (silences.add(scratch, name, None, NOON + HOUR, "", "me", NOON) for name in "abc")
    assert silences.read(scratch, limit=2) == (three, two)
    assert silences.in_force(scratch, NOON) == (one, two, three)


def test_the_audit_says_who_silenced_what_and_who_ended_it(scratch: Ledger) -> None:
    silence = silences.add(scratch, "a/*", "acme", NOON + HOUR, "noise", "me", NOON)
    silences.end(scratch, silence.id, NOON, "you")
    ended, begun = audit.read(scratch)
    assert (begun.actor, begun.action, begun.detail) == ("me", "silence", "noise")
    assert begun.resource == ended.resource == f"silence {silence.id}: a/* of acme"
    assert (ended.actor, ended.action, ended.at) == ("you", "end silence", NOON)


def test_hostile_texts_are_kept_as_text(scratch: Ledger) -> None:
    silence = silences.add(scratch, "a\x00*", "\ud800", NOON + HOUR, "'; drop table x; --", "m\x00e", NOON)
    assert (silence.asset, silence.tenant, silence.author) == ("a\ufffd*", "?", "m\ufffde")
    assert silences.in_force(scratch, NOON) == (silence,)
