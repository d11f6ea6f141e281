"""Edits of a contract that let real documents keep it: the smallest of their kind, in words, with a verdict."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.contracts.drift import Direction, Drift
from telemetry_assets.contracts.edits import edited
from telemetry_assets.contracts.proposals import Proposal, beyond_help, proposals
from telemetry_assets.contracts.validate import Contract

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "rows"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 2},
        "rows": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/row"}},
        "status": {"enum": ["open", "closed"]},
        "version": {"const": 1},
        "score": {"type": "integer", "exclusiveMinimum": 0, "maximum": 10},
        "code": {"type": "string", "pattern": "^[A-Z]+$"},
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "$defs": {
        "row": {
            "type": "object",
            "additionalProperties": False,
            "required": ["spend"],
            "properties": {"spend": {"type": "number"}, "more": {"type": "object"}},
        }
    },
}
GOOD = {"id": "ab", "rows": [{"spend": 1}]}


def contract(schema: Any = SCHEMA, name: str = "assets/orders.schema.json", **files: Any) -> Contract:
    return Contract("orders", Path(name), schema, name, {**files, name: schema})


def offered(*documents: Any, schema: Any = SCHEMA, direction: Direction = Direction.FORWARD) -> tuple[Proposal, ...]:
    return proposals(contract(schema), documents, direction)


def after(proposal: Proposal, schema: Any = SCHEMA) -> Any:
    return edited(schema, proposal.edit)


def test_documents_that_keep_the_contract_need_no_edit() -> None:
    assert offered(GOOD) == ()


@pytest.mark.promise("A24")
@pytest.mark.parametrize(
    ("change", "pointer", "text", "path", "becomes"),
    [
        ({"note": "x"}, "/note", "add it as optional, string", ("properties", "note"), {"type": "string"}),
        ({"rows": [{"spend": 1, "pacing": 0.5}]}, "/rows/items/pacing", "add it as optional, number",
         ("$defs", "row", "properties", "pacing"), {"type": "number"}),
        ({"rows": [{}]}, "/rows/items/spend", "make it optional", ("$defs", "row", "required"), []),
        ({"rows": [{"spend": None}]}, "/rows/items/spend", "type: number → number or null",
         ("$defs", "row", "properties", "spend", "type"), ["number", "null"]),
        ({"score": 2.5}, "/score", "type: integer → number", ("properties", "score", "type"), "number"),
        ({"status": "late"}, "/status", 'also allow "late"', ("properties", "status", "enum"),
         ["open", "closed", "late"]),
        ({"version": 2}, "/version", "also allow 2", ("properties", "version"), {"enum": [1, 2]}),
        ({"id": "a"}, "/id", "minLength: 2 → 1", ("properties", "id", "minLength"), 1),
        ({"rows": []}, "/rows", "minItems: 1 → 0", ("properties", "rows", "minItems"), 0),
        ({"score": 12}, "/score", "maximum: 10 → 12", ("properties", "score", "maximum"), 12),
        ({"score": 0}, "/score", "exclusiveMinimum: 0 → minimum 0", ("properties", "score"),
         {"type": "integer", "minimum": 0, "maximum": 10}),
    ],
)  # fmt: skip
def test_each_kind_of_violation_has_its_smallest_edit(
    change: Any, pointer: str, text: str, path: tuple[str, ...], becomes: Any
) -> None:
    document = {**GOOD, **change}
    (proposal,) = offered(document)
    assert (proposal.pointer, proposal.text, proposal.contract) == (pointer, text, "orders")
    schema = after(proposal)
    assert contract(schema).accepts(document)
    there = schema
    for step in path:
        there = there[step]
    assert there == becomes
    assert list(schema) == list(SCHEMA), "the order of keys is kept"


def test_the_edit_leaves_the_schema_it_was_made_from() -> None:
    before = deepcopy(SCHEMA)
    after(offered({**GOOD, "note": 1})[0])
    assert before == SCHEMA


def test_all_documents_together_make_one_edit_of_a_place() -> None:
    documents = [{**GOOD, "note": value} for value in ("x", None, 3)] + [{**GOOD, "status": each} for each in "ab"]
    note, status = offered(*documents)
    assert set(note.edit.value["type"]) == {"string", "null", "integer"}
    assert status.edit.value == ["open", "closed", "a", "b"]


def test_an_object_that_is_unknown_is_read_whole() -> None:
    (proposal,) = offered({**GOOD, "extra": {"a": 1, "b": ["x"]}})
    assert proposal.edit.value["properties"]["b"] == {"type": "array", "items": {"type": "string"}}
    assert "$schema" not in proposal.edit.value


def test_an_edit_says_what_it_does_to_readers() -> None:
    widening = {**GOOD, "status": "late"}
    assert offered(widening)[0].drift is Drift.BREAKING
    assert offered(widening, direction=Direction.BACKWARD)[0].drift is Drift.NON_BREAKING


def test_its_id_is_that_of_its_change_and_the_same_every_time() -> None:
    (proposal,) = offered({**GOOD, "status": "late"})
    assert [change.id for change in proposal.changes] == [proposal.id]
    assert offered({**GOOD, "status": "late"}, GOOD)[0].id == proposal.id


@pytest.mark.parametrize("change", [{"code": "abc"}, {"either": 3}])
def test_what_needs_a_persons_judgement_has_no_edit(change: Any) -> None:
    assert offered({**GOOD, **change}) == ()


SHARING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spend": {"$ref": "#/$defs/figure", "description": "what it cost"},
        "clicks": {"$ref": "#/$defs/figure"},
        "colour": {"$ref": "#/$defs/colour"},
        "other": {"$ref": "#/$defs/colour"},
        "from": {"$ref": "#/$defs/part"},
        "to": {"$ref": "#/$defs/part"},
    },
    "$defs": {
        "figure": {"type": "integer"},
        "colour": {"enum": ["red"]},
        "part": {"type": "object", "additionalProperties": False},
    },
}


@pytest.mark.parametrize(
    ("document", "text", "becomes"),
    [
        ({"spend": None}, "type: integer → integer or null",
         {"anyOf": [{"$ref": "#/$defs/figure"}, {"type": "null"}], "description": "what it cost"}),
        ({"spend": 1.5}, "type: integer → integer or number",
         {"anyOf": [{"$ref": "#/$defs/figure"}, {"type": "number"}], "description": "what it cost"}),
        ({"colour": "blue"}, 'also allow "blue"', {"anyOf": [{"$ref": "#/$defs/colour"}, {"enum": ["blue"]}]}),
    ],
)  # fmt: skip
def test_a_value_of_one_place_is_let_through_there_and_not_wherever_its_schema_is_shared(
    document: Any, text: str, becomes: Any
) -> None:
    (proposal,) = offered(document, schema=SHARING)
    made = after(proposal, SHARING)
    (place,) = document
    assert (proposal.text, proposal.pointer, made["properties"][place]) == (text, f"/{place}", becomes)
    assert made["$defs"] == SHARING["$defs"]
    assert contract(made).accepts(document)
    assert not contract(made).accepts({"clicks": None})


def test_an_edit_of_what_others_share_says_so() -> None:
    (proposal,) = offered({"from": {"x": 1}}, schema=SHARING)
    assert proposal.text == "add it as optional, integer (in what 2 references share)"


def test_what_no_edit_helps_is_told_beside_the_edits_that_do() -> None:
    hopeless, curable = {**GOOD, "code": "abc", "note": 1}, {**GOOD, "score": "x"}
    left, would_be = beyond_help(contract(), [GOOD, hopeless, curable])
    assert left == (hopeless,)
    assert [violation.pointer for violation in would_be.validate_many([("*", hopeless)])] == ["/code"]


def test_a_schema_shared_by_others_is_edited_where_it_stands() -> None:
    name, money = "assets/orders.schema.json", "shared/money.schema.json"
    schema = {"type": "object", "properties": {"total": {"$ref": "../shared/money.schema.json#/$defs/amount"}}}
    amount = {"$defs": {"amount": {"type": "number"}}}
    (proposal,) = proposals(contract(schema, name, **{money: amount}), [{"total": None}], Direction.FORWARD)
    assert (proposal.edit.file, proposal.edit.at) == (money, ("$defs", "amount"))
    shared = edited(amount, proposal.edit)
    assert contract(schema, name, **{money: shared}).accepts({"total": None})


scalars = st.none() | st.booleans() | st.integers(-20, 20) | st.sampled_from([0.5, 12.25]) | st.text(max_size=3)
rows = st.dictionaries(st.sampled_from(["spend", "more", "pacing"]), scalars, max_size=3)
fields = st.fixed_dictionaries(
    {},
    optional={
        "id": scalars,
        "rows": st.lists(rows, max_size=2) | scalars,
        "status": scalars,
        "version": scalars,
        "score": scalars,
        "note": scalars | st.lists(scalars, max_size=2),
    },
)


@settings(max_examples=12, deadline=None)
@given(st.lists(fields, min_size=1, max_size=3))
def test_making_every_edit_that_is_proposed_lets_all_documents_through(documents: list[Any]) -> None:
    schema: Any = SCHEMA
    for _ in range(6):
        for proposal in proposals(contract(schema), documents, Direction.FORWARD):
            schema = edited(schema, proposal.edit)
    assert all(contract(schema).accepts(document) for document in documents), json.dumps(schema)
