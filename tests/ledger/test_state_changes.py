"""The log of changes of state: written once, complete, and enough to say who was not fresh at any moment."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger import state_changes
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.state_changes import NO_LONGER_PROMISED, Standing, gone
from telemetry_assets.model import State

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATE = Standing(
    "marts/daily",
    "acme",
    State.FAIL,
    State.PASS,
    run_time=NOON - MINUTE,
    binding_root="shop/orders",
    data_time=NOON - 90 * MINUTE,
    slack=-30 * MINUTE,
    data_times={"shop/orders": NOON - 90 * MINUTE, "shop/customers": NOON - 5 * MINUTE},
    owner="data-eng",
    reason="shop/orders is 1 h 30 min old, promised under 1 h",
)
FRESH = replace(LATE, state=State.PASS, data_time=NOON, slack=60 * MINUTE, data_times={"shop/orders": NOON}, reason="")


def test_a_change_comes_back_as_it_stood_with_everything_it_was_judged_by(conn: Ledger) -> None:
    assert state_changes.record(conn, [LATE], NOON) == 1
    (change,) = state_changes.read(conn)
    assert (change.standing, change.changed_at, change.state_before) == (LATE, NOON, None)


def test_the_same_tick_twice_writes_nothing_the_second_time(conn: Ledger) -> None:
    state_changes.record(conn, [LATE, LATE], NOON)
    assert state_changes.record(conn, [LATE], NOON + MINUTE) == 0
    assert len(state_changes.read(conn)) == 1


def test_what_was_always_fresh_leaves_no_row(conn: Ledger) -> None:
    assert state_changes.record(conn, [FRESH], NOON) == 0
    assert state_changes.not_fresh(conn) == {}


def test_becoming_fresh_again_is_a_change_and_so_is_the_next_time_it_is_not(conn: Ledger) -> None:
    for minute, standing in enumerate((LATE, FRESH, replace(LATE, state=State.WARN))):
        assert state_changes.record(conn, [standing], NOON + minute * MINUTE) == 1
    told = [(change.state_before, change.standing.state) for change in state_changes.read(conn)]
    assert told == [(State.PASS, State.WARN), (State.FAIL, State.PASS), (None, State.FAIL)]


def test_while_it_is_not_fresh_each_move_of_its_data_time_is_a_row_and_the_state_is_as_old_as_it_was(
    conn: Ledger,
) -> None:
    moved = replace(LATE, data_time=NOON - 70 * MINUTE)
    state_changes.record(conn, [LATE], NOON)
    assert state_changes.record(conn, [moved], NOON + MINUTE) == 1
    assert state_changes.read(conn, limit=1)[0].state_before is State.FAIL
    held = state_changes.not_fresh(conn)[LATE.subject]
    assert (held.state, held.data_time, held.since) == (State.FAIL, moved.data_time, NOON)
    assert held.says(moved.state, moved.data_time)
    assert not held.says(LATE.state, LATE.data_time)


def test_another_state_begins_when_it_was_seen(conn: Ledger) -> None:
    state_changes.record(conn, [replace(LATE, state=State.WARN)], NOON)
    state_changes.record(conn, [LATE], NOON + MINUTE)
    assert state_changes.not_fresh(conn)[LATE.subject].since == NOON + MINUTE


def test_a_subject_that_is_no_longer_promised_leaves_with_a_row_that_says_so(conn: Ledger) -> None:
    state_changes.record(conn, [LATE], NOON)
    assert state_changes.record(conn, [gone(LATE.subject)], NOON + MINUTE) == 1
    (newest, _) = state_changes.read(conn)
    assert (newest.state_before, newest.standing.reason) == (State.FAIL, NO_LONGER_PROMISED)
    assert state_changes.not_fresh(conn) == {}


def test_subjects_not_handed_in_are_left_alone(conn: Ledger) -> None:
    state_changes.record(conn, [LATE], NOON)
    state_changes.record(conn, [replace(LATE, tenant="globex")], NOON + MINUTE)
    assert {tenant for _, tenant in state_changes.not_fresh(conn)} == {"acme", "globex"}


def test_a_state_without_any_data_is_logged_too(conn: Ledger) -> None:
    never = Standing("marts/daily", "acme", State.MISSING, State.MISSING, reason="no run has ever\x00loaded it")
    state_changes.record(conn, [never], NOON)
    (change,) = state_changes.read(conn)
    assert change.standing == replace(never, reason="no run has ever\ufffdloaded it")
    assert state_changes.record(conn, [never], NOON + MINUTE) == 0


def test_two_tickers_at_once_write_each_change_once(database: str, conn: Ledger) -> None:
    standings = [replace(LATE, tenant=f"t{number:03}") for number in range(300)]

    def tick(_: int) -> int:
        with connect(database) as mine:
            return state_changes.record(mine, standings, NOON)

    with ThreadPoolExecutor(4) as pool:
        written = sorted(pool.map(tick, range(4)))
    assert written == [0, 0, 0, 300]
    assert len(state_changes.read(conn)) == 300


def test_changes_are_found_by_asset_tenant_and_time(conn: Ledger) -> None:
    other = replace(LATE, asset="marts/weekly", tenant="globex")
    state_changes.record(conn, [LATE], NOON)
    state_changes.record(conn, [other], NOON + MINUTE)
    assert [one.standing for one in state_changes.read(conn, asset="marts/daily")] == [LATE]
    assert [one.standing for one in state_changes.read(conn, tenant="globex")] == [other]
    assert [one.standing for one in state_changes.read(conn, since=NOON + MINUTE)] == [other]
    assert [one.standing for one in state_changes.read(conn, limit=1)] == [other]


def test_nothing_to_say_is_no_statement(conn: Ledger) -> None:
    assert state_changes.record(conn, [], NOON) == 0


def test_a_database_without_a_ledger_says_what_to_run(empty_database: str) -> None:
    with connect(empty_database) as bare, pytest.raises(CouldNotLookError, match="telemetry prepare"):
        state_changes.record(bare, [LATE], NOON)


@pytest.mark.slow
def test_twenty_five_thousand_subjects_come_and_go_in_one_statement_each(conn: Ledger) -> None:
    late = [replace(LATE, tenant=f"t{number:05}") for number in range(25_000)]
    started = time.monotonic()
    assert state_changes.record(conn, late, NOON) == 25_000
    assert len(state_changes.not_fresh(conn)) == 25_000
    assert state_changes.record(conn, late, NOON + MINUTE) == 0
    assert state_changes.record(conn, [replace(one, state=State.PASS) for one in late], NOON + 2 * MINUTE) == 25_000
    assert state_changes.not_fresh(conn) == {}
    assert time.monotonic() - started < 20


STATES = st.sampled_from(list(State))
TIMES = st.sampled_from([None, NOON, NOON + MINUTE])
TICKS = st.lists(st.dictionaries(st.sampled_from("abc"), st.tuples(STATES, TIMES), max_size=3), max_size=12)


@given(ticks=TICKS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_replaying_the_rows_gives_who_was_not_fresh_and_how_at_any_moment(
    conn: Ledger, ticks: Sequence[dict[str, tuple[State, datetime | None]]]
) -> None:
    conn.execute("truncate telemetry.state_changes, telemetry.not_fresh")
    moments: list[dict[str, tuple[State, datetime | None]]] = []
    known: dict[str, tuple[State, datetime | None]] = {}
    for number, tick in enumerate(ticks):
        standings = [
            replace(LATE, tenant=tenant, state=state, data_time=time) for tenant, (state, time) in tick.items()
        ]
        state_changes.record(conn, standings, NOON + number * MINUTE)
        known = {**known, **tick}
        moments.append({tenant: how for tenant, how in known.items() if how[0] is not State.PASS})
    changes = state_changes.read(conn)[::-1]
    for number, expected in enumerate(moments):
        replayed: dict[str, tuple[State, datetime | None]] = {}
        for change in changes:
            if change.changed_at > NOON + number * MINUTE:
                break
            one = change.standing
            before = replayed.get(one.tenant)
            assert (change.state_before or State.PASS) is (before[0] if before else State.PASS)
            replayed[one.tenant] = (one.state, one.data_time)
        assert {tenant: how for tenant, how in replayed.items() if how[0] is not State.PASS} == expected
    held = {tenant: (one.state, one.data_time) for (_, tenant), one in state_changes.not_fresh(conn).items()}
    assert held == (moments[-1] if moments else {})
