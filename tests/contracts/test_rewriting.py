"""A JSON text is changed where its value changes, and nowhere else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.contracts.rewriting import rewritten

TEXT = """{
  "type":"object",  "required": ["a", "b"],
  "properties": {
    "a": {"type": "string", "enum": ["x",
      "y"]},
    "größe": {
      "minLength": 3
    }
  }
}
"""


def changed(**paths: Any) -> Any:
    value = json.loads(TEXT)
    for path, new in paths.items():
        *way, last = path.split("__")
        here = value
        for step in way:
            here = here[step]
        if new is None:
            del here[last]
        else:
            here[last] = new
    return value


@pytest.mark.parametrize(
    ("value", "old", "new"),
    [
        (changed(type=["object", "null"]), '"type":"object"', '"type":["object", "null"]'),
        (changed(required=["a"]), '["a", "b"]', '["a"]'),
        (changed(properties__größe__minLength=1), '"minLength": 3', '"minLength": 1'),
        (changed(properties__größe__format="x"), "3\n", '3,\n      "format": "x"\n'),
        (changed(properties__a__format="x"), '"y"]}', '"y"], "format": "x"}'),
        (changed(properties__a__type=None), '"type": "string", ', ""),
        (changed(properties__a__enum=None), ', "enum": ["x",\n      "y"]', ""),
        (
            changed(properties__new={"type": "number", "items": [1]}),
            "    }\n  }\n",
            '    },\n    "new": {\n      "type": "number",\n      "items": [\n        1\n      ]\n    }\n  }\n',
        ),
        (changed(properties__a__enum=["x", "z"]), '"y"', '"z"'),
        (changed(), "", ""),
    ],
)
def test_only_what_changed_is_written(value: Any, old: str, new: str) -> None:
    assert rewritten(TEXT, value) == TEXT.replace(old, new, 1)


def test_a_text_on_one_line_stays_on_one_line_and_escapes_stay_escapes() -> None:
    assert (
        rewritten('{"a": "\\u00e9", "b": 1}', {"a": "é", "b": 2, "c": "ü"})
        == '{"a": "\\u00e9", "b": 2, "c": "\\u00fc"}'
    )


def test_a_list_is_as_tall_as_the_others_of_its_file() -> None:
    assert rewritten('{\n  "type": "null"\n}', {"type": ["null", "string"]}) == (
        '{\n  "type": [\n    "null",\n    "string"\n  ]\n}'
    )


def test_one_and_one_point_nought_and_true_are_different_texts() -> None:
    assert rewritten('{"a": 1, "b": 1}', {"a": 1.0, "b": True}) == '{"a": 1.0, "b": true}'


names = st.text(max_size=3)
values = st.recursive(
    st.integers() | names | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)


@given(values, values, st.sampled_from([None, 2, "\t"]))
def test_whatever_it_was_it_reads_as_the_new_value_and_twice_changes_nothing(old: Any, new: Any, indent: Any) -> None:
    once = rewritten(json.dumps(old, indent=indent) + "\n", new)
    assert json.loads(once) == new
    assert rewritten(once, new) == once
    assert once.endswith("\n")
