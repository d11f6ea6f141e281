"""dbt runs of somebody else's: recorded once, and taken for what they can have read, no more and no less."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.declaration.configured import DbtSettings, StreamSettings
from telemetry_assets.ledger import dbt_invocations, subjects, syncs, tenants
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import Clock, ClockKind, SubjectFact, Tenant
from telemetry_assets.settings import AirbyteSettings, ConnectionSettings, Settings, SourceSettings, TenantSettings
from telemetry_assets.sources.dbt_artifacts import InvalidRunResultsError
from telemetry_assets.sources.dbt_outside import import_external
from telemetry_assets.sources.watching import watch

pytestmark = pytest.mark.slow

type Ledger = psycopg.Connection[TupleRow]

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
END = START + timedelta(minutes=10)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ACME, GLOBEX = UUID(int=0xA), UUID(int=0xB)


def model(name: str, *parents: str, **config: Any) -> dict[str, Any]:
    """A model ``marts/NAME`` with the tenant column."""
    return {
        f"model.p.{name}": {
            "resource_type": "model", "name": name, "depends_on": {"nodes": list(parents)},
            "config": {"materialized": "table", "schema": "marts", **config}, "columns": {"org_id": {}},
            "relation_name": f'"db"."marts"."{name}"',
        }
    }  # fmt: skip


def source(name: str) -> dict[str, Any]:
    return {
        f"source.p.erp.{name}": {
            "resource_type": "source", "source_name": "erp", "name": name, "schema": "erp",
            "columns": {"org_id": {}}, "loaded_at_field": "loaded_at", "freshness": {},
        }
    }  # fmt: skip


MANIFEST = {
    "sources": {**source("orders"), **source("rates")},
    "nodes": {
        **model("daily", "source.p.erp.orders"),
        **model("total", "model.p.daily"),
        **model("joined", "model.p.daily", "source.p.erp.rates"),
    },
}


def project(folder: Path, *sources: SourceSettings) -> Settings:
    return Settings(
        path=folder / "telemetry.yaml",
        home=folder,
        tenants=TenantSettings(column="org_id"),
        dbt=DbtSettings(folder),
        sources={source.name: source for source in sources},
        promises=(),
        snapshots={},
        database=None,
        airbyte=AirbyteSettings(),
    )


def leave(
    folder: Path,
    statuses: Mapping[str, str],
    *,
    which: str = "build",
    number: int = 1,
    start: datetime = START,
    **more: Any,
) -> None:
    """What dbt leaves in the target folder of a project."""
    document = {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
            "generated_at": (start + (END - START)).isoformat(), "invocation_id": f"run-{number}",
        },
        "results": [
            {"unique_id": f"model.p.{name}", "status": status, "timing": [{"started_at": start.isoformat()}], **more}
            for name, status in statuses.items()
        ],
        "args": {"which": which},
    }  # fmt: skip
    (folder / "target").mkdir(exist_ok=True)
    (folder / "target" / "run_results.json").write_text(json.dumps(document))


@pytest.fixture
def erp(ledger: Ledger) -> Ledger:
    """Two tenants; orders of both, rates of acme alone."""
    tenants.write(ledger, [Tenant("acme", ACME, "Acme"), Tenant("globex", GLOBEX, "Globex")])
    ledger.execute("create schema erp")
    for table in ("orders", "rates"):
        ledger.execute(f"create table erp.{table} (org_id uuid, loaded_at timestamptz)".encode())
    put(ledger, "orders", ACME, START - HOUR)
    put(ledger, "orders", GLOBEX, START - 30 * HOUR)
    put(ledger, "rates", ACME, START - 2 * HOUR)
    return ledger


def put(conn: Ledger, table: str, tenant: UUID, loaded_at: datetime) -> None:
    conn.execute(f"insert into erp.{table} values (%s, %s)".encode(), (tenant, loaded_at))


def held(conn: Ledger) -> dict[tuple[str, str], dict[str, timedelta]]:
    """(asset, tenant) → root → how long before the run its data time lies."""
    return {
        (fact.asset, fact.tenant): {root: START - time for root, time in fact.data_times.items()}
        for fact in subjects.read(conn)
        if fact.source == "dbt"
    }


ALL = {"daily": "success", "total": "success", "joined": "success"}


class TestRecording:
    def test_a_run_is_recorded_once_and_marked_external(self, erp: Ledger, tmp_path: Path):
        leave(tmp_path, ALL, which="run")
        import_external(erp, project(tmp_path), MANIFEST)
        import_external(erp, project(tmp_path), MANIFEST)
        (found,) = dbt_invocations.recent(erp, 10)
        assert (found.which, found.external, found.covers_all) == ("run", True, True)

    @pytest.mark.promise("F10")
    def test_it_is_remembered_after_a_later_test_overwrote_its_file(self, erp: Ledger, tmp_path: Path):
        leave(tmp_path, ALL, which="run")
        import_external(erp, project(tmp_path), MANIFEST)
        leave(tmp_path, ALL, which="test", number=2)
        import_external(erp, project(tmp_path), MANIFEST)
        newest = dbt_invocations.newest_complete(erp)
        assert newest is not None
        assert newest.which == "run"

    def test_what_was_complete_stays_complete_when_a_model_is_added_later(self, erp: Ledger, tmp_path: Path):
        leave(tmp_path, ALL)
        import_external(erp, project(tmp_path), MANIFEST)
        import_external(erp, project(tmp_path), {**MANIFEST, "nodes": {**MANIFEST["nodes"], **model("new")}})
        assert dbt_invocations.newest_complete(erp) is not None

    def test_the_manifest_beside_the_results_counts_where_none_is_given(self, erp: Ledger, tmp_path: Path):
        leave(tmp_path, ALL)
        assert not import_external(erp, project(tmp_path)).covers_all  # pyright: ignore[reportOptionalMemberAccess]
        assert held(erp) == {}
        leave(tmp_path, ALL, number=2)
        (tmp_path / "target" / "manifest.json").write_text(json.dumps(MANIFEST))
        assert import_external(erp, project(tmp_path)).covers_all  # pyright: ignore[reportOptionalMemberAccess]
        assert held(erp) != {}

    def test_nothing_comes_of_a_folder_where_dbt_never_ran_and_of_no_project(self, erp: Ledger, tmp_path: Path):
        assert import_external(erp, project(tmp_path), MANIFEST) is None

    def test_a_torn_file_is_refused_and_the_next_whole_one_counts(self, erp: Ledger, tmp_path: Path):
        leave(tmp_path, ALL)
        path = tmp_path / "target" / "run_results.json"
        path.write_text(path.read_text()[:-30])
        with pytest.raises(InvalidRunResultsError):
            import_external(erp, project(tmp_path), MANIFEST)
        leave(tmp_path, ALL)
        assert import_external(erp, project(tmp_path), MANIFEST) is not None


class TestFacts:
    def test_it_read_what_the_tables_held_when_it_started(self, erp: Ledger, tmp_path: Path):
        put(erp, "orders", ACME, START + MINUTE)
        leave(tmp_path, ALL)
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp) == {
            ("marts/daily", "acme"): {"erp/orders": HOUR},
            ("marts/daily", "globex"): {"erp/orders": 30 * HOUR},
            ("marts/total", "acme"): {"erp/orders": HOUR},
            ("marts/total", "globex"): {"erp/orders": 30 * HOUR},
            ("marts/joined", "acme"): {"erp/orders": HOUR, "erp/rates": 2 * HOUR},
            ("marts/joined", "globex"): {"erp/orders": 30 * HOUR},
        }
        assert {(fact.run_time, fact.run_id) for fact in subjects.read(erp)} == {(END, "run-1")}

    def test_rows_written_in_place_since_held_what_was_known_of_them_by_then(self, erp: Ledger, tmp_path: Path):
        watch(erp, project(tmp_path), MANIFEST, START - MINUTE)
        erp.execute("update erp.orders set loaded_at = %s", (START + MINUTE,))
        erp.execute("delete from erp.rates")
        leave(tmp_path, ALL)
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp)["marts/daily", "globex"] == {"erp/orders": 30 * HOUR}
        assert held(erp)["marts/joined", "acme"] == {"erp/orders": HOUR}

    def test_only_what_succeeded_was_built_and_its_children_read_what_was_there_before(
        self, erp: Ledger, tmp_path: Path
    ):
        old = SubjectFact("marts/daily", "acme", START - HOUR, "old", "dbt", {"erp/orders": START - 9 * HOUR})
        subjects.record(erp, [old])
        leave(tmp_path, {"daily": "error", "total": "success", "joined": "skipped"})
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp)["marts/total", "acme"] == {"erp/orders": 9 * HOUR}
        assert held(erp)["marts/daily", "acme"] == {"erp/orders": 9 * HOUR}
        assert ("marts/joined", "acme") not in held(erp)

    def test_of_a_parent_that_was_built_since_it_read_no_more_than_the_root_had(self, erp: Ledger, tmp_path: Path):
        put(erp, "orders", ACME, START + 20 * MINUTE)
        since = END + HOUR
        subjects.record(
            erp, [SubjectFact("marts/daily", "acme", since, "new", "dbt", {"erp/orders": START + 20 * MINUTE})]
        )
        leave(tmp_path, {"total": "success"})
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp)["marts/total", "acme"] == {"erp/orders": HOUR}

    def test_an_older_run_told_late_changes_nothing(self, erp: Ledger, tmp_path: Path):
        leave(tmp_path, ALL)
        import_external(erp, project(tmp_path), MANIFEST)
        before = held(erp)
        leave(tmp_path, ALL, number=2, start=START - 9 * HOUR)
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp) == before

    @pytest.mark.parametrize("which", ["test", "compile", "generate", "run-operation"])
    def test_a_command_that_writes_no_table_made_nothing(self, erp: Ledger, tmp_path: Path, which: str):
        leave(tmp_path, ALL, which=which)
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp) == {}

    def test_a_developers_target_built_other_tables(self, erp: Ledger, tmp_path: Path):
        leave(tmp_path, ALL, relation_name='"db"."dev_ann_marts"."daily"')
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp) == {}

    def test_a_table_that_cannot_be_read_any_more_leaves_what_was_known_by_then(self, erp: Ledger, tmp_path: Path):
        watch(erp, project(tmp_path), MANIFEST, START - MINUTE)
        erp.execute("drop table erp.orders")
        leave(tmp_path, ALL)
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp)["marts/daily", "acme"] == {"erp/orders": HOUR}

    def test_a_table_that_cannot_be_read_now_and_grew_since_leaves_a_model_with_what_it_held(
        self, erp: Ledger, tmp_path: Path
    ):
        leave(tmp_path, ALL, start=START - 30 * MINUTE)
        import_external(erp, project(tmp_path), MANIFEST)
        put(erp, "orders", ACME, START + MINUTE)
        watch(erp, project(tmp_path), MANIFEST, START + 2 * MINUTE)
        erp.execute("drop table erp.orders")
        leave(tmp_path, ALL, number=2)
        import_external(erp, project(tmp_path), MANIFEST)
        assert held(erp)["marts/daily", "acme"] == {"erp/orders": HOUR}

    @pytest.mark.promise("F9")
    def test_a_model_of_made_up_rows_refreshes_nothing(self, erp: Ledger, tmp_path: Path):
        marked = {
            **MANIFEST,
            "nodes": {**MANIFEST["nodes"], **model("daily", "source.p.erp.orders", tags=["synthetic"])},
        }
        leave(tmp_path, ALL)
        import_external(erp, project(tmp_path), marked)
        synthetic = {fact.asset for fact in subjects.read(erp) if fact.synthetic}
        assert synthetic == {"marts/daily"}
        assert held(erp)["marts/total", "acme"] == {}


class TestStreams:
    """Roots that our own sources sync: what had ended by the start counts."""

    SHOP = SourceSettings(
        name="erp",
        streams=(StreamSettings("orders", Clock()), StreamSettings("rates", Clock(ClockKind.COLUMN, "loaded_at"))),
        connections=tuple(
            ConnectionSettings("erp", tenant, UUID(int=number), {})
            for number, tenant in enumerate(("acme", "acme", "globex"), 1)
        ),
        every=HOUR,
    )

    def sync(self, connection: int, started: timedelta, ended: timedelta) -> Sync:
        tenant = "globex" if connection == 3 else "acme"
        started_at, ended_at = START + started, START + ended
        job = int(started_at.timestamp())
        return Sync(UUID(int=connection), job, "erp", tenant, "succeeded", started_at, ended_at, ended_at, 5)

    def test_a_sync_counts_from_its_end_with_its_start_and_all_connections_do(self, erp: Ledger, tmp_path: Path):
        erp.execute("create schema raw_erp; create table raw_erp.rates (tenant_id uuid, loaded_at timestamptz)")
        erp.execute("insert into raw_erp.rates values (%s, %s), (%s, %s)", (ACME, START - HOUR, ACME, START + HOUR))
        syncs.record(
            erp,
            [
                self.sync(1, -3 * HOUR, -HOUR),
                self.sync(1, -MINUTE, MINUTE),
                self.sync(2, -2 * HOUR, -HOUR),
                self.sync(3, -MINUTE, MINUTE),
            ],
        )
        leave(tmp_path, ALL)
        import_external(erp, project(tmp_path, self.SHOP), MANIFEST)
        assert held(erp)["marts/joined", "acme"] == {"erp/orders": 3 * HOUR, "erp/rates": HOUR}
        assert held(erp)["marts/daily", "globex"] == {}
        syncs.record(erp, [self.sync(2, -9 * HOUR, -8 * HOUR)])
        leave(tmp_path, ALL, number=2, start=START + 2 * MINUTE)
        import_external(erp, project(tmp_path, self.SHOP), MANIFEST)
        assert held(erp)["marts/daily", "acme"] == {"erp/orders": 2 * HOUR}
        assert held(erp)["marts/daily", "globex"] == {"erp/orders": MINUTE}
