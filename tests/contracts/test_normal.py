"""The normal form: what means the same is equal, and it judges every document as the schema itself does."""

import json
from random import Random
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from telemetry_assets.contracts.containment.judging import accepts
from telemetry_assets.contracts.containment.normal import Normal, normalise
from telemetry_assets.errors import ConfigError
from tests.contracts.drawn import DIALECTS, Drawing, documents

D7 = {"$schema": DIALECTS[7]}
S = {"type": "string"}
LIST = {"type": "object", "properties": {"value": S, "next": {"$ref": "#"}}}


def arr_beyond(rest: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "prefixItems": [{"type": "null"}], **rest}


def validator(schema: Any, draft: int) -> Any:
    return (jsonschema_rs.Draft7Validator if draft == 7 else jsonschema_rs.Draft202012Validator)(schema)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": "string", "title": "a name", "default": "x"}, {"type": ["string"], "description": "another"}),
        ({"required": ["b", "a"]}, {"required": ["a", "b"]}),
        ({"enum": [2, 1.0, "a"]}, {"enum": ["a", 1, 2]}),
        ({"const": 1}, {"enum": [1.0]}),
        ({"type": "string", "enum": ["a", 1]}, {"const": "a"}),
        ({"type": "boolean"}, {"enum": [True, False]}),
        ({"type": "null"}, {"const": None}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
        ({"type": "integer", "maximum": 2.5}, {"type": "integer", "maximum": 2}),
        ({"type": "number", "multipleOf": 1}, {"type": "integer"}),
        ({"minLength": 0, "pattern": "", "minItems": 0, "required": []}, True),
        ({"items": True, "properties": {"a": True}, "additionalProperties": {}}, {}),
        ({"type": "string", "maximum": 3}, S),
        ({"allOf": [S]}, S),
        ({"anyOf": [{"type": "null"}, S]}, {"type": ["string", "null"]}),
        ({"not": {}}, False),
        ({"$ref": "#/$defs/a", "$defs": {"a": S}}, {"$ref": "#/$defs/b", "$defs": {"b": {"allOf": [S]}, "c": {}}}),
        ({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": S}}, {"properties": {"a": S}}),
        (LIST, {"$ref": "#/$defs/l", "$defs": {"l": json.loads(json.dumps(LIST).replace('"#"', '"#/$defs/l"'))}}),
        ({"$ref": "#name", "$defs": {"a": {"$anchor": "name", **S}}}, S),
        ({"$dynamicRef": "#name", "$defs": {"a": {"$dynamicAnchor": "name", **S}}}, S),
        ({"$id": "http://x/a", "$ref": "b", "$defs": {"q": {"$id": "b", **S}}}, S),
        ({"type": "array", "prefixItems": [S, S], "items": S}, {"type": "array", "items": S}),
        ({"type": "array", "prefixItems": [S], "items": False}, {"type": "array", "items": S, "maxItems": 1}),
        (
            {"unevaluatedProperties": False, "properties": {"a": S}},
            {"additionalProperties": False, "properties": {"a": S}},
        ),
        (arr_beyond({"unevaluatedItems": S}), arr_beyond({"items": S})),
        ({"dependentRequired": {"a": ["b"]}, "required": ["a"]}, {"required": ["a", "b"]}),
        (D7 | {"items": [S], "additionalItems": False}, {"prefixItems": [S], "items": False}),
        (D7 | {"items": S, "additionalItems": False}, {"items": S}),
        (
            D7 | {"dependencies": {"a": ["b"], "c": {"minProperties": 2}}},
            {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"minProperties": 2}}},
        ),
        (D7 | {"$ref": "#/definitions/a", "minLength": 3, "definitions": {"a": S}}, S),
        (D7 | {"definitions": {"a": {"$id": "#here", **S}}, "$ref": "#here"}, S),
        (D7 | {"dependentRequired": {"a": ["b"]}, "prefixItems": [S], "minContains": 2}, True),
    ],
)
def test_what_means_the_same_is_equal(one: Any, other: Any) -> None:
    assert normalise(one).equal(normalise(other))
    assert normalise(one).to_schema() == normalise(other).to_schema()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (S, {"type": "number"}),
        ({"const": 1}, {"const": True}),
        ({"enum": [0]}, {"enum": [False]}),
        ({"type": "number", "minimum": 1}, {"type": "number", "exclusiveMinimum": 0}),
        ({"format": "date"}, {}),
        ({"properties": {"a": True}, "additionalProperties": False}, {"additionalProperties": False}),
        ({"contains": S, "minContains": 0, "unevaluatedItems": False}, {"unevaluatedItems": False}),
        ({"multipleOf": 0.1}, {"multipleOf": 0.10000000000000002}),
        (LIST, {**LIST, "required": ["next"]}),
    ],
)
def test_what_means_another_thing_is_not_equal(one: Any, other: Any) -> None:
    assert not normalise(one).equal(normalise(other))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "text"}, "/type: 'text' is not a type"),
        ({"properties": {"a": {"minimum": "3"}}}, "/properties/a/minimum"),
        ({"$defs": {"never": {"required": "a"}}}, "/$defs/never/required"),
        ({"properties": {"a/b": {"$ref": "#/$defs/gone"}}}, "/properties/a~1b/$ref: '#/$defs/gone' leads to nothing"),
        ({"$ref": "https://example.org/x.json"}, "leaves the schemas folder"),
        ({"$ref": "../../etc/x.json"}, "leaves the schemas folder"),
        ({"$ref": "#"}, "only leads back to itself"),
        (
            {
                "$defs": {"a": {"anyOf": [S, {"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}},
                "items": {"$ref": "#/$defs/a"},
            },
            "only leads back to itself",
        ),
        ({"$ref": "#/$defs/a/enum", "$defs": {"a": {"enum": [1]}}}, "leads to what is no schema"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/$schema"),
        ({"minimum": float("inf")}, "/minimum"),
        ([], "is no schema"),
        (None, "is no schema"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(schema: Any, said: str) -> None:
    with pytest.raises(ConfigError, match="schema") as refused:
        normalise(schema, name="assets/some.schema.json")
    assert said in str(refused.value)


def test_a_schema_that_stands_too_deep_is_refused() -> None:
    schema: Any = S
    for _ in range(400):
        schema = {"items": schema}
    with pytest.raises(ConfigError, match="deep"):
        normalise(schema)


def test_references_lead_to_other_files_of_the_folder() -> None:
    files = {
        "assets/money.schema.json": {
            "$defs": {"amount": {"type": "number", "minimum": 0}, "list": {"$ref": "#/$defs/amount"}}
        },
        "api/old.schema.json": D7 | {"items": [{"$ref": "../assets/money.schema.json#/$defs/list"}], "minContains": 3},
    }
    schema = {"properties": {"a": {"$ref": "money.schema.json#/$defs/list"}, "b": {"$ref": "../api/old.schema.json"}}}
    amount = {"type": "number", "minimum": 0}
    plain = {"properties": {"a": amount, "b": {"prefixItems": [amount]}}}
    assert normalise(schema, files, "assets/one.schema.json").equal(normalise(plain))


def test_what_a_dynamic_reference_leads_to_may_hang_on_who_refers_and_then_nobody_reasons_about_it() -> None:
    schema = {
        "$dynamicRef": "#node",
        "$defs": {"a": {"$dynamicAnchor": "node", **S}, "b": {"$id": "b", "$dynamicAnchor": "node", "type": "number"}},
    }
    made = normalise(schema)
    assert "depends on who refers" in made.opaque
    assert made.equal(normalise(schema))
    assert not made.equal(normalise(S))


def test_references_to_references_are_written_once_each() -> None:
    """Thirty steps of two references each are a thousand million nodes if they are spelt out."""
    defs = {
        f"d{i}": {"properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}, "b": {"$ref": f"#/$defs/d{i + 1}"}}}
        for i in range(30)
    }
    schema = {"$ref": "#/$defs/d0", "$defs": defs | {"d30": {"type": "string", "minLength": 1}}}
    assert len(json.dumps(normalise(schema).to_schema())) < 10_000


def judged_alike(seed: int) -> bool:
    """Whether documents of both kinds were judged by the schema of this seed, and its normal form reasoned of most."""
    r = Random(seed)
    draft = r.choice([7, 2020])
    schema = Drawing(r, draft).whole()
    try:
        normal = normalise(schema)
    except ConfigError:
        return False
    verdicts, reasoned = list[bool](), list[bool | None]()
    before, after = validator(schema, draft), validator(normal.to_schema(), 2020)
    for document in documents(r, [schema], 8):
        verdict = before.is_valid(document)
        assert after.is_valid(document) is verdict, (schema, document)
        ours = accepts(normal.root, document, normal.defs)
        assert ours in (verdict, None), (schema, document)
        verdicts.append(verdict)
        reasoned.append(ours)
    return len({*verdicts}) == 2 and reasoned.count(None) < len(reasoned) / 2


def test_the_normal_form_judges_every_document_as_the_schema_does() -> None:
    seeds = range(6_000, 6_250)
    assert sum(map(judged_alike, seeds)) > 0.5 * len(seeds)


@pytest.mark.slow
def test_thousands_of_normal_forms_judge_as_their_schemas() -> None:
    seeds = range(6_000)
    assert sum(map(judged_alike, seeds)) > 0.5 * len(seeds)


def test_numbers_are_exact() -> None:
    normal: Normal = normalise({"multipleOf": 0.1, "maximum": 1e300})
    assert accepts(normal.root, 0.3) is True
    assert accepts(normal.root, 0.35) is False
    assert jsonschema.Draft202012Validator(normal.to_schema()).is_valid(1)
