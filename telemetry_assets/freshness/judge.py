"""The judgement: what was owed, what is known, what time it is → a state and the one root that decided it.

What belongs here: pure rules over values handed in (docs/freshness.md says them in words). What does not: reading
anything, wording for a page or a channel.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from telemetry_assets.freshness.cutoff import Cutoffs, cutoffs_of
from telemetry_assets.freshness.lineage import Facts, Graph, fact_now, facts_of, graph_of
from telemetry_assets.freshness.owed import Owed
from telemetry_assets.model import AssetNode, Limit, Look, State, SubjectFact, Window
from telemetry_assets.spoken import spoken

LONGEST_SKEW = timedelta(minutes=5)
"""How far after ``now``, and after it became known, an instant may lie and still be believed: clocks differ."""
OLDEST_LOOK = timedelta(minutes=10)
"""A root that is looked at from outside and was not for so long may be older in our eyes than it is."""

_LAST_YEAR = 9999
"""What infinity, and every year Python has not, is read as."""
_FROM_GOOD_TO_BAD = (State.PASS, State.WARN, State.UNKNOWN, State.FAIL, State.MISSING)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known: the newest facts, by asset the last look from outside (at it, or at the source that feeds it), and
    by (asset, tenant) what is odd about a newest load that came in time."""

    facts: Facts
    looks: Mapping[str, Look] = field(default_factory=lambda: MappingProxyType({}))
    oddities: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one subject stands. ``state`` is of its data's age, ``run_state`` of its last run's: two lights.

    ``limit`` is what ``data_age`` was held against: that of ``binding_root``, the root that decided; ``slack`` is how
    much later than the fail cutoff its data time lies. None where there is no such instant, age or root. ``undated``:
    no root of it has a clock, so its data has no age. ``reason`` says in words why ``state`` is not PASS, empty where
    it is.
    """

    asset: str
    tenant: str
    state: State
    run_age: timedelta | None
    data_age: timedelta | None
    limit: Limit | None
    binding_root: str | None
    data_time: datetime | None
    run_time: datetime | None
    run_state: State
    reason: str
    owner: str | None
    run_window: timedelta | None = None
    undated: bool = False
    slack: timedelta | None = None

    @property
    def window(self) -> timedelta | None:
        """The longest age the limit allows; None for a deadline, and without a limit."""
        return self.limit.fail if isinstance(self.limit, Window) else None


def worst(states: Iterable[State]) -> State:
    """The worst of several: MISSING, FAIL, UNKNOWN, WARN, PASS. A broken promise outranks not knowing; none is PASS."""
    return max(states, key=_FROM_GOOD_TO_BAD.index, default=State.PASS)


def state_of(age: timedelta, window: Window) -> State:
    """Fresh ⇔ age < window: exactly at ``fail`` is late, exactly at ``warn`` is due."""
    if age >= window.fail:
        return State.FAIL
    return State.WARN if window.warn is not None and age >= window.warn else State.PASS


def judge(owed: Owed, fact: SubjectFact | None, now: datetime, look: Look | None = None, oddity: str = "") -> Judgement:
    """How the subject stands at ``now``. ``fact`` is None where it was never seen; synthetic facts count as that.

    For a view hand in :func:`lineage.fact_now`'s fact. Each dated root is judged against its limit; the worst binds,
    of equally bad ones the one with the least slack. ``look`` is the last look from outside at this asset, ``oddity``
    what is odd about its newest load.
    """
    seen = None if fact is None or fact.synthetic else fact
    verdict = _of_data(owed, seen, now)
    if fact is not None and fact.synthetic and verdict.state is State.MISSING:
        verdict = _Verdict(State.MISSING, "only synthetic rows were ever loaded")
    if owed.asset in owed.terms.limits or owed.asset in owed.terms.undated:
        verdict = _looked_at(verdict, owed.asset, look, now)
    if oddity and verdict.state is State.PASS:
        verdict = replace(verdict, state=State.WARN, reason=oddity)
    run_age = None if seen is None or seen.run_time is None else _age(seen.run_time, now)
    run_window = owed.terms.run_window
    return Judgement(
        asset=owed.asset,
        tenant=owed.tenant,
        state=verdict.state,
        run_age=run_age,
        data_age=verdict.age,
        limit=verdict.limit,
        binding_root=verdict.root,
        data_time=verdict.data_time,
        run_time=seen.run_time if seen else None,
        run_state=_of_run(seen, run_age, run_window),
        reason=verdict.reason,
        owner=owed.terms.owner,
        run_window=run_window.fail if run_window else None,
        undated=not owed.terms.limits,
        slack=verdict.slack,
    )


def judge_all(
    owed: Iterable[Owed],
    nodes: Sequence[AssetNode] | Graph,
    evidence: Evidence,
    tenants: Sequence[str],
    now: datetime,
) -> tuple[Judgement, ...]:
    """Every owed subject at ``now``, in the order of ``owed``; views are derived from their parents' facts."""
    graph = nodes if isinstance(nodes, Graph) else graph_of(nodes)
    return tuple(
        judge(
            one,
            fact_now(one.asset, one.tenant, graph, evidence.facts, now, tenants),
            now,
            evidence.looks.get(one.asset),
            evidence.oddities.get((one.asset, one.tenant), ""),
        )
        for one in owed
    )


