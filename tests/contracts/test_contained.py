"""Containment: what holds is proven keyword by keyword, and nothing that a document contradicts ever is."""

import time
from enum import StrEnum
from random import Random
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from telemetry_assets.contracts.containment.contained import Proof, prove
from telemetry_assets.contracts.containment.normal import normalise
from telemetry_assets.errors import ConfigError
from tests.contracts.drawn import DIALECTS, Drawing, documents

D7 = {"$schema": DIALECTS[7]}
S, N, INT, NULL = {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "null"}


def obj(**words: Any) -> dict[str, Any]:
    return {"type": "object", **words}


def arr(**words: Any) -> dict[str, Any]:
    return {"type": "array", **words}


def props(*required: str, **properties: Any) -> dict[str, Any]:
    return obj(properties=properties, **({"required": list(required)} if required else {}))


def shown(sub: Any, sup: Any) -> Proof:
    return prove(normalise(sub), normalise(sup))


CARD, CASH = props("kind", "number", kind={"const": "card"}, number=S), props("kind", kind={"const": "cash"})
LIST = obj(required=["value"], properties={"value": INT, "next": {"$ref": "#"}})
TREE = obj(properties={"name": S, "children": arr(items={"$ref": "#"})}, additionalProperties=False)

# In each pair the first is contained in the second, and the second is not in the first.
ONE_WAY: list[tuple[Any, Any]] = [
    (S, {"type": ["string", "null"]}),
    (INT, N),
    (False, S),
    (S, True),
    ({"enum": ["a"]}, {"enum": ["a", "b"]}),
    ({"enum": ["a", "b"]}, S),
    ({"const": 3}, {"type": "integer", "minimum": 3}),
    ({"type": "integer", "minimum": 0, "maximum": 3}, {"enum": [0, 1, 2, 3, 4]}),
    ({"type": "boolean"}, {"enum": [True, False, None]}),
    ({"type": "boolean", "const": True}, {"type": "boolean"}),
    # numbers
    ({**N, "minimum": 2}, {**N, "minimum": 1}),
    ({**N, "exclusiveMinimum": 1}, {**N, "minimum": 1}),
    ({**N, "maximum": 1}, {**N, "exclusiveMaximum": 2}),
    ({**INT, "exclusiveMinimum": 1}, {**INT, "minimum": 0.5}),
    ({**N, "multipleOf": 0.06}, {**N, "multipleOf": 0.02}),
    ({**N, "multipleOf": 6}, {**N, "multipleOf": 1.5}),
    (
        {"allOf": [{**INT, "multipleOf": 4}, {"multipleOf": 6}]},
        {**INT, "multipleOf": 12, "not": {"const": 5}} | {"multipleOf": 6},
    ),
    # texts
    ({**S, "minLength": 2}, {**S, "minLength": 1}),
    ({**S, "maxLength": 2}, {**S, "maxLength": 3}),
    ({**S, "pattern": "^a"}, S),
    ({**S, "pattern": "^[A-Z]{3}$"}, {**S, "minLength": 3, "maxLength": 3}),
    ({**S, "format": "date"}, S),
    ({"enum": ["ab", "abc"]}, {**S, "pattern": "^ab"}),
    # arrays
    (arr(minItems=1), arr()),
    (arr(maxItems=1), arr(maxItems=2)),
    (arr(maxItems=1), arr(uniqueItems=True)),
    (arr(uniqueItems=True), arr()),
    (arr(items=INT), arr(items=N)),
    (arr(prefixItems=[S, INT], items=False), arr(prefixItems=[S, N])),
    (arr(prefixItems=[S, S], minItems=2), arr(prefixItems=[S], minItems=2)),
    (arr(contains={"const": 1}), arr(contains=INT)),
    (arr(contains=S, minContains=2), arr(contains=S)),
    (arr(contains=S, maxContains=1), arr(contains=S, maxContains=2)),
    (arr(items=S, minItems=1), arr(contains=S)),
    (arr(prefixItems=[S], items=INT, minItems=1), arr(contains=S, maxContains=1)),
    (arr(prefixItems=[S], unevaluatedItems=False), arr(items=S)),
    # objects
    (props("a", a=S), props(a=S)),
    (props(a=INT), props(a=N)),
    (obj(additionalProperties=INT), obj(additionalProperties=N)),
    (obj(additionalProperties=obj(additionalProperties=INT)), obj(additionalProperties=obj(additionalProperties=N))),
    (props(a=S) | {"additionalProperties": False}, props(a=S)),
    (props(a=S) | {"additionalProperties": False}, obj(additionalProperties=S)),
    (props(a=S), obj(properties={"a": {"type": ["string", "null"]}})),
    (obj(patternProperties={"^x": INT}), obj(patternProperties={"^x": N})),
    (obj(patternProperties={"^x": S}, additionalProperties=False), obj(additionalProperties=S)),
    (obj(patternProperties={"^x": S}), props(xa=S)),
    (obj(propertyNames={"maxLength": 2}), obj(propertyNames={"maxLength": 3})),
    (obj(propertyNames={"enum": ["a", "b"]}), obj(maxProperties=2)),
    (props(a=S, b=S) | {"additionalProperties": False}, obj(propertyNames={"maxLength": 1})),
    (obj(propertyNames={"pattern": "^x"}, patternProperties={"^x": S}), obj(additionalProperties=S)),
    (obj(required=["a", "b"]), obj(minProperties=2)),
    (props(a=S) | {"additionalProperties": False, "minProperties": 1}, obj(required=["a"])),
    (obj(minProperties=2), obj(minProperties=1)),
    (obj(maxProperties=1), obj(maxProperties=2)),
    (obj(dependentRequired={"a": ["b"]}), obj()),
    (obj(dependentRequired={"a": ["b"], "b": ["c"]}), obj(dependentRequired={"a": ["c"]})),
    (obj(required=["a"], dependentSchemas={"a": {"required": ["b"]}}), obj(required=["b"])),
    (obj(dependentSchemas={"a": props(b=INT)}), obj(dependentSchemas={"a": props(b=N)})),
    (props("b", a=S), obj(dependentRequired={"a": ["b"]})),
    (props(a=S) | {"unevaluatedProperties": False}, obj(additionalProperties=S)),
    ({"allOf": [props("a", a=S), props(b=S)], "unevaluatedProperties": False}, props(a=S, b=S)),
    # choices
    ({"anyOf": [S, INT]}, {"type": ["string", "number"]}),
    ({"type": ["string", "integer"], "minLength": 1}, {"anyOf": [{**S, "minLength": 1}, N]}),
    ({"anyOf": [CARD, CASH]}, obj(required=["kind"])),
    ({"oneOf": [CARD, CASH]}, {"oneOf": [CARD, CASH, props("kind", kind={"const": "none"})]}),
    ({"anyOf": [CARD, CASH]}, {"oneOf": [CARD, CASH, NULL]}),
    (CARD, {"oneOf": [CARD, CASH]}),
    ({"oneOf": [S, NULL]}, {"anyOf": [S, NULL, INT]}),
    ({**INT, "minimum": 0, "maximum": 9}, {"anyOf": [{**N, "maximum": 5}, {**N, "minimum": 5}]}),
    (
        props("kind", kind={"enum": ["a", "b"]}),
        {"anyOf": [props("kind", kind={"const": "a"}), props("kind", kind={"const": "b"}), NULL]},
    ),
    ({**INT, "not": {"const": 3}}, INT),
    ({**INT, "minimum": 4}, {**INT, "not": {"const": 3}}),
    ({"not": N}, {"not": INT}),
    ({"not": {"anyOf": [S, N]}}, {"not": S}),
    (
        {"if": props("a", a={"const": 1}), "then": props("b", b=INT), "type": "object"},
        {"if": props("a", a={"const": 1}), "then": props("b", b=N), "type": "object"},
    ),
    # references
    ({"$ref": "#/$defs/a", "$defs": {"a": {**S, "minLength": 1}}}, S),
    (LIST, obj(required=["value"], properties={"value": N, "next": {"$ref": "#"}})),
    (
        obj(required=["value"], properties={"value": INT, "next": {"anyOf": [{"$ref": "#"}, NULL]}}),
        obj(required=["value"], properties={"value": N, "next": {"anyOf": [{"$ref": "#"}, NULL]}}),
    ),
    (TREE, obj(properties={"name": {"type": ["string", "null"]}, "children": arr(items={"$ref": "#"})})),
    # draft 7
    (D7 | arr(items=[S], additionalItems=False), D7 | arr(items=[S])),
    (D7 | obj(dependencies={"a": ["b"]}), D7 | obj()),
    (D7 | arr(items=[S, INT], additionalItems=INT), arr(prefixItems=[S], items=N)),
]


