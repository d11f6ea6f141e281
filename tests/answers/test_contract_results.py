"""What became of the contracts, as results: state, words, way out and place."""

import json
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path, PurePath
from typing import Any

import pytest

from telemetry_assets.answers.contract_results import contract_results, not_looked
from telemetry_assets.answers.contracts_answer import read_contract_results
from telemetry_assets.answers.results import Kind, Place, Result
from telemetry_assets.contracts.acceptance import Acceptance
from telemetry_assets.contracts.baseline import folder_drift
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.model import State

TODAY = date(2026, 6, 1)
PATH = "assets/shop.orders.schema.json"
OLD: dict[str, Any] = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
WIDE: dict[str, Any] = {**OLD, "properties": {"id": {"type": ["string", "null"]}}}


def results(old: Any, new: Any, accepted: Sequence[Acceptance] = ()) -> dict[str, Result]:
    versions = [{} if one is None else {PATH: json.dumps(one, indent=2).encode()} for one in (old, new)]
    drifts = folder_drift(*versions, accepted, TODAY)
    return {result.asset: result for result in contract_results(drifts, PurePath("backend/schemas"))}


def identifier() -> str:
    return results(OLD, WIDE)["shop/orders"].remedy.split("--accept ")[1].split()[0]


def test_a_breaking_contract_fails_at_the_line_of_its_change() -> None:
    result = results(OLD, WIDE)["shop/orders"]
    assert (result.kind, result.state, result.tenant) == (Kind.CONTRACT, State.FAIL, "*")
    assert result.message.startswith("breaking; /id: ")
    assert "the old one refuses {" in result.message
    assert "\n" not in result.message
    assert result.remedy.startswith("Take it back, or accept it: telemetry contracts update --accept ")
    text = json.dumps(WIDE, indent=2).splitlines()
    assert result.place is not None
    assert result.place.path == f"backend/schemas/{PATH}"
    assert '"type": [' in text[result.place.line - 1] or '"id": {' in text[result.place.line - 1]


@pytest.mark.promise("A24")
def test_an_accepted_one_passes_and_says_by_whom_why_and_until_when() -> None:
    entry = Acceptance(identifier(), "shop.orders", "ada", "nobody reads it", date(2026, 7, 1), 3)
    result = results(OLD, WIDE, [entry])["shop/orders"]
    assert (result.state, result.remedy) == (State.PASS, "")
    assert "accepted by ada until 2026-07-01 (nobody reads it)" in result.message


def test_one_that_is_accepted_in_part_says_which_and_asks_for_the_rest() -> None:
    both = {**WIDE, "required": []}
    entry = Acceptance(identifier(), "shop.orders", "ada", "nobody reads it")
    result = results(OLD, both, [entry])["shop/orders"]
    assert (result.state, f"{entry.id} accepted by ada (nobody reads it)" in result.message) == (State.FAIL, True)
    assert result.remedy.count("--accept ") == 1
    assert entry.id not in result.remedy


def test_an_entry_whose_time_is_over_is_named() -> None:
    entry = Acceptance(identifier(), "shop.orders", "ada", "nobody reads it", date(2026, 5, 1), 3)
    result = results(OLD, WIDE, [entry])["shop/orders"]
    assert (result.state, "until 2026-05-01, which is over" in result.message) == (State.FAIL, True)


def test_what_is_new_or_unchanged_or_done_with_passes() -> None:
    assert results(None, OLD)["shop/orders"].message == "new"
    assert results(OLD, OLD)["shop/orders"].message == "unchanged"
    left = Acceptance("0badc0de", "gone", "ada", "x", None, 7)
    result = results(OLD, OLD, [left])["gone"]
    assert (result.state, result.place) == (State.PASS, Place("backend/schemas/accepted.yaml", 7))
    assert "done with, to be taken out of accepted.yaml: 0badc0de (line 7)" in result.message


def test_a_removed_contract_fails_without_a_place_in_a_file_that_is_gone() -> None:
    result = results(OLD, None)["shop/orders"]
    assert (result.state, result.place, "removed" in result.message) == (State.FAIL, None, True)


def test_no_sound_schema_fails_and_cannot_be_accepted() -> None:
    result = results(OLD, {"type": "strin"})["shop/orders"]
    assert (result.state, "no sound schema" in result.message) == (State.FAIL, True)
    assert "--accept" not in result.remedy


def test_what_nobody_knows_is_unknown() -> None:
    result = results({"type": "strin"}, OLD)["shop/orders"]
    assert (result.state, result.exit_code) == (State.UNKNOWN, 4)
    assert "--accept" in result.remedy


def test_where_nobody_could_look_is_one_unknown_result_with_the_way_out(tmp_path: Path) -> None:
    (result,) = not_looked(CouldNotLookError("no merge base.", "git fetch --unshallow"))
    assert (result.state, result.message, result.remedy) == (State.UNKNOWN, "no merge base.", "git fetch --unshallow")
    (result,) = read_contract_results(tmp_path, None, TODAY)
    assert (result.state, result.exit_code) == (State.UNKNOWN, 4)


def test_a_broken_list_of_acceptances_is_a_result_too(tmp_path: Path) -> None:
    who = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for command in (("init", "-q", "-b", "main"), ("commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run([*who, *command], cwd=tmp_path, check=True, capture_output=True)
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    (schemas / "accepted.yaml").write_text("- {id: nonsense}\n")
    (result,) = read_contract_results(schemas, "main", TODAY)
    assert (result.kind, result.state) == (Kind.CONTRACT, State.FAIL)
    assert "schemas/accepted.yaml:1:" in result.message
