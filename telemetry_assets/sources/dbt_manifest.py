"""A dbt manifest → nodes of our graph, with the asset keys that dagster-dbt gives by default.

What belongs here: which dbt nodes are assets, their keys, parents, clocks, windows, tenants, owners and dashboards.
What does not: reading the file and joining the graph (``asset_graph.py``), what a run made of a node
(``dbt_artifacts.py``), importing dbt.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from telemetry_assets.errors import ConfigError
from telemetry_assets.ledger.graph import Exposure
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, Window

Manifest = Mapping[str, Any]
Node = Mapping[str, Any]

_ASSET_TYPES = frozenset({"model", "seed", "snapshot"})
_PASSED_THROUGH = frozenset({"metric", "semantic_model", "saved_query", "function"})
_COLLECTIONS = ("nodes", "sources", "metrics", "semantic_models", "saved_queries", "functions")
_PERIODS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_NO_WINDOW: Mapping[str, Any] = {}
NEVER = timedelta(days=36_500)
"""The fail window of a source that only warns (``warn_after`` alone): a hundred years."""


@dataclass(frozen=True, slots=True)
class WatchedTable:
    """A source table as SQL knows it. ``loaded_at`` and ``tenant_column`` are SQL as the project wrote them."""

    key: str
    schema: str
    identifier: str
    loaded_at: str | None
    tenant_column: str | None


def manifest_nodes(
    manifest: Manifest, tenant_column: str | None, loaded: Collection[str] = ()
) -> tuple[AssetNode, ...]:
    """Every dbt model, seed, dbt snapshot and source table of ``manifest`` that is enabled, sources first.

    Keys are dagster-dbt's defaults, slash-joined. ``tenant_column`` is the column that makes a table tenanted (None:
    there are no tenants). ``loaded`` are the keys of sources that our own loader fills: those always have the tenant.
    Raises ConfigError where two dbt nodes share one key, as dagster-dbt does.
    """
    keys = _keys(manifest)
    tenanted = _tenanted(manifest, keys, tenant_column, frozenset(loaded))
    dashboards = _dashboards(manifest)
    return tuple(
        AssetNode(
            key=key,
            kind=_kind(node),
            parents=tuple(sorted(keys[parent] for parent in _parents(manifest, node))),
            clock=_clock(node),
            window=_window(node),
            owner=_owner(dashboards.get(unique_id, ())),
            exposures=tuple(str(exposure["name"]) for exposure in dashboards.get(unique_id, ())),
            tenanted=tenanted[unique_id],
        )
        for unique_id, key in keys.items()
        for node in (_node(manifest, unique_id),)
    )


def exposures_of(manifest: Manifest) -> tuple[Exposure, ...]:
    """Every enabled exposure, by name, with the assets it reads directly (through ephemeral models and metrics)."""
    keys = _keys(manifest)
    return tuple(
        Exposure(
            name=str(exposure["name"]),
            label=str(exposure.get("label") or exposure["name"]),
            type=str(exposure.get("type") or "dashboard"),
            owner=_owner((exposure,)),
            url=exposure.get("url") or None,
            parents=tuple(sorted(keys[parent] for parent in _parents(manifest, exposure) if parent in keys)),
        )
        for exposure in _by_name(manifest.get("exposures", {}))
    )


def enabled_models(manifest: Manifest) -> frozenset[str]:
    """The unique ids that a complete ``dbt run`` has a result for: every enabled model that is not ephemeral."""
    return frozenset(
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and _is_asset(node) and _config(node).get("enabled", True)
    )


def asset_keys(manifest: Manifest) -> Mapping[str, str]:
    """unique id → asset key, of every enabled node that is an asset (models, seeds, dbt snapshots, sources)."""
    return _keys(manifest)


def synthetic_keys(manifest: Manifest) -> frozenset[str]:
    """The assets whose rows are said to be made up: ``meta.telemetry.synthetic: true``, or the tag ``synthetic``."""
    nodes = (*manifest.get("sources", {}).values(), *manifest.get("nodes", {}).values())
    return frozenset(asset_key(node) for node in nodes if _is_asset(node) and _is_synthetic(node))


def watched_tables(manifest: Manifest, tenant_column: str | None) -> tuple[WatchedTable, ...]:
    """The source tables with the names SQL needs to read their clock per tenant."""
    return tuple(
        WatchedTable(
            key=asset_key(node),
            schema=node["schema"],
            identifier=node.get("identifier") or node["name"],
            loaded_at=_loaded_at(node),
            tenant_column=tenant_column_of(node, tenant_column),
        )
        for node in manifest.get("sources", {}).values()
        if _config(node).get("enabled", True)
    )


def asset_key(node: Node) -> str:
    """The key dagster-dbt 0.29 gives a dbt node by default: ``meta.dagster.asset_key``, ``source_name/table``,
    ``+schema/model`` or, where no schema is configured, ``model``."""
    meta = _config(node).get("meta") or node.get("meta") or {}
    chosen = meta.get("dagster", {}).get("asset_key")
    if chosen:
        return chosen if isinstance(chosen, str) else "/".join(chosen)
    if node["resource_type"] == "source":
        return f"{node['source_name']}/{node['name']}"
    if node.get("version"):
        return str(node["alias"])
    schema = _config(node).get("schema")
    return f"{schema}/{node['name']}" if schema is not None else str(node["name"])


def _keys(manifest: Manifest) -> dict[str, str]:
    keys: dict[str, str] = {}
    taken: dict[str, str] = {}
    for unique_id, node in (*manifest.get("sources", {}).items(), *manifest["nodes"].items()):
        if not (_is_asset(node) and _config(node).get("enabled", True)):
            continue
        key = asset_key(node)
        if key in taken:
            raise ConfigError(
                f"The dbt nodes {taken[key]} and {unique_id} have the same asset key {key}.",
                "Give one of them another name, +schema or meta.dagster.asset_key.",
            )
        keys[unique_id] = key
        taken[key] = unique_id
    return keys


def _is_asset(node: Node) -> bool:
    kind = node["resource_type"]
    return kind == "source" or (kind in _ASSET_TYPES and not _is_ephemeral(node))


def _is_ephemeral(node: Node) -> bool:
    return node["resource_type"] == "model" and _config(node).get("materialized") == "ephemeral"


def _config(node: Node) -> Mapping[str, Any]:
    return node.get("config") or {}


def _node(manifest: Manifest, unique_id: str) -> Node:
    for collection in _COLLECTIONS:
        found = manifest.get(collection, {}).get(unique_id)
        if found is not None:
            return found
    raise ConfigError(f"The dbt manifest names {unique_id} and does not hold it.", "Make it anew: telemetry prepare")


def _parents(manifest: Manifest, node: Node) -> frozenset[str]:
    """The unique ids of the assets a node is made from; ephemeral models and metrics are looked through."""
    found: set[str] = set()
    seen: set[str] = set()
    queue = list((node.get("depends_on") or {}).get("nodes") or ())
    while queue:
        unique_id = queue.pop()
        if unique_id in seen:
            continue
        seen.add(unique_id)
        parent = _node(manifest, unique_id)
        if parent["resource_type"] in _PASSED_THROUGH or _is_ephemeral(parent):
            queue.extend((parent.get("depends_on") or {}).get("nodes") or ())
        elif _is_asset(parent):
            found.add(unique_id)
    return frozenset(found)


def _kind(node: Node) -> AssetKind:
    match node["resource_type"]:
        case "source":
            return AssetKind.TABLE
        case "seed":
            return AssetKind.SEED
        case _:
            return AssetKind.VIEW if _config(node).get("materialized") == "view" else AssetKind.MODEL


def _clock(node: Node) -> Clock | None:
    """``column X`` of a dated source table. An expression (``ts::timestamp``) is kept as written: SQL reads it."""
    column = _loaded_at(node) if node["resource_type"] == "source" else None
    return Clock(ClockKind.COLUMN, column) if column else None


def _loaded_at(node: Node) -> str | None:
    """What dates a source table's rows. ``freshness: null`` opts out of an inherited loaded_at_field, as in dbt."""
    chosen = _telemetry(node).get("time_column")
    if chosen or node.get("freshness", _NO_WINDOW) is None:
        return chosen
    return _config(node).get("loaded_at_field") or node.get("loaded_at_field")


