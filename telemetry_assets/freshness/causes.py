"""The causes of very many promises that are not kept: what many subjects have in common is explained once.

What belongs here: remembering parts of an explanation and by what they differ. What does not: the explanation
(``cause.py``): what it says of one subject alone, this says of each of many.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry_assets.freshness.building import why_not_built
from telemetry_assets.freshness.case import Case, Told
from telemetry_assets.freshness.cause import OF_THE_SYNC, Cause, comes_first, stopped_at, why_unknown
from telemetry_assets.freshness.cutoff import EVER, cutoffs_of
from telemetry_assets.freshness.feeding import sync_trouble, why_behind, zero_rows
from telemetry_assets.freshness.happenings import Happenings
from telemetry_assets.freshness.judge import Evidence, Judgement
from telemetry_assets.freshness.lineage import Graph, data_time_of, roots_of
from telemetry_assets.model import Limit, State

type _Whose = tuple[str, str]
"""(root, tenant)."""
type _Hop = tuple[str, str]
"""Where the data stops moving, and the one above."""


def causes_of(
    judgements: Iterable[Judgement],
    graph: Graph,
    evidence: Evidence,
    happenings: Happenings,
    tenants: Sequence[str],
    now: datetime,
) -> list[Cause]:
    """The cause of each judgement, as ``cause_of`` names it, in their order; only what is ruled out is left out.

    Half a million subjects under one dead root take as many explanations as it has tenants and limits. Raises
    ValueError for PASS, as ``cause_of`` does.
    """
    explaining = _Explaining(graph, evidence, happenings, tenants, now)
    return [explaining.cause(judgement) for judgement in judgements]


@dataclass(slots=True)
class _Along:
    """A root, for one tenant, held against one bar: whether it is behind by itself; else the hops found so far."""

    bar: datetime
    behind: bool
    told: Told | None
    stops: dict[str, _Hop | None]


class _Explaining:
    """Each part of an explanation, by everything it depends on."""

    def __init__(
        self, graph: Graph, evidence: Evidence, happenings: Happenings, tenants: Sequence[str], now: datetime
    ) -> None:
        self._graph = graph
        self._evidence = evidence
        self._happenings = happenings
        self._tenants = tenants
        self._now = now
        self._bars: dict[tuple[Limit | None, State], datetime] = {}
        self._along: dict[tuple[str, str, Limit | None, State], _Along] = {}
        self._held: dict[_Whose, dict[str, datetime | None]] = {}
        self._above: dict[_Whose, dict[str, str | None]] = {}
        self._parents: dict[tuple[str, str], list[str]] = {}
        self._hops: dict[tuple[str, str, str, str], Told] = {}
        self._empty: dict[_Whose, Told | None] = {}

    def cause(self, judgement: Judgement) -> Cause:
        """The cause of one."""
        if judgement.state is State.PASS:
            raise ValueError(f"{judgement.asset} keeps its promise to {judgement.tenant}: there is no cause to name")
        root = judgement.binding_root or self._missed_root(judgement.asset, judgement.tenant)
        if judgement.state is State.UNKNOWN:
            told = why_unknown(self._case(judgement, root))
        else:
            told = self._stopped(judgement, root)
        return Cause(
            kind=told.kind,
            root=told.root,
            asset=judgement.asset,
            tenant=judgement.tenant,
            says=told.says,
            remedy=told.remedy,
            since=told.since,
            quote=told.quote,
            of=root.partition("/")[0] if told.kind in OF_THE_SYNC else told.of,
        )

    def _case(self, judgement: Judgement, root: str) -> Case:
        return Case(judgement, self._graph, self._evidence, self._happenings, self._now, root, self._tenants)

    def _missed_root(self, asset: str, tenant: str) -> str:
        roots = roots_of(asset, self._graph)
        return next((root for root in roots if self._holds(root, tenant, root)), next(iter(roots), asset))

    def _stopped(self, judgement: Judgement, root: str) -> Told:
        asset, tenant = judgement.asset, judgement.tenant
        along = self._walked(judgement, root)
        if judgement.state is State.WARN and not self._is_behind(asset, tenant, root, along.bar):
            odd = self._zero_rows(judgement, root)
            if odd:
                return odd
        if along.behind or asset == root:
            if along.told is None:
                along.told = why_behind(self._case(judgement, root))
            return along.told
        hop = self._hop(asset, tenant, root, along) or stopped_at(self._case(judgement, root))
        key = (*hop, tenant, root)
        if key not in self._hops:
            case = self._case(judgement, root)
            told, trouble = why_not_built(case, *hop), sync_trouble(case)
            self._hops[key] = trouble if trouble and comes_first(trouble, told) else told
        return self._hops[key]

    def _walked(self, judgement: Judgement, root: str) -> _Along:
        """What is known of the root for this tenant and limit; of something never seen, anything will do."""
        state = judgement.state if judgement.state in (State.MISSING, State.WARN) else State.FAIL
        key = (root, judgement.tenant, judgement.limit, state)
        found = self._along.get(key)
        if found is None:
            bar = self._bar(judgement.limit, state)
            behind = self._is_behind(root, judgement.tenant, root, bar)
            found = self._along[key] = _Along(bar, behind, None, {root: None})
        return found

    def _bar(self, limit: Limit | None, state: State) -> datetime:
        key = (limit, state)
        if key not in self._bars:
            bar = EVER
            if state is not State.MISSING and limit is not None:
                cutoffs = cutoffs_of(limit, self._now)
                bar = cutoffs.fresh_after if state is State.WARN else cutoffs.fail
            self._bars[key] = bar
        return self._bars[key]

    def _zero_rows(self, judgement: Judgement, root: str) -> Told | None:
        key = (root, judgement.tenant)
        if key not in self._empty:
            self._empty[key] = zero_rows(self._case(judgement, root))
        return self._empty[key]

    def _is_behind(self, key: str, tenant: str, root: str, bar: datetime) -> bool:
        held = self._holds(key, tenant, root)
        return held is None or held <= bar

    def _holds(self, key: str, tenant: str, root: str) -> datetime | None:
        of_root = self._held.setdefault((root, tenant), {})
        if key not in of_root:
            of_root[key] = data_time_of(key, root, tenant, self._graph, self._evidence.facts, self._tenants)
        return of_root[key]

    def _hop(self, asset: str, tenant: str, root: str, along: _Along) -> _Hop | None:
        """The first asset down from the root, on the path to ``asset``, that is behind, and the one above it; None
        where there is none, or the path runs in a circle. No part of a path is walked twice."""
        walked: list[tuple[str, str]] = []
        key = asset
        while key not in along.stops:
            above = self._parent(key, tenant, root)
            if above is None:
                along.stops[key] = None
                break
            walked.append((key, above))
            if len(walked) > len(self._graph):
                return None
            key = above
        for below, above in reversed(walked):
            stop = along.stops[above]
            if stop is None and self._is_behind(below, tenant, root, along.bar):
                stop = (below, above)
            along.stops[below] = stop
        return along.stops[asset]

    def _parent(self, key: str, tenant: str, root: str) -> str | None:
        """The parent made from the root that holds the oldest of it."""
        above = self._above.setdefault((root, tenant), {})
        if key not in above:
            leading = self._leading(key, root)
            oldest = min(leading, key=lambda one: self._holds(one, tenant, root) or EVER) if len(leading) > 1 else None
            above[key] = oldest or next(iter(leading), None)
        return above[key]

    def _leading(self, key: str, root: str) -> list[str]:
        """The parents made from the root, each once."""
        if (key, root) not in self._parents:
            parents = self._graph[key].parents if key in self._graph else ()
            self._parents[key, root] = [one for one in dict.fromkeys(parents) if root in roots_of(one, self._graph)]
        return self._parents[key, root]
