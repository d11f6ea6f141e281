"""Contracts bind themselves by their file's name, and an unsound one is refused by file and keyword."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.contracts.dialects import Draft
from telemetry_assets.contracts.fixtures import hydrated
from telemetry_assets.contracts.reading import read_json_file
from telemetry_assets.contracts.registry import (
    contract_path,
    folder_faults,
    load_contract,
    load_contracts,
    load_folder,
    unbound,
)
from telemetry_assets.errors import ConfigError

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
DASHBOARD = "snapshots/tenant_dashboard"


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """The contracts' folder of this test alone: what lies beside it under ``schemas`` counts as well."""
    folder = tmp_path / "schemas" / "assets"
    folder.mkdir(parents=True)
    return folder


def written(folder: Path, schema: Any, name: str = "snapshots.orders") -> Path:
    path = folder / f"{name}.schema.json"
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return path


@pytest.mark.parametrize(("ctr", "broken"), [(1, []), (0, []), (2.5, ["/metrics/creative_metrics/0/ctr"])])
def test_a_share_of_the_example_is_no_percentage(ctr: float, broken: list[str]) -> None:
    document = read_json_file(SCHEMAS / "fixtures" / "snapshots.tenant_dashboard.json")
    document = hydrated(document, datetime(2026, 6, 1, 12, tzinfo=UTC))
    document["metrics"]["creative_metrics"][0]["ctr"] = ctr
    violations = load_contract(SCHEMAS / "assets", DASHBOARD).validate_many([("acme", document)])
    assert [one.pointer for one in violations] == broken


@pytest.mark.promise("A17", "A18")
def test_every_contract_of_the_repository_is_sound_and_named_after_its_asset() -> None:
    contracts = load_contracts(SCHEMAS / "assets")
    assert DASHBOARD in contracts
    assert contracts[DASHBOARD].path == contract_path(SCHEMAS / "assets", DASHBOARD)


def test_a_contract_binds_to_the_asset_its_file_is_named_after(tmp_path: Path) -> None:
    written(tmp_path, {"$schema": Draft.V2020.uri, "type": "object"})
    assert list(load_contracts(tmp_path)) == ["snapshots/orders"]
    assert load_contract(tmp_path, "snapshots/orders").asset == "snapshots/orders"


def test_an_asset_without_a_contract_is_told_where_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"snapshots/orders has no contract: .*snapshots\.orders\.schema\.json"):
        load_contract(tmp_path, "snapshots/orders")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"$schema": Draft.V2020.uri, "type": "nubmer"}, "/type: 'nubmer'"),
        ({"$schema": Draft.V2020.uri, "properties": {"a": {"minimum": "3"}}}, "/properties/a/minimum"),
        ({"$schema": Draft.V2020.uri, "requird": ["a"]}, "/requird: .*did you mean 'required'"),
        ({"$schema": Draft.V2020.uri, "items": {"additionalproperties": False}}, "/items/additionalproperties"),
        (
            {"$schema": Draft.V2020.uri, "anyOf": [{"$ref": "https://example.com/a.json"}]},
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
    written(tmp_path, {"$schema": Draft.V2020.uri, "properties": {"requird": {"x-owner": "us"}}, "x-note": 1})
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


def folder_of(tmp_path: Path, **files: Any) -> Path:
    """A schemas folder: ``assets__a_b`` is ``assets/a.b.schema.json``, ``fixtures__a_b`` is ``fixtures/a.b.json``."""
    for name, held in files.items():
        room, _, rest = name.partition("__")
        path = tmp_path / room / f"{rest.replace('_', '.')}{'.json' if room == 'fixtures' else '.schema.json'}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(held))
    return tmp_path


@pytest.mark.promise("A17", "D34", "F14")
def test_a_folder_holds_what_lies_in_it_and_there_is_no_list_to_keep(tmp_path: Path) -> None:
    folder = load_folder(folder_of(tmp_path, assets__snapshots_board={}, api__health=True, fixtures__health=[1]))
    assert (list(folder.contracts), list(folder.api), list(folder.fixtures)) == (
        ["snapshots.board"],
        ["health"],
        ["health"],
    )
    assert folder.contracts["snapshots.board"].asset == "snapshots/board"
    assert folder.api["health"].asset == "api/health"
    assert list(folder.files) == ["api/health.schema.json", "assets/snapshots.board.schema.json"]
    assert folder_faults(folder, ["snapshots/board"], ["snapshots/board"]) == ()


def test_what_does_not_fit_in_a_folder_is_said_in_sentences(tmp_path: Path) -> None:
    path = folder_of(
        tmp_path, assets__marts_spend={}, assets__snapshots_bord={}, fixtures__snapshots_brd={}, fixtures__raw_rows={}
    )
    (path / "assets" / "orders.json").write_text("{}")
    said = folder_faults(load_folder(path), ["marts/spent", "snapshots/board"], ["snapshots/board"], ["raw/rows"])
    assert said == (
        "assets/orders.json would bind to nothing: name it KEY.JOINED.BY.DOTS.schema.json.",
        "The contract of marts/spend has no asset of that key; is it marts/spent?",
        said[2],
        said[3],
    )
    assert said[2].endswith("snapshots/board is published without a contract: was it renamed?")
    assert said[3].endswith("belongs to no contract and no table; did you mean snapshots.bord.json?")


def test_a_name_both_under_assets_and_api_is_said(tmp_path: Path) -> None:
    folder = load_folder(folder_of(tmp_path, assets__board={}, api__board={}))
    assert "both under assets/ and api/" in folder_faults(folder, ["board"], [])[0]


def test_a_file_that_others_share_is_bound_by_them(tmp_path: Path) -> None:
    shared = {"$defs": {"amount": {"type": "number"}}}
    path = folder_of(tmp_path, assets__money=shared, assets__a_b={"items": {"$ref": "money.schema.json#/$defs/amount"}})
    assert folder_faults(load_folder(path), ["a/b"], []) == ()
    assert not load_contract(path / "assets", "a/b").accepts(["x"])
