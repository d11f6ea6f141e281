"""Changes of incidents are written whole, once, and come back with every field they had."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import IsolationLevel

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.incidents.incident import Change, Entry, Incident, Phase, Step, Telling
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.trouble import Block, Dashboard, Reach, Severity, Standing, Worst
from telemetry_assets.ledger import incidents, outbox
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.incidents import MovedOnError
from telemetry_assets.ledger.values import plain_text
from telemetry_assets.model import CauseKind, State
from tests.ledger.outbox_builders import MINUTE, NOON, Ledger, claim, incident, message, step, tell

HOSTILE = (
    "nul\x00inside", "half a pair \ud800", '"quoted" \\ and {braces}', "<!channel> & <b>", "Ωμέγα 🚨", "", "\r\nBcc: x"
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
INSTANTS = st.datetimes(
    datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.sampled_from([UTC])  # noqa: DTZ001
)  # fmt: skip
SPANS = st.timedeltas(timedelta(days=-99999), timedelta(days=99999))
STANDINGS = st.builds(
    Standing,
    st.none() | st.sampled_from(State),
    data_age=st.none() | SPANS,
    run_age=st.none() | SPANS,
    data_time=st.none() | INSTANTS,
    limit=TEXTS,
    past=st.none() | SPANS,
)
NAMES = st.lists(TEXTS, max_size=3).map(tuple)
TELLINGS = st.builds(Telling, st.sampled_from(Severity), INSTANTS, INSTANTS, NAMES, st.none() | INSTANTS, st.booleans())
INCIDENTS = st.builds(
    Incident,
    number=st.just(1),
    kind=st.sampled_from(CauseKind),
    where=TEXTS,
    phase=st.sampled_from([Phase.OPEN, Phase.ACKNOWLEDGED]),
    severity=st.sampled_from(Severity),
    opened_at=INSTANTS,
    says=TEXTS,
    remedy=TEXTS,
    root=TEXTS,
    reach=st.lists(st.builds(Block, NAMES, NAMES), max_size=2).map(lambda blocks: Reach(tuple(blocks))),
    worst=st.builds(Worst, TEXTS, TEXTS, STANDINGS),
    quote=TEXTS,
    since=st.none() | INSTANTS,
    widest=st.integers(0, 10**12),
    owners=NAMES,
    dashboards=st.lists(st.builds(Dashboard, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
    evidence=NAMES,
    told=st.dictionaries(st.sampled_from(["", "data-eng", "nul\x00", "ops 🚨"]), TELLINGS, max_size=3),
    told_troubles=st.integers(0, 10**9),
    muted=st.booleans(),
    acknowledged_at=st.none() | INSTANTS,
    acknowledged_by=TEXTS,
    resolved_at=st.none(),
    resolution=TEXTS,
    reopened=st.integers(0, 9),
    steps=st.integers(0, 10**6),
    drill=st.booleans(),
    broken=st.integers(0, 10**9),
    loudest=st.none() | st.sampled_from(Severity),
    known_as=TEXTS,
    known_at=st.none() | INSTANTS,
    told_tenants=st.lists(TEXTS, max_size=3).map(tuple),
    came_from=st.none() | st.tuples(st.sampled_from(CauseKind), TEXTS),
)
MESSAGES = st.builds(
    Message,
    incident=st.just(1),
    seq=st.integers(1, 10**6),
    channel=st.just("chat"),
    step=TEXTS,
    at=INSTANTS,
    phase=TEXTS,
    severity=st.sampled_from(Severity),
    kind=TEXTS,
    where=TEXTS,
    headline=TEXTS,
    says=TEXTS,
    remedy=TEXTS,
    quote=TEXTS,
    owners=NAMES,
    facts=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    evidence=NAMES,
    links=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    history=st.lists(st.tuples(INSTANTS, TEXTS), max_size=2).map(tuple),
    assets=NAMES,
    tenants=NAMES,
    reach=st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)),
    opened_at=st.none() | INSTANTS,
    resolved_at=st.none() | INSTANTS,
    notes=NAMES,
    drill=st.booleans(),
    test=st.booleans(),
)


def _kept[V](value: V) -> V:
    """The same value with every text as PostgreSQL can hold it."""
    if isinstance(value, str) and type(value) is str:
        return plain_text(value)  # pyright: ignore[reportReturnType]
    if isinstance(value, tuple):
        return tuple(_kept(item) for item in value)  # pyright: ignore
    if isinstance(value, dict):
        return {_kept(key): _kept(item) for key, item in value.items()}  # pyright: ignore
    if hasattr(value, "__dataclass_fields__"):
        return replace(value, **{one.name: _kept(getattr(value, one.name)) for one in fields(value)})  # pyright: ignore
    return value


@given(one=INCIDENTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_incident_comes_back_with_every_field_it_had(scratch: Ledger, one: Incident) -> None:
    with scratch.transaction(force_rollback=True):
        incidents.apply(scratch, [Change(None, one)])
        assert incidents.find(scratch, 1) == _kept(one)
        incidents.apply(scratch, [Change(one, replace(one, says="other", steps=7))])
        assert incidents.find(scratch, 1) == _kept(replace(one, says="other", steps=7))


@given(said=MESSAGES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_message_is_handed_out_with_every_part_it_was_written_with(scratch: Ledger, said: Message) -> None:
    with scratch.transaction(force_rollback=True):
        incidents.apply(scratch, [Change(None, incident(1), (), (said,))])
        (claimed,) = claim(scratch)
    assert claimed.messages == (_kept(said),)


def test_the_properties_build_every_field_there_is() -> None:
    assert {one.name for one in fields(Incident)} == _built(INCIDENTS)
    assert {one.name for one in fields(Message)} == _built(MESSAGES)


def _built(strategy: st.SearchStrategy[object]) -> set[str]:
    return set(strategy.wrapped_strategy.kwargs)  # type: ignore[attr-defined]


def test_a_change_writes_the_incident_its_entries_and_its_messages(scratch: Ledger) -> None:
    change = step(None, 7, ["chat", "mail"])
    incidents.apply(scratch, [change])
    assert incidents.find(scratch, 7) == change.after
    assert incidents.timeline(scratch, 7) == change.entries
    assert [(one.message, one.status) for one in outbox.messages_of(scratch, 7)] == [
        (said, "pending") for said in change.messages
    ]
    assert outbox.messages_of(scratch, 7)[0].written_at == NOON


def test_there_is_no_incident_of_an_unknown_number(scratch: Ledger) -> None:
    for number in (7, 0, -1, 2**63, 10**40):
        assert incidents.find(scratch, number) is None
        assert incidents.timeline(scratch, number) == ()


def test_numbers_count_up_and_are_never_given_twice(scratch: Ledger) -> None:
    assert incidents.next_number(scratch) == 1
    incidents.apply(scratch, [step(None, 1), step(None, 2)])
    assert incidents.next_number(scratch) == 3


def test_no_change_is_no_statement(scratch: Ledger) -> None:
    incidents.apply(scratch, [])
    assert incidents.read(scratch) == ()


def test_the_same_change_again_is_refused_and_writes_nothing(scratch: Ledger) -> None:
    opening = step(None, 1)
    incidents.apply(scratch, [opening])
    with pytest.raises(MovedOnError, match=r"moved on.*Try again"):
        incidents.apply(scratch, [opening])
    reminder = step(opening.after, 1)
    incidents.apply(scratch, [reminder])
    with pytest.raises(MovedOnError, match="Incident 1 is not what it was"):
        incidents.apply(scratch, [reminder])
    assert len(incidents.timeline(scratch, 1)) == len(outbox.messages_of(scratch, 1)) == 2


def test_one_change_that_is_refused_takes_all_others_of_the_transaction_with_it(scratch: Ledger) -> None:
    opening = step(None, 1)
    incidents.apply(scratch, [opening])
    with pytest.raises(MovedOnError):
        incidents.apply(scratch, [step(None, 2), step(opening.after, 1), opening])
    assert [one.number for one in incidents.read(scratch)] == [1]
    assert len(outbox.messages_of(scratch, 1)) == 1


def test_an_entry_or_a_message_that_is_there_already_is_refused(scratch: Ledger) -> None:
    opening = tell(scratch, 1)
    again = replace(opening.after, says="changed")
    for repeat in (Change(opening.after, again, opening.entries), Change(opening.after, again, (), opening.messages)):
        with pytest.raises(MovedOnError):
            incidents.apply(scratch, [repeat])
    assert incidents.find(scratch, 1) == opening.after


def test_two_unresolved_incidents_never_have_one_identity(scratch: Ledger) -> None:
    tell(scratch, 1)
    twin = replace(incident(2), where="shop1")
    with pytest.raises(MovedOnError):
        incidents.apply(scratch, [Change(None, twin)])


def test_an_identity_is_handed_over_within_one_transaction(scratch: Ledger) -> None:
    first = replace(tell(scratch, 1).after, steps=2)
    ended = replace(first, phase=Phase.RESOLVED, resolved_at=NOON)
    heir = replace(incident(2), where="shop1")
    incidents.apply(scratch, [Change(None, heir), Change(replace(first, steps=1), ended)])
    assert incidents.unresolved(scratch, NOON + MINUTE) == (heir,)
    with pytest.raises(psycopg.errors.CheckViolation):
        incidents.apply(scratch, [Change(heir, replace(heir, phase=Phase.RESOLVED))])


def test_a_name_of_any_length_is_kept_and_told_apart(scratch: Ledger) -> None:
    long = [replace(incident(number), where="é" * 20_000 + str(number)) for number in (1, 2)]
    incidents.apply(scratch, [Change(None, one) for one in long])
    assert list(incidents.unresolved(scratch, NOON)) == long


def test_megabytes_of_error_text_are_kept(scratch: Ledger) -> None:
    shouting = replace(incident(1), quote="x'\x00" * 1_000_000)
    incidents.apply(scratch, [Change(None, shouting, (), (replace(message(1), quote=shouting.quote),))])
    found = incidents.find(scratch, 1)
    assert found is not None
    assert len(found.quote) == len(claim(scratch)[0].messages[0].quote) == 3_000_000


def test_those_resolved_lately_are_read_with_the_unresolved(scratch: Ledger) -> None:
    resolved = [
        replace(incident(number), phase=Phase.RESOLVED, resolved_at=NOON - number * MINUTE) for number in (1, 2, 3)
    ]
    still = replace(incident(4), phase=Phase.ACKNOWLEDGED, acknowledged_at=NOON, acknowledged_by="me")
    incidents.apply(scratch, [Change(None, one) for one in (*resolved, still)])
    assert incidents.unresolved(scratch, NOON - 2 * MINUTE) == (*resolved[:2], still)
    assert incidents.read(scratch, [Phase.RESOLVED], limit=2) == (resolved[2], resolved[1])
    assert incidents.read(scratch, []) == ()
    assert incidents.read(scratch, limit=1) == (still,)


def test_an_incident_that_an_older_version_wrote_is_read_and_changed(scratch: Ledger) -> None:
    before = tell(scratch, 1).after
    scratch.execute("update telemetry.incidents set details = details - 'broken' - 'known_as' || '{\"newer\": 1}'")
    assert incidents.find(scratch, 1) == before
    tell(scratch, 1)
    assert len(incidents.timeline(scratch, 1)) == 2


def test_a_message_nobody_can_read_is_handed_out_with_a_note_instead_of_stopping_all_others(scratch: Ledger) -> None:
    tell(scratch, 1)
    tell(scratch, 2)
    scratch.execute('update telemetry.outbox set message = message || \'{"severity": "LOUD"}\' where incident = 1')
    first, second = claim(scratch)
    assert second.messages == (message(2),)
    assert (first.messages[0].headline, first.messages[0].key) == ("Step 1", "1.1.chat")
    assert "cannot read" in first.messages[0].notes[0]


def test_who_listens_hears_of_messages_when_they_are_committed(database: str, conn: Ledger) -> None:
    with connect(database) as other:
        other.execute(f"listen {incidents.NOTICE}".encode())
        with conn.transaction():
            tell(conn, 1)
            assert list(other.notifies(timeout=0)) == []
        incidents.apply(conn, [Change(None, incident(2), (Entry(2, 1, Step.OPENED, NOON, "told to nobody"),))])
        assert len(list(other.notifies(timeout=0.2))) == 1


def test_of_two_who_decide_at_once_one_is_told_to_decide_anew(database: str, conn: Ledger) -> None:
    change = step(None, 1)
    ready = Barrier(4)

    def decide(_: int) -> bool:
        with connect(database) as mine:
            ready.wait()
            try:
                incidents.apply(mine, [change])
            except MovedOnError:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(decide, range(4))) == [False, False, False, True]
    assert len(incidents.timeline(conn, 1)) == 1


def test_what_postgresql_undoes_for_anothers_sake_is_done_again(database: str, conn: Ledger) -> None:
    changes = {number: tell(conn, number).after for number in range(1, 5)}
    ready = Barrier(2)

    def write(numbers: list[int]) -> int:
        with connect(database) as mine:
            mine.isolation_level = IsolationLevel.SERIALIZABLE
            ready.wait()
            for number in numbers:
                incidents.apply(mine, (step(changes[number], number) for number in [number]))
                claim(mine)
            return len(numbers)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(write, ([1, 2], [3, 4]))) == 4
    assert [len(incidents.timeline(conn, number)) for number in changes] == [2, 2, 2, 2]


def test_a_lost_server_is_told_in_our_words(conn: Ledger) -> None:
    conn.close()
    with pytest.raises(CouldNotLookError):
        incidents.apply(conn, [step(None, 1)])


def test_a_database_without_a_ledger_says_what_to_run(empty_database: str) -> None:
    with connect(empty_database) as bare, pytest.raises(CouldNotLookError, match="telemetry prepare"):
        incidents.unresolved(bare, NOON)


def test_what_is_stored_is_plain_json_that_others_can_read(scratch: Ledger) -> None:
    tell(scratch, 1)
    (stored,) = scratch.execute("select details::text from telemetry.incidents").fetchone() or ("",)
    details = json.loads(stored)
    assert details["worst"]["standing"]["data_age"] == 90 * 60 * 10**6
    assert details["reach"] == {"blocks": [{"assets": ["marts/daily", "shop/orders"], "tenants": ["acme"]}]}
