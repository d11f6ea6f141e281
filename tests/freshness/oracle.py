"""What docs/freshness.md says, said a second time: slow, obvious, and from that page alone.

Holds on to everything ever told and answers each question from all of it: no state kept, nothing clever. Shares nothing
with ``telemetry_assets/freshness`` but the words of the model. Limits as instants are in ``oracle_calendar.py``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from telemetry_assets.model import (
    ANY_TENANT,
    AssetKind,
    AssetNode,
    Clock,
    ClockKind,
    Limit,
    Look,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)
from tests.freshness.oracle_calendar import cutoffs

CLOCK_SKEW = timedelta(minutes=5)
LOOK_AGE = timedelta(minutes=10)
WORST_FIRST = (State.MISSING, State.FAIL, State.UNKNOWN, State.WARN, State.PASS)
ENDLESS = timedelta.max


@dataclass(slots=True)
class History:
    """A graph, what is promised on it, and everything that was ever told of each (asset, tenant), in that order."""

    nodes: Sequence[AssetNode]
    promises: Sequence[Promise]
    tenants: Sequence[Tenant]
    told: dict[tuple[str, str], list[SubjectFact]] = field(default_factory=dict[tuple[str, str], list[SubjectFact]])
    looks: list[Look] = field(default_factory=list[Look])
    oddities: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def tell(self, fact: SubjectFact) -> None:
        """One more fact, however old."""
        self.told.setdefault((fact.asset, fact.tenant), []).append(fact)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the page says of one owed subject at one moment. ``binding`` is None where no root decided."""

    state: State
    run_state: State
    undated: tuple[str, ...]
    binding: str | None = None
    data_time: datetime | None = None


# The graph


def node_of(history: History, key: str) -> AssetNode | None:
    return next((node for node in history.nodes if node.key == key), None)


def has_tenants(history: History, node: AssetNode | None) -> bool:
    """Whether there is a subject per tenant: of what nobody knows too, but nowhere if there is no tenant."""
    return bool(history.tenants) and (node is None or node.tenanted)


def is_dated(clock: Clock | None) -> bool:
    return clock is not None and clock.kind is not ClockKind.STATIC


