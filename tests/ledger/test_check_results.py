"""Of every check and partition the newest evaluation is kept, whatever comes when and how often."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from telemetry_assets.ledger import check_results
from telemetry_assets.ledger.check_results import CheckResult

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BAD = CheckResult("shop/orders", "not_empty", "acme", False, "ERROR", NOON, "0 rows", "run-1", "other")


def test_what_failed_and_nothing_came_after_is_read(scratch: Ledger) -> None:
    good = replace(BAD, check_name="unique", passed=True)
    assert check_results.record(scratch, [BAD, good]) == 2
    assert check_results.failed(scratch) == (BAD,)
    assert check_results.of_location(scratch, "other") == (BAD, good)
    assert check_results.of_location(scratch, "") == ()


def test_partitions_are_judged_apart(scratch: Ledger) -> None:
    check_results.record(scratch, [BAD, replace(BAD, tenant="globex", passed=True), replace(BAD, tenant="*")])
    assert [one.tenant for one in check_results.failed(scratch)] == ["*", "acme"]


def test_a_newer_evaluation_replaces_an_older_one_and_never_the_other_way_round(scratch: Ledger) -> None:
    healed = replace(BAD, passed=True, evaluated_at=NOON + MINUTE, said="", run_id="run-2")
    check_results.record(scratch, [healed])
    assert check_results.record(scratch, [BAD]) == 0
    assert check_results.failed(scratch) == ()
    assert check_results.record(scratch, [replace(BAD, evaluated_at=NOON + 2 * MINUTE)]) == 1
    assert len(check_results.failed(scratch)) == 1


def test_the_same_again_changes_nothing(scratch: Ledger) -> None:
    assert check_results.record(scratch, [BAD, BAD]) == 1
    assert check_results.record(scratch, [BAD]) == 0
    assert check_results.record(scratch, []) == 0


def test_of_two_at_one_instant_the_one_that_failed_stays(scratch: Ledger) -> None:
    for first, second in (
        (BAD, replace(BAD, passed=True)),
        (replace(BAD, tenant="t", passed=True), replace(BAD, tenant="t")),
    ):
        check_results.record(scratch, [first])
        check_results.record(scratch, [second])
    assert len(check_results.failed(scratch)) == 2


def test_checks_that_nobody_evaluates_any_more_are_forgotten(scratch: Ledger) -> None:
    check_results.record(scratch, [BAD, replace(BAD, tenant="globex"), replace(BAD, check_name="other")])
    assert check_results.forget(scratch, [("shop/orders", "not_empty"), ("no", "such")]) == 2
    assert check_results.forget(scratch, []) == 0
    assert [one.check_name for one in check_results.failed(scratch)] == ["other"]


def test_names_and_words_of_any_kind_and_length_are_kept(scratch: Ledger) -> None:
    long = [replace(BAD, asset="é" * 9000 + end, check_name="\x00" * 9000, tenant="\ud800" * 9000) for end in "ab"]
    assert check_results.record(scratch, [*long, replace(BAD, said="x\x00" * 100_000)]) == 3
    one, two, other = check_results.failed(scratch)
    assert one.asset != two.asset
    assert one.asset.startswith("é" * 300) or other.asset.startswith("é" * 300)
    assert check_results.record(scratch, long) == 0


EVALUATIONS = st.lists(
    st.builds(
        lambda tenant, passed, minute, run: replace(
            BAD, tenant=tenant, passed=passed, evaluated_at=NOON + minute * MINUTE, run_id=run
        ),
        st.sampled_from("ab"),
        st.booleans(),
        st.integers(0, 3),
        st.sampled_from(["r1", "R2", "é"]),
    ),
    max_size=8,
)


@given(evaluations=EVALUATIONS, cut=st.integers(0, 8), data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_in_which_evaluations_come_does_not_matter(
    scratch: Ledger, evaluations: Sequence[CheckResult], cut: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(evaluations))
    outcomes: list[tuple[CheckResult, ...]] = []
    for order in (evaluations, shuffled):
        with scratch.transaction(force_rollback=True):
            check_results.record(scratch, order[:cut])
            check_results.record(scratch, order[cut:])
            outcomes.append(check_results.of_location(scratch, "other"))
    assert outcomes[0] == outcomes[1]
    assert {one.tenant for one in outcomes[0]} == {one.tenant for one in evaluations}
    for one in outcomes[0]:
        assert one.evaluated_at == max(other.evaluated_at for other in evaluations if other.tenant == one.tenant)
