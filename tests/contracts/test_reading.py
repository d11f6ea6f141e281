"""Strict JSON: whatever else the bytes are, they are refused in words that name file, place and way out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telemetry_assets.contracts.reading import DEEPEST, read_json, read_json_file
from telemetry_assets.errors import ConfigError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
)
PIECES = st.sampled_from(
    [*'[]{},:"\\', "1", "-", "1e999", "NaN", '"a"', "\\u", "\\ud800", "true", "nul", "\n", "\ufeff", "é"]
)


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@given(JSON, st.sampled_from([None, 2]), st.booleans())
def test_any_json_value_is_read_as_it_was_written(value: Any, indent: int | None, ascii_only: bool) -> None:
    assert read_json(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(), "a.json") == value


def test_whole_numbers_stay_whole_whatever_their_size() -> None:
    assert read_json(b"[123456789012345678901234567890, 1, 1.0]", "a.json") == [123456789012345678901234567890, 1, 1.0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "a.json is empty."),
        (b" \n", "a.json is empty."),
        (b"\xef\xbb\xbf{}", "a.json begins with a byte order mark."),
        (b'{"a": "\xff"}', "a.json is not UTF-8: byte 0xff at offset 7."),
        ('{"a": 1}'.encode("utf-16"), "a.json is not UTF-8: byte 0xff at offset 0."),
        (b'{"a": 1,\n "b" 2}', "a.json is not JSON: Expecting ':' delimiter at line 2, column 6."),
        (b"{'a': 1}", "a.json is not JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        (b"[1] 2", "a.json is not JSON: Extra data at line 1, column 5."),
        (b'["a\nb"]', "a.json is not JSON: Invalid control character at at line 1, column 4."),
        (b'{"a": [1, NaN]}', "a.json is refused: NaN is not a number of JSON, at line 1, column 11 (/a/1)."),
        (b'["NaN",\n-Infinity]', "a.json is refused: -Infinity is not a number of JSON, at line 2, column 1 (/1)."),
        (b'{"a": -1e400}', "a.json is refused: a number beyond what a double holds at line 1, column 7 (/a)."),
        (
            b'["\\ud83d\\ude00", "\\ud83d"]',
            "a.json is refused: half a surrogate pair, which is no character, at line 1, column 18 (/1).",
        ),
        (b'{"a": 1,\n "a": 2}', "a.json is refused: the key 'a' stands twice in one object, at line 2, column 2 (/a)."),
        (
            b'{"a": {"k": 1}, "b": [{"k": 1}, {"k": 2, "\\u006b": 3}]}',
            "a.json is refused: the key 'k' stands twice in one object, at line 1, column 42 (/b/1/k).",
        ),
        (
            b'{"a": {"k": 1}, "a": {"k": 2}}',
            "a.json is refused: the key 'a' stands twice in one object, at line 1, column 17 (/a).",
        ),
    ],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_json(data, "a.json")
    assert refused.value.message == said
    assert refused.value.remedy


def test_a_number_of_thousands_of_digits_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"a whole number of 5000 digits at line 1, column 2 \(/0\)"):
        read_json(b"[" + b"9" * 5000 + b"]", "a.json")


def test_the_deepest_document_is_read_and_a_deeper_one_refused_where_it_begins() -> None:
    assert read_json(deep(DEEPEST), "a.json")
    with pytest.raises(
        ConfigError, match=f"more than 200 levels of objects and arrays at line 1, column {DEEPEST + 1}"
    ):
        read_json(deep(DEEPEST + 1), "a.json")


@pytest.mark.parametrize(
    "data", [deep(1_000_000), b"[" * 1_000_000, b'{"a":' * 300_000], ids=["arrays", "open", "objects"]
)
def test_a_document_deeper_than_any_stack_is_refused_and_not_a_crash(data: bytes) -> None:
    with pytest.raises(ConfigError, match="more than 200 levels"):
        read_json(data, "a.json")


def test_brackets_inside_of_texts_are_no_levels() -> None:
    assert read_json(json.dumps(["[" * 5000]).encode(), "a.json")


def test_a_document_above_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ConfigError, match=r"a\.json is larger than 1 MiB"):
        read_json(b"[" * (1024 * 1024 + 1), "a.json", limit=1024 * 1024)


def test_a_file_is_read_by_its_path_and_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a": 1}')
    assert read_json_file(path) == {"a": 1}
    with pytest.raises(ConfigError, match="is larger than"):
        read_json_file(path, limit=3)
    with pytest.raises(ConfigError, match="does not exist"):
        read_json_file(tmp_path / "b.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_json_file(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_json_file(tmp_path / "a\0b")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(), st.lists(PIECES).map(lambda pieces: "".join(pieces).encode())))
@example(b'"')
@example(b'{"a":1,"a"')
@example(b'"\\ud800')
@example(b'{"\\ud800":1,"\\ud800":2}')
@example(b"[9" + b"9" * 4300)
@example(b"-")
def test_arbitrary_bytes_are_a_value_or_a_config_error_and_never_anything_else(data: bytes) -> None:
    assert outcome(data)


def outcome(data: bytes) -> str:
    try:
        value = read_json(data, "a.json")
    except ConfigError as refused:
        return refused.remedy and refused.message
    return "read" if json.loads(json.dumps(value, allow_nan=False)) == value else ""
