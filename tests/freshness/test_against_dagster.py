"""Where our words and Dagster's mean the same, we say what Dagster's own evaluator says; where not, each case is here.

The list in words is in docs/freshness.md, "Deliberate differences from Dagster's policy".
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState

from telemetry_assets.freshness.facts import newest_of_each
from telemetry_assets.freshness.judge import Judgement, judge_all, known
from telemetry_assets.freshness.lineage import data_times_of, graph_of, incorporate, roots_of
from telemetry_assets.freshness.owed import subjects_owed
from telemetry_assets.model import (
    EVERY_DAY,
    AssetKind,
    AssetNode,
    Clock,
    Deadline,
    Limit,
    Promise,
    State,
    SubjectFact,
    Window,
)
from tests.freshness.stock_dagster import StockDagster, asset

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)  # a Wednesday
ROOT = "raw/orders"
NODE = AssetNode(ROOT, AssetKind.STREAM, (), Clock(), tenanted=False)
HOURLY = Window(HOUR, 45 * MINUTE)
SAME = {"PASS": State.PASS, "WARN": State.WARN, "FAIL": State.FAIL}


def window(limit: Window) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=limit.fail, warn_window=limit.warn)


def cron(limit: Deadline, lower_bound: timedelta, zone: str) -> dg.FreshnessPolicy:
    days = "*" if limit.days == EVERY_DAY else ",".join(str((day + 1) % 7) for day in sorted(limit.days))
    return dg.FreshnessPolicy.cron(f"{limit.by.minute} {limit.by.hour} * * {days}", lower_bound, zone)


@pytest.fixture
def stock() -> Iterator[StockDagster]:
    """The root, with a window of an hour that warns at 45 minutes."""
    dagster = StockDagster([dg.AssetSpec(ROOT.split("/"), freshness_policy=window(HOURLY))])
    yield dagster
    dagster.close()


def loaded(at: datetime, data_time: datetime | None = None, **more: bool) -> SubjectFact:
    return SubjectFact(ROOT, "*", at, at.isoformat(), "test", {ROOT: data_time or at}, **more)


def ours(now: datetime, *facts: SubjectFact, limit: Limit = HOURLY) -> Judgement:
    held = newest_of_each(facts).values()
    (judged,) = judge_all(subjects_owed([NODE], [Promise("*", limit)], ()), [NODE], known(held), (), now)
    return judged


# Where the meanings agree


@pytest.mark.promise("B31", "B13", "F2")
def test_the_age_of_a_run_against_a_window_is_judged_as_dagster_judges_it() -> None:
    random, compared = Random(7), 0
    windows = [
        Window(fail * MINUTE, random.choice((None, fail * MINUTE / 2))) for fail in (2, 5, 45, 60, 90, 1440, 4320)
    ]
    specs = [dg.AssetSpec(f"of_{number}", freshness_policy=window(one)) for number, one in enumerate(windows)]
    dagster = StockDagster(specs)
    for number, one in enumerate(windows):
        dagster.materialized(f"of_{number}", NOON)
        ages = [
            one.fail,
            one.warn or one.fail,
            one.fail * random.random(),
            one.fail * 2 * random.random(),
            timedelta(0),
        ]
        for age in ages:
            for hair in (-SECOND, -SECOND / 1000, timedelta(0), SECOND / 1000, SECOND):
                now, compared = NOON + age + hair, compared + 1
                judged = ours(now, loaded(NOON), limit=one)
                assert judged.run_state is judged.state is SAME[dagster.state(f"of_{number}", now).value], (
                    one,
                    age + hair,
                )
    dagster.close()
    assert compared == 175


@pytest.mark.parametrize("zone", ["UTC", "America/Jamaica", "Europe/Berlin", "Asia/Kathmandu"])
@pytest.mark.slow
def test_a_run_against_a_deadline_is_judged_as_dagster_judges_it_against_a_cron(zone: str) -> None:
    random, local = Random(zone), ZoneInfo(zone)
    for number in range(3):
        days = random.choice((EVERY_DAY, frozenset(range(5)), frozenset({6, 0, 1, 2, 3}), frozenset({2})))
        by, delta = time(random.randrange(24), random.choice((0, 15, 30))), random.choice((15, 60, 600, 1440)) * MINUTE
        since = (datetime.combine(NOON.date(), by) - delta).time()
        limit, key = Deadline(by, since=since, days=days, zone=zone), f"of_{number}"
        dagster = StockDagster([dg.AssetSpec(key, freshness_policy=cron(limit, delta, zone))])
        at = datetime.combine(NOON.date(), random.choice((by, since, time(12))), local).astimezone(UTC)
        ran = at - random.choice((timedelta(0), SECOND, -SECOND, HOUR))
        dagster.materialized(key, ran)
        for days_later in range(9):
            due = datetime.combine(ran.date() + days_later * DAY, by, local).astimezone(UTC)
            for hair in (-SECOND, timedelta(0), SECOND):
                if (now := due + hair) >= ran:
                    judged = ours(now, loaded(ran), limit=limit)
                    assert judged.state is SAME[dagster.state(key, now).value], (limit, ran, now)
        dagster.close()


@pytest.mark.parametrize(
    ("day", "zone"),
    [("2026-03-29", "Europe/Berlin"), ("2026-10-25", "Europe/Berlin"), ("2026-03-08", "America/New_York"),
     ("2026-10-04", "Australia/Lord_Howe")],
)  # fmt: skip
@pytest.mark.slow
def test_a_deadline_in_the_hour_that_is_skipped_or_comes_twice_passes_when_dagsters_does(day: str, zone: str) -> None:
    limit = Deadline(time(2, 30), since=time(1), zone=zone)
    dagster = StockDagster([dg.AssetSpec(ROOT.split("/"), freshness_policy=cron(limit, 90 * MINUTE, zone))])
    ran = datetime.combine(date.fromisoformat(day) - DAY, time(12), ZoneInfo(zone)).astimezone(UTC)
    dagster.materialized(ROOT, ran)
    moments = [ran + minutes * 5 * MINUTE for minutes in range(12 * 9, 12 * 19)]
    turned = [now for now in moments if dagster.state(ROOT, now) is FreshnessState.FAIL]
    assert turned
    assert turned == [now for now in moments if ours(now, loaded(ran), limit=limit).state is State.FAIL]
    dagster.close()


@pytest.mark.promise("F12")
def test_data_through_the_lineage_is_as_old_as_dagsters_own_resolver_finds() -> None:
    compared = 0
    for seed in range(5):
        random = Random(seed)
        nodes = _tables(random)
        dagster = StockDagster([asset(node.key, node.parents) for node in nodes])
        facts: dict[tuple[str, str], SubjectFact] = {}
        order = [*nodes, *(random.choice(nodes) for _ in range(25))]
        for minute, node in enumerate(order):
            now = NOON + minute * MINUTE
            dagster.materialized(node.key, now)
            facts[node.key, "*"] = _built(node, nodes, facts, now)
        for node in nodes:
            assert facts[node.key, "*"].data_times == dagster.data_times(node.key, NOON + DAY), (seed, node.key)
            compared += 1
        dagster.close()
    assert compared == 35


def _tables(random: Random) -> list[AssetNode]:
    nodes = [AssetNode(f"raw_{number}", AssetKind.STREAM, (), Clock(), tenanted=False) for number in range(3)]
    for number in range(4):
        parents = tuple(random.sample([node.key for node in nodes], random.randrange(1, 4)))
        nodes.append(AssetNode(f"mart_{number}", AssetKind.MODEL, parents, tenanted=False))
    return nodes


def _built(
    node: AssetNode, nodes: list[AssetNode], facts: dict[tuple[str, str], SubjectFact], now: datetime
) -> SubjectFact:
    graph = graph_of(nodes)
    parents = [(roots_of(parent, graph), data_times_of(parent, "*", graph, facts)) for parent in node.parents]
    return SubjectFact(node.key, "*", now, str(now), "test", incorporate(parents) if node.parents else {node.key: now})


# Where they do not, on purpose


@pytest.mark.promise("B53")
def test_what_never_arrived_is_never_not_unknown(stock: StockDagster) -> None:
    assert stock.state(ROOT, NOON) is FreshnessState.UNKNOWN
    assert (ours(NOON).state, ours(NOON).run_state) == (State.MISSING, State.MISSING)


def test_what_is_yet_to_come_is_not_believed_but_for_five_minutes_of_clocks_that_differ(stock: StockDagster) -> None:
    stock.materialized(ROOT, NOON)
    for ahead in (DAY, 5 * MINUTE + SECOND):
        assert stock.state(ROOT, NOON - ahead) is FreshnessState.PASS
        assert (ours(NOON - ahead, loaded(NOON)).state, ours(NOON - ahead, loaded(NOON)).run_state) == (
            State.UNKNOWN,
        ) * 2
    assert ours(NOON - 5 * MINUTE, loaded(NOON)).state is State.PASS


@pytest.mark.promise("F9")
def test_an_old_run_told_late_changes_nothing(stock: StockDagster) -> None:
    stock.materialized(ROOT, NOON)
    stock.materialized(ROOT, NOON - 5 * HOUR)
    assert stock.state(ROOT, NOON + MINUTE) is FreshnessState.FAIL
    assert ours(NOON + MINUTE, loaded(NOON), loaded(NOON - 5 * HOUR)).state is State.PASS


@pytest.mark.promise("F9")
def test_synthetic_rows_refresh_nothing(stock: StockDagster) -> None:
    stock.materialized(ROOT, NOON - 5 * HOUR)
    stock.materialized(ROOT, NOON, tags={"synthetic": "true"})
    assert stock.state(ROOT, NOON) is FreshnessState.PASS
    assert ours(NOON, loaded(NOON - 5 * HOUR), loaded(NOON, synthetic=True)).state is State.FAIL


def test_a_deadline_may_warn_before_it_is_missed() -> None:
    limit = Deadline(time(9), warn=time(8))
    dagster = StockDagster([dg.AssetSpec(ROOT.split("/"), freshness_policy=cron(limit, 9 * HOUR, "UTC"))])
    ran = NOON - DAY
    dagster.materialized(ROOT, ran)
    half_past_eight = NOON.replace(hour=8, minute=30)
    assert dagster.state(ROOT, half_past_eight) is FreshnessState.PASS
    assert ours(half_past_eight, loaded(ran), limit=limit).state is State.WARN
    dagster.close()


def test_data_since_midnight_means_midnight_also_on_the_day_of_23_hours() -> None:
    limit = Deadline(time(9), zone="Europe/Berlin")
    dagster = StockDagster([dg.AssetSpec(ROOT.split("/"), freshness_policy=cron(limit, 9 * HOUR, "Europe/Berlin"))])
    half_past_eleven = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
    dagster.materialized(ROOT, half_past_eleven)
    now = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert dagster.state(ROOT, now) is FreshnessState.PASS, "nine hours before 09:00 is 23:00 of the day before"
    assert ours(now, loaded(half_past_eleven), limit=limit).state is State.FAIL
    dagster.close()


def test_a_parent_that_was_never_built_is_a_lack_and_not_left_out() -> None:
    keys = {"raw_0": (), "raw_1": (), "mart": ("raw_0", "raw_1")}
    dagster = StockDagster([asset(key, parents) for key, parents in keys.items()])
    dagster.materialized("raw_0", NOON)
    dagster.materialized("mart", NOON + MINUTE)
    assert dagster.data_times("mart", NOON + HOUR) == {"raw_0": NOON}
    clocks = {"raw_0": Clock(), "raw_1": Clock()}
    nodes = [AssetNode(key, AssetKind.MODEL, up, clocks.get(key), tenanted=False) for key, up in keys.items()]
    raw = {("raw_0", "*"): SubjectFact("raw_0", "*", NOON, "1", "test", {"raw_0": NOON})}
    mart = _built(nodes[2], nodes, raw, NOON + MINUTE)
    owed = subjects_owed(nodes, [Promise("mart", Window(DAY))], ())
    (judged,) = judge_all(owed, nodes, known([*raw.values(), mart]), (), NOON + HOUR)
    assert (judged.state, judged.binding_root) == (State.MISSING, "raw_1")
    dagster.close()
