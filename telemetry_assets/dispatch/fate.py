"""What becomes of a message after an attempt: the end it comes to, and who is told instead of a channel that is dead.

What belongs here: deciding that, writing down that a message died. What does not: attempting (``attempt.py``), whom to
tell instead (``incidents/undelivered.py``).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from telemetry_assets.dispatch.changing import Ledger, changing_incidents
from telemetry_assets.dispatch.routing import routing_of
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.incident import Step
from telemetry_assets.incidents.joined import joined
from telemetry_assets.incidents.undelivered import tell_instead
from telemetry_assets.ledger import incidents, outbox
from telemetry_assets.ledger.outbox import Claim
from telemetry_assets.settings import Settings

KEPT_FOR = timedelta(hours=72)
LEAST_TRIES = 20
GONE_AFTER = timedelta(minutes=15)
"""How long a message waits for a channel that telemetry.yaml does not have: another dispatcher may have a newer one."""


def gone(claim: Claim, now: datetime) -> Receipt:
    """How it ends where telemetry.yaml has no such channel."""
    outcome = Outcome.DEAD if now - claim.written_at >= GONE_AFTER else Outcome.AGAIN
    return Receipt(outcome, f"telemetry.yaml has no channel {claim.channel}")


def settled(claim: Claim, receipt: Receipt, now: datetime) -> Receipt:
    """The receipt, dead where it was tried for long enough: reminders that join the oldest make it no younger."""
    tries = claim.tries + 1
    if receipt.outcome is not Outcome.AGAIN or tries < LEAST_TRIES or now - claim.written_at < KEPT_FOR:
        return receipt
    hours = f"{KEPT_FOR.total_seconds() / 3600:.0f} h"
    return replace(receipt, outcome=Outcome.DEAD, reason=f"not accepted in {hours} and {tries} tries: {receipt.reason}")


def buried(conn: Ledger, settings: Settings, claim: Claim, receipt: Receipt, now: datetime) -> bool:
    """Write down that a message died, and in the same transaction who is told instead. False: the lease was lost."""
    with changing_incidents(conn):
        incident = incidents.find(conn, claim.incident)
        assert incident is not None, claim.incident
        message, tried = joined(claim.messages), _tried(conn, claim)
        instead = tell_instead(incident, message, receipt.reason, routing_of(settings), tried, now)
        return outbox.dead(conn, claim, receipt, now, instead)


def _tried(conn: Ledger, claim: Claim) -> frozenset[str]:
    """The channels that a message of this incident died on, or that were told instead since the step that died now.

    Who was told instead of an earlier step does not know of this one: that it became worse, that it is over.
    """
    since = [entry for entry in incidents.timeline(conn, claim.incident) if entry.seq > max(claim.seqs)]
    instead = {channel for entry in since if entry.step is Step.UNDELIVERED for channel in entry.channels}
    return frozenset({claim.channel, *instead, *outbox.died_on(conn, claim.incident)})
