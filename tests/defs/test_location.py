"""The code location: what it holds, and that loading it opens nothing."""

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import time_machine
import yaml

from telemetry_assets.defs.location import build_definitions
from telemetry_assets.errors import ConfigError
from telemetry_assets.settings import load
from tests.integration.example import Place, clean_environment, copy_example

GUARDED_LOAD = """
import sys

FORBIDDEN = (
    "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"
)


def refuse(event, arguments):
    if event in FORBIDDEN:
        raise RuntimeError(f"loading did {event} {arguments[:2]}")


sys.addaudithook(refuse)
from telemetry_assets.definitions import defs
print(sorted(job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")))
"""


def loaded(place: Place, name: str = "telemetry.yaml") -> dg.Definitions:
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("DATABASE_URL", "AIRBYTE_URL", "TELEMETRY_HOME", "TELEMETRY_CONFIG"):
            patch.delenv(variable, raising=False)
        return build_definitions(load(place.folder / name))


@pytest.fixture(scope="module")
def definitions(parsed_example: Place) -> dg.Definitions:
    return loaded(parsed_example)


@pytest.fixture(scope="module")
def production(parsed_example: Place) -> dg.Definitions:
    return loaded(parsed_example, "deploy/telemetry.production.yaml")


def test_loading_opens_no_socket_starts_no_process_needs_no_secret_and_says_nothing(parsed_example: Place):
    done = subprocess.run(
        [sys.executable, "-c", GUARDED_LOAD],
        cwd=parsed_example.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "['build', 'checks', 'snapshots', 'sync']"


def test_loading_does_not_depend_on_what_time_it_is(parsed_example: Place):
    def told(instant: str) -> list[str]:
        with time_machine.travel(instant, tick=False):
            definitions = loaded(parsed_example)
            schedules = [f"{one.name} {one.cron_schedule}" for one in definitions.schedules or () if one]
            specs = definitions.resolve_all_asset_specs()
            return sorted(schedules + [f"{one.key} {one.freshness_policy} {sorted(one.tags)}" for one in specs])

    assert told("2001-01-01T00:00Z") == told("2031-06-01T12:00Z")


def test_without_a_manifest_it_says_how_to_make_one_and_shows_no_empty_graph(tmp_path: Path):
    copy_example(tmp_path)
    with pytest.raises(ConfigError, match="telemetry prepare"):
        loaded(Place(tmp_path))


@pytest.mark.parametrize("content", [b'{"nodes": {', b"[]", b"\xff\xfe", b'{"nodes": []}', b"[" * 100_000])
def test_a_torn_manifest_says_so_too(tmp_path: Path, content: bytes):
    copy_example(tmp_path)
    (tmp_path / "dbt_project" / "target").mkdir()
    (tmp_path / "dbt_project" / "target" / "manifest.json").write_bytes(content)
    with pytest.raises(ConfigError, match="telemetry prepare"):
        loaded(Place(tmp_path))


@pytest.mark.promise("B3", "B51", "B50")
def test_production_syncs_every_quarter_of_an_hour_and_publishes_every_half_both_switched_on(
    production: dg.Definitions,
):
    schedules = {schedule.name: schedule for schedule in production.schedules or ()}
    assert schedules["sync"].cron_schedule == "*/15 * * * *"
    assert schedules["metrics_snapshot_sync"].cron_schedule == "*/30 * * * *"
    assert {schedule.default_status for schedule in schedules.values()} == {dg.DefaultScheduleStatus.RUNNING}
    assert {sensor.default_status for sensor in production.sensors or ()} == {dg.DefaultSensorStatus.RUNNING}
    assert production.resolve_job_def("snapshots").name == "snapshots"


@pytest.mark.promise("B2")
def test_a_nightly_environment_is_another_file(parsed_example: Place):
    document = yaml.safe_load((parsed_example.folder / "deploy" / "telemetry.production.yaml").read_text())
    for source in document["sources"].values():
        source["every"] = "24h"
    staging = parsed_example.folder / "deploy" / "telemetry.nightly.yaml"
    staging.write_text(json.dumps(document))
    schedules = {
        one.name: one.cron_schedule for one in loaded(parsed_example, f"deploy/{staging.name}").schedules or ()
    }
    assert schedules["sync"] == "0 0 * * *"


def test_a_window_that_dagster_cannot_say_is_no_policy_and_keeps_nothing_from_loading(tmp_path: Path):
    (tmp_path / "telemetry.yaml").write_text(
        "sources: {shop: {kind: table, tables: {orders: {clock: column at}, items: {clock: column at}}}}\n"
        "promises:\n"
        "  - {asset: shop/orders, window: {warn: 10s, fail: 59s}}\n"
        "  - {asset: shop/items, window: {warn: 59s, fail: 1m}}\n"
    )
    definitions = loaded(Place(tmp_path))
    policies = {spec.key.to_user_string(): spec.freshness_policy for spec in definitions.resolve_all_asset_specs()}
    assert policies["shop/orders"] is None
    assert dg.AssetCheckKey(dg.AssetKey(["shop", "orders"]), "data_age") in (
        definitions.resolve_asset_graph().asset_check_keys
    )


def test_streams_and_snapshots_are_partitioned_by_tenant_and_dbt_models_are_not(definitions: dg.Definitions):
    partitioned = {
        spec.key.to_user_string(): spec.partitions_def is not None for spec in definitions.resolve_all_asset_specs()
    }
    assert partitioned["meta_ads/insights"]
    assert partitioned["snapshots/tenant_dashboard"]
    assert not partitioned["marts/tenant_dashboard"]


def test_the_lineage_runs_from_stream_to_snapshot_without_a_gap(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    above, queue = set[str](), [dg.AssetKey(["snapshots", "tenant_dashboard"])]
    while queue:
        for parent in graph.get(queue.pop()).parent_keys:
            above.add(parent.to_user_string())
            queue.append(parent)
    assert {"marts/tenant_dashboard", "meta_ads/insights", "google_ads/budgets"} <= above


@pytest.mark.promise("B48")
def test_every_promise_gives_its_asset_a_native_policy_and_a_data_age_check(production: dg.Definitions):
    specs = {spec.key.to_user_string(): spec for spec in production.resolve_all_asset_specs()}
    policy = specs["snapshots/tenant_dashboard"].freshness_policy
    assert policy is not None
    assert policy.fail_window.to_timedelta().total_seconds() == 3600
    checks = production.resolve_asset_graph().asset_check_keys
    for asset in ("meta_ads/insights", "marts/tenant_dashboard", "snapshots/tenant_dashboard"):
        assert dg.AssetCheckKey(dg.AssetKey(asset.split("/")), "data_age") in checks
