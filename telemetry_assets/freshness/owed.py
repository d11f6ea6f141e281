"""What was promised, spelled out: who is owed which asset, on which terms, arrived or not.

Tenants whom every promise treats alike form a class: five or five thousand of them share their terms.
What belongs here: promises × graph × tenants → terms. What does not: instants (``cutoff.py``), facts, judging.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from telemetry_assets.freshness.lineage import Graph, graph_of, roots_of, undated_roots_of
from telemetry_assets.freshness.window import (
    is_promised_to,
    loosened,
    loosest,
    own_limit,
    promise_for,
    promise_of,
    tenants_named,
)
from telemetry_assets.model import ANY_TENANT, AssetNode, Deadline, Limit, Promise, Tenant, Window

ANYBODY = ""
"""Stands for a tenant that no promise names."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a subject is judged: the limit of each dated root (None: nobody gave one), and the window of its runs.

    ``undated`` are the roots without a clock: listed, never binding.
    """

    limits: Mapping[str, Limit | None]
    run_window: Window | None
    undated: tuple[str, ...]
    owner: str | None


@dataclass(frozen=True, slots=True)
class Owed:
    """One subject that somebody was promised."""

    asset: str
    tenant: str
    terms: Terms


@dataclass(frozen=True, slots=True)
class Group:
    """All tenants of one class that are owed one asset, on the same terms.

    ``tenants`` is the class, shared; ``listed`` is False where promises alone name them.
    """

    asset: str
    number: int
    tenants: tuple[str, ...]
    terms: Terms
    listed: bool = True

    def each(self) -> Iterator[Owed]:
        """The subjects of the group, in the order of its tenants."""
        return (Owed(self.asset, tenant, self.terms) for tenant in self.tenants)


def groups_owed(
    nodes: Sequence[AssetNode], promises: Sequence[Promise], tenants: Sequence[Tenant]
) -> tuple[Group, ...]:
    """Every promised subject, in groups: in the order of ``nodes``, and of ``tenants`` within a group.

    An asset without tenants, and every asset where ``tenants`` is empty, is one subject ``*``. A tenant that a promise
    names and the list lacks is owed too, and so is an asset that a promise spells out and the graph lacks.
    ``number`` is that of the class, the same for all assets; -1 is the class of ``*``.
    """
    book = _Book(promises, graph_of(nodes))
    classes = list(_classes(book, tenants).values())
    spelt_out = (promise.asset for promise in promises if not set("*?[") & set(promise.asset))
    keys = dict.fromkeys((*book.graph, *spelt_out))
    return tuple(group for key in keys for group in _groups(key, book, classes))


def subjects_owed(
    nodes: Sequence[AssetNode], promises: Sequence[Promise], tenants: Sequence[Tenant]
) -> tuple[Owed, ...]:
    """Every promised subject by itself, in the order of ``nodes`` and ``tenants``; else as :func:`groups_owed`."""
    place = {tenant.slug: number for number, tenant in enumerate(tenants)}
    by_asset: dict[str, list[Owed]] = {}
    for group in groups_owed(nodes, promises, tenants):
        by_asset.setdefault(group.asset, []).extend(group.each())
    unknown = len(place)
    return tuple(
        owed
        for of_asset in by_asset.values()
        for owed in sorted(of_asset, key=lambda owed: (place.get(owed.tenant, unknown), owed.tenant))
    )


def loosest_run_window(node: AssetNode, nodes: Sequence[AssetNode], promises: Sequence[Promise]) -> Window | None:
    """The loosest run window over all tenants there may be; None where the asset has no promise or no window.

    It needs no list of tenants: those that no promise names are alike.
    """
    book = _Book(promises, graph_of(nodes))
    promise = book.promise(node.key)
    if promise is None:
        return None
    named = tenants_named(promises)
    whose = (ANYBODY, *sorted(named)) if node.tenanted else (ANY_TENANT,)
    promised = (tenant for tenant in whose if is_promised_to(promise, tenant))
    return loosest(_terms(node.key, tenant, "UTC", book).run_window for tenant in promised)


class _Book:
    """The promises and the graph they are about, each lookup done once."""

    def __init__(self, promises: Sequence[Promise], graph: Graph) -> None:
        self.graph = graph
        self.promises = promises
        self._found: dict[str, Promise | None] = {}

    def promise(self, key: str) -> Promise | None:
        """The promise on an asset, declared or by its own window."""
        if key not in self._found:
            node = self.graph.get(key)
            self._found[key] = promise_of(node, self.promises) if node else promise_for(key, self.promises)
        return self._found[key]

    def is_tenanted(self, key: str) -> bool:
        """False for data without tenants; what is not in the graph is taken to have them."""
        return key not in self.graph or self.graph[key].tenanted


@dataclass(frozen=True, slots=True)
class _Class:
    number: int
    zone: str
    tenants: tuple[str, ...]
    listed: bool = True


def _classes(book: _Book, tenants: Sequence[Tenant]) -> Mapping[object, _Class]:
    """The tenants, and those only promises name, by what the promises make of them."""
    if not tenants:
        return {ANY_TENANT: _Class(-1, "UTC", (ANY_TENANT,))}
    zones = {tenant.slug: tenant.timezone for tenant in tenants}
    named = tenants_named(book.promises)
    limits = (limit for promise in book.promises for limit in (promise.limit, *promise.overrides.values()))
    zoned = any(isinstance(limit, Deadline) and limit.zone is None for limit in limits)
    alike: dict[object, list[str]] = {}
    for slug in (*zones, *sorted(named - set(zones))):
        treated = tuple(_treated(promise, slug) for promise in book.promises) if slug in named else ANYBODY
        alike.setdefault((treated, zones.get(slug, "UTC") if zoned else "UTC", slug in zones), []).append(slug)
    return {
        key: _Class(number, zones.get(slugs[0], "UTC"), tuple(slugs), slugs[0] in zones)
        for number, (key, slugs) in enumerate(alike.items())
    }


def _treated(promise: Promise, tenant: str) -> tuple[bool, bool, Limit | None]:
    is_named = tenant in promise.overrides or tenant in (promise.tenants or ())
    return is_promised_to(promise, tenant), is_named, promise.overrides.get(tenant)


def _groups(key: str, book: _Book, classes: Sequence[_Class]) -> Iterator[Group]:
    promise = book.promise(key)
    if promise is None:
        return
    if not book.is_tenanted(key):
        classes = (_Class(-1, "UTC", (ANY_TENANT,)),)
    for alike in classes:
        # A tenant that only promises know is owed what names it, not what is everybody's.
        if is_promised_to(promise, alike.tenants[0]) and (alike.listed or alike.tenants[0] in tenants_named([promise])):
            yield Group(key, alike.number, alike.tenants, _terms(key, alike.tenants[0], alike.zone, book), alike.listed)


def _terms(key: str, tenant: str, zone: str, book: _Book) -> Terms:
    promise, node = book.promise(key), book.graph.get(key)
    own = own_limit(promise, tenant) if promise else None
    grace = promise.grace if promise else timedelta(0)
    limits: dict[str, Limit | None] = {}
    for root in roots_of(key, book.graph):
        of_root = book.promise(root)
        if of_root is None or is_promised_to(of_root, tenant):
            limits[root] = _in_zone(own or _inherited(root, tenant, grace, book), zone)
    return Terms(
        limits=limits,
        run_window=(own if isinstance(own, Window) else None) if own else loosest(limits.values()),
        undated=undated_roots_of(key, book.graph),
        owner=(promise.owner if promise else None) or (node.owner if node else None),
    )


def _inherited(root: str, tenant: str, grace: timedelta, book: _Book) -> Limit | None:
    """The root's own limit for the tenant, else dbt's, loosened by the grace of what is made from it."""
    of_root = book.promise(root)
    declared = own_limit(of_root, tenant if book.is_tenanted(root) else ANY_TENANT) if of_root else None
    limit = declared or book.graph[root].window
    return loosened(limit, grace) if limit else None


def _in_zone(limit: Limit | None, zone: str) -> Limit | None:
    return replace(limit, zone=zone) if isinstance(limit, Deadline) and limit.zone is None else limit
