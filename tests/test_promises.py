"""The promises and the tests that claim to prove them."""

import re
from collections import Counter
from pathlib import Path

from tests.promises import KINDS, Mark, PromiseLine, page, read_marks, read_promises

SIZES = {"A": 33, "B": 57, "C": 30, "D": 42, "E": 32, "F": 17}


def _all() -> list[PromiseLine]:
    return [promise for section in read_promises().values() for promise in section]


def test_no_test_claims_a_promise_that_does_not_exist() -> None:
    known = {promise.id for promise in _all()}
    assert [str(mark) for mark in read_marks() if mark.id not in known] == []


def test_no_test_claims_what_is_not_ours() -> None:
    foreign = {promise.id for promise in _all() if KINDS[promise.kind] == "not ours"}
    assert [str(mark) for mark in read_marks() if mark.id in foreign] == []


def test_every_promise_of_the_runbooks_is_listed_once_and_in_order() -> None:
    expected = [f"{letter}{number}" for letter, size in SIZES.items() for number in range(1, size + 1)]
    assert [promise.id for promise in _all()] == expected


def test_every_promise_is_one_sentence_of_its_own() -> None:
    texts = [promise.text for promise in _all()]
    assert [text for text in texts if not re.fullmatch(r"[A-Za-z].{15,160}\.", text)] == []
    assert [text for text, times in Counter(texts).items() if times > 1] == []


def test_markers_are_found_on_functions_classes_and_modules(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        """
import pytest
pytestmark = [pytest.mark.slow, pytest.mark.promise("A1")]
@pytest.mark.promise("B2", "B3")
def test_one(): ...
@pytest.mark.promise("C4")
class TestMany:
    @pytest.mark.promise("D5")
    async def test_two(self): ...
@pytest.mark.promise(NAME)
def test_three(): ...
"""
    )
    marks = read_marks(tmp_path)
    assert {(mark.id, mark.test) for mark in marks} == {
        ("A1", "test_some"),
        ("B2", "test_one"),
        ("B3", "test_one"),
        ("C4", "TestMany"),
        ("D5", "test_two"),
        ("NAME", "test_three"),
    }


def test_the_page_says_what_is_proven_what_is_not_yet_and_what_is_not_ours() -> None:
    promises = {"A. Some": (PromiseLine("A1", "G", "x."), PromiseLine("A2", "G", "y."), PromiseLine("A3", "D", "z."))}
    text = page(promises, [Mark("A1", "test_x", Path(__file__), 3)])
    assert "| A1 | G | x. | [test_x](../tests/test_promises.py) |" in text
    assert "| A2 | G | y. | not yet |" in text
    assert "| A3 | D | z. | not ours |" in text
    assert "1 of 2 have a test" in text
