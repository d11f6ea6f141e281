"""A message died: the same incident is told to somebody else, so that it is not lost.

What belongs here: to whom, in which order. What does not: when a message is dead (``dispatch/``), writing it down
(``ledger/outbox.py``).
"""

from collections.abc import Collection, Iterator
from datetime import datetime

from telemetry_assets.incidents.headline import cause_text, headline
from telemetry_assets.incidents.incident import Change, Incident, Phase, Step
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.routing import Routing, channels_of
from telemetry_assets.incidents.telling import Course, Told
from telemetry_assets.incidents.texts import clock, one_line
from telemetry_assets.incidents.trouble import NOBODY, Severity
from telemetry_assets.spoken import named

REASON_LENGTH = 300


def tell_instead(
    incident: Incident, message: Message, reason: str, routing: Routing, tried: Collection[str], now: datetime
) -> Change:
    """Who is told of an incident as it is now, because ``message`` died for this ``reason``.

    Whom its owners escalate to, else another channel of theirs, else everybody else's: the first of these with a
    channel that is not among the ``tried``, those that a message of the incident died on or that were told instead of
    one. Who was told before may be told again: that somebody else was not is news. A drill is told to nobody instead.
    """
    course = Course(incident, incident, routing, now)
    why = one_line(reason, REASON_LENGTH) or "no reason given"
    gone = {*tried, message.channel}
    to = {} if incident.drill else _instead(message, routing, gone)
    channels = sorted({channel for told in to.values() for channel in told.channels})
    course.take(
        Step.UNDELIVERED,
        f"{message.channel} did not get the message of step {message.seq} ({message.step}): {why};"
        f" {f'told to {named(channels)} instead' if channels else 'told to nobody instead'}",
        _line(incident, now),
        to,
        extra=[("Told to you because", f"{message.channel} did not get it: {why}")],
    )
    return course.done()


def _instead(message: Message, routing: Routing, gone: Collection[str]) -> dict[str, Told]:
    """Owner → what they are told instead, for each owner of the message who has lost it."""
    to: dict[str, Told] = {}
    for owner in message.owners or (NOBODY,):
        for ways in _ways(owner, message.severity, routing):
            free = {one: left for one, channels in ways.items() if (left := _without(channels, gone))}
            if free:
                to |= {one: Told(left, message.severity) for one, left in free.items()}
                break
    return to


def _ways(owner: str, severity: Severity, routing: Routing) -> Iterator[dict[str, tuple[str, ...]]]:
    """Whom to ask in turn, each with channels."""
    route = routing.routes.get(owner)
    if route and route.escalate:
        yield {route.escalate.to: channels_of(route.escalate.to, severity, routing)}
    own = [channel for channels in route.channels.values() for channel in channels] if route else []
    for channel in dict.fromkeys(own):
        yield {owner: (channel,)}
    others = sorted(routing.routes.keys() - {owner})
    yield {other: channels_of(other, severity, routing) for other in others}
    yield {owner: routing.fallback}


def _without(channels: tuple[str, ...], gone: Collection[str]) -> tuple[str, ...]:
    return tuple(channel for channel in channels if channel not in gone)


def _line(incident: Incident, now: datetime) -> str:
    """What is true of it now, whatever the message said that died."""
    if incident.phase is not Phase.RESOLVED or incident.resolved_at is None:
        return headline(incident)
    cause = incident.known_as or cause_text(incident.kind, incident.where)
    return f"{cause}; over since {clock(incident.resolved_at, now)}: {incident.resolution}"
