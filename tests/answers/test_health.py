"""Health read from a real ledger: which payload everybody gets, what is imported in passing, one exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from telemetry_assets import settings as declared
from telemetry_assets.answers.condition import Status
from telemetry_assets.answers.health import read_health
from telemetry_assets.errors import CouldNotLookError, UsageError
from telemetry_assets.ledger import dbt_invocations, graph, snapshots, subjects, syncs, tenants
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.ledger.snapshots import PublishedSnapshot, WithheldSnapshot
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, ExitCode, SubjectFact, Tenant
from telemetry_assets.settings import Settings

MINUTE = timedelta(minutes=1)
ACME, GLOBEX = UUID(int=1), UUID(int=2)
CONNECTIONS = {"acme": UUID(int=11), "globex": UUID(int=12)}
YAML = f"""
dbt: {{project_dir: shop}}
tenants:
  - {{slug: acme, id: {ACME}, name: Acme}}
  - {{slug: globex, id: {GLOBEX}, name: Globex}}
sources:
  ads:
    executable: [python, connector.py]
    every: 15m
    streams: {{clicks: {{clock: column updated_at}}}}
    connections:
      - {{tenant: acme, connection_id: {CONNECTIONS["acme"]}}}
      - {{tenant: globex, connection_id: {CONNECTIONS["globex"]}}}
