"""The example from API to snapshot by the commands a person types, counted against the API's own truth."""

import json
import shutil
import subprocess

import pytest

from telemetry_assets.ledger import dbt_invocations, subjects
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import ExitCode
from telemetry_assets.sources.dbt_command import dbt_environment, dbt_executable
from tests.integration.conftest import Example
from tests.integration.example import assert_raw_is_truth, clean_environment

pytestmark = pytest.mark.slow
TENANTS = {"telemetry-tenant", "northshore", "blue-mountain", "harbour-foods", "coral-bay"}


def test_one_refresh_brings_every_row_of_the_api_and_only_the_dead_feed_is_late(example: Example):
    assert list(example.phases) == ["sync", "build", "snapshots", "checks"]
    assert [phase["failures"] for phase in example.phases.values()][:3] == [[], [], []]
    late = example.phases["checks"]["failures"]
    assert late
    assert all("coral-bay: late" in failure and "northshore" not in failure for failure in late)
    assert example.exit_code == ExitCode.LATE
    assert_raw_is_truth(example.place.url, example.upstream)


@pytest.mark.promise("B12", "B13", "B48")
def test_status_names_the_dead_tenant_and_the_root_that_binds(example: Example):
    done = example.place.run("status", "--json")
    rows = {(row["asset"], row["tenant"]): row for row in json.loads(done.stdout)["rows"]}
    dead = rows["snapshots/tenant_dashboard", "coral-bay"]
    assert (dead["state"], dead["binding_root"]) == ("FAIL", "meta_ads/insights")
    assert dead["run_age_seconds"] < dead["window_seconds"] < dead["data_age_seconds"]
    assert {row["tenant"] for row in rows.values()} == TENANTS


@pytest.mark.promise("B14", "B32", "B40")
def test_the_build_is_recorded_and_a_later_dbt_test_does_not_pass_for_a_run(example: Example):
    place = example.place
    settings = place.settings()
    assert settings.dbt is not None
    with connect(place.url) as conn:
        built = dbt_invocations.newest_complete(conn)
    assert built is not None
    assert (built.which, built.covers_all, built.external) == ("build", True, False)
    assert built.run_id == example.phases["build"]["run_id"]
    command = [str(dbt_executable()), "test", "--project-dir", str(settings.dbt.project_dir), "--quiet"]
    environment = clean_environment(**dbt_environment(settings.dbt, place.url))
    subprocess.run(command, cwd=settings.dbt.project_dir, env=environment, check=True, capture_output=True)
    place.run("refresh", "checks")
    with connect(place.url) as conn:
        newest = dbt_invocations.newest_complete(conn)
        recent = dbt_invocations.recent(conn, 1)
    assert newest == built
    assert [(one.which, one.external, one.covers_all) for one in recent] == [("test", True, False)]
    health = json.loads(place.run("health", "dbt", "--json").stdout)
    assert "build" in json.dumps(health)


def test_a_torn_run_results_left_by_somebody_stops_no_check(example: Example):
    target = example.place.folder / "dbt_project" / "target" / "run_results.json"
    kept = target.with_suffix(".kept")
    if target.exists():
        shutil.copy(target, kept)
    try:
        target.write_text('{"metadata": {')
        done = example.place.run("refresh", "checks", "--json")
        (checks,) = json.loads(done.stdout)["phases"]
        assert checks["succeeded"]
    finally:
        target.unlink()
        if kept.exists():
            kept.rename(target)


def test_a_second_refresh_changes_no_row_and_loses_none(example: Example):
    counts = "select (select count(*) from marts.parish_daily), (select count(*) from telemetry.snapshots)"
    before = example.place.rows(counts)
    done = example.place.run("refresh", "--json")
    phases = json.loads(done.stdout)["phases"]
    assert [phase["failures"] for phase in phases][:3] == [[], [], []]
    assert example.place.rows(counts) == before
    assert_raw_is_truth(example.place.url, example.upstream)


@pytest.mark.promise("B49")
def test_one_tenants_snapshot_is_rebuilt_by_its_id_alone(example: Example):
    before = dict(example.place.rows("select tenant, run_id from telemetry.snapshots"))
    done = example.place.run("refresh", "snapshots", "--tenant-id", "11111111-2222-3333-4444-555555555555")
    assert done.returncode == 0, done.stdout + done.stderr
    after = dict(example.place.rows("select tenant, run_id from telemetry.snapshots"))
    assert {tenant for tenant in TENANTS if after[tenant] != before[tenant]} == {"telemetry-tenant"}


def test_every_model_has_a_fact_per_tenant_with_the_roots_it_holds(example: Example):
    with connect(example.place.url) as conn:
        facts = {(fact.asset, fact.tenant): fact for fact in subjects.read(conn)}
    for tenant in TENANTS:
        roots = facts["marts/tenant_dashboard", tenant].data_times
        assert {"meta_ads/insights", "google_ads/insights"} <= set(roots)
