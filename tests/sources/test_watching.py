"""Watched tables: what one look at tables that others fill says, per tenant."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.ledger import subjects, tenants
from telemetry_assets.model import Tenant
from telemetry_assets.settings import AirbyteSettings, Settings, TenantSettings
from telemetry_assets.sources.watching import observe

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME, GLOBEX = UUID(int=0xA), UUID(int=0xB)


def settings() -> Settings:
    return Settings(
        path=Path("/nowhere/telemetry.yaml"),
        home=Path("/nowhere"),
        tenants=TenantSettings(column="org_id"),
        dbt=None,
        sources={},
        promises=(),
        snapshots={},
        database=None,
        airbyte=AirbyteSettings(),
    )


def source(name: str, *, loaded_at: str | None = "loaded_at", tenanted: bool = True, **more: Any) -> dict[str, Any]:
    """One source table as a dbt manifest has it."""
    columns = {"org_id": {}} if tenanted else {}
    return {
        f"source.p.erp.{name}": {
            "resource_type": "source", "source_name": "erp", "name": name, "schema": "erp", "columns": columns,
            "loaded_at_field": loaded_at, "freshness": {"error_after": {"count": 1, "period": "hour"}}, **more,
        }
    }  # fmt: skip


@pytest.fixture
def erp(ledger: psycopg.Connection[TupleRow]) -> psycopg.Connection[TupleRow]:
    """Two tenants, and a table of orders without rows."""
    tenants.write(ledger, [Tenant("acme", ACME, "Acme"), Tenant("globex", GLOBEX, "Globex")])
    ledger.execute("create schema erp; create table erp.orders (org_id uuid, loaded_at timestamptz)")
    return ledger


def put(conn: psycopg.Connection[TupleRow], tenant: UUID | None, loaded_at: datetime) -> None:
    conn.execute("insert into erp.orders values (%s, %s)", (tenant, loaded_at))


def seen(conn: psycopg.Connection[TupleRow], *sources: dict[str, Any]) -> dict[tuple[str, str], datetime]:
    """(asset, tenant) → data time of one look."""
    found = {"sources": {key: node for one in sources for key, node in one.items()}}
    return {
        (fact.asset, fact.tenant): fact.data_times[fact.asset] for fact in observe(conn, settings(), found, now=NOW)
    }


def test_each_tenant_is_as_old_as_its_newest_row(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW - HOUR)
    put(erp, ACME, NOW - 3 * HOUR)
    put(erp, GLOBEX, NOW - 30 * HOUR)
    assert seen(erp, source("orders")) == {
        ("erp/orders", "acme"): NOW - HOUR,
        ("erp/orders", "globex"): NOW - 30 * HOUR,
    }


def test_a_tenant_without_rows_has_no_fact_and_a_stranger_neither(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW)
    put(erp, UUID(int=0xDEAD), NOW)
    put(erp, None, NOW)
    assert set(seen(erp, source("orders"))) == {("erp/orders", "acme")}


def test_data_without_tenants_is_one_subject(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW - 2 * HOUR)
    put(erp, GLOBEX, NOW - HOUR)
    assert seen(erp, source("orders", tenanted=False)) == {("erp/orders", "*"): NOW - HOUR}


def test_an_identifier_and_an_expression_are_read_as_the_project_wrote_them(erp: psycopg.Connection[TupleRow]):
    erp.execute("""create table erp."Tbl Orders" (org_id uuid, ts text)""")
    erp.execute("""insert into erp."Tbl Orders" values (%s, '2026-11-20T11:00:00Z')""", (ACME,))
    node = source("orders", loaded_at="ts::timestamptz", identifier="Tbl Orders")
    assert seen(erp, node) == {("erp/orders", "acme"): NOW - HOUR}


def test_a_table_that_cannot_be_read_hides_no_other(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW)
    erp.execute("create table erp.odd (org_id uuid)")
    assert set(seen(erp, source("missing"), source("odd"), source("orders"))) == {("erp/orders", "acme")}


def test_what_nothing_dates_is_not_asked_for(erp: psycopg.Connection[TupleRow]):
    assert seen(erp, source("orders", loaded_at=None)) == {}
    assert seen(erp, source("orders", freshness=None)) == {}
    assert observe(erp, settings(), None, NOW) == ()


def test_a_row_from_the_future_never_replaces_a_good_look(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW - HOUR)
    manifest = {"sources": source("orders")}
    subjects.record(erp, observe(erp, settings(), manifest, NOW))
    erp.execute("update erp.orders set loaded_at = %s", (NOW + 24 * HOUR,))
    subjects.record(erp, observe(erp, settings(), manifest, NOW))
    (fact,) = subjects.read(erp)
    assert fact.data_times == {"erp/orders": NOW - HOUR}
    assert fact.run_time == NOW - HOUR


def test_a_good_row_replaces_a_look_that_saw_only_the_future(erp: psycopg.Connection[TupleRow]):
    manifest = {"sources": source("orders")}
    put(erp, ACME, NOW + 24 * HOUR)
    subjects.record(erp, observe(erp, settings(), manifest, NOW))
    put(erp, ACME, NOW - HOUR)
    subjects.record(erp, observe(erp, settings(), manifest, NOW))
    (fact,) = subjects.read(erp)
    assert fact.data_times == {"erp/orders": NOW - HOUR}


def test_looking_leaves_the_connection_able_to_write(erp: psycopg.Connection[TupleRow]):
    before = observe(erp, settings(), {"sources": source("orders")}, NOW)
    put(erp, ACME, NOW)
    assert observe(erp, settings(), {"sources": source("orders")}, NOW) != before
