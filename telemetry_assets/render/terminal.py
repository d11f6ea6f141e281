"""A terminal's colours, and text that cannot harm it: plain where the output is no terminal.

What belongs here: colours by state, escaping, writing lines. What does not: tables (``table.py``) and any answer.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from telemetry_assets.model import State
from telemetry_assets.render.words import COLOURS

BOLD, DIM = "1", "2"
SGR = {"red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}
RED = SGR["red"]
STATE_STYLES = {state: f"{BOLD};{SGR[name]}" if state.broken else SGR[name] for state, name in COLOURS.items()}


@dataclass(frozen=True, slots=True)
class Palette:
    """Paints text where ``enabled``, else leaves it as it is. A style is an SGR code: ``31``, ``1;31``."""

    enabled: bool = False

    def paint(self, text: str, style: str) -> str:
        """``text`` in ``style``."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.enabled and style else text

    def state(self, state: State, text: str | None = None) -> str:
        """The word of ``state`` (or ``text``) in its colour."""
        return self.paint(state.word if text is None else text, STATE_STYLES[state])


def palette(stream: TextIO | None = None, *, no_color: bool = False) -> Palette:
    """Colours where ``stream`` (standard output) is a terminal and nobody asked for none."""
    return Palette(not no_color and (stream or sys.stdout).isatty())


def printable(text: str, limit: int = 60) -> str:
    """Foreign text on one line: control characters escaped, the middle left out beyond ``limit`` characters."""
    # Escaping only lengthens: of megabytes no more than both ends can be seen.
    text = text if len(text) <= 2 * limit else text[:limit] + text[-limit:]
    clean = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
    keep = (limit - 1) // 2
    return clean if len(clean) <= limit else f"{clean[: limit - 1 - keep]}…{clean[-keep:]}"


def write(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Lines to ``stream`` (standard output); what its encoding has not becomes a question mark."""
    out: TextIO = stream or sys.stdout
    text = "".join(f"{line}\n" for line in lines)
    encoding = out.encoding or "utf-8"
    out.write(text.encode(encoding, "replace").decode(encoding))
    out.flush()
