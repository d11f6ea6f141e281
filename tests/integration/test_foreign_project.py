"""A dbt project of somebody else's on a database of their own: it loads, and its freshness blocks become promises."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from telemetry_assets.answers.refresh import Phase, PhaseResult
from telemetry_assets.answers.status import StatusAnswer, read_status
from telemetry_assets.answers.why import read_why
from telemetry_assets.defs import runner
from telemetry_assets.ledger import graph, subjects
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import AssetKind, CauseKind, Promise, State, Window
from telemetry_assets.settings import Settings, load
from tests.conftest import _execute, named

pytestmark = pytest.mark.slow

SHOP = Path(__file__).parents[1] / "projects" / "shop"
TABLES = """
create table public.orgs (id uuid primary key, code text, title text);
insert into public.orgs values
    ('aaaaaaaa-0000-4000-8000-00000000000a', 'acme', 'Acme'),
    ('bbbbbbbb-0000-4000-8000-00000000000b', 'globex', 'Globex');
create schema erp_raw;
create table erp_raw.tbl_orders
    (order_id int, org_id uuid, product_id int, country text, amount numeric, loaded_at timestamptz);
create table erp_raw.refunds (order_id int, org_id uuid, loaded_at timestamptz);
create table erp_raw.products (product_id int, title text);
insert into erp_raw.products values (1, 'Coffee');
insert into erp_raw.tbl_orders
    select number, id, 1, 'JM', 10, now() - make_interval(mins => number)
        - case when code = 'globex' then interval '3 hours' else '0' end
    from public.orgs, generate_series(1, 3) as number;
insert into erp_raw.refunds select 1, id, now() - interval '5 minutes' from public.orgs where code = 'acme';
"""


class Shop:
    """The prepared and refreshed project."""

    def __init__(self, settings: Settings, dsn: str, results: dict[Phase, PhaseResult]) -> None:
        self.settings, self.dsn, self.results = settings, dsn, results

    def status(self) -> StatusAnswer:
        """Every promise as it stands now."""
        with connect(self.dsn) as conn:
            return read_status(conn, self.settings, datetime.now(UTC))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Shop]:
    _execute(postgres_url, "create database shop")
    dsn = named(postgres_url, "shop")
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(TABLES.encode())
    folder = tmp_path_factory.mktemp("foreign") / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AIRBYTE_URL", "TELEMETRY_HOME", "TELEMETRY_CONFIG", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("DATABASE_URL", dsn)
        settings = load(folder / "telemetry.yaml")
        runner.prepare(settings)
        results = runner.refresh(settings, tuple(Phase), ())
        yield Shop(settings, dsn, {result.phase: result for result in results})


@pytest.mark.promise("C6")
def test_a_foreign_project_builds_with_no_sources_and_no_promises_of_ours(shop: Shop):
    assert list(shop.results) == [Phase.BUILD, Phase.CHECKS]
    assert shop.results[Phase.BUILD].failures == ()
    with connect(shop.dsn) as conn:
        nodes = {node.key: node for node in graph.read(conn)}
    assert nodes["analytics/revenue"].exposures == ("board_report",)
    assert nodes["analytics/revenue"].owner == "finance"
    assert not any("old_report" in key for key in nodes)
    assert nodes["reference/countries"].kind is AssetKind.SEED


def test_its_freshness_blocks_are_promises_kept_or_broken_per_tenant(shop: Shop):
    states = {(row.asset, row.tenant): row.state for row in shop.status().rows}
    assert states == {
        ("erp/orders", "acme"): State.PASS,
        ("erp/orders", "globex"): State.FAIL,
        ("erp/refunds", "acme"): State.PASS,
        ("erp/refunds", "globex"): State.MISSING,
    }
    failures = " ".join(shop.results[Phase.CHECKS].failures)
    assert "globex: late" in failures
    assert "acme" not in failures


def test_undated_tables_and_seeds_are_listed_and_never_bind(shop: Shop):
    with connect(shop.dsn) as conn:
        nodes = {node.key: node for node in graph.read(conn)}
        facts = {(fact.asset, fact.tenant): fact for fact in subjects.read(conn)}
    assert nodes["erp/products"].clock is None
    assert "reference/countries" in nodes["analytics/orders_enriched"].parents
    assert facts["reference/countries", "*"].synthetic
    assert set(facts["analytics/orders_enriched", "globex"].data_times) == {"erp/orders"}


@pytest.mark.promise("B54")
@pytest.mark.parametrize(
    ("asset", "kind", "root"),
    [
        ("analytics/orders_enriched", CauseKind.FEED_QUIET, "erp/orders"),
        ("analytics/revenue", CauseKind.NEVER_LOADED, "erp/refunds"),
    ],
)
def test_why_a_model_of_theirs_is_late_is_a_table_that_somebody_else_fills(
    shop: Shop, asset: str, kind: CauseKind, root: str
):
    promised = replace(shop.settings, promises=(Promise("analytics/*", Window(timedelta(hours=2)), owner="finance"),))
    with connect(shop.dsn) as conn:
        (told,) = read_why(conn, promised, datetime.now(UTC), asset, "globex").explanations
    assert told.cause
    assert (told.cause.kind, told.cause.root, told.tenants) == (kind, root, ("globex",))
    assert (told.hops[0].asset, told.hops[-1].asset) == (root, asset)
    assert told.harm
    assert "board_report" in {exposure.name for exposure in told.harm.exposures}


def test_a_tenant_whose_rows_arrive_is_fresh_at_the_next_look(shop: Shop):
    with psycopg.connect(shop.dsn, autocommit=True) as conn:
        conn.execute("update erp_raw.tbl_orders set loaded_at = now()")
    runner.refresh(shop.settings, [Phase.CHECKS], ())
    states = {(row.asset, row.tenant): row.state for row in shop.status().rows}
    assert states["erp/orders", "globex"] is State.PASS
