"""The weekly fire drill: a marked incident that goes the whole way to every channel, and who did not receive it.

What belongs here: when one is due, which receipts are missing, its end. What does not: its words
(``incidents/drill.py``), sending it: it waits in the outbox like anything else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from telemetry_assets.dispatch.changing import Ledger, changing_incidents, retried
from telemetry_assets.dispatch.routing import channels_of
from telemetry_assets.errors import UsageError
from telemetry_assets.incidents.drill import drill
from telemetry_assets.incidents.incident import Change, Entry, Incident, Phase, Step
from telemetry_assets.incidents.trouble import Severity, Trouble
from telemetry_assets.ledger import heartbeats, incidents, outbox
from telemetry_assets.ledger.outbox import Kept
from telemetry_assets.model import ANY_TENANT, CauseKind
from telemetry_assets.settings import Settings

EVERY = timedelta(days=7)
RECEIVED_WITHIN = timedelta(minutes=15)
DRILL = "drill"
"""The component that beats when a drill is held, its incident's number in the note: none when we first dispatch."""
SENT = "sent"


def troubles_of(conn: Ledger, settings: Settings, now: datetime) -> tuple[Trouble, ...]:
    """The channels that did not receive the newest drill in time; one that is no longer declared is no trouble."""
    held = next((beat for beat in heartbeats.read(conn) if beat.component == DRILL and beat.note.isdigit()), None)
    if held is None:
        return ()
    declared = channels_of(settings)
    missing = (one for one in outbox.messages_of(conn, int(held.note)) if one.message.channel in declared)
    return tuple(_lost(one) for one in missing if one.status != SENT and now - one.message.at >= RECEIVED_WITHIN)


def ends_of(conn: Ledger, drills: Iterable[Incident], now: datetime) -> tuple[Change, ...]:
    """What ends the drills among the incidents: every receipt is there, or the missing ones are reported."""
    ended: list[Change] = []
    for one in drills:
        missing = [kept for kept in outbox.messages_of(conn, one.number) if kept.status != SENT]
        if not missing:
            ended.append(_ended(one, "Every channel received it.", now))
        elif now - one.opened_at >= RECEIVED_WITHIN:
            ended.append(_ended(one, f"Not received by {', '.join(kept.message.channel for kept in missing)}.", now))
    return tuple(ended)


def hold_when_due(conn: Ledger, settings: Settings, now: datetime) -> Incident | None:
    """Hold a drill where the last one was a week ago; the first comes a week after we first asked."""

    def due() -> bool:
        last = next((beat for beat in heartbeats.read(conn) if beat.component == DRILL), None)
        if last is None:
            heartbeats.beat(conn, DRILL, EVERY)
        return last is not None and last.age >= EVERY

    def once() -> Incident | None:
        with changing_incidents(conn):
            return _hold(conn, settings, now) if due() else None

    return retried(once) if channels_of(settings) and due() else None


def hold(conn: Ledger, settings: Settings, now: datetime) -> Incident:
    """Hold a drill now: write it for every channel, and end one that is still going on. ``conn`` is in autocommit.

    Raises UsageError where there is no channel, CouldNotLookError.
    """
    if not channels_of(settings):
        raise UsageError(f"There is no channel in {settings.path.name} to hold a fire drill with.", "Add channels:")

    def once() -> Incident:
        with changing_incidents(conn):
            return _hold(conn, settings, now)

    return retried(once)


def receipts_of(conn: Ledger, incident: Incident) -> Sequence[Kept]:
    """What became of a drill, a message per channel: ``status`` sent means that it was received."""
    return outbox.messages_of(conn, incident.number)


def _hold(conn: Ledger, settings: Settings, now: datetime) -> Incident:
    going_on = [one for one in incidents.unresolved(conn, now) if one.drill and one.phase is not Phase.RESOLVED]
    with conn.transaction():
        change = drill(incidents.next_number(conn), tuple(sorted(channels_of(settings))), now)
        incidents.apply(conn, [*(_ended(one, "Another drill began.", now) for one in going_on), change])
        heartbeats.beat(conn, DRILL, EVERY, str(change.after.number))
    return change.after


def _ended(one: Incident, words: str, now: datetime) -> Change:
    entry = Entry(one.number, one.steps + 1, Step.RESOLVED, now, words)
    after = replace(one, phase=Phase.RESOLVED, resolved_at=now, resolution=words, steps=entry.seq)
    return Change(one, after, (entry,))


def _lost(kept: Kept) -> Trouble:
    why = f": {kept.reason}" if kept.reason else ", nobody has tried to send it"
    return Trouble(
        kind=CauseKind.DRILL_LOST,
        where=kept.message.channel,
        severity=Severity.ERROR,
        asset="",
        tenant=ANY_TENANT,
        says=f"The fire drill was not received by the channel {kept.message.channel}{why}.",
        remedy=f"Mend the channel, then try it: telemetry doctor --send-test {kept.message.channel}",
        since=kept.message.at,
    )
