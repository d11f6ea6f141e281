"""The sensors on the small chain: what changes state is logged once, what Airbyte does by itself counts, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.test_utils import create_run_for_test

from telemetry_assets import running
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.defs.data_age_checks import check_result
from telemetry_assets.defs.location import build_definitions
from telemetry_assets.defs.observing import FROM_THE_START
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.ledger import graph, state_changes, subjects
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.state_changes import NO_LONGER_PROMISED
from telemetry_assets.model import Deadline, State, SubjectFact
from telemetry_assets.settings import load
from telemetry_assets.sources.airbyte import client_for
from telemetry_assets.sources.observing import SEEN
from tests.conftest import _execute, named
from tests.integration.small_chain import TENANTS, SmallChain, small_chain
from tests.sources.test_observing import ended

STREAMS = ("counter/numbers", "counter/notes")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, _template: str) -> Iterator[SmallChain]:
    """The small chain with nothing synced yet."""
    _execute(postgres_url, f"create database sensors template {_template}")
    with small_chain(tmp_path_factory.mktemp("sensors"), named(postgres_url, "sensors")) as chain:
        yield chain


@pytest.fixture
def chain(prepared: SmallChain) -> SmallChain:
    """The chain as if nothing was ever loaded, with data of this minute to come."""
    for table in ("subjects", "syncs", "state_changes", "not_fresh", "looks"):
        prepared.execute(f"truncate telemetry.{table}")
    for tenant in TENANTS:
        prepared.value(tenant, datetime.now(UTC).isoformat(timespec="seconds"))
    return prepared


def tick(chain: SmallChain, name: str, cursor: str | None = None, settings: Any = None) -> SensorExecutionData:
    """One evaluation of a sensor, as the daemon does it."""
    definitions = build_definitions(settings or chain.settings)
    sensor = definitions.get_sensor_def(name)
    with chain.instance() as instance:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, repository_def=definitions.get_repository_def()
        )
        return sensor.evaluate_tick(context)


def load_all(chain: SmallChain, now: datetime, **data_times: datetime) -> None:
    """A fact of a run at ``now`` for every subject, with data of then, or of what a tenant is given."""
    roots = {
        "counter/numbers": "counter/numbers",
        "counter/notes": "counter/notes",
        "snapshots/board": "counter/numbers",
    }
    facts = [
        SubjectFact(asset, tenant, now, "run", "test", {root: data_times.get(tenant, now)})
        for asset, root in roots.items()
        for tenant in TENANTS
    ]
    with connect(chain.dsn) as conn:
        subjects.record(conn, facts)


def connection_of(chain: SmallChain, tenant: str) -> UUID:
    (found,) = (one for one in chain.settings.connections() if one.tenant == tenant)
    return found.connection_id


def events_of(chain: SmallChain, asset: str) -> list[tuple[str | None, Any]]:
    """(partition, job id) of every materialization that was seen on Airbyte, oldest first."""
    with chain.instance() as instance:
        found = instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION, asset_key=dg.AssetKey(asset.split("/")))
        )
    told = [(one.partition_key, one.asset_materialization) for one in found[::-1]]
    return [
        (partition, event.metadata["airbyte/job_id"].value)
        for partition, event in told
        if event and "telemetry/seen_on_airbyte" in event.metadata
    ]


def test_every_sensor_runs_by_default_and_looks_every_half_minute(chain: SmallChain) -> None:
    sensors = {one.name: one for one in build_definitions(chain.settings).sensors or ()}
    assert set(sensors) == {"tenants", "next_phase", "freshness_states", "airbyte_syncs", "alerts"}
    assert {one.default_status for one in sensors.values()} == {dg.DefaultSensorStatus.RUNNING}
    assert [sensors[name].minimum_interval_seconds for name in ("freshness_states", "airbyte_syncs", "alerts")] == [
        30,
        30,
        30,
    ]


class TestFreshnessStates:
    """The log of states, tick by tick."""

    def test_what_was_never_loaded_is_logged_once(self, chain: SmallChain) -> None:
        first = tick(chain, "freshness_states")
        assert first.skip_message is not None
        assert first.skip_message.startswith("9 promises, 9 not fresh, 9 changes logged")
        second = tick(chain, "freshness_states")
        assert second.skip_message is not None
        assert second.skip_message.startswith("9 promises, 9 not fresh, 0 changes logged")
        with connect(chain.dsn) as conn:
            assert {one.standing.state for one in state_changes.read(conn)} == {State.MISSING}

    def test_a_late_tenant_is_logged_with_what_it_was_judged_by_and_logged_again_when_it_recovers(
        self, chain: SmallChain
    ) -> None:
        now = datetime.now(UTC)
        dead = now - timedelta(days=3)
        load_all(chain, now)
        tick(chain, "freshness_states")
        load_all(chain, now + timedelta(seconds=1), acme=dead)
        tick(chain, "freshness_states")
        load_all(chain, now + timedelta(seconds=2))
        tick(chain, "freshness_states")
        with connect(chain.dsn) as conn:
            healed, late = state_changes.read(conn, asset="snapshots/board")
            assert state_changes.not_fresh(conn) == {}
        assert (late.standing.state, late.standing.tenant) == (State.FAIL, "acme")
        assert (late.standing.owner, late.standing.binding_root) == ("data-eng", "counter/numbers")
        assert late.standing.data_times == {"counter/numbers": dead}
        assert late.standing.run_state is State.PASS
        assert late.standing.slack is not None
        assert late.standing.slack < timedelta(0)
        assert (healed.state_before, healed.standing.state) == (State.FAIL, State.PASS)
        assert healed.standing.data_times == {"counter/numbers": now + timedelta(seconds=2)}

    def test_what_is_no_longer_promised_leaves_with_a_row_that_says_so(self, chain: SmallChain) -> None:
        tick(chain, "freshness_states")
        text = chain.settings.path.read_text()
        chain.settings.path.write_text(text.replace('"snapshots/board", "window"', '"snapshots/else", "window"'))
        try:
            tick(chain, "freshness_states", settings=load(chain.settings.path))
        finally:
            chain.settings.path.write_text(text)
        with connect(chain.dsn) as conn:
            left = [one for one in state_changes.read(conn, asset="snapshots/board") if one.state_before]
            assert {one.standing.reason for one in left} == {NO_LONGER_PROMISED}
            assert {one.standing.tenant for one in left} == set(TENANTS)
            assert not any(asset == "snapshots/board" for asset, _ in state_changes.not_fresh(conn))

    def test_a_database_that_is_gone_fails_the_tick_and_says_where_it_looked(self, chain: SmallChain) -> None:
        held = running.read(chain.settings.home)["postgres"]
        running.record(chain.settings.home, "postgres", {"url": "postgresql://nobody@127.0.0.1:9/nothing", "pid": 0})
        try:
            for name in ("freshness_states", "airbyte_syncs", "tenants"):
                with pytest.raises(Exception, match=r"127\.0\.0\.1:9/nothing could not be reached") as raised:
                    tick(chain, name)
                assert isinstance(raised.value.__cause__ or raised.value, CouldNotLookError)
        finally:
            running.record(chain.settings.home, "postgres", held)


class TestAirbyteSyncs:
    """Syncs that were started over Airbyte's API, as its own schedule does, and not through Dagster."""

    def test_its_job_becomes_facts_and_one_materialization_per_stream(self, chain: SmallChain) -> None:
        job = ended(client_for(chain.settings), connection_of(chain, "acme"))
        for _ in range(2):
            assert tick(chain, "airbyte_syncs").cursor == FROM_THE_START
        with connect(chain.dsn) as conn:
            facts = subjects.read(conn, tenants=["acme"])
        assert {(fact.asset, fact.run_id, fact.run_time) for fact in facts} == {
            (key, SEEN, job.ended_at) for key in STREAMS
        }
        for stream in STREAMS:
            assert events_of(chain, stream)[-1] == ("acme", job.job_id)
            assert [one for _, one in events_of(chain, stream)].count(job.job_id) == 1
        assert chain.check("counter/numbers", "data_age").description is not None

    def test_a_job_that_a_run_of_ours_told_is_not_told_again(self, chain: SmallChain) -> None:
        before = events_of(chain, "counter/numbers")
        chain.refresh(Phase.SYNC)
        tick(chain, "airbyte_syncs")
        assert events_of(chain, "counter/numbers") == before

    def test_while_a_run_of_ours_syncs_the_facts_are_there_and_the_event_waits(self, chain: SmallChain) -> None:
        with chain.instance() as instance:
            run = create_run_for_test(instance, job_name="sync", status=dg.DagsterRunStatus.STARTED)
        job = ended(client_for(chain.settings), connection_of(chain, "globex"))
        tick(chain, "airbyte_syncs")
        with connect(chain.dsn) as conn:
            assert {fact.run_time for fact in subjects.read(conn, tenants=["globex"])} == {job.ended_at}
        assert ("globex", job.job_id) not in events_of(chain, "counter/numbers")
        with chain.instance() as instance:
            instance.report_run_canceled(run)
        tick(chain, "airbyte_syncs")
        assert events_of(chain, "counter/numbers")[-1] == ("globex", job.job_id)

    def test_without_any_airbyte_there_is_nothing_to_see(self, chain: SmallChain) -> None:
        held = running.read(chain.settings.home)["airbyte"]
        running.record(chain.settings.home, "airbyte", None)
        try:
            said = tick(chain, "airbyte_syncs").skip_message
        finally:
            running.record(chain.settings.home, "airbyte", held)
        assert said is not None
        assert "no local Airbyte runs" in said


