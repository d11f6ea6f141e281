"""The evidence of a dbt run is not overwritten by what was run after it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.ledger import dbt_invocations
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, Failing, LastWord, NodeResult

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
BUILD = DbtInvocation(
    "b1", "build", NOON, True, False, "/home/target/build/run_results.json", "run-1",
    (NodeResult("model.p.m", "success", "MERGE 0", 0.25, {"rows_affected": 0}), NodeResult("test.p.t", "pass")),
)  # fmt: skip


def test_an_invocation_comes_back_as_it_was_recorded(conn: Ledger) -> None:
    dbt_invocations.record(conn, BUILD)
    assert dbt_invocations.newest_complete(conn) == BUILD
    assert dbt_invocations.recent(conn, 5) == (BUILD,)


def test_before_the_first_invocation_there_is_none(conn: Ledger) -> None:
    assert dbt_invocations.newest_complete(conn) is None
    assert dbt_invocations.recent(conn, 5) == ()


@pytest.mark.parametrize(("which", "covers_all"), [("test", True), ("compile", True), ("run", False), ("build", False)])
def test_a_later_command_that_did_not_run_every_model_never_passes_for_one(
    conn: Ledger, which: str, covers_all: bool
) -> None:
    later = replace(
        BUILD, invocation_id="x", which=which, covers_all=covers_all, generated_at=NOON + timedelta(hours=1)
    )
    dbt_invocations.record(conn, BUILD)
    dbt_invocations.record(conn, later)
    assert dbt_invocations.newest_complete(conn) == BUILD
    assert dbt_invocations.recent(conn, 5) == (later, BUILD)
    assert dbt_invocations.recent(conn, 1) == (later,)


def test_a_later_complete_run_is_the_newest(conn: Ledger) -> None:
    later = replace(BUILD, invocation_id="a", which="run", generated_at=NOON + timedelta(hours=1))
    dbt_invocations.record(conn, later)
    dbt_invocations.record(conn, BUILD)
    assert dbt_invocations.newest_complete(conn) == later


def test_what_we_ran_does_not_turn_external_when_it_is_found_in_the_target_folder(conn: Ledger) -> None:
    found = replace(BUILD, external=True, run_id=None, covers_all=False, run_results_path="target/run_results.json")
    dbt_invocations.record(conn, BUILD)
    dbt_invocations.record(conn, found)
    assert dbt_invocations.newest_complete(conn) == BUILD
    conn.execute("truncate telemetry.dbt_invocations")
    dbt_invocations.record(conn, found)
    dbt_invocations.record(conn, BUILD)
    assert dbt_invocations.newest_complete(conn) == BUILD


def test_messages_and_answers_that_json_cannot_hold_are_kept_readable(conn: Ledger) -> None:
    odd = NodeResult(
        "model.p.m", "error", "nul\x00 half\ud83d NaN", float("nan"), {"seconds": float("inf"), "a\x00": ["\x00"]}
    )
    dbt_invocations.record(conn, replace(BUILD, results=(odd,)))
    (result,) = dbt_invocations.recent(conn, 1)[0].results
    assert result == NodeResult(
        "model.p.m", "error", "nul\ufffd half? NaN", None, {"seconds": None, "a\ufffd": ["\ufffd"]}
    )


def test_the_last_word_on_a_node_is_of_the_newest_command_that_ran_it_and_told_only_where_it_is_not_well(
    conn: Ledger,
) -> None:
    failed = (NodeResult("model.p.m", "error", "division by zero"), NodeResult("model.p.n", "skipped"))
    later = NOON + timedelta(hours=1)
    dbt_invocations.record(conn, BUILD)
    assert dbt_invocations.last_words(conn, 10) == {}
    dbt_invocations.record(conn, replace(BUILD, invocation_id="b2", generated_at=later, results=failed))
    only_test = replace(
        BUILD, invocation_id="b3", which="test", covers_all=False, generated_at=later + timedelta(hours=1),
        results=(NodeResult("test.p.t", "fail", "Got 3 results"),),
    )  # fmt: skip
    compiled = replace(BUILD, invocation_id="b4", which="compile", generated_at=later + timedelta(hours=2))
    dbt_invocations.record(conn, only_test)
    dbt_invocations.record(conn, compiled)
    assert dbt_invocations.last_words(conn, 10) == {
        "model.p.m": LastWord("error", "division by zero", later),
        "model.p.n": LastWord("skipped", "", later),
        "test.p.t": LastWord("fail", "Got 3 results", later + timedelta(hours=1)),
    }
    healed = replace(BUILD, invocation_id="b5", generated_at=later + timedelta(hours=3))
    dbt_invocations.record(conn, healed)
    assert set(dbt_invocations.last_words(conn, 10)) == {"model.p.n"}


def test_what_fails_is_told_with_its_last_words_and_since_when_it_does(conn: Ledger) -> None:
    def say(hours: int, *results: tuple[str, str], which: str = "build") -> datetime:
        at = NOON + timedelta(hours=hours)
        words = tuple(NodeResult(node, status, f"{status} at {hours}") for node, status in results)
        dbt_invocations.record(
            conn, replace(BUILD, invocation_id=str(hours), which=which, generated_at=at, results=words)
        )
        return at

    say(0, ("model.a", "error"), ("model.b", "success"))
    say(1, ("model.a", "success"), ("test.c", "fail"))
    first = say(2, ("model.a", "error"), ("model.b", "error"))
    say(3, ("model.a", "skipped"), ("model.b", "success"), which="run")
    last = say(4, ("model.a", "error"), ("test.d", "warn"))
    say(5, ("model.b", "error"), which="compile")
    assert dbt_invocations.failing(conn, 100) == {
        "model.a": Failing(LastWord("error", "error at 4", last), first),
        "test.c": Failing(LastWord("fail", "fail at 1", NOON + timedelta(hours=1)), NOON + timedelta(hours=1)),
    }
    assert dbt_invocations.failing(conn, 1) == {"model.a": Failing(LastWord("error", "error at 4", last), last)}


def test_where_nothing_failed_nothing_fails(conn: Ledger) -> None:
    assert dbt_invocations.failing(conn, 100) == {}
    dbt_invocations.record(conn, BUILD)
    dbt_invocations.record(conn, replace(BUILD, invocation_id="none", results=()))
    assert dbt_invocations.failing(conn, 100) == {}
