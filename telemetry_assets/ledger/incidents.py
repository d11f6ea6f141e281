"""telemetry.incidents and telemetry.timeline: what is remembered of incidents, and the one way to change it.

What belongs here: writing a change whole (the incident, its entries, its messages), reading. What does not: deciding
(``incidents/``), sending what was written (``outbox.py``).
"""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow

from telemetry_assets.errors import FailingError
from telemetry_assets.incidents.incident import Change, Entry, Incident, Phase, Step
from telemetry_assets.incidents.message import Message, message_json
from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.records import plain, record_of
from telemetry_assets.ledger.repeating import repeated
from telemetry_assets.ledger.values import instant_text, json_text, plain_text

NOTICE = "telemetry_outbox"
"""The channel of PostgreSQL's LISTEN that hears of every message written."""


class MovedOnError(FailingError):
    """An incident is no longer as it was when the change was thought out. Read it again and decide anew."""


@explained
def next_number(conn: psycopg.Connection[TupleRow]) -> int:
    """The number of the next incident that opens. Of two who ask at once, the second cannot apply its change."""
    row = conn.execute("select coalesce(max(number), 0) + 1 from telemetry.incidents").fetchone()
    return int(row[0]) if row else 1


@explained
def unresolved(conn: psycopg.Connection[TupleRow], resolved_since: datetime) -> tuple[Incident, ...]:
    """Every incident that is not resolved, and those resolved at that instant or later, by number."""
    found = conn.execute(_UNRESOLVED, {"since": instant_text(resolved_since)})
    return tuple(map(_incident, found))


@explained
def find(conn: psycopg.Connection[TupleRow], number: int) -> Incident | None:
    """The incident of that number; None where there is none."""
    row = conn.execute(f"select {_COLUMNS} from telemetry.incidents where number = %s", (number,)).fetchone()
    return _incident(row) if row else None


@explained
def read(
    conn: psycopg.Connection[TupleRow], phases: Collection[Phase] | None = None, limit: int = 1000
) -> tuple[Incident, ...]:
    """The newest ``limit`` incidents in one of the phases (None: any), newest first."""
    asked = {"phases": None if phases is None else [phase.value for phase in phases], "limit": limit}
    return tuple(map(_incident, conn.execute(_READ, asked)))


@explained
def timeline(conn: psycopg.Connection[TupleRow], number: int) -> tuple[Entry, ...]:
    """What happened to an incident, oldest first; empty where there is no such incident."""
    rows = conn.execute(_TIMELINE, {"number": number})
    return tuple(
        Entry(incident, seq, Step(step), at, words, actor, tuple(channels))
        for incident, seq, step, at, words, actor, channels in rows
    )


@explained
def apply(conn: psycopg.Connection[TupleRow], changes: Iterable[Change]) -> None:
    """Write the changes, all or none, in one transaction: incidents, entries, messages; who listens hears of messages.

    Each incident must still be what its change calls ``before`` and each entry new: otherwise MovedOnError, and nothing
    is written, so a change that is handed in twice is written once. A message is written at its own instant. Repeats
    itself where PostgreSQL undid it for another's sake, but not inside a transaction of the caller.
    """
    if ordered := sorted(changes, key=lambda one: one.after.number):
        _apply(conn, ordered)


@repeated
def _apply(conn: psycopg.Connection[TupleRow], changes: Sequence[Change]) -> None:
    with conn.transaction():
        try:
            _write_incidents(conn, changes)
            _write(conn, _ENTRY, [_entry_row(entry) for change in changes for entry in change.entries])
        except errors.UniqueViolation as error:
            raise _moved_on(error.diag.message_detail or "") from error
        write_messages(conn, [message for change in changes for message in change.messages])


def write_messages(conn: psycopg.Connection[TupleRow], messages: Sequence[Message]) -> None:
    """Put messages into the outbox, inside the caller's transaction. Raises MovedOnError where one is there already."""
    if not messages:
        return
    rows = [_message_row(message) for message in messages]
    channels = sorted({str(row["channel"]) for row in rows})
    conn.execute(_CHANNELS, {"names": channels})
    try:
        _write(conn, _CONVERSATION, sorted(rows, key=lambda row: (row["incident"], row["channel"])))
        _write(conn, _MESSAGE, rows)
    except errors.UniqueViolation as error:
        raise _moved_on(error.diag.message_detail or "") from error
    conn.execute("select pg_notify(%s, '')", (NOTICE,))