promises:
  - {{asset: ads/*, window: {{fail: 60m}}}}
  - {{asset: marts/*, window: {{fail: 60m}}}}
  - {{asset: snapshots/board, window: {{fail: 60m}}}}
snapshots: {{board: {{relation: marts.board}}}}
"""
NODES = (
    AssetNode("ads/clicks", AssetKind.STREAM, clock=Clock(ClockKind.COLUMN, "updated_at")),
    AssetNode("marts/board", AssetKind.MODEL, ("ads/clicks",)),
    AssetNode("snapshots/board", AssetKind.SNAPSHOT, ("marts/board",)),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "shop").mkdir()
    (tmp_path / "connector.py").touch()
    (tmp_path / "telemetry.yaml").write_text(YAML)
    return declared.load(tmp_path / "telemetry.yaml")


@pytest.fixture
def world(ledger, now: datetime) -> Callable[..., None]:
    """Everything ran two minutes ago over data of five minutes ago; ``dead`` tenants' data is three days old."""

    def fill(*, dead: tuple[str, ...] = ()) -> None:
        tenants.write(ledger, [Tenant("acme", ACME, "Acme"), Tenant("globex", GLOBEX, "Globex")])
        graph.replace(ledger, NODES)
        ran = now - 2 * MINUTE
        subjects.record(
            ledger,
            [
                SubjectFact(
                    node.key, slug, ran, "run", "test",
                    {"ads/clicks": now - (timedelta(days=3) if slug in dead else 5 * MINUTE)},
                )
                for node in NODES
                for slug in CONNECTIONS
            ],
        )  # fmt: skip
        syncs.record(
            ledger,
            [
                Sync(connection, 5, "ads", slug, "succeeded", ran - MINUTE, ran, ran, 10, 100)
                for slug, connection in CONNECTIONS.items()
            ],
        )
        dbt_invocations.record(ledger, build(ran))
        snapshots.publish(ledger, [PublishedSnapshot("board", slug, ran, {}, "run") for slug in CONNECTIONS])

    return fill


def build(at: datetime, status: str = "success") -> DbtInvocation:
    result = NodeResult("model.shop.board", status, "said", 0.1, {"rows_affected": 1})
    return DbtInvocation(f"build-{at}", "build", at, True, False, "home/dbt/1/run_results.json", "run", (result,))


def left_by_dbt(settings: Settings, at: datetime, which: str = "run", status: str = "success") -> Path:
    """A run_results.json in the project's own target folder, as somebody's ``dbt run`` leaves it, and its manifest."""
    target = settings.root / "shop" / "target"
    target.mkdir(exist_ok=True)
    model = {"resource_type": "model", "name": "board", "config": {"materialized": "table"}}
    (target / "manifest.json").write_text(json.dumps({"nodes": {"model.shop.board": model}}))
    path = target / "run_results.json"
    metadata = {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
        "generated_at": at.isoformat(),
        "invocation_id": f"outside-{which}",
    }
    results = [{"unique_id": "model.shop.board", "status": status, "message": None, "execution_time": 1}]
    path.write_text(json.dumps({"metadata": metadata, "results": results, "args": {"which": which}}))
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


@pytest.mark.promise("B8", "B9", "B16", "A19", "A20")
def test_every_payload_of_a_healthy_world_is_ok_and_keeps_to_its_schema(ledger, settings, world, valid, now) -> None:
    world()
    answer = read_health(ledger, settings, now)
    assert [(one.component, one.subject) for one in answer.conditions] == [
        ("airbyte", "acme"), ("airbyte", "globex"), ("dbt", "*"), ("snapshots", "acme"), ("snapshots", "globex"),
    ]  # fmt: skip
    assert {one.status for one in answer.conditions} == {Status.OK}
    assert answer.exit_code is ExitCode.OK
    for one in answer.conditions:
        payload = valid(one.payload)
        assert (payload["run_age_minutes"], payload["data_age_minutes"]) == (2, 5)


@pytest.mark.promise("F12", "F1")
def test_one_dead_feed_makes_all_three_stale_and_the_other_tenant_none(ledger, settings, world, now) -> None:
    world(dead=("globex",))
    answer = read_health(ledger, settings, now)
    assert [str(answer.status(name)) for name in ("airbyte", "dbt", "snapshots")] == ["stale"] * 3
    assert [one.subject for one in answer.of("airbyte") if one.status is Status.OK] == ["acme"]
    assert answer.exit_code is ExitCode.LATE
    assert read_health(ledger, settings, now, tenant="acme").exit_code is ExitCode.OK


def test_a_tenant_is_named_by_slug_or_by_id_and_sees_only_itself(ledger, settings, world, now) -> None:
    world()
    for name in ("globex", str(GLOBEX)):
        answer = read_health(ledger, settings, now, tenant=name)
        assert {one.subject for one in answer.conditions} == {"globex", "*"}
        assert str(ACME) not in json.dumps(answer.as_json())


def test_an_unknown_tenant_or_component_is_a_usage_error_that_offers_what_there_is(
    ledger, settings, world, now
) -> None:
    world()
    with pytest.raises(UsageError, match="globex"):
        read_health(ledger, settings, now, tenant="globexx")
    with pytest.raises(UsageError, match="airbyte, dbt, snapshots"):
        read_health(ledger, settings, now, component="superset")


@pytest.mark.promise("B53")
def test_before_anything_ever_ran_every_component_is_missing_and_none_is_fresh(ledger, settings, valid, now) -> None:
    tenants.write(ledger, [Tenant("acme", ACME, "Acme"), Tenant("globex", GLOBEX, "Globex")])
    graph.replace(ledger, NODES)
    answer = read_health(ledger, settings, now)
    assert [str(answer.status(name)) for name in ("airbyte", "dbt", "snapshots")] == [
        "no_recent_sync", "missing_run_results", "missing",
    ]  # fmt: skip
    assert answer.exit_code is ExitCode.MISSING
    for one in answer.conditions:
        valid(one.payload)


@pytest.mark.parametrize(
    ("breakage", "code"),
    [("failed_sync", ExitCode.FAILING), ("dead", ExitCode.LATE), ("failed_sync and dead", ExitCode.FAILING)],
)
def test_failing_outranks_late_in_the_exit_code(ledger, settings, world, now, breakage, code) -> None:
    world(dead=("globex",) if "dead" in breakage else ())
    if "failed_sync" in breakage:
        at = now - MINUTE
        syncs.record(ledger, [Sync(CONNECTIONS["acme"], 6, "ads", "acme", "failed", at, at, at, error="boom")])
    assert read_health(ledger, settings, now).exit_code is code


def test_a_withheld_snapshot_is_failing_for_its_tenant_alone(ledger, settings, world, valid, now) -> None:
    world()
    snapshots.withhold(ledger, [WithheldSnapshot("board", "acme", now - MINUTE, {}, ("/metrics is missing",), "r")])
    found = {one.subject: one for one in read_health(ledger, settings, now).of("snapshots")}
    assert (found["acme"].status, found["globex"].status) == (Status.FAILING, Status.OK)
    assert "/metrics is missing" in valid(found["acme"].payload)["detail"]


def test_a_promised_tenant_without_a_connection_is_misconfigured(ledger, settings, world, tmp_path, now) -> None:
    world()
    line = f"      - {{tenant: globex, connection_id: {CONNECTIONS['globex']}}}\n"
    (tmp_path / "telemetry.yaml").write_text(YAML.replace(line, ""))
    found = read_health(ledger, declared.load(tmp_path / "telemetry.yaml"), now, component="airbyte")
    assert {one.subject: str(one.status) for one in found.conditions} == {"acme": "ok", "globex": "misconfigured"}
    assert found.exit_code is ExitCode.FAILING


def test_a_project_without_sources_dbt_or_snapshots_has_nothing_to_be_ill(ledger, tmp_path, now) -> None:
    (tmp_path / "telemetry.yaml").write_text("promises: []\n")
    answer = read_health(ledger, declared.load(tmp_path / "telemetry.yaml"), now)
    assert (answer.conditions, answer.exit_code) == ((), ExitCode.OK)
    assert answer.as_json()["dbt"] is None


@pytest.mark.promise("B14", "F10")
def test_a_newer_run_made_outside_counts_and_is_marked_external(ledger, settings, world, now) -> None:
    world()
    path = left_by_dbt(settings, now - MINUTE)
    (found,) = read_health(ledger, settings, now, component="dbt").conditions
    assert found.payload["external"] is True
    assert found.payload["run_results_path"] == str(path)
    assert found.payload["run_age_minutes"] == 1


@pytest.mark.promise("F10")
def test_a_newer_test_made_outside_makes_no_run_younger_and_its_failure_counts(ledger, settings, world, now) -> None:
    world()
    left_by_dbt(settings, now - MINUTE, "test")
    (found,) = read_health(ledger, settings, now, component="dbt").conditions
    assert (found.status, found.payload["run_age_minutes"]) == (Status.OK, 2)
    left_by_dbt(settings, now - MINUTE, "test", "error")
    (found,) = read_health(ledger, settings, now, component="dbt").conditions
    assert found.status is Status.FAILING


@pytest.mark.parametrize(("age", "status"), [(1, Status.INVALID_RUN_RESULTS), (3, Status.OK)])
def test_a_torn_file_counts_only_where_it_is_newer_than_the_newest_run(
    ledger, settings, world, now, age, status
) -> None:
    world()
    path = left_by_dbt(settings, now)
    path.write_text(path.read_text()[:-20])
    at = (now - age * MINUTE).timestamp()
    os.utime(path, (at, at))
    (found,) = read_health(ledger, settings, now, component="dbt").conditions
    assert found.status is status


def test_asking_for_health_writes_nothing(ledger, settings, world, now) -> None:
    world()
    left_by_dbt(settings, now - MINUTE)
    ledger.execute("set default_transaction_read_only = on")
    assert read_health(ledger, settings, now).conditions


def test_one_component_of_one_tenant_is_the_payload_itself_for_machines(ledger, settings, world, valid, now) -> None:
    world()
    valid(read_health(ledger, settings, now, component="dbt").as_json())
    valid(read_health(ledger, settings, now, component="airbyte", tenant="acme").as_json())
    both = read_health(ledger, settings, now, component="airbyte").as_json()
    assert [payload["tenant"] for payload in both["airbyte"]["payloads"]] == ["acme", "globex"]
    assert both["airbyte"]["status"] == "ok"


def test_a_lost_database_is_a_matter_of_not_looking(ledger, settings, now) -> None:
    ledger.close()
    with pytest.raises(CouldNotLookError):
        read_health(ledger, settings, now)


@pytest.mark.promise("B9")
def test_health_and_status_import_neither_dagster_nor_dbt_nor_alembic() -> None:
    code = (
        "import sys, telemetry_assets.cli.main, telemetry_assets.answers.health, telemetry_assets.answers.status,"
        " telemetry_assets.render.health, telemetry_assets.render.status, telemetry_assets.ledger.connection,"
        " telemetry_assets.ledger.schema;"
        "heavy = {'dagster', 'dagster_dbt', 'dbt', 'alembic', 'sqlalchemy', 'pandas', 'rich', 'jsonschema'};"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
