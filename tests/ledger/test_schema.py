"""Migrating: once, twice, many at a time, and refusing what is not ours to change."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.conninfo import make_conninfo

from telemetry_assets.errors import CouldNotLookError, FailingError
from telemetry_assets.ledger import schema, subjects
from telemetry_assets.ledger.connection import connect

TABLES = (
    "assets", "audit", "channels", "check_results", "conversations", "corrections", "dbt_invocations", "deliveries",
    "exposures", "first_known", "heartbeats", "incidents", "installation", "job_runs", "looks", "not_fresh", "outbox",
    "root_sets", "silences", "snapshots", "state_changes", "subjects", "syncs", "tenants", "timeline",
    "withheld_snapshots",
)  # fmt: skip
FIRST_FORM = [
    "create table telemetry.alembic_version (version_num varchar(32) primary key)",
    "insert into telemetry.alembic_version values ('0001')",
    """insert into telemetry.subjects (asset, tenant, run_time, run_id, source, data_times) values
        ('marts/m', 'one', '2026-11-01T12:00Z', 'r', 'dbt',
            '{"b": "2026-11-01T11:00:00+00:00", "a": "2026-11-01T10:00:00+00:00"}'),
        ('marts/m', 'two', '2026-11-01T12:00Z', 'r', 'dbt', '{}'),
        ('shop/o', 'one', '2026-11-01T09:00Z', 'watched', 'watched', '{"shop/o": "2026-11-01T09:00:00+00:00"}')""",
]


def _tables(dsn: str) -> set[str]:
    with connect(dsn) as conn:
        rows = conn.execute(
            "select tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        )
        return {name for (name,) in rows}


def test_a_fresh_database_gets_every_table_and_the_revision_of_this_code(empty_database: str) -> None:
    schema.migrate(empty_database)
    assert _tables(empty_database) == {*TABLES, "alembic_version"}
    with connect(empty_database) as conn:
        assert schema.revision(conn) == schema.head()
        assert schema.is_current(conn)
        schema.require_current(conn)


def test_migrating_again_changes_nothing(empty_database: str) -> None:
    schema.migrate(empty_database)
    with connect(empty_database) as conn:
        conn.execute("insert into telemetry.tenants values (gen_random_uuid(), 'acme', 'Acme')")
        schema.migrate(empty_database)
        assert conn.execute("select slug from telemetry.tenants").fetchall() == [("acme",)]


def test_facts_of_the_first_form_come_along(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute("create schema telemetry")
        conn.execute(schema.revisions()[0].read_text())  # type: ignore[arg-type]
        for statement in FIRST_FORM:
            conn.execute(statement)  # type: ignore[arg-type]
        schema.migrate(empty_database)
        one, two, watched = subjects.read(conn)
    nine = datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert one.data_times == {"a": nine + timedelta(hours=1), "b": nine + timedelta(hours=2)}
    assert (two.data_times, two.run_time) == ({}, nine + timedelta(hours=3))
    assert (watched.run_time, watched.data_times) == (None, {"shop/o": nine})
    assert watched.looked_at is not None


def test_eight_starters_at_once_are_harmless(empty_database: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(schema.migrate, [empty_database] * 8))
    with connect(empty_database) as conn:
        assert conn.execute("select version_num from telemetry.alembic_version").fetchall() == [(schema.head(),)]


def test_two_processes_at_once_are_harmless(empty_database: str) -> None:
    script = "import sys; from telemetry_assets.ledger.schema import migrate; migrate(sys.argv[1])"
    starters = [subprocess.Popen([sys.executable, "-c", script, empty_database]) for _ in range(2)]
    assert [starter.wait(60) for starter in starters] == [0, 0]
    assert "subjects" in _tables(empty_database)


def test_a_revision_that_fails_leaves_nothing_behind(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute("create schema telemetry")
        conn.execute("create table telemetry.syncs (mine int)")
    with pytest.raises(FailingError, match='relation "syncs" already exists'):
        schema.migrate(empty_database)
    assert _tables(empty_database) == {"syncs"}


def test_another_programs_alembic_table_stays_as_it_is(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute("create table public.alembic_version (version_num varchar(32) primary key)")
        conn.execute("insert into public.alembic_version values ('dagster')")
        schema.migrate(empty_database)
        assert conn.execute("select version_num from public.alembic_version").fetchall() == [("dagster",)]
        assert schema.is_current(conn)


def test_no_ledger_is_told_apart_from_an_old_one_and_from_a_newer_one(empty_database: str) -> None:
    with connect(empty_database) as conn:
        assert schema.revision(conn) is None
        assert not schema.is_current(conn)
        with pytest.raises(CouldNotLookError, match=r"holds no ledger.*telemetry prepare"):
            schema.require_current(conn)
        schema.migrate(empty_database)
        conn.execute("update telemetry.alembic_version set version_num = '0999'")
        with pytest.raises(CouldNotLookError, match=r"0999.*a newer telemetry-assets wrote it.*Upgrade"):
            schema.require_current(conn)
    with pytest.raises(CouldNotLookError, match="0999"):
        schema.migrate(empty_database)


def test_a_role_that_may_not_create_the_schema_is_told_what_to_grant(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute("drop role if exists onlooker")
        conn.execute("create role onlooker login")
        try:
            with pytest.raises(FailingError, match="Grant it CREATE on the database"):
                schema.migrate(make_conninfo(empty_database, user="onlooker"))
        finally:
            conn.execute("drop role onlooker")


def test_a_read_only_database_is_a_failure_in_postgresqls_words(empty_database: str) -> None:
    with pytest.raises(FailingError, match="read-only transaction"):
        schema.migrate(make_conninfo(empty_database, options="-c default_transaction_read_only=on"))


def test_revisions_are_numbered_from_one_without_gap_or_twin() -> None:
    numbers = [path.name[:4] for path in schema.revisions()]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_a_ledger_at_this_version_is_recognised_without_alembic(database: str) -> None:
    script = (
        "import sys; from telemetry_assets.ledger import schema; schema.migrate(sys.argv[1]);"
        "sys.exit(bool({'alembic', 'sqlalchemy', 'dagster'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script, database], check=False).returncode == 0
