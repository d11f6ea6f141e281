"""Watched tables: what one look at tables that others fill says, per tenant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.declaration.configured import TableSourceSettings, WatchedTableSettings
from telemetry_assets.ledger import looks, subjects, tenants
from telemetry_assets.model import Clock, ClockKind, Look, Tenant
from telemetry_assets.settings import AirbyteSettings, Settings, TenantSettings
from telemetry_assets.sources.watching import Observation, observe, watch

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


def manifest(*sources: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": {}, "sources": {key: node for one in sources for key, node in one.items()}}


def declared(name: str, *, clock: str | None = "loaded_at", tenant_column: str | None = "org_id") -> Settings:
    """Settings that declare one table ``erp/NAME``; without a clock it is static."""
    kind = Clock(ClockKind.COLUMN, clock) if clock else Clock(ClockKind.STATIC)
    table = WatchedTableSettings(f"erp/{name}", "erp", name, kind, tenant_column)
    return replace(settings(), tables={"erp": TableSourceSettings("erp", (table,))})


def times(observation: Observation) -> dict[tuple[str, str], datetime]:
    """(asset, tenant) → data time."""
    return {(fact.asset, fact.tenant): fact.data_times[fact.asset] for fact in observation.facts}


def seen(conn: psycopg.Connection[TupleRow], *sources: dict[str, Any]) -> dict[tuple[str, str], datetime]:
    """(asset, tenant) → data time of one look."""
    return times(observe(conn, settings(), manifest(*sources), now=NOW))


def errors(conn: psycopg.Connection[TupleRow], *sources: dict[str, Any]) -> dict[str, str]:
    """asset → why one look at it failed, empty where it did not."""
    return {look.feeder: look.error for look in observe(conn, settings(), manifest(*sources), NOW).looks}


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


def test_a_fact_of_a_look_is_nobodys_run(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW - HOUR)
    (fact,) = observe(erp, settings(), manifest(source("orders")), NOW).facts
    assert (fact.run_time, fact.looked_at, fact.run_id, fact.source) == (None, NOW, "watched", "watched")


def test_every_table_asked_for_has_a_look_of_the_same_instant(erp: psycopg.Connection[TupleRow]):
    erp.execute("create table erp.refunds (org_id uuid, loaded_at timestamptz)")
    found = observe(erp, settings(), manifest(source("orders"), source("refunds")), NOW)
    assert [look.feeder for look in found.looks] == ["erp/orders", "erp/refunds"]
    assert {look.looked_at for look in found.looks} == {NOW}


def test_a_table_that_cannot_be_read_hides_no_other(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW)
    erp.execute("create table erp.odd (org_id uuid)")
    sources = (source("missing"), source("odd"), source("orders"))
    assert set(seen(erp, *sources)) == {("erp/orders", "acme")}
    assert errors(erp, *sources) == {
        "erp/missing": "erp.missing is not there; load it, or correct its name where it is declared",
        "erp/odd": "erp.odd has no column loaded_at; name one of its columns as its clock",
        "erp/orders": "",
    }


@pytest.mark.parametrize(
    ("table", "loaded_at", "said"),
    [
        ("create table erp.t (org_id uuid, loaded_at int)", "loaded_at", "integer, which is no time"),
        ("create table erp.t (loaded_at timestamptz)", "loaded_at", "no column org_id that says whose its rows are"),
        ("create table erp.t (org_id uuid, n int)", "now() + (1 / n) * interval '1 day'", "division by zero"),
        ("create table erp.t (org_id uuid, n int)", "now() +", "syntax error"),
    ],
)  # fmt: skip
def test_why_a_table_says_nothing_is_said_with_the_way_out(
    erp: psycopg.Connection[TupleRow], table: str, loaded_at: str, said: str
):
    erp.execute(table.encode())
    if "n int" in table:
        erp.execute("insert into erp.t values (%s, 0)", (ACME,))
    error = errors(erp, source("t", loaded_at=loaded_at))["erp/t"]
    assert said in error
    assert "; " in error


@pytest.mark.slow
def test_a_table_we_have_no_right_to_or_that_is_locked_is_told_so(erp: psycopg.Connection[TupleRow], database: str):
    with psycopg.connect(database) as migration:
        migration.execute("lock table erp.orders in access exclusive mode")
        assert "is locked by somebody else" in errors(erp, source("orders"))["erp/orders"]
    erp.execute("create role nobody_special; grant usage on schema erp, telemetry to nobody_special")
    erp.execute("grant select on telemetry.tenants to nobody_special; set role nobody_special")
    try:
        assert "grant SELECT on it" in errors(erp, source("orders"))["erp/orders"]
    finally:
        erp.execute("reset role; drop owned by nobody_special; drop role nobody_special")


def test_a_table_too_large_for_the_time_takes_it_from_no_smaller_one(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW)
    erp.execute("create view erp.slow as select org_id, loaded_at from erp.orders where pg_sleep(30) is not null")
    sources = manifest(source("slow"), source("orders"))
    found = observe(erp, settings(), sources, NOW, timeout=timedelta(milliseconds=300))
    assert {look.feeder: look.error.partition(";")[0] for look in found.looks} == {
        "erp/slow": "erp.slow was not reached in time",
        "erp/orders": "",
    }


def test_what_was_last_seen_of_a_table_stands_when_it_is_gone(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW - HOUR)
    watch(erp, settings(), manifest(source("orders")), NOW)
    before = subjects.read(erp)
    erp.execute("drop table erp.orders")
    watch(erp, settings(), manifest(source("orders")), NOW + HOUR)
    assert subjects.read(erp) == before
    look = looks.read(erp)["erp/orders"]
    assert (look.looked_at, look.error.partition(";")[0]) == (NOW + HOUR, "erp.orders is not there")


def test_what_is_known_already_is_not_written_again_and_the_look_is_of_now(erp: psycopg.Connection[TupleRow]):
    put(erp, ACME, NOW - HOUR)
    put(erp, GLOBEX, NOW + 9 * HOUR)
    for hours in (0, 1, 10):
        watch(erp, settings(), manifest(source("orders")), NOW + hours * HOUR)
    looked_at = {fact.tenant: fact.looked_at for fact in subjects.read(erp)}
    # What lay in the future is believed from the first look on that is not before it.
    assert looked_at == {"acme": NOW, "globex": NOW + 10 * HOUR}
    assert looks.read(erp)["erp/orders"].looked_at == NOW + 10 * HOUR


def test_a_table_that_is_back_is_looked_at_without_an_error(erp: psycopg.Connection[TupleRow]):
    watch(erp, settings(), manifest(source("refunds")), NOW)
    erp.execute("create table erp.refunds (org_id uuid, loaded_at timestamptz)")
    watch(erp, settings(), manifest(source("refunds")), NOW + HOUR)
    assert looks.read(erp) == {"erp/refunds": Look("erp/refunds", NOW + HOUR)}


def test_what_nothing_dates_is_not_asked_for(erp: psycopg.Connection[TupleRow]):
    nothing = Observation()
    assert observe(erp, settings(), manifest(source("orders", loaded_at=None)), NOW) == nothing
    assert observe(erp, settings(), manifest(source("orders", freshness=None)), NOW) == nothing
    assert observe(erp, declared("orders", clock=None), None, NOW) == nothing
    assert observe(erp, settings(), None, NOW) == nothing


class TestDeclared:
    """Tables that telemetry.yaml names itself."""

    def test_they_are_watched_without_any_dbt_project(self, erp: psycopg.Connection[TupleRow]):
        put(erp, ACME, NOW - HOUR)
        assert times(observe(erp, declared("orders"), None, NOW)) == {("erp/orders", "acme"): NOW - HOUR}

    def test_without_a_tenant_column_they_are_one_subject(self, erp: psycopg.Connection[TupleRow]):
        put(erp, None, NOW - HOUR)
        found = observe(erp, declared("orders", tenant_column=None), None, NOW)
        assert times(found) == {("erp/orders", "*"): NOW - HOUR}

    def test_their_clock_is_a_column_exactly_as_written(self, erp: psycopg.Connection[TupleRow]):
        erp.execute("""create table erp."Tbl" (org_id uuid, "updated At" timestamptz)""")
        erp.execute("""insert into erp."Tbl" values (%s, %s)""", (ACME, NOW - HOUR))
        found = observe(erp, declared("Tbl", clock="updated At"), None, NOW)
        assert times(found) == {("erp/Tbl", "acme"): NOW - HOUR}

    def test_what_is_declared_is_read_as_declared_and_not_as_dbt_says(self, erp: psycopg.Connection[TupleRow]):
        put(erp, ACME, NOW - HOUR)
        found = observe(erp, declared("orders"), manifest(source("orders", identifier="elsewhere")), NOW)
        assert [(look.feeder, look.error) for look in found.looks] == [("erp/orders", "")]


class TestDays:
    """A date means the end of that day where its tenant lives, at most the instant of the look."""

    @pytest.fixture
    def sales(self, ledger: psycopg.Connection[TupleRow]) -> psycopg.Connection[TupleRow]:
        """Tenants in three zones: at noon UTC it is already the 21st in Kiritimati."""
        zones = {"acme": "UTC", "globex": "America/Jamaica", "initech": "Pacific/Kiritimati"}
        people = [Tenant(slug, UUID(int=number), slug, zone) for number, (slug, zone) in enumerate(zones.items(), 10)]
        tenants.write(ledger, people)
        ledger.execute("create schema erp; create table erp.sales (org_id uuid, day date)")
        return ledger

    def seen(self, conn: psycopg.Connection[TupleRow], *days: str, tenanted: bool = True) -> dict[str, datetime]:
        """tenant → data time where every tenant has rows of these days."""
        for day in days:
            conn.execute("insert into erp.sales select id, %s from telemetry.tenants", (day,))
        found = observe(conn, declared("sales", clock="day", tenant_column="org_id" if tenanted else None), None, NOW)
        return {fact.tenant: fact.data_times["erp/sales"] for fact in found.facts}

    def test_a_day_that_is_over_reaches_to_its_end_there(self, sales: psycopg.Connection[TupleRow]):
        assert self.seen(sales, "2026-11-18") == {
            "acme": datetime(2026, 11, 19, tzinfo=UTC),
            "globex": datetime(2026, 11, 19, 5, tzinfo=UTC),
            "initech": datetime(2026, 11, 18, 10, tzinfo=UTC),
        }

    def test_a_day_that_is_not_over_reaches_to_the_look(self, sales: psycopg.Connection[TupleRow]):
        found = self.seen(sales, "2026-11-20")
        assert found == {"acme": NOW, "globex": NOW, "initech": datetime(2026, 11, 20, 10, tzinfo=UTC)}

    def test_tomorrow_is_yet_to_come_only_where_it_has_not_begun(self, sales: psycopg.Connection[TupleRow]):
        found = self.seen(sales, "2026-11-18", "2026-11-21")
        assert found["initech"] == NOW
        assert found["acme"] == datetime(2026, 11, 19, tzinfo=UTC)

    def test_where_there_is_only_tomorrow_it_is_its_end_and_not_believed(self, sales: psycopg.Connection[TupleRow]):
        assert self.seen(sales, "2026-11-21")["acme"] == datetime(2026, 11, 22, tzinfo=UTC)

    def test_without_tenants_a_day_is_one_of_utc(self, sales: psycopg.Connection[TupleRow]):
        assert self.seen(sales, "2026-11-18", tenanted=False) == {"*": datetime(2026, 11, 19, tzinfo=UTC)}

    def test_the_first_and_last_dates_there_are_break_nothing(self, sales: psycopg.Connection[TupleRow]):
        for day in ("4713-01-01 BC", "-infinity"):
            sales.execute("truncate erp.sales")
            assert max(self.seen(sales, day).values()).year == 1
        for day in ("9999-12-31", "5874897-12-31", "infinity"):
            sales.execute("truncate erp.sales")
            assert min(self.seen(sales, day).values()).year == 9999


class TestFuture:
    def test_a_row_from_the_future_is_left_out_where_an_earlier_stands_and_said(
        self, erp: psycopg.Connection[TupleRow]
    ):
        put(erp, ACME, NOW - HOUR)
        put(erp, ACME, datetime(2031, 5, 1, tzinfo=UTC))
        found = observe(erp, settings(), manifest(source("orders")), NOW)
        assert times(found) == {("erp/orders", "acme"): NOW - HOUR}
        assert [look.error for look in found.looks] == [""]
        assert found.notes == {
            "erp/orders": "rows of acme in erp.orders say times yet to come, up to 2031-05-01 00:00 UTC:"
            " a clock or a zone is wrong"
        }
        watch(erp, settings(), manifest(source("orders")), NOW)
        assert looks.read(erp)["erp/orders"].note == found.notes["erp/orders"]

    def test_where_there_is_nothing_else_it_is_kept_and_no_later_look_calls_it_absent(
        self, erp: psycopg.Connection[TupleRow]
    ):
        put(erp, ACME, NOW - HOUR)
        watch(erp, settings(), manifest(source("orders")), NOW)
        erp.execute("update erp.orders set loaded_at = %s", (NOW + 24 * HOUR,))
        watch(erp, settings(), manifest(source("orders")), NOW + HOUR)
        (fact,) = subjects.read(erp)
        assert fact.data_times == {"erp/orders": NOW + 24 * HOUR}

    @pytest.mark.parametrize("never", ["infinity", "12000-01-01"])
    def test_a_time_of_no_real_year_is_never_fresh_and_never_absent(
        self, erp: psycopg.Connection[TupleRow], never: str
    ):
        erp.execute("insert into erp.orders values (%s, %s::timestamptz)", (ACME, never))
        found = observe(erp, settings(), manifest(source("orders")), NOW)
        assert times(found)["erp/orders", "acme"].year == 9999
        assert "of no real year" in found.notes["erp/orders"]

    @pytest.mark.parametrize("ancient", ["-infinity", "4000-01-01 BC"])
    def test_a_time_before_our_era_is_the_oldest_there_is(self, erp: psycopg.Connection[TupleRow], ancient: str):
        erp.execute("insert into erp.orders values (%s, %s::timestamptz)", (ACME, ancient))
        assert seen(erp, source("orders"))["erp/orders", "acme"].year == 1


def test_a_restored_table_makes_its_tenant_as_old_as_it_is_and_leaves_a_correction(
    erp: psycopg.Connection[TupleRow],
):
    put(erp, ACME, NOW - HOUR)
    watch(erp, settings(), manifest(source("orders")), NOW)
    erp.execute("update erp.orders set loaded_at = %s", (NOW - 30 * HOUR,))
    watch(erp, settings(), manifest(source("orders")), NOW + HOUR)
    (fact,) = subjects.read(erp)
    assert fact.data_times == {"erp/orders": NOW - 30 * HOUR}
    (correction,) = subjects.corrections(erp)
    assert (correction.tenant, correction.was, correction.became) == ("acme", NOW - HOUR, NOW - 30 * HOUR)


@pytest.mark.promise("F9")
@pytest.mark.parametrize("mark", [{"meta": {"telemetry": {"synthetic": True}}}, {"tags": ["synthetic"]}])
def test_rows_that_are_said_to_be_made_up_refresh_nothing(erp: psycopg.Connection[TupleRow], mark: dict[str, Any]):
    put(erp, ACME, NOW)
    (fact,) = observe(erp, settings(), manifest(source("orders", config=mark)), NOW).facts
    assert fact.synthetic


def test_looking_leaves_the_connection_able_to_write(erp: psycopg.Connection[TupleRow]):
    before = observe(erp, settings(), manifest(source("orders")), NOW)
    put(erp, ACME, NOW)
    assert observe(erp, settings(), manifest(source("orders")), NOW) != before
