"""``telemetry incidents export``: the report of one incident as Markdown, for a ticket, with room for the analysis.

What belongs here: the order of the report, and text that cannot break it. What does not: what is said on a terminal
(``incident.py``).
"""

import re
from collections.abc import Iterator

from telemetry_assets.answers.incidents_answer import IncidentAnswer, Kept, broken_since
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.render.incident import standing_text
from telemetry_assets.render.incidents import cause_text, hits_text
from telemetry_assets.render.instants import instant_text
from telemetry_assets.render.terminal import printable
from telemetry_assets.render.words import counted

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
    yield f"# Incident {one.number}: {plain(cause_text(one.kind, one.where))}{drill}"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {label} | {value} |" for label, value in _facts(answer) if value)
    yield ""


def _facts(answer: IncidentAnswer) -> Iterator[tuple[str, str]]:
    one = answer.incident
    yield "State", f"{one.phase}, {one.severity}"
    yield "Cause since", instant_text(one.since) if one.since else ""
    since = broken_since(one)
    yield "Promise broken since", instant_text(since) if since < one.opened_at else ""
    yield "Opened", instant_text(one.opened_at)
    acknowledged = f"{instant_text(one.acknowledged_at)} by {plain(one.acknowledged_by)}" if one.acknowledged_at else ""
    yield "Acknowledged", acknowledged or "not by anybody"
    yield "Resolved", instant_text(one.resolved_at) if one.resolved_at else "not yet"
    reopened = f", reopened {counted(one.reopened, 'time')}" if one.reopened else ""
    yield "In breach", f"{counted(int(answer.breach.total_seconds() // 60), 'minute')}{reopened}"
    yield "Owners", ", ".join(plain(owner) for owner in one.owners)
    yield "Blast radius", f"{hits_text(one.broken, len(one.reach), one.reach.tenants)}, at the most {one.widest:,}"


def _cause(answer: IncidentAnswer) -> Iterator[str]:
    one = answer.incident
    yield from ("## Cause", "", plain(one.says), "")
    for more in one.evidence:
        yield f"- {plain(more)}"
    if one.quote:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", one.quote)), default=0))
        yield from (fence, *(printable(line, LONGEST) for line in one.quote.splitlines()[:40]), fence, "")
    if one.remedy:
        yield from (f"What to do: {plain(one.remedy)}", "")
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
        for block in blocks:
            whose = "" if block.tenants == (ANY_TENANT,) else f" for {_names(block.tenants)}"
            yield f"- {_names(block.assets)}{whose}"
        for board in one.dashboards:
            yield f"- read in {', '.join(plain(part) for part in (board.label, board.owner, board.url) if part)}"
        yield ""


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(plain(name) for name in names[:MOST_NAMED]) + more


def _timeline(answer: IncidentAnswer) -> Iterator[str]:
    yield from ("## Timeline", "", "| when | what | who | told |", "|---|---|---|---|")
    for entry in answer.timeline:
        told = ", ".join(_told(one) for one in answer.messages_of(entry)) or ", ".join(map(plain, entry.channels))
        words = f"**{entry.step}**: {plain(entry.words)}" if entry.words else f"**{entry.step}**"
        yield f"| {entry.at.isoformat(timespec='seconds')} | {words} | {plain(entry.actor)} | {told} |"
    yield ""


def _told(one: Kept) -> str:
    if one.status == "sent":
        return f"{plain(one.message.channel)} {instant_text(one.ended_at)}"
    state = "not delivered" if one.status == "dead" else "waiting"
    return f"{plain(one.message.channel)} {state}" + (f": {plain(one.reason)}" if one.reason else "")


def _analysis(answer: IncidentAnswer) -> Iterator[str]:
    """Room for what only people know."""
    for title, asked in (
        ("Root cause", "Why did it happen? Why was it not noticed or prevented before?"),
        ("What was done", "Who did what, and which step ended it?"),
        ("What changes", "What is different from now on, who does it, by when?"),
    ):
        yield from (f"## {title}", "", f"_{asked}_", "")
