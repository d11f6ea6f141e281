"""telemetry.conversations and telemetry.channels: who may say what waits, and when.

What belongs here: leases, and the pace of channels. What does not: how saying it ended (``deliveries.py``), looking at
what waits (``backlog.py``).

Leases and paces go by the clock of this server; waits by the clock of who tried, which may jump.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.incidents.message import Message
from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.messages import read_message
from telemetry_assets.ledger.repeating import repeated
from telemetry_assets.ledger.values import instant_text
from telemetry_assets.ledger.waits import DUE, LEASED, LONGEST_WAIT, WAITS_BY_KEY

SLICE = timedelta(milliseconds=250)
"""A fast channel is given as many conversations at a time as it may have messages in so long."""
CATCH_UP = timedelta(milliseconds=50)
"""Who comes for them so much too late may have them nevertheless, where a slice holds several."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A conversation that is ours until its lease ends, and everything that waits in it, oldest first.

    ``tries`` is the most tries any of them had, ``written_at`` when the first was written, ``accepted`` the recipients
    that have all of them, ``failures`` how often in a row this conversation or its channel failed, whichever is more.
    """

    lease: UUID
    incident: int
    channel: str
    messages: tuple[Message, ...]
    refs: Mapping[str, str]
    tries: int
    accepted: tuple[str, ...]
    failures: int
    written_at: datetime
    channel_failures: int = 0

    @property
    def seqs(self) -> list[int]:
        """Which messages these are."""
        return [message.seq for message in self.messages]


@explained
@repeated
def claim(
    conn: psycopg.Connection[TupleRow],
    rates: Mapping[str, float],
    now: datetime,
    *,
    limit: int,
    lease_for: timedelta,
) -> tuple[Claim, ...]:
    """Lease up to ``limit`` conversations of the channels in ``rates`` (channel → messages a second) in which something
    is due; the channels share the limit evenly. Empty where nothing is due, or others have it.

    Conversations that failed less often come first, then the oldest message. A channel whose last attempt failed gives
    out one conversation at a time. A channel's next messages are due when its rate allows; ``inf`` is no limit.
    Whoever holds a lease says how it ended with :func:`sent`, :func:`again` or :func:`dead`; one that ends by itself
    lets others claim the conversation anew. Repeats itself where PostgreSQL asks for it.
    """
    if not rates or limit < 1:
        return ()
    asked = {**_paces(rates, limit), "now": instant_text(now), "limit": limit, "lease_for": lease_for}
    leased = conn.execute(_CLAIM, asked).fetchall()
    if not leased:
        return ()
    leases, numbers, names = (list(column) for column in zip(*leased, strict=True))
    found: dict[UUID, list[TupleRow]] = {lease: [] for lease in leases}
    for lease, *row in conn.execute(_CLAIMED, {"lease": leases, "incident": numbers, "channel": names}):
        found[lease].append(tuple(row))
    # Somebody sent these between our look and our lease.
    if empty := [lease for lease, rows in found.items() if not rows]:
        conn.execute(_LET_GO, {"leases": empty})
    return tuple(_claim(lease, rows) for lease, rows in found.items() if rows)


_FREE = f"(not {LEASED.format(one='talk')} and {DUE.format(one='talk')})"

# Those that never failed are met in the order of the index; those that failed are few.
_UNTRIED = f"""
    select incident, 0 as failures, min(written_at) as since
    from (
        select message.incident, message.written_at
        from telemetry.outbox as message join telemetry.conversations as talk using (incident, channel)
        where message.channel = open.name and message.status = 'pending' and talk.failures = 0 and {_FREE}
        order by message.written_at, message.incident limit open.room
    ) as oldest
    group by incident
"""

_FAILING = f"""
    select talk.incident, talk.failures, waits.since
    from telemetry.conversations as talk cross join lateral (
        select min(written_at) as since from telemetry.outbox as message
        where (message.incident, message.channel) = (talk.incident, talk.channel)
            and {WAITS_BY_KEY.format(one="message")}
    ) as waits
    where talk.channel = open.name and talk.failures > 0 and {_FREE} and waits.since is not null
    order by talk.failures, waits.since, talk.incident limit open.room
