"""What was promised, spelled out: one ``Owed`` per (asset, tenant), arrived or not, and the cutoff of each root.

What belongs here: promises × graph × tenants → windows → instants. What does not: facts, and judging (``judge.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telemetry_assets.freshness.lineage import Graph, graph_of, roots_of, undated_roots_of
from telemetry_assets.freshness.window import is_promised_to, loosened, loosest, own_window, promise_for, promise_of
from telemetry_assets.model import ANY_TENANT, AssetNode, Promise, Window

ANYBODY = ""
"""Stands for every tenant that no promise names: they all have the same terms, five or five thousand of them."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a subject is judged: the window of each dated root (None: nobody gave one), and of its runs.

    ``undated`` are the roots without a clock: listed, never binding.
    """

    windows: Mapping[str, Window | None]
    run_window: Window | None
    undated: tuple[str, ...]
    owner: str | None


@dataclass(frozen=True, slots=True)
class Owed:
    """One subject that somebody was promised."""

    asset: str
    tenant: str
    terms: Terms


def subjects_owed(nodes: Sequence[AssetNode], promises: Sequence[Promise], tenants: Sequence[str]) -> tuple[Owed, ...]:
    """Every promised subject, in the order of ``nodes`` and ``tenants``.

    An asset without tenants, and every asset where ``tenants`` is empty, is one subject ``*``. A tenant that a promise
    names and the list lacks is owed too, and so is an asset that a promise spells out and the graph lacks.
    """
    book = _Book(promises, graph_of(nodes))
    spelt_out = (promise.asset for promise in promises if not set("*?[") & set(promise.asset))
    keys = dict.fromkeys((*book.graph, *spelt_out))
    return tuple(owed for key in keys for owed in _of_asset(key, book, tenants))


def loosest_run_window(node: AssetNode, nodes: Sequence[AssetNode], promises: Sequence[Promise]) -> Window | None:
    """The loosest run window over all tenants there may be; None where the asset has no promise or no window.

    It needs no list of tenants: those that no promise names are alike.
    """
    book = _Book(promises, graph_of(nodes))
    promise = book.promise(node.key)
    if promise is None:
        return None
    whose = (ANYBODY, *sorted(book.named)) if node.tenanted else (ANY_TENANT,)
    return loosest(_terms(node.key, tenant, book).run_window for tenant in whose if is_promised_to(promise, tenant))


def cutoff(window: Window, now: datetime) -> datetime:
    """``now`` less the window; where that is before year 1, the first instant there is."""
    try:
        return now - window.fail
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def cutoffs(owed: Owed, now: datetime) -> dict[str, datetime]:
    """Dated root → its cutoff: a data time after it is fresh, one at it or before it is late. No window: no cutoff."""
    return {root: cutoff(window, now) for root, window in owed.terms.windows.items() if window is not None}


class _Book:
    """The promises and the graph they are about, each lookup done once."""

    def __init__(self, promises: Sequence[Promise], graph: Graph) -> None:
        self.graph = graph
        self.named = frozenset(tenant for promise in promises for tenant in _named(promise))
        self._promises = promises
        self._found: dict[str, Promise | None] = {}

    def promise(self, key: str) -> Promise | None:
        """The promise on an asset, declared or by its own window."""
        if key not in self._found:
            node = self.graph.get(key)
            self._found[key] = promise_of(node, self._promises) if node else promise_for(key, self._promises)
        return self._found[key]

    def is_tenanted(self, key: str) -> bool:
        """False for data without tenants; what is not in the graph is taken to have them."""
        return key not in self.graph or self.graph[key].tenanted


def _named(promise: Promise) -> frozenset[str]:
    return frozenset(promise.overrides) | (promise.tenants or frozenset())


def _of_asset(key: str, book: _Book, tenants: Sequence[str]) -> Iterator[Owed]:
    promise, shared = book.promise(key), dict[str, Terms]()
    if promise is None:
        return
    whose: Sequence[str] = (ANY_TENANT,)
    if tenants and book.is_tenanted(key):
        whose = (*tenants, *sorted(_named(promise) - set(tenants)))
    for tenant in whose:
        if is_promised_to(promise, tenant):
            alike = tenant if tenant in book.named or tenant == ANY_TENANT else ANYBODY
            if alike not in shared:
                shared[alike] = _terms(key, tenant, book)
            yield Owed(key, tenant, shared[alike])


def _terms(key: str, tenant: str, book: _Book) -> Terms:
    promise, node = book.promise(key), book.graph.get(key)
    own = own_window(promise, tenant) if promise else None
    grace = promise.grace if promise else timedelta(0)
    windows: dict[str, Window | None] = {}
    for root in roots_of(key, book.graph):
        of_root = book.promise(root)
        if of_root is None or is_promised_to(of_root, tenant):
            windows[root] = own or _inherited(root, tenant, grace, book)
    return Terms(
        windows=windows,
        run_window=own or loosest(windows.values()),
        undated=undated_roots_of(key, book.graph),
        owner=(promise.owner if promise else None) or (node.owner if node else None),
    )


def _inherited(root: str, tenant: str, grace: timedelta, book: _Book) -> Window | None:
    """The root's own window for the tenant, else dbt's, loosened by the grace of what is made from it."""
    of_root = book.promise(root)
    declared = own_window(of_root, tenant if book.is_tenanted(root) else ANY_TENANT) if of_root else None
    window = declared or book.graph[root].window
    return loosened(window, grace) if window else None
