"""A dbt manifest as nodes of our graph, on a project of another shape than ours, parsed by the real dbt."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.errors import ConfigError
from telemetry_assets.ledger.graph import Exposure
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, Window
from telemetry_assets.sources.dbt_manifest import (
    NEVER,
    asset_keys,
    enabled_models,
    exposures_of,
    manifest_nodes,
    watched_tables,
)

SHOP = Path(__file__).parent / "shop"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    project = tmp_path_factory.mktemp("shop")
    shutil.copytree(SHOP, project, dirs_exist_ok=True)
    dbt = Path(sys.executable).with_name("dbt")
    subprocess.run([dbt, "parse", "--quiet", "--profiles-dir", "."], cwd=project, check=True)
    return json.loads((project / "target" / "manifest.json").read_text())


@pytest.fixture(scope="module")
def nodes(manifest: dict[str, Any]) -> dict[str, AssetNode]:
    return {node.key: node for node in manifest_nodes(manifest, "tenant_id")}


def _without_tenants_in(manifest: dict[str, Any]) -> dict[str, Any]:
    bare = json.loads(json.dumps(manifest))
    bare["sources"]["source.shop.erp.orders"]["columns"] = {}
    return bare


@pytest.mark.slow
def test_keys_and_parents_are_exactly_those_that_dagster_dbt_computes(manifest, nodes) -> None:
    from dagster_dbt import DagsterDbtTranslator
    from dagster_dbt.asset_utils import build_dbt_specs

    specs, _ = build_dbt_specs(
        translator=DagsterDbtTranslator(), manifest=manifest, select="fqn:*", exclude="", selector="",
        io_manager_key=None, project=None,
    )  # fmt: skip
    theirs = {spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps} for spec in specs}
    ours = {key: set(node.parents) for key, node in nodes.items() if node.kind is not AssetKind.TABLE}
    assert ours == theirs
    assert "league/first" in ours
    assert "ranked_v2" in ours


def test_ephemeral_models_are_looked_through_and_disabled_nodes_left_out(nodes) -> None:
    assert nodes["marts/orders"].parents == ("ref/codes", "staging/stg_orders")
    assert not any("joined" in key or "disabled" in key or "switched_off" in key for key in nodes)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("erp/orders", AssetKind.TABLE),
        ("staging/stg_orders", AssetKind.VIEW),
        ("marts/orders", AssetKind.MODEL),
        ("ref/codes", AssetKind.SEED),
        ("history/orders_history", AssetKind.MODEL),
        ("bare", AssetKind.MODEL),
    ],
)
def test_each_dbt_node_has_a_kind_of_ours(nodes, key: str, kind: AssetKind) -> None:
    assert nodes[key].kind is kind


@pytest.mark.parametrize(
    ("key", "clock", "window"),
    [
        ("erp/orders", "loaded_at", Window(fail=timedelta(days=1), warn=timedelta(hours=6))),
        ("erp/unwatched", None, None),
        ("files/undated", None, None),
        ("files/warns_only", "ts::timestamp", Window(fail=NEVER, warn=timedelta(minutes=90))),
    ],
)
def test_a_source_table_takes_its_clock_and_window_from_what_dbt_already_says(nodes, key, clock, window) -> None:
    assert nodes[key].clock == (Clock(ClockKind.COLUMN, clock) if clock else None)
    assert nodes[key].window == window


def test_derived_assets_have_neither_a_clock_nor_a_window(nodes) -> None:
    assert all(node.clock is None and node.window is None for node in nodes.values() if node.parents)


def test_a_warn_threshold_that_is_not_below_the_error_threshold_is_dropped(manifest) -> None:
    odd = json.loads(json.dumps(manifest))
    freshness = odd["sources"]["source.shop.erp.orders"]["freshness"]
    freshness["warn_after"] = {"count": 24, "period": "hour"}
    found = {node.key: node for node in manifest_nodes(odd, "tenant_id")}
    assert found["erp/orders"].window == Window(fail=timedelta(days=1), warn=None)


@pytest.mark.parametrize(
    ("key", "tenanted"),
    [
        ("erp/orders", True),  # its columns list the tenant column
        ("erp/unwatched", False),
        ("files/warns_only", True),  # meta.telemetry names a column of its own
        ("staging/stg_orders", True),  # says nothing, reads a tenanted table
        ("marts/orders", True),
        ("marts/totals", False),  # its contract lists every column, and no tenant
        ("ref/codes", False),
    ],
)
def test_an_asset_has_tenants_where_its_meta_its_columns_or_its_parents_say_so(nodes, key, tenanted) -> None:
    assert nodes[key].tenanted is tenanted


def test_a_table_that_our_loader_fills_has_tenants_without_saying_so(manifest) -> None:
    bare = _without_tenants_in(manifest)
    unknown = {node.key: node.tenanted for node in manifest_nodes(bare, "tenant_id")}
    loaded = {node.key: node.tenanted for node in manifest_nodes(bare, "tenant_id", loaded={"erp/orders"})}
    assert not unknown["erp/orders"]
    assert not unknown["staging/stg_orders"]
    assert loaded["erp/orders"]
    assert loaded["staging/stg_orders"]


def test_meta_that_denies_the_tenant_column_wins_over_tenanted_parents(manifest) -> None:
    told = json.loads(json.dumps(manifest))
    told["nodes"]["model.shop.stg_orders"]["config"]["meta"] = {"telemetry": {"tenant_column": None}}
    found = {node.key: node.tenanted for node in manifest_nodes(told, "tenant_id")}
    assert not found["staging/stg_orders"]


def test_without_a_tenant_column_nothing_has_tenants(manifest) -> None:
    assert not any(node.tenanted for node in manifest_nodes(manifest, None))


def test_exposures_name_the_dashboards_and_owners_of_what_they_read_directly(nodes) -> None:
    assert (nodes["marts/orders"].exposures, nodes["marts/orders"].owner) == (("board",), "Ops")
    assert nodes["files/undated"].exposures == ("board",)
    assert nodes["staging/stg_orders"].exposures == ("board",)  # through the ephemeral model
    assert (nodes["marts/totals"].exposures, nodes["marts/totals"].owner) == (("attic",), "attic@example.com")
    assert (nodes["bare"].exposures, nodes["bare"].owner) == ((), None)


def test_exposures_are_listed_with_their_owner_and_the_assets_they_read(manifest) -> None:
    exposures = {exposure.name: exposure for exposure in exposures_of(manifest)}
    assert set(exposures) == {"attic", "board"}
    assert exposures["attic"] == Exposure("attic", "attic", owner="attic@example.com", parents=("marts/totals",))
    assert {"marts/orders", "files/undated", "staging/stg_orders"} <= set(exposures["board"].parents)


@pytest.mark.promise("F10")
def test_the_models_a_complete_run_must_have_are_the_enabled_ones_that_leave_a_relation(manifest) -> None:
    assert enabled_models(manifest) == {
        "model.shop.bare",
        "model.shop.stg_orders",
        "model.shop.orders",
        "model.shop.totals",
        "model.shop.ranked.v1",
        "model.shop.ranked.v2",
    }


def test_unique_ids_map_to_the_same_keys_as_the_nodes(manifest, nodes) -> None:
    assert set(asset_keys(manifest).values()) == set(nodes)


def test_a_watched_table_keeps_the_names_that_sql_needs(manifest) -> None:
    tables = {table.key: table for table in watched_tables(manifest, "tenant_id")}
    orders, files = tables["erp/orders"], tables["files/warns_only"]
    assert (orders.schema, orders.identifier, orders.loaded_at, orders.tenant_column) == (
        "erp_raw", "t_orders", "loaded_at", "tenant_id",
    )  # fmt: skip
    assert (files.loaded_at, files.tenant_column) == ("ts::timestamp", "shop_id")


def test_two_dbt_nodes_with_one_key_are_refused_and_both_are_named(manifest) -> None:
    double = json.loads(json.dumps(manifest))
    double["nodes"]["model.other.orders"] = double["nodes"]["model.shop.orders"]
    with pytest.raises(ConfigError, match=r"model\.shop\.orders and model\.other\.orders .* marts/orders"):
        manifest_nodes(double, "tenant_id")


def test_a_manifest_that_names_a_node_it_does_not_hold_is_refused(manifest) -> None:
    torn = json.loads(json.dumps(manifest))
    torn["nodes"]["model.shop.totals"]["depends_on"]["nodes"] = ["model.shop.gone"]
    with pytest.raises(ConfigError, match="telemetry prepare"):
        manifest_nodes(torn, "tenant_id")
