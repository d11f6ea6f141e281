"""The line of a schema file that a pointer, or a change of the documents, is about."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.contracts.lines import line_of, line_of_change
from telemetry_assets.contracts.places import pointer_of

TEXT = """{
  "type": "object",
  "required": ["a/b",
    "rows"],
  "properties": {
    "a/b": {"type": "string"}, "~": {
      "minLength": 3},
    "rows": {
      "type": "array",
      "items": {
        "$ref": "#/$defs/row"
      }
    },
    "pair": {"prefixItems": [{"type": "null"},
      {"type": "number"}]},
    "choice": {
      "anyOf": [
        {"type": "null"},
        {"properties": {
          "deep": true}}
      ]
    },
    "items": {"const": 1},
    "loop": {"$ref": "#/properties/loop"},
    "far": {"$ref": "other.schema.json"}
  },
  "additionalProperties": {
    "maximum": 5},
  "$defs": {
    "row": {
      "properties": {
        "pacing": {
          "type": "number"
        }
      }
    }
  }
}
"""


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("", 1),
        ("/type", 2),
        ("/required", 3),
        ("/required/0", 3),
        ("/required/1", 4),
        ("/properties/a~1b", 6),
        ("/properties/~0", 6),
        ("/properties/~0/minLength", 7),
        ("/properties/pair/prefixItems/1", 15),
        ("/properties/pair/prefixItems/1/type", 15),
        ("/$defs/row/properties/pacing", 32),
        ("/$defs/row/properties/gone/deeper", 31),
        ("/nothing", 1),
        ("no pointer", 1),
    ],
)
def test_a_pointer_of_the_file_has_its_line_or_that_of_its_nearest_parent(pointer: str, line: int) -> None:
    assert line_of(TEXT, pointer) == line


@pytest.mark.parametrize(
    ("pointer", "keyword", "line"),
    [
        ("", "", 1),
        ("", "required", 3),
        ("/rows", "", 8),
        ("/rows", "type", 9),
        ("/rows", "minItems", 8),
        ("/rows/items", "", 10),
        ("/rows/items/pacing", "", 32),
        ("/rows/items/pacing", "type", 33),
        ("/rows/items/gone", "", 10),
        ("/pair/1", "", 15),
        ("/pair/items", "", 14),
        ("/choice/deep", "", 20),
        ("/items", "const", 23),
        ("/*", "", 27),
        ("/*", "maximum", 28),
        ("/loop/x", "", 24),
        ("/far/amount", "", 25),
        ("/gone", "", 1),
        ("/~0", "minLength", 7),
    ],
)
def test_a_change_of_the_documents_leads_through_the_schema_to_its_line(pointer: str, keyword: str, line: int) -> None:
    assert line_of_change(TEXT, pointer, keyword) == line


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"a": ', "[" * 5000, "true"])
def test_a_text_that_is_no_schema_has_its_first_line(text: str) -> None:
    assert (line_of(text, "/a/0"), line_of_change(text, "/a/0")) == (1, 1)


names = st.text(max_size=4)
documents = st.recursive(
    st.integers() | names, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


@given(documents, st.sampled_from([0, 2]), st.data())
def test_the_line_holds_what_the_pointer_names(document: object, indent: int, data: st.DataObject) -> None:
    text = json.dumps({"top": document}, indent=indent)
    path: list[str | int] = ["top"]
    value = document
    while isinstance(value, dict | list) and value and data.draw(st.booleans()):
        step = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        path.append(step)
        value = value[step]
    line = text.splitlines()[line_of(text, pointer_of(path)) - 1].strip()
    begins = json.dumps(value, indent=indent).splitlines()[0]
    wanted = f"{json.dumps(path[-1])}: {begins}" if isinstance(path[-1], str) else begins
    assert line.rstrip(",") == wanted
