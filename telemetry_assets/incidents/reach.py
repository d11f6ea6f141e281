"""What is hit, as a few blocks of assets and tenants, and what two of them have in common.

What belongs here: building, joining and comparing reaches. What does not: what hits them (``situation.py``).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from telemetry_assets.incidents.trouble import Block, Reach, Subject

type _Tenants = Mapping[str, AbstractSet[str]]
"""Asset → the tenants it is hit for."""


def reach_of(subjects: Iterable[Subject]) -> Reach:
    """Every subject once, as blocks without overlap: one per set of tenants, in the order of their first asset."""
    hit: defaultdict[str, set[str]] = defaultdict(set)
    for asset, tenant in subjects:
        hit[asset].add(tenant)
    return _factored(hit)


def overlap(a: Reach, b: Reach) -> int:
    """How many subjects two reaches have in common."""
    ours, theirs = _tenants(a), _tenants(b)
    return sum(len(ours[asset] & theirs[asset]) for asset in ours.keys() & theirs.keys())


def meet(a: Reach, b: Reach) -> Reach:
    """The subjects that both hit."""
    ours, theirs = _tenants(a), _tenants(b)
    return _factored({asset: held for asset in ours.keys() & theirs.keys() if (held := ours[asset] & theirs[asset])})


def union(reaches: Sequence[Reach]) -> Reach:
    """The subjects that any of them hits."""
    if len(reaches) == 1:
        return reaches[0]
    hit: dict[str, AbstractSet[str]] = {}
    for reach in reaches:
        for asset, held in _tenants(reach).items():
            known = hit.get(asset)
            hit[asset] = held if known is None or known == held else known | held
    return _factored(hit)


def lies_within(reach: Reach, other: Reach) -> bool:
    """True where the other reach hits all that this one does."""
    theirs = _tenants(other)
    return all(held <= theirs.get(asset, frozenset()) for asset, held in _tenants(reach).items())


def of_assets(reach: Reach) -> Reach:
    """The reach without what is no asset: the monitor, a job."""
    hit = _tenants(reach)
    return _factored({asset: held for asset, held in hit.items() if asset}) if "" in hit else reach


def _tenants(reach: Reach) -> dict[str, frozenset[str]]:
    return {asset: held for block in reach.blocks for held in [frozenset(block.tenants)] for asset in block.assets}


def _factored(hit: _Tenants) -> Reach:
    assets: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for asset, tenants in hit.items():
        assets[frozenset(tenants)].append(asset)
    blocks = [Block(tuple(sorted(same)), tuple(sorted(tenants))) for tenants, same in assets.items()]
    return Reach(tuple(sorted(blocks, key=lambda block: block.assets)))
