"""Random graphs, tenants and promises for the timelines: diamonds, gaps, knots, zones, deadlines, overrides.

What belongs here: what stands still while time goes on. What does not: what happens (``timelines.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from random import Random
from uuid import UUID

from telemetry_assets.model import (
    EVERY_DAY,
    AssetKind,
    AssetNode,
    Clock,
    ClockKind,
    Deadline,
    Limit,
    Promise,
    Tenant,
    Window,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = ("UTC", "America/Jamaica", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana")
DAYS = (date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 10, 25), date(2026, 11, 1), date(2026, 7, 4))
"""Days on which the clocks of one of the zones change, and a quiet one."""
TIMES = (time(0), time(0, 30), time(2, 30), time(9), time(23, 45))
SPANS = (30 * MINUTE, HOUR, 3 * HOUR, DAY, 3 * DAY)
GHOST = "ghost"
"""A tenant that only promises know."""


def random_tenants(random: Random) -> tuple[Tenant, ...]:
    """None to three, each in a zone."""
    return tuple(
        Tenant(slug, UUID(int=number), slug, random.choice(ZONES))
        for number, slug in enumerate(("amber", "birch", "cedar")[: random.choice((0, 1, 2, 2, 3, 3))])
    )


def random_nodes(random: Random) -> tuple[AssetNode, ...]:
    """Roots of every clock, and what is made from them and from each other."""
    roots = [_root(random, f"raw/{number}") for number in range(random.randrange(1, 4))]
    nodes = list(roots)
    for number in range(random.randrange(5)):
        above = [node.key for node in nodes] + (["gone/away"] if random.randrange(6) == 0 else [])
        kind = random.choice((AssetKind.MODEL, AssetKind.VIEW, AssetKind.MODEL, AssetKind.VIEW, AssetKind.SNAPSHOT))
        parents = tuple(random.sample(above, min(len(above), random.choice((1, 1, 2, 2, 3)))))
        nodes.append(AssetNode(f"marts/{number}", kind, parents, tenanted=random.randrange(8) > 0))
    if nodes[-1] is not roots[-1] and random.randrange(12) == 0:
        nodes = _knotted(random, nodes)
    return tuple(nodes)


def _root(random: Random, key: str) -> AssetNode:
    dated = (ClockKind.SYNC, ClockKind.COLUMN)
    kind = random.choice((*dated * 4, ClockKind.STATIC, None))
    clock = None if kind is None else Clock(kind, "at" if kind is ClockKind.COLUMN else None)
    of_dbt = _window(random) if random.randrange(3) == 0 else None
    what = AssetKind.TABLE if kind is ClockKind.COLUMN else AssetKind.STREAM
    return AssetNode(key, what if clock else AssetKind.SEED, (), clock, of_dbt, tenanted=random.randrange(6) > 0)


def _knotted(random: Random, nodes: Sequence[AssetNode]) -> list[AssetNode]:
    """A cycle: a table that is also made from the last asset. (What views in a circle hold nobody can say.)"""
    tables = [node for node in nodes if node.kind in (AssetKind.MODEL, AssetKind.SNAPSHOT)]
    if not tables:
        return list(nodes)
    knot = random.choice(tables)
    return [replace(n, parents=(*n.parents, nodes[-1].key)) if n is knot else n for n in nodes]


def random_promise(random: Random, nodes: Sequence[AssetNode], tenants: Sequence[Tenant]) -> Promise:
    """A promise on one asset or many, by a limit or a grace, to all or some."""
    slugs = [tenant.slug for tenant in tenants]
    asset = random.choice(("*", "raw/*", "marts/*", "marts/[01]", "gone/away", random.choice(nodes).key))
    limit = _limit(random) if random.randrange(3) else None
    grace = timedelta(0) if limit is not None else random.choice((timedelta(0), 30 * MINUTE, HOUR))
    whose = frozenset(random.sample([*slugs, GHOST], 1 + random.randrange(len(slugs) + 1)))
    named = whose if random.randrange(3) == 0 else None
    may_differ = sorted(named) if named is not None else [*slugs, GHOST]
    overrides = {slug: _limit(random) for slug in may_differ if random.randrange(6) == 0}
    return Promise(asset, limit, grace, None, named, overrides)


def _limit(random: Random) -> Limit:
    if random.randrange(2):
        return _window(random)
    days = EVERY_DAY if random.randrange(2) else frozenset(random.sample(range(7), random.randrange(1, 6)))
    warn = random.choice(TIMES) if random.randrange(2) else None
    zone = random.choice(ZONES) if random.randrange(3) == 0 else None
    grace = random.choice((timedelta(0), timedelta(0), HOUR))
    return Deadline(
        random.choice(TIMES), warn, random.choice(TIMES) if random.randrange(3) == 0 else time(0), days, zone, grace
    )


def _window(random: Random) -> Window:
    fail = random.choice(SPANS)
    return Window(fail, fail / 2 if random.randrange(2) else None)


def spans(promise: Promise) -> Iterator[timedelta]:
    for limit in (promise.limit, *promise.overrides.values()):
        for span in spans_of(limit) if isinstance(limit, Window) else ():
            yield span + promise.grace


def spans_of(window: Window) -> tuple[timedelta, ...]:
    return (window.fail, window.warn) if window.warn else (window.fail,)
