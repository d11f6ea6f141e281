"""Sources of three kinds: what Airbyte syncs, tables that others fill, assets of other code locations."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.declaration.configured import WatchedTableSettings
from telemetry_assets.errors import ConfigError
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind
from telemetry_assets.settings import Settings, load
from telemetry_assets.sources.asset_graph import asset_graph

Declare = Callable[[str], Settings]

THREE = """\
sources:
  shop: {executable: [x], every: 15m, streams: {visits: {}}, connections: [{tenant: north}]}
  warehouse:
    kind: table
    tables:
      orders: {table: sales.orders, clock: column loaded_at}
      refunds: {table: sales.refunds, clock: column at, tenant_column: org_id}
      rates: {table: public.rates, clock: column updated_at, tenant_column: null}
      codes: {clock: static}
  billing:
    kind: dagster
    assets: {invoices: {}, books: {clock: static, tenanted: false}, eu/tax: {}, plain: {key: payments}}
"""


class TestTables:
    """``kind: table``."""

    def test_each_table_has_a_key_a_place_a_clock_and_a_tenant_column(self, declare: Declare) -> None:
        loaded, orders = declare(THREE), "warehouse/orders"
        column = Clock(ClockKind.COLUMN, "loaded_at")
        assert loaded.tables["warehouse"].tables[0] == WatchedTableSettings(
            orders, "sales", "orders", column, "tenant_id"
        )
        assert loaded.tables["warehouse"].asset_keys[0] == orders

    def test_the_tenant_column_is_its_own_the_usual_one_or_none(self, declare: Declare) -> None:
        tables = declare(THREE).tables["warehouse"].tables
        assert [table.tenant_column for table in tables] == ["tenant_id", "org_id", None, "tenant_id"]

    def test_the_usual_one_is_that_of_the_tenants(self, tmp_path: Path) -> None:
        path = tmp_path / "telemetry.yaml"
        tables = "sources: {w: {kind: table, tables: {t: {clock: static}}}}\n"
        path.write_text(tables + "tenants: {table: app.tenants, column: org}\n")
        assert load(path).tables["w"].tables[0].tenant_column == "org"
        path.write_text(tables)
        assert load(path).tables["w"].tables[0].tenant_column is None

    def test_a_table_without_a_place_is_in_the_schema_of_its_source(self, declare: Declare) -> None:
        codes = declare(THREE).tables["warehouse"].tables[3]
        assert (codes.schema, codes.name) == ("warehouse", "codes")


class TestForeign:
    """``kind: dagster``."""

    def test_a_key_is_source_and_name_or_its_own(self, declare: Declare) -> None:
        billing = declare(THREE).foreign["billing"]
        assert billing.asset_keys == ("billing/invoices", "billing/books", "billing/eu/tax", "payments")

    def test_it_dates_by_its_runs_and_has_tenants_unless_it_says_otherwise(self, declare: Declare) -> None:
        invoices, books, *_ = declare(THREE).foreign["billing"].assets
        assert (invoices.clock, invoices.tenanted) == (Clock(), True)
        assert (books.clock, books.tenanted) == (Clock(ClockKind.STATIC), False)


def test_the_kinds_stay_apart(declare: Declare) -> None:
    loaded = declare(THREE)
    assert [set(loaded.sources), set(loaded.tables), set(loaded.foreign)] == [{"shop"}, {"warehouse"}, {"billing"}]


def test_a_source_may_say_that_airbyte_syncs_it(declare: Declare) -> None:
    assert set(declare(THREE.replace("{executable", "{kind: airbyte, executable")).sources) == {"shop"}


REFUSALS = {
    "an unknown kind gets the nearest": (
        "kind: table",
        "kind: tabel",
        "7: sources.warehouse.kind: 'tabel' is not a kind",
    ),
    "a kind of nothing gets the list": (
        "kind: dagster",
        "kind: 5",
        "kind: 5 is not a kind of source; there is airbyte, t",
    ),
    "tables without their kind are told": (
        "    kind: table\n",
        "",
        "6: sources.warehouse has tables and no kind: say kind: table.",
    ),
    "assets without their kind are told": (
        "    kind: dagster\n",
        "",
        "sources.billing has assets and no kind: say kind",
    ),
    "a source of tables has no streams": (
        "    tables:",
        "    streams:",
        "streams is not a key here; there is kind, tables",
    ),
    "a source of tables is not synced": (
        "    tables:",
        "    every: 5m\n    tables:",
        "8: sources.warehouse.every is not a",
    ),
    "a source without tables is empty": (
        THREE[THREE.index("    tables:") : THREE.index("  billing")],
        "    tables: {}\n",
        "8: sources.warehouse.tables is empty: name at least one.",
    ),
    "a table needs a clock": (
        "table: sales.orders, clock: column loaded_at",
        "table: sales.orders",
        "9: sources.warehouse.tables.orders has no clock: say clock: column NAME, or clock: static",
    ),
    "nobody syncs a table that others fill": (
        "column loaded_at",
        "sync",
        "9: sources.warehouse.tables.orders.clock: 'sync' dates what we sync, and others fill this table: write",
    ),
    "a table has a schema": ("sales.orders", "orders", "tables.orders.table: 'orders' is not a table with its schema"),
    "an empty tenant column is none": ("org_id", '""', "10: sources.warehouse.tables.refunds.tenant_column is empty"),
    "a misspelt key of a table gets the nearest": (
        "tenant_column: org",
        "tenantcolumn: org",
        "did you mean tenant_column?",
    ),
    "a table that could not name one is refused": (
        "orders: {table",
        "or.ders: {table",
        "'or.ders' is not a stream here",
    ),
    "a foreign asset has no column": (
        "invoices: {}",
        "invoices: {clock: column at}",
        "15: sources.billing.assets.invoices.clock: 'column at' is a table's clock: write sync or static, or declare",
    ),
    "a foreign asset is no pattern": ("invoices:", "inv*:", "'inv*' is not an asset here: its key's parts joined by /"),
    "a key chosen twice is refused": (
        "key: payments",
        "key: warehouse/orders",
        "15: sources.billing.assets.plain is the asset warehouse/orders again, which sources.warehouse.tables.orders",
    ),
    "tenanted is yes or no": ("tenanted: false", "tenanted: maybe", "tenanted must be true or false."),
}


@pytest.mark.parametrize(("old", "new", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_bad_source_is_refused(refused: Callable[[str], list[str]], old: str, new: str, words: str) -> None:
    assert THREE.count(old) == 1
    lines = refused(THREE.replace(old, new))
    assert len(lines) == 1, lines
    assert words in lines[0]


class TestGraph:
    """Declared sources as nodes, joined with dbt's sources of the same key."""

    def test_tables_and_foreign_assets_are_roots_with_their_clock_and_tenants(self, declare: Declare) -> None:
        nodes = {node.key: node for node in asset_graph(declare(THREE), None)}
        updated = Clock(ClockKind.COLUMN, "updated_at")
        assert nodes["warehouse/rates"] == AssetNode("warehouse/rates", AssetKind.TABLE, clock=updated, tenanted=False)
        assert nodes["billing/invoices"] == AssetNode("billing/invoices", AssetKind.STREAM, clock=Clock())
        assert not nodes["billing/books"].tenanted
        assert "payments" in nodes

    def test_a_dbt_source_of_the_same_key_gives_its_readers_and_dashboards(self, declare: Declare) -> None:
        nodes = {node.key: node for node in asset_graph(declare(THREE), _manifest("orders", "rates"))}
        orders = nodes["warehouse/orders"]
        assert (orders.kind, orders.clock) == (AssetKind.TABLE, Clock(ClockKind.COLUMN, "loaded_at"))
        assert (orders.exposures, orders.owner, orders.tenanted) == (("board",), "Ann", True)
        assert nodes["of_orders"].parents == ("warehouse/orders",)

    def test_a_model_has_tenants_where_a_declared_parent_has_them(self, declare: Declare) -> None:
        nodes = {node.key: node for node in asset_graph(declare(THREE), _manifest("orders", "rates"))}
        assert nodes["of_orders"].tenanted
        assert not nodes["of_rates"].tenanted

    def test_what_dbt_builds_is_no_source(self, declare: Declare) -> None:
        taken = THREE.replace("key: payments", "key: of_orders")
        with pytest.raises(ConfigError, match=r"of_orders is declared in sources, and dbt builds.*Rename"):
            asset_graph(declare(taken), _manifest("orders"))


def _manifest(*tables: str) -> Mapping[str, Any]:
    """A dbt manifest with these tables of the source ``warehouse``, a model on each and a board that reads them all."""

    def node(unique_id: str, kind: str, name: str, on: list[str], **more: Any) -> dict[str, Any]:
        return {"unique_id": unique_id, "resource_type": kind, "name": name, "depends_on": {"nodes": on}, **more}

    ids = {table: f"source.p.warehouse.{table}" for table in tables}
    return {
        "sources": {key: node(key, "source", name, [], source_name="warehouse") for name, key in ids.items()},
        "nodes": {f"model.p.of_{name}": node("", "model", f"of_{name}", [key]) for name, key in ids.items()},
        "exposures": {"e": node("e", "exposure", "board", list(ids.values()), owner={"name": "Ann"})},
    }
