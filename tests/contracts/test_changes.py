"""Every change in words: where, what, what it does alone; no difference of the normal forms is left untold."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.contracts.comparison.changes import TOLD, changes
from telemetry_assets.contracts.containment.normal import normalise
from telemetry_assets.contracts.containment.shaping import WORDS_OF_KINDS
from telemetry_assets.contracts.drift import Change, Direction, Drift
from telemetry_assets.errors import ConfigError
from tests.contracts.schema_generator import pair

TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
MAYBE = {"type": ["string", "null"]}
GOOD, BAD, UNSURE = Drift.NON_BREAKING, Drift.BREAKING, Drift.UNKNOWN


def told(old: Any, new: Any, direction: Direction = Direction.FORWARD, name: str = "shop") -> tuple[Change, ...]:
    return changes(normalise(old), normalise(new), direction, name)


def thing(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


ONE: dict[str, tuple[Any, Any, str, str, str, Drift, Drift]] = {
    "became optional": (
        thing({"a": TEXT}, required=["a"]), thing({"a": TEXT}), "/a", "required", "became optional", BAD, GOOD,
    ),
    "became required": (
        thing({"a": TEXT}), thing({"a": TEXT}, required=["a"]), "/a", "required", "became required", GOOD, BAD,
    ),
    "type": (thing({"a": NUMBER}), thing({"a": TEXT}), "/a", "type", "type: number → string", BAD, BAD),
    "null": (thing({"a": TEXT}), thing({"a": MAYBE}), "/a", "type", "may now be null", BAD, GOOD),
    "no null": (
        thing({"a": MAYBE}), thing({"a": TEXT}), "/a", "type", "may no longer be null", GOOD, BAD,
    ),
    "new optional property": (
        thing({}), thing({"a": TEXT}), "/a", "properties", "new optional property: string", GOOD, BAD,
    ),
    "new property of a closed object": (
        thing({}, additionalProperties=False), thing({"a": TEXT}, additionalProperties=False),
        "/a", "properties", "new optional property: string", BAD, GOOD,
    ),
    "new required property": (
        thing({}), thing({"a": TEXT}, required=["a"]), "/a", "required", "new required property: string", GOOD, BAD,
    ),
    "removed": (thing({"a": TEXT}), thing({}), "/a", "properties", "removed", BAD, GOOD),
    "removed and was required": (
        thing({"a": TEXT}, required=["a"]), thing({}), "/a", "required", "removed (was required)", BAD, GOOD,
    ),
    "closed": (
        thing({}), thing({}, additionalProperties=False),
        "/*", "additionalProperties", "no other properties allowed any more", GOOD, BAD,
    ),
    "opened": (
        thing({}, additionalProperties=False), thing({}),
        "/*", "additionalProperties", "other properties are allowed now", BAD, GOOD,
    ),
    "fewer items": (
        {"type": "array", "minItems": 1}, {"type": "array"}, "", "minItems", "at least 1 → at least 0 items", BAD, GOOD,
    ),
    "more items": (
        {"type": "array", "maxItems": 5}, {"type": "array"},
        "", "maxItems", "at most 5 items → any number of items", BAD, GOOD,
    ),
    "a value less": (
        {"enum": ["A", "B", "C"]}, {"enum": ["B", "A"]},
        "", "enum", 'one of "A", "B" and "C" → "A" and "B" (removed "C")', GOOD, BAD,
    ),
    "constants instead of a type": (TEXT, {"enum": ["A"]}, "", "enum", 'string → one of "A"', GOOD, BAD),
    "a bound": (
        {"type": "number", "minimum": 0}, {"type": "number", "exclusiveMinimum": 0},
        "", "minimum", "at least 0 → more than 0", GOOD, BAD,
    ),
    "no bound": (
        {"type": "number", "maximum": 0.5}, NUMBER, "", "maximum", "need not be at most 0.5 any more", BAD, GOOD,
    ),
    "a multiple": (
        {"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 4},
        "", "multipleOf", "must be a multiple of 2 → 4", GOOD, BAD,
    ),
    "a pattern": (TEXT, {"type": "string", "pattern": "^a"}, "", "pattern", "must now match ^a", GOOD, BAD),
    "no format": (
        {"type": "string", "format": "date"}, TEXT, "", "format", "format date dropped", UNSURE, GOOD,
    ),
    "items": (
        thing({"rows": {"type": "array", "items": thing({"n": WHOLE})}}),
        thing({"rows": {"type": "array", "items": thing({"n": NUMBER})}}),
        "/rows/items/n", "type", "type: integer → number", BAD, GOOD,
    ),
    "a first item": (
        {"type": "array", "prefixItems": [TEXT, WHOLE]}, {"type": "array", "prefixItems": [TEXT, TEXT]},
        "/1", "type", "type: integer → string", BAD, BAD,
    ),
    "a dependent property": (
        thing({}), thing({}, dependentRequired={"a": ["b"]}),
        "/b", "dependentRequired", "became required where a is there", GOOD, BAD,
    ),
    "below a not": (
        {"not": TEXT}, {"not": MAYBE}, "", "type", "what it may not be: may now be null", GOOD, BAD,
    ),
    "a map": (
        {"type": "object", "additionalProperties": TEXT}, {"type": "object", "additionalProperties": WHOLE},
        "/*", "type", "type: string → integer", BAD, BAD,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_a_change_is_told_where_it_is_in_words_and_with_what_it_does(name: str) -> None:
    old, new, pointer, keyword, text, forward, backward = ONE[name]
    (one,) = told(old, new)
    (other,) = told(old, new, Direction.BACKWARD)
    assert (one.pointer, one.keyword) == (pointer, keyword)
    assert text in one.text
    assert (one.drift, other.drift) == (forward, backward)
    assert one.id == other.id


def test_of_both_directions_the_worse_counts() -> None:
    for old, new, *_, forward, backward in ONE.values():
        (change,) = told(old, new, Direction.FULL)
        assert change.drift is (BAD if BAD in (forward, backward) else UNSURE)


def test_what_an_alternative_may_make_up_for_is_not_called_breaking() -> None:
    old, new = ({"anyOf": [thing({"a": each}), thing({"b": TEXT})]} for each in (WHOLE, NUMBER))
    (change,) = told(old, new)
    assert change.drift is UNSURE
    assert change.text.startswith("one alternative: ")


@pytest.mark.promise("A24")
def test_the_same_change_of_the_same_contract_has_the_same_id_for_ever() -> None:
    (change,) = told(thing({"a": TEXT}, required=["a"]), thing({"a": TEXT}))
    assert change.id == "54bec564"
    (beside,) = told(thing({"a": TEXT, "b": WHOLE}, required=["a"], title="Shop"), thing({"b": WHOLE, "a": TEXT}))
    (other,) = told(thing({"a": TEXT}, required=["a"]), thing({"a": TEXT}), name="stall")
    assert beside.id == change.id
    assert other.id != change.id


def test_changes_are_ordered_by_their_place_whatever_the_order_of_the_keys() -> None:
    old = thing(dict.fromkeys("cab", TEXT))
    new = thing(dict.fromkeys("bca", WHOLE))
    assert [change.pointer for change in told(old, new)] == ["/a", "/b", "/c"]
    assert told(old, new) == told(thing(dict.fromkeys("abc", TEXT)), new)


def test_a_list_of_itself_is_told_once() -> None:
    old = {"$ref": "#/$defs/n", "$defs": {"n": thing({"v": NUMBER, "next": {"$ref": "#/$defs/n"}})}}
    new = {"$ref": "#/$defs/n", "$defs": {"n": thing({"v": WHOLE, "next": {"$ref": "#/$defs/n"}})}}
    assert [change.pointer for change in told(old, new)] == ["/v"]


def test_a_definition_that_is_used_twice_is_told_at_both_places() -> None:
    old, new = (
        {**thing({"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "#/$defs/n"}}), "$defs": {"n": each}}
        for each in (TEXT, WHOLE)
    )
    assert [change.pointer for change in told(old, new)] == ["/a", "/b"]


def test_what_stands_in_an_all_of_is_told_as_if_it_stood_beside() -> None:
    old = {"allOf": [thing({"a": TEXT}, required=["a"]), thing({"b": TEXT}, required=["b"])]}
    new = {"allOf": [thing({"a": TEXT}, required=["a"]), thing({"b": TEXT})]}
    assert [(change.pointer, change.text) for change in told(old, new)] == [("/b", "became optional")]


def test_more_changes_than_anybody_reads_are_told_as_one() -> None:
    (change,) = told(thing({f"p{n}": TEXT for n in range(600)}), thing({f"p{n}": WHOLE for n in range(600)}))
    assert change.drift is UNSURE
    assert "another schema altogether" in change.text


def test_a_reference_that_depends_on_who_refers_is_told_too() -> None:
    def listed(kind: Any) -> Any:
        inner = {"$id": "inner", "$dynamicAnchor": "n", "type": "array", "items": {"$dynamicRef": "#n"}}
        return {"$dynamicAnchor": "n", "$defs": {"i": inner}, "$ref": "inner", "minItems": kind}

    assert told(listed(0), listed(1))


def test_every_word_of_a_normal_form_has_a_teller() -> None:
    of_kinds = {word for words in WORDS_OF_KINDS.values() for word in words}
    others = {"types", "enum", "low", "high", "multipleOf", "allOf", "anyOf", "oneOf", "not", "if"}
    assert of_kinds | others <= TOLD


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_the_normal_forms_differ_exactly_where_a_change_is_told(seed: int) -> None:
    asked = pair(Random(seed))
    try:
        old, new = normalise(asked.old), normalise(asked.new)
    except ConfigError:
        return
    found = changes(old, new, Direction.FORWARD, "shop")
    assert bool(found) is not old.equal(new)
    assert len({change.id for change in found}) == len(found)
    assert all(change.text and len(change.text) < 1000 and "\n" not in change.text for change in found)
