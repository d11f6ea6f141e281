"""Walking up the graph: dated roots, and the data times something built from them holds."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.freshness.lineage import (
    data_times_of,
    fact_now,
    facts_of,
    graph_of,
    incorporate,
    read_by,
    roots_of,
    undated_roots_of,
)
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, SubjectFact

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLOCK = Clock(ClockKind.COLUMN, "updated_at")


def _node(
    key: str, *parents: str, kind: AssetKind = AssetKind.MODEL, clock: Clock | None = None, **more: bool
) -> AssetNode:
    return AssetNode(key, kind, parents, clock=clock, **more)


def _fact(asset: str, tenant: str, data_times: Mapping[str, datetime], *, synthetic: bool = False) -> SubjectFact:
    return SubjectFact(asset, tenant, NOON, "run", "dbt", data_times, synthetic=synthetic)


GRAPH = graph_of(
    [
        _node("raw/a", kind=AssetKind.STREAM, clock=CLOCK),
        _node("raw/b", kind=AssetKind.STREAM, clock=Clock()),
        _node("raw/fixed", kind=AssetKind.TABLE, clock=Clock(ClockKind.STATIC)),
        _node("raw/rates", kind=AssetKind.TABLE, clock=CLOCK, tenanted=False),
        _node("zones", kind=AssetKind.SEED),
        _node("stg/a", "raw/a", kind=AssetKind.VIEW),
        _node("stg/ab", "stg/a", "raw/b", "nowhere", kind=AssetKind.VIEW),
        _node("mart", "stg/ab", "stg/a", "zones", "raw/fixed", "raw/rates"),
        _node("total", "mart", tenanted=False),
        _node("loop/x", "loop/y", "raw/a", kind=AssetKind.VIEW),
        _node("loop/y", "loop/x", "loop/y", kind=AssetKind.VIEW),
    ]
)


def test_roots_are_the_dated_ends_of_every_path_each_once() -> None:
    assert roots_of("mart", GRAPH) == ("raw/rates", "raw/b", "raw/a")
    assert roots_of("raw/a", GRAPH) == ("raw/a",)
    assert undated_roots_of("mart", GRAPH) == ("zones", "raw/fixed", "nowhere")
    assert undated_roots_of("raw/a", GRAPH) == ()


def test_a_static_clock_and_a_seed_and_an_unknown_key_date_nothing() -> None:
    for key in ("raw/fixed", "zones", "nowhere"):
        assert roots_of(key, GRAPH) == ()
        assert undated_roots_of(key, GRAPH) == (key,)


def test_a_cycle_ends_the_walk() -> None:
    assert roots_of("loop/y", GRAPH) == ("raw/a",)
    assert data_times_of("loop/y", "one", GRAPH, facts_of([_fact("raw/a", "one", {"raw/a": NOON})])) == {"raw/a": NOON}


def test_what_is_built_from_parents_is_as_old_as_the_oldest_that_any_holds() -> None:
    parents = [("xy", {"x": NOON, "y": NOON - HOUR}), ("xz", {"x": NOON - 2 * HOUR, "z": NOON}), ("", {})]
    assert incorporate(parents) == {"x": NOON - 2 * HOUR, "y": NOON - HOUR, "z": NOON}
    assert incorporate([]) == {}


def test_a_parent_that_holds_nothing_of_its_root_leaves_the_whole_without_it() -> None:
    assert incorporate([("xy", {"x": NOON, "y": NOON}), ("x", {})]) == {"y": NOON}
    assert incorporate([("x", {"x": NOON, "y": NOON})]) == {"x": NOON}


def test_a_view_holds_what_its_parents_hold_now_never_what_it_was_recorded_with() -> None:
    facts = facts_of(
        [
            _fact("raw/a", "one", {"raw/a": NOON}),
            _fact("raw/b", "one", {"raw/b": NOON - HOUR}),
            _fact("stg/ab", "one", {"raw/a": NOON - 9 * HOUR}),
        ]
    )
    assert data_times_of("stg/ab", "one", GRAPH, facts) == {"raw/a": NOON, "raw/b": NOON - HOUR}
    now = fact_now("stg/ab", "one", GRAPH, facts, NOON + HOUR)
    assert now is not None
    assert (now.run_time, now.data_times) == (NOON, {"raw/a": NOON, "raw/b": NOON - HOUR})
    assert now.known_at == NOON + HOUR


def test_a_table_keeps_what_its_run_incorporated_though_its_parents_went_on() -> None:
    held = _fact("mart", "one", {"raw/a": NOON - 9 * HOUR})
    facts = facts_of([_fact("raw/a", "one", {"raw/a": NOON}), held])
    assert data_times_of("mart", "one", GRAPH, facts) == {"raw/a": NOON - 9 * HOUR}
    assert fact_now("mart", "one", GRAPH, facts, NOON) is held


def test_a_view_that_no_run_made_is_never_seen() -> None:
    assert fact_now("stg/a", "one", GRAPH, facts_of([_fact("raw/a", "one", {"raw/a": NOON})]), NOON) is None


def test_one_tenants_facts_are_not_anothers_and_data_without_tenants_is_everybodys() -> None:
    facts = facts_of([_fact("raw/a", "two", {"raw/a": NOON}), _fact("raw/rates", "*", {"raw/rates": NOON})])
    assert data_times_of("raw/a", "one", GRAPH, facts) == {}
    assert data_times_of("raw/rates", "one", GRAPH, facts) == {"raw/rates": NOON}


def test_a_total_over_tenants_is_as_old_as_its_oldest_tenant() -> None:
    facts = facts_of([_fact("mart", "one", {"raw/a": NOON}), _fact("mart", "two", {"raw/a": NOON - HOUR})])
    assert data_times_of("mart", "*", GRAPH, facts, ["one", "two", "three"]) == {"raw/a": NOON - HOUR}


def test_synthetic_rows_and_unknown_parents_date_nothing() -> None:
    facts = facts_of([_fact("raw/a", "one", {"raw/a": NOON}, synthetic=True)])
    assert data_times_of("stg/ab", "one", GRAPH, facts) == {}


def test_views_upon_views_are_walked_once_each_however_many_paths_there_are() -> None:
    layers = [_node("v0", "raw/a", kind=AssetKind.VIEW), _node("w0", "raw/a", kind=AssetKind.VIEW)]
    for level in range(1, 60):
        parents = (f"v{level - 1}", f"w{level - 1}")
        layers += [_node(f"{side}{level}", *parents, kind=AssetKind.VIEW) for side in "vw"]
    graph = graph_of([*layers, _node("raw/a", kind=AssetKind.STREAM, clock=CLOCK)])
    facts = facts_of([_fact("raw/a", "one", {"raw/a": NOON})])
    assert data_times_of("v59", "one", graph, facts) == {"raw/a": NOON}
    assert roots_of("v59", graph) == ("raw/a",)


TIMES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9).map(lambda hours: NOON + hours * HOUR))


@given(parents=st.lists(TIMES, max_size=4), cut=st.integers(0, 4))
def test_incorporating_in_steps_or_twice_is_incorporating_at_once(parents: list[dict[str, datetime]], cut: int) -> None:
    made_from = [(tuple(times), times) for times in parents]
    at_once = incorporate(made_from)
    steps = [incorporate(made_from[:cut]), incorporate(made_from[cut:])]
    assert incorporate((tuple(times), times) for times in steps) == at_once
    assert incorporate([*made_from, *reversed(made_from)]) == at_once


def test_what_a_view_holds_is_told_by_its_tables_and_what_a_table_holds_by_itself() -> None:
    assert read_by([("mart", "one")], GRAPH, ["one", "two"]) == {("mart", "one")}
    ends = ("raw/a", "raw/b", "nowhere")
    assert read_by([("stg/ab", "one")], GRAPH, ["one", "two"]) == {
        ("stg/ab", "one"), *((end, tenant) for end in ends for tenant in ("one", "*"))
    }  # fmt: skip
    assert {tenant for _, tenant in read_by([("stg/a", "*")], GRAPH, ["one", "two"])} == {"one", "two", "*"}
