"""``telemetry incidents list``, ``run`` and ``silence --list``: a line per incident, and who was not reached.

What belongs here: many incidents, their transitions, silences. What does not: everything of one (``incident.py``), its
report (``incident_export.py``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from telemetry_assets.answers.incidents_answer import Incident, IncidentRow, IncidentsAnswer, Phase, Silence, called
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.render.instants import instant_text
from telemetry_assets.render.table import Cell, draw
from telemetry_assets.render.terminal import BOLD, DIM, SGR, Palette, palette, printable, write
from telemetry_assets.render.words import age_text
from telemetry_assets.spoken import counted

SAID = 100
"""How much of a sentence that may quote anybody is printed here."""
PHASE_STYLES = {Phase.OPEN: f"{BOLD};{SGR['red']}", Phase.ACKNOWLEDGED: SGR["yellow"], Phase.RESOLVED: SGR["green"]}
_SEVERITY_STYLES = {"ERROR": SGR["red"], "WARN": SGR["yellow"]}


def print_json(answer: Any) -> None:
    """An answer of ``incidents`` as one JSON document."""
    said = answer if isinstance(answer, Mapping | list) else answer.as_json()
    print(json.dumps(said, indent=2, ensure_ascii=False, allow_nan=False))


def print_list(answer: IncidentsAnswer) -> None:
    """The incidents, colours on a terminal."""
    write(list_lines(answer, palette()))


def list_lines(answer: IncidentsAnswer, colours: Palette) -> Iterator[str]:
    """How many there are, a row for each, and under the table what could not be told and to whom nothing was."""
    counts = [(answer.count(phase), phase) for phase in Phase]
    said = ", ".join(f"{number} {phase}" for number, phase in counts if number)
    hidden = f" {answer.hidden:,} more with --all." if answer.hidden else ""
    yield colours.paint(f"{said or 'No incident'}.{hidden}", BOLD)
    if not answer.rows:
        return
    headers = ("N", "state", "severity", "for", "cause", "hits", "told")
    yield from draw(headers, [_cells(row, answer.now) for row in answer.rows], colours, right={0, 3}, indent=0)
    for row in answer.rows:
        yield from _not_told(row, colours)
    yield colours.paint(f"Everything of one: telemetry incidents show {answer.rows[0].incident.number}", DIM)


def _cells(row: IncidentRow, now: datetime) -> list[Cell | str]:
    one = row.incident
    name = "drill" if one.drill else str(one.severity)
    ended = one.phase is Phase.RESOLVED
    marks = [*(["silenced"] if one.muted else []), *([f"reopened {one.reopened}×"] if one.reopened else [])]
    return [
        str(one.number),
        Cell(str(one.phase), PHASE_STYLES[one.phase]),
        Cell(name, "" if ended or one.drill else _SEVERITY_STYLES.get(name, "")),
        age_text((one.resolved_at or now) - one.opened_at) if ended else age_text(now - one.opened_at),
        printable(called(one)) + (f" ({', '.join(marks)})" if marks else ""),
        hits_text(one.broken, len(one.reach), one.reach.tenants),
        ", ".join(row.reached) or ("nobody yet" if row.messages else "nobody"),
    ]


def _not_told(row: IncidentRow, colours: Palette) -> Iterator[str]:
    number = row.incident.number
    for channel, reason in row.undelivered.items():
        why = f"{number}: not delivered to {channel}: {printable(reason, SAID)} (telemetry incidents replay {number})"
        yield colours.paint(f"✗ {why}", SGR["red"])
    for channel, reason in row.waiting.items():
        if reason:
            yield colours.paint(f"◐ {number}: waits for {channel}: {printable(reason, SAID)}", SGR["yellow"])
    if row.untold and row.incident.phase is not Phase.RESOLVED:
        missing = f"no owner of it has a channel for {row.incident.severity}"
        words = f"○ {number}: told to nobody: {missing} (notify: in telemetry.yaml)"
        yield colours.paint(words, DIM)


def hits_text(broken: int, subjects: int, tenants: Sequence[str]) -> str:
    """``12 promises of 3 tenants``; of what breaks no promise, what it hits."""
    whose = [tenant for tenant in tenants if tenant != ANY_TENANT]
    of = f" of {counted(len(whose), 'tenant')}" if whose else ""
    return f"{counted(broken, 'promise')}{of}" if broken else f"{counted(subjects, 'subject')}{of}" if subjects else "–"


def reach_text(one: Incident) -> str:
    """What it hits, and how much it was at the most where that was more: ``2 promises of 1 tenant, 14 at the most``."""
    most = f", {one.widest:,} at the most" if one.widest > max(one.broken, len(one.reach)) else ""
    return f"{hits_text(one.broken, len(one.reach), one.reach.tenants)}{most}"


def print_silences(silences: Sequence[Silence], now: datetime) -> None:
    """The silences, those in force first."""
    write(silence_lines(silences, now, palette()))


def silence_lines(silences: Sequence[Silence], now: datetime, colours: Palette) -> Iterator[str]:
    """A row for each silence."""
    if not silences:
        yield "No silence is in force."
        return
    rows: list[list[Cell | str]] = []
    for one in silences:
        left = age_text(one.until - now) if one.is_in_force(now) else "over"
        whose = one.tenant or "all tenants"
        cells = (str(one.id), left, instant_text(one.until), printable(one.asset), printable(whose))
        rows.append([*cells, printable(one.author), printable(one.reason, SAID)])
    yield from draw(("id", "left", "until", "asset", "tenant", "by", "reason"), rows, colours, right={0, 1}, indent=0)