def _window(node: Node) -> Window | None:
    freshness = node.get("freshness") if node["resource_type"] == "source" else None
    if not freshness:
        return None
    warn, fail = _threshold(freshness.get("warn_after")), _threshold(freshness.get("error_after"))
    if warn is None and fail is None:
        return None
    if fail is None:
        return Window(fail=NEVER, warn=warn)
    return Window(fail=fail, warn=warn if warn is not None and warn < fail else None)


def _threshold(declared: Mapping[str, Any] | None) -> timedelta | None:
    if not declared or declared.get("count") is None or declared.get("period") not in _PERIODS:
        return None
    return int(declared["count"]) * _PERIODS[declared["period"]]


def _telemetry(node: Node) -> Mapping[str, Any]:
    meta = {**(node.get("meta") or {}), **(_config(node).get("meta") or {})}
    return meta.get("telemetry") or {}


def _is_synthetic(node: Node) -> bool:
    tags = _config(node).get("tags") or node.get("tags") or ()
    return _telemetry(node).get("synthetic") is True or "synthetic" in tags


def tenant_column_of(node: Node, tenant_column: str | None) -> str | None:
    """The node's own tenant column: as its meta says, else ours where its columns list it."""
    said = _telemetry(node)
    if "tenant_column" in said:
        return said["tenant_column"] or None
    return tenant_column if tenant_column in (node.get("columns") or {}) else None


