"""Who answers for an asset, and who looks at what is made from it.

What belongs here: promises, nodes and exposures → an owner, dashboards. What does not: whom an owner is told through.
"""

from collections.abc import Callable, Mapping, Sequence

from telemetry_assets.freshness.lineage import Graph
from telemetry_assets.freshness.window import promise_for, promise_of
from telemetry_assets.incidents.trouble import NOBODY, Dashboard
from telemetry_assets.ledger.graph import Exposure
from telemetry_assets.model import Promise

type Owners = Callable[[str], str]
"""Asset → its owner, or :data:`NOBODY`."""


def owners_of(graph: Graph, promises: Sequence[Promise], exposures: Sequence[Exposure]) -> Owners:
    """The owner of each asset: its promise's, else its own, else that of the first exposure by name that reads it."""
    reading: dict[str, str] = {}
    for exposure in exposures:
        for asset in exposure.parents if exposure.owner else ():
            reading.setdefault(asset, exposure.owner or NOBODY)
    found: dict[str, str] = {}

    def owner(asset: str) -> str:
        if asset not in found:
            node = graph.get(asset)
            promise = promise_of(node, promises) if node else promise_for(asset, promises)
            found[asset] = (promise and promise.owner) or (node and node.owner) or reading.get(asset) or NOBODY
        return found[asset]

    return owner


def dashboards_of(exposures: Sequence[Exposure]) -> Mapping[str, tuple[Dashboard, ...]]:
    """Asset → the dashboards that read it directly."""
    found: dict[str, tuple[Dashboard, ...]] = {}
    for one in exposures:
        for asset in one.parents:
            found[asset] = (*found.get(asset, ()), Dashboard(one.label, one.owner or NOBODY, one.url or ""))
    return found
