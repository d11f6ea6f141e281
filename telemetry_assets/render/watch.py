"""``telemetry status --watch``: the answer redrawn in place on a terminal; elsewhere a line per change.

What belongs here: frames and lines of several answers, one after the other. What does not: waiting and asking
(``cli/watch.py``), one answer (``status.py``).
"""

import io
import shutil
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, TextIO

from telemetry_assets.answers.status import StatusAnswer
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import State
from telemetry_assets.render import status
from telemetry_assets.render.terminal import DIM, RED, palette, write
from telemetry_assets.spoken import counted

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""The other screen, without a cursor, long lines cut; and back."""
_HOME, _TO_LINE_END, _TO_SCREEN_END = "\x1b[H", "\x1b[K", "\x1b[J"
SHOWN_CHANGES = 20
"""How many changes of one look are written a line each."""

type Subject = tuple[str, str]


class View(Protocol):
    """Where a watch shows what it sees."""

    def open(self) -> None:
        """Before the first answer."""
        ...

    def show(self, answer: StatusAnswer) -> None:
        """A new answer."""
        ...

    def trouble(self, said: str, now: datetime) -> None:
        """Looking failed at ``now``; what was seen before may be old."""
        ...

    def close(self) -> None:
        """After the last answer, however the watch ended."""
        ...


def view(stream: TextIO, every: str) -> View:
    """A screen where ``stream`` is a terminal, else a log. ``every`` is how often somebody looks, in words."""
    return Screen(stream, every) if stream.isatty() else Log(stream)


class Screen:
    """A terminal's other screen, redrawn in place; the last answer stays on the first one."""

    def __init__(self, stream: TextIO, every: str) -> None:
        self._stream = stream
        self._every = every
        self._last: StatusAnswer | None = None

    def open(self) -> None:
        """Turn to the other screen."""
        self._stream.write(_ENTER)
        self._stream.flush()

    def show(self, answer: StatusAnswer) -> None:
        """Draw the answer over the one before."""
        self._last = answer
        self._draw(f"{answer.now:%Y-%m-%d %H:%M:%S} UTC · every {self._every} · Ctrl-C ends", DIM)

    def trouble(self, said: str, now: datetime) -> None:
        """Say what is wrong above the last answer."""
        self._draw(f"{now:%H:%M:%S} UTC · could not look, still trying: {said}", RED)

    def close(self) -> None:
        """Turn back, and leave the last answer there."""
        self._stream.write(_LEAVE)
        self._stream.flush()
        if self._last is not None:
            self._stream.write("\n".join([*_drawn(self._last, self._size()[0]), ""]))
            self._stream.flush()

    def _draw(self, heading: str, style: str) -> None:
        width, height = self._size()
        lines = [palette(self._stream).paint(heading[:width], style)]
        lines += _drawn(self._last, width) if self._last is not None else []
        if len(lines) > height:
            left = len(lines) - height + 1
            lines = [*lines[: height - 1], f"… and {counted(left, 'line')} more: make the window higher, or narrow it"]
        text = f"{_TO_LINE_END}\r\n".join(lines)
        self._stream.write(f"{_HOME}{text}{_TO_LINE_END}{_TO_SCREEN_END}")
        self._stream.flush()

    def _size(self) -> tuple[int, int]:
        size = shutil.get_terminal_size()
        return size.columns, size.lines


class Log:
    """Lines for a file or a pipe: how everything stands at first, then each change of a state."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._states: dict[Subject, State] | None = None
        self._troubled = ""

    def open(self) -> None:
        """Nothing."""

    def show(self, answer: StatusAnswer) -> None:
        """What changed since the answer before; of the first one, how everything stands."""
        states = {(row.asset, row.tenant): row.state for row in answer.rows}
        said = list(_changes(self._states, answer)) if self._states is not None else [status.one_line(answer)]
        if self._troubled:
            said = ["looking again", *said]
        self._states, self._troubled = states, ""
        self._write(said, answer.now)

    def trouble(self, said: str, now: datetime) -> None:
        """What is wrong, once for as long as it is the same."""
        if said != self._troubled:
            self._write([f"could not look, still trying: {said}"], now)
        self._troubled = said

    def close(self) -> None:
        """Nothing."""

    def _write(self, said: list[str], now: datetime) -> None:
        write((f"{now:%Y-%m-%dT%H:%M:%SZ} {line}" for line in said), self._stream)


def _changes(before: dict[Subject, State], answer: StatusAnswer) -> Iterator[str]:
    """A line per subject whose state is another one now. One without a row is fresh, or no longer asked about."""
    rows = {(row.asset, row.tenant): row for row in answer.rows}
    told = [_change(key, before.get(key, State.PASS), rows.get(key)) for key in dict.fromkeys((*rows, *before))]
    changed = [line for line in told if line]
    yield from changed[:SHOWN_CHANGES]
    if len(changed) > SHOWN_CHANGES:
        yield f"and {counted(len(changed) - SHOWN_CHANGES, 'change')} more; {status.one_line(answer)}"


def _change(key: Subject, before: State, row: Judgement | None) -> str:
    state = row.state if row is not None else State.PASS
    if state is before:
        return ""
    asset, tenant = key
    why = f": {row.reason}" if row is not None and row.reason else ""
    return f"{tenant} {asset} {before.word} → {state.word}{why}"


def _drawn(answer: StatusAnswer, width: int) -> list[str]:
    from rich.console import Console

    out = io.StringIO()
    status.draw(answer, Console(file=out, force_terminal=True, width=width, highlight=False, markup=False))
    return out.getvalue().rstrip("\n").split("\n")
