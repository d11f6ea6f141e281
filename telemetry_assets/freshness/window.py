"""Which promise holds for an asset, and the limit it gives a tenant.

What belongs here: limits as declared, overridden, inherited and loosened. What does not: instants (``cutoff.py``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase

from telemetry_assets.model import ANY_TENANT, AssetNode, Limit, Promise, Window


def promise_for(asset_key: str, promises: Sequence[Promise]) -> Promise | None:
    """The first promise whose pattern matches the slash-joined key; ``*`` matches any rest, slashes too."""
    return next((promise for promise in promises if fnmatchcase(asset_key, promise.asset)), None)


def promise_of(node: AssetNode, promises: Sequence[Promise]) -> Promise | None:
    """The promise on ``node``: as declared, else what its own window promises (dbt's ``freshness:``), else None."""
    declared = promise_for(node.key, promises)
    if declared is None and node.window is not None:
        return Promise(asset=node.key, limit=node.window, owner=node.owner)
    return declared


def is_promised_to(promise: Promise, tenant: str) -> bool:
    """True where the promise covers the tenant. Data without tenants is everybody's."""
    return promise.tenants is None or tenant in promise.tenants or tenant == ANY_TENANT


def tenants_named(promises: Iterable[Promise]) -> frozenset[str]:
    """The tenants that promises name, to be owed them or to have a limit of their own."""
    return frozenset[str]().union(*((*promise.overrides, *(promise.tenants or ())) for promise in promises))


def own_limit(promise: Promise, tenant: str) -> Limit | None:
    """The tenant's own limit, else the promise's, else None: then each root's limit counts, plus the grace."""
    return promise.overrides.get(tenant) or promise.limit


def loosened(limit: Limit, grace: timedelta) -> Limit:
    """The limit that has, at any moment, the cutoffs this one had ``grace`` before."""
    if isinstance(limit, Window):
        return replace(limit, fail=limit.fail + grace, warn=limit.warn + grace if limit.warn is not None else None)
    return replace(limit, grace=limit.grace + grace)


def loosest(limits: Iterable[Limit | None]) -> Window | None:
    """The window that fails last, of equals the one that warns last (never is last); None without any window."""
    windows = [limit for limit in limits if isinstance(limit, Window)]
    return max(
        windows, key=lambda window: (window.fail, window.warn is None, window.warn or timedelta(0)), default=None
    )
