"""A comparison on paper: the verdict with its direction in words, the document that shows it, what to do."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from telemetry_assets.contracts.compare import compare
from telemetry_assets.contracts.drift import Change, Comparison, CounterExample, Direction, Drift
from telemetry_assets.render import comparison as render
from telemetry_assets.render.terminal import Palette

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "api" / "comparison.schema.json").read_text())
CHANGE = Change("3fa9c0de", "/rows/items/n", "type", "type: integer → number", Drift.BREAKING)
SHOWN = CounterExample({"rows": [{"n": 1.5}]}, "new", "old", "/rows/0/n", "1.5 is not of type 'integer'")
BREAKING = Comparison(Drift.BREAKING, Direction.FORWARD, (CHANGE,), SHOWN)


def lines(found: Comparison, *, colours: bool = False) -> str:
    return "\n".join(render.lines(found, "old.json", "new.json", Palette(colours)))


def test_a_breaking_change_shows_its_document_who_refuses_it_and_why() -> None:
    assert lines(BREAKING) == (
        "BREAKING  forward: do readers made for the old schema accept every document that the new one allows?\n"
        "  No: here is a document that shows it.\n"
        "\n"
        "The new schema (new.json) accepts this document:\n"
        "  {\n"
        '    "rows": [\n'
        "      {\n"
        '        "n": 1.5\n'
        "      }\n"
        "    ]\n"
        "  }\n"
        "The old schema (old.json) refuses it, at /rows/0/n: 1.5 is not of type 'integer'\n"
        "\n"
        "  CHANGE    where          what                    alone\n"
        "  3fa9c0de  /rows/items/n  type: integer → number  breaking\n"
        "\n"
        "What to do: take it back; or tell the readers first, then accept it where the contracts lie: "
        "telemetry contracts update --accept 3fa9c0de --reason …"
    )


def test_each_direction_and_verdict_is_said_in_words_of_its_own() -> None:
    said = {lines(Comparison(drift, direction, reason="/a: pattern")) for drift in Drift for direction in Direction}
    assert len(said) == len(Drift) * len(Direction)
    assert "/a: pattern" in lines(Comparison(Drift.UNKNOWN, Direction.FULL, reason="/a: pattern"))
    assert "What to do" not in lines(Comparison(Drift.NON_BREAKING, Direction.BACKWARD))


def test_of_a_long_document_the_place_is_shown() -> None:
    document = {"rows": [{"n": number} for number in range(100)] + [{"n": 1.5}]}
    text = lines(
        Comparison(Drift.BREAKING, Direction.FORWARD, (), CounterExample(document, "new", "old", "/rows/100", "no"))
    )
    assert "accepts a document that has this at /rows/100:" in text
    assert '"n": 1.5' in text
    assert len(text.splitlines()) < 20


def test_a_document_without_a_place_is_clipped_and_says_so() -> None:
    text = lines(Comparison(Drift.BREAKING, Direction.FORWARD, (), CounterExample([1] * 100, "new", "old", "", "long")))
    assert "… 62 more lines; --json has it whole" in text
    assert "at the document: long" in text


def test_what_a_schema_says_cannot_harm_a_terminal() -> None:
    nasty = "\x1b[2J\r\x07"
    change = Change("3fa9c0de", f"/{nasty}", "type", nasty, Drift.UNKNOWN)
    shown = CounterExample({nasty: nasty}, "new", "old", f"/{nasty}", nasty)
    text = "\n".join(
        render.lines(Comparison(Drift.BREAKING, Direction.FORWARD, (change,), shown), nasty, nasty, Palette())
    )
    assert not {"\x1b", "\r", "\x07"} & set(text)


def test_colours_are_for_terminals_alone() -> None:
    assert "\x1b[" in lines(BREAKING, colours=True)
    assert "\x1b[" not in lines(BREAKING)


@pytest.mark.parametrize("direction", list(Direction))
def test_the_answer_for_machines_keeps_its_schema(direction: Direction, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": "string"}, {"type": "string", "title": "T"}),
        ({"type": "string", "pattern": "^[0-9]{2}$"}, {"type": "string", "pattern": "^[0-9][0-9]$"}),
    ]
    for old, new in pairs:
        found = compare(old, new, direction)
        render.print_json(found, "old.json", "new.json")
        printed = json.loads(capsys.readouterr().out)
        Draft202012Validator(SCHEMA).validate(printed)
        assert printed["exit_code"] == found.verdict.exit_code
