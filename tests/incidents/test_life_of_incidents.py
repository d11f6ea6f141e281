"""Whatever happens in whatever order: the incidents are those of the page, and who must hear of it hears of it once.

The oracle (``life_oracle.py``) and the properties here are written from docs/incidents.md alone.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from telemetry_assets.errors import UsageError
from telemetry_assets.incidents.incident import Change, Incident, Phase, Step
from telemetry_assets.incidents.life import acknowledge
from telemetry_assets.incidents.reconcile import reconcile
from telemetry_assets.incidents.routing import Escalation, Route, Routing, channels_of
from telemetry_assets.incidents.silence import Silence, muted
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import NOBODY, Severity, Standing, Subject, Trouble
from telemetry_assets.model import CauseKind, State
from tests.incidents.life_oracle import FAR, REOPENS_WITHIN, TAIL, UNSEEN, Oracle

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
REMIND, ESCALATE = timedelta(hours=4), timedelta(hours=1)
ASSETS = ("raw/a", "raw/b", "marts/m", "snapshots/s")
TENANTS = ("acme", "birch")
OWNERS = ("alpha", "beta", "gamma", "mute", NOBODY)
CAUSES = (
    (CauseKind.SYNC_FAILED, "raw"),
    (CauseKind.FEED_QUIET, "raw/a"),
    (CauseKind.BUILD_FAILED, "marts/m"),
    (CauseKind.WAITING, "marts/m"),
    (CauseKind.NOT_PUBLISHED, "snapshots/s"),
    (CauseKind.COULD_NOT_LOOK, "raw/a"),
    (CauseKind.CLOCK, "raw/b"),
)
ERROR, WARN = Severity.ERROR, Severity.WARN
ROUTING = Routing(
    routes=MappingProxyType(
        {
            "alpha": Route("alpha", {ERROR: ("a-error",), WARN: ("warnings",)}, Escalation(ESCALATE, "gamma")),
            "beta": Route("beta", {ERROR: ("b-error",)}),
            "gamma": Route("gamma", {WARN: ("g-all",)}, Escalation(2 * ESCALATE, "alpha")),
            "mute": Route("mute"),
        }
    ),
    fallback=("fallback",),
    editing=frozenset({"a-error"}),
    hearing=frozenset({"b-error"}),
)
HEARS: Mapping[tuple[str, Severity], frozenset[str]] = {
    ("alpha", ERROR): frozenset({"a-error"}),
    ("alpha", WARN): frozenset({"warnings"}),
    ("beta", ERROR): frozenset({"b-error"}),
    ("gamma", ERROR): frozenset({"g-all"}),
    ("gamma", WARN): frozenset({"g-all"}),
    ("mute", ERROR): frozenset({"fallback"}),
    # Nobody's goes to those whom others escalate to.
    (NOBODY, ERROR): frozenset({"a-error", "g-all"}),
    (NOBODY, WARN): frozenset({"warnings", "g-all"}),
}

subjects = st.tuples(st.sampled_from(ASSETS), st.sampled_from(TENANTS))


class Life(RuleBasedStateMachine):
    """Troubles come and go; after each event everything is reconciled and looked at."""

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.wrong: dict[Subject, Trouble] = {}
        self.silences: list[Silence] = []
        self.held: dict[int, Incident] = {}
        self.oracle = Oracle()
        self.keys: set[str] = set()
        self.heard: dict[int, dict[str, datetime]] = defaultdict(dict)
        self.since_error: dict[tuple[int, str], datetime] = {}

    @rule(
        subject=subjects,
        cause=st.sampled_from(CAUSES),
        severity=st.sampled_from(Severity),
        owner=st.sampled_from(OWNERS),
    )
    def goes_wrong(self, subject: Subject, cause: tuple[CauseKind, str], severity: Severity, owner: str) -> None:
        self.wrong[subject] = _trouble(subject, cause, severity, owner)
        self.look()

    @rule(cause=st.sampled_from(CAUSES), severity=st.sampled_from(Severity))
    def a_cause_hits_everything(self, cause: tuple[CauseKind, str], severity: Severity) -> None:
        for place, asset in enumerate(ASSETS):
            for tenant in TENANTS:
                self.wrong[asset, tenant] = _trouble((asset, tenant), cause, severity, OWNERS[place])
        self.look()

    @precondition(lambda self: self.wrong)
    @rule(data=st.data(), to=st.sampled_from(CAUSES))
    def a_cause_moves(self, data: st.DataObject, to: tuple[CauseKind, str]) -> None:
        moving = data.draw(st.sampled_from(sorted({one.identity for one in self.wrong.values()})))
        for subject, one in self.wrong.items():
            if one.identity == moving:
                self.wrong[subject] = replace(one, kind=to[0], where=to[1])
        self.look()

    @precondition(lambda self: self.wrong)
    @rule(data=st.data())
    def one_recovers(self, data: st.DataObject) -> None:
        del self.wrong[data.draw(st.sampled_from(sorted(self.wrong)))]
        self.look()

    @precondition(lambda self: self.wrong)
    @rule()
    def everything_recovers(self) -> None:
        self.wrong.clear()
        self.look()

    @rule(minutes=st.sampled_from([1, 10, 30, 31, 60, 121, 240, 1000]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.look()

    @rule(asset=st.sampled_from([*ASSETS, "raw/*", "*"]), tenant=st.sampled_from([*TENANTS, None]))
    def somebody_silences(self, asset: str, tenant: str | None) -> None:
        self.silences.append(
            Silence(len(self.silences) + 1, asset, tenant, self.now + 2 * ESCALATE, "known", "ann", self.now)
        )
        self.look()

    @precondition(lambda self: any(one.phase is not Phase.RESOLVED for one in self.held.values()))
    @rule(data=st.data())
    def somebody_acknowledges(self, data: st.DataObject) -> None:
        open_ones = sorted(one.number for one in self.held.values() if one.phase is not Phase.RESOLVED)
        incident = self.held[data.draw(st.sampled_from(open_ones))]
        change = acknowledge(incident, "ann", self.now, ROUTING)
        if incident.phase is Phase.ACKNOWLEDGED:
            assert not change.entries
            assert not change.messages
        else:
            assert [entry.step for entry in change.entries] == [Step.ACKNOWLEDGED]
            told = {message.channel for message in change.messages}
            assert told == self.heard[incident.number].keys() & (ROUTING.editing | ROUTING.hearing)
        self.take([change])
        twin = next(one for one in self.oracle.incidents if one.open and one.identity == incident.identity)
        twin.acknowledged = True
        again = acknowledge(self.held[incident.number], "ben", self.now, ROUTING)
        assert not again.entries
        self.look()

    @precondition(lambda self: any(one.phase is Phase.RESOLVED for one in self.held.values()))
    @rule(data=st.data())
    def nobody_acknowledges_what_is_resolved(self, data: st.DataObject) -> None:
        ended = sorted(one.number for one in self.held.values() if one.phase is Phase.RESOLVED)
        with pytest.raises(UsageError):
            acknowledge(self.held[data.draw(st.sampled_from(ended))], "ann", self.now, ROUTING)

    def look(self) -> None:
        """Reconcile, by the code and by the oracle, and see that everything promised holds."""
        troubles = muted(tuple(self.wrong.values()), self.silences, self.now)
        incidents = [
            one for one in self.held.values() if one.resolved_at is None or self.now - one.resolved_at <= REOPENS_WITHIN
        ]
        standing = {
            (one.worst.asset, one.worst.tenant): _standing(self.wrong.get((one.worst.asset, one.worst.tenant)))
            for one in incidents
        }
        number = max(self.held, default=0) + 1
        changes = reconcile(incidents, situations_of(troubles, {}), standing, ROUTING, self.now, number)
        random = Random(number + len(troubles))
        mixed = list(troubles)
        random.shuffle(mixed)
        random.shuffle(incidents)
        turned = situations_of(mixed, {})
        assert changes == reconcile(incidents, turned[::-1], standing, ROUTING, self.now, number), "the order counted"
        before = dict(self.held)
        self.take(changes)
        self.oracle.reconcile(troubles, self.now)
        assert self.seen() == self.oracle.seen()
        still = [
            one for one in self.held.values() if not one.resolved_at or self.now - one.resolved_at <= REOPENS_WITHIN
        ]
        again = reconcile(
            still, situations_of(troubles, {}), standing, ROUTING, self.now, max(self.held, default=0) + 1
        )
        assert not [change for change in again if change.entries or change.messages], "not idempotent"
        self.check_steps(before, changes, troubles)
        self.check_who_heard(troubles)
        self.check_nobody_is_left_out(troubles)

    def take(self, changes: "tuple[Change, ...] | list[Change]") -> None:
        for change in changes:
            number = change.after.number
            self.held[number] = change.after
            assert [entry.seq for entry in change.entries] == list(
                range((change.before.steps if change.before else 0) + 1, change.after.steps + 1)
            )
            if any(entry.step is Step.REOPENED for entry in change.entries):
                self.heard[number].clear()
                for owner in OWNERS:
                    self.since_error.pop((number, owner), None)
            for message in change.messages:
                assert message.key not in self.keys, "told twice"
                self.keys.add(message.key)
                assert message.channel in next(one for one in change.entries if one.seq == message.seq).channels
                self.heard[number][message.channel] = self.now
            for entry in change.entries:
                assert set(entry.channels) == {one.channel for one in change.messages if one.seq == entry.seq}

    def check_steps(
        self, before: Mapping[int, Incident], changes: tuple[Change, ...], troubles: tuple[Trouble, ...]
    ) -> None:
        for change in changes:
            steps = Counter(entry.step for entry in change.entries)
            assert all(count == 1 for step, count in steps.items() if step not in (Step.REMINDED, Step.ESCALATED)), (
                steps
            )
            was, number = before.get(change.after.number), change.after.number
            if change.after.phase is Phase.RESOLVED and change.entries:
                told = {one.channel for one in change.messages if one.step == Step.RESOLVED}
                assert told == set(was.channels if was else ())
            if was is not None and was.phase is Phase.ACKNOWLEDGED and Step.REOPENED not in steps:
                assert not steps[Step.REMINDED]
                assert not steps[Step.ESCALATED]
            hit = [one for one in troubles if one.identity == change.after.identity]
            tails = {one.subject for one in troubles if one.kind in TAIL | UNSEEN and _is_loud(one)}
            if hit and all(one.muted for one in hit) and not tails.intersection(change.after.reach):
                assert not change.messages, f"told under a silence: {change.messages[0].step} of {number}"

    def check_who_heard(self, troubles: tuple[Trouble, ...]) -> None:
        for incident in self.held.values():
            if incident.phase is Phase.RESOLVED:
                continue
            parts: dict[str, Severity] = {}
            for one in troubles:
                if one.identity == incident.identity and not one.muted:
                    parts[one.owner] = max(parts.get(one.owner, WARN), one.severity, key=lambda each: each.rank)
            heard = self.heard[incident.number]
            for owner, severity in parts.items():
                expected = HEARS.get((owner, severity), frozenset())
                worse = HEARS.get((owner, ERROR), frozenset())
                heard_worse = severity is WARN and worse and worse <= heard.keys()
                assert expected <= heard.keys() or heard_worse, f"{owner} was not told of {severity}"
                if severity is not ERROR or incident.phase is not Phase.OPEN:
                    continue
                since = self.since_error.setdefault((incident.number, owner), self.now)
                assert all(self.now - heard[channel] < REMIND for channel in expected), "nobody was reminded"
                route = ROUTING.routes.get(owner)
                if route and route.escalate and self.now - since >= route.escalate.after:
                    assert HEARS[route.escalate.to, ERROR] <= heard.keys(), "nobody was told instead"

    def check_nobody_is_left_out(self, troubles: tuple[Trouble, ...]) -> None:
        """Whoever owns what is late has heard of an ERROR of an incident that hits it."""
        unresolved = [one for one in self.held.values() if one.phase is not Phase.RESOLVED]
        for one in troubles:
            if not _is_loud(one) or one.kind in UNSEEN:
                continue
            its = [incident for incident in unresolved if one.subject in incident.reach]
            assert any(HEARS[one.owner, ERROR] <= self.heard[each.number].keys() for each in its), one

    def seen(self) -> list[tuple[object, ...]]:
        return sorted(
            (str(one.kind), one.where, one.opened_at, one.resolved_at or FAR,
             one.phase is Phase.ACKNOWLEDGED or (one.phase is Phase.RESOLVED and one.acknowledged_at is not None),
             one.reopened, tuple(sorted(one.reach)) if one.phase is not Phase.RESOLVED else ())
            for one in self.held.values()
        )  # fmt: skip


def _trouble(subject: Subject, cause: tuple[CauseKind, str], severity: Severity, owner: str) -> Trouble:
    state = State.UNKNOWN if cause[0] in (CauseKind.CLOCK, CauseKind.COULD_NOT_LOOK) else State.FAIL
    return Trouble(
        kind=cause[0], where=cause[1], severity=severity, asset=subject[0], tenant=subject[1],
        says=f"{cause[0]} of {cause[1]}", owner=owner, root=cause[1], standing=Standing(state, timedelta(hours=2)),
    )  # fmt: skip


def _is_loud(trouble: Trouble) -> bool:
    return trouble.severity is ERROR and not trouble.muted


def _standing(trouble: Trouble | None) -> Standing:
    return trouble.standing if trouble else Standing(State.PASS, timedelta(minutes=5))


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


class ManyLives(Life):
    """The same, more often and longer."""


TestManyLives = pytest.mark.slow(pytest.mark.timeout(900)(ManyLives.TestCase))
TestManyLives.settings = settings(
    max_examples=1000, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_for_an_owner_that_nobody_described_those_hear_whom_others_escalate_to() -> None:
    assert set(channels_of("an exposure's", ERROR, ROUTING)) == HEARS[NOBODY, ERROR]
