"""One line of a connector's output becomes one message, or is known to be none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.errors import FailingError
from telemetry_assets.local import protocol

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc"), JSON))
def test_a_message_is_read_as_it_was_written(data: dict[str, Any]):
    line = json.dumps({"type": "RECORD", "record": {"data": data}}).encode()
    assert protocol.parse(line) == {"type": "RECORD", "record": {"data": data}}


@given(st.binary(max_size=60))
def test_no_line_whatever_it_holds_breaks_the_parser(line: bytes):
    message = protocol.parse(line)
    assert message is None or isinstance(message["type"], str)


@pytest.mark.parametrize(
    "line", [b"", b"Traceback", b"[1]", b'{"a": 1}', b'{"type": 3}', b'{"type": "RECORD"', b"\xff\xfe"]
)
def test_a_line_that_is_no_message_is_none(line: bytes):
    assert protocol.parse(line) is None


def test_nan_and_infinity_are_read_though_json_forbids_them():
    message = protocol.parse(b'{"type": "RECORD", "record": {"data": {"a": NaN, "b": Infinity}}}')
    assert message is not None
    assert message["record"]["data"]["a"] != message["record"]["data"]["a"]


def test_a_lone_surrogate_becomes_a_question_mark():
    assert protocol.parse(b'{"type": "X", "text": "a\\ud800b"}') == {"type": "X", "text": "a?b"}


def test_states_are_handed_back_as_a_list_of_stream_states():
    one = {"type": "STREAM", "stream": {"stream_descriptor": {"name": "a"}, "stream_state": {"x": 1}}}
    assert protocol.state_key(one) == "a"
    assert protocol.state_document([("a", one)]) == [one]


def test_a_global_state_is_handed_back_alone():
    shared = {"type": "GLOBAL", "global": {"shared_state": {}, "stream_states": []}}
    assert protocol.state_key(shared) == protocol.SHARED_STATE
    assert protocol.state_document([("", shared), ("a", {})]) == [shared]


def test_a_legacy_state_is_handed_back_as_its_bare_data():
    assert protocol.state_document([("", {"type": "LEGACY", "data": {"cursor": 3}})]) == {"cursor": 3}


def test_a_stream_without_a_key_is_appended_and_one_with_a_cursor_read_incrementally():
    found = protocol.streams_of(
        {
            "streams": [
                {"name": "log", "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
                {
                    "name": "ads",
                    "json_schema": {},
                    "supported_sync_modes": ["full_refresh", "incremental"],
                    "source_defined_cursor": True,
                    "default_cursor_field": ["updated_at"],
                    "source_defined_primary_key": [["day"], ["id"]],
                },
            ]
        }
    )
    log, ads = found["log"].configured(), found["ads"].configured()
    assert (log["sync_mode"], log["destination_sync_mode"], log["primary_key"]) == ("full_refresh", "append", [])
    assert (ads["sync_mode"], ads["destination_sync_mode"]) == ("incremental", "append_dedup")
    assert ads["primary_key"] == [["day"], ["id"]]


def test_a_nested_primary_key_is_refused_by_name():
    with pytest.raises(FailingError, match="Stream ads: its primary key"):
        protocol.streams_of({"streams": [{"name": "ads", "source_defined_primary_key": [["a", "b"]]}]})


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        ({"type": "ERROR", "error": {"message": "401"}}, "401"),
        ({"type": "ERROR", "error": {"internal_message": "boom"}}, "boom"),
        ({"type": "ERROR"}, "an error without words"),
        ({"type": "STREAM_STATUS", "stream_status": {"stream_descriptor": {"name": "a"}, "status": "INCOMPLETE"}}, "a"),
        ({"type": "STREAM_STATUS", "stream_status": {"stream_descriptor": {"name": "a"}, "status": "RUNNING"}}, None),
        ({"type": "ESTIMATE", "estimate": {"name": "a", "row_estimate": 3}}, None),
    ],
)
def test_a_trace_says_what_failed_or_nothing(trace: dict[str, Any], words: str | None):
    found = protocol.failure(trace)
    assert found is None if words is None else found and words in found
