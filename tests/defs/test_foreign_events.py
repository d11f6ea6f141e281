"""Two code locations in one instance: what the other one materializes counts here, through the instance's event log."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from telemetry_assets import running
from telemetry_assets.answers.status import read_status
from telemetry_assets.defs import runner
from telemetry_assets.defs.data_age_checks import OLDEST_AGE, states_of
from telemetry_assets.defs.foreign_events import SETTLING, Cursor, read_events, wanted_assets
from telemetry_assets.defs.location import build_definitions
from telemetry_assets.ledger import graph, subjects
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import State, SubjectFact
from telemetry_assets.settings import Settings, load

pytestmark = pytest.mark.slow

TENANTS = {"acme": "aaaaaaaa-0000-4000-8000-00000000000a", "globex": "bbbbbbbb-0000-4000-8000-00000000000b"}
WINDOW = {"warn": "45m", "fail": "60m"}
DOCUMENT = {
    "tenants": [{"slug": slug, "id": tenant_id, "name": slug.title()} for slug, tenant_id in TENANTS.items()],
    "sources": {
        "ml": {"kind": "dagster", "assets": {"scores": {}, "daily": {"tenanted": False}}},
        "erp": {"kind": "table", "tables": {"orders": {"clock": "column updated_at"}}},
    },
    "promises": [
        {"asset": "ml/*", "window": WINDOW, "owner": "data-eng"},
        {"asset": "erp/*", "window": WINDOW, "owner": "data-eng"},
        {"asset": "reports/board", "window": WINDOW, "owner": "data-eng"},
    ],
    "owners": {"data-eng": {}},
}


@dg.asset(key=["ml", "scores"], partitions_def=dg.StaticPartitionsDefinition([*TENANTS, "umbrella"]))
def scores() -> None: ...


@dg.asset(key=["ml", "daily"], partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
def daily() -> None: ...


@dg.asset(key=["reports", "board"], deps=[daily])
def board() -> None: ...


@dg.asset(key=["nobody", "cares"])
def unrelated() -> None: ...


@pytest.fixture
def home(database: str, tmp_path: Path) -> Iterator[Settings]:
    """A prepared home with a table, two declared assets of another location, and one that only a promise names."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "AIRBYTE_URL", "TELEMETRY_HOME", "TELEMETRY_CONFIG", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        path = tmp_path / "telemetry.yaml"
        path.write_text(json.dumps(DOCUMENT))
        settings = load(path)
        running.record(settings.home, "postgres", {"url": database, "pid": 0})
        runner.prepare(settings)
        yield settings


@pytest.fixture
def instance(home: Settings) -> Iterator[dg.DagsterInstance]:
    with runner.dagster_instance(home) as opened:
        yield opened


def materialize(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, **options: Any) -> str:
    """A run of the other code location; its id."""
    return dg.materialize(assets, instance=instance, **options).run_id


def tick(home: Settings, instance: dg.DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    sensor = next(one for one in build_definitions(home).sensors or () if one.name == "materializations")
    return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))


def facts(home: Settings) -> dict[tuple[str, str], SubjectFact]:
    with connect(running.database_dsn(home)) as conn:
        return {(fact.asset, fact.tenant): fact for fact in subjects.read(conn)}


def test_what_the_other_location_materializes_keeps_a_promise_here(home: Settings, instance: dg.DagsterInstance):
    run_id = materialize(instance, scores, partition_key="acme")
    materialize(instance, unrelated)
    after = tick(home, instance)
    found = facts(home)
    assert set(found) == {("ml/scores", "acme")}
    run = instance.get_run_record_by_id(run_id)
    assert run is not None
    assert run.start_time is not None
    fact = found["ml/scores", "acme"]
    assert fact.run_id == run_id
    assert fact.data_times == {"ml/scores": datetime.fromtimestamp(run.start_time, UTC)}
    with connect(running.database_dsn(home)) as conn:
        states = {row.tenant: row.state for row in read_status(conn, home, datetime.now(UTC), asset="ml/scores").rows}
    assert states == {"acme": State.PASS, "globex": State.MISSING}
    assert tick(home, instance, after.cursor).skip_message == "1 events of other code locations."  # still settling
    assert facts(home) == found


def test_only_what_is_new_is_read_and_replaying_everything_changes_nothing(
    home: Settings, instance: dg.DagsterInstance
):
    wanted = wanted_assets(home, [])
    materialize(instance, scores, partition_key="acme")
    later = datetime.now(UTC) + timedelta(minutes=1)
    first, _, cursor = read_events(instance, wanted, None, later)
    assert [event.partition for event in first] == ["acme"]
    materialize(instance, scores, partition_key="globex")
    tick(home, instance, str(cursor))
    second, _, cursor = read_events(instance, wanted, cursor, later)
    assert [event.partition for event in second] == ["globex"]
    assert read_events(instance, wanted, cursor, later)[0] == ()
    held = facts(home)
    tick(home, instance, None)
    whole_log = Cursor(dict.fromkeys(cursor.read, 0))
    tick(home, instance, str(whole_log))
    assert facts(home).keys() >= held.keys()
    assert {key: facts(home)[key] for key in held} == held


