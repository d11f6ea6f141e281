"""Several answers one after the other: a screen redrawn in place, a log of what changed."""

import io
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from telemetry_assets.answers.status import RunLight, StatusAnswer
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import State, Window
from telemetry_assets.render import watch as render
from telemetry_assets.render.watch import Log, Screen, view

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def answer(states: dict[str, State], seconds: int = 0, assets=("ads/clicks",)) -> StatusAnswer:
    """One promise per asset and tenant, in the state given."""
    rows = tuple(
        Judgement(
            asset=asset, tenant=tenant, state=state, run_age=MINUTE, data_age=MINUTE, limit=Window(60 * MINUTE),
            binding_root="ads/clicks", data_time=NOW, run_time=NOW, run_state=State.PASS,
            reason="" if state is State.PASS else f"it is {state.word}", owner=None,
        )
        for asset in assets
        for tenant, state in states.items()
    )  # fmt: skip
    lights = {asset: RunLight(State.PASS, MINUTE) for asset in assets}
    return StatusAnswer(NOW + timedelta(seconds=seconds), rows, lights, promises=len(rows))


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def log() -> tuple[Log, io.StringIO]:
    out = io.StringIO()
    return Log(out), out


def test_a_log_says_how_everything_stands_and_then_only_what_changed(log) -> None:
    shown, out = log
    for second, state in enumerate([State.PASS, State.PASS, State.FAIL, State.FAIL, State.PASS]):
        shown.show(answer({"acme": state, "globex": State.PASS}, second))
    assert out.getvalue().splitlines() == [
        "2026-05-01T12:00:00Z 2 of 2 promises are kept",
        "2026-05-01T12:00:02Z acme ads/clicks fresh → late: it is late",
        "2026-05-01T12:00:04Z acme ads/clicks late → fresh",
    ]


def test_a_promise_without_a_row_counts_as_fresh(log) -> None:
    shown, out = log
    whole = answer({"acme": State.FAIL, "globex": State.PASS})
    shown.show(replace(whole, rows=whole.broken))
    shown.show(replace(whole, rows=()))
    assert out.getvalue().splitlines()[1:] == ["2026-05-01T12:00:00Z acme ads/clicks late → fresh"]


def test_what_cannot_be_looked_at_is_said_once_and_so_is_the_end_of_it(log) -> None:
    shown, out = log
    shown.show(answer({"acme": State.PASS}))
    for _ in range(3):
        shown.trouble("the server is away.", NOW)
    shown.show(answer({"acme": State.FAIL}, 9))
    assert [line.partition(" ")[2] for line in out.getvalue().splitlines()[1:]] == [
        "could not look, still trying: the server is away.", "looking again",
        "acme ads/clicks fresh → late: it is late",
    ]  # fmt: skip


def test_a_thousand_changes_at_once_are_summed_up(log) -> None:
    shown, out = log
    tenants = [f"tenant-{number}" for number in range(1000)]
    shown.show(answer(dict.fromkeys(tenants, State.PASS)))
    shown.show(answer(dict.fromkeys(tenants, State.FAIL)))
    lines = out.getvalue().splitlines()
    assert len(lines) == 1 + render.SHOWN_CHANGES + 1
    assert "and 980 changes more; 0 of 1,000 promises are kept" in lines[-1]


@pytest.fixture
def screen(monkeypatch) -> tuple[Screen, Terminal]:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((90, 20)))
    out = Terminal()
    return Screen(out, "2s"), out


def frames(out: io.StringIO) -> list[list[str]]:
    """What each drawing left on the screen, line by line, without colours."""
    bare = re.sub(r"\x1b\[[0-9;?]*[a-ln-zA-Z]|\x1b\[[0-9;]*m", "", out.getvalue().replace("\x1b[H", "\f"))
    return [frame.replace("\r", "").split("\n") for frame in bare.split("\f")[1:]]


def test_a_terminal_is_redrawn_in_place_and_left_as_it_was_with_the_last_answer_on_it(screen) -> None:
    shown, out = screen
    shown.open()
    shown.show(answer({"acme": State.PASS}))
    shown.show(answer({"acme": State.FAIL}, 2))
    shown.close()
    text = out.getvalue()
    assert text.startswith("\x1b[?1049h")
    other, _, after = text.partition("\x1b[?1049l")
    assert other.count("\x1b[H") == 2
    assert "\x1b[?7h\x1b[?25h" in other
    assert "✗" in after
    assert frames(out)[1][0] == "2026-05-01 12:00:02 UTC · every 2s · Ctrl-C ends"


def test_a_frame_is_never_higher_than_the_terminal(screen) -> None:
    shown, out = screen
    shown.show(answer({"acme": State.FAIL}, assets=[f"a/{number}" for number in range(50)]))
    (frame,) = frames(out)
    assert len(frame) == 20
    assert "lines more" in frame[-1]


def test_trouble_stands_above_the_last_answer(screen) -> None:
    shown, out = screen
    shown.show(answer({"acme": State.FAIL}))
    shown.trouble("the server is away.", NOW)
    frame = frames(out)[-1]
    assert frame[0] == "12:00:00 UTC · could not look, still trying: the server is away."
    assert any("✗" in line for line in frame)


def test_trouble_before_any_answer_is_a_line_of_its_own(screen) -> None:
    shown, out = screen
    shown.trouble("away", NOW)
    assert len(frames(out)[0]) == 1


def test_a_terminal_gets_a_screen_and_everything_else_a_log() -> None:
    assert isinstance(view(Terminal(), "2s"), Screen)
    assert isinstance(view(io.StringIO(), "2s"), Log)
