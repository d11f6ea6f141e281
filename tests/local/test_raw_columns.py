"""JSON schema → column types, and values → what the columns take."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.errors import FailingError
from telemetry_assets.local.raw_columns import (
    ColumnType,
    TypeChanged,
    check_names,
    column_type,
    encode,
    type_of_values,
)

T = ColumnType


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, T.TEXT),
        ({"type": ["null", "string"]}, T.TEXT),
        ({"type": "string", "format": "date"}, T.DATE),
        ({"type": ["string", "null"], "format": "date-time"}, T.TIMESTAMPTZ),
        ({"type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone"}, T.TIMESTAMP),
        ({"type": "string", "format": "uuid"}, T.TEXT),
        ({"type": "integer"}, T.BIGINT),
        ({"type": "integer", "airbyte_type": "big_integer"}, T.NUMERIC),
        ({"type": "number"}, T.NUMERIC),
        ({"type": ["integer", "number"]}, T.NUMERIC),
        ({"type": "boolean"}, T.BOOLEAN),
        ({"type": "object"}, T.JSONB),
        ({"type": ["null", "array"]}, T.JSONB),
        ({"type": ["string", "integer"]}, T.JSONB),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, T.JSONB),
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, T.BIGINT),
        ({"anyOf": [{"type": "number"}, {"type": ["null", "number"]}]}, T.NUMERIC),
        ({}, T.JSONB),
        ({"type": "null"}, T.JSONB),
        ({"type": "nonsense"}, T.JSONB),
    ],
)
def test_a_property_has_the_column_of_its_type(schema: dict[str, Any], expected: ColumnType):
    assert column_type(schema) is expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (T.BIGINT, "12"),
        (T.BIGINT, 1.5),
        (T.BIGINT, True),
        (T.BIGINT, 1e300),
        (T.BIGINT, [1]),
        (T.NUMERIC, "12.5"),
        (T.NUMERIC, False),
        (T.BOOLEAN, "true"),
        (T.BOOLEAN, 1),
        (T.DATE, "today"),
        (T.DATE, "infinity"),
        (T.DATE, "01/02/2026"),
        (T.DATE, "2026-01-01T00:00:00Z"),
        (T.DATE, 20260101),
        (T.TIMESTAMPTZ, "now"),
        (T.TIMESTAMPTZ, "yesterday"),
        (T.TIMESTAMPTZ, 1_790_000_000),
    ],
)
def test_a_value_of_another_type_is_refused_with_stream_column_type_and_value(kind: ColumnType, value: Any):
    with pytest.raises(TypeChanged) as refusal:
        encode("meta_ads.insights", "clicks", kind, [value])
    for word in ("meta_ads.insights", "clicks", str(kind), repr(value)[:20]):
        assert word in refusal.value.message


@pytest.mark.parametrize(
    ("kind", "values", "stored"),
    [
        (T.TEXT, ["a", None, 5, True, {"b": 1}], ["a", None, "5", "true", '{"b":1}']),
        (T.BIGINT, [1, None, 2.0, float("nan")], [1, None, 2, None]),
        (T.NUMERIC, [1, 1.5, None, math.inf, -math.inf, math.nan], [1, 1.5, None, None, None, None]),
        (T.BOOLEAN, [True, None], [True, None]),
        (T.JSONB, [{"a": "x\0y"}, None, "s", [1]], ['{"a":"xy"}', None, '"s"', "[1]"]),
        (T.JSONB, [2**70], [str(float(2**70)).replace("+", "")]),
        (T.TIMESTAMPTZ, ["2026-01-01T00:00:00Z", "2026-01-01 00:00:00.5+05:30", "2026-01-01", None], None),
    ],
)
def test_a_value_that_fits_is_kept(kind: ColumnType, values: list[Any], stored: list[Any] | None):
    found = list(encode("s", "c", kind, values))
    if kind is T.JSONB:
        found = [text.replace("+", "") if text else text for text in found]
    assert found == (stored or values)


@given(st.lists(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans()), max_size=5))
def test_a_text_column_takes_whatever_comes(values: list[Any]):
    assert all(value is None or isinstance(value, str) for value in encode("s", "c", T.TEXT, values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None, None], None),
        ([1, None], T.NUMERIC),
        ([1, 1.5], T.NUMERIC),
        (["a"], T.TEXT),
        ([True], T.BOOLEAN),
        ([{"a": 1}], T.JSONB),
        (["a", 1], T.JSONB),
    ],
)
def test_an_undeclared_field_has_the_type_of_its_values(values: list[Any], expected: ColumnType | None):
    assert type_of_values(values) is expected


@pytest.mark.parametrize("name", ["tenant_id", "_airbyte_raw_id", "_airbyte_extracted_at", "ctid"])
def test_a_field_with_one_of_our_names_is_refused(name: str):
    with pytest.raises(FailingError, match=name):
        check_names("numbers", [name])


@pytest.mark.parametrize("name", ["", "x" * 64, "ü" * 32, "a\0b"])
def test_a_name_postgresql_cannot_hold_is_refused(name: str):
    with pytest.raises(FailingError, match="numbers"):
        check_names("numbers", [name])
    with pytest.raises(FailingError):
        check_names(name, [])


def test_hostile_but_possible_names_pass():
    check_names("select", ['a"b', "a;drop table x", "x" * 63, "Ünï", "a%b", "{x}", "a'b"])