class TestTenants:
    """The sensor that keeps partitions and graph as they are declared and loaded."""

    def test_a_loaded_location_writes_its_graph_once(self, chain: SmallChain) -> None:
        definitions = build_definitions(chain.settings)
        sensor = definitions.get_sensor_def("tenants")
        with connect(chain.dsn) as conn, chain.instance() as instance:
            whole = graph.read(conn)
            conn.execute("delete from telemetry.assets where key = 'counter/notes'")
            sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
            assert graph.read(conn) == whole
            conn.execute("delete from telemetry.assets where key = 'counter/notes'")
            sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
            assert len(graph.read(conn)) == len(whole) - 1
            graph.replace(conn, whole)


class TestDataAgeChecks:
    """What a check says of many tenants, and of those nobody could look at."""

    @staticmethod
    def judged(number: int, state: State, age: timedelta | None) -> Judgement:
        return Judgement(
            asset="marts/daily",
            tenant=f"t{number:03}",
            state=state,
            run_age=None,
            data_age=age,
            limit=Deadline(time(9)),
            binding_root="shop/orders",
            data_time=None,
            run_time=None,
            run_state=State.UNKNOWN,
            reason="" if state is State.PASS else "shop/orders missed 09:00",
            owner=None,
        )

    def test_of_many_tenants_the_worst_are_plotted_and_told(self) -> None:
        judged = [self.judged(number, State.PASS, timedelta(minutes=number)) for number in range(300)]
        judged += [self.judged(number, State.FAIL, timedelta(hours=number)) for number in range(300, 330)]
        result = check_result("marts/daily", judged)
        ages = [name for name in result.metadata if name.startswith("telemetry/data_age_seconds/")]
        assert ages == [f"telemetry/data_age_seconds/t{number}" for number in range(310, 330)]
        assert result.metadata["telemetry/oldest_data_age_seconds"].value == 329 * 3600
        assert result.metadata["telemetry/broken"].value == 30
        assert result.description is not None
        assert result.description.startswith("t329: late, shop/orders missed 09:00; t328")
        assert result.description.endswith("and 10 more")
        table = result.metadata["telemetry/tenants"]
        assert isinstance(table, dg.TableMetadataValue)
        assert (len(table.records), table.records[0].data["tenant"]) == (200, "t329")

    def test_what_nobody_could_look_at_is_neither_fresh_nor_late(self) -> None:
        result = check_result("marts/daily", [self.judged(1, State.UNKNOWN, None), self.judged(2, State.PASS, None)])
        assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert result.metadata["telemetry/broken"].value == 0
        assert result.metadata["telemetry/unknown"].value == 1
        assert result.description == "t001: unknown, shop/orders missed 09:00"
        assert "telemetry/oldest_data_age_seconds" not in result.metadata