@pytest.mark.parametrize(("sub", "sup"), ONE_WAY)
def test_what_is_contained_is_proven_and_never_the_other_way_round(sub: Any, sup: Any) -> None:
    proof = shown(sub, sup)
    assert proof.proven, proof.obligation
    backward = shown(sup, sub)
    assert not backward.proven
    assert backward.obligation


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"anyOf": [{**INT, "maximum": 4}, {**INT, "minimum": 5}]}, INT),
        (obj(required=["next"], properties={"next": {"$ref": "#"}}), False),
        (obj(required=["a"], properties={"a": {"allOf": [S, N]}}), False),
        (arr(minItems=1, items={"allOf": [S, N]}), False),
        ({**S, "minLength": 2, "pattern": "^[a-z]$"}, False),
        ({"oneOf": [S, {"minLength": 0}]}, {"not": S}),
        ({"oneOf": [S, INT]}, {"anyOf": [S, INT]}),
        ({"enum": [1, 2, 3]}, {**INT, "minimum": 1, "maximum": 3}),
        (props("a", a={"const": 1}, b=S), {"if": props("a", a={"const": 1}), "then": props(b=S), "else": False}),
        ({"if": S, "then": {"minLength": 1}}, {"anyOf": [{"not": S}, {"minLength": 1}]}),
        (obj(dependentRequired={"a": ["b"]}), obj(dependentSchemas={"a": {"required": ["b"]}})),
        (obj(dependentRequired={"a": ["b"]}), obj(anyOf=[{"required": ["b"]}, {"properties": {"a": False}}])),
        (
            obj(
                properties={"a": {"$ref": "#/$defs/t"}},
                **{"$defs": {"t": TREE | {"properties": {"c": {"$ref": "#/$defs/t"}}}}},
            ),
            obj(
                properties={"a": {"$ref": "#/$defs/u"}},
                **{
                    "$defs": {
                        "u": TREE | {"properties": {"c": {"$ref": "#/$defs/v"}}},
                        "v": {"$ref": "#/$defs/u", "title": "v"},
                    }
                },
            ),
        ),
    ],
)
def test_two_ways_of_saying_one_thing_contain_each_other(one: Any, other: Any) -> None:
    assert shown(one, other) == shown(other, one) == Proof(True)


