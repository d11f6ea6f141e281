"""The judgement of a scan: boundaries, who is owed, and every variant of the sentence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.answers.scan_answer import ScanAnswer
from telemetry_assets.answers.scan_judgement import dbt_light, judge, state_of
from telemetry_assets.model import ExitCode, State, worst_exit
from telemetry_assets.render.scan import sentence
from telemetry_assets.sources.dbt_project import SourceTable
from telemetry_assets.sources.tables import Problem, TableReading, Watermark

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def table(name: str = "orders", *, warn: timedelta | None = HOUR, fail: timedelta | None = 2 * HOUR) -> SourceTable:
    """A source table of shop."""
    return SourceTable("shop", name, "raw", name, warn_after=warn, error_after=fail, loaded_at_field="at")


def reading(**ages: timedelta) -> TableReading:
    """A tenanted table whose tenants are so old."""
    marks = tuple(Watermark(tenant, NOW - age, NOW - age) for tenant, age in ages.items())
    return TableReading(tenanted=True, detail="timestamp with time zone", watermarks=marks)


def answer(*looked: tuple[SourceTable, TableReading]) -> ScanAnswer:
    """The answer to these readings."""
    judged = judge(looked, "tenant_id", NOW)
    return ScanAnswer(
        "shop", "YAML", "db", "test", "tenant_id", NOW, 1, 0,
        tuple(judged.tables), tuple(judged.judged), tuple(judged.findings), worst_exit(sorted(judged.exits)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (-TICK, State.PASS),
        (HOUR - TICK, State.PASS),
        (HOUR, State.WARN),
        (2 * HOUR - TICK, State.WARN),
        (2 * HOUR, State.FAIL),
    ],
)
def test_exactly_at_the_window_is_late(age: timedelta, expected: State) -> None:
    assert state_of(age, table()) is expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [(HOUR, State.PASS), (HOUR + TICK, State.WARN), (2 * HOUR, State.WARN), (2 * HOUR + TICK, State.FAIL)],
)
def test_dbts_light_changes_only_past_the_window(age: timedelta, expected: State) -> None:
    assert dbt_light(table(), reading(acme=age), NOW) is expected


def test_a_table_that_only_warns_is_never_late() -> None:
    assert state_of(timedelta(days=400), table(fail=None)) is State.WARN


@given(st.dictionaries(st.text(min_size=1), st.timedeltas(timedelta(0), timedelta(days=4000)), min_size=1, max_size=6))
def test_dbts_light_is_never_worse_than_the_worst_tenant(ages: dict[str, timedelta]) -> None:
    order = [State.PASS, State.WARN, State.FAIL]
    worst = max((state_of(age, table()) for age in ages.values()), key=order.index)
    assert order.index(dbt_light(table(), reading(**ages), NOW)) <= order.index(worst)


@given(st.dictionaries(st.sampled_from("abcdef"), st.timedeltas(timedelta(0), timedelta(days=9)), min_size=1))
def test_every_tenant_of_a_table_is_counted_once(ages: dict[str, timedelta]) -> None:
    assert answer((table(), reading(**ages))).promises == len(ages)


def test_the_worst_in_windows_comes_first_and_the_never_seen_after_the_late() -> None:
    small, wide = table("small"), table("wide", fail=timedelta(days=10))
    looked = answer(
        (wide, reading(acme=timedelta(days=11), zoe=timedelta(0))),
        (small, reading(acme=timedelta(0), bob=timedelta(days=1), cat=timedelta(0))),
    )
    assert [(one.tenant, one.key) for one in looked.broken] == [
        ("bob", "shop/small"),
        ("acme", "shop/wide"),
        ("bob", "shop/wide"),
        ("cat", "shop/wide"),
        ("zoe", "shop/small"),
    ]


def test_a_tenanted_table_that_nobody_has_ever_written_is_one_missing_promise() -> None:
    looked = answer((table(), TableReading(tenanted=True)))
    assert [(one.tenant, one.state) for one in looked.judged] == [("*", State.MISSING)]
    assert looked.exit_code is ExitCode.MISSING


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (Problem.NO_TABLE, ExitCode.MISSING),
        (Problem.NO_COLUMN, ExitCode.FAILING),
        (Problem.NOT_A_TIME, ExitCode.FAILING),
        (Problem.BROKEN_SQL, ExitCode.FAILING),
        (Problem.NOT_ALLOWED, ExitCode.COULD_NOT_LOOK),
        (Problem.LOCKED, ExitCode.COULD_NOT_LOOK),
        (Problem.TIMED_OUT, ExitCode.COULD_NOT_LOOK),
    ],
)
def test_every_problem_has_its_exit_code_and_its_words(problem: Problem, code: ExitCode) -> None:
    looked = answer((table(), TableReading(problem=problem)), (table("items"), reading(acme=3 * HOUR)))
    assert looked.exit_code is code
    assert "raw.orders" in looked.findings[0].message
    assert looked.findings[0].remedy


def test_the_sentence_says_only_what_is_so() -> None:
    fresh, late = reading(acme=timedelta(0), bob=timedelta(0)), reading(acme=timedelta(0), bob=9 * HOUR)
    red, gone = reading(acme=9 * HOUR), TableReading(problem=Problem.NO_COLUMN)
    assert sentence(answer((table(), fresh))) == "All 2 promises are kept."
    assert sentence(answer((table(), reading(acme=timedelta(0))))) == "The one promise is kept."
    assert sentence(answer((table(), fresh), (table("b"), gone))) == (
        "2 of 3 promises are kept; 1 more could not be judged."
    )
    assert sentence(answer((table(), late))) == "1 of 2 promises is broken and every light is green."
    assert sentence(answer((table(), red))) == (
        "1 of 1 promise is broken, and dbt source freshness shows a light over it."
    )
    assert sentence(answer((table(), late), (table("b"), reading(acme=HOUR, bob=HOUR)))) == (
        "1 of 4 promises is broken and every light is green."
    )
    assert sentence(answer((table(), late), (table("b"), reading(acme=90 * TICK + HOUR, bob=2 * HOUR - TICK)))) == (
        "1 of 4 promises is broken, under a table that dbt source freshness calls pass."
    )
    assert sentence(answer((table(), late), (table("b"), reading(acme=9 * HOUR, bob=9 * HOUR)))) == (
        "3 of 4 promises are broken, 1 of them under tables that dbt source freshness calls pass."
    )
