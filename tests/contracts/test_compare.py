"""The verdict over two schemas: breaking with a document, not breaking with a proof, else unknown and why."""

import dataclasses
import time
from typing import Any

import pytest

from telemetry_assets.contracts.compare import compare
from telemetry_assets.contracts.comparison.judges import Judge
from telemetry_assets.contracts.drift import Direction, Drift
from telemetry_assets.errors import ConfigError
from telemetry_assets.model import ExitCode
from tests.contracts.test_witness import HOSTILE
from tests.contracts.trees import tree

TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def thing(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


NEEDED, OPTIONAL = thing({"a": TEXT}, required=["a"]), thing({"a": TEXT})


@pytest.mark.promise("A1")
def test_a_required_field_that_goes_breaks_the_readers_and_a_document_shows_it() -> None:
    found = compare(NEEDED, OPTIONAL)
    shown = found.counterexample
    assert (found.verdict, found.direction) == (Drift.BREAKING, Direction.FORWARD)
    assert shown
    assert (shown.document, shown.accepted_by, shown.refused_by, shown.pointer) == ({}, "new", "old", "")
    assert "'a'" in shown.message
    assert found.verdict.exit_code == ExitCode.FAILING


def test_the_same_change_breaks_nobody_the_other_way() -> None:
    found = compare(NEEDED, OPTIONAL, Direction.BACKWARD)
    assert (found.verdict, found.counterexample, found.reason) == (Drift.NON_BREAKING, None, "")
    assert [change.drift for change in found.changes] == [Drift.NON_BREAKING]


def test_in_both_directions_the_worse_counts_and_says_which_side_refuses() -> None:
    assert compare(NEEDED, OPTIONAL, Direction.FULL).verdict is Drift.BREAKING
    found = compare(OPTIONAL, NEEDED, Direction.FULL)
    assert found.counterexample
    assert (found.counterexample.accepted_by, found.counterexample.refused_by) == ("old", "new")


def test_order_titles_names_and_drafts_change_nothing() -> None:
    old = {
        "$schema": DRAFT_7,
        **thing({"a": {"$ref": "#/definitions/t"}}, required=["b", "a"]),
        "definitions": {"t": TEXT},
    }
    new = {"title": "Shop", "properties": {"a": {"$ref": "#/$defs/text"}}, "required": ["a", "b"], "type": "object"}
    found = compare(old, {**new, "$defs": {"text": {**TEXT, "description": "A text."}}}, Direction.FULL)
    assert (found.verdict, found.changes) == (Drift.NO_CHANGE, ())
    assert found.verdict.exit_code == ExitCode.OK


def test_a_null_can_be_the_document_that_shows_it() -> None:
    found = compare(TEXT, {"type": ["string", "null"]})
    assert found.counterexample
    assert found.counterexample.document is None


def test_what_is_neither_proved_nor_shown_is_unknown_and_says_what_is_missing() -> None:
    # Looking ahead is not read as an automaton.
    old, new = ({"type": "string", "pattern": f"^(?=.){digits}$"} for digits in ("[0-9]{2}", "[0-9][0-9]"))
    found = compare(old, new)
    assert (found.verdict, found.counterexample) == (Drift.UNKNOWN, None)
    assert "pattern" in found.reason
    assert found.verdict.exit_code == ExitCode.COULD_NOT_LOOK


def test_a_lone_change_is_what_all_are_together() -> None:
    old, new = {"anyOf": [WHOLE, NEEDED]}, {"anyOf": [NUMBER, NEEDED]}
    (change,) = compare(old, new).changes
    assert change.drift is Drift.BREAKING


def test_the_tuples_of_draft_7_are_no_hindrance() -> None:
    old = {"$schema": DRAFT_7, "type": "array", "items": [TEXT, WHOLE], "additionalItems": False}
    new = {"type": "array", "prefixItems": [TEXT, NUMBER], "items": False}
    found = compare(old, new)
    assert found.counterexample
    assert Judge(new).accepts(found.counterexample.document)
    assert Judge(old).refuses(found.counterexample.document)
    assert compare(old, new, Direction.BACKWARD).verdict is Drift.NON_BREAKING


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"items": [TEXT, NUMBER], "additionalItems": False}, {"items": [TEXT], "additionalItems": False}),
        (thing({}, dependencies={"a": ["b"]}), thing({})),
        (thing({"deep": thing({}, dependencies={"a": NEEDED})}), thing({"deep": thing({})})),
    ],
)
def test_what_names_no_draft_and_is_spelt_as_only_draft_7_has_it_is_of_draft_7(old: Any, new: Any) -> None:
    for direction in Direction:
        said = compare({"$schema": DRAFT_7, **old}, {"$schema": DRAFT_7, **new}, direction)
        assert compare(old, new, direction) == said
    assert said.verdict is Drift.BREAKING


