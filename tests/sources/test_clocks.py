"""One look at tables, against counting by hand: every kind of time, every zone, as of now or of long ago."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from telemetry_assets.model import Tenant
from telemetry_assets.sources.clocks import ClockedTable, look_at

type Ledger = psycopg.Connection[TupleRow]
type Row = tuple[int, datetime | date | None]

ZONES = ("UTC", "Pacific/Kiritimati", "America/Jamaica", "Pacific/Pago_Pago", "Europe/Berlin")
TENANTS = [Tenant(f"t{number}", UUID(int=number + 1), "", zone) for number, zone in enumerate(ZONES)]
AT = datetime(2026, 3, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INSTANTS = st.datetimes(AT.replace(tzinfo=None) - timedelta(days=3), AT.replace(tzinfo=None) + timedelta(days=3))
WHOSE = st.integers(0, len(TENANTS))  # one more than there are: a stranger's rows


@pytest.fixture
def tables(ledger: Ledger) -> Ledger:
    ledger.execute("create schema s; set timezone to 'America/Jamaica'")
    for kind in ("timestamptz", "timestamp", "date"):
        ledger.execute(f'create table s."{kind}" (whose uuid, "At" {kind})'.encode())
    return ledger


def seen(conn: Ledger, kind: str, rows: Sequence[Row], at: datetime, slack: timedelta) -> dict[str, datetime]:
    conn.execute(f'truncate s."{kind}"'.encode())
    with conn.cursor() as cursor:
        insert = f'insert into s."{kind}" values (%s, %s)'.encode()
        cursor.executemany(insert, [(UUID(int=whose + 1), value) for whose, value in rows])
    (table,) = look_at(conn, [ClockedTable("s/t", "s", kind, "At", "whose")], TENANTS, at, slack=slack)
    assert table.error == ""
    return dict(table.data_times)


def by_hand(rows: Sequence[tuple[int, datetime]], at: datetime, slack: timedelta) -> dict[str, datetime]:
    """Each tenant's newest that is not yet to come; where all are, the newest of these."""
    expected: dict[str, datetime] = {}
    for number, tenant in enumerate(TENANTS):
        own = [value for whose, value in rows if whose == number]
        good = [value for value in own if value <= at + slack]
        if own:
            expected[tenant.slug] = max(good or own)
    return expected


SLACKS = st.sampled_from([timedelta(0), 5 * MINUTE])
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@PROPERTY
@given(
    rows=st.lists(st.tuples(WHOSE, INSTANTS), max_size=15),
    kind=st.sampled_from(["timestamptz", "timestamp"]),
    slack=SLACKS,
)
def test_instants_are_each_tenants_newest_up_to_the_look(
    tables: Ledger, rows: list[tuple[int, datetime]], kind: str, slack: timedelta
):
    aware = [(whose, value.replace(tzinfo=UTC)) for whose, value in rows]
    stored = aware if kind == "timestamptz" else rows
    assert seen(tables, kind, stored, AT, slack) == by_hand(aware, AT, slack)


@PROPERTY
@given(rows=st.lists(st.tuples(WHOSE, INSTANTS), max_size=15), hour=st.integers(0, 72), slack=SLACKS)
def test_days_are_each_tenants_own_and_reach_to_their_end_or_to_the_look(
    tables: Ledger, rows: list[tuple[int, datetime]], hour: int, slack: timedelta
):
    at = AT - timedelta(hours=36 - hour)
    days = [(whose, value.date()) for whose, value in rows]
    expected: dict[str, datetime] = {}
    for number, tenant in enumerate(TENANTS):
        zone = ZoneInfo(tenant.timezone)
        own = [day for whose, day in days if whose == number]
        begun = [day for day in own if datetime.combine(day, time(), zone) <= at + slack]
        ends = [datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC) for day in begun or own]
        if own:
            expected[tenant.slug] = min(max(ends), at) if begun else max(ends)
    assert seen(tables, "date", days, at, slack) == expected


@pytest.mark.parametrize("kind", ["date", "timestamptz"])
def test_an_index_on_tenant_and_time_is_walked_back_to_any_instant_too(ledger: Ledger, kind: str):
    ledger.execute("create schema s")
    ledger.execute(
        f"create table s.t as select ('00000000-0000-0000-0000-' || lpad((n % 5 + 1)::text, 12, '0'))::uuid as whose,"
        f" (timestamptz '2026-03-20Z' + n * interval '1 min')::{kind} as at from generate_series(1, 30000) n".encode()
    )
    ledger.execute("analyze s.t")
    table = ClockedTable("s/t", "s", "t", "at", "whose")

    def look() -> dict[str, datetime]:
        return dict(look_at(ledger, [table], TENANTS, AT, slack=timedelta(0))[0].data_times)

    scanned = look()
    ledger.execute("create index on s.t (whose, at)")
    ledger.execute("set enable_seqscan = off")
    assert look() == scanned
    assert set(scanned) == {tenant.slug for tenant in TENANTS}
    assert max(scanned.values()) <= AT


def test_nothing_is_asked_of_the_database_where_no_table_is(ledger: Ledger):
    ledger.close()
    assert look_at(ledger, [], TENANTS, AT) == ()
