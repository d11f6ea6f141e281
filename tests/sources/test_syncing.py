"""What succeeded syncs make true of each stream and tenant, by the stream's clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.declaration.configured import StreamSettings
from telemetry_assets.ledger import looks, subjects, syncs, tenants
from telemetry_assets.model import Clock, ClockKind, Tenant
from telemetry_assets.settings import ConnectionSettings, SourceSettings
from telemetry_assets.sources.airbyte import Job
from telemetry_assets.sources.syncing import Outcome, record_outcomes

type Ledger = psycopg.Connection[TupleRow]

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ACME, GLOBEX = UUID(int=0xA), UUID(int=0xB)
DATED = Clock(ClockKind.COLUMN, "updatedAt")


def shop(*connections: str, **streams: Clock) -> SourceSettings:
    """A source with these streams and one connection per tenant named (``acme`` twice: two connections)."""
    return SourceSettings(
        name="shop",
        streams=tuple(StreamSettings(name, clock) for name, clock in streams.items()),
        connections=tuple(
            ConnectionSettings("shop", tenant, UUID(int=number), {}) for number, tenant in enumerate(connections, 1)
        ),
        every=HOUR,
    )


def ended(source: SourceSettings, *, status: str = "succeeded", at: datetime = NOW, rows: int = 3) -> list[Outcome]:
    """Every connection's sync ended ``at``; the first had started 10 min before, the next 11, and so on."""
    return [
        Outcome(
            connection.tenant,
            connection.connection_id,
            Job(number, connection.connection_id, status, "sync", at - (9 + number) * MINUTE, at - MINUTE, rows),
            None if status == "succeeded" else "401",
        )
        for number, connection in enumerate(source.connections, 1)
    ]


@pytest.fixture
def raw(ledger: Ledger) -> Ledger:
    """Two tenants and ``raw_shop.orders`` with a row of each."""
    tenants.write(ledger, [Tenant("acme", ACME, "Acme"), Tenant("globex", GLOBEX, "Globex")])
    ledger.execute("create schema raw_shop")
    ledger.execute("""create table raw_shop.orders (tenant_id uuid, "updatedAt" timestamptz)""")
    put(ledger, ACME, NOW - HOUR)
    put(ledger, GLOBEX, NOW - 30 * HOUR)
    return ledger


def put(conn: Ledger, tenant: UUID | None, at: datetime) -> None:
    conn.execute("insert into raw_shop.orders values (%s, %s)", (tenant, at))


def record(conn: Ledger, source: SourceSettings, outcomes: Sequence[Outcome] | None = None, now: datetime = NOW):
    """asset → tenant → data time of what a run brought."""
    return record_outcomes(conn, source, outcomes or ended(source, at=now), f"run at {now}", now)


def test_a_sync_clock_is_the_start_of_the_sync_and_a_static_one_is_none(raw: Ledger):
    found = record(raw, shop("acme", orders=Clock(), codes=Clock(ClockKind.STATIC)))
    assert found == {"shop/orders": {"acme": NOW - 10 * MINUTE}, "shop/codes": {}}
    facts = {fact.asset: fact for fact in subjects.read(raw)}
    assert facts["shop/orders"].run_time == facts["shop/codes"].run_time == NOW - MINUTE


def test_a_tenant_with_two_connections_is_complete_up_to_the_earlier_start(raw: Ledger):
    source = shop("acme", "acme", orders=Clock())
    assert record(raw, source)["shop/orders"] == {"acme": NOW - 11 * MINUTE}


def test_a_tenant_with_one_failed_connection_of_two_is_not_synced(raw: Ledger):
    source = shop("acme", "acme", "globex", orders=Clock())
    good = ended(source)
    failed = [ended(source, status="failed")[0], *good[1:]]
    assert set(record(raw, source, failed)["shop/orders"]) == {"globex"}
    assert sum(map(len, syncs.recent_of_each(raw, ["acme", "globex"], 10).values())) == 3


def test_a_column_clock_is_the_tenants_newest_row_whatever_its_case(raw: Ledger):
    assert record(raw, shop("acme", "globex", orders=DATED)) == {
        "shop/orders": {"acme": NOW - HOUR, "globex": NOW - 30 * HOUR}
    }
    assert looks.read(raw) == {}


