"""What other code locations materialize becomes facts; what is ours, old, synthetic or nobody's changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.freshness.facts import newest_of_each
from telemetry_assets.freshness.lineage import Graph
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, SubjectFact
from telemetry_assets.sources.dagster_events import (
    DATA_TIME,
    LAST_UPDATED,
    POINTER,
    SYNTHETIC,
    Event,
    Known,
    Translation,
    Wanted,
    telling,
    translate,
)

NOON = datetime(2026, 9, 10, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SYNC = Clock(ClockKind.SYNC)
ORDERS = AssetNode("shop/orders", AssetKind.STREAM, clock=SYNC)
DAILY = AssetNode("marts/daily", AssetKind.VIEW, parents=("shop/orders",))
LOADED = SubjectFact("shop/orders", "acme", NOON - 20 * MINUTE, "r0", "airbyte", {"shop/orders": NOON - 30 * MINUTE})
SCORES = Wanted("ml/scores", SYNC, tenanted=False)
PER_TENANT = Wanted("ml/scores", SYNC, tenanted=True)
DERIVED = Wanted("ml/scores")


def event(number: int = 1, **parts: Any) -> Event:
    fields: dict[str, Any] = {
        "storage_id": number,
        "asset": "ml/scores",
        "happened_at": NOON + number * MINUTE,
        "run_id": f"run-{number}",
        "run_began": NOON + number * MINUTE - 5 * MINUTE,
    }
    return Event(**{**fields, **parts})


def told(events: Sequence[Event], wanted: Wanted, *held: SubjectFact) -> Translation:
    facts = {(fact.asset, fact.tenant): fact for fact in held}
    return translate(events, {wanted.asset: wanted}, Known(Graph([ORDERS, DAILY]), facts, ("acme", "globex")))


def time_of(translation: Translation, root: str = "ml/scores") -> datetime | None:
    (fact,) = translation.facts
    return fact.data_times.get(root)


@pytest.mark.parametrize(
    ("parts", "data_time"),
    [
        ({}, NOON - 4 * MINUTE),
        ({"run_began": None}, NOON + MINUTE),
        ({"run_began": NOON + DAY}, NOON + MINUTE),
        ({"metadata": {DATA_TIME: (NOON - DAY).timestamp()}}, NOON - DAY),
        ({"metadata": {DATA_TIME: (NOON - DAY).isoformat()}}, NOON - DAY),
        ({"metadata": {DATA_TIME: "2026-09-09T12:00:00"}}, NOON - DAY),
        ({"metadata": {LAST_UPDATED: NOON.timestamp() - 60}}, NOON - MINUTE),
        ({"metadata": {DATA_TIME: NOON.timestamp(), LAST_UPDATED: 0}}, NOON),
        ({"metadata": {DATA_TIME: "yesterday"}}, NOON - 4 * MINUTE),
        ({"metadata": {DATA_TIME: float("nan")}}, NOON - 4 * MINUTE),
        ({"metadata": {DATA_TIME: 1e300}}, NOON - 4 * MINUTE),
        ({"metadata": {DATA_TIME: True}}, NOON - 4 * MINUTE),
        ({"metadata": {DATA_TIME: None}}, NOON - 4 * MINUTE),
        ({"partition": "2026-09-08"}, NOON.replace(day=9, hour=0)),
        ({"partition": "2026-09-10"}, NOON - 4 * MINUTE),
        ({"partition": "2026-09-10-10:00"}, NOON.replace(hour=11)),
    ],
)
def test_its_data_is_as_old_as_it_says_or_as_its_time_window_or_as_its_run(
    parts: Mapping[str, Any], data_time: datetime
) -> None:
    assert time_of(told([event(**parts)], SCORES)) == data_time


def test_a_fact_has_the_end_of_its_run_and_where_it_came_from() -> None:
    (fact,) = told([event()], SCORES).facts
    assert (fact.asset, fact.tenant, fact.run_time, fact.run_id) == ("ml/scores", "*", NOON + MINUTE, "run-1")
    assert (fact.source, fact.looked_at, fact.synthetic) == ("dagster", None, False)


@pytest.mark.parametrize("partition", ["acme", "2026-09-08|acme"])
def test_a_partition_that_is_a_tenant_says_whose_it_is(partition: str) -> None:
    assert [fact.tenant for fact in told([event(partition=partition)], PER_TENANT).facts] == ["acme"]


@pytest.mark.parametrize("partition", [None, "umbrella", "2026-09-08"])
def test_what_is_nobodys_is_passed_over_with_a_note(partition: str | None) -> None:
    result = told([event(1, partition=partition), event(2, partition=partition)], PER_TENANT)
    assert result.facts == ()
    (note,) = result.notes
    assert note.startswith("ml/scores: a materialization was passed over")
    assert partition is None or partition in note


def test_data_without_tenants_is_one_subject_whatever_its_partitions_are_called() -> None:
    assert [fact.tenant for fact in told([event(partition="acme")], SCORES).facts] == ["*"]


@pytest.mark.promise("F9")
def test_building_an_old_time_window_again_refreshes_nothing_and_ages_nothing() -> None:
    newest, old = event(1, partition="2026-09-09"), event(2, partition="2026-08-01")
    (fact,) = told([newest, old], SCORES).facts
    assert fact.data_times == {"ml/scores": NOON.replace(hour=0)}
    assert fact.run_time == old.happened_at
    (again,) = told([old], SCORES, fact).facts
    assert again.data_times == fact.data_times


@pytest.mark.promise("F9")
@pytest.mark.parametrize(
    "parts", [{"metadata": {SYNTHETIC: True}}, {"tags": {SYNTHETIC: "true"}}, {"metadata": {SYNTHETIC: "True"}}]
)
def test_what_is_tagged_synthetic_never_replaces_what_is_real(parts: Mapping[str, Any]) -> None:
    (real,) = told([event(1)], SCORES).facts
    (fact,) = told([event(2, **parts)], SCORES).facts
    assert fact.synthetic
    assert told([event(2, **parts)], SCORES, real).facts == (real,)


def test_a_reset_root_that_says_so_itself_is_believed() -> None:
    first, restored = event(1), event(2, metadata={DATA_TIME: (NOON - DAY).timestamp()})
    assert time_of(told([first, restored], SCORES)) == NOON - DAY


def test_an_observation_is_a_look_and_no_run() -> None:
    (fact,) = told([event(observed=True, metadata={LAST_UPDATED: NOON.timestamp()})], SCORES).facts
    assert (fact.run_time, fact.looked_at, fact.data_times) == (None, NOON + MINUTE, {"ml/scores": NOON})


def test_an_observation_leaves_the_run_before_it_known() -> None:
    observed = event(2, observed=True, metadata={LAST_UPDATED: NOON.timestamp()})
    (fact,) = told([event(1), observed], SCORES).facts
    assert (fact.run_time, fact.looked_at) == (event(1).happened_at, observed.happened_at)


def test_an_observation_that_dates_nothing_is_passed_over_with_a_note() -> None:
    result = told([event(observed=True)], SCORES)
    assert result.facts == ()
    assert LAST_UPDATED in result.notes[0]


def test_a_static_asset_has_runs_and_no_data_time() -> None:
    (fact,) = told([event()], replace(SCORES, clock=Clock(ClockKind.STATIC))).facts
    assert fact.data_times == {}


def test_an_asset_made_from_ours_holds_what_they_held_when_its_run_began() -> None:
    pointed = event(partition="acme", tags={f"{POINTER}marts/daily": "7", f"{POINTER}ml/scores": "3"})
    result = told([pointed], DERIVED, LOADED)
    assert time_of(result, "shop/orders") == NOON - 30 * MINUTE
    (node,) = result.nodes
    assert (node.key, node.parents, node.clock, node.tenanted) == ("ml/scores", ("marts/daily",), None, True)


def test_what_its_parents_loaded_since_its_run_began_is_not_its_own_yet() -> None:
    pointed = event(partition="acme", tags={f"{POINTER}shop/orders": "7"})
    (before,) = told([pointed], DERIVED, LOADED).facts
    reloaded = replace(LOADED, run_time=NOON + DAY, data_times={"shop/orders": NOON + DAY - MINUTE})
    later = replace(pointed, storage_id=2, happened_at=NOON + 2 * MINUTE, run_id="run-2")
    assert time_of(told([later], DERIVED, reloaded, before), "shop/orders") == NOON - 30 * MINUTE
    assert time_of(told([later], DERIVED, reloaded), "shop/orders") == later.began


def test_an_asset_that_only_a_promise_names_is_a_root_until_something_says_what_it_is_made_from() -> None:
    result = told([event()], DERIVED)
    assert result.nodes == (AssetNode("ml/scores", AssetKind.STREAM, clock=SYNC, tenanted=False),)
    assert time_of(result) == NOON - 4 * MINUTE


def test_a_chain_within_one_batch_is_followed() -> None:
    source, derived = Wanted("raw/clicks", SYNC, tenanted=False), Wanted("ml/scores")
    batch = [event(2, tags={f"{POINTER}raw/clicks": "1"}), event(1, asset="raw/clicks", happened_at=NOON - DAY)]
    result = translate(batch, {one.asset: one for one in (source, derived)}, Known(Graph([]), {}, ()))
    assert {fact.asset: fact.data_times for fact in result.facts} == {
        "raw/clicks": {"raw/clicks": NOON - DAY},
        "ml/scores": {"raw/clicks": NOON - DAY},
    }


def test_our_own_events_coming_back_change_nothing() -> None:
    ours = event(asset="shop/orders", partition="acme", metadata={DATA_TIME: NOON.timestamp()})
    assert told([ours], SCORES, LOADED) == Translation((), (), ())


def test_a_graph_that_already_has_the_asset_gets_no_node_again() -> None:
    first = told([event()], SCORES)
    again = translate([event(2)], {"ml/scores": SCORES}, Known(Graph(first.nodes), {}, ()))
    assert again.nodes == ()


def test_of_years_of_time_windows_the_latest_and_the_newest_event_tell_how_things_stand() -> None:
    days = {f"2026-0{month}-{day:02}": month * 100 + day for month in (7, 8) for day in range(1, 29)}
    assert telling({**days, "2026-07-03": 9999}) == (828, 9999)
    assert telling({"2026-08-01|acme": 5, "2026-08-02|acme": 4, "2026-08-01|globex": 3}) == (3, 4, 5)
    assert telling({"acme": 1, "globex": 2}) == (1, 2)
    assert telling({}) == ()


EVENTS = st.lists(
    st.builds(
        lambda number, partition, told: event(
            number,
            partition=partition,
            metadata={} if told is None else {DATA_TIME: (NOON - told * MINUTE).timestamp()},
        ),
        st.integers(1, 40),
        st.sampled_from(["acme", "globex", "2026-09-01|acme", "2026-09-08|acme"]),
        st.one_of(st.none(), st.integers(0, 90)),
    ),
    max_size=10,
    unique_by=lambda one: one.storage_id,
)


@given(events=EVENTS, cut=st.integers(0, 10))
def test_events_told_again_from_any_point_end_in_the_same_facts(events: list[Event], cut: int) -> None:
    events.sort(key=lambda one: one.storage_id)
    once = newest_of_each(told(events, PER_TENANT).facts)
    replayed = told(events[cut:], PER_TENANT, *once.values()).facts
    assert newest_of_each([*once.values(), *replayed]) == once
