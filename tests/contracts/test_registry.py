"""Contracts bind themselves by their file's name, and an unsound one is refused by file and keyword."""

import json
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.contracts.registry import contract_path, load_contract, load_contracts, unbound
from telemetry_assets.contracts.schema_check import DIALECT
from telemetry_assets.errors import ConfigError

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
DASHBOARD = "snapshots/tenant_dashboard"


def written(folder: Path, schema: Any, name: str = "snapshots.orders") -> Path:
    path = folder / f"{name}.schema.json"
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return path


@pytest.mark.promise("A17", "A18")
def test_every_contract_of_the_repository_is_sound_and_named_after_its_asset() -> None:
    contracts = load_contracts(SCHEMAS / "assets")
    assert DASHBOARD in contracts
    assert contracts[DASHBOARD].path == contract_path(SCHEMAS / "assets", DASHBOARD)


def test_a_contract_binds_to_the_asset_its_file_is_named_after(tmp_path: Path) -> None:
    written(tmp_path, {"$schema": DIALECT, "type": "object"})
    assert list(load_contracts(tmp_path)) == ["snapshots/orders"]
    assert load_contract(tmp_path, "snapshots/orders").asset == "snapshots/orders"


def test_an_asset_without_a_contract_is_told_where_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"snapshots/orders has no contract: .*snapshots\.orders\.schema\.json"):
        load_contract(tmp_path, "snapshots/orders")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"$schema": DIALECT, "type": "nubmer"}, "/type: 'nubmer'"),
        ({"$schema": DIALECT, "properties": {"a": {"minimum": "3"}}}, "/properties/a/minimum"),
        ({"$schema": DIALECT, "requird": ["a"]}, "/requird: .*did you mean 'required'"),
        ({"$schema": DIALECT, "items": {"additionalproperties": False}}, "/items/additionalproperties"),
        (
            {"$schema": DIALECT, "anyOf": [{"$ref": "https://example.com/a.json"}]},
            "/anyOf/0/\\$ref: .*leaves the folder",
        ),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#"},
            "/\\$schema: .*draft-04.*neither .*2020-12.* nor .*draft-07",
        ),
        ([], "not an object"),
        ('{"$schema": ', "not JSON"),
        ('{"maximum": NaN}', "NaN is not a number of JSON"),
        ('{"type": "object", "type": "array"}', "'type' stands twice"),
    ],
)
def test_an_unsound_contract_is_refused_by_file_and_keyword(tmp_path: Path, schema: Any, told: str) -> None:
    path = written(tmp_path, schema)
    with pytest.raises(ConfigError, match=told) as refused:
        load_contracts(tmp_path)
    assert str(path) in str(refused.value)


def test_a_property_may_be_named_like_anything(tmp_path: Path) -> None:
    written(tmp_path, {"$schema": DIALECT, "properties": {"requird": {"x-owner": "us"}}, "x-note": 1})
    assert load_contracts(tmp_path)


def test_a_json_file_that_would_bind_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"orders\.json binds to no asset"):
        load_contracts(tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a folder"):
        load_contracts(tmp_path / "nowhere")


def test_a_contract_without_an_asset_and_a_snapshot_without_a_contract_are_told() -> None:
    assert unbound({"snapshots/a"}, {"snapshots/a", "marts/a"}, {"snapshots/a"}) == ()
    (said,) = unbound({"snapshots/gone"}, {"snapshots/new"}, {"snapshots/new"})
    assert said == (
        "The contract of snapshots/gone has no asset of that key; snapshots/new is published without a contract:"
        " was it renamed?"
    )
