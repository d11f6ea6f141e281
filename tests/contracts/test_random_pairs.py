"""Random pairs of schemas, with validation as the oracle: no document may contradict what the comparison says.

A failure names a pair; a longer hunt, from seeds nobody has tried: ``python -m tests.contracts.report --soak MINUTES``.
"""

import time
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.hunt import Hunted, hunt, judged, say
from tests.contracts.oracle import DRAFT_7
from tests.contracts.schema_generator import Pair, pairs

MINUTES, SEEDS = 5, 3_000
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
def test_no_document_contradicts_any_of_thousands_of_random_pairs() -> None:
    started = time.monotonic()
    seen = hunt(iter(range(SEEDS)), lambda: time.monotonic() - started > MINUTES * 60)
    say(seen, time.monotonic() - started)
    assert seen.pairs > SEEDS / 3
    assert [wrong.line() for wrong in seen.wrong] == []
