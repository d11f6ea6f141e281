"""The judgement: what was owed, what is known, what time it is → a state and the one root that decided it.

What belongs here: pure rules over values handed in. What does not: reading anything, wording for a page or a channel.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telemetry_assets.freshness.cutoff import Owed
from telemetry_assets.freshness.lineage import fact_now, facts_of, graph_of
from telemetry_assets.model import AssetNode, State, SubjectFact, Window

LONGEST_SKEW = timedelta(minutes=5)
"""How far after ``now`` an instant may lie and still be believed: clocks differ."""

_FROM_GOOD_TO_BAD = (State.PASS, State.WARN, State.UNKNOWN, State.FAIL, State.MISSING)


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one subject stands. ``state`` is of its data's age, ``run_state`` of its last run's: two lights.

    ``window`` is what ``data_age`` was held against: the fail bound of ``binding_root``, the root that decided. None
    where there is no such instant, age or root. ``undated``: no root of it has a clock, so its data has no age.
    ``reason`` says in words why ``state`` is not PASS, empty where it is.
    """

    asset: str
    tenant: str
    state: State
    run_age: timedelta | None
    data_age: timedelta | None
    window: timedelta | None
    binding_root: str | None
    data_time: datetime | None
    run_time: datetime | None
    run_state: State
    reason: str
    owner: str | None
    run_window: timedelta | None = None
    undated: bool = False


def worst(states: Iterable[State]) -> State:
    """The worst of several: MISSING, FAIL, UNKNOWN, WARN, PASS. A broken promise outranks not knowing; none is PASS."""
    return max(states, key=_FROM_GOOD_TO_BAD.index, default=State.PASS)


def state_of(age: timedelta, window: Window) -> State:
    """Fresh ⇔ age < window: exactly at ``fail`` is late, exactly at ``warn`` is due."""
    if age >= window.fail:
        return State.FAIL
    return State.WARN if window.warn is not None and age >= window.warn else State.PASS


def judge(owed: Owed, fact: SubjectFact | None, now: datetime) -> Judgement:
    """How the subject stands at ``now``. ``fact`` is None where it was never seen; synthetic facts count as that.

    For a view hand in :func:`lineage.fact_now`'s fact. Each dated root is judged against its window; the worst binds,
    of equally bad ones the one with the least slack (window − age).
    """
    seen = None if fact is None or fact.synthetic else fact
    verdict = _of_data(owed, seen, now)
    if fact is not None and fact.synthetic and verdict.state is State.MISSING:
        verdict = _Verdict(State.MISSING, "only synthetic rows were ever loaded")
    run_age = None if seen is None else _age(seen.run_time, now)
    run_window = owed.terms.run_window
    return Judgement(
        asset=owed.asset,
        tenant=owed.tenant,
        state=verdict.state,
        run_age=run_age,
        data_age=verdict.age,
        window=verdict.window.fail if verdict.window else None,
        binding_root=verdict.root,
        data_time=verdict.data_time,
        run_time=seen.run_time if seen else None,
        run_state=_of_run(seen, run_age, run_window),
        reason=verdict.reason,
        owner=owed.terms.owner,
        run_window=run_window.fail if run_window else None,
        undated=not owed.terms.windows,
    )


def judge_all(
    owed: Sequence[Owed],
    nodes: Sequence[AssetNode],
    facts: Iterable[SubjectFact],
    tenants: Sequence[str],
    now: datetime,
) -> tuple[Judgement, ...]:
    """Every owed subject at ``now``, in the order of ``owed``; views are derived from their parents' facts."""
    graph, known = graph_of(nodes), facts_of(facts)
    return tuple(judge(one, fact_now(one.asset, one.tenant, graph, known, tenants), now) for one in owed)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one root makes of a subject."""

    state: State
    reason: str = ""
    root: str | None = None
    window: Window | None = None
    data_time: datetime | None = None
    age: timedelta | None = None

    @property
    def badness(self) -> tuple[int, timedelta]:
        """Greater is worse: the state, then how little slack is left."""
        overdue = self.age - self.window.fail if self.window and self.age is not None else timedelta(0)
        return (_FROM_GOOD_TO_BAD.index(self.state), overdue)


def _of_data(owed: Owed, fact: SubjectFact | None, now: datetime) -> _Verdict:
    if fact is None:
        return _Verdict(State.MISSING, "no run has ever loaded it")
    if not owed.terms.windows:
        undated = ", ".join(owed.terms.undated)
        return _Verdict(State.UNKNOWN, f"nothing dates it: no clock on {undated}" if undated else "nothing dates it")
    return max(_of_roots(owed, fact, now), key=lambda verdict: verdict.badness)


def _of_roots(owed: Owed, fact: SubjectFact, now: datetime) -> Iterator[_Verdict]:
    for root, window in owed.terms.windows.items():
        data_time = fact.data_times.get(root)
        if data_time is None:
            what = "it was never loaded with dated rows" if root == owed.asset else f"it holds nothing of {root}"
            yield _Verdict(State.MISSING, what, root, window)
            continue
        age = _age(data_time, now)
        if age is None:
            yield _Verdict(
                State.UNKNOWN, f"clock: {root} says {data_time.isoformat()}, which is yet to come", root, window
            )
        elif window is None:
            yield _Verdict(
                State.UNKNOWN, f"no window: neither this promise nor {root} has one", root, None, data_time, age
            )
        else:
            yield _Verdict(*_held_against(window, age, root), root, window, data_time, age)


def _held_against(window: Window, age: timedelta, root: str) -> tuple[State, str]:
    state = state_of(age, window)
    reason = "" if state is State.PASS else f"{root} is {spoken(age)} old, promised under {spoken(window.fail)}"
    return state, reason


def _of_run(fact: SubjectFact | None, age: timedelta | None, window: Window | None) -> State:
    if fact is None:
        return State.MISSING
    return State.UNKNOWN if age is None or window is None else state_of(age, window)


def _age(instant: datetime, now: datetime) -> timedelta | None:
    """How long ago; zero for an instant a little ahead of us, None for one too far ahead to be believed."""
    age = now - instant
    return None if age < -LONGEST_SKEW else max(age, timedelta(0))


def spoken(duration: timedelta) -> str:
    """A duration as people say it, rounded down, in its two greatest units: ``3 d 2 h``, ``6 min``, ``45 s``."""
    seconds = int(duration.total_seconds())
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"