@pytest.mark.parametrize(
    ("sub", "sup", "owed"),
    [
        (props(a=S), props("a", a=S), "/a: required: it may be absent"),
        (obj(additionalProperties=S), obj(additionalProperties=INT), "/*: type: it may be a string"),
        (
            obj(properties={"m": obj(additionalProperties=N)}),
            obj(properties={"m": obj(additionalProperties=S)}),
            "/m/*: type",
        ),
        (obj(), props(new=S), "/new: type"),
        (obj(), obj(dependentRequired={"a": ["b"]}), "dependentRequired"),
        (arr(), arr(minItems=1), "the document: minItems: it may have fewer than 1 items"),
        (arr(items=props(a=S)), arr(items=props("a", a=S)), "/items/a: required"),
        ({**S, "pattern": "a"}, {**S, "pattern": "b"}, "pattern: it may not match b"),
        (S, {**S, "format": "date"}, "format: it may be no date"),
        ({"type": ["string", "null"]}, {"anyOf": [{**S, "minLength": 1}, NULL]}, "anyOf"),
        (True, {"unevaluatedProperties": False, "anyOf": [props(a=S)]}, "the document"),
        (arr(contains=True, unevaluatedItems=INT), arr(items=INT), "type"),
    ],
)
def test_what_could_not_be_shown_is_said(sub: Any, sup: Any, owed: str) -> None:
    proof = shown(sub, sup)
    assert not proof.proven
    assert owed in proof.obligation


