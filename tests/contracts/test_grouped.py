"""Alike violations are told once per tenant; two validators that disagree refuse; a bomb of a pattern ends at once."""

import time
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.contracts.grouped import Tally, grouped, starred
from telemetry_assets.contracts.validate import Contract
from tests.contracts.trees import grown, tree

ROW = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {"id": {"type": "integer"}, "figures": {"type": "array", "items": {"type": "number", "maximum": 1}}},
}
BOMB = "^(a|a)*\\1?b$"


def contract(schema: Any, **files: Any) -> Contract:
    named = {f"{name}.schema.json": held for name, held in files.items()}
    return Contract("a/b", Path("a.b.schema.json"), schema, "assets/a.b.schema.json" if files else "", named)


def test_alike_violations_of_a_tenant_are_one_with_how_many_more() -> None:
    rows = [("acme", {"id": 1, "name": "", "figures": [0, 2, 3]}), ("acme", {"id": 1, "name": "", "figures": [4]})]
    rows += [("globex", {"id": "x", "name": ""}), ("acme", {"id": 1, "name": ""})]
    messages = {(one.tenant, one.message, one.more) for one in grouped(contract(ROW), rows)}
    assert messages == {
        ("acme", "/figures/1: found 2, expected at most 1 (and 2 more like it)", 2),
        ("globex", '/id: found "x", expected an integer', 0),
    }


def test_each_kind_of_violation_of_a_document_is_told() -> None:
    told = grouped(contract(ROW), [("acme", {"id": "x", "figures": [None]})])
    assert {one.pointer for one in told} == {"", "/id", "/figures/0"}
    assert len(grouped(contract(ROW), [("acme", {})])) == 1, "two keys that are absent are one sentence"


def test_what_json_cannot_carry_is_told_among_the_others() -> None:
    told = grouped(contract(True), [("acme", {"a": float("nan")}), ("acme", {"a": float("nan")}), ("acme", 1)])
    assert [(one.pointer, one.expected, one.more) for one in told] == [("/a", "a finite number", 1)]


def test_a_million_alike_ones_are_worded_once_and_take_no_memory() -> None:
    tally = Tally(contract(ROW))
    began = time.perf_counter()
    tally.add_many((("acme", {"id": number / 2 + 0.25, "name": ""}) for number in range(20_000)), parsed=True)
    assert (tally.seen, tally.broken) == (20_000, 20_000)
    assert [one.more for one in tally.violations()] == [19_999]
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(("pointer", "alike"), [("", ""), ("/a/0/b/12", "/a/*/b/*"), ("/a1/b", "/a1/b")])
def test_places_that_differ_by_an_index_are_alike(pointer: str, alike: str) -> None:
    assert starred(pointer) == alike


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ({"pattern": BOMB}, "a" * 5000),
        ({"not": {"pattern": BOMB}}, "a" * 5000),
        ({"patternProperties": {BOMB: False}}, {"a" * 5000: 1}),
        ({"patternProperties": {BOMB: True}, "additionalProperties": False}, {"a" * 5000: 1}),
        ({"propertyNames": {"pattern": BOMB}, "unevaluatedProperties": False}, {"a" * 5000: 1}),
    ],
)
def test_a_pattern_that_cannot_be_decided_is_a_violation_of_its_own_and_ends_at_once(
    schema: Any, document: Any
) -> None:
    began = time.perf_counter()
    (violation,) = contract(schema).validate_many([("acme", document)])
    assert "the match took too long" in violation.expected or "propertyNames" in violation.expected
    assert time.perf_counter() - began < 2


def test_python_s_own_engine_never_sees_a_pattern() -> None:
    (violation,) = contract({"items": {"pattern": "^(a+)+$"}}).validate_many([("acme", ["a" * 5000 + "!"])])
    assert violation.pointer == "/0"


def test_where_the_validators_disagree_the_document_is_refused_and_that_is_said() -> None:
    (violation,) = contract({"format": "email"}).validate_many([("acme", "a b@c.d")])
    assert "jsonschema-rs alone says so" in violation.message


def test_a_reference_leads_to_another_file_of_either_draft() -> None:
    money = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://example.com/m", "definitions": {
        "amount": {"type": "number", "minimum": 0}}}  # fmt: skip
    files = {"assets/money": money}
    schema = {
        "$id": "https://example.com/a",
        "properties": {"spend": {"$ref": "money.schema.json#/definitions/amount"}},
    }
    judged = contract(schema, **files)
    assert judged.accepts({"spend": 1})
    (violation,) = judged.validate_many([("acme", {"spend": -1})])
    assert violation.message == "/spend: found -1, expected at least 0"


def test_a_document_that_is_no_object_and_one_that_is_large_are_told_like_any() -> None:
    (violation,) = contract({"type": "object"}).validate_many([("acme", [1])])
    assert violation.message == "the document: found an array of 1 item, expected an object"
    large = [{"figure": "x"}] * 50_000
    (violation,) = contract({"items": {"properties": {"figure": {"type": "number"}}}}).validate_many([("acme", large)])
    assert (starred(violation.pointer), violation.more) == ("/*/figure", 49_999)


@pytest.mark.timeout(60)
def test_what_is_wrong_below_choices_in_choices_is_said_in_bounded_work() -> None:
    wrong = grown({"kind": "k0", "v": "no number"}, 8)
    held = contract(tree(6, 3))
    assert held.accepts(grown({"kind": "k0", "v": 1}, 8))
    (violation,) = grouped(held, [("acme", wrong), ("globex", grown({"kind": "k0"}, 8))])
    assert (violation.tenant, violation.pointer) == ("acme", "")
    assert violation.expected == "what exactly one of the 6 schemas of oneOf allows"
    assert held.violation("acme", wrong) == violation


@pytest.mark.timeout(60)
def test_where_choices_do_not_come_again_what_is_wrong_in_them_is_said_at_its_place() -> None:
    inner = {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"n": {"type": "integer"}}}]}
    (violation,) = grouped(contract(thing_of(inner)), [("acme", {"a": {"n": "x"}})])
    assert violation.message == '/a/n: found "x", expected an integer'


def thing_of(inner: Any) -> Any:
    return {"type": "object", "properties": {"a": inner}}
