"""The chain on the small home, phase by phase: what a run leaves in Dagster, in the ledger and in the raw tables."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.definitions.freshness_evaluator import TimeWindowFreshnessPolicyEvaluator
from dagster._core.loader import LoadingContextForTest

from telemetry_assets.answers.refresh import Phase
from telemetry_assets.defs.location import build_definitions
from telemetry_assets.ledger import snapshots, subjects, syncs
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import ExitCode
from tests.conftest import _execute, named
from tests.integration.small_chain import RELATION, TENANTS, SmallChain, small_chain

SYNCED = ("counter/numbers", "counter/notes")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, _template: str) -> Iterator[SmallChain]:
    """The small chain after one sync of everybody, with the relation that its snapshot reads."""
    _execute(postgres_url, f"create database small_chain template {_template}")
    with small_chain(tmp_path_factory.mktemp("small"), named(postgres_url, "small_chain")) as chain:
        chain.refresh(Phase.SYNC)
        chain.execute(RELATION)
        yield chain


@pytest.fixture
def chain(prepared: SmallChain) -> SmallChain:
    """The chain with every tenant well and its data of this minute."""
    prepared.execute("delete from counter.odd")
    for tenant in TENANTS:
        prepared.behave(tenant, "well")
        prepared.value(tenant, datetime.now(UTC).isoformat(timespec="seconds"))
    return prepared


@pytest.mark.promise("B12")
def test_an_all_green_refresh_marks_every_tenant_with_its_job_and_its_data_time(chain: SmallChain):
    before = datetime.now(UTC).timestamp()
    results = chain.refresh()
    assert list(results) == [Phase.SYNC, Phase.SNAPSHOTS, Phase.CHECKS]
    assert [result.failures for result in results.values()] == [(), (), ()]
    for asset in SYNCED:
        marked = chain.materialized(asset, results[Phase.SYNC].run_id)
        assert set(marked) == set(TENANTS)
        for metadata in marked.values():
            assert int(metadata["airbyte/job_id"]) > 0
            assert before - 1 <= metadata["airbyte/started_at"] <= metadata["airbyte/ended_at"]
            assert metadata["airbyte/rows_synced"] == 8
            assert metadata["airbyte/bytes_synced"] > 0
            assert metadata["telemetry/data_time"] == pytest.approx(metadata["airbyte/started_at"], abs=20)
    published = chain.materialized("snapshots/board", results[Phase.SNAPSHOTS].run_id)
    assert set(published) == set(TENANTS)
    for asset in SYNCED:
        assert chain.check(asset, "sync_status").passed
        assert chain.check(asset, "data_age").passed
    assert chain.check("snapshots/board", "contract").passed
    assert chain.check("snapshots/board", "data_age").passed


@pytest.mark.slow
def test_the_ledger_has_a_job_and_a_fact_per_tenant(chain: SmallChain):
    run_id = chain.refresh(Phase.SYNC)[Phase.SYNC].run_id
    with connect(chain.dsn) as conn:
        jobs = syncs.newest_terminal(conn)
        facts = subjects.read(conn, assets=list(SYNCED))
    assert {job.tenant for job in jobs} == set(TENANTS)
    assert {job.status for job in jobs} == {"succeeded"}
    assert {(fact.asset, fact.tenant) for fact in facts} == {(asset, slug) for asset in SYNCED for slug in TENANTS}
    assert {fact.run_id for fact in facts} == {run_id}
    assert all(fact.data_times for fact in facts)


@pytest.mark.promise("B31")
def test_one_failing_tenant_stops_neither_the_others_nor_the_phases_after_it(chain: SmallChain):
    chain.behave("globex", "exit")
    results = chain.refresh()
    assert list(results) == [Phase.SYNC, Phase.SNAPSHOTS, Phase.CHECKS]
    assert set(chain.materialized("counter/numbers", results[Phase.SYNC].run_id)) == {"acme", "initech"}
    assert set(chain.materialized("snapshots/board", results[Phase.SNAPSHOTS].run_id)) == set(TENANTS)
    status = chain.check("counter/numbers", "sync_status")
    assert not status.passed
    assert status.severity is dg.AssetCheckSeverity.ERROR
    assert status.metadata["telemetry/failed_tenants"].value == ["globex"]
    assert status.description is not None
    assert status.description.startswith("globex: ")
    assert results[Phase.SYNC].exit_code is ExitCode.FAILING
    assert any("globex" in failure for failure in results[Phase.SYNC].failures)
    with connect(chain.dsn) as conn:
        assert {job.tenant for job in syncs.newest_terminal(conn) if job.status == "failed"} == {"globex"}


@pytest.mark.promise("B49")
@pytest.mark.slow
def test_a_run_for_one_tenant_touches_no_other(chain: SmallChain):
    results = chain.refresh(Phase.SYNC, Phase.SNAPSHOTS, only=["initech"])
    assert [result.failures for result in results.values()] == [(), ()]
    assert set(chain.materialized("counter/notes", results[Phase.SYNC].run_id)) == {"initech"}
    assert set(chain.materialized("snapshots/board", results[Phase.SNAPSHOTS].run_id)) == {"initech"}
    with connect(chain.dsn) as conn:
        runs = {one.tenant: one.run_id for one in snapshots.published(conn, "board")}
    assert [tenant for tenant, run in runs.items() if run == results[Phase.SNAPSHOTS].run_id] == ["initech"]


def test_a_tenant_outside_the_range_of_the_run_is_refused(chain: SmallChain):
    result = chain.refresh(Phase.SYNC, only=["umbrella"])[Phase.SYNC]
    assert not result.succeeded
    assert result.exit_code is ExitCode.FAILING
    assert "umbrella" in " ".join(result.failures)
    assert chain.materialized("counter/numbers", result.run_id) == {}


@pytest.mark.promise("B52")
def test_publishing_logs_one_event_per_tenant(chain: SmallChain):
    run_id = chain.refresh(Phase.SNAPSHOTS)[Phase.SNAPSHOTS].run_id
    lines = [json.loads(line) for line in chain.log(run_id) if line.startswith("{")]
    persisted = [line for line in lines if line["event"] == "metrics.snapshot.persisted"]
    assert sorted(line["tenant_id"] for line in persisted) == sorted(TENANTS.values())
    assert {line["task_id"] for line in persisted} == {run_id}
    assert {line["component"] for line in persisted} == {"snapshots"}


@pytest.mark.promise("B45")
@pytest.mark.slow
def test_syncing_logs_how_it_ended_for_each_tenant_by_its_id(chain: SmallChain):
    run_id = chain.refresh(Phase.SYNC)[Phase.SYNC].run_id
    lines = [json.loads(line) for line in chain.log(run_id) if line.startswith("{")]
    ended = {line["tenant"]: line for line in lines if line["event"] == "airbyte.sync.ended"}
    assert {slug: line["tenant_id"] for slug, line in ended.items()} == TENANTS
    assert all("succeeded" in line["said"] for line in ended.values())


@pytest.mark.promise("A1", "A25")
def test_a_payload_that_breaks_its_contract_is_withheld_and_the_last_good_one_stays(chain: SmallChain):
    chain.refresh(Phase.SNAPSHOTS)
    with connect(chain.dsn) as conn:
        good = {one.tenant: one for one in snapshots.published(conn, "board")}
    chain.execute(f"insert into counter.odd values ('{TENANTS['acme']}', '{{}}')")
    result = chain.refresh(Phase.SNAPSHOTS)[Phase.SNAPSHOTS]
    with connect(chain.dsn) as conn:
        served = {one.tenant: one for one in snapshots.published(conn, "board")}
        (withheld,) = snapshots.withheld(conn, "board")
        facts = {fact.tenant: fact for fact in subjects.read(conn, assets=["snapshots/board"])}
    assert served["acme"] == good["acme"]
    assert served["globex"].run_id == served["initech"].run_id == result.run_id
    assert (withheld.tenant, withheld.payload["metrics"]) == ("acme", {})
    assert "rows" in withheld.violations[0]
    assert facts["acme"].run_id == good["acme"].run_id
    assert set(chain.materialized("snapshots/board", result.run_id)) == {"globex", "initech"}
    contract = chain.check("snapshots/board", "contract")
    assert not contract.passed
    assert contract.severity is dg.AssetCheckSeverity.ERROR
    assert contract.metadata["telemetry/withheld_tenants"].value == ["acme"]
    assert result.succeeded
    assert result.exit_code is ExitCode.FAILING


@pytest.mark.promise("B13", "B48")
def test_a_tenant_whose_feed_is_dead_is_late_under_an_asset_that_dagsters_own_policy_calls_fresh(chain: SmallChain):
    dead = datetime.now(UTC) - timedelta(days=3)
    chain.execute(f"update raw_counter.numbers set updated_at = '{dead}' where tenant_id = '{TENANTS['acme']}'")
    chain.value("acme", dead.isoformat(timespec="seconds"))
    results = chain.refresh()
    assert results[Phase.SYNC].failures == ()
    assert results[Phase.CHECKS].exit_code is ExitCode.LATE
    for asset in ("counter/numbers", "snapshots/board"):
        age = chain.check(asset, "data_age")
        assert not age.passed
        assert age.severity is dg.AssetCheckSeverity.ERROR
        assert age.description is not None
        assert age.description.startswith("acme: late")
        assert "globex" not in age.description
        assert _native_light(chain, asset) is FreshnessState.PASS
    assert chain.check("counter/notes", "data_age").passed


@pytest.mark.slow
def test_a_new_materialization_does_not_put_the_light_of_the_data_age_out(chain: SmallChain):
    dead = datetime.now(UTC) - timedelta(days=3)
    chain.execute(f"update raw_counter.numbers set updated_at = '{dead}' where tenant_id = '{TENANTS['acme']}'")
    chain.value("acme", dead.isoformat(timespec="seconds"))
    chain.refresh(Phase.SYNC)
    key = dg.AssetCheckKey(dg.AssetKey(["counter", "numbers"]), "data_age")
    with chain.instance() as instance:
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        shown = asyncio.run(record.targets_latest_materialization(LoadingContextForTest(instance)))
    assert shown
    assert not chain.check("counter/numbers", "data_age").passed


@pytest.mark.slow
def test_a_second_sync_adds_no_row_twice(chain: SmallChain):
    chain.refresh(Phase.SYNC)
    before = chain.rows("select tenant_id, count(*), count(distinct id) from raw_counter.numbers group by 1 order by 1")
    chain.refresh(Phase.SYNC)
    after = chain.rows("select tenant_id, count(*), count(distinct id) from raw_counter.numbers group by 1 order by 1")
    assert [(tenant, count + 4, distinct + 4) for tenant, count, distinct in before] == after
    assert all(count == distinct for _, count, distinct in after)


def _native_light(chain: SmallChain, asset: str) -> FreshnessState:
    """What Dagster's own evaluator says of an asset."""
    node = build_definitions(chain.settings).resolve_asset_graph().get(dg.AssetKey(asset.split("/")))
    with chain.instance() as instance:
        context = LoadingContextForTest(instance)
        return asyncio.run(TimeWindowFreshnessPolicyEvaluator().evaluate_freshness(context, node))