def test_a_comparison_takes_bounded_work() -> None:
    """Sixteen choices with four ways each, none of which decides the goal: told apart they are 4,000 million."""
    choice = {"anyOf": [props(**{f"p{at}": {"const": at}}) for at in range(4)]}
    sub = {"allOf": [{"anyOf": [{**branch, "minProperties": at} for branch in choice["anyOf"]]} for at in range(16)]}
    sup = {"oneOf": [props("q", q={"const": at}) for at in range(12)]}
    started = time.perf_counter()
    assert not shown(sub, sup).proven
    assert time.perf_counter() - started < 5


def test_deep_schemas_are_compared_or_given_up_without_a_fault() -> None:
    sub, sup = dict(INT), dict(N)
    for _ in range(140):
        sub, sup = obj(properties={"a": sub}), obj(properties={"a": sup})
    shown(sub, sup)
    assert not shown(sup, sub).proven


def judged(schema: Any, document: Any, draft: int) -> bool | None:
    """What both validators say; None where they differ or one of them breaks."""
    fast = (jsonschema_rs.Draft7Validator if draft == 7 else jsonschema_rs.Draft202012Validator)(schema)
    slow = (jsonschema.Draft7Validator if draft == 7 else jsonschema.Draft202012Validator)(schema)
    verdict = fast.is_valid(document)
    try:
        return verdict if slow.is_valid(document) is verdict else None
    except (RecursionError, TypeError):
        return None


def never_contradicted(seed: int) -> bool:
    """Whether something of the pair of this seed was proven, and a document was there that could have contradicted."""
    r = Random(seed)
    draft = r.choice([7, 2020])
    drawing = Drawing(r, draft)
    sub = drawing.whole(r.choice([1, 2, 2, 3]))
    sup = sub if r.random() < 0.9 else drawing.whole()
    for _ in range(r.choice([1, 1, 2])):
        sup = drawing.edited(sup)
    try:
        pairs = [(sub, sup, normalise(sub), normalise(sup)), (sup, sub, normalise(sup), normalise(sub))]
    except ConfigError:
        return False
    tested = False
    for one, other, left, right in pairs:
        if not prove(left, right).proven:
            continue
        for document in documents(r, [one, other], 12):
            if judged(one, document, draft):
                tested = True
                assert judged(other, document, draft) is not False, (one, other, document)
    return tested


def test_nothing_that_a_document_contradicts_is_ever_proven() -> None:
    seeds = range(20_000, 20_250)
    assert sum(map(never_contradicted, seeds)) > 0.45 * len(seeds)


@pytest.mark.slow
def test_of_thousands_of_pairs_none_is_proven_and_contradicted() -> None:
    seeds = range(8_000)
    assert sum(map(never_contradicted, seeds)) > 0.5 * len(seeds)


class Second(StrEnum):
    """What jsonschema-rs's own canonical check says of what we prove."""

    AGREES = "agrees"
    SILENT = "says neither yes nor no; documents were looked at in its place"


def second_opinion(seed: int) -> Second | None:
    """Never is what we prove denied: by another canonical check, nor, where that is silent, by any document. None where
    nothing is proven."""
    r = Random(seed)
    drawing = Drawing(r, 2020)
    sub = drawing.whole(2)
    sup = drawing.edited(sub)
    try:
        proof = shown(sub, sup)
    except ConfigError:
        return None
    if not proof.proven:
        return None
    try:
        theirs = str(jsonschema_rs.canonicalize(sup).covers(jsonschema_rs.canonicalize(sub)))
    except (ValueError, jsonschema_rs.ReferencingError):
        theirs = "unknown"
    assert theirs != "no", (sub, sup)
    if theirs == "yes":
        return Second.AGREES
    looked = [judged(sup, document, 2020) for document in documents(r, [sub, sup], 400) if judged(sub, document, 2020)]
    assert False not in looked, (sub, sup)
    return Second.SILENT if looked else None


def test_another_canonical_check_never_says_no_of_what_is_proven() -> None:
    seeds = range(20_000, 20_150)
    told = [second_opinion(seed) for seed in seeds]
    assert told.count(Second.AGREES) > 0.65 * len(seeds)


@pytest.mark.slow
def test_another_canonical_check_never_says_no_of_thousands_and_documents_speak_where_it_is_silent() -> None:
    seeds = range(10_000)
    told = [second_opinion(seed) for seed in seeds]
    assert told.count(Second.AGREES) > 0.75 * len(seeds)
    assert told.count(Second.SILENT) > 40
