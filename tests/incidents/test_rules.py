"""The six rules: which situation is which incident's, what has moved, what is theirs already, what is new and over."""

import pytest

from telemetry_assets.incidents.incident import Phase
from telemetry_assets.incidents.routing import Route, Routing
from telemetry_assets.incidents.silence import Silence
from telemetry_assets.model import CauseKind, State
from tests.incidents.made import ERROR, FRESH, HOUR, NOON, Life, all_of, cross, trouble

K = CauseKind
EVERYTHING = cross(("marts/sales", "marts/costs", "snapshots/board"), ("acme", "birch"))


class TestSameIdentity:
    """Rule 1."""

    def test_a_situation_goes_on_as_the_incident_of_its_identity_without_a_word(self) -> None:
        life = Life()
        assert life.look(0, trouble()) == ["1 opened slack"]
        assert life.look(1, trouble(age=91)) == []
        assert life.incidents[1].worst.standing.data_age == 91 * HOUR / 60

    def test_another_kind_or_another_place_is_another_incident(self) -> None:
        life = Life()
        life.look(0, trouble())
        steps = life.look(1, trouble(), trouble(where="erp", asset="a"), trouble(K.FEED_QUIET, asset="b"))
        assert steps == ["2 opened slack", "3 opened slack"]

    def test_what_heals_in_part_stays_one_incident_with_a_smaller_reach(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        assert life.look(1, *all_of(EVERYTHING[:2])) == []
        assert (len(life.incidents[1].reach), life.incidents[1].widest) == (2, 6)


@pytest.mark.promise("B54")
class TestMoved:
    """Rule 2."""

    def test_a_source_that_healed_while_marts_wait_is_the_same_incident_and_nobody_is_told(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        steps = life.look(5, *all_of(EVERYTHING[2:], K.WAITING, "marts/costs"))
        assert steps == ["1 moved"]
        assert "was shop: sync failed, is marts/costs: waits for its next run" in life.words
        assert life.look(9) == ["1 resolved slack"]
        assert life.headline.startswith("shop: sync failed; over after 9 min: ")
        assert len(life.messages) == 2

    def test_everybody_told_hears_that_the_cause_has_moved(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        assert life.look(5, *all_of(EVERYTHING[2:4], K.BUILD_FAILED, "marts/costs")) == ["1 moved slack"]
        assert life.headline.startswith("marts/costs: build failed; 2 promises of 2 tenants are late")
        assert life.headline.endswith("before: shop: sync failed")

    def test_the_pair_with_most_in_common_goes_first(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        steps = life.look(
            5, *all_of(EVERYTHING[:2], K.BUILD_FAILED, "small"), *all_of(EVERYTHING[2:], K.BUILD_FAILED, "big")
        )
        assert steps == ["1 moved slack", "2 opened slack"]
        assert (life.incidents[1].where, life.incidents[2].where) == ("big", "small")

    def test_of_two_that_have_as_much_in_common_the_older_goes_first(self) -> None:
        life = Life()
        life.look(0, trouble(where="z-first"))
        life.look(1, trouble(where="z-first"), trouble(where="a-second", asset="marts/costs"))
        both = [trouble(K.BUILD_FAILED, "m"), trouble(K.BUILD_FAILED, "m", "marts/costs")]
        assert life.look(2, *both) == ["1 moved slack", "2 resolved slack"]

    def test_of_two_places_with_as_much_in_common_the_first_in_order_takes_it(self) -> None:
        life = Life()
        life.look(0, trouble(), trouble(asset="marts/costs"))
        steps = life.look(1, trouble(K.BUILD_FAILED, "b"), trouble(K.BUILD_FAILED, "a", "marts/costs"))
        assert steps == ["1 moved slack", "2 opened slack"]
        assert life.incidents[1].where == "a"

    def test_of_two_incidents_that_become_one_the_other_is_over_and_says_where_it_went(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING[:2]), trouble(where="erp", asset="marts/costs"))
        late = {("marts/costs", "acme"): trouble().standing}
        steps = life.look(
            5,
            *all_of(EVERYTHING[:2], K.BUILD_FAILED, "dbt"),
            trouble(K.BUILD_FAILED, "dbt", "marts/costs"),
            standing=late,
        )
        assert steps == ["1 resolved slack", "2 moved slack"]
        assert "marts/costs for acme is late still" in life.entries[-2].words
        assert "1 promise of it is still in trouble for another cause: dbt: build failed" in life.entries[-2].words

    def test_what_is_no_asset_has_nothing_in_common(self) -> None:
        life = Life()
        life.look(0, trouble(K.MONITOR_DOWN, "monitor", "", "*", state=None, owner="marketing", severity=ERROR))
        steps = life.look(1, trouble(K.RUN_FAILED, "nightly", "", "*", state=None, owner="marketing", severity=ERROR))
        assert steps == ["1 resolved mail", "2 opened mail"]
        assert life.incidents[1].phase is Phase.RESOLVED

    def test_back_from_waiting_to_the_cause_that_people_know_says_so(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(5, trouble(K.WAITING, "marts/sales"))
        assert life.look(30, trouble()) == ["1 moved slack", "1 escalated pager"]
        assert life.messages[-2].headline.startswith("Back again: shop: sync failed; marts/sales for acme is late")

    def test_a_source_that_fails_every_other_time_is_told_to_be_back_at_most_every_half_hour(self) -> None:
        life = Life(Routing(routes={"data-eng": Route("data-eng", {ERROR: ("slack",)})}))
        steps = [life.look(0, trouble())]
        for minute in range(2, 122, 2):
            steps.append(life.look(minute, trouble() if minute % 4 == 0 else trouble(K.WAITING, "marts/sales")))
        assert [minute for minute, step in enumerate(steps) if "slack" in str(step)] == [0, 16, 32, 48]

    def test_what_was_told_of_another_cause_meanwhile_is_told_when_it_is_back(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(2, trouble(K.BUILD_FAILED, "marts/sales"))
        life.look(4, trouble(K.WAITING, "marts/sales"))
        assert life.look(6, trouble()) == ["1 moved slack"]


class TestNotToSeeIsNotToRecover:
    """Rule 2, of what cannot be seen."""

    @pytest.mark.parametrize("kind", [K.COULD_NOT_LOOK, K.CLOCK])
    def test_what_cannot_be_seen_holds_the_incident_as_it_is(self, kind: CauseKind) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        before = life.incidents[1]
        dark = [trouble(kind, "shop", *subject, state=State.UNKNOWN) for subject in EVERYTHING[:3]]
        assert life.look(5, *dark) == []
        assert life.incidents == {1: before}

    def test_what_is_held_is_held_beside_an_incident_of_what_cannot_be_seen(self) -> None:
        life = Life()
        life.look(0, trouble())
        dark = [trouble(K.COULD_NOT_LOOK, "shop", asset, state=State.UNKNOWN) for asset in ("marts/sales", "other")]
        assert life.look(5, *dark) == ["2 opened quiet"]
        assert life.look(6, *dark) == []
        assert life.incidents[1].phase is Phase.OPEN
        assert life.look(7) == ["1 resolved slack", "2 resolved quiet"]

    def test_one_sight_may_hold_several(self) -> None:
        life = Life()
        life.look(0, trouble(), trouble(where="erp", asset="marts/costs"))
        dark = [trouble(K.COULD_NOT_LOOK, "db", asset, state=State.UNKNOWN) for asset in ("marts/sales", "marts/costs")]
        assert life.look(5, *dark) == []

    def test_a_cause_that_is_seen_goes_before_what_is_not(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        dark = [trouble(K.COULD_NOT_LOOK, "shop", *subject, state=State.UNKNOWN) for subject in EVERYTHING[1:]]
        assert life.look(5, trouble(K.BUILD_FAILED, "marts/sales"), *dark) == ["1 moved slack"]
        assert len(life.incidents[1].reach) == len(EVERYTHING)
        assert life.look(6, *dark) == []

    def test_an_owner_of_what_is_held_is_reminded_still(self) -> None:
        life = Life()
        life.look(0, trouble(owner="marketing"))
        dark = trouble(K.COULD_NOT_LOOK, "shop", state=State.UNKNOWN, owner="marketing")
        assert life.look(240, dark) == ["1 reminded mail"]


class TestTail:
    """Rule 3."""

    @pytest.mark.parametrize(
        ("kind", "state"),
        [
            (K.WAITING, State.FAIL),
            (K.NOT_PUBLISHED, State.FAIL),
            (K.BUILD_SKIPPED, State.FAIL),
            (K.COULD_NOT_LOOK, State.UNKNOWN),
            (K.CLOCK, State.UNKNOWN),
        ],
    )
    def test_the_tail_of_a_recovery_opens_nothing_now_nor_later(self, kind: CauseKind, state: State) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        tail = trouble(kind, "snapshots/board", "snapshots/board", state=state)
        assert life.look(5, *all_of(EVERYTHING[:4]), tail) == []
        assert life.look(6, *all_of(EVERYTHING[:4]), tail) == []
        assert len(life.incidents[1].reach) == 5

    def test_a_tail_that_hits_something_else_too_opens(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        tail = [trouble(K.NOT_PUBLISHED, "b", "snapshots/board"), trouble(K.NOT_PUBLISHED, "b", "snapshots/other")]
        assert life.look(5, *all_of(EVERYTHING[:4]), *tail) == ["2 opened slack"]

    @pytest.mark.promise("B4")
    def test_an_error_in_a_tail_is_told_with_the_incident_that_knew_only_a_warn_of_it(self) -> None:
        life = Life()
        due = [trouble(tenant=tenant, state=State.WARN) for tenant in ("acme", "birch")]
        assert life.look(0, *due) == ["1 opened quiet"]
        late = trouble(K.BUILD_SKIPPED, "marts/sales", says="the build was skipped")
        assert life.look(5, due[1], late) == ["1 raised slack"]
        assert life.headline.startswith(
            "Was a WARN until now: shop: sync failed; 1 of 2 promises of 2 tenants are late"
        )
        assert life.messages[-1].evidence == ("the build was skipped",)
        assert life.look(6, due[1], late) == []
        assert life.look(35, due[1], late) == ["1 escalated pager"]

    def test_an_owner_of_a_tail_that_is_late_is_told_although_all_else_is_silenced(self) -> None:
        quiet = [Silence(1, "marts/other", None, NOON + HOUR, "known", "kim", NOON)]
        life, known = Life(), [trouble(state=State.WARN), trouble(asset="marts/other", state=State.WARN)]
        life.look(0, *known, silences=quiet)
        late = trouble(K.NOT_PUBLISHED, "marts/sales", owner="marketing")
        assert life.look(5, known[1], late, silences=quiet) == ["1 raised mail"]

    def test_a_late_tail_of_two_incidents_is_told_with_the_one_it_has_more_in_common_with(self) -> None:
        life = Life()
        shop = [trouble(tenant=tenant, state=State.WARN) for tenant in ("acme", "birch", "cedar")]
        crm = [trouble(K.FEED_QUIET, "crm", tenant=tenant, state=State.WARN) for tenant in ("dune", "elm")]
        life.look(0, *shop, *crm)
        late = [trouble(K.BUILD_SKIPPED, "marts/sales", tenant=tenant) for tenant in ("acme", "birch", "dune")]
        assert life.look(5, shop[2], crm[1], *late) == ["2 raised slack"]

    def test_the_last_of_several_tails_keeps_the_incident(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        waiting = all_of(EVERYTHING[2:], K.WAITING, "marts/costs")
        tail = trouble(K.NOT_PUBLISHED, "snapshots/board", "snapshots/board", "acme")
        assert life.look(5, *waiting[:2], tail) == ["1 moved"]
        assert life.look(6, tail) == ["1 moved slack"]
        assert life.look(7) == ["1 resolved slack"]

    def test_what_merely_waits_opens_nothing_at_warn(self) -> None:
        life = Life()
        assert life.look(0, trouble(K.WAITING, "marts/sales", state=State.WARN)) == []
        assert life.look(1, trouble(K.WAITING, "marts/sales", state=State.FAIL)) == ["1 opened slack"]
        assert life.look(2) == ["1 resolved slack"]
        assert life.look(3, trouble(K.WAITING, "marts/sales", state=State.WARN)) == []


class TestReopened:
    """Rule 4."""

    def test_the_same_within_half_an_hour_is_the_same_incident_unacknowledged(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.acknowledge(1)
        life.look(10)
        assert life.look(40, trouble()) == ["1 reopened slack"]
        incident = life.incidents[1]
        assert (incident.phase, incident.reopened, incident.acknowledged_at) == (Phase.OPEN, 1, None)
        assert life.headline.startswith("Again, 30 min after it was resolved: shop: sync failed; ")

    def test_the_same_after_half_an_hour_is_a_new_one(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(10)
        assert life.look(40.01, trouble()) == ["2 opened slack"]

    def test_of_several_the_newest_comes_back(self) -> None:
        life = Life()
        for minute in (0, 31):
            life.look(minute, trouble())
            life.look(minute + 0.5)
        assert life.look(31.6, trouble()) == ["2 reopened slack"]

    def test_whoever_was_told_is_told_and_whoever_it_concerns_now(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(10)
        assert life.look(20, trouble(owner="marketing")) == ["1 reopened mail,slack"]
        assert life.look(21) == ["1 resolved mail,slack"]

    def test_what_merely_waited_when_it_ended_comes_back_with_its_cause(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(5, trouble(K.WAITING, "marts/sales"))
        life.look(6, trouble(K.WAITING, "snapshots/board"))
        life.look(10)
        assert life.look(40, trouble()) == ["1 reopened slack"]
        life.look(41, trouble(K.BUILD_FAILED, "marts/sales"))
        life.look(42)
        assert life.look(43, trouble()) == ["2 opened slack"]

    def test_of_two_causes_that_it_had_one_comes_back_as_it(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(5, trouble(K.WAITING, "marts/sales"))
        life.look(10)
        waits = trouble(K.WAITING, "marts/sales", tenant="birch")
        assert life.look(20, trouble(), waits) == ["1 reopened slack", "2 opened slack"]
        assert life.incidents[1].identity == (K.WAITING, "marts/sales")

    def test_the_severity_is_that_of_now(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(10)
        life.look(20, trouble(state=State.WARN))
        assert life.incidents[1].severity == "WARN"
        assert life.look(21, trouble())[0] == "1 raised slack"


class TestOver:
    """Rule 6."""

    @pytest.mark.promise("B56")
    def test_the_end_shows_how_long_it_took_and_the_age_before_and_after(self) -> None:
        life = Life()
        life.look(0, trouble(age=61), trouble(asset="marts/costs", age=190))
        life.look(9, trouble(asset="marts/costs", age=199))
        life.look(10, standing={("marts/costs", "acme"): FRESH})
        ended = "marts/costs for acme is 4 min old again (was 3 h 19 min, promised under 60 min)"
        assert life.headline == f"shop: sync failed; over after 10 min: {ended}"
        assert life.incidents[1].resolution == ended
        assert ("Now", "4 min old, promised under 60 min") in life.messages[-1].facts

    def test_what_was_never_seen_shows_its_first_age(self) -> None:
        life = Life()
        life.look(0, trouble(K.NEVER_LOADED, "shop/orders", state=State.MISSING))
        assert life.headline.endswith("marts/sales for acme has never been seen (promised under 60 min)")
        life.look(1)
        assert life.headline.endswith("marts/sales for acme is 4 min old (had never been seen, promised under 60 min)")

    def test_what_is_promised_no_more_says_so(self) -> None:
        life = Life()
        life.look(0, *all_of(EVERYTHING))
        life.look(1, standing={})
        assert life.headline == "shop: sync failed; over after 1 min: none of it is promised any more"

    def test_what_never_was_a_promise_is_just_over(self) -> None:
        life = Life()
        life.look(0, trouble(K.CHECK_FAILED, "marts/sales", state=None, says="not_null failed: 3 rows"))
        assert life.headline == "marts/sales: check failed; not_null failed: 3 rows"
        life.look(60, standing={})
        assert life.headline == "marts/sales: check failed; over after 1 h"
