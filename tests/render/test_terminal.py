"""Tables, colours and foreign text in a terminal."""

import io

from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.model import State
from telemetry_assets.render.table import Cell, draw, width
from telemetry_assets.render.terminal import STATE_STYLES, Palette, palette, printable, write


@given(st.text())
def test_foreign_text_is_one_harmless_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= 60


def test_the_middle_of_a_long_name_is_left_out() -> None:
    assert printable("abcdefghij", 5) == "ab…ij"


def test_columns_line_up_by_what_is_seen() -> None:
    rows = [["日本", Cell("1", "31")], ["é", Cell("10", "31")]]
    plain = draw(["who", "n"], rows, Palette(), right={1})
    assert plain == ["  who    n", "  日本   1", "  é     10"]
    assert len({width(line) for line in plain}) == 1
    assert "\x1b[31m10\x1b[0m" in draw(["who", "n"], rows, Palette(enabled=True), right={1})[2]


def test_every_state_has_its_colour_and_a_pipe_has_none() -> None:
    assert len(set(STATE_STYLES.values())) == len(State)
    assert palette(io.StringIO()).state(State.FAIL) == "late"
    assert Palette(enabled=True).state(State.FAIL) == "\x1b[1;31mlate\x1b[0m"


def test_an_encoding_that_lacks_a_sign_gets_a_question_mark() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    write(["é …"], stream)
    assert stream.buffer.getvalue() == "é ?\n".encode("latin-1")  # type: ignore[attr-defined]
