"""How a drift looks to people: its style, and its cell in a table.

What belongs here: colours. What does not: the words (``contracts/drift.py``), whole answers (``comparison.py``).
"""

from telemetry_assets.contracts.drift import Drift
from telemetry_assets.render.table import Cell
from telemetry_assets.render.terminal import BOLD, DIM, RED, SGR

STYLES = {
    Drift.NO_CHANGE: DIM,
    Drift.NON_BREAKING: SGR["green"],
    Drift.BREAKING: f"{BOLD};{RED}",
    Drift.UNKNOWN: SGR["cyan"],
}


def cell_of(drift: Drift) -> Cell:
    """A drift in a table."""
    return Cell(drift.word, STYLES[drift])
