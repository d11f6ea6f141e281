"""A real dbt over a real database: one built project a session, one to build upon per test that changes rows."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from telemetry_assets.ledger import tenants
from telemetry_assets.ledger.schema import migrate
from telemetry_assets.sources.dbt_command import connection_variables
from tests.conftest import named
from tests.dbt_project.raw_rows import AUCKLAND, KINGSTON, LONDON, NOW, TENANTS, RawRows, create_tables, invented

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
MARTS = ("creative_performance", "campaign_performance", "parish_daily", "tenant_dashboard")


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A database with raw tables, and dbt on it. ``folder`` is a copy of the project with a target of its own."""

    dsn: str
    folder: Path
    raw: dict[str, RawRows]

    def dbt(self, *arguments: str, now: datetime = NOW) -> str:
        """Run dbt with the clock at ``now``; the answer is what went wrong, empty where nothing did.

        In this process, since dbt's imports take longer than all it does here.
        """
        from dbt.cli.main import dbtRunner

        places = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder), "--quiet"]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in connection_variables(self.dsn).items():
                patch.setenv(name, value)
            done = dbtRunner().invoke([*arguments, *places, "--vars", f"{{now: '{now.isoformat()}'}}"])
        failed = [str(one.message) for one in getattr(done.result, "results", ()) if one.status in ("error", "fail")]
        return "" if done.success else "\n".join(failed) or str(done.exception)

    def build(self, now: datetime = NOW) -> None:
        """``dbt build``, which must succeed."""
        assert self.dbt("build", now=now) == ""

    def run(self, now: datetime = NOW) -> None:
        """``dbt run``: the models without the tests."""
        assert self.dbt("run", now=now) == ""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(query.encode()).fetchall()

    def payloads(self) -> dict[Any, Any]:
        """tenant id → payload."""
        return dict(self.rows("select tenant_id, payload from marts.tenant_dashboard"))

    def written(self) -> dict[tuple[str, str], frozenset[str]]:
        """(mart, tenant id) → where its rows are and who wrote them: the same again means that no row was rewritten."""
        return {
            (mart, str(tenant)): frozenset(places)
            for mart in MARTS
            for tenant, places in self.rows(
                f"select tenant_id, array_agg(ctid::text || '/' || xmin::text) from marts.{mart} group by 1"
            )
        }


@pytest.fixture(scope="session")
def _built(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The project built once over the invented rows. Never changed: tests that write take ``warehouse``."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("create database dbt_built")
    dsn = named(postgres_url, "dbt_built")
    migrate(dsn)
    raw = {tenant.slug: invented(tenant, seed) for seed, tenant in enumerate((KINGSTON, LONDON, AUCKLAND))}
    with psycopg.connect(dsn) as conn:
        tenants.write(conn, TENANTS)
        create_tables(conn)
        for rows in raw.values():
            rows.load(conn)
    folder = tmp_path_factory.mktemp("dbt") / "dbt_project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("target", "logs"))
    warehouse = Warehouse(dsn, folder, raw)
    warehouse.build()
    return warehouse


@pytest.fixture(scope="session")
def built(_built: Warehouse) -> Warehouse:
    """For reading."""
    return _built


@pytest.fixture
def warehouse(_built: Warehouse, postgres_url: str) -> Iterator[Warehouse]:
    """For changing: a copy of the built database, dropped afterwards. Always of one name, so that dbt parses once."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("create database dbt_changing template dbt_built")
        yield Warehouse(named(postgres_url, "dbt_changing"), _built.folder, _built.raw)
        conn.execute("drop database dbt_changing with (force)")
