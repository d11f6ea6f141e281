"""The search for a counter-example: found, small, the same always, and over soon whatever the schema asks for."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.contracts.comparison.judges import Judge
from telemetry_assets.contracts.comparison.matching_text import texts
from telemetry_assets.contracts.comparison.sides import NOTHING
from telemetry_assets.contracts.comparison.witness import counts, find

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def thing(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


PAIRS: dict[str, tuple[Any, Any, Any]] = {
    "a wider type": (thing({"a": NUMBER}), thing({"a": WHOLE}), {"a": 1.5}),
    "null": ({"type": ["string", "null"]}, TEXT, None),
    "a required property": (thing({"a": TEXT}), thing({"a": TEXT}, required=["a"]), {}),
    "a closed object": (thing({}), thing({}, additionalProperties=False), {"zz": ""}),
    "a value more": ({"enum": ["a", "b", "c"]}, {"enum": ["a", "b"]}, "c"),
    "below the minimum": (WHOLE, {"type": "integer", "minimum": 7}, 0),
    "just above the maximum": ({"type": "integer", "maximum": 11}, {"type": "integer", "maximum": 10}, 11),
    "between two bounds": (
        {"type": "integer", "minimum": 3, "maximum": 5},
        {"type": "integer", "minimum": 3, "maximum": 5, "multipleOf": 5},
        3,
    ),
    "another multiple": ({"type": "integer", "multipleOf": 4}, {"type": "integer", "multipleOf": 6}, 4),
    "an empty array": ({"type": "array"}, {"type": "array", "minItems": 1}, []),
    "items alike": ({"type": "array", "items": TEXT}, {"type": "array", "uniqueItems": True}, ["a", "a"]),
    "a third item": ({"prefixItems": [TEXT, WHOLE]}, {"prefixItems": [TEXT, WHOLE], "items": False}, ["", 1, ""]),
    "nothing that is looked for": ({"type": "array"}, {"type": "array", "contains": {"const": 7}}, []),
    "deep inside": (
        thing({"x": thing({"y": {"type": "array", "items": NUMBER}}, required=["y"])}, required=["x"]),
        thing({"x": thing({"y": {"type": "array", "items": WHOLE}})}),
        {"x": {"y": [1.5]}},
    ),
    "a name that matches": (
        {"type": "object", "patternProperties": {"^x_": NUMBER}},
        {"type": "object", "patternProperties": {"^x_": WHOLE}},
        {"x_": 1.5},
    ),
    "a map's value": (
        {"type": "object", "minProperties": 2, "additionalProperties": NUMBER},
        {"type": "object", "minProperties": 2, "additionalProperties": WHOLE},
        ...,
    ),
    "a longer name": (
        {"type": "object", "propertyNames": {"maxLength": 5}},
        {"type": "object", "propertyNames": {"maxLength": 3}},
        ...,
    ),
    "a text that matches": (
        {"type": "string", "pattern": "^[a-z0-9]+$"},
        {"type": "string", "pattern": "^[a-z]+$"},
        ...,
    ),
    "a longer text that matches": ({"type": "string", "pattern": "^[a-z]+$"}, {"maxLength": 9}, ...),
    "another format": ({"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}, ...),
    "a condition that is met": (
        thing({"kind": {"enum": ["a", "b"]}, "v": True}),
        {"if": {"properties": {"kind": {"const": "b"}}, "required": ["kind"]}, "then": {"properties": {"v": TEXT}}},
        ...,
    ),
    "none of two alternatives": (
        thing({"p": True, "q": True}, minProperties=2),
        {"anyOf": [thing({"p": TEXT}, required=["p"]), thing({"q": TEXT}, required=["q"])]},
        ...,
    ),
    "two alternatives at once": (WHOLE, {"oneOf": [{"minimum": 0}, {"maximum": 9}]}, ...),
    "a dependent property": (thing({"a": TEXT, "b": TEXT}), thing({}, dependentRequired={"a": ["b"]}), {"a": ""}),
    "what no alternative knows": (
        thing({"a": TEXT, "b": TEXT}, unevaluatedProperties=False),
        thing({"a": TEXT}, unevaluatedProperties=False),
        {"b": ""},
    ),
    "a list of lists of itself": (
        {"$ref": "#/$defs/n", "$defs": {"n": thing({"v": NUMBER, "n": {"$ref": "#/$defs/n"}}, required=["v"])}},
        {"$ref": "#/$defs/n", "$defs": {"n": thing({"v": WHOLE, "n": {"$ref": "#/$defs/n"}}, required=["v"])}},
        {"v": 1.5},
    ),
    "more properties": ({"maxProperties": 3}, {"maxProperties": 2}, ...),
    "anything": (True, False, ...),
}


@pytest.mark.promise("A1")
@pytest.mark.parametrize("name", PAIRS)
def test_a_document_shows_it_and_both_validators_judge_it_so(name: str) -> None:
    accepting, refusing, expected = PAIRS[name]
    found = find(accepting, refusing)
    assert found is not NOTHING
    assert counts(found, (Judge(accepting), Judge(refusing)))
    assert expected is ... or found == expected


@pytest.mark.parametrize("name", PAIRS)
def test_what_both_accept_has_no_counter_example(name: str) -> None:
    accepting, _, _ = PAIRS[name]
    assert find(accepting, accepting) is NOTHING


@pytest.mark.promise("A23")
def test_another_process_finds_the_same_documents() -> None:
    pairs = {name: pair[:2] for name, pair in PAIRS.items()}
    program = (
        "import json, sys\nfrom telemetry_assets.contracts.comparison.witness import find\n"
        "print(json.dumps([find(*pair) for pair in json.load(sys.stdin).values()]))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(pairs),
            env={"PYTHONHASHSEED": seed},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert json.loads(runs[0]) == [find(*pair) for pair in pairs.values()]


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = thing({"a": inner}, required=["a"])
    return inner


def doubling(depth: int, end: Any) -> Any:
    names = {
        f"n{i}": thing({k: {"$ref": f"#/$defs/n{i + 1}"} for k in "ab"}, required=["a", "b"]) for i in range(depth)
    }
    return {"$ref": "#/$defs/n0", "$defs": {**names, f"n{depth}": end}}


HOSTILE: dict[str, tuple[Any, Any]] = {
    "an array of a thousand million items": (
        {"type": "array", "minItems": 10**9},
        {"type": "array", "minItems": 10**9 + 1},
    ),
    "a text of a thousand million characters": (
        {"type": "string", "minLength": 10**9},
        {"type": "string", "minLength": 10**9 + 1},
    ),
    "a pattern that runs away": (
        {"type": "string", "pattern": "^(a+)+$"},
        {"type": "string", "pattern": "^(a|aa)+b$", "minLength": 60},
    ),
    "a pattern that looks back": ({"type": "string"}, {"type": "string", "pattern": "^(a*)*\\1b$"}),
    "a pattern that is very long": ({"type": "string", "pattern": "^(a{1000}){50}$"}, {"maxLength": 9}),
    "very many values": ({"enum": list(range(50_000))}, {"enum": list(range(1, 50_000))}),
    "a document of two to the thirtieth parts": (doubling(30, TEXT), doubling(30, WHOLE)),
    "very deep": (nested(120, NUMBER), nested(120, WHOLE)),
    "deeper than any validator goes": (nested(400, NUMBER), nested(400, WHOLE)),
    "thirty choices of two": (
        {"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(30)]},
        {"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"c{i}"]}]} for i in range(30)]},
    ),
    "a thousand properties": (
        thing({f"p{i}": NUMBER for i in range(1000)}),
        thing({f"p{i}": WHOLE for i in range(1000)}),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_the_search_ends_soon_whatever_the_schema_asks_for(name: str) -> None:
    accepting, refusing = HOSTILE[name]
    started = time.process_time()
    found = find(accepting, refusing)
    assert time.process_time() - started < 5
    assert found is NOTHING or counts(found, (Judge(accepting), Judge(refusing)))


def test_a_pattern_that_nobody_decides_refuses_nothing() -> None:
    judge = Judge({"type": "string", "pattern": "^(a|a)*\\1$(?<!b)"})
    assert not (judge.refuses("a" * 60 + "!") and judge.accepts("a" * 60 + "!"))


def test_a_schema_of_another_file_that_names_its_draft_cannot_bring_an_unbounded_pattern() -> None:
    bomb = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string", "pattern": "^(a+)+$"}
    judge = Judge({"properties": {"a": {"$ref": "b.json"}}}, {"b.json": bomb}, "n.json")
    started = time.process_time()
    assert judge.refuses({"a": "a" * 30 + "!"})
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^[a-c]{2}$", "aa"),
        ("^(foo|bar)$", "bar"),
        ("^\\d+-x$", "0-x"),
        ("^a?b*c+$", "c"),
        ("^$", ""),
        ("(x)\\1", "xx"),
    ],
)
def test_a_pattern_gives_texts_that_it_matches(pattern: str, expected: str) -> None:
    assert expected in texts(pattern)
    judge = Judge({"pattern": pattern})
    assert all(judge.accepts(text) for text in texts(pattern))


def test_a_pattern_stretches_to_a_length_and_one_that_python_cannot_read_gives_none() -> None:
    assert any(len(text) == 12 for text in texts("^[a-z]+$", (12,)))
    assert texts("\\p{L}+") == ()
    assert texts("(") == ()


def test_where_it_can_be_shown_so_the_document_is_one_that_every_engine_reads_alike() -> None:
    # Whether é is a letter of \w, engines do not agree.
    accepting, refusing = ({"patternProperties": {each: {"type": "null"}}} for each in ("^q(\\w)+q$", "q.*q"))
    document = find(accepting, refusing)
    assert document is not NOTHING
    assert all(name.isascii() and name.isprintable() for name in document)


def test_a_document_stands_where_formats_are_asserted_that_we_only_annotate_with() -> None:
    accepting, refusing = {"type": "string", "format": "uri"}, {"type": "string", "enum": ["https://a.example/"]}
    assert Judge(accepting).strict(find(accepting, refusing))


def test_a_text_that_goes_on_past_a_line_end_is_shown_before_one_that_ends_with_it() -> None:
    accepting, refusing = ({"patternProperties": {each: {"type": "null"}}} for each in ("^.*$", ".*"))
    (name,) = find(accepting, refusing)
    assert not name.endswith("\n")
