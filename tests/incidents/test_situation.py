"""Adding troubles up: reaches, silences, situations."""

import time
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.incidents.reach import lies_within, meet, overlap, reach_of, union
from telemetry_assets.incidents.silence import Silence, muted
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import Block, Dashboard, Share, Standing, Trouble
from telemetry_assets.model import CauseKind, State
from tests.incidents.made import ERROR, HOUR, MINUTE, NOON, WARN, all_of, cross, situation, trouble

subjects = st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from(["*", "x", "y", "z"])), max_size=16)


class TestReach:
    def test_assets_hit_for_the_same_tenants_are_one_block(self) -> None:
        reach = reach_of([*cross(("b", "a"), ("y", "x")), ("c", "x"), ("c", "x")])
        assert reach.blocks == (Block(("a", "b"), ("x", "y")), Block(("c",), ("x",)))
        assert len(reach) == 5

    @given(subjects, subjects, st.randoms())
    def test_reaches_are_the_sets_of_their_subjects(
        self, a: set[tuple[str, str]], b: set[tuple[str, str]], random: Random
    ) -> None:
        mixed = sorted(a)
        random.shuffle(mixed)
        ours, theirs = reach_of(mixed), reach_of(b)
        assert set(ours) == a
        assert ours == reach_of(a)
        assert len(ours) == len(a)
        assert overlap(ours, theirs) == len(a & b)
        assert meet(ours, theirs) == reach_of(a & b)
        assert union([ours, theirs]) == reach_of(a | b)
        assert lies_within(ours, theirs) == (a <= b)


class TestSilence:
    @pytest.mark.parametrize(
        ("asset", "tenant", "covers"),
        [
            ("marts/sales", None, True),
            ("marts/*", "acme", True),
            ("*", None, True),
            ("marts/*", "birch", False),
            ("MARTS/*", None, False),
            ("marts", None, False),
        ],
    )
    def test_a_silence_covers_an_asset_pattern_of_one_tenant_or_all(
        self, asset: str, tenant: str | None, covers: bool
    ) -> None:
        one = Silence(1, asset, tenant, NOON + HOUR, "why", "kim", NOON)
        assert [each.muted for each in muted([trouble()], [one], NOON)] == [covers]

    def test_it_ends_at_its_instant_or_when_somebody_ends_it(self) -> None:
        one = Silence(1, "*", None, NOON + HOUR, "why", "kim", NOON)
        ended = replace(one, ended_at=NOON + MINUTE)
        assert one.is_in_force(NOON + HOUR - MINUTE)
        assert not one.is_in_force(NOON + HOUR)
        assert ended.is_in_force(NOON)
        assert not ended.is_in_force(NOON + MINUTE)
        assert not muted([trouble()], [one, ended], NOON + HOUR)[0].muted

    def test_what_is_no_asset_cannot_be_silenced_with_a_pattern(self) -> None:
        down = trouble(CauseKind.MONITOR_DOWN, "monitor", "", "*", state=None)
        assert not muted([down], [Silence(1, "*", None, NOON + HOUR, "why", "kim", NOON)], NOON)[0].muted


class TestSituation:
    def test_the_troubles_of_one_identity_are_one_situation(self) -> None:
        found = situations_of([*all_of(cross("ab", "xy")), trouble(where="erp")], {})
        assert [(one.where, len(one.reach)) for one in found] == [("erp", 1), ("shop", 4)]

    def test_each_owner_has_its_share_of_what_is_not_muted(self) -> None:
        found = situation(
            *all_of(cross("ab", "xy")),
            trouble(asset="c", owner="marketing", state=State.WARN),
            trouble(asset="d", owner="marketing", muted=True),
        )
        assert found.shares == {"data-eng": Share(ERROR, 4, 2), "marketing": Share(WARN, 1, 1)}
        assert (found.severity, len(found.reach), found.broken) == (ERROR, 6, 5)

    def test_where_all_is_muted_nobody_has_a_share_and_the_severity_stays(self) -> None:
        found = situation(trouble(muted=True))
        assert (dict(found.shares), found.severity, found.worst.asset) == ({}, ERROR, "marts/sales")

    @pytest.mark.parametrize(
        ("better", "worse"),
        [
            (trouble(asset="a", age=500), trouble(asset="b", state=State.MISSING)),
            (trouble(asset="a", state=State.WARN, age=500), trouble(asset="b", age=61)),
            (trouble(asset="a", state=State.WARN, age=500), trouble(asset="b", state=State.UNKNOWN)),
            (trouble(asset="a", age=61), trouble(asset="b", age=62)),
            (trouble(asset="b"), trouble(asset="a")),
            (trouble(asset="a", age=500, muted=True), trouble(asset="b", age=61)),
            (
                trouble(asset="a", standing=Standing(State.FAIL, 9 * HOUR, past=MINUTE)),
                trouble(asset="b", standing=Standing(State.FAIL, HOUR, past=2 * MINUTE)),
            ),
        ],
    )
    def test_the_worst_is_of_the_worst_state_the_furthest_past_its_limit(self, better: Trouble, worse: Trouble) -> None:
        assert situation(better, worse).worst.asset == worse.asset
        assert situation(worse, better) == situation(better, worse)

    def test_other_sentences_are_evidence_the_worst_first_and_not_many_of_them(self) -> None:
        says = [trouble(asset=f"m{age}", age=age, says=f"it is {age}") for age in range(61, 81)]
        found = situation(*says, trouble(asset="z", age=80, says="it is 80"))
        assert found.says == "it is 80"
        assert found.evidence == ("it is 79", "it is 78", "it is 77", "it is 76", "it is 75")

    def test_it_began_when_the_first_of_it_did(self) -> None:
        first, last = NOON - HOUR, NOON
        assert situation(trouble(since=last), trouble(asset="b", since=first), trouble(asset="c")).since == first

    def test_the_dashboards_are_those_that_read_what_is_hit(self) -> None:
        board, other = Dashboard("Sales", "marketing", "https://bi/1"), Dashboard("Other")
        (found,) = situations_of([trouble()], {"marts/sales": [board, board], "marts/costs": [other]})
        assert found.dashboards == (board,)

    def test_an_error_text_of_megabytes_is_cut(self) -> None:
        found = situation(trouble(says="s" * 10_000_000, quote="q\0" * 5_000_000, remedy="r" * 10_000_000))
        assert max(len(text) for text in (found.says, found.quote, found.remedy)) <= 2000
        assert found.says.endswith("…")
        assert "\0" not in found.quote

    @given(
        st.lists(st.sampled_from([*all_of(cross("ab", "xy")), trouble(age=70, says="b"), trouble(says="a")])),
        st.randoms(),
    )
    def test_the_order_of_troubles_does_not_matter(self, troubles: list[Trouble], random: Random) -> None:
        mixed = list(troubles)
        random.shuffle(mixed)
        assert situations_of(mixed, {}) == situations_of(troubles, {})

    @pytest.mark.slow
    def test_half_a_million_troubles_take_seconds(self) -> None:
        hit = cross([f"m{asset}" for asset in range(1000)], [f"t{tenant}" for tenant in range(500)])
        began = time.process_time()
        assert len(reach_of(hit).blocks) == 1
        assert time.process_time() - began < 1
        troubles = all_of(hit)
        began = time.process_time()
        (found,) = situations_of(troubles, {})
        assert time.process_time() - began < 6
        assert (len(found.reach), found.shares["data-eng"].tenants) == (500_000, 500)
        assert found.since is None
