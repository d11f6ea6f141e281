"""The labelled pairs: that their labels are true, and what the comparison says of them.

The labels do not come from our code: a witness is judged by both validators, and where a pair is called compatible
thousands of documents aimed at its boundaries are tried. Figures: ``python -m tests.contracts.report``.
"""

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.contracts.document_generator import Documents, Root
from tests.contracts.judged import Answer, answers, ours, tally
from tests.contracts.labelled import Question, questions
from tests.contracts.oracle import Oracle, breaks
from tests.contracts.report import BOUNDS, fingerprints

REPOSITORY = Path(__file__).resolve().parents[2]
KEYWORDS = {
    "$id $ref $anchor $dynamicRef $dynamicAnchor $defs definitions $schema $comment",
    "type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern format",
    "contentEncoding contentMediaType contentSchema title description default examples deprecated readOnly writeOnly",
    "items prefixItems additionalItems contains minContains maxContains maxItems minItems uniqueItems unevaluatedItems",
    "properties patternProperties additionalProperties propertyNames required maxProperties minProperties",
    "dependentRequired dependentSchemas dependencies unevaluatedProperties",
    "allOf anyOf oneOf not if then else",
}
CHECKED: set[str] = set()
EVERY = 8
"""In the other process every so manieth question is asked again."""
MANY, FEW = 2_000, 15


def test_there_are_more_than_200_pairs_and_no_name_twice() -> None:
    names = Counter((question.family, question.name, question.direction) for question in questions())
    assert [name for name, times in names.items() if times > 1] == []
    assert len(names) > 2 * 200


def test_every_keyword_of_both_drafts_is_in_a_pair() -> None:
    used = {key for question in questions() for side in (question.old, question.new) for key in _keys(side)}
    assert sorted(set(" ".join(KEYWORDS).split()) - used) == []


def test_both_drafts_and_their_mixture_are_in_the_pairs() -> None:
    kinds = Counter((_is_draft_7(question.old), _is_draft_7(question.new)) for question in questions())
    assert kinds[True, True] > 60
    assert kinds[True, False] > 20
    assert kinds[False, True] > 4


@pytest.mark.parametrize("family", sorted({question.family for question in questions()}))
def test_labels_are_true(family: str) -> None:
    untrue = [problem for question in _of(family) if (problem := _untrue(question, FEW))]
    assert untrue == []


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted({question.family for question in questions()}))
def test_labels_are_true_of_thousands_of_documents_each(family: str) -> None:
    untrue = [problem for question in _of(family) if (problem := _untrue(question, MANY))]
    assert untrue == []


@pytest.fixture(scope="module")
def told() -> tuple[Answer, ...]:
    return answers(ours, questions())


@pytest.mark.promise("A1")
def test_no_break_is_called_compatible(told: tuple[Answer, ...]) -> None:
    assert [answer.question.id for answer in told if answer.missed] == []


def test_nothing_compatible_is_called_breaking(told: tuple[Answer, ...]) -> None:
    assert [answer.question.id for answer in told if answer.false_alarm] == []


def test_every_breaking_verdict_shows_a_document_that_both_validators_judge_so(told: tuple[Answer, ...]) -> None:
    unshown = [answer.question.id for answer in told if answer.said == "incompatible" and not answer.shown]
    assert unshown == []


def test_what_is_unknown_stays_within_its_bounds_and_says_why(told: tuple[Answer, ...]) -> None:
    counted = tally(told)
    assert counted.unknown_rate <= BOUNDS["unknown"], [a.question.id for a in told if a.said == "unknown"]
    assert counted.shown_rate >= BOUNDS["shown"], [
        a.question.id for a in told if not a.question.compatible and not a.shown
    ]
    assert [
        answer.question.id for answer in told if answer.said == "unknown" and not json.loads(answer.text)["reason"]
    ] == []


@pytest.mark.promise("A23")
def test_another_process_gives_the_same_bytes(told: tuple[Answer, ...]) -> None:
    command = [sys.executable, "-m", "tests.contracts.report", "--fingerprints", str(EVERY)]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    theirs = dict(line.split("\t") for line in done.stdout.splitlines())
    mine = fingerprints(told[::EVERY])
    assert [name for name in mine if mine[name] != theirs.get(name)] == []
    assert len(theirs) == len(mine)


def test_both_directions_together_are_the_worse_of_the_two(told: tuple[Answer, ...]) -> None:
    from telemetry_assets.contracts.compare import compare
    from telemetry_assets.contracts.drift import WORST_FIRST, Direction, Drift

    verdicts = {(a.question.family, a.question.name, a.question.direction): json.loads(a.text)["verdict"] for a in told}
    wrong: list[str] = []
    for question in [question for question in questions() if question.direction == "forward"][::7]:
        key = (question.family, question.name)
        each = {Drift(verdicts[*key, direction]) for direction in ("forward", "backward")}
        worse = next(drift for drift in WORST_FIRST if drift in each)
        files = {"old_files": question.old_files, "new_files": question.new_files}
        full = compare(question.old, question.new, Direction.FULL, name="pair", **files)
        wrong += [f"{question.id}: {full.verdict}, not {worse}"] if full.verdict != worse else []
    assert wrong == []


def _of(family: str) -> list[Question]:
    return [question for question in questions() if question.family == family]


def _untrue(question: Question, documents: int) -> str:
    """What contradicts the label; empty where nothing does."""
    sub, sup = Oracle(*question.sub), Oracle(*question.sup)
    if question.direction == "forward":
        _check(question, sub, sup)
    if not question.compatible:
        return "" if breaks(question.witness, sub, sup) else f"{question.id}: the witness shows nothing"
    made = Documents(Root(*question.sub), Root(*question.sup), Random(question.id))
    if question.sample is not None:
        made.keep(question.sample)
    # A whole payload takes a hundred times as long to make as a number.
    for document in itertools.islice(made.made(), documents if question.sample is None else max(documents // 4, FEW)):
        if sub.fast.is_valid(document):
            made.keep(document)
            if breaks(document, sub, sup):
                return f"{question.id}: {json.dumps(document)}"
    return ""


def _check(question: Question, *sides: Oracle) -> None:
    """Both are schemas; a payload's own schema is in many pairs and checked once."""
    for side in sides:
        text = json.dumps([side.schema, side.files], sort_keys=True)
        if text not in CHECKED:
            side.check()
            CHECKED.add(text)


def _is_draft_7(schema: Any) -> bool:
    return isinstance(schema, dict) and "draft-07" in schema.get("$schema", "")


def _keys(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        return set(schema) | {key for part in schema.values() for key in _keys(part)}
    return {key for part in schema for key in _keys(part)} if isinstance(schema, list) else set()
