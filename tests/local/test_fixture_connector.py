"""The connector that plays fixtures: what it says by the protocol, and what it takes a source's streams for."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.local.fixture_catalog import catalog, inferred
from telemetry_assets.local.fixture_connector import CONFIG_KEYS, main

ROOT = Path(__file__).parents[2]
NOW = "2026-06-01T12:00:00+00:00"
ORDERS = {
    "$primary_key": ["id"],
    "acme": [{"id": 1, "at": "$now-5m", "day": "$today-1d", "price": "$$5", "tags": ["a"], "note": None}],
    "globex": [{"id": 2, "at": "$now-6m", "day": "$today", "price": "5", "tags": [], "note": "x"}],
}


def config(folder: Path, **more: Any) -> dict[str, Any]:
    given = {"fixtures": str(folder), "source": "shop", "streams": ["orders"], "tenant": "acme", "now": NOW}
    return {**given, "manifest": None, **more}


def played(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, config: Mapping[str, Any]
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the messages of one command."""
    configured = {"streams": [{"stream": {"name": name}} for name in config["streams"]]}
    for name, document in (("config", config), ("catalog", configured)):
        (folder / name).write_text(json.dumps(document))
    options = ["--config", str(folder / "config"), "--catalog", str(folder / "catalog")]
    code = main([command, *options])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    (tmp_path / "shop.orders.json").write_text(json.dumps(ORDERS))
    return tmp_path


@pytest.mark.promise("A22")
def test_it_plays_the_rows_of_its_tenant_with_times_of_now(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, messages = played(fixtures, capsys, "read", config(fixtures))
    assert code == 0
    assert [one["type"] for one in messages] == ["TRACE", "RECORD", "TRACE", "STATE"]
    assert messages[1]["record"]["data"] == {
        "id": 1, "at": "2026-06-01T11:55:00Z", "day": "2026-05-31", "price": "$5", "tags": ["a"], "note": None,
    }  # fmt: skip


def test_a_tenant_without_rows_ends_well_with_none(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, messages = played(fixtures, capsys, "read", config(fixtures, tenant="initech"))
    assert (code, [one["type"] for one in messages]) == (0, ["TRACE", "TRACE", "STATE"])


def test_a_stream_without_a_fixture_has_no_rows(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, messages = played(fixtures, capsys, "read", config(fixtures, streams=["refunds"]))
    assert (code, len(messages)) == (0, 3)


def test_without_a_manifest_the_streams_are_as_the_rows_are(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, (message,) = played(fixtures, capsys, "discover", config(fixtures))
    (stream,) = message["catalog"]["streams"]
    assert stream["source_defined_primary_key"] == [["id"]]
    assert stream["json_schema"]["properties"] == {
        "id": {"type": "integer"},
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "price": {"type": "string"},
        "tags": {"type": "array"},
        "note": {"type": "string"},
    }


@pytest.mark.parametrize("source", ["meta_ads", "google_ads"])
def test_a_manifest_says_key_cursor_and_types(source: str) -> None:
    manifest = ROOT / "connectors" / f"{source}.yaml"
    found = catalog(manifest, {"insights": ([], ()), "budgets": ([], ())})["streams"]
    insights, budgets = found
    assert insights["default_cursor_field"] == ["updated_at"]
    assert insights["supported_sync_modes"] == ["full_refresh", "incremental"]
    assert len(insights["source_defined_primary_key"]) == 3
    assert insights["json_schema"]["properties"]["updated_at"] == {"type": "string", "format": "date-time"}
    assert budgets["source_defined_primary_key"] == [["campaign_id"], ["month"]]
    assert budgets["supported_sync_modes"] == ["full_refresh"]


def test_references_of_a_manifest_that_lead_round_or_nowhere_end(tmp_path: Path) -> None:
    manifest = tmp_path / "m.yaml"
    manifest.write_text("""
definitions: {a: {$ref: "#/definitions/b", x: 1}, b: {$ref: "#/definitions/a", y: 2}}
streams:
  - name: s
    primary_key: id
    more: {$ref: "#/definitions/a"}
    schema_loader: {schema: {properties: {id: {$ref: "#/definitions/nowhere"}, n: {type: integer}}}}
""")
    (stream,) = catalog(manifest, {"s": ([], ())})["streams"]
    assert stream["source_defined_primary_key"] == [["id"]]
    assert stream["json_schema"]["properties"]["n"] == {"type": "integer"}


def test_a_stream_whose_schema_is_not_in_the_manifest_is_as_its_rows_are(tmp_path: Path) -> None:
    manifest = tmp_path / "m.yaml"
    manifest.write_text("streams: [{name: s, schema_loader: {type: JsonFileSchemaLoader, file_path: x.json}}]")
    (stream,) = catalog(manifest, {"s": ([{"n": 1}], ("n",))})["streams"]
    assert stream["json_schema"]["properties"] == {"n": {"type": "integer"}}


def test_several_types_of_a_column_are_all_named() -> None:
    assert inferred([{"a": 1}, {"a": 2.5}, {"a": None}, {"b": None}]) == {
        "a": {"type": ["integer", "number"]},
        "b": {"type": "string"},
    }


@pytest.mark.parametrize("written", ["{", "[]", '{"acme": [{"at": "$yesterday"}]}'])
def test_a_fixture_that_is_none_is_told_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    (tmp_path / "shop.orders.json").write_text(written)
    code, messages = played(tmp_path, capsys, "read", config(tmp_path))
    assert code == 1
    assert "shop.orders.json" in messages[-1]["trace"]["error"]["message"]


def test_check_and_spec_answer(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, (spec,) = played(fixtures, capsys, "spec", config(fixtures))
    assert spec["spec"]["connectionSpecification"]["required"] == list(CONFIG_KEYS)
    _, (well,) = played(fixtures, capsys, "check", config(fixtures))
    assert well["connectionStatus"] == {"status": "SUCCEEDED"}
    (fixtures / "shop.orders.json").write_text("[]")
    _, (broken,) = played(fixtures, capsys, "check", config(fixtures))
    assert broken["connectionStatus"]["status"] == "FAILED"


def test_it_starts_without_the_heavy_packages(fixtures: Path) -> None:
    (fixtures / "config").write_text(json.dumps(config(fixtures)))
    script = (
        "import sys; from telemetry_assets.local.fixture_connector import main; main(sys.argv[1:]);"
        "heavy = {'airbyte_cdk', 'dagster', 'dbt', 'pydantic', 'jsonschema', 'jsonschema_rs', 'genson', 'yaml'};"
        "sys.exit(str(heavy & sys.modules.keys()) if heavy & sys.modules.keys() else 0)"
    )
    arguments = ["discover", "--config", str(fixtures / "config")]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