def test_the_first_tick_takes_how_things_stand_and_not_how_they_came_to(home: Settings, instance: dg.DagsterInstance):
    for key in ("2026-08-01", "2026-08-03", "2026-08-02"):
        materialize(instance, daily, partition_key=key)
    materialize(instance, scores, partition_key="acme")
    later = datetime.now(UTC) + timedelta(minutes=1)
    events, wanted, _ = read_events(instance, wanted_assets(home, []), None, later)
    assert sorted(event.partition or "" for event in events) == ["2026-08-02", "2026-08-03", "acme"]
    assert wanted["ml/daily"].apart == timedelta(days=1)
    tick(home, instance)
    assert facts(home)["ml/daily", "*"].data_times == {"ml/daily": datetime(2026, 8, 4, tzinfo=UTC)}


@pytest.mark.promise("F9")
def test_a_backfill_of_an_old_day_refreshes_nothing(home: Settings, instance: dg.DagsterInstance):
    materialize(instance, daily, partition_key="2026-08-20")
    cursor = tick(home, instance).cursor
    old = materialize(instance, daily, partition_key="2026-07-01")
    tick(home, instance, cursor)
    fact = facts(home)["ml/daily", "*"]
    assert (fact.run_id, fact.data_times) == (old, {"ml/daily": datetime(2026, 8, 21, tzinfo=UTC)})


def test_what_is_made_from_another_asset_is_as_old_as_that_was(home: Settings, instance: dg.DagsterInstance):
    materialize(instance, daily, partition_key="2026-08-20")
    cursor = tick(home, instance).cursor
    materialize(instance, board)
    tick(home, instance, cursor)
    held = {"ml/daily": datetime(2026, 8, 21, tzinfo=UTC)}
    assert facts(home)["reports/board", "*"].data_times == held
    with connect(running.database_dsn(home)) as conn:
        (node,) = (one for one in graph.read(conn) if one.key == "reports/board")
    assert (node.parents, node.clock, node.tenanted) == (("ml/daily",), None, False)


def test_a_partition_that_is_nobodys_is_said_and_passed_over(
    home: Settings, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
):
    materialize(instance, scores, partition_key="umbrella")
    tick(home, instance)
    assert facts(home) == {}
    assert "'umbrella' names no tenant" in "".join(capfd.readouterr())


def test_an_observation_of_an_asset_nobody_runs_dates_it(home: Settings, instance: dg.DagsterInstance):
    seen = datetime.now(UTC) - timedelta(minutes=7)
    instance.report_runless_asset_event(
        dg.AssetObservation(
            ["ml", "daily"], metadata={"dagster/last_updated_timestamp": dg.MetadataValue.timestamp(seen)}
        )
    )
    tick(home, instance)
    fact = facts(home)["ml/daily", "*"]
    assert fact.run_time is None
    assert abs(fact.data_times["ml/daily"] - seen) < timedelta(milliseconds=1)


def test_an_asset_declared_later_is_known_from_its_past(home: Settings, instance: dg.DagsterInstance):
    materialize(instance, scores, partition_key="acme")
    cursor = json.loads(tick(home, instance).cursor or "")
    subjects_before = facts(home)
    del cursor["assets"]["ml/scores"]
    with connect(running.database_dsn(home)) as conn:
        conn.execute("truncate telemetry.subjects")
    tick(home, instance, json.dumps(cursor))
    assert facts(home) == subjects_before


def test_a_tenant_declared_later_has_what_was_loaded_for_it_before(home: Settings, instance: dg.DagsterInstance):
    with connect(running.database_dsn(home)) as conn:
        conn.execute("delete from telemetry.tenants where slug = 'acme'")
    materialize(instance, scores, partition_key="acme")
    cursor = tick(home, instance).cursor
    assert facts(home) == {}
    filters = dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION)
    (newest,) = instance.event_log_storage.get_event_records(filters, limit=1)
    settled = json.loads(cursor or "") | {"read": {"materializations": newest.storage_id, "observations": 0}}
    runner.prepare(home)
    tick(home, instance, json.dumps(settled))
    assert ("ml/scores", "acme") in facts(home)


def test_behind_our_own_plots_the_newest_observation_is_found(home: Settings, instance: dg.DagsterInstance):
    seen = datetime.now(UTC) - timedelta(minutes=7)
    told = {"dagster/last_updated_timestamp": dg.MetadataValue.timestamp(seen)}
    instance.report_runless_asset_event(dg.AssetObservation(["ml", "daily"], metadata=told))
    for _ in range(3):
        instance.report_runless_asset_event(dg.AssetObservation(["ml", "daily"], metadata={OLDEST_AGE: 1.0}))
    later = datetime.now(UTC) + timedelta(minutes=1)  # by then all of it is before the cursor
    events, _, _ = read_events(instance, wanted_assets(home, []), None, later)
    assert [event.asset for event in events] == ["ml/daily"]


