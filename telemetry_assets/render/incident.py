"""``telemetry incidents show``: everything of one incident, first what to do, last what became of each message.

What belongs here: the layout of one incident for the person on call. What does not: many (``incidents.py``), the report
for a ticket (``incident_export.py``).
"""

from collections.abc import Iterator
from datetime import timedelta
from textwrap import wrap

from telemetry_assets.answers.incidents_answer import (
    Entry,
    IncidentAnswer,
    Kept,
    Phase,
    Standing,
    called,
)
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.render.incidents import PHASE_STYLES, reach_text
from telemetry_assets.render.instants import instant_text
from telemetry_assets.render.terminal import BOLD, DIM, SGR, Palette, palette, printable, write
from telemetry_assets.render.words import age_text
from telemetry_assets.spoken import counted

MARGIN = 9
LONGEST = 600
"""How much of one sentence, which may quote anybody, is printed."""
SHOWN = 5
"""How many of many names, and how many failed tries, are shown."""


def print_incident(answer: IncidentAnswer) -> None:
    """The incident, colours on a terminal."""
    write(lines(answer, palette()))


def lines(answer: IncidentAnswer, colours: Palette, width: int = 120) -> Iterator[str]:
    """Everything ``telemetry incidents show`` prints."""
    one = answer.incident
    marks = " (a drill: nothing is wrong)" if one.drill else " (silenced)" if one.muted else ""
    severity = "" if one.drill else f", {one.severity}"
    headline = f"Incident {one.number}, {one.phase}{severity}: {printable(called(one))}{marks}"
    yield colours.paint(headline, PHASE_STYLES[one.phase])
    for title, text in _sections(answer):
        yield from _section(title, text, width)
    yield ""
    yield colours.paint("What happened", BOLD)
    for entry in answer.timeline:
        yield from _entry(entry, answer.messages_of(entry), colours)
    yield from _tries(answer, colours)
    yield from _next(answer, colours)


def _sections(answer: IncidentAnswer) -> Iterator[tuple[str, str]]:
    one = answer.incident
    yield from _cause(answer)
    since = f"{instant_text(one.since)}, " if one.since and one.since < one.opened_at else ""
    until = f", resolved {instant_text(one.resolved_at)}" if one.resolved_at else ""
    lasted = "" if one.drill else f", in breach for {age_text(answer.breach)}"
    yield "SINCE", f"{since}opened {instant_text(one.opened_at)}{until}{lasted}"
    worst = one.worst
    if worst.asset:
        whose = "" if worst.tenant == ANY_TENANT else f" for {worst.tenant}"
        yield "WORST", f"{worst.asset}{whose}: {standing_text(worst.standing)}"
    if one.resolution:
        yield "ENDED", one.resolution
    if len(one.reach):
        yield "HITS", reach_text(one)
    for block in one.reach.blocks[:SHOWN]:
        if any(block.assets):
            whose = "" if block.tenants == (ANY_TENANT,) else f" for {_names(block.tenants)}"
            yield "", f"{_names(block.assets)}{whose}"
    if len(one.reach.blocks) > SHOWN:
        yield "", f"and more: telemetry incidents show {one.number} --json"
    for number, board in enumerate(one.dashboards[: 2 * SHOWN]):
        yield "READ IN" if number == 0 else "", ", ".join(filter(None, (board.label, board.owner, board.url)))
    yield from _people(answer)


def _cause(answer: IncidentAnswer) -> Iterator[tuple[str, str]]:
    """What is the matter and what to do; once the cause is mended and something waits for its next run, both."""
    one, told, over = answer.incident, answer.told_cause, answer.incident.phase is Phase.RESOLVED
    shown = told or one
    yield "WHAT" if one.drill else "CAUSE", shown.says
    if shown.quote and shown.quote not in shown.says:
        yield "", f"“{shown.quote}”"
    if told and not over:
        yield "NOW", one.says
    for more in one.evidence if not told else ():
        yield "", more
    if one.remedy and not over:
        yield "DO", one.remedy


