"""A small home of its own: the counting connector for three tenants, one snapshot, no dbt. A refresh takes a second.

What belongs here: the home, its local Airbyte, and looking at what a run left in Dagster and in the ledger.
"""

import json
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from telemetry_assets import running
from telemetry_assets.answers.refresh import Phase, PhaseResult
from telemetry_assets.defs import runner
from telemetry_assets.local.airbyte_server import LocalAirbyte
from telemetry_assets.settings import Settings, load

COUNTING = Path(__file__).parents[1] / "connectors_for_tests" / "counting.py"
TENANTS = {
    "acme": "aaaaaaaa-0000-4000-8000-00000000000a",
    "globex": "bbbbbbbb-0000-4000-8000-00000000000b",
    "initech": "cccccccc-0000-4000-8000-00000000000c",
}
CONTRACT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["tenant_id", "generated_at", "metrics"],
    "properties": {
        "metrics": {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "integer", "minimum": 1}}}
    },
}
RELATION = """
create schema counter;
create table counter.odd (tenant_id uuid primary key, payload jsonb not null);
create view counter.numbers as
    select numbers.tenant_id, coalesce(odd.payload, jsonb_build_object('rows', count(*))) as payload
    from raw_counter.numbers left join counter.odd using (tenant_id)
    group by numbers.tenant_id, odd.payload
"""
"""The snapshot's relation, under the key of the stream it reads; ``counter.odd`` lays payloads over its rows."""


@dataclass(frozen=True, slots=True)
class SmallChain:
    """The home, prepared; its database and its local Airbyte are up. ``patch`` changes how its connectors behave."""

    settings: Settings
    dsn: str
    patch: pytest.MonkeyPatch

    def behave(self, tenant: str, behaviour: str) -> None:
        """How a tenant's connector behaves from now on; the counting connector knows the words."""
        self.patch.setenv(f"BEHAVES_{tenant.upper()}", behaviour)

    def value(self, tenant: str, value: str) -> None:
        """The ``updated_at`` of every record of a tenant's from now on."""
        self.patch.setenv(f"UPDATED_{tenant.upper()}", value)

    def refresh(self, *phases: Phase, only: Sequence[str] = ()) -> dict[Phase, PhaseResult]:
        """Run these phases (all without any) as ``telemetry refresh`` does."""
        results = runner.refresh(self.settings, phases or tuple(Phase), only)
        return {result.phase: result for result in results}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(query.encode()).fetchall()

    def execute(self, statement: str) -> None:
        """Change something in the database."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            conn.execute(statement.encode())

    @contextmanager
    def instance(self) -> Generator[dg.DagsterInstance]:
        """The home's Dagster instance."""
        with runner.dagster_instance(self.settings) as instance:
            yield instance

    def materialized(self, asset: str, run_id: str) -> dict[str | None, dict[str, Any]]:
        """partition → metadata of what a run materialized of an asset; None is the asset without a partition."""
        records = self._records(asset, dg.DagsterEventType.ASSET_MATERIALIZATION, run_id)
        return {
            record.partition_key: {name: value.value for name, value in record.asset_materialization.metadata.items()}
            for record in records
            if record.asset_materialization
        }

    def check(self, asset: str, name: str) -> dg.AssetCheckEvaluation:
        """The newest evaluation of a check."""
        key = dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name)
        with self.instance() as instance:
            (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert record.event is not None
        evaluation = record.event.dagster_event
        assert evaluation is not None
        return evaluation.asset_check_evaluation_data

    def log(self, run_id: str) -> list[str]:
        """The messages of a run's log."""
        with self.instance() as instance:
            return [entry.user_message for entry in instance.all_logs(run_id)]

    def _records(self, asset: str, kind: dg.DagsterEventType, run_id: str) -> list[dg.EventLogRecord]:
        with self.instance() as instance:
            key = dg.AssetKey(asset.split("/"))
            found = instance.get_event_records(dg.EventRecordsFilter(kind, asset_key=key))
        return [record for record in found if record.run_id == run_id]


def write_home(folder: Path, tenants: Mapping[str, str] = TENANTS) -> Path:
    """telemetry.yaml and the contract of the small chain in ``folder``; the path of the file."""
    connections = [
        {"tenant": slug, "config": {"behave": {"env": f"BEHAVES_{slug.upper()}"}, "start": 0, "count": 4,
                                    "values": {"updated_at": {"env": f"UPDATED_{slug.upper()}"}}}}
        for slug in tenants
    ]  # fmt: skip
    window = {"warn": "45m", "fail": "60m"}
    document = {
        "tenants": [{"slug": slug, "id": tenant_id, "name": slug.title()} for slug, tenant_id in tenants.items()],
        "sources": {
            "counter": {
                "executable": [sys.executable, str(COUNTING)],
                "every": "15m",
                "streams": {"numbers": {"clock": "column updated_at"}, "notes": {}},
                "connections": connections,
            }
        },
        "promises": [
            {"asset": "counter/*", "window": window, "owner": "data-eng"},
            {"asset": "snapshots/board", "window": window, "owner": "data-eng"},
        ],
        "snapshots": {"board": {"relation": "counter.numbers", "every": "30m"}},
        "owners": {"data-eng": {}},
    }
    contracts = folder / "schemas" / "assets"
    contracts.mkdir(parents=True)
    (contracts / "snapshots.board.schema.json").write_text(json.dumps(CONTRACT))
    path = folder / "telemetry.yaml"
    path.write_text(json.dumps(document))
    return path


@contextmanager
def small_chain(folder: Path, dsn: str, tenants: Mapping[str, str] = TENANTS) -> Generator[SmallChain]:
    """The small chain in ``folder`` on an empty, migrated database."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "AIRBYTE_URL", "TELEMETRY_HOME", "TELEMETRY_CONFIG", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        settings = load(write_home(folder, tenants))
        running.record(settings.home, "postgres", {"url": dsn, "pid": 0})
        chain = SmallChain(settings, dsn, patch)
        for tenant in tenants:
            chain.behave(tenant, "well")
            chain.value(tenant, "2026-11-20T10:00:00Z")
        runner.prepare(settings)
        server = LocalAirbyte(settings, dsn)
        server.start()
        try:
            yield chain
        finally:
            server.stop()
