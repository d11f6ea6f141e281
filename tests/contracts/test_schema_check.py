"""What is wrong with a schema of either draft is said with its place; what is sound passes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.contracts.schema_check import schema_fault

D7 = "http://json-schema.org/draft-07/schema#"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
KEYWORDS = st.sampled_from(
    ["$ref", "$id", "$defs", "$schema", "$dynamicRef", "$anchor", "properties", "items", "allOf", "not", "pattern",
     "patternProperties", "type", "required", "format", "dependencies", "definitions", "if", "enum", "minimum"]
)  # fmt: skip
REFERENCES = st.sampled_from(["#", "#/$defs/a", "#a", "b.json", "../b.json", "http://x", "//x", "#/%", "[", "\ud800"])
SCHEMAS = st.recursive(
    st.booleans() | REFERENCES | JSON,
    lambda inner: st.dictionaries(KEYWORDS, inner | st.lists(inner, max_size=2), max_size=4),
    max_leaves=8,
)


def in_folder(schema: Any, **files: Any) -> str | None:
    named = {f"assets/{name}.schema.json": held for name, held in files.items()}
    return schema_fault(schema, name="assets/a.schema.json", files=named)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"$schema": "https://json-schema.org/draft/2020-12/schema#"},
        {"$schema": D7, "definitions": {"a": {}}, "items": [{"$ref": "#/definitions/a"}], "dependencies": {"a": ["b"]}},
        {"properties": {"a": {"$ref": "#"}}, "items": {"$ref": "#"}},
        {"$defs": {"a/b": {"$anchor": "here"}}, "allOf": [{"$ref": "#here"}, {"$ref": "#/$defs/a~1b"}]},
        {"$dynamicAnchor": "node", "properties": {"a": {"$dynamicRef": "#node"}}},
        {"properties": {"requird": {"x-owner": "us", "format": "x-ours"}}},
        {"anyOf": [{"$ref": "b.schema.json"}, {"$ref": "b.schema.json#/$defs/c"}]},
    ],
)
def test_a_sound_schema_of_either_draft_passes(schema: Any) -> None:
    assert in_folder(schema, b={"$defs": {"c": {"type": "string"}}}) is None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([], "the document is an array of no items, not an object"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "neither 'https://json-schema.org/draft/2020-12/"),
        ({"$schema": 1}, "/$schema: 1 is neither"),
        ({"properties": {"a": {"type": "nubmer"}}}, "/properties/a/type: 'nubmer'"),
        ({"$schema": D7, "items": [{"minimum": "3"}]}, "/items/0/minimum: '3' is not of type 'number'"),
        ({"definitions": {}}, "/definitions: 'definitions' is no keyword of JSON Schema 2020-12; there it is '$defs'"),
        ({"$schema": D7, "$defs": {}}, "/$defs: '$defs' is no keyword of JSON Schema draft-07; there"),
        ({"requird": []}, "/requird: 'requird' is no keyword of JSON Schema 2020-12; did you mean 'required'?"),
        ({"items": {"format": "datetime"}}, "/items/format: 'datetime' is no format of JSON Schema; did"),
        ({"$schema": D7, "$ref": "#/definitions/a", "definitions": {"a": {}}, "type": "null"}, "/type: 'type' beside"),
        ({"properties": {"a": {"pattern": "(a"}}}, "/properties/a/pattern: the pattern '(a' does not compile"),
        ({"patternProperties": {"[": {}}}, "/patternProperties/[: the pattern '[' does not compile"),
        ({"pattern": "(((a{1000}){1000}){1000})"}, "does not compile in the bounded engine"),
        ({"$ref": "#/$defs/a"}, "/$ref: '#/$defs/a' leads to /$defs/a, which assets/a.schema.json does not have"),
        ({"$ref": "#nowhere"}, "/$ref: '#nowhere' leads to the anchor 'nowhere'"),
        ({"$ref": "c.schema.json"}, "/$ref: 'c.schema.json' leads to assets/c.schema.json, which is no"),
        ({"$ref": "../../c.json"}, "/$ref: '../../c.json' leaves the folder"),
        ({"$ref": "https://example.com/c.json"}, "never on a network"),
        ({"$ref": "file:///etc/passwd"}, "never on a network"),
        ({"$ref": "//example.com/c.json"}, "never on a network"),
        ({"$ref": "#"}, "the schema: its references only lead back to itself"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}}, "only lead back to itself"),
        ({"$ref": "b.schema.json"}, "only lead back to itself"),
        ({"properties": {"a": {"$id": "b.json"}}}, "/properties/a/$id: 'b.json' stands inside of a schema"),
        ({"$defs": {"a": {"$schema": D7}}}, "/$defs/a/$schema: another draft inside of a schema"),
    ],
)  # fmt: skip
def test_an_unsound_schema_is_told_with_its_place(schema: Any, said: str) -> None:
    assert said in (in_folder(schema, b={"allOf": [{"$ref": "a.schema.json"}]}) or "")


def test_where_names_may_be_annotations_an_unknown_keyword_passes() -> None:
    assert schema_fault({"requird": 1, "format": "ours"}, strict=False) is None
    assert schema_fault({"type": "nubmer"}, strict=False)


def test_a_schema_deeper_than_any_reader_is_refused_and_not_a_crash() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(20_000):
        schema = {"not": schema}
    assert schema_fault(schema) == "more than 200 levels of objects and arrays"
    schema["not"]["not"] = schema
    assert schema_fault(schema)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS)
def test_whatever_the_schema_the_answer_is_words_or_none(schema: Any) -> None:
    told = in_folder(schema, b={})
    assert told is None or told


def test_definitions_are_looked_into_by_either_drafts_name() -> None:
    schema = {"$schema": D7, "$defs": {"a": {"pattern": "("}}, "$ref": "#/$defs/a"}
    assert (schema_fault(schema, strict=False) or "").startswith("/$defs/a/pattern: ")
    schema = {"definitions": {"a": {"pattern": "("}}, "$ref": "#/definitions/a"}
    assert (schema_fault(schema, strict=False) or "").startswith("/definitions/a/pattern: ")