def _tenanted(
    manifest: Manifest, keys: Mapping[str, str], tenant_column: str | None, loaded: frozenset[str]
) -> dict[str, bool]:
    """Per asset: its meta decides; else its columns; else, where no contract lists them all, a tenanted parent."""
    decided: dict[str, bool] = {}

    def decide(unique_id: str) -> bool:
        if unique_id in decided:
            return decided[unique_id]
        decided[unique_id] = False  # a cycle, which dbt refuses, would otherwise not end
        node = _node(manifest, unique_id)
        if tenant_column_of(node, tenant_column) is not None:
            verdict = True
        elif "tenant_column" in _telemetry(node) or (_config(node).get("contract") or {}).get("enforced"):
            verdict = False
        elif node["resource_type"] == "source":
            verdict = keys[unique_id] in loaded
        else:
            verdict = any(decide(parent) for parent in _parents(manifest, node))
        decided[unique_id] = verdict and tenant_column is not None
        return decided[unique_id]

    for unique_id in keys:
        decide(unique_id)
    return decided


def _dashboards(manifest: Manifest) -> dict[str, tuple[Node, ...]]:
    """unique id of an asset → the enabled exposures that read it directly (through ephemeral models), by name."""
    readers: dict[str, list[Node]] = {}
    for exposure in _by_name(manifest.get("exposures", {})):
        for unique_id in _parents(manifest, exposure):
            readers.setdefault(unique_id, []).append(exposure)
    return {unique_id: tuple(exposures) for unique_id, exposures in readers.items()}


def _by_name(exposures: Mapping[str, Node]) -> Iterator[Node]:
    enabled = (exposure for exposure in exposures.values() if _config(exposure).get("enabled", True))
    yield from sorted(enabled, key=lambda exposure: str(exposure["name"]))


def _owner(exposures: tuple[Node, ...]) -> str | None:
    for exposure in exposures:
        owner = exposure.get("owner") or {}
        found = owner.get("name") or owner.get("email")
        if found:
            return str(found[0] if isinstance(found, list) else found)
    return None
