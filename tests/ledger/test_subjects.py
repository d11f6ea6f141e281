"""Facts only move forward, in whatever order and however often they arrive."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from telemetry_assets.ledger import subjects
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.values import EARLIEST, LATEST
from telemetry_assets.model import SubjectFact

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FACT = SubjectFact("marts/parish_daily", "northshore", NOON, "run-1", "dbt", {"meta_ads/insights": NOON - MINUTE}, 10)


def _held(conn: Ledger, *facts: SubjectFact) -> tuple[SubjectFact, ...]:
    for fact in facts:
        subjects.record(conn, [fact])
    return subjects.read(conn)


def test_a_fact_comes_back_as_it_went_in(conn: Ledger) -> None:
    assert subjects.record(conn, [FACT]) == 1
    assert subjects.read(conn) == (FACT,)


def test_a_fact_recorded_again_changes_no_row(conn: Ledger) -> None:
    subjects.record(conn, [FACT])
    assert subjects.record(conn, [FACT, FACT]) == 0
    assert subjects.read(conn) == (FACT,)


def test_a_newer_run_replaces_the_whole_fact_even_with_fewer_roots_and_earlier_data(conn: Ledger) -> None:
    newer = replace(
        FACT, run_time=NOON + MINUTE, run_id="run-0", data_times={"google_ads/ads": NOON - 60 * MINUTE}, rows=None
    )
    assert _held(conn, FACT, newer) == (newer,)


def test_an_older_run_changes_nothing(conn: Ledger) -> None:
    assert _held(conn, FACT, replace(FACT, run_time=NOON - MINUTE, run_id="run-9", rows=99)) == (FACT,)


def test_of_two_runs_at_the_same_instant_the_greater_run_id_stays(conn: Ledger) -> None:
    other = replace(FACT, run_id="run-2", rows=1)
    assert _held(conn, other, FACT) == (other,)


def test_a_synthetic_fact_never_replaces_a_real_one_and_a_real_one_always_replaces_it(conn: Ledger) -> None:
    seed = replace(FACT, run_time=NOON + 60 * MINUTE, synthetic=True)
    assert _held(conn, FACT, seed) == (FACT,)
    conn.execute("truncate telemetry.subjects")
    assert _held(conn, seed, FACT) == (FACT,)


def test_one_run_reported_twice_keeps_the_union_of_its_roots(conn: Ledger) -> None:
    second = replace(
        FACT, data_times={"meta_ads/insights": NOON, "google_ads/insights": NOON - MINUTE}, rows=None, source="airbyte"
    )
    assert _held(conn, FACT, second) == (replace(second, rows=10, source="dbt"),)


def test_tenants_and_assets_are_apart_and_can_be_asked_for(conn: Ledger) -> None:
    facts = [replace(FACT, asset=asset, tenant=tenant) for asset in "ab" for tenant in ("*", "one", "two")]
    assert subjects.record(conn, reversed(facts)) == 6
    assert subjects.read(conn) == tuple(facts)
    assert subjects.read(conn, ["b"]) == tuple(facts[3:])
    assert subjects.read(conn, ["a", "b"], ["two"]) == (facts[2], facts[5])
    assert subjects.read(conn, []) == ()


LOOK = SubjectFact("shop/orders", "one", None, "watched", "watched", {"shop/orders": NOON}, looked_at=NOON + MINUTE)


def test_what_was_seen_in_a_table_has_a_look_and_no_run(conn: Ledger) -> None:
    assert _held(conn, LOOK) == (LOOK,)
    assert subjects.newest_runs(conn, ["shop/orders"]) == {}


def test_a_root_whose_data_time_moves_back_is_believed_and_written_down_as_a_correction(conn: Ledger) -> None:
    restored = replace(LOOK, looked_at=NOON + 2 * MINUTE, data_times={"shop/orders": NOON - 60 * MINUTE})
    assert _held(conn, LOOK, restored, restored, LOOK) == (restored,)
    (found,) = subjects.corrections(conn)
    assert (found.asset, found.tenant, found.was, found.became) == ("shop/orders", "one", NOON, NOON - 60 * MINUTE)
    again = replace(restored, looked_at=NOON + 3 * MINUTE, data_times={"shop/orders": NOON - 90 * MINUTE})
    subjects.record(conn, [again])
    assert subjects.newest_corrections(conn, ["shop/orders"])["shop/orders", "one"].became == NOON - 90 * MINUTE
    assert subjects.newest_corrections(conn, ["shop/orders"], ["two"]) == {}


def test_a_model_built_over_older_data_is_no_correction(conn: Ledger) -> None:
    _held(conn, FACT, replace(FACT, run_time=NOON + MINUTE, data_times={"meta_ads/insights": NOON - 60 * MINUTE}))
    assert subjects.corrections(conn) == ()


def test_exactly_the_subjects_asked_for_are_read(conn: Ledger) -> None:
    facts = [replace(FACT, asset=asset, tenant=tenant) for asset in "ab" for tenant in ("*", "one", "two")]
    subjects.record(conn, facts)
    assert subjects.read_each(conn, [("a", "one"), ("b", "two"), ("c", "one")]) == {
        ("a", "one"): facts[1],
        ("b", "two"): facts[5],
    }


def test_recording_nothing_is_fine(conn: Ledger) -> None:
    assert subjects.record(conn, []) == 0


def test_instants_of_another_zone_are_stored_as_the_same_instant(conn: Ledger) -> None:
    kingston = timezone(timedelta(hours=-5))
    local = replace(
        FACT, run_time=NOON.astimezone(kingston), data_times={"meta_ads/insights": NOON.astimezone(kingston)}
    )
    (held,) = _held(conn, local)
    assert held.run_time == NOON
    assert held.data_times["meta_ads/insights"].utcoffset() == timedelta(0)


def test_a_naive_instant_is_refused(conn: Ledger) -> None:
    with pytest.raises(ValueError, match="no timezone"):
        subjects.record(conn, [replace(FACT, run_time=NOON.replace(tzinfo=None))])


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("infinity", LATEST),
        ("-infinity", EARLIEST),
        ("0044-03-15 00:00:00+00 BC", EARLIEST),
        ("294276-12-31 23:59:59+00", LATEST),
        ("9999-12-31 23:59:59.999999+00", LATEST),
    ],
)
@pytest.mark.slow
def test_an_instant_that_python_cannot_hold_is_read_as_a_bound(conn: Ledger, stored: str, read: datetime) -> None:
    subjects.record(conn, [FACT])
    conn.execute("update telemetry.subjects set run_time = %s, data_times = array[%s::timestamptz]", [stored] * 2)
    (fact,) = subjects.read(conn)
    assert (fact.run_time, dict(fact.data_times)) == (read, {"meta_ads/insights": read})


@pytest.mark.parametrize("instant", [EARLIEST, LATEST])
@pytest.mark.parametrize("hours", [-14, 0, 14])
@pytest.mark.slow
def test_the_first_and_the_last_instant_of_any_zone_can_be_recorded(
    conn: Ledger, instant: datetime, hours: int
) -> None:
    extreme = instant.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert subjects.record(conn, [replace(FACT, run_time=extreme, data_times={"r": extreme})]) == 1
    assert len(subjects.read(conn)) == 1


def test_ten_thousand_facts_go_in_by_one_statement(conn: Ledger) -> None:
    facts = [replace(FACT, asset=f"marts/m{number % 20}", tenant=f"t{number // 20}") for number in range(10_000)]
    assert subjects.record(conn, facts) == 10_000
    assert subjects.record(conn, [replace(fact, run_time=NOON + MINUTE) for fact in facts]) == 10_000


@pytest.mark.slow
def test_writers_of_the_same_subjects_in_opposite_orders_do_not_deadlock(database: str) -> None:
    facts = [replace(FACT, tenant=f"t{number}") for number in range(2_000)]

    def write(turn: int) -> int:
        fresh = [replace(fact, run_time=NOON + turn * MINUTE) for fact in facts]
        with connect(database) as conn:
            return subjects.record(conn, fresh if turn % 2 else reversed(fresh))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    with connect(database) as conn:
        assert {fact.run_time for fact in subjects.read(conn)} == {NOON + 7 * MINUTE}


INSTANTS = st.integers(0, 3).map(lambda minutes: NOON + minutes * MINUTE)
FACTS = st.builds(
    SubjectFact,
    asset=st.sampled_from(["a", "b/c"]),
    tenant=st.sampled_from(["*", "one"]),
    run_time=st.none() | INSTANTS,
    looked_at=INSTANTS,
    run_id=st.sampled_from(["", "R", "a", "é", "\U0001f600", "\uffff"]),
    source=st.sampled_from(["dbt", "airbyte"]),
    data_times=st.dictionaries(st.sampled_from(["x", "y", "z"]), INSTANTS),
    rows=st.none() | st.integers(0, 3),
    synthetic=st.booleans(),
)


def _oracle(facts: Sequence[SubjectFact]) -> dict[tuple[str, str], Any]:
    """The rule told the slow way: of each subject the facts of the highest rank, and the maximum of what they say."""
    expected: dict[tuple[str, str], Any] = {}
    for subject in {(fact.asset, fact.tenant) for fact in facts}:
        of_subject = [fact for fact in facts if (fact.asset, fact.tenant) == subject]
        pool = [fact for fact in of_subject if not fact.synthetic] or of_subject
        newest = max(fact.known_at for fact in pool)
        run_id = max(fact.run_id for fact in pool if fact.known_at == newest)
        reports = [fact for fact in pool if (fact.known_at, fact.run_id) == (newest, run_id)]
        roots = {root for report in reports for root in report.data_times}
        expected[subject] = (
            newest,
            max((report.run_time for report in reports if report.run_time is not None), default=None),
            run_id,
            max(report.source for report in reports),
            max((report.rows for report in reports if report.rows is not None), default=None),
            {root: max(r.data_times[root] for r in reports if root in r.data_times) for root in roots},
            reports[0].synthetic,
        )
    return expected


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=st.lists(FACTS, max_size=12), seed=st.integers(0, 10**6))
@pytest.mark.slow
def test_any_order_and_any_repetition_of_facts_ends_in_the_same_rows(
    conn: Ledger, facts: list[SubjectFact], seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(2):
        conn.execute("truncate telemetry.subjects")
        arriving = [*facts, *chance.choices(facts, k=len(facts) // 2)] if facts else []
        chance.shuffle(arriving)
        while arriving:
            cut = chance.randint(1, len(arriving))
            subjects.record(conn, arriving[:cut])
            arriving = arriving[cut:]
        assert {
            (fact.asset, fact.tenant): (
                fact.known_at, fact.run_time, fact.run_id, fact.source, fact.rows, dict(fact.data_times), fact.synthetic
            )
            for fact in subjects.read(conn)
        } == _oracle(facts)  # fmt: skip
