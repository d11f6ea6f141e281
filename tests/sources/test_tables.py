"""Watermarks by SQL, on a real PostgreSQL: every kind of time, every kind of failure, one trip."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import sleep

import psycopg
import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from telemetry_assets.sources.tables import Problem, TableReading, TableRequest, read_watermarks

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    """An autocommit connection to a fresh database with a schema ``s``, in a zone that is not UTC."""
    connection = psycopg2.connect(database, options="-c TimeZone=America/Jamaica")
    connection.autocommit = True
    execute(connection, "create schema s")
    yield connection
    connection.close()


def execute(conn: Connection, *statements: str) -> None:
    with conn.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def read(conn: Connection, *requests: TableRequest, now: datetime | None = NOW) -> tuple[TableReading, ...]:
    """The readings, and the transaction closed."""
    with conn.cursor() as cursor:
        _, readings = read_watermarks(cursor, requests, now=now)
        cursor.execute("rollback")
    return readings


def ask(name: str, loaded_at: str = "at", tenant: str = "tenant", **more: str) -> TableRequest:
    return TableRequest("s", name, loaded_at, tenant, **more)


def newest(reading: TableReading) -> dict[str | None, datetime | None]:
    assert reading.problem is None, reading
    return {mark.tenant: mark.data_time for mark in reading.watermarks}


class TestTimes:
    def test_a_date_and_a_time_without_zone_are_read_as_utc(self, conn: Connection) -> None:
        execute(
            conn,
            "create table s.d as select 1 as tenant, date '2026-02-01' as at",
            "create table s.n as select 1 as tenant, timestamp '2026-02-01 03:00:00.000001' as at",
            "create table s.z as select 1 as tenant, timestamptz '2026-02-01 03:00:00-05' as at",
        )
        read_ = [newest(reading)["1"] for reading in read(conn, ask("d"), ask("n"), ask("z"))]
        assert read_ == [
            datetime(2026, 2, 1, tzinfo=UTC),
            datetime(2026, 2, 1, 3, 0, 0, 1, tzinfo=UTC),
            datetime(2026, 2, 1, 8, tzinfo=UTC),
        ]

    @pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
    @pytest.mark.parametrize("odd", ["infinity", "-infinity", "4000-01-01 BC", "12000-01-01"])
    @pytest.mark.slow
    def test_no_time_crashes_and_the_future_is_left_out(self, conn: Connection, kind: str, odd: str) -> None:
        execute(
            conn,
            f"create table s.t (tenant text, at {kind})",
            f"insert into s.t values ('a', '{odd}'), ('b', '{odd}'), ('b', '2026-02-01 00:00Z')",
        )
        (reading,) = read(conn, ask("t"))
        ahead = odd in ("infinity", "12000-01-01")
        assert newest(reading) == {
            "a": None if ahead else datetime.min.replace(tzinfo=UTC),
            "b": datetime(2026, 2, 1, tzinfo=UTC),
        }
        assert all(mark.ahead == ahead for mark in reading.watermarks)

    def test_the_last_date_postgresql_knows_is_left_out_too(self, conn: Connection) -> None:
        execute(conn, "create table s.t (at date)", "insert into s.t values ('5874897-12-31'), ('2026-02-01')")
        assert newest(read(conn, ask("t"))[0]) == {None: datetime(2026, 2, 1, tzinfo=UTC)}

    def test_up_to_five_minutes_ahead_is_no_clock_gone_wrong(self, conn: Connection) -> None:
        execute(
            conn,
            "create table s.t (tenant text, at timestamptz)",
            "insert into s.t values ('in', '2026-03-01 12:05Z'), ('out', '2026-03-01 12:05:00.000001Z')",
        )
        marks = {mark.tenant: mark for mark in read(conn, ask("t"))[0].watermarks}
        assert (marks["in"].ahead, marks["out"].ahead) == (False, True)
        assert (marks["out"].data_time, marks["out"].newest) == (None, NOW + timedelta(minutes=5, microseconds=1))

    def test_without_a_given_now_it_is_the_databases(self, conn: Connection) -> None:
        with conn.cursor() as cursor:
            looked_at, _ = read_watermarks(cursor, [])
        assert abs(looked_at - datetime.now(UTC)) < timedelta(minutes=1)


class TestNames:
    def test_names_mean_what_they_mean_to_postgresql(self, conn: Connection) -> None:
        execute(
            conn,
            'create table s."Odd ""name" ("Tenant" text, at timestamptz, "At" timestamptz)',
            """insert into s."Odd ""name" values ('it''s', '2026-01-01Z', '2026-02-01Z')""",
        )
        folded, quoted, absent = read(
            conn,
            ask('Odd "name', "AT", "Tenant"),
            ask('Odd "name', '"At"', "Tenant"),
            ask('Odd "name', '"aT"', "Tenant"),
        )
        assert newest(folded) == {"it's": datetime(2026, 1, 1, tzinfo=UTC)}
        assert newest(quoted) == {"it's": datetime(2026, 2, 1, tzinfo=UTC)}
        assert absent.problem is Problem.NO_COLUMN

    def test_an_expression_a_filter_and_a_query_are_the_users_own_sql(self, conn: Connection) -> None:
        execute(
            conn,
            "create table s.t (tenant text, at text, gone bool)",
            "insert into s.t values ('a', '2026-01-01', false), ('a', '2026-02-01', true)",
        )
        expression, filtered, asked = read(
            conn,
            ask("t", "at::timestamp -- why"),
            ask("t", "at::timestamp", filter="not t.gone -- why"),
            ask("t", "", query="with x as (select at::date from s.t) select min(at) from x -- why"),
        )
        assert newest(expression) == {"a": datetime(2026, 2, 1, tzinfo=UTC)}
        assert newest(filtered) == {"a": datetime(2026, 1, 1, tzinfo=UTC)}
        assert newest(asked) == {None: datetime(2026, 1, 1, tzinfo=UTC)}
        assert not asked.tenanted

    def test_views_and_partitioned_tables_are_tables_too(self, conn: Connection) -> None:
        execute(
            conn,
            "create table s.p (tenant text, at timestamptz) partition by list (tenant)",
            "create table s.p1 partition of s.p default",
            "insert into s.p values ('a', '2026-02-01Z')",
            "create view s.v as select * from s.p",
            "create materialized view s.m as select * from s.p",
        )
        assert {newest(reading)["a"] for reading in read(conn, ask("p"), ask("v"), ask("m"))} == {
            datetime(2026, 2, 1, tzinfo=UTC)
        }


class TestFailures:
    def test_each_failure_is_its_tables_own(self, conn: Connection) -> None:
        execute(
            conn,
            "create table s.t (tenant text, at timestamptz, n int, js json)",
            "insert into s.t values ('a', '2026-02-01Z', 0, '{}')",
        )
        readings = read(
            conn,
            ask("gone"),
            TableRequest("nowhere", "t", "at", "tenant"),
            ask("t", "absent"),
            ask("t", "n"),
            ask("t", "tenant || 'x'"),
            ask("t", "at + (1 / n) * interval '1 day'"),
            ask("t", "at + "),
            ask("t", filter="absent"),
            ask("t", tenant="js"),
            ask("t", "", query="select 1, 2"),
            ask("t"),
        )
        assert [reading.problem for reading in readings] == [
            Problem.NO_TABLE,
            Problem.NO_TABLE,
            Problem.NO_COLUMN,
            Problem.NOT_A_TIME,
            Problem.NOT_A_TIME,
            *[Problem.BROKEN_SQL] * 5,
            None,
        ]
        assert readings[5].detail == "division by zero"

    @pytest.mark.parametrize(
        "poison",
        [
            "at); drop table s.t; --",
            "(select at from (update s.t set at = null returning at) x)",
            "at + set_config('transaction_read_only', 'off', false)::interval",
        ],
    )
    def test_nothing_can_be_written(self, conn: Connection, poison: str) -> None:
        execute(conn, "create table s.t (tenant text, at timestamptz)", "insert into s.t values ('a', '2026-02-01Z')")
        assert read(conn, ask("t", poison))[0].problem is Problem.BROKEN_SQL
        assert newest(read(conn, ask("t"))[0]) == {"a": datetime(2026, 2, 1, tzinfo=UTC)}

    def test_what_was_read_before_the_time_ran_out_is_kept(self, conn: Connection) -> None:
        execute(conn, "create table s.t (tenant text, at timestamptz)", "insert into s.t values ('a', '2026-02-01Z')")
        with conn.cursor() as cursor:
            requests = [ask("t"), ask("t", filter="pg_sleep(30) is not null"), ask("t")]
            _, readings = read_watermarks(cursor, requests, timeout=timedelta(milliseconds=300))
        assert [reading.problem for reading in readings] == [None, Problem.TIMED_OUT, Problem.TIMED_OUT]

    def test_a_table_dropped_between_plan_and_read_is_missing_and_spoils_no_other(
        self, conn: Connection, database: str
    ) -> None:
        for name in "abc":
            execute(conn, f"create table s.{name} (tenant text, at timestamptz)")
            execute(conn, f"insert into s.{name} values ('a', '2026-02-01Z')")
        slowly = ask("a", filter="pg_sleep(1) is not null")
        with ThreadPoolExecutor(1) as pool, psycopg.connect(database, autocommit=True) as other:
            reading = pool.submit(read, conn, slowly, ask("b"), ask("c"))
            asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
            while other.execute(asleep).fetchone() == (0,) and not reading.done():
                sleep(0.01)
            other.execute("drop table s.b")
            first, dropped, last = reading.result()
        assert (first.problem, dropped.problem, last.problem) == (None, Problem.NO_TABLE, None)
        assert newest(last) == {"a": datetime(2026, 2, 1, tzinfo=UTC)}

    def test_no_lock_outlives_its_table(self, conn: Connection) -> None:
        execute(conn, "create table s.t (tenant text, at timestamptz)")
        with conn.cursor() as cursor:
            read_watermarks(cursor, [ask("t")])
            cursor.execute("select count(*) from pg_locks where relation = 's.t'::regclass and pid = pg_backend_pid()")
            assert cursor.fetchone() == (0,)


class TestLooseScan:
    """An index on (tenant, time) is walked tenant by tenant, and says what a full scan says."""

    def test_it_finds_what_a_scan_finds(self, conn: Connection) -> None:
        execute(
            conn,
            "create table s.t (tenant varchar(9), at timestamp)",
            "insert into s.t select 't' || n % 7, '2026-01-01'::timestamp + n * interval '1 s'"
            " from generate_series(1, 30000) n",
            "insert into s.t values (null, '2026-01-02'), ('late', null), ('t1', '2027-01-01')",
            "analyze s.t",
        )
        (scanned,) = read(conn, ask("t"))
        execute(conn, "create index on s.t (tenant, at desc)")
        (walked,) = read(conn, ask("t"))
        assert (scanned.by_index, walked.by_index) == (False, True)
        assert newest(walked) == newest(scanned)
        assert len(newest(walked)) == 9

    def test_a_filter_a_partial_index_or_tenants_as_many_as_rows_are_scanned(self, conn: Connection) -> None:
        execute(
            conn,
            "create table s.t (tenant int, at timestamptz, ok bool)",
            "insert into s.t select n % 3, now() - interval '1 day', true from generate_series(1, 30000) n",
            "create table s.wide as select n as tenant, now() - interval '1 d' as at from generate_series(1, 30000) n",
            "create index on s.wide (tenant, at)",
            "create index on s.t (tenant, at) where ok",
            "analyze s.t",
            "analyze s.wide",
        )
        partial, wide = read(conn, ask("t"), ask("wide"))
        execute(conn, "create index on s.t (tenant, at)")
        filtered, walked = read(conn, ask("t", filter="ok"), ask("t"))
        assert [one.by_index for one in (partial, wide, filtered, walked)] == [False, False, False, True]


class TestText:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(names=st.sets(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1), max_size=5))
    def test_any_tenant_comes_back_as_it_is(self, conn: Connection, names: set[str]) -> None:
        with conn.cursor() as cursor:
            cursor.execute("drop table if exists s.t; create table s.t (tenant text, at timestamptz)")
            for name in names:
                cursor.execute("insert into s.t values (%s, '2026-02-01Z')", (name,))
        assert set(newest(read(conn, ask("t"))[0])) == names

    @pytest.mark.parametrize("text", ["'; drop schema s cascade; --", "\\'; x", "$telemetry$", "é'\\", '"'])
    @pytest.mark.slow
    def test_no_name_leaves_its_quotes(self, conn: Connection, text: str) -> None:
        execute(conn, "set standard_conforming_strings = off")
        (reading,) = read(conn, TableRequest(text, text, "at", text))
        assert reading.problem is Problem.NO_TABLE

    def test_psycopg_3_serves_as_well(self, database: str) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("create table public.t as select 1 as tenant, timestamptz '2026-02-01Z' as at")
            _, readings = read_watermarks(connection.cursor(), [TableRequest("public", "t", "at", "tenant")], now=NOW)
        assert newest(readings[0]) == {"1": datetime(2026, 2, 1, tzinfo=UTC)}
