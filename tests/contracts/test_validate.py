"""Documents against contracts: the fast validator agrees with the reference, and a violation says what and where."""

import copy
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from telemetry_assets.contracts.fixtures import hydrated
from telemetry_assets.contracts.reading import read_json_file
from telemetry_assets.contracts.registry import load_contract
from telemetry_assets.contracts.validate import Violation, pointer_of

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
CONTRACT = load_contract(SCHEMAS / "assets", "snapshots/tenant_dashboard")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GOOD = hydrated(read_json_file(SCHEMAS / "fixtures" / "snapshots.tenant_dashboard.json"), NOW)
REFERENCE = Draft202012Validator(CONTRACT.schema)

Path_ = tuple[str | int, ...]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: Path_ = ()) -> list[Path_]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


PLACES = places(GOOD)[1:]


def changed(path: Path_, value: Any = ...) -> Any:
    """The good document with ``value`` at ``path``, or without what is there."""
    document = copy.deepcopy(GOOD)
    *above, last = path
    holder = document
    for step in above:
        holder = holder[step]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return document


def broken(document: Any) -> Violation | None:
    return next(iter(CONTRACT.validate_many([("northshore", document)])), None)


def test_the_fixture_keeps_the_contract() -> None:
    assert broken(GOOD) is None
    REFERENCE.validate(GOOD)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_the_fast_validator_agrees_with_the_reference_on_any_changed_value(path: Path_, value: Any) -> None:
    document = changed(path, value)
    assert (broken(document) is None) == REFERENCE.is_valid(document)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([place for place in PLACES if isinstance(GOOD, dict) and len(place) < 3]), st.text(max_size=8), JSON
)
def test_the_fast_validator_agrees_with_the_reference_on_any_added_key(path: Path_, key: str, value: Any) -> None:
    document = copy.deepcopy(GOOD)
    holder = document
    for step in path:
        holder = holder[step]
    if isinstance(holder, dict):
        holder[key] = value
    assert (broken(document) is None) == REFERENCE.is_valid(document)


@pytest.mark.parametrize("path", PLACES, ids=pointer_of)
def test_the_fast_validator_agrees_with_the_reference_on_anything_left_out(path: Path_) -> None:
    document = changed(path)
    assert (broken(document) is None) == REFERENCE.is_valid(document)


@pytest.mark.promise("A25")
@pytest.mark.parametrize("section", ["campaign_metrics", "creative_metrics", "budget_metrics", "parish_metrics"])
def test_a_section_must_be_there_and_hold_something(section: str) -> None:
    absent = broken(changed(("metrics", section)))
    assert absent is not None
    assert absent.message == f"/metrics: found no '{section}', expected '{section}' to be there"
    rows = ("metrics", section, "rows") if section == "campaign_metrics" else ("metrics", section)
    empty = broken(changed(rows, []))
    assert empty is not None
    assert empty.message == f"{pointer_of(rows)}: found no items, expected at least 1 item"


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "path", [("metrics", "campaign_metrics", "summary", "totalSpend"), ("metrics", "budget_metrics", 0, "x")]
)
def test_a_figure_that_is_no_number_is_refused_even_where_rows_are_open(path: Path_, figure: float) -> None:
    violation = broken(changed(path, figure))
    assert violation is not None
    assert (violation.pointer, violation.expected) == (pointer_of(path), "a finite number")


@pytest.mark.parametrize(
    ("path", "value", "found", "expected"),
    [
        (("metrics", "parish_metrics", 1, "spend"), None, "null", "a number"),
        (("metrics", "parish_metrics", 1, "spend"), "12", '"12"', "a number"),
        (("tenant_id",), "northshore", '"northshore"', "a UUID in lower case (and 1 more)"),
        (("metrics", "budget_metrics", 0, "endDate"), "May", '"May"', "a date, 2026-05-31"),
        (("metrics", "budget_metrics"), {}, "an object of no keys", "an array"),
        (("metrics", "creative_metrics", 0, "parishes"), [1], "1", "a string"),
    ],
)
def test_a_violation_says_where_what_was_found_and_what_was_expected(
    path: Path_, value: Any, found: str, expected: str
) -> None:
    violation = broken(changed(path, value))
    assert violation is not None
    place = pointer_of((*path, 0)) if value == [1] else pointer_of(path)
    assert violation.message == f"{place}: found {found}, expected {expected}"
    assert violation.tenant == "northshore"


def test_a_key_that_a_closed_object_does_not_know_is_named() -> None:
    violation = broken(changed(("extra",), 1))
    assert violation is not None
    assert violation.message == (
        "the document: found 'extra', expected nothing but 'tenant_id', 'generated_at', 'metrics'"
    )


def test_rows_may_carry_more_than_the_contract_names() -> None:
    assert broken(changed(("metrics", "parish_metrics", 0, "reach"), 12)) is None


def test_one_violation_per_document_counts_the_others() -> None:
    worse = changed(("metrics", "creative_metrics"), [{"id": ""}])
    bad = changed(("tenant_id",), None)
    first, second = CONTRACT.validate_many([("a", worse), ("b", GOOD), ("c", bad)])
    assert (first.tenant, second.tenant) == ("a", "c")
    assert (first.more > 0, second.more) == (True, 0)
    assert f"(and {first.more} more)" in first.message


@pytest.mark.parametrize("odd", [{"a": {"b", "c"}}, {"a": b"x"}, {("a", "b"): 1}], ids=["set", "bytes", "key"])
def test_what_json_cannot_carry_is_refused_and_not_a_crash(odd: Any) -> None:
    assert broken(odd) is not None
    assert broken(changed(("metrics", "parish_metrics", 0, "odd"), odd)) is not None


def test_a_document_that_holds_itself_is_refused_and_not_a_crash() -> None:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    assert broken(circle) is not None
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert broken(deep) is not None


def test_a_message_shows_no_more_than_a_glimpse_of_a_long_value() -> None:
    violation = broken(changed(("tenant_id",), "x" * 5000))
    assert violation is not None
    assert len(violation.message) < 200
