"""What people do about incidents: acknowledge, close, have said anew, ask for silence. Each leaves an audit entry.

What belongs here: those acts, whole, under the lock of whoever changes incidents. What does not: how the command line
asks for them (``cli/``), what an acknowledgement means (``incidents/life.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry_assets.answers.incidents import assets_silenced, require_incident, require_silence
from telemetry_assets.answers.tenants import find_tenant
from telemetry_assets.dispatch.changing import Ledger, changing_incidents, retried
from telemetry_assets.dispatch.evaluate import Evaluation, evaluate
from telemetry_assets.dispatch.routing import require_channel, routing_of
from telemetry_assets.errors import CouldNotLookError, FailingError, UsageError
from telemetry_assets.incidents.incident import Incident, Phase
from telemetry_assets.incidents.life import acknowledge as acknowledged
from telemetry_assets.incidents.matching import UNSEEN
from telemetry_assets.incidents.reach import overlap
from telemetry_assets.incidents.silence import Silence
from telemetry_assets.incidents.trouble import Situation
from telemetry_assets.ledger import audit, incidents, outbox, silences, tenants
from telemetry_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class Closed:
    """An incident as it was before somebody asked to close it, and resolved; ``already``: it was that before."""

    before: Incident
    after: Incident
    already: bool = False


def acknowledge(conn: Ledger, settings: Settings, number: int, by: str, now: datetime) -> tuple[Incident, bool]:
    """Somebody sees to an incident: no reminder and no escalation any more. Twice changes nothing (False).

    Raises UsageError for an unknown number and for what is resolved, CouldNotLookError.
    """

    def once() -> tuple[Incident, bool]:
        with changing_incidents(conn), conn.transaction():
            change = acknowledged(require_incident(conn, number), by, now, routing_of(settings))
            if change.before == change.after:
                return change.after, False
            incidents.apply(conn, [change])
            audit.write(conn, now, by, "acknowledge", f"incident {number}")
            return change.after, True

    return retried(once)


def close(conn: Ledger, settings: Settings, number: int, by: str, now: datetime) -> Closed:
    """Look now, and have the incident closed by what is seen: nobody closes what is broken still.

    Raises FailingError naming what is broken still, CouldNotLookError where that cannot be seen, UsageError for an
    unknown number. What was asked for is in the audit either way.
    """
    before = require_incident(conn, number)
    if before.phase is Phase.RESOLVED:
        return Closed(before, before, already=True)
    evaluation = evaluate(conn, settings, now)
    after = require_incident(conn, number)
    recovered = after.phase is Phase.RESOLVED
    audit.write(conn, now, by, "close", f"incident {number}", "recovered" if recovered else "refused")
    if not recovered:
        raise _refusal(after, evaluation)
    return Closed(before, after)


def _refusal(incident: Incident, evaluation: Evaluation) -> FailingError | CouldNotLookError:
    """What stands against closing: the situations that hit what the incident hits."""
    against = [one for one in evaluation.situations if _is_of(one, incident)]
    broken = [one for one in against if one.kind not in UNSEEN]
    remedy = f"Nobody closes what is broken still: telemetry incidents show {incident.number}"
    if against and not broken:
        return CouldNotLookError(_stays_open(incident, against), against[0].remedy)
    return FailingError(_stays_open(incident, broken), remedy)


def _stays_open(incident: Incident, why: Sequence[Situation]) -> str:
    said = list(dict.fromkeys(one.says for one in why)) or [incident.says]
    more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
    return f"Incident {incident.number} stays open: {'; '.join(one.rstrip('.') for one in said[:3])}{more}."


def _is_of(situation: Situation, incident: Incident) -> bool:
    return situation.identity == incident.identity or overlap(situation.reach, incident.reach) > 0


def replay(conn: Ledger, settings: Settings, number: int | None, channel: str | None, by: str, now: datetime) -> int:
    """Write dead messages anew, of one incident or all, of one channel or all; how many.

    Raises UsageError for an unknown number or channel, CouldNotLookError.
    """
    if channel is not None:
        require_channel(settings, channel)
    if number is not None:
        require_incident(conn, number)

    def once() -> int:
        with changing_incidents(conn):
            return outbox.replay(conn, number, channel, now, by)

    return retried(once)


def silence(
    conn: Ledger, pattern: str, tenant: str | None, until: datetime, reason: str, by: str, now: datetime
) -> tuple[Silence, tuple[str, ...]]:
    """Have nobody told of an asset, or of all a pattern means, until an instant; the silence and the assets it covers.

    Raises UsageError for a pattern that means no known asset, an unknown tenant, no reason; CouldNotLookError.
    """
    if not reason.strip():
        raise UsageError("A silence needs a reason.", "Say --reason 'why nobody needs to be told'.")
    assets = assets_silenced(conn, pattern)
    slug = find_tenant(tenants.read(conn), tenant).slug if tenant is not None else None
    return silences.add(conn, pattern, slug, until, reason.strip(), by, now), assets


def end_silence(conn: Ledger, identifier: int, by: str, now: datetime) -> Silence:
    """End a silence before its time. Raises UsageError where there is none of this id in force, CouldNotLookError."""
    found = require_silence(conn, identifier, now)
    return silences.end(conn, identifier, now, by) or found
