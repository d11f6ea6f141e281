"""telemetry.outbox as a whole: what waits, when something is due, what died, and putting that back.

What belongs here: looking at the outbox, replaying. What does not: giving messages out (``claims.py``).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.incidents.incident import Change, Entry, Step
from telemetry_assets.incidents.message import Message
from telemetry_assets.ledger import audit, incidents
from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.messages import read_message
from telemetry_assets.ledger.repeating import repeated
from telemetry_assets.ledger.values import instant_text
from telemetry_assets.ledger.waits import DUE, LEASED, WAITS_BY_KEY

RECENT = timedelta(hours=1)
"""What died in this time before now counts as news."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages wait, since when the oldest does, and how many died in the hour before."""

    pending: int
    oldest_written_at: datetime | None
    died_since: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A message and what became of it: ``status`` pending, sent or dead, ``reason`` why the last try failed."""

    message: Message
    status: str
    written_at: datetime
    tries: int
    accepted: tuple[str, ...]
    ended_at: datetime | None
    reason: str


@explained
def waiting(conn: psycopg.Connection[TupleRow], now: datetime) -> Waiting:
    """What waits and what died lately. A message from the future counts as waiting since then."""
    row = conn.execute(_WAITING, {"since": instant_text(now - RECENT)}).fetchone()
    assert row is not None
    return Waiting(*row)


@explained
def channels(conn: psycopg.Connection[TupleRow]) -> tuple[str, ...]:
    """The channels in which something waits, declared still or not."""
    return tuple(name for (name,) in conn.execute(_CHANNELS))


@explained
def next_due(
    conn: psycopg.Connection[TupleRow], now: datetime, among: Collection[str] | None = None
) -> datetime | None:
    """When the next message of the channels ``among`` (None: of any) may go, by the clock of ``now``.

    ``now`` itself: at once; None where nothing waits. A conversation that somebody holds is due when the lease ends.
    """
    asked = {"now": instant_text(now), "among": None if among is None else list(among)}
    row = conn.execute(_NEXT_DUE, asked).fetchone()
    return row[0] if row else None


@explained
@repeated
def replay(
    conn: psycopg.Connection[TupleRow], incident: int | None, channel: str | None, now: datetime, actor: str
) -> int:
    """Dead messages wait anew, as if written at ``now``: of an incident, of a channel, of both, or all of them.

    Returns how many. The timelines and the audit say who did it; who listens hears of it. Raises MovedOnError where an
    incident changes meanwhile, and then nothing is written: try again.
    """
    asked = {"incident": incident, "channel": channel, "now": instant_text(now)}
    with conn.transaction():
        revived: dict[int, list[str]] = {}
        for number, name in conn.execute(_REVIVE, asked):
            revived.setdefault(number, []).append(name)
        if not revived:
            return 0
        conn.execute(_FRESH_START, {"incidents": list(revived), "channel": channel})
        incidents.apply(conn, [_replayed(conn, number, names, now, actor) for number, names in revived.items()])
        count = sum(map(len, revived.values()))
        asked_for = (("incident", incident), ("channel", channel))
        what = ", ".join(f"{name} {value}" for name, value in asked_for if value is not None) or "everything dead"
        audit.write(conn, now, actor, "replay", what, _written_anew(count))
        conn.execute("select pg_notify(%s, '')", (incidents.NOTICE,))
    return count


@explained
def messages_of(conn: psycopg.Connection[TupleRow], number: int) -> tuple[Kept, ...]:
    """Every message of an incident in the order of its steps."""
    rows = conn.execute(_MESSAGES, {"number": number})
    return tuple(
        Kept(read_message(number, seq, channel, stored), status, written_at, tries, tuple(accepted), ended_at, reason)
        for seq, channel, stored, status, written_at, tries, accepted, ended_at, reason in rows
    )


@explained
def died_on(conn: psycopg.Connection[TupleRow], number: int) -> frozenset[str]:
    """The channels on which a message of the incident is dead."""
    return frozenset(channel for (channel,) in conn.execute(_DIED_ON, {"number": number}))


def _replayed(conn: psycopg.Connection[TupleRow], number: int, names: list[str], now: datetime, actor: str) -> Change:
    before = incidents.find(conn, number)
    assert before is not None
    channels = tuple(sorted(set(names)))
    entry = Entry(number, before.steps + 1, Step.REPLAYED, now, _written_anew(len(names)), actor, channels)
    return Change(before, replace(before, steps=entry.seq), (entry,))


def _written_anew(count: int) -> str:
    return f"{count} dead {'message' if count == 1 else 'messages'} written anew"


_WAITING = """
select
    (select count(*) from telemetry.outbox where status = 'pending'),
    (select min(written_at) from telemetry.outbox where status = 'pending'),
    (select count(*) from telemetry.outbox where status = 'dead' and ended_at > %(since)s::timestamptz)
"""

_CHANNELS = """
select name from telemetry.channels where exists (
    select from telemetry.outbox where outbox.channel = channels.name and outbox.status = 'pending'
) order by name
"""

# Per channel: one free conversation is enough to know; else those that are leased or wait, which are few.
_NEXT_DUE = f"""
select min(greatest(
    case when not {DUE.format(one="channel")} then channel.retry_at end,
    case when channel.next_at > clock_timestamp() and channel.next_at < clock_timestamp() + interval '2 hours'
        then %(now)s::timestamptz + (channel.next_at - clock_timestamp()) end,
    coalesce(free.due, held.due)
))
from telemetry.channels as channel
left join lateral (
    select %(now)s::timestamptz as due
    from telemetry.outbox as message join telemetry.conversations as talk using (incident, channel)
    where message.channel = channel.name and message.status = 'pending'
        and not {LEASED.format(one="talk")} and {DUE.format(one="talk")}
    limit 1
) as free on true
left join lateral (
    select min(greatest(
        case when not {DUE.format(one="talk")} then talk.retry_at end,
        case when {LEASED.format(one="talk")}
            then %(now)s::timestamptz + (talk.leased_until - clock_timestamp()) end
    )) as due
    from telemetry.conversations as talk
    where free.due is null and talk.channel = channel.name and (talk.lease is not null or talk.failures > 0)
        and exists (
            select from telemetry.outbox as message
            where (message.incident, message.channel) = (talk.incident, talk.channel)
                and {WAITS_BY_KEY.format(one="message")}
        )
) as held on true
where coalesce(free.due, held.due) is not null
    and (%(among)s::text[] is null or channel.name = any(%(among)s::text[]))
"""

_REVIVE = """
update telemetry.outbox set
    status = 'pending', written_at = %(now)s::timestamptz, tries = 0, ended_at = null, reason = ''
where status = 'dead'
    and (%(incident)s::bigint is null or incident = %(incident)s::bigint)
    and (%(channel)s::text is null or channel = %(channel)s::text)
returning incident, channel
"""

_FRESH_START = """
update telemetry.conversations set failures = 0, retry_at = null, waits = null
where incident = any(%(incidents)s::bigint[]) and lease is null
    and (%(channel)s::text is null or channel = %(channel)s::text)
"""

_MESSAGES = """
select seq, channel, message, status, written_at, tries, accepted, ended_at, reason
from telemetry.outbox where incident = %(number)s order by seq, channel
"""

_DIED_ON = "select distinct channel from telemetry.outbox where incident = %(number)s and status = 'dead'"
