"""A run_results.json as an invocation: which command, which nodes, and what is wrong with a bad file."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.model import ExitCode
from telemetry_assets.sources import dbt_artifacts
from telemetry_assets.sources.dbt_artifacts import (
    InvalidRunResultsError,
    MissingRunResultsError,
    covers_all,
    read_left_run,
    read_run_results,
)

SHOP = Path(__file__).parent / "shop"
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def document(which: str = "run", **models: str) -> dict[str, Any]:
    """What dbt 1.11 writes, as far as we read it. ``models`` maps model names to statuses."""
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
            "generated_at": "2026-05-01T12:00:00.000001Z",
            "invocation_id": f"id-{which}",
        },
        "results": [
            {
                "unique_id": f"model.p.{name}", "status": status, "message": "SELECT 1", "execution_time": 0.5,
                "adapter_response": {"rows_affected": 1}, "timing": [], "thread_id": "t",
            }
            for name, status in models.items()
        ],
        "args": {"which": which},
        "elapsed_time": 1.0,
    }  # fmt: skip


def manifest(*models: str) -> dict[str, Any]:
    return {
        "nodes": {
            f"model.p.{name}": {"resource_type": "model", "name": name, "config": {"materialized": "table"}}
            for name in models
        }
    }


def written(folder: Path, content: Any) -> Path:
    path = folder / "run_results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_an_invocation_says_which_command_ran_when_and_what_became_of_each_node(tmp_path: Path) -> None:
    path = written(tmp_path, document("build", a="success", b="error"))
    found = read_run_results(path, run_id="r1")
    assert (found.invocation_id, found.which, found.run_id, found.external) == ("id-build", "build", "r1", False)
    assert found.generated_at == AT.replace(microsecond=1)
    assert [(result.unique_id, result.status) for result in found.results] == [
        ("model.p.a", "success"),
        ("model.p.b", "error"),
    ]
    assert found.results[0].adapter_response == {"rows_affected": 1}
    assert found.run_results_path == str(path)


@pytest.mark.promise("F10", "B14")
@pytest.mark.parametrize(
    ("which", "models", "covered"),
    [
        ("run", {"a": "success", "b": "success"}, True),
        ("build", {"a": "success", "b": "skipped"}, True),
        ("build", {"a": "error", "b": "skipped"}, True),  # failed, and complete: that is what failing means
        ("run", {"a": "success"}, False),
        ("run", {"a": "success", "b": "success", "gone": "success"}, True),
        ("test", {"a": "success", "b": "success"}, False),
        ("compile", {"a": "success", "b": "success"}, False),
        ("generate", {"a": "success", "b": "success"}, False),
        ("retry", {"a": "success", "b": "success"}, False),
    ],
)
def test_only_a_run_or_build_with_every_enabled_model_covers_all(tmp_path, which, models, covered) -> None:
    path = written(tmp_path, document(which, **models))
    project = manifest("a", "b")
    found = read_run_results(path, covers=lambda invocation: covers_all(project, invocation))
    assert found.covers_all is covered


@pytest.mark.promise("F10")
def test_a_run_over_no_rows_at_all_is_no_run(tmp_path: Path) -> None:
    dry = document("run", a="success")
    dry["args"]["empty"] = True
    found = read_run_results(written(tmp_path, dry))
    assert found.which == "run --empty"
    assert not covers_all(manifest("a"), found)


def test_a_missing_file_says_that_dbt_has_not_run_and_how_to_run_it(tmp_path: Path) -> None:
    with pytest.raises(
        MissingRunResultsError, match=r"run_results\.json does not exist.*telemetry refresh build"
    ) as caught:
        read_run_results(tmp_path / "run_results.json")
    assert caught.value.exit_code is ExitCode.MISSING


def _changed(**changes: Any) -> dict[str, Any]:
    changed = document(a="success")
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = changed
        for parent in parents:
            place = place[parent]
        place[last] = value
    return changed


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        (json.dumps(document(a="success"))[:-40], "torn or not JSON"),
        ("garbage", "torn or not JSON"),
        ("[" * 100_000, "torn or not JSON"),
        ("[]", "not written by dbt"),
        ("null", "not written by dbt"),
        ({"tests": 3}, "not written by dbt"),
        ({"metadata": {"dbt_schema_version": 6}}, "not written by dbt"),
        (_changed(metadata__dbt_schema_version="https://example.com/dbt/run-results/v6.json"), "not written by dbt"),
        (
            _changed(metadata__dbt_schema_version="https://schemas.getdbt.com/dbt/manifest/v12.json"),
            "manifest, not its",
        ),
        (_changed(metadata__dbt_schema_version="https://schemas.getdbt.com/dbt/run-results/v7.json"), "version 7"),
        (_changed(metadata__dbt_schema_version="https://schemas.getdbt.com/dbt/run-results/v1.json"), "version 1"),
        (_changed(metadata__generated_at="yesterday"), "no readable results"),
        (_changed(metadata__generated_at=None), "no readable results"),
        (_changed(metadata__invocation_id=7), "no readable results"),
        (_changed(args={}), "no readable results"),
        (_changed(args=None), "no readable results"),
        (_changed(results=[{"unique_id": "model.p.a"}]), "no readable results"),
        (_changed(results=[None]), "no readable results"),
        (_changed(results=None), "no readable results"),
    ],
)
def test_a_file_that_is_not_whole_run_results_is_refused_by_name_with_the_reason(tmp_path, content, problem) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InvalidRunResultsError) as caught:
        read_run_results(path)
    assert str(path) in caught.value.message
    assert problem in caught.value.message


def test_bytes_that_are_no_text_are_refused_as_torn(tmp_path: Path) -> None:
    path = tmp_path / "run_results.json"
    path.write_bytes(b'{"a": "\xff\xfe"}')
    with pytest.raises(InvalidRunResultsError, match="torn"):
        read_run_results(path)


def test_a_file_too_large_to_be_one_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "run_results.json"
    with path.open("wb") as huge:
        huge.truncate(dbt_artifacts.LARGEST_BYTES + 1)
    with pytest.raises(InvalidRunResultsError, match="MiB"):
        read_run_results(path)


def test_a_pipe_in_its_place_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "run_results.json"
    os.mkfifo(path)
    with pytest.raises(InvalidRunResultsError, match="not a file"):
        read_run_results(path)


def test_a_path_that_cannot_be_followed_is_a_matter_of_not_looking(tmp_path: Path) -> None:
    loop = tmp_path / "run_results.json"
    loop.symlink_to(loop)
    with pytest.raises((CouldNotLookError, MissingRunResultsError)):
        read_run_results(loop)


@given(cut=st.integers(min_value=0, max_value=450), inserted=st.binary(max_size=4))
def test_whatever_is_left_of_a_file_it_reads_or_is_refused(tmp_path_factory, cut: int, inserted: bytes) -> None:
    path = tmp_path_factory.mktemp("torn") / "run_results.json"
    whole = json.dumps(document(a="success")).encode()
    path.write_bytes(whole[:cut] + inserted + whole[cut + len(inserted) :])
    with contextlib.suppress(InvalidRunResultsError):
        assert read_run_results(path).results is not None


def test_what_dbt_reports_as_seconds_is_never_infinite(tmp_path: Path) -> None:
    odd = document(a="success")
    odd["results"][0]["execution_time"] = float("inf")
    assert read_run_results(written(tmp_path, odd)).results[0].execution_time == 0.0


@pytest.mark.parametrize(
    ("timings", "elapsed", "started"),
    [
        (
            [["2026-05-01T11:59:07Z", "2026-05-01T11:59:09Z"], ["2026-05-01T11:58:00.5Z"]],
            1.0,
            AT - timedelta(seconds=119.5),
        ),
        ([[], []], 90.0, AT - timedelta(seconds=90)),
        ([[None], []], None, AT),
        ([[], []], float("inf"), AT),
    ],
)
def test_a_run_read_what_was_there_when_its_first_node_began(tmp_path, timings, elapsed, started) -> None:
    left = document("build", a="success", b="success")
    left["metadata"]["generated_at"] = "2026-05-01T12:00:00Z"
    left["elapsed_time"] = elapsed
    for result, began in zip(left["results"], timings, strict=True):
        result["timing"] = [{"name": "execute", "started_at": at} for at in began]
    assert read_left_run(written(tmp_path, left)).started_at == started


def test_a_run_somebody_left_is_external_and_says_which_tables_it_built(tmp_path: Path) -> None:
    left = document("build", a="success", b="error")
    left["results"][0]["relation_name"] = '"db"."marts"."a"'
    found = read_left_run(written(tmp_path, left))
    assert found.invocation.external
    assert found.relations == {"model.p.a": '"db"."marts"."a"'}


@pytest.mark.parametrize("timing", [[3], [{"started_at": "yesterday"}], "soon", [{"started_at": 7}]])
def test_a_time_nobody_can_read_refuses_the_file(tmp_path: Path, timing: Any) -> None:
    left = document(a="success")
    left["results"][0]["timing"] = timing
    with pytest.raises(InvalidRunResultsError, match="no readable results"):
        read_left_run(written(tmp_path, left))


@pytest.mark.slow
@pytest.mark.promise("F10", "B14")
def test_what_the_real_dbt_leaves_behind_is_read_as_what_it_did(database: str, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(SHOP, shop)
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("create schema erp_raw; create schema files_raw")
        conn.execute("create table erp_raw.t_orders (tenant_id uuid, id integer, loaded_at timestamptz)")
        conn.execute("create table files_raw.warns_only (shop_id integer, ts timestamp)")
    parts = conninfo_to_dict(database)
    environment = {
        **os.environ, "SHOP_HOST": str(parts["host"]), "SHOP_USER": str(parts["user"]),
        "SHOP_DATABASE": str(parts["dbname"]), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }  # fmt: skip

    def dbt(*words: str) -> None:
        command = [str(Path(sys.executable).with_name("dbt")), *words, "--quiet", "--profiles-dir", "."]
        subprocess.run(command, cwd=shop, env=environment, check=True)

    def seen() -> tuple[str, bool]:
        project = json.loads((shop / "target" / "manifest.json").read_text())
        found = read_run_results(shop / "target" / "run_results.json", covers=lambda run: covers_all(project, run))
        return found.which, found.covers_all

    dbt("build")
    assert seen() == ("build", True)
    dbt("test")
    assert seen() == ("test", False)
    dbt("run", "--select", "totals")
    assert seen() == ("run", False)
    dbt("compile")
    assert seen() == ("compile", False)
    dbt("run", "--empty")
    assert seen() == ("run --empty", False)
