"""Random lives of random graphs: the engine, and the page said a second time, agree at every moment.

A failing seed of the long test is replayed by ``shrunk(timeline(Random(SEED), 40), …)``, which it prints.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_assets.freshness.facts import newest, newest_of_each
from telemetry_assets.model import AssetKind, AssetNode, Clock, Look, Promise, State, SubjectFact, Window
from tests.freshness.both import Both, Subject, disagreements
from tests.freshness.timelines import Asked, Timeline, Told, shrunk, timeline

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))
MILLION = 1_000_000


@pytest.mark.promise("B13", "B15", "B31", "B48", "F9", "F12")
@settings(UNHURRIED, max_examples=400)
@given(st.randoms(use_true_random=False))
@pytest.mark.slow
def test_the_engine_says_what_the_page_says_at_every_moment(random: Random) -> None:
    line = timeline(random, steps=10)
    assert disagreements(Both(line)) == [], line


@pytest.mark.promise("F9")
@settings(UNHURRIED, max_examples=100)
@given(st.randoms(use_true_random=False))
def test_facts_in_any_order_grouping_and_duplication_end_in_the_same_memory(random: Random) -> None:
    both = Both(timeline(random, steps=12))
    assert disagreements(both) == []
    assert _remembered_otherwise(both, random) == both.facts


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_events_and_no_disagreement() -> None:
    began, events, moments, states, seed = perf_counter(), 0, 0, Counter[str](), 0
    while events < MILLION:
        random = Random(seed)
        both = Both(timeline(random, steps=random.choice((20, 60, 120))))
        for _, engine, page in both.live():
            assert engine == page, _explained(both.line, seed)
            states.update(f"{state} · run {run}" for state, *_, run, _ in page.values())
        assert _remembered_otherwise(both, random) == both.facts, seed
        events, moments, seed = events + both.events, moments + both.moments, seed + 1
    judged = states.total()
    print(f"\n{events:,} events in {seed:,} timelines, {moments:,} moments, {judged:,} judgements compared,")
    print(f"0 disagreements, {perf_counter() - began:.0f} s; by state: {dict(states.most_common())}")
    assert len(states) >= 20, "some states never came up: the timelines have become too tame"


def _explained(line: Timeline, seed: int) -> str:
    small = shrunk(line, lambda one: bool(disagreements(Both(one))))
    return "\n".join([f"seed {seed}", *map(repr, (*small.nodes, *small.promises, *small.tenants, *small.steps))])


def _remembered_otherwise(both: Both, random: Random) -> dict[Subject, SubjectFact]:
    """The memory of the same facts, shuffled, some of them twice, in other batches."""
    told = [fact for facts in both.history.told.values() for fact in facts]
    told += random.sample(told, len(told) // 3)
    random.shuffle(told)
    memory: dict[Subject, SubjectFact] = {}
    for batch in _batches(told, random):
        for subject, fact in newest_of_each(batch).items():
            memory[subject] = newest(memory[subject], fact) if subject in memory else fact
    return memory


def _batches(facts: list[SubjectFact], random: Random) -> list[list[SubjectFact]]:
    size = random.choice((1, 2, 5, 1000))
    return [facts[start : start + size] for start in range(0, len(facts), size)]


# Found by the above, each once wrong

NOON, HOUR = datetime(2026, 5, 1, 12, tzinfo=UTC), timedelta(hours=1)
ROOT = AssetNode("raw/0", AssetKind.STREAM, (), Clock(), tenanted=False)


def _fact(asset: str, known_at: datetime) -> SubjectFact:
    return SubjectFact(asset, "*", known_at, "run-1", "test", {ROOT.key: known_at})


@pytest.mark.promise("F12")
def test_a_view_is_known_as_of_now_so_parents_that_went_on_since_its_run_are_believed() -> None:
    view = AssetNode("staging/0", AssetKind.VIEW, (ROOT.key,), tenanted=False)
    told = Told((_fact(view.key, NOON - 9 * HOUR), _fact(ROOT.key, NOON)))
    both = Both(Timeline((ROOT, view), (Promise("*", Window(HOUR)),), (), (told, Asked(NOON))))
    ((_, engine, page),) = both.live()
    assert engine == page
    assert engine[view.key, "*"][:3] == (State.PASS, ROOT.key, NOON)


def test_a_failed_look_at_what_is_no_root_does_not_hide_that_it_never_arrived() -> None:
    mart = AssetNode("marts/0", AssetKind.MODEL, (ROOT.key,), tenanted=False)
    told = Told(looks=(Look(mart.key, NOON, "permission denied"),))
    both = Both(Timeline((ROOT, mart), (Promise(mart.key, Window(HOUR)),), (), (told, Asked(NOON))))
    ((_, engine, page),) = both.live()
    assert engine == page
    assert engine[mart.key, "*"][0] is State.MISSING
