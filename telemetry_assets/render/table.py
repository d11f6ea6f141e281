"""Columns of text for a terminal, aligned by what is seen, not by bytes or colour codes.

What belongs here: cells → lines. What does not: what the cells say.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

from telemetry_assets.render.terminal import DIM, Palette


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and its style (an SGR code, empty for none)."""

    text: str
    style: str = ""


def draw(
    headers: Sequence[str],
    rows: Sequence[Sequence[Cell | str]],
    palette: Palette,
    *,
    right: Collection[int] = (),
    indent: int = 2,
) -> list[str]:
    """The lines of a table: dim headers, columns two spaces apart, those numbered in ``right`` aligned to the right."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    lines = [[Cell(header, DIM) for header in headers], *cells]
    widths = [max(width(line[column].text) for line in lines) for column in range(len(headers))]
    return [" " * indent + _line(line, widths, palette, right) for line in lines]


def width(text: str) -> int:
    """The columns a terminal gives to ``text``."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def _line(cells: Sequence[Cell], widths: Sequence[int], palette: Palette, right: Collection[int]) -> str:
    parts: list[str] = []
    for column, cell in enumerate(cells):
        padding = " " * (widths[column] - width(cell.text))
        painted = palette.paint(cell.text, cell.style)
        parts.append(padding + painted if column in right else painted + padding)
    return "  ".join(parts).rstrip()
