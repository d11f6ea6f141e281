"""``telemetry incidents run`` and ``close``: what changed just now, and what was sent of it.

What belongs here: transitions → lines. What does not: incidents as they stand (``incidents.py``, ``incident.py``).
"""

from collections.abc import Iterator

from telemetry_assets.answers.incidents_answer import Incident, called
from telemetry_assets.answers.incidents_run import RunAnswer, Sent
from telemetry_assets.render.instants import instant_text
from telemetry_assets.render.terminal import BOLD, DIM, SGR, Palette, palette, printable, write
from telemetry_assets.spoken import counted

LONGEST = 600
_STYLES = {"resolved": SGR["green"], "opened": SGR["red"], "reopened": SGR["red"], "raised": SGR["red"]}


def print_changes(answer: RunAnswer) -> None:
    """The transitions, and how many promises are broken."""
    write(change_lines(answer, palette()))


def change_lines(answer: RunAnswer, colours: Palette) -> Iterator[str]:
    """A line per transition, then the sum."""
    for entry in answer.entries:
        told = f" → {', '.join(entry.channels)}" if entry.channels else ""
        step = colours.paint(f"{entry.step:<12}", _STYLES.get(str(entry.step), ""))
        yield f"incident {entry.incident}  {step}  {printable(entry.words, LONGEST)}{told}"
    if not answer.entries:
        yield colours.paint("Nothing changed.", DIM)
    broken = f"{answer.broken:,} of {counted(answer.owed, 'promise')} broken"
    wrong = f"{counted(len(answer.situations), 'cause')} of trouble" if answer.situations else "nothing to tell"
    awaited = f"; {answer.awaited:,} never came and still may" if answer.awaited else ""
    wrong = "nothing is wrong" if not answer.situations and not answer.awaited else wrong
    yield colours.paint(f"{broken}, {wrong}{awaited}.", BOLD)


def print_sent(sent: Sent) -> None:
    """What became of what waited to be sent."""
    write(sent_lines(sent, palette()))


def sent_lines(sent: Sent, colours: Palette) -> Iterator[str]:
    """One line; nothing where nothing waited."""
    parts = [f"{sent.sent} sent"] if sent.sent else []
    parts += [colours.paint(f"{sent.again} to be tried again", SGR["yellow"])] if sent.again else []
    parts += [colours.paint(f"{sent.dead} not delivered (telemetry incidents list)", SGR["red"])] if sent.dead else []
    if parts:
        yield f"Messages: {', '.join(parts)}."


def closed_text(incident: Incident, *, already: bool) -> str:
    """What became of closing an incident; its resolution tells the ages before and after."""
    what = printable(called(incident))
    if already:
        return f"Incident {incident.number} was resolved already, {instant_text(incident.resolved_at)}: {what}"
    return f"Incident {incident.number} is resolved: {what}\n  {printable(incident.resolution, LONGEST)}"