def all_roots(history: History, key: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """The roots of an asset, dated or not: itself where it has a clock, or has no parents, or where nobody knows it."""
    node = node_of(history, key)
    if key in seen:
        return frozenset()
    if node is None or node.clock is not None or not node.parents:
        return frozenset({key})
    return frozenset(root for parent in node.parents for root in all_roots(history, parent, seen | {key}))


def dated_roots(history: History, key: str) -> frozenset[str]:
    return frozenset(r for r in all_roots(history, key) if (node := node_of(history, r)) and is_dated(node.clock))


# What is known


def newest_fact(history: History, asset: str, tenant: str) -> SubjectFact | None:
    """Real before synthetic, then the later, then the greater run id; the same run told often holds all it was told."""
    facts = history.told.get((asset, tenant))
    if not facts:
        return None
    newest = max(facts, key=_rank)
    same = [fact for fact in facts if _rank(fact) == _rank(newest)]
    times = {root: max(f.data_times[root] for f in same if root in f.data_times) for f in same for root in f.data_times}
    return SubjectFact(
        asset, tenant, newest.run_time, newest.run_id, newest.source, times, None, newest.synthetic, newest.looked_at
    )


def _rank(fact: SubjectFact) -> tuple[bool, datetime, str]:
    return (not fact.synthetic, fact.known_at, fact.run_id)


def held(history: History, asset: str, tenant: str) -> Mapping[str, datetime]:
    """Root → the data time that the asset holds for the tenant now; a view is seen through, down to its tables."""
    tables = tables_behind(history, asset)
    roots = {root for table in tables for root in dated_roots(history, table)}
    return oldest_of_each(history, roots, [(table, stored(history, table, tenant)) for table in tables])


def incorporated(history: History, asset: str, tenant: str) -> Mapping[str, datetime]:
    """What a build of the asset that starts now takes in: root → the oldest that any parent made from it holds."""
    node = node_of(history, asset)
    parents = [(parent, held(history, parent, tenant)) for parent in (node.parents if node else ())]
    return oldest_of_each(history, dated_roots(history, asset), parents)


def oldest_of_each(
    history: History, roots: Iterable[str], holders: Sequence[tuple[str, Mapping[str, datetime]]]
) -> Mapping[str, datetime]:
    """The oldest that any holder made from a root holds of it; nothing where one of those holds nothing of it."""
    found: dict[str, datetime] = {}
    for root in roots:
        times = [times.get(root) for holder, times in holders if root in dated_roots(history, holder)]
        if times and None not in times:
            found[root] = min(time for time in times if time is not None)
    return found


def is_view(node: AssetNode | None) -> bool:
    return node is not None and node.kind is AssetKind.VIEW and node.clock is None


def tables_behind(history: History, asset: str) -> frozenset[str]:
    """What is stored: the asset itself, or all that a view reads through any number of views."""
    node = node_of(history, asset)
    if node is None or not is_view(node):
        return frozenset({asset})
    return frozenset(table for parent in node.parents for table in tables_behind(history, parent))


def stored(history: History, table: str, tenant: str) -> Mapping[str, datetime]:
    """What the newest fact of a table says for a tenant; for ``*`` the oldest of the tenants that hold anything."""
    if not has_tenants(history, node_of(history, table)):
        return said(history, table, ANY_TENANT)
    if tenant != ANY_TENANT:
        return said(history, table, tenant)
    of_each = [said(history, table, each.slug) for each in history.tenants]
    roots = {root for times in of_each for root in times}
    return {root: min(times[root] for times in of_each if root in times) for root in roots}


def said(history: History, table: str, tenant: str) -> Mapping[str, datetime]:
    fact = newest_fact(history, table, tenant)
    return {} if fact is None or fact.synthetic else fact.data_times


# Who is owed what


def promise_of(history: History, asset: str) -> Promise | None:
    """The first promise that matches; where none does, dbt's own window."""
    for promise in history.promises:
        if fnmatchcase(asset, promise.asset):
            return promise
    node = node_of(history, asset)
    return Promise(asset, node.window) if node is not None and node.window is not None else None


def promised_tenants(history: History, asset: str) -> frozenset[str]:
    promise, node = promise_of(history, asset), node_of(history, asset)
    if promise is None:
        return frozenset()
    if not has_tenants(history, node):
        return frozenset({ANY_TENANT})
    everybody = frozenset(tenant.slug for tenant in history.tenants)
    return (everybody if promise.tenants is None else promise.tenants) | promise.overrides.keys()


def owed(history: History) -> Iterator[tuple[str, str]]:
    """Every (asset, tenant) that somebody promised, also of assets and tenants that nobody has."""
    spelled_out = {promise.asset for promise in history.promises if not set(promise.asset) & set("*?[")}
    for asset in sorted({node.key for node in history.nodes} | spelled_out):
        for tenant in sorted(promised_tenants(history, asset)):
            yield asset, tenant


def own_limit(history: History, asset: str, tenant: str) -> Limit | None:
    promise = promise_of(history, asset)
    return None if promise is None else promise.overrides.get(tenant, promise.limit)


def binds(history: History, asset: str, tenant: str, root: str) -> bool:
    """Whether the root is promised to the tenant, or nobody was promised anything of it. ``*`` is anybody."""
    promise = promise_of(history, root)
    return promise is None or promise.tenants is None or tenant in promise.tenants or tenant == ANY_TENANT


def limit_of(history: History, asset: str, tenant: str, root: str) -> tuple[Limit | None, timedelta]:
    """The limit of one root for one subject, and the grace that loosens it."""
    own, promise, node = own_limit(history, asset, tenant), promise_of(history, asset), node_of(history, root)
    if own is not None or promise is None:
        return own, timedelta(0)
    whose = tenant if has_tenants(history, node) else ANY_TENANT
    return own_limit(history, root, whose) or (node.window if node else None), promise.grace


def zone_of(history: History, tenant: str) -> str:
    return next((each.timezone for each in history.tenants if each.slug == tenant), "UTC")


# Judgement


def judge(history: History, now: datetime) -> dict[tuple[str, str], Verdict]:
    """The page's verdict on every owed subject at a moment."""
    return {subject: judge_one(history, *subject, now) for subject in owed(history)}


def judge_one(history: History, asset: str, tenant: str, now: datetime) -> Verdict:
    """The five steps of the page, in its order."""
    undated = tuple(sorted(all_roots(history, asset) - dated_roots(history, asset)))
    roots = sorted(root for root in dated_roots(history, asset) if binds(history, asset, tenant, root))
    fact = newest_fact(history, asset, tenant)
    running = run_state(history, asset, tenant, fact, now)
    verdict = _without_amendments(history, (asset, tenant), roots, fact, now)
    state = amended(history, asset, tenant, verdict.state, now)
    return Verdict(state, running, undated, verdict.binding, verdict.data_time)


def _without_amendments(
    history: History, subject: tuple[str, str], roots: Sequence[str], fact: SubjectFact | None, now: datetime
) -> Verdict:
    asset, tenant = subject
    if not roots:
        return Verdict(State.UNKNOWN, State.UNKNOWN, ())
    if fact is None or fact.synthetic:
        return Verdict(State.MISSING, State.UNKNOWN, ())
    times, known_at = fact.data_times, fact.known_at
    if is_view(node_of(history, asset)):  # Known as of the moment somebody asks.
        times, known_at = held(history, asset, tenant), now
    latest = min(now, known_at) + CLOCK_SKEW
    found: list[tuple[int, timedelta, str]] = []
    for root in roots:
        limit, grace = limit_of(history, asset, tenant, root)
        state, slack = root_state(times.get(root), latest, limit, now - grace, zone_of(history, tenant))
        found.append((WORST_FIRST.index(state), slack, root))
    worst, _, binding = min(found)
    believed = binding in times and times[binding] <= latest
    return Verdict(WORST_FIRST[worst], State.UNKNOWN, (), binding, times[binding] if believed else None)


def root_state(
    data_time: datetime | None, latest: datetime, limit: Limit | None, now: datetime, zone: str
) -> tuple[State, timedelta]:
    """How one root stands, and by how much: data time − fail cutoff, endless where there is no such number.

    ``latest`` is the latest data time to be believed.
    """
    if data_time is None:
        return State.MISSING, ENDLESS
    if data_time > latest or limit is None:
        return State.UNKNOWN, ENDLESS
    fail, warn = cutoffs(limit, now, zone)
    slack = ENDLESS if fail is None else data_time - fail
    if fail is not None and data_time <= fail:
        return State.FAIL, slack
    if warn is not None and data_time <= warn:
        return State.WARN, slack
    return State.PASS, slack


def amended(history: History, asset: str, tenant: str, state: State, now: datetime) -> State:
    """Steps 4 and 5: what a look from outside, or an odd sync, make of the state."""
    node, look = node_of(history, asset), last_look(history.looks, asset)
    if node is not None and node.clock is not None and look is not None:
        if look.error:
            return State.UNKNOWN
        if now - look.looked_at > LOOK_AGE and state is not State.PASS:
            return State.UNKNOWN
    return State.WARN if state is State.PASS and (asset, tenant) in history.oddities else state


def last_look(looks: Iterable[Look], asset: str) -> Look | None:
    """The latest; of two at one instant the one told last."""
    told = [look for look in looks if look.feeder == asset]
    return max(reversed(told), key=lambda look: look.looked_at, default=None)


def run_state(history: History, asset: str, tenant: str, fact: SubjectFact | None, now: datetime) -> State:
    """The other light: the age of the run against the asset's run window."""
    if fact is None or fact.synthetic:
        return State.MISSING
    window = run_window(history, asset, tenant)
    if fact.run_time is None or window is None or fact.run_time > now + CLOCK_SKEW:
        return State.UNKNOWN
    if now - fact.run_time >= window.fail:
        return State.FAIL
    return State.WARN if window.warn is not None and now - fact.run_time >= window.warn else State.PASS


def run_window(history: History, asset: str, tenant: str) -> Window | None:
    """The asset's own window, else the loosest of its roots'; none where it has a deadline instead."""
    own = own_limit(history, asset, tenant)
    if own is not None:
        return own if isinstance(own, Window) else None
    roots = [root for root in dated_roots(history, asset) if binds(history, asset, tenant, root)]
    limits = [limit_of(history, asset, tenant, root) for root in roots]
    windows = [_loosened(limit, grace) for limit, grace in limits if isinstance(limit, Window)]
    return max(windows, key=lambda window: (window.fail, window.warn or timedelta.max), default=None)


def _loosened(window: Window, grace: timedelta) -> Window:
    return Window(window.fail + grace, None if window.warn is None else window.warn + grace)
