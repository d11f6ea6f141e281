"""The one cause: from a promise that is not kept up to where the data of its root stops moving, and why there.

What belongs here: choosing the root and the place, and what it is not. What does not: why a root is quiet
(``feeding.py``), why a hop was not built (``building.py``), grouping causes into incidents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from telemetry_assets.freshness.building import why_not_built
from telemetry_assets.freshness.case import Case, Told
from telemetry_assets.freshness.feeding import not_seen, sync_trouble, why_behind, zero_rows
from telemetry_assets.freshness.happenings import Happenings
from telemetry_assets.freshness.judge import Evidence, Judgement
from telemetry_assets.freshness.lineage import Graph, data_times_of, roots_of
from telemetry_assets.model import AssetKind, CauseKind, State
from telemetry_assets.spoken import spoken

OF_THE_SYNC = frozenset(
    {CauseKind.SYNC_FAILED, CauseKind.SYNC_NOT_RUN, CauseKind.SYNC_RUNNING_LONG, CauseKind.ZERO_ROWS}
)
"""Causes that hit every stream of a source at once."""
NAMED = 3
"""How many other roots are named among what it is not."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why ``asset`` does not keep its promise to ``tenant``. Two are equal where kind, root, asset and tenant are.

    ``root`` is where the cause lies: the quiet root, or the model or snapshot that was not built. ``says`` and
    ``remedy`` are for a person, ``quote`` is what somebody else's error said; ``since`` is when it began, where that
    is known; ``ruled_out`` says what it is not; ``of`` what hits more than the root, see :attr:`identity`.
    """

    kind: CauseKind
    root: str
    asset: str
    tenant: str
    says: str = field(compare=False)
    remedy: str = field(compare=False)
    since: datetime | None = field(default=None, compare=False)
    ruled_out: tuple[str, ...] = field(default=(), compare=False)
    quote: str = field(default="", compare=False)
    of: str = field(default="", compare=False)

    @property
    def identity(self) -> tuple[CauseKind, str]:
        """What makes several causes one, whosever they are: the kind, and the root or what all of it is hit with (the
        source whose sync is in trouble, ``dbt`` where nothing is built any more)."""
        return (self.kind, self.of or self.root)


def cause_of(
    judgement: Judgement,
    graph: Graph,
    evidence: Evidence,
    happenings: Happenings,
    tenants: Sequence[str],
    now: datetime,
) -> Cause:
    """The one cause of a judgement that is not PASS, as of ``now``; ``tenants`` are those it was judged with.

    A root that is itself behind is the cause, by what feeds it; else the first asset down from the root that does not
    hold what its parents hold. Raises ValueError for PASS: a kept promise has no cause.
    """
    if judgement.state is State.PASS:
        raise ValueError(f"{judgement.asset} keeps its promise to {judgement.tenant}: there is no cause to name")
    case = case_of(judgement, graph, evidence, happenings, tenants, now)
    told = why_unknown(case) if judgement.state is State.UNKNOWN else _stopped(case)
    return Cause(
        kind=told.kind,
        root=told.root,
        asset=case.asset,
        tenant=judgement.tenant,
        says=told.says,
        remedy=told.remedy,
        since=told.since,
        ruled_out=tuple(_not(case, told)),
        quote=told.quote,
        of=case.source if told.kind in OF_THE_SYNC else told.of,
    )


def case_of(
    judgement: Judgement,
    graph: Graph,
    evidence: Evidence,
    happenings: Happenings,
    tenants: Sequence[str],
    now: datetime,
) -> Case:
    """A judgement with all that explains it, and the root to follow: the binding one, else the one that is missed."""
    root = judgement.binding_root or _missed_root(judgement, graph, evidence, tenants)
    return Case(judgement, graph, evidence, happenings, now, root, tenants)


def why_unknown(case: Case) -> Told:
    """Why nothing can be said of an UNKNOWN one: of the judgement's own reasons the one that came last."""
    judgement, root = case.judgement, case.root
    unseen = not_seen(case) if root == case.asset else None
    if unseen:
        return unseen
    if judgement.undated:
        return _undated(case)
    if judgement.data_time is None:
        remedy = f"Mend the clock that writes {root}; a value that lies in the past counts again at once"
        return Told(CauseKind.CLOCK, root, judgement.reason, remedy)
    says = f"nobody said how old {root} may be: neither a promise on {case.asset} nor one on {root} has a window"
    return Told(CauseKind.NO_WINDOW, root, says, f"Add a window: to the promise on {case.asset} in telemetry.yaml")


