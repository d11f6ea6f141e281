"""This repository's own contracts are all bound: none without an asset, no published snapshot without one."""

from pathlib import Path

import pytest

from telemetry_assets.contracts.registry import load_contracts, unbound
from telemetry_assets.settings import load
from telemetry_assets.sources.asset_graph import asset_graph

EXAMPLE = Path(__file__).parents[2] / "telemetry.yaml"


@pytest.mark.promise("A17", "A18", "A27")
def test_every_contract_has_its_asset_and_every_published_snapshot_its_contract() -> None:
    settings = load(EXAMPLE)
    contracts = load_contracts(settings.schemas_dir / "assets")
    assets = [node.key for node in asset_graph(settings, None)]
    assert contracts
    assert unbound(contracts, assets, [snapshot.asset_key for snapshot in settings.snapshots.values()]) == ()
