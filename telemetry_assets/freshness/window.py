"""Which promise holds for an asset, and the window it gives a tenant.

What belongs here: windows as declared, overridden, inherited and loosened. What does not: instants (``cutoff.py``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase

from telemetry_assets.model import ANY_TENANT, AssetNode, Promise, Window


def promise_for(asset_key: str, promises: Sequence[Promise]) -> Promise | None:
    """The first promise whose pattern matches the slash-joined key; ``*`` matches any rest, slashes too."""
    return next((promise for promise in promises if fnmatchcase(asset_key, promise.asset)), None)


def promise_of(node: AssetNode, promises: Sequence[Promise]) -> Promise | None:
    """The promise on ``node``: as declared, else what its own window promises (dbt's ``freshness:``), else None."""
    declared = promise_for(node.key, promises)
    if declared is None and node.window is not None:
        return Promise(asset=node.key, window=node.window, owner=node.owner)
    return declared


def is_promised_to(promise: Promise, tenant: str) -> bool:
    """True where the promise covers the tenant. Data without tenants is everybody's."""
    return promise.tenants is None or tenant in promise.tenants or tenant == ANY_TENANT


def own_window(promise: Promise, tenant: str) -> Window | None:
    """The tenant's own window, else the promise's, else None: then each root's window counts, plus the grace."""
    return promise.overrides.get(tenant) or promise.window


def loosened(window: Window, grace: timedelta) -> Window:
    """The window with ``grace`` added to both bounds."""
    return replace(window, fail=window.fail + grace, warn=window.warn + grace if window.warn is not None else None)


def loosest(windows: Iterable[Window | None]) -> Window | None:
    """The window that fails last, of equals the one that warns last (never is last); None of none."""
    known = [window for window in windows if window is not None]
    return max(known, key=lambda window: (window.fail, window.warn is None, window.warn or timedelta(0)), default=None)
