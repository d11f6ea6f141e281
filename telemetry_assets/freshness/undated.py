"""What can never be judged as it is declared: no clock, no window, gaps in the graph.

What belongs here: findings about roots and what is made from them. What does not: the other findings (``lint.py``).
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from telemetry_assets.freshness.declared import PROMISES, Book
from telemetry_assets.freshness.finding import Finding, Kind, Place, Severity
from telemetry_assets.freshness.lineage import roots_of
from telemetry_assets.freshness.owed import Group
from telemetry_assets.model import AssetKind
from telemetry_assets.spoken import named

_OURS = "telemetry/tenants"
"""The ledger's own list of tenants, which dbt projects read: it is as new as the declaration."""


def never_judged(book: Book) -> Iterator[Finding]:
    """Promised subjects that will read unknown whatever happens."""
    alike: dict[tuple[Place, str, str], list[Group]] = {}
    for group in book.groups:
        said = _unjudged(book, group)
        if said:
            alike.setdefault((book.places[group.asset], *said), []).append(group)
    for (place, words, remedy), groups in alike.items():
        told = f"{book.called(groups)}: unknown for ever, {words}"
        assets, tenants = book.assets_of(groups), book.tenants_of(groups)
        yield Finding(Kind.NEVER_JUDGED, Severity.WARNING, place, told, remedy, assets, tenants)


def _unjudged(book: Book, group: Group) -> tuple[str, str] | None:
    limits, undated = group.terms.limits, group.terms.undated
    unlimited = [root for root, limit in limits.items() if limit is None]
    if unlimited:
        remedy = "Promise a window of that root, or give this promise a window instead of a grace."
        return f"{named(unlimited)} has no window that a grace could add to.", remedy
    if limits or (not book.declared.whole and any(root not in book.graph for root in undated)):
        return None
    roots = roots_of(group.asset, book.graph)
    if roots:
        return (
            f"what it is made from ({named(roots)}) is promised to others only.",
            "Promise its roots to them too.",
        )
    remedy = "Give it a clock: `clock:` under sources:, or `loaded_at_field` of the dbt source."
    return f"nothing dates it: no clock on {named(undated)}." if undated else "nothing dates it.", remedy


def gaps(book: Book) -> Iterator[Finding]:
    """Gaps of the graph, and roots that no clock dates under promises that have others."""
    if book.declared.whole:
        children: dict[str, list[str]] = {}
        for node in book.declared.nodes:
            for parent in node.parents:
                if parent not in book.graph:
                    children.setdefault(parent, []).append(node.key)
        for parent, made in children.items():
            yield _gap(book, parent, made)
    resting: dict[str, list[str]] = {}
    for group in book.groups:
        for root in group.terms.undated if group.terms.limits else ():
            node = book.graph.get(root)
            if node is not None and node.clock is None and node.kind is not AssetKind.SEED and root != _OURS:
                resting.setdefault(root, []).append(group.asset)
    if resting:
        assets = tuple(dict.fromkeys(asset for some in resting.values() for asset in some))
        words = f"{named(assets)}: judged without {named(list(resting))}, which no clock dates."
        remedy = (
            "Give it a clock (`clock:` under sources:, `loaded_at_field` in dbt), or leave it so if it hardly changes."
        )
        yield Finding(Kind.UNDATED, Severity.NOTE, PROMISES, words, remedy, assets)


def _gap(book: Book, parent: str, made: Sequence[str]) -> Finding:
    near = get_close_matches(parent, book.graph, n=1, cutoff=0.6)
    remedy = f"Did you mean {near[0]}?" if near else "Declare it under sources:, or as a source of the dbt project."
    snapshots = [key for key in made if book.graph[key].kind is AssetKind.SNAPSHOT]
    place: Place = ("snapshots", snapshots[0].rpartition("/")[2], "relation") if snapshots else ("dbt",)
    words = f"{named(made)}: made from {parent}, which is no asset, so nothing dates that part."
    return Finding(Kind.UNKNOWN_PARENT, Severity.WARNING, place, words, remedy, tuple(made))
