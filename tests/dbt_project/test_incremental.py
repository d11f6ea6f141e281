"""What a second build re-reads and rewrites: the tenants whose rows changed, and nobody else's."""

from datetime import datetime, timedelta

import psycopg
import pytest

from telemetry_assets.model import Tenant
from tests.dbt_project.conftest import Warehouse
from tests.dbt_project.oracle import expected_metrics
from tests.dbt_project.raw_rows import AUCKLAND, KINGSTON, LOADED, LONDON, NOW, SILENT, RawRows, Row, invented, upsert
from tests.dbt_project.test_payload_figures import rounded

pytestmark = pytest.mark.slow

META = ("meta_ads", "insights")
GOOGLE = ("google_ads", "insights")


def synced(
    warehouse: Warehouse, tenant: Tenant, rows: list[Row], loaded: datetime, key: tuple[str, str] = META
) -> None:
    with psycopg.connect(warehouse.dsn) as conn:
        upsert(conn, key, tenant, rows, loaded)


def changed_tenants(before: dict[tuple[str, str], frozenset[str]], warehouse: Warehouse) -> set[tuple[str, str]]:
    after = warehouse.written()
    return {key for key in before | after if before.get(key) != after.get(key)}


def with_rows(raw: RawRows, rows: list[Row], key: tuple[str, str] = META) -> RawRows:
    """The tenant's rows after a sync of ``rows``, worked out without a database."""
    identity = ("date", "ad_id", "parish") if key == META else ("segments_date", "ad_id", "geo_parish")
    merged = {tuple(row[name] for name in identity): row for row in [*raw.streams[key], *rows]}
    return RawRows(raw.tenant, {**raw.streams, key: list(merged.values())})


def a_day(raw: RawRows, spend: float) -> list[Row]:
    """Yesterday's rows of one ad with another spend."""
    yesterday = NOW.date() - timedelta(days=2)
    rows = [row for row in raw.streams[META] if row["date"] == yesterday and row["ad_id"] == "10"]
    assert rows
    return [{**row, "spend": spend, "updated_at": NOW} for row in rows]


def test_a_build_over_unchanged_rows_rewrites_no_row(warehouse: Warehouse) -> None:
    before = warehouse.written()
    warehouse.run()
    assert changed_tenants(before, warehouse) == set()


def test_new_rows_of_one_tenant_change_only_that_tenant(warehouse: Warehouse) -> None:
    before = warehouse.written()
    raw = warehouse.raw[LONDON.slug]
    rows = a_day(raw, 1234.5)
    synced(warehouse, LONDON, rows, NOW)
    warehouse.run()
    assert {tenant for _, tenant in changed_tenants(before, warehouse)} == {str(LONDON.id)}
    assert rounded(warehouse.payloads()[LONDON.id]) == expected_metrics(with_rows(raw, rows), NOW)


def test_late_rows_with_the_instant_of_the_newest_are_not_lost(warehouse: Warehouse) -> None:
    raw = warehouse.raw[KINGSTON.slug]
    rows = a_day(raw, 77.75)
    synced(warehouse, KINGSTON, rows, LOADED)
    warehouse.run()
    assert rounded(warehouse.payloads()[KINGSTON.id]) == expected_metrics(with_rows(raw, rows), NOW)


@pytest.mark.slow
def test_a_sync_that_ended_before_another_tenants_but_was_seen_after_it_is_not_lost(warehouse: Warehouse) -> None:
    synced(warehouse, LONDON, a_day(warehouse.raw[LONDON.slug], 1.5), NOW)
    warehouse.run()
    raw = warehouse.raw[KINGSTON.slug]
    rows = a_day(raw, 2.5)
    synced(warehouse, KINGSTON, rows, NOW - timedelta(minutes=5))
    warehouse.run()
    assert rounded(warehouse.payloads()[KINGSTON.id]) == expected_metrics(with_rows(raw, rows), NOW)


def test_rows_that_come_again_with_the_same_figures_move_the_watermark_and_no_payload(warehouse: Warehouse) -> None:
    before = warehouse.written()
    again = [row for row in warehouse.raw[LONDON.slug].streams[META] if row["date"] >= NOW.date() - timedelta(days=3)]
    synced(warehouse, LONDON, again, NOW)
    warehouse.run()
    moved = changed_tenants(before, warehouse)
    assert ("tenant_dashboard", str(LONDON.id)) not in moved
    assert moved == {
        (mart, str(LONDON.id)) for mart in ("creative_performance", "campaign_performance", "parish_daily")
    }
    [(newest,)] = warehouse.rows(
        f"select max(loaded_at) from marts.parish_daily where platform = 'meta' and tenant_id = '{LONDON.id}'"
    )
    assert newest == NOW