def test_a_full_batch_waits_for_late_writers_too(home: Settings, instance: dg.DagsterInstance):
    start = Cursor({"materializations": 0, "observations": 0})
    for _ in range(3):
        instance.report_runless_asset_event(dg.AssetMaterialization(["nobody", "cares"]))
    log = instance.event_log_storage
    filters = dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION)
    first, second, _ = log.get_event_records(filters, limit=3, ascending=True)
    between = datetime.fromtimestamp((first.timestamp + second.timestamp) / 2, UTC) + SETTLING
    assert read_events(instance, {}, start, between, batch=2)[2].read["materializations"] == first.storage_id
    young = between - timedelta(minutes=1)
    assert read_events(instance, {}, start, young, batch=2)[2].read["materializations"] == second.storage_id


def test_where_partitions_are_many_the_other_assets_wait_and_none_is_lost(home: Settings, instance: dg.DagsterInstance):
    materialize(instance, scores, partition_key="acme")
    materialize(instance, daily, partition_key="2026-01-02")
    wanted, cursor, seen = wanted_assets(home, []), None, list[str]()
    for _ in range(3):
        events, _, cursor = read_events(instance, wanted, cursor, datetime.now(UTC) + timedelta(minutes=1), batch=1)
        seen += [event.asset for event in events]
    assert set(seen) == {"ml/scores", "ml/daily"}


def test_a_new_event_log_is_read_from_its_start(home: Settings, instance: dg.DagsterInstance):
    materialize(instance, scores, partition_key="acme")
    of_another = Cursor({"materializations": 10**9, "observations": 10**9}, {"ml/scores": "read"})
    tick(home, instance, str(of_another))
    assert ("ml/scores", "acme") in facts(home)


@pytest.mark.parametrize("text", [None, "", "17", "{}", '{"read": {}}', '{"read": {"materializations": "x"}}', "[1"])
def test_a_cursor_that_is_none_begins_anew(text: str | None):
    assert Cursor.of(text) is None


def test_a_database_that_is_gone_leaves_the_cursor_where_it_was(home: Settings, instance: dg.DagsterInstance):
    materialize(instance, scores, partition_key="acme")
    running.record(home.home, "postgres", {"url": "postgresql://nobody@127.0.0.1:9/nothing", "pid": 0})
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9/nothing could not be reached"):
        tick(home, instance)


def test_the_lineage_shows_them_with_owner_group_and_the_policy_that_can_be_kept(home: Settings):
    specs = {spec.key.to_user_string(): spec for spec in build_definitions(home).resolve_all_asset_specs()}
    assert set(specs) == {"ml/scores", "ml/daily", "erp/orders"}
    assert {spec.group_name for spec in specs.values()} == {"ml", "erp"}
    assert {tuple(spec.owners) for spec in specs.values()} == {("team:data-eng",)}
    assert specs["erp/orders"].freshness_policy is None
    assert specs["ml/scores"].freshness_policy is not None
    assert specs["erp/orders"].metadata["dagster/table_name"] == "erp.orders"


def test_every_promised_one_has_a_data_age_check_and_a_table_that_is_not_there_is_a_finding(
    home: Settings, instance: dg.DagsterInstance
):
    materialize(instance, scores, partition_key="acme")
    tick(home, instance)
    definitions = build_definitions(home)
    result = definitions.resolve_job_def("checks").execute_in_process(instance=instance, raise_on_error=False)
    assert result.success
    told = {one.asset_key.to_user_string(): one for one in result.get_asset_check_evaluations()}
    assert set(told) == {"ml/scores", "ml/daily", "erp/orders"}
    assert states_of(told.values()) == (State.MISSING, State.UNKNOWN)
    table = told["erp/orders"]
    assert table.description is not None
    assert (table.passed, table.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "could not look" in table.description
    assert "late" not in table.description
    ages = {name: value.value for name, value in told["ml/scores"].metadata.items()}
    assert ages["telemetry/broken"] == 1
    age = ages["telemetry/oldest_data_age_seconds"]
    assert isinstance(age, float)
    assert 0 <= age < 600
    assert ages["telemetry/data_age_seconds/acme"] == age
    assert "telemetry/data_age_seconds/globex" not in ages
    assert told["ml/scores"].severity is dg.AssetCheckSeverity.ERROR
    plotted = instance.fetch_observations(dg.AssetKey(["ml", "scores"]), limit=10).records
    numbers = [one.asset_observation.metadata for one in plotted if one.asset_observation]
    assert [one["telemetry/oldest_data_age_seconds"].value for one in numbers] == [age]
    before = facts(home)
    assert tick(home, instance, None).skip_message == "1 events of other code locations."
    assert facts(home) == before
