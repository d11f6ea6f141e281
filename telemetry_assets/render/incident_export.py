"""``telemetry incidents export``: the report of one incident as Markdown, for a ticket, with room for the analysis.

What belongs here: the order of the report, and text that cannot break it. What does not: what is said on a terminal
(``incident.py``).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from telemetry_assets.answers.incidents_answer import IncidentAnswer, Kept, Message, Phase, broken_since, called
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.render.incident import standing_text
from telemetry_assets.render.incidents import reach_text
from telemetry_assets.render.instants import instant_text
from telemetry_assets.render.terminal import printable
from telemetry_assets.spoken import counted

LONGEST = 2000
MOST_NAMED = 200
"""Of so many assets or tenants all are named."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def markdown(answer: IncidentAnswer) -> str:
    """The whole report. Everything that anybody else said is escaped."""
    return "\n".join([*_head(answer), *_cause(answer), *_reach(answer), *_timeline(answer), *_analysis(answer)]) + "\n"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", printable(text, LONGEST))


def _head(answer: IncidentAnswer) -> Iterator[str]:
    one = answer.incident
    drill = " (fire drill: nothing was wrong)" if one.drill else ""
    yield f"# Incident {one.number}: {plain(called(one))}{drill}"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {label} | {value} |" for label, value in _facts(answer) if value)
    yield ""


def _facts(answer: IncidentAnswer) -> Iterator[tuple[str, str]]:
    one = answer.incident
    yield "State", str(one.phase) if one.drill else f"{one.phase}, {one.severity}"
    yield "Cause since", instant_text(one.since) if one.since and not answer.told_cause else ""
    since = broken_since(one)
    yield "Promise broken since", instant_text(since) if since < one.opened_at else ""
    yield "Opened", instant_text(one.opened_at)
    acknowledged = f"{instant_text(one.acknowledged_at)} by {plain(one.acknowledged_by)}" if one.acknowledged_at else ""
    yield "Acknowledged", acknowledged or "not by anybody"
    yield "Resolved", instant_text(one.resolved_at) if one.resolved_at else "not yet"
    reopened = f", reopened {counted(one.reopened, 'time')}" if one.reopened else ""
    yield "In breach", f"{counted(int(answer.breach.total_seconds() // 60), 'minute')}{reopened}"
    yield "Owners", ", ".join(plain(owner) for owner in dict.fromkeys((*one.owners, *one.told)) if owner)
    yield "Blast radius", reach_text(one) if len(one.reach) else ""


def _cause(answer: IncidentAnswer) -> Iterator[str]:
    one, told = answer.incident, answer.told_cause
    shown = told or one
    seen = told.at if told else one.resolved_at or answer.now
    yield from ("## Cause", "", f"As it was seen at {_second(seen)}: {plain(shown.says)}", "")
    if shown.quote and shown.quote not in shown.says:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown.quote)), default=0))
        yield from (fence, *(printable(line, LONGEST) for line in shown.quote.splitlines()[:40]), fence, "")
    if shown.evidence:
        yield from (*(f"- {plain(more)}" for more in shown.evidence), "")
    if told and one.phase is not Phase.RESOLVED:
        yield from (f"Now: {plain(one.says)}", "")
    remedy = shown.remedy if one.phase is Phase.RESOLVED else one.remedy
    if remedy:
        yield from (f"What to do, as it was told: {plain(remedy)}", "")
    if one.worst.asset:
        whose = "" if one.worst.tenant == ANY_TENANT else f" for {plain(one.worst.tenant)}"
        yield from (f"Worst: {plain(one.worst.asset)}{whose}, {plain(standing_text(one.worst.standing))}.", "")
    if one.resolution:
        yield from (f"How it ended: {plain(one.resolution)}", "")


def _reach(answer: IncidentAnswer) -> Iterator[str]:
    one = answer.incident
    blocks = [block for block in one.reach.blocks if any(block.assets)]
    if blocks or one.dashboards:
        yield from ("## Blast radius", "")
        if (widest := answer.widest_told) is not None:
            yield f"- as it was told at {_second(widest.at)}: {_told_reach(widest)}"
        for block in blocks:
            whose = "" if block.tenants == (ANY_TENANT,) else f" for {_names(block.tenants)}"
            yield f"- {_names(block.assets)}{whose}"
        for board in one.dashboards:
            yield f"- read in {', '.join(plain(part) for part in (board.label, board.owner, board.url) if part)}"
        yield ""


def _told_reach(message: Message) -> str:
    """What a message spoke of, which names the first of many."""
    _, assets, tenants = message.reach
    whose = f" for {_first(message.tenants, tenants)}" if message.tenants else ""
    return f"{_first(message.assets, assets)}{whose}"


def _first(names: tuple[str, ...], number: int) -> str:
    return _names(names) + (f" and {number - len(names):,} more" if number > len(names) else "")


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(plain(name) for name in names[:MOST_NAMED]) + more


def _timeline(answer: IncidentAnswer) -> Iterator[str]:
    yield from ("## Timeline", "", "| when | what | who | told |", "|---|---|---|---|")
    for entry in answer.timeline:
        told = "; ".join(_told(one) for one in answer.messages_of(entry)) or ", ".join(map(plain, entry.channels))
        words = f"**{entry.step}**: {plain(entry.words)}" if entry.words else f"**{entry.step}**"
        yield f"| {_second(entry.at)} | {words} | {plain(entry.actor)} | {told} |"
    yield ""


def _told(one: Kept) -> str:
    if one.status == "sent":
        return f"{plain(one.message.channel)}, {_second(one.ended_at)}"
    state = "not delivered" if one.status == "dead" else "waiting"
    return f"{plain(one.message.channel)} {state}" + (f": {plain(one.reason)}" if one.reason else "")


def _second(instant: datetime | None) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if instant else "–"


def _analysis(answer: IncidentAnswer) -> Iterator[str]:
    """Room for what only people know."""
    for title, asked in (
        ("Root cause", "Why did it happen? Why was it not noticed or prevented before?"),
        ("What was done", "Who did what, and which step ended it?"),
        ("What changes", "What is different from now on, who does it, by when?"),
    ):
        yield from (f"## {title}", "", f"_{asked}_", "")
