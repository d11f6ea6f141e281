"""What is wrong with what was declared, before any data is judged by it: limits nobody can keep, promises nobody uses.

What belongs here: declarations, graph and numbers handed in → findings. What does not: reading any of them
(``answers/lint.py``), the arithmetic of ages (``feasible.py``), what a file by itself must not say (``declaration/``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from types import MappingProxyType

from telemetry_assets.freshness.declared import PROMISES, Book, Declared
from telemetry_assets.freshness.feasible import unkept_limits
from telemetry_assets.freshness.finding import Finding, Kind, Place, Severity
from telemetry_assets.freshness.told import bad_links, untold
from telemetry_assets.freshness.undated import gaps, never_judged
from telemetry_assets.model import ANY_TENANT, AssetKind, Deadline, Promise, Window
from telemetry_assets.spoken import named

EVER_WARNS = timedelta(days=36_500)
"""A window of dbt's that fails this late stands for one that only warns."""
SHORTEST_POLICY = timedelta(seconds=60)
"""Dagster's own freshness policy knows no shorter window."""
LATELY = timedelta(days=7)
"""A tenant nobody declared is worth a word if something of it came within this time; what is older is long gone."""

_NOTHING: Mapping[str, datetime] = MappingProxyType({})


def lint(declared: Declared, now: datetime) -> tuple[Finding, ...]:
    """Everything there is to say, errors first, then by place. A function of what is handed in alone."""
    if not declared.nodes:
        nothing = "there is nothing to promise anything of: no sources, no models, no snapshots."
        remedy = "Add sources:, or dbt: with the folder of a project."
        return (Finding(Kind.NO_ASSET, Severity.WARNING, PROMISES, nothing, remedy),) if declared.whole else ()
    book = Book(declared)
    found = [
        *unkept_limits(book),
        *_unused(book),
        *_unpromised(book),
        *never_judged(book),
        *gaps(book),
        *_policies(book),
        *_zones(book),
        *untold(book),
        *bad_links(book),
        *_tenants(book, now),
    ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda one: (order.index(one.severity), [str(part) for part in one.place])))


def _unused(book: Book) -> Iterator[Finding]:
    """Promises that match nothing, or nothing that an earlier one has not taken."""
    for index, (promise, matched) in enumerate(zip(book.declared.promises, book.matches, strict=True)):
        place: Place = (*PROMISES, index, "asset")
        if not matched:
            yield from _matchless(book, promise, place)
            continue
        taken = {key: book.first[key] for key in matched if book.first[key] != index}
        takers = named([_called(book, one) for one in dict.fromkeys(taken.values())])
        if len(taken) == len(matched):
            words = f"{promise.asset}: never used, it stands behind {takers}."
            left_out = _left_out(book, promise, taken.values())
            if left_out:
                words += f" So nothing is promised to {named(left_out)} there."
            remedy = "Put it before, or write both as one entry: tenants: {SLUG: …} has limits of their own."
            yield Finding(Kind.NEVER_USED, Severity.ERROR, place, words, remedy, tuple(matched), left_out)
        elif taken:
            words = f"{promise.asset}: stands behind {takers} for {len(taken)} of its {len(matched)} assets."
            yield Finding(Kind.OVERLAP, Severity.NOTE, place, words, "", tuple(taken))


def _matchless(book: Book, promise: Promise, place: Place) -> Iterator[Finding]:
    if not book.declared.whole:
        return
    is_pattern = bool(set("*?[") & set(promise.asset))
    known = sorted({f"{key.rpartition('/')[0]}/*" for key in book.graph} if is_pattern else book.graph)
    near = get_close_matches(promise.asset, known, n=1, cutoff=0.6)
    offered = f"Did you mean {near[0]}?" if near else f"There is {named(known) or 'no asset yet'}."
    if is_pattern:
        words = f"{promise.asset}: no asset is called so."
        yield Finding(Kind.NO_ASSET, Severity.WARNING, place, words, offered)
    else:
        words = f"{promise.asset}: there is no such asset, so this reads unknown for ever."
        yield Finding(Kind.NO_ASSET, Severity.ERROR, place, words, offered, (promise.asset,))


def _called(book: Book, index: int) -> str:
    return f"promises[{index}] ({book.declared.promises[index].asset})"


def _left_out(book: Book, promise: Promise, takers: Collection[int]) -> tuple[str, ...]:
    """Whom the unused promise names and the ones that are used instead do not cover."""
    covered = [book.declared.promises[index].tenants for index in takers]
    if any(tenants is None for tenants in covered):
        return ()
    owed = frozenset().union(*(tenants or frozenset() for tenants in covered))
    wanted = promise.tenants or {tenant.slug for tenant in book.declared.tenants}
    return tuple(sorted(wanted - owed))


