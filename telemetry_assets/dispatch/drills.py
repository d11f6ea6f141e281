"""The weekly fire drill: a marked incident that goes the whole way to every channel, and who did not receive it.

What belongs here: when one is due, which receipts are missing. What does not: making one (``incidents/drill.py``),
sending it: it waits in the outbox like anything else.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from telemetry_assets.dispatch.changing import Ledger, changing_incidents, retried
from telemetry_assets.dispatch.routing import channels_of
from telemetry_assets.errors import UsageError
from telemetry_assets.incidents.drill import drill
from telemetry_assets.incidents.incident import Incident
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
    """Hold a drill now: write it for every channel. ``conn`` is in autocommit.

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
    with conn.transaction():
        change = drill(incidents.next_number(conn), tuple(sorted(channels_of(settings))), now)
        incidents.apply(conn, [change])
        heartbeats.beat(conn, DRILL, EVERY, str(change.after.number))
    return change.after


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
