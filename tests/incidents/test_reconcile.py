"""What holds of every reconciling: doing it again changes nothing, the order of nothing counts, messages are few."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.incidents.incident import Phase
from telemetry_assets.incidents.reconcile import reconcile
from telemetry_assets.incidents.silence import Silence, muted
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import Block, Reach, Trouble
from telemetry_assets.model import CauseKind, State
from tests.incidents.made import FRESH, HOUR, MINUTE, NOON, ROUTING, Life, all_of, cross, situation, trouble

K = CauseKind
ASSETS, TENANTS, OWNERS = (
    ("raw/a", "raw/b", "marts/c"),
    ("acme", "birch"),
    ("data-eng", "marketing", "on-call", "", "gone"),
)
CAUSES = (
    (K.SYNC_FAILED, "raw"),
    (K.BUILD_FAILED, "marts/c"),
    (K.WAITING, "marts/c"),
    (K.BUILD_SKIPPED, "marts/c"),
    (K.COULD_NOT_LOOK, "raw/a"),
    (K.MONITOR_DOWN, "monitor"),
)


@st.composite
def _trouble(draw: st.DrawFn) -> Trouble:
    kind, where = draw(st.sampled_from(CAUSES))
    state = (
        State.UNKNOWN if kind is K.COULD_NOT_LOOK else draw(st.sampled_from([State.FAIL, State.WARN, State.MISSING]))
    )
    owner, age = draw(st.sampled_from(OWNERS)), draw(st.integers(61, 63))
    if kind is K.MONITOR_DOWN:
        return trouble(kind, where, "", "*", state=None, owner="")
    asset, tenant = draw(st.sampled_from(ASSETS)), draw(st.sampled_from(TENANTS))
    return trouble(kind, where, asset, tenant, state=state, owner=owner, age=age)


_silences = st.lists(
    st.builds(
        lambda asset, tenant, until: Silence(1, asset, tenant, NOON + until * MINUTE, "why", "kim", NOON),
        st.sampled_from(["*", "raw/*", "marts/c"]),
        st.sampled_from([None, "acme"]),
        st.integers(0, 600),
    ),
    max_size=2,
)
_looks = st.lists(
    st.tuples(st.sampled_from([0.5, 5, 31, 120, 250]), st.lists(_trouble(), max_size=6), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(_looks, _silences, st.randoms())
def test_whatever_happens_the_order_counts_for_nothing_and_the_same_again_changes_nothing(
    looks: Sequence[tuple[float, list[Trouble], bool]], silences: list[Silence], random: Random
) -> None:
    life, minute = Life(), 0.0
    for passes, troubles, seen_to in looks:
        minute += passes
        now = NOON + minute * MINUTE
        mixed, incidents = list(muted(troubles, silences, now)), list(life.incidents.values())
        standing = {(one.worst.asset, one.worst.tenant): FRESH for one in incidents}
        random.shuffle(mixed)
        random.shuffle(incidents)
        shuffled = list(situations_of(mixed, {}))
        random.shuffle(shuffled)
        there = reconcile(incidents, shuffled, standing, ROUTING, now, len(incidents) + 1)
        before = len(life.entries)
        life.look(minute, *troubles, silences=silences)
        assert [entry for change in there for entry in change.entries] == life.entries[before:]
        assert {change.after.number: change.after for change in there}.items() <= life.incidents.items()
        for number, incident in life.incidents.items():
            if seen_to and incident.phase is Phase.OPEN:
                life.acknowledge(minute, number)
    _is_in_order(life)


def _is_in_order(life: Life) -> None:
    """Entries are numbered without a gap, no key comes twice, and no channel hears a step twice."""
    for number, incident in life.incidents.items():
        assert [one.seq for one in life.entries if one.incident == number] == list(range(1, incident.steps + 1))
        assert (incident.phase is Phase.RESOLVED) == (incident.resolved_at is not None)
    assert max(Counter(one.key for one in life.messages).values(), default=0) <= 1
    told = {(entry.incident, entry.seq): entry.channels for entry in life.entries}
    assert Counter((one.incident, one.seq) for one in life.messages) == Counter(
        {key: len(channels) for key, channels in told.items() if channels}
    )
    open_now = [one.identity for one in life.incidents.values() if one.phase is not Phase.RESOLVED]
    assert len(set(open_now)) == len(open_now)
    steps, owners = len(life.entries), len(ROUTING.routes) + 1
    assert len(life.messages) <= steps * owners


@pytest.mark.promise("B54", "C26")
def test_one_dead_source_under_everything_is_one_message_and_its_recovery_one_more() -> None:
    life, hit = Life(), cross([f"marts/m{number}" for number in range(40)], [f"t{number}" for number in range(25)])
    assert life.look(0, *all_of(hit)) == ["1 opened slack"]
    for minute in range(1, 20):
        assert life.look(minute, *all_of(hit[: 1000 - 20 * minute], K.WAITING, "marts/m0"), *all_of(hit[:3])) == []
    assert life.look(20, *all_of(hit[:300], K.WAITING, "marts/m0")) == ["1 moved"]
    assert life.look(25, *all_of(hit[:20], K.WAITING, "marts/m0")) == []
    assert life.look(29) == ["1 resolved slack"]
    assert len(life.messages) == 2


def test_a_healthy_week_is_silent() -> None:
    life = Life()
    assert [step for minute in range(0, 7 * 24 * 60, 30) for step in life.look(minute)] == []


def test_new_incidents_are_numbered_by_their_identities_from_the_next_number() -> None:
    troubles = [trouble(where=where, asset=where) for where in "cab"]
    changes = reconcile([], situations_of(troubles, {}), {}, ROUTING, NOON, 7)
    assert [(one.after.number, one.after.where) for one in changes] == [(7, "a"), (8, "b"), (9, "c")]


def test_half_a_million_subjects_are_reconciled_at_once() -> None:
    life = Life()
    tenants = tuple(sorted(f"t{number}" for number in range(500)))
    some, more = (tuple(sorted(f"{name}{number}" for number in range(500))) for name in "am")
    small = situation(trouble())
    everything = Reach((Block(tuple(sorted(some + more)), tenants),))
    (opened,) = reconcile([], [replace(small, reach=everything)], {}, ROUTING, NOON, 1)
    life.take(opened)
    built = replace(small, kind=K.BUILD_FAILED, where="dbt", reach=Reach((Block(some, tenants),)))
    waiting = replace(small, kind=K.WAITING, where="x", reach=Reach((Block(more, tenants),)))
    began = time.process_time()
    (change,) = reconcile(life.incidents.values(), [built, waiting], {}, ROUTING, NOON + HOUR, 2)
    assert time.process_time() - began < 1.5
    assert change.after.reach == everything
    assert len(str(change.messages)) < 10_000