def known(facts: Iterable[SubjectFact]) -> Evidence:
    """Facts and nothing else."""
    return Evidence(facts_of(facts))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one root makes of a subject."""

    state: State
    reason: str = ""
    root: str | None = None
    limit: Limit | None = None
    data_time: datetime | None = None
    age: timedelta | None = None
    slack: timedelta | None = None

    @property
    def badness(self) -> tuple[int, timedelta]:
        """Greater is worse: the state, then how little slack is left."""
        return (_FROM_GOOD_TO_BAD.index(self.state), -self.slack if self.slack is not None else timedelta(0))


def _of_data(owed: Owed, fact: SubjectFact | None, now: datetime) -> _Verdict:
    if not owed.terms.limits:
        undated = ", ".join(owed.terms.undated)
        return _Verdict(State.UNKNOWN, f"nothing dates it: no clock on {undated}" if undated else "nothing dates it")
    if fact is None:
        limits = set(owed.terms.limits.values())
        return _Verdict(State.MISSING, "no run has ever loaded it", limit=limits.pop() if len(limits) == 1 else None)
    verdicts = list(_of_roots(owed, fact, now))
    return max(verdicts, key=lambda verdict: verdict.badness) if len(verdicts) > 1 else verdicts[0]


def _of_roots(owed: Owed, fact: SubjectFact, now: datetime) -> Iterator[_Verdict]:
    """One verdict per root, by key: of equally bad ones the first counts."""
    latest = min(now, fact.known_at) + LONGEST_SKEW
    for root, limit in sorted(owed.terms.limits.items()):
        data_time = fact.data_times.get(root)
        if data_time is None:
            what = "it was never loaded with dated rows" if root == owed.asset else f"it holds nothing of {root}"
            yield _Verdict(State.MISSING, what, root, limit)
        elif data_time > latest:
            what = "yet to come" if data_time > now else "later than anybody could know it then"
            yield _Verdict(State.UNKNOWN, f"clock: {root} says {_shown(data_time)}, which is {what}", root, limit)
        elif limit is None:
            age = max(now - data_time, timedelta(0))
            yield _Verdict(
                State.UNKNOWN, f"no window: neither this promise nor {root} has one", root, None, data_time, age
            )
        else:
            yield _held_against(limit, cutoffs_of(limit, now), root, data_time, now)


def _held_against(limit: Limit, cutoffs: Cutoffs, root: str, data_time: datetime, now: datetime) -> _Verdict:
    state, age = cutoffs.state_of(data_time), max(now - data_time, timedelta(0))
    reason = "" if state is State.PASS else f"{root} is {spoken(age)} old, {_promised(limit)}"
    return _Verdict(state, reason, root, limit, data_time, age, data_time - cutoffs.fail)


def _shown(instant: datetime) -> str:
    return "a time of no real year" if instant.year == _LAST_YEAR else f"{instant:%Y-%m-%d %H:%M} UTC"


def _promised(limit: Limit) -> str:
    if isinstance(limit, Window):
        return f"promised under {spoken(limit.fail)}"
    return f"promised by {limit.by:%H:%M} ({limit.zone or 'UTC'}) to reach {limit.since:%H:%M}"


def _looked_at(verdict: _Verdict, asset: str, look: Look | None, now: datetime) -> _Verdict:
    """A root seen from outside is not late because we could not, or did not, look.

    That its source could not be asked leaves what is fresh fresh: it can only have become younger.
    """
    if look is None:
        return verdict
    if look.error and (look.feeder == asset or verdict.state is not State.PASS):
        return replace(verdict, state=State.UNKNOWN, reason=f"could not look: {look.error}")
    unseen = now - look.looked_at
    if unseen > OLDEST_LOOK and verdict.state not in (State.PASS, State.UNKNOWN):
        return replace(
            verdict, state=State.UNKNOWN, reason=f"nobody looked for {spoken(unseen)}; then {verdict.reason}"
        )
    return verdict


def _of_run(fact: SubjectFact | None, age: timedelta | None, window: Window | None) -> State:
    if fact is None:
        return State.MISSING
    return State.UNKNOWN if age is None or window is None else state_of(age, window)


def _age(instant: datetime, now: datetime) -> timedelta | None:
    """How long ago; zero for an instant a little ahead of us, None for one too far ahead to be believed."""
    age = now - instant
    return None if age < -LONGEST_SKEW else max(age, timedelta(0))
