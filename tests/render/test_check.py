"""How a verdict is read: the worst first, what passed in a line, the exit code in words."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from telemetry_assets.answers.results import Kind, Result, Verdict
from telemetry_assets.model import State
from telemetry_assets.render.check import print_json, verdict_lines
from telemetry_assets.render.terminal import Palette

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def result(state: State, tenant: str = "*", **more: object) -> Result:
    """A result of a check."""
    return Result(Kind.CHECK, "shop/orders", "data_age", state, "said", tenant=tenant, **more)  # type: ignore[arg-type]


def verdict(*results: Result) -> Verdict:
    """A verdict of three seconds."""
    return Verdict(results, NOW, NOW + timedelta(seconds=3), "c", "everything")


def lines(*results: Result, width: int = 100) -> list[str]:
    """The lines of a verdict without colours."""
    return list(verdict_lines(verdict(*results), Palette(), width))


def test_the_worst_is_first_and_what_passed_is_one_line():
    found = lines(
        *(result(State.PASS, tenant) for tenant in ("acme", "globex", "initech")),
        result(State.FAIL, "umbrella", late=True, data_age=timedelta(hours=3)),
        result(State.UNKNOWN, "hooli"),
    )
    assert [line.split()[1] for line in found[1:4]] == ["UNKNOWN", "late", "PASS"]
    assert "3h old; said" in found[2]
    assert "acme and 2 more" in found[3]


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ((result(State.PASS),), "PASSED  1 result: 1 PASS; 3 s; exit 0, nothing is wrong"),
        ((result(State.FAIL),), "FAILED  1 result: 1 FAIL; 3 s; exit 1, something fails"),
        ((result(State.FAIL, late=True),), "FAILED  1 result: 1 late; 3 s; exit 2, something is late"),
        ((result(State.MISSING),), "FAILED  1 result: 1 MISSING; 3 s; exit 3, something was never seen"),
        (
            (result(State.UNKNOWN),),
            "FAILED  1 result: 1 UNKNOWN; 3 s; exit 4, not everything could be looked at",
        ),
        ((), "PASSED  0 results: none; 3 s; exit 0, nothing is wrong"),
    ],
)
@pytest.mark.promise("D26")
def test_the_last_line_is_the_verdict_in_words(results: tuple[Result, ...], words: str):
    assert lines(*results)[-1] == words


def test_what_to_do_is_said_once():
    found = lines(
        result(State.UNKNOWN, "acme", remedy="Materialize it."),
        result(State.UNKNOWN, "globex", remedy="Materialize it."),
    )
    assert [line for line in found if "→" in line] == ["  → Materialize it."]


def test_what_the_rest_follows_from_is_said_first():
    cause = Result(Kind.STEP, "", "sync", State.FAIL, "every sync failed", remedy="Mend the sync.")
    follows = result(State.UNKNOWN, remedy="Materialize it.")
    found = list(verdict_lines(replace(verdict(follows, cause), first=("", "sync")), Palette(), 100))
    assert "every sync failed" in found[1]
    assert [line for line in found if "→" in line] == ["  → Mend the sync.", "  → Materialize it."]


def test_foreign_text_can_neither_break_a_line_nor_a_terminal():
    found = lines(Result(Kind.CHECK, "a", "b", State.FAIL, "x\n\x1b[31m" + "y" * 500), width=80)
    assert all("\x1b" not in line and len(line) <= 80 for line in found[:2])


def test_what_is_said_of_something_bad_is_whole_and_of_what_passed_one_line():
    words = " ".join(f"word{number}" for number in range(40))
    found = lines(
        Result(Kind.CHECK, "a", "b", State.FAIL, words), Result(Kind.CHECK, "c", "d", State.PASS, words), width=80
    )
    bad = [line for line in found[1:-2] if "PASS" not in line]
    assert "".join(bad).split()[-40:] == words.split()
    assert all(len(line) <= 80 for line in bad)
    assert len([line for line in found if "PASS" in line]) == 2


def test_what_passed_does_not_bury_what_is_wrong():
    passed = [Result(Kind.CHECK, f"a{number}", "b", State.PASS, "well") for number in range(30)]
    assert len([line for line in lines(*passed) if "PASS " in line]) == 30
    found = lines(*passed, Result(Kind.CHECK, "c", "d", State.FAIL, "words"))
    assert [line for line in found if "PASS " in line] == []
    assert "30 more lines of what passed: --json has all" in found[-3]
    assert found[1].split()[1] == "FAIL"


def test_json_is_the_whole_verdict(capsys: pytest.CaptureFixture[str]):
    print_json(verdict(result(State.PASS, "acme"), result(State.FAIL, "globex", took=timedelta(seconds=2))))
    document = json.loads(capsys.readouterr().out)
    assert [one["tenant"] for one in document["results"]] == ["globex", "acme"]
    assert document["results"][0]["duration_seconds"] == 2
    assert (document["exit_code"], document["exit_words"], document["verdict"]) == (1, "something fails", "failed")