def stopped_at(case: Case) -> tuple[str, str]:
    """Where, from a root down that is not behind itself, the data stops moving, and the asset above it."""
    path = case.path()
    return next(
        ((below, above) for above, below in pairwise(path) if case.is_behind(below)),
        (case.asset, path[-2] if len(path) > 1 else case.root),
    )


def comes_first(trouble: Told, told: Told) -> bool:
    """Syncs and builds that both stand still are one stopped scheduler; a build that is only awaited carries nothing
    while the syncs are in trouble."""
    if told.kind in (CauseKind.BUILD_NOT_RUN, CauseKind.NOT_PUBLISHED):
        return trouble.kind is CauseKind.SYNC_NOT_RUN
    return told.kind is CauseKind.WAITING


def _missed_root(judgement: Judgement, graph: Graph, evidence: Evidence, tenants: Sequence[str]) -> str:
    """The root to follow where none binds: the nearest dated one that holds anything, else the nearest."""
    roots = roots_of(judgement.asset, graph)
    holding = [
        root for root in roots if data_times_of(root, judgement.tenant, graph, evidence.facts, tenants).get(root)
    ]
    return next(iter(holding or roots), judgement.asset)


def _undated(case: Case) -> Told:
    key = case.asset
    if key not in case.graph:
        says = f"{key} is promised and no such asset is known"
        return Told(
            CauseKind.UNDATED, key, says, "Mend its name under promises: in telemetry.yaml, or: telemetry prepare"
        )
    if case.graph[key].parents:
        remedy = "Give one of them a clock (clock: in telemetry.yaml, loaded_at_field in dbt), or take the promise back"
    else:
        remedy = f"Give {key} a clock (clock: in telemetry.yaml, loaded_at_field in dbt), or take the promise back"
    return Told(CauseKind.UNDATED, key, case.judgement.reason, remedy)


def _stopped(case: Case) -> Told:
    """The place, from the root down, where the data stops moving, and why there."""
    odd = zero_rows(case) if case.judgement.state is State.WARN and not case.is_behind(case.asset) else None
    if odd:
        return odd
    if case.is_behind(case.root) or case.asset == case.root:
        return why_behind(case)
    hop, parent = stopped_at(case)
    told = why_not_built(case, hop, parent)
    trouble = sync_trouble(case)
    return trouble if trouble and comes_first(trouble, told) else told


def _not(case: Case, told: Told) -> Iterator[str]:
    """What one might suspect and it is not: other roots, the newest sync, the newest build or publication."""
    yield from _fresh_roots(case)
    ended = case.feed.ended if case.feed else ()
    if ended and ended[0].succeeded and told.kind not in OF_THE_SYNC | {CauseKind.WAITING}:
        yield f"the newest sync of {case.source} succeeded {case.ago(ended[0].ended_at)}"
    for key in reversed(case.path()):
        fact = case.fact(key)
        if key in (case.root, told.root) or fact is None or fact.run_time is None or case.kind(key) is AssetKind.VIEW:
            continue
        if case.held(key) == case.held(case.root) and key not in case.happenings.models:
            done = "published" if case.kind(key) is AssetKind.SNAPSHOT else "built"
            yield f"{key} was {done} {case.ago(fact.run_time)} and holds all there is of {case.root}"
            return


def _fresh_roots(case: Case) -> Iterator[str]:
    slack = case.judgement.slack
    if slack is None or case.judgement.data_time is None:
        return
    cutoff = case.judgement.data_time - slack
    held = {
        root: data_times_of(root, case.judgement.tenant, case.graph, case.evidence.facts, case.tenants).get(root)
        for root in roots_of(case.asset, case.graph)
        if root != case.root
    }
    fresh = {root: time for root, time in held.items() if time is not None and time > cutoff}
    if not fresh:
        return
    age = spoken(max(case.now - min(fresh.values()), timedelta(0)))
    if len(fresh) == 1:
        yield f"{next(iter(fresh))} is fresh ({age} old)"
        return
    unnamed = len(fresh) - NAMED
    more = f" and {unnamed} more root{'s' if unnamed > 1 else ''}" if unnamed > 0 else ""
    yield f"{', '.join(sorted(fresh)[:NAMED])}{more} are fresh (the oldest {age} old)"
