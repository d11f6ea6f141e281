"""The whole graph as data, from the settings and the dbt manifest: what is an asset, from what it is made, who owns it.

What belongs here: joining what is declared (streams, tables, foreign assets, snapshots) and dbt's nodes into one tuple.
What does not: reading a manifest (``dbt_manifest.py``), judging (``freshness/``), Dagster's objects (``defs/``).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from telemetry_assets.errors import ConfigError
from telemetry_assets.freshness.window import promise_for
from telemetry_assets.model import AssetKind, AssetNode
from telemetry_assets.settings import DbtSettings, Settings
from telemetry_assets.sources.dbt_manifest import manifest_nodes


def read_manifest(dbt: DbtSettings) -> Mapping[str, Any]:
    """The dbt manifest, prepared by the launcher. Raises ConfigError that says how to make it."""
    try:
        found = json.loads(dbt.manifest_path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"There is no dbt manifest at {dbt.manifest_path}.", "Make it: telemetry prepare") from None
    except OSError as error:
        raise ConfigError(f"{dbt.manifest_path} cannot be read: {error.strerror}.", "Make it readable.") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{dbt.manifest_path} is not JSON ({error}).", "Make it anew: telemetry prepare") from None
    if not isinstance(found, dict) or not isinstance(found.get("nodes"), dict):
        raise ConfigError(f"{dbt.manifest_path} is no dbt manifest.", "Make it anew: telemetry prepare")
    return found


def asset_graph(settings: Settings, manifest: Mapping[str, Any] | None) -> tuple[AssetNode, ...]:
    """Every asset: the declared sources', the manifest's nodes, our snapshots. A dbt source that is also declared is
    one node: the clock and the tenants as declared, dashboards and the window of ``freshness:`` from dbt.
    Raises ConfigError where dbt builds what is declared as a source.

    ``manifest`` is None without a dbt project. Owners: the promise's, else the exposure's.
    """
    nodes = {node.key: node for node in (*_streams(settings), *_tables(settings), *_foreign(settings))}
    if manifest is not None:
        loaded = [node.key for node in nodes.values() if node.tenanted]
        for node in manifest_nodes(manifest, settings.tenants.column, loaded=loaded):
            nodes[node.key] = _merged(nodes[node.key], node) if node.key in nodes else node
    for snapshot in settings.snapshots.values():
        nodes[snapshot.asset_key] = AssetNode(
            key=snapshot.asset_key, kind=AssetKind.SNAPSHOT, parents=(snapshot.relation.replace(".", "/"),)
        )
    return tuple(_owned(node, settings) for node in nodes.values())


def _streams(settings: Settings) -> list[AssetNode]:
    return [
        AssetNode(
            key=f"{source.name}/{stream.name}",
            kind=AssetKind.STREAM,
            clock=stream.clock,
            tenanted=any(connection.tenant != "*" for connection in source.connections),
        )
        for source in settings.sources.values()
        for stream in source.streams
    ]


def _tables(settings: Settings) -> list[AssetNode]:
    return [
        AssetNode(
            key=table.asset_key, kind=AssetKind.TABLE, clock=table.clock, tenanted=table.tenant_column is not None
        )
        for source in settings.tables.values()
        for table in source.tables
    ]


def _foreign(settings: Settings) -> list[AssetNode]:
    return [
        AssetNode(key=asset.asset_key, kind=AssetKind.STREAM, clock=asset.clock, tenanted=asset.tenanted)
        for source in settings.foreign.values()
        for asset in source.assets
    ]


def _merged(declared: AssetNode, of_dbt: AssetNode) -> AssetNode:
    if of_dbt.kind is not AssetKind.TABLE:
        raise ConfigError(
            f"{declared.key} is declared in sources, and dbt builds an asset of the same key.",
            "Rename the source, or leave it out: what dbt builds is an asset already.",
        )
    return replace(declared, exposures=of_dbt.exposures, window=of_dbt.window, owner=of_dbt.owner)


def _owned(node: AssetNode, settings: Settings) -> AssetNode:
    promise = promise_for(node.key, settings.promises)
    return replace(node, owner=promise.owner) if promise and promise.owner else node
