"""How an age, a limit, a state and a count are written for a person. What does not belong here: any answer's layout."""

from datetime import timedelta

from telemetry_assets.model import DAY_NAMES, EVERY_DAY, Limit, State, Window

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


def limit_text(limit: Limit | None) -> str:
    """What a promise allows: ``1h``, ``by 09:00 mon–fri America/Jamaica, since 22:00, + 30m``; ``–`` for no limit."""
    if limit is None:
        return "–"
    if isinstance(limit, Window):
        return age_text(limit.fail)
    when = [f"by {limit.by:%H:%M}", days_text(limit.days), limit.zone or "each tenant's zone"]
    said = [" ".join(word for word in when if word)]
    said += [f"since {limit.since:%H:%M}"] if limit.since.hour or limit.since.minute else []
    return ", ".join([*said, *([f"+ {age_text(limit.grace)}"] if limit.grace else [])])


def days_text(days: frozenset[int]) -> str:
    """Days of the week, Monday 0: ``mon–fri``, ``sat, sun``, ``fri–mon``; nothing where it is all of them."""
    if days >= EVERY_DAY:
        return ""
    starts = [day for day in sorted(days) if (day - 1) % 7 not in days]
    runs: list[str] = []
    for first in starts:
        last = next(day for day in range(first, first + 7) if (day + 1) % 7 not in days) % 7
        between = "" if last == first else ", " if (last - first) % 7 == 1 else "–"
        runs.append(DAY_NAMES[first] + (between + DAY_NAMES[last] if between else ""))
    return ", ".join(runs)
