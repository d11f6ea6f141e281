"""Silences: what nobody is to be told of for a while.

What belongs here: which troubles a silence covers. What does not: keeping silences (``ledger/silences.py``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from telemetry_assets.incidents.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Silence:
    """Who asked that nobody be told of an asset, or of all a pattern matches, until when and why.

    ``tenant`` None means all. ``ended_at``: when somebody ended it before its time.
    """

    id: int
    asset: str
    tenant: str | None
    until: datetime
    reason: str
    author: str
    created_at: datetime
    ended_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        """True until its time is over or somebody ends it. When it began is not asked: it is written, so it holds."""
        return now < self.until and (self.ended_at is None or now < self.ended_at)


def muted(troubles: Iterable[Trouble], silences: Sequence[Silence], now: datetime) -> tuple[Trouble, ...]:
    """The same troubles in the same order, those under a silence marked. What is no asset is under none."""
    in_force = [silence for silence in silences if silence.is_in_force(now)]
    if not in_force:
        return tuple(troubles)
    covered: dict[str, frozenset[str | None]] = {}
    marked: list[Trouble] = []
    for trouble in troubles:
        asset = trouble.asset
        if asset not in covered:
            covered[asset] = frozenset(one.tenant for one in in_force if asset and fnmatchcase(asset, one.asset))
        tenants = covered[asset]
        quiet = bool(tenants) and (None in tenants or trouble.tenant in tenants)
        marked.append(replace(trouble, muted=True) if quiet else trouble)
    return tuple(marked)