def test_a_new_name_of_a_campaign_changes_that_tenants_payload_alone(warehouse: Warehouse) -> None:
    before = warehouse.written()
    [campaign] = [row for row in warehouse.raw[AUCKLAND.slug].streams["meta_ads", "campaigns"] if row["id"] == "1"]
    synced(warehouse, AUCKLAND, [{**campaign, "name": "Renamed"}], LOADED, ("meta_ads", "campaigns"))
    warehouse.run()
    assert changed_tenants(before, warehouse) == {("tenant_dashboard", str(AUCKLAND.id))}
    names = {row["name"] for row in warehouse.payloads()[AUCKLAND.id]["campaign_metrics"]["rows"]}
    assert "Renamed" in names


@pytest.mark.slow
def test_a_new_day_changes_the_payload_only_of_the_tenants_for_whom_it_began(warehouse: Warehouse) -> None:
    before = warehouse.written()
    later = NOW + timedelta(hours=4)
    warehouse.run(later)
    assert changed_tenants(before, warehouse) == {("tenant_dashboard", str(KINGSTON.id))}
    assert rounded(warehouse.payloads()[KINGSTON.id]) == expected_metrics(warehouse.raw[KINGSTON.slug], later)


@pytest.mark.slow
def test_a_row_that_moved_to_another_campaign_leaves_none_behind(warehouse: Warehouse) -> None:
    raw = warehouse.raw[LONDON.slug]
    rows = [{**row, "campaign_id": "2"} for row in raw.streams[META] if row["ad_id"] == "50"]
    synced(warehouse, LONDON, rows, NOW)
    warehouse.run()
    assert (
        rounded(warehouse.payloads()[LONDON.id]["campaign_metrics"])
        == (expected_metrics(with_rows(raw, rows), NOW)["campaign_metrics"])
    )


@pytest.mark.slow
def test_a_tenant_that_syncs_for_the_first_time_gets_its_whole_history(warehouse: Warehouse) -> None:
    raw = invented(SILENT, 9)
    with psycopg.connect(warehouse.dsn) as conn:
        raw.load(conn, LOADED - timedelta(days=1))
    warehouse.run()
    assert rounded(warehouse.payloads()[SILENT.id]) == expected_metrics(raw, NOW)


@pytest.mark.slow
def test_a_tenant_that_left_has_no_dashboard_any_more(warehouse: Warehouse) -> None:
    with psycopg.connect(warehouse.dsn) as conn:
        conn.execute("delete from telemetry.tenants where id = %s", [LONDON.id])
    warehouse.run()
    assert set(warehouse.payloads()) == {KINGSTON.id, AUCKLAND.id, SILENT.id}


@pytest.mark.promise("A25")
def test_a_lost_field_is_withheld_for_its_tenant_and_not_read_as_zero(warehouse: Warehouse) -> None:
    rows = [{**row, "spend": None} for row in a_day(warehouse.raw[LONDON.slug], 0)]
    synced(warehouse, LONDON, rows, NOW)
    warehouse.run()
    payloads = warehouse.payloads()
    assert payloads[LONDON.id]["campaign_metrics"]["summary"]["totalSpend"] is None
    assert payloads[LONDON.id]["campaign_metrics"]["summary"]["totalClicks"] > 0
    assert payloads[KINGSTON.id]["campaign_metrics"]["summary"]["totalSpend"] > 0


@pytest.mark.slow
def test_incremental_builds_end_where_a_full_refresh_ends(warehouse: Warehouse) -> None:
    synced(warehouse, LONDON, a_day(warehouse.raw[LONDON.slug], 9.25), NOW)
    google = [{**row, "clicks": row["clicks"] + 1} for row in warehouse.raw[AUCKLAND.slug].streams[GOOGLE]]
    synced(warehouse, AUCKLAND, google, NOW + timedelta(seconds=1), GOOGLE)
    warehouse.run()
    figures = "select * from (select *, null as changed_at from marts.{}) as rows order by 1, 2, 3, 4"
    incremental = {mart: warehouse.rows(figures.format(mart)) for mart in ("campaign_performance", "parish_daily")}
    payloads = warehouse.payloads()
    assert warehouse.dbt("run", "--full-refresh") == ""
    assert warehouse.payloads() == payloads
    for mart, rows in incremental.items():
        assert [row[:-2] for row in warehouse.rows(figures.format(mart))] == [row[:-2] for row in rows]
