"""A dbt project that its owners build themselves: we only look, and judge what their runs made by what they can have
read. The project is the foreign one, with promises on its models too.
"""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from telemetry_assets.defs import runner
from telemetry_assets.ledger import subjects
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import State
from telemetry_assets.settings import child_environment, load
from telemetry_assets.sources.asset_graph import read_manifest
from telemetry_assets.sources.dbt_command import dbt_environment, dbt_executable
from telemetry_assets.sources.dbt_outside import import_external
from telemetry_assets.sources.watching import watch
from tests.conftest import _execute, named
from tests.integration.test_foreign_project import SHOP, TABLES, Shop

pytestmark = pytest.mark.slow

PROMISES = """
promises:
  - {asset: analytics/*, grace: 30m}
  - {asset: reference/*, window: {fail: 7d}}
"""


class Outside(Shop):
    """The prepared project, and its owners' hands on it."""

    def dbt(self, command: str) -> int:
        """Run a dbt command as its owners do; returns how it ended."""
        assert self.settings.dbt is not None
        words = [str(dbt_executable()), command, "--project-dir", str(self.settings.dbt.project_dir), "--quiet"]
        environment = child_environment(dbt_environment(self.settings.dbt, self.dsn))
        return subprocess.run(words, cwd=self.settings.dbt.project_dir, env=environment, check=False).returncode

    def look(self) -> None:
        """What our sensor does."""
        assert self.settings.dbt is not None
        with connect(self.dsn) as conn:
            manifest = read_manifest(self.settings.dbt)
            import_external(conn, self.settings, manifest)
            watch(conn, self.settings, manifest, datetime.now(UTC))


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Outside]:
    _execute(postgres_url, "create database outside")
    dsn = named(postgres_url, "outside")
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(TABLES.encode())
    folder = tmp_path_factory.mktemp("outside") / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    with (folder / "telemetry.yaml").open("a") as declaration:
        declaration.write(PROMISES)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AIRBYTE_URL", "TELEMETRY_HOME", "TELEMETRY_CONFIG", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("DATABASE_URL", dsn)
        settings = load(folder / "telemetry.yaml")
        runner.prepare(settings)
        built = Outside(settings, dsn, {})
        assert built.dbt("build") == 0
        built.look()
        yield built


@pytest.mark.promise("C6")
def test_models_that_were_built_outside_are_judged_by_what_they_then_held(outside: Outside):
    rows = [row for row in outside.status().rows if row.asset.startswith("analytics/")]
    states = {(row.asset, row.tenant): (row.state, row.binding_root) for row in rows}
    assert states == {
        ("analytics/orders_enriched", "acme"): (State.PASS, "erp/orders"),
        ("analytics/orders_enriched", "globex"): (State.FAIL, "erp/orders"),
        ("analytics/revenue", "acme"): (State.PASS, "erp/orders"),
        ("analytics/revenue", "globex"): (State.MISSING, "erp/refunds"),
    }


def test_of_what_has_a_dated_root_next_to_nothing_is_unknown_and_undated_roots_are_named(outside: Outside):
    rows = outside.status().rows
    dated = [row for row in rows if not row.undated]
    unknown = [row for row in dated if row.state is State.UNKNOWN]
    assert len(dated) >= 8
    assert len(unknown) <= 0.05 * len(dated), [(row.asset, row.tenant, row.reason) for row in unknown]
    undated = {row.asset: row.reason for row in rows if row.undated}
    assert undated == {"reference/countries": "nothing dates it: no clock on reference/countries"}


@pytest.mark.promise("F9")
def test_seeding_made_nothing_fresh(outside: Outside):
    (seeded,) = [row for row in outside.status().rows if row.asset == "reference/countries"]
    assert seeded.state is State.UNKNOWN
    with connect(outside.dsn) as conn:
        (fact,) = subjects.read(conn, ["reference/countries"])
    assert fact.synthetic


def test_a_run_that_failed_in_part_makes_known_only_what_it_built(outside: Outside):
    def run_times() -> dict[str, datetime | None]:
        with connect(outside.dsn) as conn:
            return {fact.asset: fact.run_time for fact in subjects.read(conn) if fact.source == "dbt"}

    before = run_times()
    with psycopg.connect(outside.dsn, autocommit=True) as conn:
        conn.execute("drop view shop_analytics.revenue; alter table erp_raw.refunds rename column order_id to number")
        assert outside.dbt("run") == 1
        conn.execute("alter table erp_raw.refunds rename column number to order_id")
    outside.look()
    after = run_times()
    assert {asset for asset in after if before[asset] != after[asset]} == {"analytics/orders_enriched"}
