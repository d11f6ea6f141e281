"""What is linted, and which promise is whose in it.

What belongs here: declarations, graph and numbers as they are handed in. What does not: finding anything in them
(``lint.py``, ``undated.py``, ``feasible.py``).
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from types import MappingProxyType

from telemetry_assets.freshness.finding import Place
from telemetry_assets.freshness.lineage import graph_of
from telemetry_assets.freshness.owed import Group, groups_owed
from telemetry_assets.freshness.pace import Paces
from telemetry_assets.freshness.window import promise_of, tenants_named
from telemetry_assets.model import AssetNode, Deadline, Promise, Tenant
from telemetry_assets.spoken import named

PROMISES: Place = ("promises",)


@dataclass(frozen=True, slots=True)
class Declared:
    """What is linted. ``whole``: the graph has the dbt project's nodes, so what is not in it is nowhere.

    ``owners`` None: nobody declared any. ``deaf``: those of them no channel reaches at ERROR. ``escalated_to``: whom
    others escalate to. ``fallback``: what reaches whoever has no channel, empty for nothing. ``links``: place → the
    template of a link. ``seen``: tenant → when something of it was last known, None where nobody
    looked. ``strangers``: tenant ids that tables hold and nobody declared → those tables.
    """

    nodes: Sequence[AssetNode]
    promises: Sequence[Promise]
    tenants: Sequence[Tenant] = ()
    paces: Paces = field(default_factory=lambda: MappingProxyType({}))
    owners: Collection[str] | None = None
    deaf: Collection[str] = ()
    escalated_to: Collection[str] = ()
    fallback: str = ""
    links: Mapping[Place, str] = field(default_factory=lambda: MappingProxyType({}))
    seen: Mapping[str, datetime] | None = None
    strangers: Mapping[str, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    whole: bool = True


class Book:
    """The declarations, and which promise is whose."""

    def __init__(self, declared: Declared) -> None:
        self.declared = declared
        self.graph = graph_of(declared.nodes)
        groups = groups_owed(declared.nodes, declared.promises, declared.tenants)
        self.groups = tuple(group for group in groups if group.asset in self.graph)
        self._groups_of = Counter(group.asset for group in self.groups)
        self._named = tenants_named(declared.promises)
        self.matches = [[key for key in self.graph if fnmatchcase(key, one.asset)] for one in declared.promises]
        self.first = {key: index for index, keys in reversed([*enumerate(self.matches)]) for key in keys}
        self.places = {key: self._place(key) for key in self.graph}

    def promise(self, key: str) -> Promise | None:
        """The promise on an asset, declared or by its own window."""
        return promise_of(self.graph[key], self.declared.promises)

    def _place(self, key: str) -> Place:
        if key not in self.first:
            return ("dbt",)
        limit = self.declared.promises[self.first[key]].limit
        what = "grace" if limit is None else "by" if isinstance(limit, Deadline) else "window"
        return (*PROMISES, self.first[key], what)

    def assets_of(self, groups: Sequence[Group]) -> tuple[str, ...]:
        """The assets of the groups, each once."""
        return tuple(dict.fromkeys(group.asset for group in groups))

    def tenants_of(self, groups: Sequence[Group]) -> tuple[str, ...]:
        """The named tenants of the groups; none where the groups are all there are of their assets."""
        if self._are_all(groups):
            return ()
        return tuple(dict.fromkeys(tenant for group in groups for tenant in group.tenants if tenant in self._named))

    def called(self, groups: Sequence[Group]) -> str:
        """The assets of the groups, and for whom where it is not so for everybody."""
        whose = "" if self._are_all(groups) else f" for {named(self.tenants_of(groups)) or 'all others'}"
        return f"{named(self.assets_of(groups))}{whose}"

    def _are_all(self, groups: Sequence[Group]) -> bool:
        return len(groups) == sum(self._groups_of[asset] for asset in self.assets_of(groups))