def _people(answer: IncidentAnswer) -> Iterator[tuple[str, str]]:
    """Who owns it and was told; who sees to it; who asked that nobody be told."""
    one = answer.incident
    owners = list(dict.fromkeys((*one.owners, *one.told)))
    nobody = "everybody" if one.drill else "without an owner"
    for number, owner in enumerate(owners):
        told = one.told.get(owner)
        how = (
            f"told {age_text(answer.now - told.last_at)} ago through {', '.join(told.channels)}" if told else "not told"
        )
        yield (
            "OWNERS" if number == 0 else "",
            f"{owner or nobody}: {how}{', escalated' if told and told.escalated else ''}",
        )
    if one.acknowledged_at:
        yield "SEEN BY", f"{one.acknowledged_by}, {instant_text(one.acknowledged_at)}"
    for silence in answer.silences:
        whose = f" of {silence.tenant}" if silence.tenant else ""
        until = f"until {instant_text(silence.until)}: {silence.reason} ({silence.author})"
        yield "SILENCE", f"{silence.id}: {silence.asset}{whose} {until}"


def standing_text(standing: Standing) -> str:
    """``late, data 3h 5m old, promised under 60 min``."""
    parts = [standing.state.word if standing.state else ""]
    parts += [f"data {age_text(standing.data_age)} old"] if standing.data_age is not None else []
    limit = standing.limit if standing.limit.startswith("by ") else f"under {standing.limit}"
    parts += [f"promised {limit}"] if standing.limit else []
    parts += [f"ran {age_text(standing.run_age)} ago"] if standing.run_age is not None else []
    return ", ".join(filter(None, parts)) or "no age is known"


def _entry(entry: Entry, messages: list[Kept], colours: Palette) -> Iterator[str]:
    by = f" (by {printable(entry.actor)})" if entry.actor else ""
    yield f"  {instant_text(entry.at)}  {entry.step:<12}  {printable(entry.words, LONGEST)}{by}"
    if messages:
        yield f"{'':<38}→ " + ", ".join(_message(one, colours) for one in messages)
    elif entry.channels:
        yield f"{'':<38}→ {', '.join(entry.channels)}"


def _message(one: Kept, colours: Palette) -> str:
    if one.status == "sent":
        return f"{one.message.channel} {colours.paint('sent', SGR['green'])}"
    reason = f": {printable(one.reason, 100)}" if one.reason else ""
    if one.status == "dead":
        return f"{one.message.channel} {colours.paint(f'not delivered{reason}', SGR['red'])}"
    tried = f" after {counted(one.tries, 'try', 'tries')}{reason}" if one.tries else ""
    return f"{one.message.channel} {colours.paint(f'waits{tried}', SGR['yellow'])}"


def _tries(answer: IncidentAnswer, colours: Palette) -> Iterator[str]:
    """The attempts to send: how many, how long they took, and of those that failed the last."""
    if not answer.deliveries:
        return
    failed = [one for one in answer.deliveries if one.reason]
    longest = max((one.took for one in answer.deliveries), default=timedelta(0)).total_seconds()
    yield ""
    tried = counted(len(answer.deliveries), "attempt")
    yield f"{colours.paint(f'{tried} to send', BOLD)}, {len(failed)} failed, the slowest took {longest:.2f} s"
    for one in failed[-SHOWN:]:
        yield f"  {instant_text(one.tried_at)}  {one.channel}: {one.outcome}: {printable(one.reason, LONGEST)}"


def _next(answer: IncidentAnswer, colours: Palette) -> Iterator[str]:
    number = answer.incident.number
    offered = [f"telemetry incidents ack {number}"] if answer.incident.phase is Phase.OPEN else []
    offered += [f"telemetry incidents close {number}"] if answer.incident.phase is not Phase.RESOLVED else []
    offered += [f"telemetry incidents replay {number}"] if answer.row.undelivered else []
    offered += [f"telemetry incidents export {number}"]
    yield ""
    yield colours.paint(f"Next: {', '.join(offered)}", DIM)


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(printable(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN:,} more"


def _section(title: str, text: str, width: int) -> Iterator[str]:
    space = max(width - MARGIN, 40)
    broken = wrap(printable(text, LONGEST), space, break_long_words=False, break_on_hyphens=False) or [""]
    for number, line in enumerate(broken):
        yield f"{title if number == 0 else '':<{MARGIN}}{line}"
