"""Random pairs of schemas, with validation as the oracle: no document may contradict what the comparison says.

A failure names a pair; a longer hunt: ``python -m tests.contracts.report --soak MINUTES``.
"""

import time
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.hunt import Hunted, hunt, judged, say
from tests.contracts.oracle import DRAFT_7
from tests.contracts.schema_generator import Pair, pairs

MINUTES = 12
SEVEN = {"$schema": DRAFT_7}
ONCE_WRONG = (
    Pair({"oneOf": [{"type": "null"}]}, {**SEVEN, "anyOf": [{"if": {"items": False, "additionalItems": True}}]}),
    Pair({"type": "array"}, {**SEVEN, "type": "array", "items": False, "additionalItems": True}),
    Pair({"contains": {"const": False}, "unevaluatedItems": {"enum": [0]}}, {"contains": {"type": "string"}}),
    Pair(
        {"type": "array", "contains": {"maxProperties": 1}, "unevaluatedItems": {"$ref": "#"}}, {"items": {"$ref": "#"}}
    ),
)
"""Pairs that hunts found and the comparison was wrong about, or raised."""


@settings(max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=pairs(), seed=st.integers(0, 2**32))
def test_no_document_contradicts_the_comparison_of_a_random_pair(asked: Pair, seed: int) -> None:
    assert judged(asked, Random(seed), Hunted(), many=60) == []


@pytest.mark.parametrize("asked", ONCE_WRONG)
def test_what_was_wrong_once_is_right(asked: Pair) -> None:
    assert judged(asked, Random(0), Hunted()) == []


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 120)
def test_no_document_contradicts_any_of_tens_of_thousands_of_random_pairs() -> None:
    first = time.time_ns() % 10**9 * 1_000
    print(f"fixed seeds from 0, others from {first}")
    started = time.monotonic()
    fixed = hunt(iter(range(15_000)), lambda: time.monotonic() - started > MINUTES * 30)
    others = hunt(iter(range(first, first + 15_000)), lambda: time.monotonic() - started > MINUTES * 60)
    for seen in (fixed, others):
        say(seen, time.monotonic() - started)
    assert [wrong.line() for wrong in (*fixed.wrong, *others.wrong)] == []