def test_a_tenant_that_was_not_synced_has_no_fact_though_it_has_rows(raw: Ledger):
    record(raw, shop("acme", orders=DATED))
    assert [fact.tenant for fact in subjects.read(raw)] == ["acme"]


def test_a_synced_tenant_without_rows_is_known_to_have_none(raw: Ledger):
    raw.execute("delete from raw_shop.orders where tenant_id = %s", (GLOBEX,))
    assert set(record(raw, shop("acme", "globex", orders=DATED))["shop/orders"]) == {"acme"}
    (fact,) = subjects.read(raw, tenants=["globex"])
    assert (fact.run_time, dict(fact.data_times)) == (NOW - MINUTE, {})


def test_data_without_tenants_is_dated_by_the_whole_table(raw: Ledger):
    assert record(raw, shop("*", orders=DATED)) == {"shop/orders": {"*": NOW - HOUR}}


def test_a_row_from_the_future_never_hides_a_good_one(raw: Ledger):
    put(raw, ACME, NOW + 24 * HOUR)
    put(raw, GLOBEX, NOW + 5 * MINUTE)
    assert record(raw, shop("acme", "globex", orders=DATED))["shop/orders"] == {
        "acme": NOW - HOUR,
        "globex": NOW + 5 * MINUTE,
    }


def test_a_date_reaches_to_the_end_of_its_day_where_the_tenant_lives(raw: Ledger):
    tenants.write(raw, [Tenant("acme", ACME, "Acme", "America/Jamaica")])
    raw.execute("create table raw_shop.days (tenant_id uuid, day date)")
    raw.execute("insert into raw_shop.days values (%s, '2026-11-18')", (ACME,))
    found = record(raw, shop("acme", days=Clock(ClockKind.COLUMN, "day")))
    assert found["shop/days"] == {"acme": datetime(2026, 11, 19, 5, tzinfo=UTC)}


def test_a_stream_without_its_column_is_its_own_finding(raw: Ledger):
    source = shop("acme", orders=DATED, odd=Clock(ClockKind.COLUMN, "day"), gone=DATED, codes=Clock())
    raw.execute("create table raw_shop.odd (tenant_id uuid)")
    found = record(raw, source)
    assert {key for key, times in found.items() if times} == {"shop/orders", "shop/codes"}
    assert {key: look.error.partition(";")[0] for key, look in looks.read(raw).items()} == {
        "shop/odd": "raw_shop.odd has no column day",
        "shop/gone": "raw_shop.gone is not there",
    }
    assert all(fact.run_time == NOW - MINUTE for fact in subjects.read(raw))


def test_what_a_stream_held_stands_while_its_table_says_nothing_and_its_runs_go_on(raw: Ledger):
    source = shop("acme", orders=DATED)
    record(raw, source)
    raw.execute("""alter table raw_shop.orders rename "updatedAt" to changed_at""")
    record(raw, source, now=NOW + HOUR)
    (fact,) = subjects.read(raw)
    assert (fact.run_time, dict(fact.data_times)) == (NOW + HOUR - MINUTE, {"shop/orders": NOW - HOUR})
    assert "no column updatedAt" in looks.read(raw)["shop/orders"].error
    raw.execute("""alter table raw_shop.orders rename changed_at to "updatedAt" """)
    record(raw, source, now=NOW + 2 * HOUR)
    assert looks.read(raw) == {}


def test_a_restored_table_makes_its_tenant_as_old_as_it_is_and_leaves_a_correction(raw: Ledger):
    source = shop("acme", orders=DATED)
    record(raw, source)
    raw.execute("""update raw_shop.orders set "updatedAt" = %s""", (NOW - 40 * HOUR,))
    record(raw, source, now=NOW + HOUR)
    (fact,) = subjects.read(raw)
    assert fact.data_times == {"shop/orders": NOW - 40 * HOUR}
    (correction,) = subjects.corrections(raw)
    assert (correction.asset, correction.was, correction.became) == ("shop/orders", NOW - HOUR, NOW - 40 * HOUR)


def test_the_same_outcomes_told_twice_change_nothing(raw: Ledger):
    source = shop("acme", "globex", orders=DATED, codes=Clock())
    record(raw, source)
    before = (subjects.read(raw), syncs.recent_of_each(raw, ["acme", "globex"], 10))
    record(raw, source)
    assert (subjects.read(raw), syncs.recent_of_each(raw, ["acme", "globex"], 10)) == before
