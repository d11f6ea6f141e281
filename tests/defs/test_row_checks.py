"""A contract named after a table is a check of its rows: of each tenant, told once, and it stops nobody."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from telemetry_assets.answers.refresh import Phase
from telemetry_assets.defs.row_checks import ROWS, due, row_checks
from telemetry_assets.settings import load
from tests.conftest import named
from tests.integration.small_chain import SmallChain, small_chain

pytestmark = pytest.mark.slow
NUMBERS = {
    "type": "object",
    "required": ["id", "amount"],
    "properties": {"id": {"type": "integer", "minimum": 0}, "amount": {"type": "number", "minimum": 0}},
}


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, _template: str) -> Iterator[SmallChain]:
    """The small chain after one sync, with a contract for each of its streams."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"create database row_checks template {_template}".encode())
    with small_chain(tmp_path_factory.mktemp("rows"), named(postgres_url, "row_checks")) as chain:
        write(chain, "counter.numbers", NUMBERS)
        write(chain, "counter.notes", {"required": ["text"]})
        chain.refresh(Phase.SYNC)
        yield chain


def write(chain: SmallChain, name: str, schema: Any) -> None:
    (chain.settings.schemas_dir / "assets" / f"{name}.schema.json").write_text(json.dumps(schema))


def loaded_again(chain: SmallChain) -> None:
    """As after another sync: its rows are checked again."""
    with chain.instance() as instance:
        for stream in ("numbers", "notes"):
            instance.report_runless_asset_event(dg.AssetMaterialization(["counter", stream], partition="acme"))


@pytest.mark.promise("A27", "D34", "F14")
def test_one_file_makes_a_check_and_rows_that_keep_it_pass(synced: SmallChain) -> None:
    result = synced.refresh(Phase.CHECKS)[Phase.CHECKS]
    assert result.succeeded
    found = synced.check("counter/numbers", ROWS)
    assert (found.passed, found.description) == (True, "12 rows keep the contract")
    assert found.metadata["telemetry/rows"].value == 12


def test_rows_that_break_it_are_told_for_their_tenant_alone_and_stop_nothing(synced: SmallChain) -> None:
    loaded_again(synced)
    synced.execute(
        "update raw_counter.numbers set amount = -1 where tenant_id::text like 'b%' and id < 3;"
        "update raw_counter.numbers set amount = null where tenant_id::text like 'b%' and id = 3"
    )
    try:
        synced.refresh(Phase.CHECKS)
        found = synced.check("counter/numbers", ROWS)
        assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.ERROR, False)
        assert found.metadata["telemetry/failed_tenants"].value == ["globex"]
        assert found.metadata["telemetry/broken_rows"].value == 4
        assert found.description == (
            "globex: /amount: found -1, expected at least 0 (and 2 more like it); "
            "/amount: found null, expected a number"
        )
        table = found.metadata["telemetry/violations"]
        assert isinstance(table, dg.TableMetadataValue)
        told = [(row.data["tenant"], row.data["column"], row.data["rows"]) for row in table.records]
        assert told == [("globex", "amount", 3), ("globex", "amount", 1)]
        assert synced.check("counter/notes", ROWS).passed
    finally:
        synced.execute("update raw_counter.numbers set amount = 1")


def test_a_table_that_is_gone_could_not_be_looked_at_and_the_others_are_judged(synced: SmallChain) -> None:
    loaded_again(synced)
    synced.execute("alter table raw_counter.notes rename to away")
    try:
        result = synced.refresh(Phase.CHECKS)[Phase.CHECKS]
        assert not result.succeeded
        assert [failure for failure in result.failures if failure.startswith("judge_rows: ")]
        assert synced.check("counter/numbers", ROWS).passed
    finally:
        synced.execute("alter table raw_counter.away rename to notes")


def test_a_home_without_contracts_of_tables_has_no_such_check(tmp_path: Path) -> None:
    declared = tmp_path / "telemetry.yaml"
    declared.write_text(
        json.dumps({"tenants": [{"slug": "acme", "id": "aaaaaaaa-0000-4000-8000-00000000000a", "name": "Acme"}]})
    )
    assert row_checks(load(declared), None) is None


def checked(instance: dg.DagsterInstance, name: str) -> None:
    """A check of what its asset holds now, as a run records it."""
    key = dg.AssetKey(["a", name])
    found = instance.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION, asset_key=key), limit=1
    )
    target = (
        AssetCheckEvaluationTargetMaterializationData(storage_id=found[0].storage_id, run_id="", timestamp=0.0)
        if found
        else None
    )
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=key, check_name=ROWS, passed=True, target_materialization_data=target)
    )


def test_the_checks_phase_looks_at_what_was_materialized_since_its_last_look() -> None:
    now = datetime.now(UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        assert due(instance, ["a/b", "a/c"], {"a/c"}, now) == {"a/c"}, "never materialized; a/c is another's to fill"
        instance.report_runless_asset_event(dg.AssetMaterialization(["a", "b"]))
        assert due(instance, ["a/b", "a/c"], {"a/c"}, now) == {"a/b", "a/c"}
        checked(instance, "b")
        checked(instance, "c")
        assert due(instance, ["a/b", "a/c"], {"a/c"}, now) == set()
        assert due(instance, ["a/b", "a/c"], {"a/c"}, now + timedelta(hours=2)) == {"a/c"}
        instance.report_runless_asset_event(dg.AssetMaterialization(["a", "b"]))
        assert due(instance, ["a/b", "a/c"], {"a/c"}, now) == {"a/b"}
