"""How an age, a state and a count are written for a person. What does not belong here: any answer's layout."""

from datetime import timedelta

from telemetry_assets.model import State

MARKS = {State.PASS: "●", State.WARN: "◐", State.FAIL: "✗", State.MISSING: "○", State.UNKNOWN: "?"}
"""One sign per state, readable without colour."""

COLOURS = {
    State.PASS: "green",
    State.WARN: "yellow",
    State.FAIL: "red",
    State.MISSING: "magenta",
    State.UNKNOWN: "cyan",
}

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def age_text(age: timedelta | None) -> str:
    """An age in its two greatest units, rounded down: ``45s``, ``12m``, ``3h 5m``, ``3d 1h``; ``–`` for none."""
    if age is None:
        return "–"
    left = max(int(age.total_seconds()), 0)
    if left < 3600:
        return f"{left}s" if left < 60 else f"{left // 60}m"
    parts: list[str] = []
    for unit, seconds in _UNITS:
        number, left = divmod(left, seconds)
        if number or parts:
            parts.append(f"{number}{unit}" if number else "")
    return " ".join(part for part in parts[:2] if part)


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 promise``, ``2 promises``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