"""

# The channels that may speak; of each the conversations that come first; the leases; when each may speak next. Whoever
# else claims waits for our row of the channel, and then sees the later next_at: nobody speaks too soon.
_CLAIM = f"""
with asked as (
    select * from unnest(%(name)s::text[], %(room)s::int[], %(space)s::float[], %(late)s::float[])
        as one (name, room, space, late)
), open as materialized (
    select channel.name, case when channel.failures > 0 then 1 else asked.room end as room, asked.space, asked.late
    from telemetry.channels as channel join asked on asked.name = channel.name
    where (
            channel.next_at <= clock_timestamp()
            or channel.next_at > clock_timestamp() + make_interval(secs => greatest(asked.room * asked.space, 0.25))
        )
        and {DUE.format(one="channel")}
        and (channel.failures = 0 or not exists (
            select from telemetry.conversations as talk
            where talk.channel = channel.name and {LEASED.format(one="talk")}
        ))
        and (select true from telemetry.outbox where channel = asked.name and status = 'pending' limit 1)
    order by channel.name
    for no key update of channel
), candidates as materialized (
    select open.name as channel, open.room, one.incident, row_number() over (
        partition by open.name order by one.failures, one.since, one.incident
    ) as place
    from open cross join lateral (({_UNTRIED}) union all ({_FAILING})) as one
), chosen as materialized (
    select talk.incident, talk.channel
    from telemetry.conversations as talk
    join candidates on (candidates.incident, candidates.channel) = (talk.incident, talk.channel)
    where candidates.place <= candidates.room and {_FREE}
    order by candidates.place, talk.channel limit %(limit)s
    for no key update of talk skip locked
), paced as (
    update telemetry.channels as channel set
        next_at = greatest(
            clock_timestamp() - make_interval(secs => open.late),
            case when channel.next_at <= clock_timestamp() then channel.next_at end
        ) + make_interval(secs => open.space * given.number),
        retry_at = null
    from open join (select channel, count(*) as number from chosen group by channel) as given
        on given.channel = open.name
    where channel.name = open.name
)
update telemetry.conversations as talk
set
    lease = gen_random_uuid(), leased_until = clock_timestamp() + %(lease_for)s::interval,
    leased_for = %(lease_for)s::interval
from chosen where (talk.incident, talk.channel) = (chosen.incident, chosen.channel)
returning talk.lease, talk.incident, talk.channel
"""

_CLAIMED = f"""
select
    talk.lease, talk.incident, talk.channel, talk.refs, talk.failures, channel.failures,
    message.seq, message.message, message.tries, message.accepted, message.written_at
from unnest(%(lease)s::uuid[], %(incident)s::bigint[], %(channel)s::text[]) as leased (lease, incident, channel)
join telemetry.conversations as talk using (incident, channel, lease)
join telemetry.channels as channel on channel.name = talk.channel
join telemetry.outbox as message on (message.incident, message.channel) = (talk.incident, talk.channel)
where {WAITS_BY_KEY.format(one="message")}
order by message.incident, message.channel, message.seq
"""

_LET_GO = """
update telemetry.conversations set lease = null, leased_until = null where lease = any(%(leases)s::uuid[])
"""


def _paces(rates: Mapping[str, float], limit: int) -> dict[str, list[Any]]:
    """Of each channel how many conversations it is given at a time, the seconds between two, how late one may come."""
    names = sorted(rates)
    rooms = [max(1, min(limit, int(min(rates[name] * SLICE.total_seconds(), limit)))) for name in names]
    return {
        "name": names,
        "room": rooms,
        "space": [1 / max(rates[name], 1 / LONGEST_WAIT.total_seconds()) for name in names],
        "late": [CATCH_UP.total_seconds() if room > 5 else 0.0 for room in rooms],
    }


def _claim(lease: UUID, rows: Sequence[TupleRow]) -> Claim:
    incident, channel, refs, failures, channel_failures, *_ = rows[0]
    have = [set[str](accepted) for *_, accepted, _ in rows]
    return Claim(
        lease=lease,
        incident=incident,
        channel=channel,
        messages=tuple(read_message(incident, seq, channel, stored) for _, _, _, _, _, seq, stored, *_ in rows),
        refs=refs,
        tries=max(tries for *_, tries, _, _ in rows),
        accepted=tuple(sorted(set.intersection(*have))),
        failures=max(failures, channel_failures),
        written_at=min(written_at for *_, written_at in rows),
        channel_failures=channel_failures,
    )