def _write_incidents(conn: psycopg.Connection[TupleRow], changes: Sequence[Change]) -> None:
    known = [change for change in changes if change.before]
    rows = conn.execute(_LOCKED, {"numbers": [change.after.number for change in known]}) if known else ()
    held = {one.number: one for one in map(_incident, rows)}
    for change in known:
        # Held against the incident, not its row: what an older version wrote lacks what is new since.
        if change.before and held.get(change.after.number) != _as_kept(change.before):
            raise _moved_on(f"Incident {change.after.number} is not what it was.")
    # What is resolved leaves its identity before another takes it, and what is new comes last.
    ended = [change for change in known if change.after.phase is Phase.RESOLVED]
    going_on = [change for change in known if change.after.phase is not Phase.RESOLVED]
    _write(conn, _UPDATE, [_row(change.after) for change in (*ended, *going_on)])
    _write(conn, _INSERT, [_row(change.after) for change in changes if not change.before])


def _write(conn: psycopg.Connection[TupleRow], statement: LiteralString, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        with conn.cursor() as cursor:
            cursor.executemany(statement, rows)


def _moved_on(what: str) -> MovedOnError:
    return MovedOnError(f"An incident has moved on since it was read. {what}".strip(), "Try again.")


_APART = ("number", "kind", "where", "phase", "severity", "opened_at", "acknowledged_at", "resolved_at")
"""The fields of an incident that have columns of their own; the details hold all the others."""

_COLUMNS = "number, kind, place, phase, severity, opened_at, acknowledged_at, resolved_at, details"

_UNRESOLVED = f"""
select {_COLUMNS} from telemetry.incidents where phase <> 'resolved'
union all
select {_COLUMNS} from telemetry.incidents where phase = 'resolved' and resolved_at >= %(since)s::timestamptz
order by number
"""

_READ = f"""
select {_COLUMNS} from telemetry.incidents
where %(phases)s::text[] is null or phase = any(%(phases)s::text[])
order by number desc limit %(limit)s
"""

_TIMELINE = """
select incident, seq, step, at, words, actor, channels from telemetry.timeline
where incident = %(number)s order by seq
"""

_INSERT = f"""
insert into telemetry.incidents ({_COLUMNS}) values (
    %(number)s, %(kind)s, %(where)s, %(phase)s, %(severity)s, %(opened_at)s::timestamptz,
    %(acknowledged_at)s::timestamptz, %(resolved_at)s::timestamptz, %(details)s::jsonb
)
"""

_LOCKED = f"""
select {_COLUMNS} from telemetry.incidents
where number = any(%(numbers)s::bigint[]) order by number for no key update
"""

_UPDATE = """
update telemetry.incidents set
    kind = %(kind)s, place = %(where)s, phase = %(phase)s, severity = %(severity)s,
    opened_at = %(opened_at)s::timestamptz, acknowledged_at = %(acknowledged_at)s::timestamptz,
    resolved_at = %(resolved_at)s::timestamptz, details = %(details)s::jsonb
where number = %(number)s
"""

_ENTRY = """
insert into telemetry.timeline (incident, seq, step, at, words, actor, channels)
values (%(incident)s, %(seq)s, %(step)s, %(at)s::timestamptz, %(words)s, %(actor)s, %(channels)s::text[])
"""

_CHANNELS = "insert into telemetry.channels (name) select unnest(%(names)s::text[]) on conflict do nothing"

_CONVERSATION = """
insert into telemetry.conversations (incident, channel) values (%(incident)s, %(channel)s) on conflict do nothing
"""

_MESSAGE = """
insert into telemetry.outbox (incident, seq, channel, message, written_at)
values (%(incident)s, %(seq)s, %(channel)s, %(message)s::jsonb, %(written_at)s::timestamptz)
"""


def _row(incident: Incident) -> dict[str, Any]:
    values = plain(incident)
    row = {name: values.pop(name) for name in _APART}
    return {**row, "where": plain_text(row["where"]), "details": json_text(values)}


def _as_kept(incident: Incident) -> Incident:
    """The incident as it would come back: a text loses what PostgreSQL cannot hold."""
    return record_of(Incident, json.loads(json_text(plain(incident))))


def _incident(row: TupleRow) -> Incident:
    *apart, details = row
    values = {name: plain(value) for name, value in zip(_APART, apart, strict=True)}
    return record_of(Incident, {**details, **values})


def _entry_row(entry: Entry) -> dict[str, Any]:
    return {
        "incident": entry.incident,
        "seq": entry.seq,
        "step": entry.step.value,
        "at": instant_text(entry.at),
        "words": plain_text(entry.words),
        "actor": plain_text(entry.actor),
        "channels": [plain_text(channel) for channel in entry.channels],
    }


def _message_row(message: Message) -> dict[str, Any]:
    return {
        "incident": message.incident,
        "seq": message.seq,
        "channel": plain_text(message.channel),
        "message": json_text(message_json(message)),
        "written_at": instant_text(message.at),
    }
