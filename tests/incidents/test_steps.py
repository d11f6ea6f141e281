"""The steps of an incident's life: when each is taken, and who is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from telemetry_assets.errors import UsageError
from telemetry_assets.incidents.incident import Phase
from telemetry_assets.incidents.routing import Escalation, Route, Routing
from telemetry_assets.incidents.silence import Silence
from telemetry_assets.model import CauseKind, State
from tests.incidents.made import ERROR, HOUR, MINUTE, NOON, ROUTING, WARN, Life, all_of, cross, trouble

K = CauseKind
MANY = cross([f"marts/m{number}" for number in range(4)], ("acme", "birch"))


def silence(asset: str = "*", tenant: str | None = None, until: int = 60, ended: int | None = None) -> Silence:
    """A silence from noon on, in minutes."""
    ended_at = None if ended is None else NOON + ended * MINUTE
    return Silence(1, asset, tenant, NOON + until * MINUTE, "maintenance", "kim", NOON, ended_at)


class TestOpened:
    @pytest.mark.promise("C26", "F3")
    def test_each_owner_is_told_once_through_the_channels_of_its_own_part(self) -> None:
        life = Life()
        owned = [
            trouble(asset=f"m{number}", owner=owner) for number in range(50) for owner in ("data-eng", "marketing")
        ]
        due = [trouble(asset="n", state=State.WARN, owner="on-call")]
        assert life.look(0, *owned, *due) == ["1 opened mail,slack"]
        assert [(one.channel, one.owners) for one in life.messages] == [
            ("mail", ("marketing",)),
            ("slack", ("data-eng",)),
        ]

    def test_two_owners_of_one_channel_are_one_message_that_names_both(self) -> None:
        both = {name: Route(name, {ERROR: ("slack",)}) for name in ("a", "b")}
        life = Life(Routing(routes=both))
        assert life.look(0, trouble(owner="a"), trouble(asset="m", owner="b")) == ["1 opened slack"]
        assert [one.owners for one in life.messages] == [("a", "b")]

    def test_an_owner_with_a_part_at_warn_is_told_where_it_hears_of_those(self) -> None:
        life = Life()
        assert life.look(0, trouble(state=State.WARN), trouble(asset="m", owner="marketing")) == ["1 opened mail,quiet"]

    def test_who_has_no_channel_leaves_it_told_to_nobody_in_so_many_words(self) -> None:
        life = Life(Routing(routes={"lonely": Route("lonely")}))
        assert life.look(0, trouble(owner="lonely")) == ["1 opened"]
        assert life.words.endswith("; told to nobody: lonely has no channel")
        assert life.look(300, trouble(owner="lonely")) == []

    def test_the_fallback_hears_of_an_error_of_an_owner_without_a_channel_and_of_no_warn(self) -> None:
        life = Life(Routing(routes={"lonely": Route("lonely")}, fallback=("hook",)))
        assert life.look(0, trouble(owner="lonely", state=State.WARN)) == ["1 opened"]
        assert life.look(1, trouble(owner="lonely")) == ["1 raised hook"]

    def test_what_nobody_owns_goes_to_whom_others_escalate_to(self) -> None:
        life = Life()
        down = trouble(
            K.MONITOR_DOWN, "monitor", "", "*", state=None, owner="", severity=ERROR, says="no beat for 50 s"
        )
        assert life.look(0, down) == ["1 opened pager"]
        assert life.headline == "the monitor is down; no beat for 50 s"
        assert life.messages[-1].owners == ()

    def test_what_nobody_owns_goes_to_everybody_where_nobody_escalates_else_to_the_fallback(self) -> None:
        life = Life(Routing(routes={"a": Route("a", {WARN: ("one",)}), "b": Route("b", {ERROR: ("two",)})}))
        assert life.look(0, trouble(owner="")) == ["1 opened one,two"]
        life = Life(Routing(routes={"a": Route("a")}, fallback=("hook",)))
        assert life.look(0, trouble(owner="", state=State.WARN)) == ["1 opened hook"]


class TestSilence:
    def test_a_silence_over_all_of_it_opens_an_incident_that_nobody_is_told_of_until_it_ends(self) -> None:
        life, quiet = Life(), [silence(until=60)]
        assert life.look(0, trouble(), silences=quiet) == ["1 opened"]
        assert life.words.endswith("; nobody is told: all of it is under a silence")
        assert life.look(59, trouble(), silences=quiet) == []
        assert life.look(60, trouble(), silences=quiet) == ["1 opened slack"]
        assert life.look(61, trouble(), silences=quiet) == []

    def test_a_silence_that_somebody_ends_is_over_then(self) -> None:
        life, quiet = Life(), [silence(ended=5)]
        life.look(0, trouble(), silences=quiet)
        assert life.look(5, trouble(), silences=quiet) == ["1 opened slack"]

    def test_what_resolves_under_a_silence_is_told_to_nobody(self) -> None:
        life, quiet = Life(), [silence()]
        life.look(0, trouble(), silences=quiet)
        assert life.look(10, silences=quiet) == ["1 resolved"]
        assert life.look(20, trouble(), silences=quiet) == ["1 reopened"]
        assert life.messages == []
        assert life.look(60, trouble(), silences=quiet) == ["1 opened slack"]

    def test_a_silence_over_a_part_leaves_out_its_owner_and_its_severity_and_counts_to_the_reach(self) -> None:
        life, quiet = Life(), [silence("marts/*")]
        part = [trouble(), trouble(asset="other", state=State.WARN, owner="marketing")]
        assert life.look(0, *part, silences=quiet) == ["1 opened mail"]
        assert (life.incidents[1].severity, len(life.incidents[1].reach)) == (WARN, 2)
        assert life.look(60, *part, silences=quiet) == ["1 raised mail,slack"]

    def test_a_silence_of_one_tenant_leaves_the_others_alone(self) -> None:
        life, quiet = Life(), [silence(tenant="acme")]
        assert life.look(0, trouble(), silences=quiet) == ["1 opened"]
        assert life.look(1, trouble(), trouble(tenant="birch"), silences=quiet) == ["1 opened slack"]

    def test_who_was_told_before_the_silence_is_not_told_again_by_its_end(self) -> None:
        life, quiet = Life(), [silence(until=60)]
        life.look(-1, trouble())
        assert life.look(1, trouble(), silences=quiet) == []
        assert life.look(60, trouble(), silences=quiet) == ["1 escalated pager"]

    def test_nobody_is_reminded_or_escalated_to_under_a_silence(self) -> None:
        life, quiet = Life(), [silence(until=600)]
        life.look(-1, trouble())
        assert life.look(300, trouble(), silences=quiet) == []

    def test_a_move_under_a_silence_is_told_to_nobody(self) -> None:
        life, quiet = Life(), [silence(until=600)]
        life.look(-1, trouble())
        assert life.look(5, trouble(K.BUILD_FAILED, "m"), silences=quiet) == ["1 moved"]


class TestJoined:
    def test_an_owner_whom_it_hits_later_is_told_and_nobody_else(self) -> None:
        life = Life()
        life.look(0, *all_of(MANY))
        assert life.look(1, *all_of(MANY), trouble(asset="x", owner="marketing")) == ["1 joined mail"]
        assert life.words == "told too: marketing (1 trouble)"
        assert life.look(2, *all_of(MANY), trouble(asset="x", owner="marketing")) == []

    def test_an_owner_told_at_warn_is_told_of_its_error_where_the_incident_was_one_already(self) -> None:
        life = Life()
        due = trouble(asset="x", state=State.WARN)
        life.look(0, trouble(owner="marketing"), due)
        assert life.look(1, trouble(owner="marketing"), trouble(asset="x")) == ["1 joined slack"]

    def test_an_owner_who_has_a_channel_at_last_is_told(self) -> None:
        life = Life(Routing(routes={"data-eng": Route("data-eng")}))
        life.look(0, trouble())
        life.routing = ROUTING
        assert life.look(1, trouble()) == ["1 joined slack"]


class TestRaised:
    def test_from_due_to_late_is_told_to_everybody_with_a_part_in_it(self) -> None:
        life = Life()
        life.look(0, trouble(state=State.WARN))
        late = [trouble(), trouble(asset="m", state=State.WARN, owner="marketing")]
        assert life.look(1, *late) == ["1 raised mail,slack"]
        assert life.headline.startswith(
            "Was a WARN until now: shop: sync failed; 1 of 2 promises of acme are late (worst: "
        )

    def test_severity_never_falls_while_it_lasts(self) -> None:
        life = Life()
        life.look(0, trouble())
        assert life.look(1, trouble(state=State.WARN)) == []
        assert life.incidents[1].severity == ERROR
        assert life.look(2, trouble()) == []


class TestGrew:
    def test_twice_as_many_are_told_to_channels_that_edit_and_to_no_other(self) -> None:
        life = Life()
        both = [trouble(), trouble(asset="m", owner="marketing")]
        life.look(0, *both)
        assert life.look(1, *both, trouble(asset="n")) == []
        assert life.look(2, *both, trouble(asset="n"), trouble(asset="o")) == ["1 grew slack"]
        assert life.words == "it has grown: 2 troubles when it was last told, 4 now"
        assert life.look(3, *both, *all_of(MANY[:5])) == []

    def test_where_no_channel_edits_it_is_in_the_timeline_once(self) -> None:
        life = Life()
        life.look(0, trouble(owner="marketing"))
        assert life.look(1, *all_of([]), *[trouble(asset=asset, owner="marketing") for asset in "ab"]) == ["1 grew"]
        assert life.look(2, *[trouble(asset=asset, owner="marketing") for asset in "ab"]) == []


@pytest.mark.promise("B41")
class TestWhoIsDeclaredChanges:
    def test_an_owner_whose_channel_is_renamed_hears_of_the_end_through_the_new_one(self) -> None:
        before = {"a": Route("a", {ERROR: ("old", "kept")}), "b": Route("b", {ERROR: ("old",)})}
        life = Life(Routing(routes=before, declared=frozenset({"old", "kept"})))
        life.look(0, trouble(owner="a"), trouble(asset="m", owner="b"))
        after = {"a": Route("a", {ERROR: ("new", "kept")}), "b": Route("b", {ERROR: ("new",)})}
        life.routing = Routing(routes=after, declared=frozenset({"new", "kept"}))
        assert life.look(1, trouble(owner="a"), trouble(asset="m", owner="b")) == []
        assert life.look(2) == ["1 resolved kept,new"]

    def test_who_was_told_and_is_no_owner_any_more_hears_of_the_end_and_the_next_owner_of_the_rest(self) -> None:
        declared = frozenset({"a", "b"})
        life = Life(Routing(routes={"a": Route("a", {ERROR: ("a",)})}, declared=declared))
        life.look(0, trouble(owner="a"))
        life.routing = Routing(routes={"b": Route("b", {ERROR: ("b",)})}, declared=declared)
        assert life.look(1, trouble(owner="b")) == ["1 joined b"]
        assert life.look(300, trouble(owner="b")) == ["1 reminded b"]
        assert life.look(301) == ["1 resolved a,b"]


class TestNobodyActs:
    def test_an_owner_is_reminded_every_four_hours_of_an_error(self) -> None:
        life = Life()
        life.look(0, trouble(owner="marketing"))
        steps = [step for minute in range(1, 9 * 60) for step in life.look(minute, trouble(owner="marketing"))]
        assert steps == ["1 reminded mail", "1 reminded mail"]
        assert life.headline.startswith("Still open after 8 h: shop: sync failed; marts/sales for acme is late")

    def test_an_owner_may_want_to_be_reminded_sooner(self) -> None:
        life = Life(replace(ROUTING, routes={"marketing": replace(ROUTING.routes["marketing"], remind=HOUR)}))
        life.look(0, trouble(owner="marketing"))
        assert life.look(60, trouble(owner="marketing")) == ["1 reminded mail"]

    def test_nobody_is_reminded_of_a_warning(self) -> None:
        life = Life()
        life.look(0, trouble(state=State.WARN))
        assert life.look(1000, trouble(state=State.WARN)) == []

    def test_whoever_heard_something_else_meanwhile_is_reminded_later(self) -> None:
        life = Life()
        life.look(0, trouble(owner="marketing"))
        life.look(120, trouble(K.BUILD_FAILED, "m", owner="marketing"))
        assert life.look(240, trouble(K.BUILD_FAILED, "m", owner="marketing")) == []
        assert life.look(360, trouble(K.BUILD_FAILED, "m", owner="marketing")) == ["1 reminded mail"]

    def test_who_does_not_act_in_time_is_escalated_once_and_the_other_is_reminded_as_well(self) -> None:
        life = Life()
        life.look(0, trouble())
        assert life.look(29, trouble()) == []
        assert life.look(30, trouble()) == ["1 escalated pager"]
        assert life.words == "data-eng did not acknowledge it within 30 min: on-call told"
        assert life.headline.startswith("Not acknowledged by data-eng within 30 min: shop: sync failed; ")
        assert life.look(31, trouble()) == []
        assert life.look(240, trouble()) == ["1 reminded slack"]
        assert life.look(270, trouble()) == ["1 reminded pager"]
        assert life.look(300) == ["1 resolved pager,slack"]

    def test_the_time_runs_from_the_first_error(self) -> None:
        life = Life()
        life.look(0, trouble(state=State.WARN))
        life.look(100, trouble())
        assert life.look(129, trouble()) == []
        assert life.look(130, trouble()) == ["1 escalated pager"]

    def test_a_chain_goes_on_and_a_circle_ends(self) -> None:
        ways = {
            name: Route(name, {ERROR: (name,)}, Escalation(HOUR, to))
            for name, to in (("a", "b"), ("b", "c"), ("c", "a"))
        }
        life = Life(Routing(routes=ways))
        life.look(0, trouble(owner="a"))
        steps = [step for minute in range(0, 230, 10) for step in life.look(minute, trouble(owner="a"))]
        assert steps == ["1 escalated b", "1 escalated c", "1 escalated a"]

    def test_whom_two_escalate_to_is_told_once(self) -> None:
        ways = {name: Route(name, {ERROR: (name,)}, Escalation(HOUR, "boss")) for name in ("a", "b")}
        life = Life(Routing(routes={**ways, "boss": Route("boss", {WARN: ("boss",)})}))
        life.look(0, trouble(owner="a"))
        life.look(30, trouble(owner="a"), trouble(asset="m", owner="b"))
        assert life.look(60, trouble(owner="a"), trouble(asset="m", owner="b")) == ["1 escalated boss"]
        assert life.look(120, trouble(owner="a"), trouble(asset="m", owner="b")) == []

    def test_an_escalation_to_somebody_without_a_channel_goes_on_to_the_next(self) -> None:
        ways = {
            "a": Route("a", {ERROR: ("a",)}, Escalation(HOUR, "b")),
            "b": Route("b", {}, Escalation(HOUR, "c")),
            "c": Route("c", {ERROR: ("c",)}),
        }
        life = Life(Routing(routes=ways))
        life.look(0, trouble(owner="a"))
        assert life.look(60, trouble(owner="a")) == ["1 escalated"]
        assert "told to nobody: b has no channel" in life.words
        assert life.look(120, trouble(owner="a")) == ["1 escalated c"]

    @pytest.mark.promise("B4")
    def test_an_error_of_an_owner_without_a_channel_is_escalated_as_any_other(self) -> None:
        ways = {
            "lonely": Route("lonely", {}, Escalation(HOUR, "boss")),
            "boss": Route("boss", {ERROR: ("boss",)}),
            "other": Route("other", {ERROR: ("other",)}),
        }
        life = Life(Routing(routes=ways))
        assert life.look(0, trouble(owner="lonely")) == ["1 opened"]
        assert life.look(59, trouble(owner="lonely")) == []
        assert life.look(60, trouble(owner="lonely")) == ["1 escalated boss"]
        assert life.look(61) == ["1 resolved boss"]

        life = Life(Routing(routes=ways))
        life.look(0, trouble(owner="other"))
        both = [trouble(owner="other"), trouble(asset="m", owner="lonely")]
        assert life.look(10, *both) == ["1 grew", "1 joined"]
        assert life.words == "hit too: lonely (1 trouble); told to nobody: lonely has no channel"
        assert life.look(11, *both) == []
        assert life.look(70, *both) == ["1 escalated boss"]

    def test_a_warning_that_cannot_be_told_is_not_escalated(self) -> None:
        ways = {"lonely": Route("lonely", {}, Escalation(HOUR, "boss")), "boss": Route("boss", {WARN: ("boss",)})}
        life = Life(Routing(routes=ways))
        assert life.look(0, trouble(owner="lonely", state=State.WARN)) == ["1 opened"]
        assert life.look(120, trouble(owner="lonely", state=State.WARN)) == []

    def test_an_escalation_at_once_is_one_at_once(self) -> None:
        ways = {"a": Route("a", {ERROR: ("a",)}, Escalation(timedelta(0), "b")), "b": Route("b", {ERROR: ("b",)})}
        assert Life(Routing(routes=ways)).look(0, trouble(owner="a")) == ["1 opened a", "1 escalated b"]

    def test_whose_part_is_well_again_is_left_in_peace(self) -> None:
        life = Life()
        life.look(0, trouble(), trouble(asset="m", owner="marketing"))
        assert life.look(30, trouble(asset="m", owner="marketing")) == []
        assert life.look(240, trouble(asset="m", owner="marketing")) == ["1 reminded mail"]


class TestAcknowledged:
    def test_it_ends_reminders_and_escalations_and_is_told_where_a_message_is_edited_or_wanted(self) -> None:
        hook = Route("hooked", {ERROR: ("hook",)})
        life = Life(replace(ROUTING, routes={**ROUTING.routes, "hooked": hook}))
        owners = [trouble(asset=owner, owner=owner) for owner in ("data-eng", "marketing", "hooked")]
        life.look(0, *owners)
        assert life.acknowledge(5) == ["1 acknowledged hook,slack"]
        assert life.entries[-1].actor == "kim"
        assert life.headline.startswith("Acknowledged by kim: shop: sync failed; ")
        assert life.incidents[1].phase is Phase.ACKNOWLEDGED
        assert life.look(600, *owners) == []
        assert life.look(601) == ["1 resolved hook,mail,slack"]

    def test_twice_changes_nothing(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.acknowledge(5)
        before = life.incidents[1]
        assert life.acknowledge(6, by="lee") == []
        assert life.incidents[1] == before

    def test_what_is_resolved_cannot_be_acknowledged(self) -> None:
        life = Life()
        life.look(0, trouble())
        life.look(1)
        with pytest.raises(UsageError, match="Incident 1 is resolved"):
            life.acknowledge(2)

    def test_it_does_not_hide_that_it_gets_worse(self) -> None:
        life = Life()
        life.look(0, trouble(state=State.WARN))
        life.acknowledge(1)
        assert life.look(2, trouble()) == ["1 raised slack"]
        assert life.look(3, trouble(K.BUILD_FAILED, "m")) == ["1 moved quiet,slack"]
        assert life.incidents[1].phase is Phase.ACKNOWLEDGED
