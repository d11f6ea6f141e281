"""One subject that is not fresh, and where along its path the data of its root stops moving.

What belongs here: looking things up for the explanations and wording ages. What does not: explaining
(``feeding.py``, ``building.py``, ``cause.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telemetry_assets.freshness.cutoff import EVER, cutoffs_of
from telemetry_assets.freshness.happenings import Feed, Happenings
from telemetry_assets.freshness.judge import Evidence, Judgement
from telemetry_assets.freshness.lineage import Graph, data_times_of, roots_of
from telemetry_assets.model import ANY_TENANT, AssetKind, CauseKind, State, SubjectFact
from telemetry_assets.spoken import spoken

LONGEST_QUOTE = 240
"""How much of somebody's error text is told."""


@dataclass(frozen=True, slots=True)
class Told:
    """A cause without whose it is: ``root`` is where it lies, ``since`` when it began, where that is known; ``quote``
    is somebody's own words in ``says``, ``of`` what hits more than the root: ``dbt``, a source."""

    kind: CauseKind
    root: str
    says: str
    remedy: str
    since: datetime | None = None
    quote: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A judgement that is not PASS with everything to explain it from; ``root`` is the root whose data is missed."""

    judgement: Judgement
    graph: Graph
    evidence: Evidence
    happenings: Happenings
    now: datetime
    root: str
    tenants: Sequence[str]

    @property
    def asset(self) -> str:
        """The asset explained."""
        return self.judgement.asset

    @property
    def source(self) -> str:
        """The first part of the root's key: the source of a stream."""
        return self.root.partition("/")[0]

    @property
    def feeding_tenant(self) -> str:
        """Whose feed the data is from: the tenant's; for ``*`` of a tenanted root, the tenant furthest behind."""
        if self.judgement.tenant != ANY_TENANT or not self._is_tenanted(self.root):
            return self.whose(self.root)
        held = {tenant: self.held_by(self.root, tenant) for tenant in self.tenants}
        dated = {tenant: time for tenant, time in held.items() if time is not None}
        return min(dated, key=lambda tenant: (dated[tenant], tenant), default=ANY_TENANT)

    @property
    def feed(self) -> Feed | None:
        """What our syncs did for the root; None for what others fill."""
        return self.happenings.feeds.get((self.source, self.feeding_tenant))

    def whose(self, key: str) -> str:
        """The tenant under which an asset's facts are known."""
        return self.judgement.tenant if self._is_tenanted(key) else ANY_TENANT

    def fact(self, key: str) -> SubjectFact | None:
        """What is known of an asset for the tenant; nothing of synthetic rows."""
        fact = self.evidence.facts.get((key, self.whose(key)))
        return None if fact is None or fact.synthetic else fact

    def held(self, key: str) -> datetime | None:
        """The data time of the root that an asset holds."""
        return self.held_by(key, self.judgement.tenant)

    def held_by(self, key: str, tenant: str) -> datetime | None:
        """The data time of the root that an asset holds for somebody."""
        return data_times_of(key, tenant, self.graph, self.evidence.facts, self.tenants).get(self.root)

    def is_behind(self, key: str) -> bool:
        """True where what an asset holds of the root breaks the promise by itself, were all after it built just now."""
        held = self.held(key)
        return held is None or held <= self._bar(self.now)

    def was_behind(self, instant: datetime) -> bool:
        """True where what the root holds now would have broken the promise at that earlier instant already."""
        held = self.held(self.root)
        return held is not None and held <= self._bar(instant)

    def is_too_old(self, data_time: datetime) -> bool:
        """True where a data time of the root breaks the promise by now."""
        return data_time <= self._bar(self.now)

    def path(self) -> tuple[str, ...]:
        """From the root down to the asset, through those parents that hold the oldest of it."""
        upwards = [self.asset]
        while upwards[-1] != self.root and upwards[-1] in self.graph:
            parents = [
                parent
                for parent in dict.fromkeys(self.graph[upwards[-1]].parents)
                if parent not in upwards and self.root in roots_of(parent, self.graph)
            ]
            if not parents:
                break
            upwards.append(min(parents, key=lambda parent: self.held(parent) or EVER))
        return tuple(reversed(upwards))

    def kind(self, key: str) -> AssetKind | None:
        """What an asset is; None for a key the graph lacks."""
        return self.graph[key].kind if key in self.graph else None

    def span(self, instant: datetime) -> str:
        """How long since: ``3 min``."""
        return time_since(instant, self.now)

    def ago(self, instant: datetime) -> str:
        """``3 min ago``."""
        return f"{self.span(instant)} ago"

    def option(self) -> str:
        """`` --tenant acme`` for a command that takes one."""
        tenant = self.feeding_tenant
        return "" if tenant == ANY_TENANT else f" --tenant {tenant}"

    def _is_tenanted(self, key: str) -> bool:
        return key not in self.graph or self.graph[key].tenanted

    def _bar(self, now: datetime) -> datetime:
        """What a data time must lie after: of something never seen, anything will do."""
        state, limit = self.judgement.state, self.judgement.limit
        if state is State.MISSING or limit is None:
            return EVER
        cutoffs = cutoffs_of(limit, now)
        return cutoffs.fresh_after if state is State.WARN else cutoffs.fail


def time_since(instant: datetime, now: datetime) -> str:
    """How long since: ``3 min``; ``0 s`` for what is yet to come."""
    return spoken(max(now - instant, timedelta(0)))


def quoted(text: str | None) -> str:
    """Somebody's error on one line, cut where it is long; empty for none."""
    words = " ".join((text or "").split())
    return words if len(words) <= LONGEST_QUOTE else f"{words[: LONGEST_QUOTE - 1].rstrip()}…"
