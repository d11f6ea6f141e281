"""telemetry.deliveries: how each attempt ended, and what that makes of the messages.

What belongs here: the three ends of an attempt, reading attempts. What does not: attempting (``dispatch/``), which
messages there are (``backlog.py``).

An end is one statement; only :func:`dead` is more. A process that is stopped in the middle holds nobody up. Each
repeats itself where PostgreSQL undid it for another's sake, but not inside a transaction of the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.incident import Change
from telemetry_assets.ledger import incidents
from telemetry_assets.ledger.claims import Claim
from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.repeating import repeated
from telemetry_assets.ledger.values import instant_text, json_text, plain_text
from telemetry_assets.ledger.waits import DUE, LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: of which messages of which conversation, when, how it ended and why, what the other side said."""

    incident: int
    channel: str
    seqs: tuple[int, ...]
    tried_at: datetime
    took: timedelta
    outcome: Outcome
    reason: str
    receipt: str


@explained
@repeated
def sent(conn: psycopg.Connection[TupleRow], claim: Claim, receipt: Receipt, now: datetime) -> bool:
    """The messages of the claim were accepted; what was written since still waits. Neither conversation nor channel
    counts as failing any more. False where the lease was lost, and then nothing is written."""
    return conn.execute(_SENT, _end(claim, receipt, now)).rowcount == 1


@explained
@repeated
def sent_together(
    conn: psycopg.Connection[TupleRow], ends: Sequence[tuple[Claim, Receipt]], now: datetime
) -> tuple[bool, ...]:
    """:func:`sent` for several at once, in one transaction: one commit for all that a fast channel has accepted."""
    places = sorted(range(len(ends)), key=lambda place: (ends[place][0].channel, ends[place][0].incident))
    kept = [False] * len(ends)
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(_SENT, [_end(*ends[place], now) for place in places], returning=True)
        for place in places:
            kept[place] = cursor.fetchone() is not None
            cursor.nextset()
    return tuple(kept)


@explained
@repeated
def again(
    conn: psycopg.Connection[TupleRow], claim: Claim, receipt: Receipt, retry_at: datetime, now: datetime
) -> bool:
    """They were not accepted, and are to be tried again at ``retry_at``; recipients that have them keep them.

    The channel waits too: as long, if the other side asked for it, else no longer than 1 s · 2ⁿ after its own n
    failures in a row, so that one message nobody takes does not stop the others. False where the lease was lost, and
    then nothing is written.
    """
    wait = min(max(retry_at - now, timedelta(0)), LONGEST_WAIT)
    channel_wait = wait if receipt.retry_after else min(wait, timedelta(seconds=2 ** min(claim.channel_failures, 12)))
    asked = {"wait": wait, "channel_wait": channel_wait, "channel_failures": claim.channel_failures + 1}
    return conn.execute(_AGAIN, {**_end(claim, receipt, now), **asked}).rowcount == 1


@explained
@repeated
def dead(
    conn: psycopg.Connection[TupleRow], claim: Claim, receipt: Receipt, now: datetime, instead: Change | None
) -> bool:
    """They will never be accepted; ``instead`` tells somebody else, in the same transaction.

    False where the lease was lost, and then nothing is written. Raises MovedOnError where the incident is no longer
    what ``instead`` starts from: nothing is written either, read it again and think of another change.
    """
    with conn.transaction():
        if conn.execute(_DEAD, _end(claim, receipt, now)).rowcount != 1:
            return False
        incidents.apply(conn, [instead] if instead else [])
    return True


@explained
def deliveries_of(conn: psycopg.Connection[TupleRow], number: int) -> tuple[Delivery, ...]:
    """Every attempt to say something of an incident, oldest first."""
    return tuple(
        Delivery(incident, channel, tuple(seqs), tried_at, took, Outcome(outcome), reason, receipt)
        for incident, channel, seqs, tried_at, took, outcome, reason, receipt in conn.execute(_READ, {"number": number})
    )


_READ = """
select incident, channel, seqs, tried_at, took, outcome, reason, receipt
from telemetry.deliveries where incident = %(number)s order by id
"""

# The lease is the fence: whose it is no longer finds no row, and every part of the statement writes from that row.
_HELD = """
held as materialized (
    select incident, channel from telemetry.conversations
    where incident = %(incident)s and channel = %(channel)s and lease = %(lease)s
    for no key update
), attempt as (
    insert into telemetry.deliveries (incident, channel, seqs, tried_at, took, outcome, reason, receipt)
    select incident, channel, %(seqs)s::int[], %(now)s::timestamptz, %(took)s::interval, %(outcome)s, %(reason)s,
        %(receipt)s
    from held
)"""

_ENDED = """
ended as (
    update telemetry.outbox as message set
        status = {status}, ended_at = %(now)s::timestamptz, tries = tries + 1, reason = %(reason)s,
        accepted = array(select distinct unnest(accepted || %(accepted)s::text[]) order by 1)
    from held
    where (message.incident, message.channel) = (held.incident, held.channel)
        and message.seq = any(%(seqs)s::int[]) and message.status = 'pending'
)"""

_SENT = f"""
with {_HELD}, {_ENDED.format(status="'sent'")}, well as (
    update telemetry.channels set failures = 0, sent_at = %(now)s::timestamptz from held where name = held.channel
)
update telemetry.conversations as talk set
    lease = null, leased_until = null, failures = 0, retry_at = null, waits = null, refs = refs || %(refs)s::jsonb
from held where (talk.incident, talk.channel) = (held.incident, held.channel)
returning talk.incident
"""

_DEAD = f"""
with {_HELD}, {_ENDED.format(status="'dead'")}
update telemetry.conversations as talk set
    lease = null, leased_until = null, failures = 0, retry_at = null, waits = null, refs = refs || %(refs)s::jsonb
from held where (talk.incident, talk.channel) = (held.incident, held.channel)
"""

_AGAIN = f"""
with {_HELD}, tried as (
    update telemetry.outbox as message set
        tries = tries + 1, reason = %(reason)s,
        accepted = array(select distinct unnest(accepted || %(accepted)s::text[]) order by 1)
    from held
    where (message.incident, message.channel) = (held.incident, held.channel)
        and message.seq = any(%(seqs)s::int[]) and message.status = 'pending'
), unwell as (
    update telemetry.channels as channel set
        failures = greatest(failures, %(channel_failures)s),
        (retry_at, waits) = (
            select retry_at, waits from (values
                (%(now)s::timestamptz + %(channel_wait)s::interval, %(channel_wait)s::interval),
                (case when not {DUE.format(one="channel")} then channel.retry_at end, channel.waits)
            ) as one (retry_at, waits)
            order by retry_at desc nulls last limit 1
        )
    from held where name = held.channel
)
update telemetry.conversations as talk set
    lease = null, leased_until = null, failures = failures + 1, refs = refs || %(refs)s::jsonb,
    retry_at = %(now)s::timestamptz + %(wait)s::interval, waits = %(wait)s::interval
from held where (talk.incident, talk.channel) = (held.incident, held.channel)
"""


def _end(claim: Claim, receipt: Receipt, now: datetime) -> dict[str, Any]:
    return {
        "lease": claim.lease,
        "incident": claim.incident,
        "channel": claim.channel,
        "seqs": claim.seqs,
        "now": instant_text(now),
        "outcome": receipt.outcome.value,
        "reason": plain_text(receipt.reason),
        "receipt": plain_text(receipt.receipt),
        "took": receipt.took,
        "refs": json_text(dict(receipt.refs)),
        "accepted": [plain_text(name) for name in receipt.accepted],
    }
