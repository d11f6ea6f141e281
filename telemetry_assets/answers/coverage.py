"""What nobody looks at: assets without a promise, a contract or a check, contracts without a fixture.

What belongs here: counting it, pure. What does not: drawing (``render/coverage.py``).
"""

from collections.abc import Collection, Sequence

from telemetry_assets.answers.results import Coverage
from telemetry_assets.freshness.window import promise_of
from telemetry_assets.model import AssetNode, Promise


def coverage(
    nodes: Sequence[AssetNode],
    promises: Sequence[Promise],
    contracts: Collection[str],
    checked: Collection[str],
    fixtures: Collection[str],
) -> Coverage:
    """``contracts`` and ``fixtures`` by name (``snapshots.board``, ``airbyte_health``), ``checked`` by asset key."""
    keys = sorted(node.key for node in nodes)
    bound = {name.replace(".", "/") for name in contracts}
    promised = {node.key for node in nodes if promise_of(node, tuple(promises))}
    return Coverage(
        without_promise=tuple(key for key in keys if key not in promised),
        without_contract=tuple(key for key in keys if key not in bound),
        without_check=tuple(key for key in keys if key not in checked),
        contracts_without_fixture=tuple(sorted(set(contracts) - set(fixtures))),
        assets=len(keys),
        contracts=len(contracts),
    )