def test_a_word_that_validators_of_2020_12_read_in_two_ways_proves_nothing() -> None:
    drafted = {"$schema": "https://json-schema.org/draft/2020-12/schema", **thing({})}
    for direction in Direction:
        found = compare(drafted, {**drafted, "dependencies": {"a": ["b"]}}, direction)
        assert (found.verdict, "dependencies" in found.reason) == (Drift.UNKNOWN, True)
    both = {**drafted, "dependencies": {"a": ["b"]}}
    assert compare({**both, "title": "then"}, {**both, "title": "now"}).verdict is Drift.NO_CHANGE


def test_equal_texts_are_no_change_but_not_those_that_python_alone_takes_for_equal() -> None:
    assert compare({"const": 1, "title": "a"}, {"title": "a", "const": 1}).verdict is Drift.NO_CHANGE
    assert compare({"const": 1}, {"const": True}).verdict is Drift.BREAKING
    assert compare({"const": 1}, {"const": 1.0}).verdict is Drift.NO_CHANGE
    with pytest.raises(ConfigError):
        compare({"type": "text"}, {"type": "text"})


def test_a_change_in_a_file_that_is_referred_to_is_a_change() -> None:
    schema = thing({"budget": {"$ref": "../money.json#/$defs/amount"}})
    files = [{"money.json": {"$defs": {"amount": {"type": "number", **more}}}} for more in ({"minimum": 0}, {})]
    found = compare(schema, schema, name="assets/shop.schema.json", old_files=files[0], new_files=files[1])
    assert found.counterexample
    assert found.counterexample.pointer == "/budget"
    assert [change.pointer for change in found.changes] == ["/budget"]


def test_a_change_has_the_same_id_wherever_the_folder_lies() -> None:
    near = compare(NEEDED, OPTIONAL, name="shop.schema.json")
    assert near == compare(NEEDED, OPTIONAL, name="assets/shop.schema.json")
    assert near.changes[0].id != compare(NEEDED, OPTIONAL, name="assets/stall.schema.json").changes[0].id


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([1], "is no schema"),
        ({"type": "strin"}, "/type"),
        ({"properties": {"a": {"minLength": -1}}}, "/properties/a/minLength"),
        ({"$ref": "http://example.com/x.json"}, "leaves the schemas folder"),
        ({"$ref": "#/$defs/none"}, "leads to nothing"),
        ({"$ref": "#"}, "back to itself"),
        ({"allOf": [{"$ref": "#"}]}, "back to itself"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/$schema"),
    ],
)
def test_what_is_no_schema_is_named_with_its_place(schema: Any, said: str) -> None:
    for old, new in ((schema, TEXT), (TEXT, schema)):
        with pytest.raises(ConfigError) as error:
            compare(old, new)
        assert said in str(error.value)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.slow
def test_a_comparison_ends_soon_whatever_the_schema_asks_for(name: str) -> None:
    old, new = HOSTILE[name]
    started = time.process_time()
    if name == "deeper than any validator goes":
        with pytest.raises(ConfigError, match="deep"):
            compare(old, new)
    else:
        assert compare(old, new, Direction.FULL).verdict in (Drift.BREAKING, Drift.UNKNOWN)
    assert time.process_time() - started < 10


@pytest.mark.promise("A23")
def test_the_same_two_schemas_give_the_same_answer() -> None:
    old, new = thing({"a": NUMBER, "b": TEXT}, required=["b"]), thing({"a": TEXT, "c": {"enum": [1, 2]}})
    assert dataclasses.asdict(compare(old, new)) == dataclasses.asdict(compare(old, new))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("texts", [{0}, set(range(6))])
def test_a_change_below_choices_in_choices_is_shown_in_bounded_work(texts: set[int]) -> None:
    found = compare(tree(6, 3), tree(6, 3, frozenset(texts)))
    assert found.verdict is Drift.BREAKING
    assert found.counterexample is not None
    assert found.counterexample.document["v"] == ""
