"""Incidents with messages to say, and claiming them: what the tests of the outbox share."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.incident import Change, Entry, Incident, Phase, Step
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.trouble import Block, Reach, Severity, Standing, Worst
from telemetry_assets.ledger import incidents, outbox
from telemetry_assets.ledger.outbox import Claim
from telemetry_assets.model import CauseKind

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ANY_PACE = {"chat": float("inf"), "mail": float("inf"), "hook": float("inf")}
ACCEPTED = Receipt(Outcome.ACCEPTED)
REFUSED = Receipt(Outcome.AGAIN, reason="connection refused")
GONE = Receipt(Outcome.DEAD, reason="404 channel_not_found")


def incident(number: int) -> Incident:
    """An incident that has just opened."""
    return Incident(
        number=number,
        kind=CauseKind.SYNC_FAILED,
        where=f"shop{number}",
        phase=Phase.OPEN,
        severity=Severity.ERROR,
        opened_at=NOON,
        says="the newest sync failed",
        remedy="run it again",
        root="shop/orders",
        reach=Reach((Block(("marts/daily", "shop/orders"), ("acme",)),)),
        worst=Worst("marts/daily", "acme", Standing(None, timedelta(minutes=90))),
    )


def message(number: int, seq: int = 1, channel: str = "chat", at: datetime = NOON) -> Message:
    """What one step of an incident says on one channel."""
    return Message(
        number, seq, channel, "opened", at, "open", Severity.ERROR, "sync_failed", "shop", f"Step {seq}", "it failed"
    )


def step(before: Incident | None, number: int, channels: Sequence[str] = ("chat",), at: datetime = NOON) -> Change:
    """The next step of an incident, told to each channel."""
    after = before or incident(number)
    after = replace(after, steps=after.steps + 1)
    entry = Entry(number, after.steps, Step.REMINDED if before else Step.OPENED, at, "said", channels=tuple(channels))
    return Change(before, after, (entry,), tuple(message(number, after.steps, channel, at) for channel in channels))


def tell(conn: Ledger, number: int, channels: Sequence[str] = ("chat",), at: datetime = NOON) -> Change:
    """Write the next step of the incident, the first if there is none yet; returns what was written."""
    change = step(incidents.find(conn, number), number, channels, at)
    incidents.apply(conn, [change])
    return change


def claim(
    conn: Ledger,
    now: datetime = NOON,
    *,
    rates: Mapping[str, float] = ANY_PACE,
    limit: int = 100,
    lease_for: timedelta = MINUTE,
) -> tuple[Claim, ...]:
    """What may be said now, at any pace."""
    return outbox.claim(conn, rates, now, limit=limit, lease_for=lease_for)


def only(conn: Ledger, now: datetime = NOON, channel: str = "chat") -> Claim:
    """The one conversation of a channel that may go on."""
    (found,) = claim(conn, now, rates={channel: float("inf")})
    return found


def heads(claims: Sequence[Claim]) -> list[tuple[int, str]]:
    """Which conversations these are."""
    return [(one.incident, one.channel) for one in claims]