def _unpromised(book: Book) -> Iterator[Finding]:
    """What people look at, and nobody is promised."""
    without = [node for node in book.declared.nodes if book.promise(node.key) is None]
    if len(without) == len(book.declared.nodes):
        yield Finding(
            Kind.UNPROMISED, Severity.WARNING, PROMISES, "nothing is promised.", "Add promises: to telemetry.yaml."
        )
        return
    parents = {parent for node in book.declared.nodes for parent in node.parents}
    ends: list[str] = []
    for node in without:
        if node.kind is AssetKind.SNAPSHOT:
            words = f"{node.key}: published, and promised to nobody."
            place: Place = ("snapshots", node.key.rpartition("/")[2])
            yield Finding(Kind.UNPROMISED, Severity.WARNING, place, words, _promise_it(node.key), (node.key,))
        elif node.exposures:
            words = f"{node.key}: read by {named(node.exposures)}, and promised to nobody."
            yield Finding(Kind.UNPROMISED, Severity.WARNING, PROMISES, words, _promise_it(node.key), (node.key,))
        elif node.kind in (AssetKind.MODEL, AssetKind.VIEW) and node.key not in parents:
            ends.append(node.key)
    if ends:
        words = f"{named(ends)}: at the end of the graph, and promised to nobody."
        yield Finding(Kind.UNPROMISED, Severity.NOTE, PROMISES, words, "", tuple(ends))


def _promise_it(key: str) -> str:
    return f"Add to promises: {{asset: {key}, window: {{fail: 60m}}, owner: …}}"


def _policies(book: Book) -> Iterator[Finding]:
    """Windows that read oddly elsewhere: dbt's that only warn, and those too short for Dagster's own light."""
    warning = [
        node.key
        for node in book.declared.nodes
        if node.window is not None and node.window.fail >= EVER_WARNS and node.key not in book.first
    ]
    if warning:
        words = f"{named(warning)}: warn_after alone, so due at most, never late."
        yield Finding(
            Kind.ONLY_WARNS, Severity.NOTE, ("dbt",), words, "Add error_after, or promise a window.", tuple(warning)
        )
    for index, promise in enumerate(book.declared.promises):
        limits = (promise.limit, *promise.overrides.values())
        if any(isinstance(limit, Window) and limit.fail < SHORTEST_POLICY for limit in limits):
            words = f"{promise.asset}: a window under 60s, too short for Dagster's own light."
            yield Finding(Kind.BELOW_POLICY, Severity.NOTE, (*PROMISES, index, "window"), words)
    bearing = {key for group in book.groups if group.terms.limits for key in (group.asset, *group.terms.limits)}
    made = (AssetKind.TABLE, AssetKind.STREAM, AssetKind.MODEL)
    unpaced = [
        key for key in book.graph if key in bearing - book.declared.paces.keys() and book.graph[key].kind in made
    ]
    if unpaced:
        words = f"{named(unpaced)}: nothing says how often; counted as no time in the sums."
        yield Finding(Kind.CADENCE_UNKNOWN, Severity.NOTE, PROMISES, words, "", tuple(unpaced))


def _zones(book: Book) -> Iterator[Finding]:
    """Deadlines without a zone on what has no tenant to take one from."""
    for index, promise in enumerate(book.declared.promises):
        if not isinstance(promise.limit, Deadline) or promise.limit.zone is not None:
            continue
        groups = [one for one in book.groups if one.tenants == (ANY_TENANT,) and book.first.get(one.asset) == index]
        if groups:
            assets = book.assets_of(groups)
            words = f"{named(assets)}: by {promise.limit.by:%H:%M} is meant in UTC, there is no tenant to have a zone."
            place: Place = (*PROMISES, index, "by")
            yield Finding(Kind.NO_ZONE, Severity.NOTE, place, words, "Write zone: beside by:, be it UTC.", assets)


def _tenants(book: Book, now: datetime) -> Iterator[Finding]:
    """Tenants promised and never seen, seen and never declared, declared and promised nothing."""
    declared = [tenant.slug for tenant in book.declared.tenants]
    owed = dict.fromkeys(tenant for group in book.groups for tenant in group.tenants if tenant != ANY_TENANT)
    tenanted = any(node.tenanted for node in book.declared.nodes)
    idle = [slug for slug in declared if slug not in owed] if tenanted and book.groups else []
    if idle:
        words = f"{named(idle)}: promised nothing."
        yield Finding(
            Kind.UNPROMISED,
            Severity.WARNING,
            _tenant_place(declared, idle),
            words,
            "Name it in a promise.",
            tenants=tuple(idle),
        )
    seen = book.declared.seen
    absent = [slug for slug in owed if slug not in seen] if seen else []
    if absent:
        words = f"{named(absent)}: promised data, and none was ever seen."
        remedy = "See that its connections run: telemetry status --tenant " + absent[0]
        yield Finding(
            Kind.NEVER_SEEN, Severity.WARNING, _tenant_place(declared, absent), words, remedy, tenants=tuple(absent)
        )
    known = {*declared, *owed, ANY_TENANT}
    strange = [slug for slug, at in (seen or _NOTHING).items() if slug not in known and now - at < LATELY]
    if strange and declared:
        words = f"{named(strange)}: data came in the last {LATELY.days} days, and no such tenant is declared."
        yield Finding(
            Kind.UNKNOWN_TENANT, Severity.WARNING, ("tenants",), words, "Add it to the tenants.", tenants=tuple(strange)
        )
    for stranger, tables in book.declared.strangers.items():
        words = f"{named(tables)}: rows of tenant {stranger}, whom nobody declared."
        yield Finding(
            Kind.UNKNOWN_TENANT, Severity.WARNING, ("tenants",), words, "Add it to the tenants.", tuple(tables)
        )


def _tenant_place(declared: Sequence[str], about: Sequence[str]) -> Place:
    alone = len(about) == 1 and about[0] in declared
    return ("tenants", declared.index(about[0])) if alone else ("tenants",)
