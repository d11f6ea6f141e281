"""``telemetry incidents``: what is wrong and was wrong lately, who was told, and what became of telling them.

What belongs here: reading incidents, their messages and silences; which assets there are to silence. What does not:
changing any of it (``dispatch/by_hand.py``), drawing (``render/incidents.py``).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.incidents_answer import IncidentAnswer, IncidentRow, IncidentsAnswer
from telemetry_assets.errors import UsageError
from telemetry_assets.incidents.incident import Incident, Phase
from telemetry_assets.incidents.silence import Silence
from telemetry_assets.ledger import check_results, graph, incidents, outbox, silences

LATELY = timedelta(hours=24)
"""How long ago an incident may have been resolved to be listed without being asked for."""
SHOWN_RESOLVED = 20
MOST = 1000
"""How many of all there ever were are listed."""

_BIGGEST = 2**63 - 1


def read_incidents(conn: Connection[TupleRow], now: datetime, *, everything: bool = False) -> IncidentsAnswer:
    """What is not resolved, and what was lately; with ``everything`` the newest :data:`MOST` of all there ever were.

    Raises CouldNotLookError.
    """
    found = incidents.read(conn, limit=MOST) if everything else incidents.unresolved(conn, now - LATELY)
    newest = sorted(found, key=lambda one: (one.phase is Phase.RESOLVED, -one.number))
    unresolved = [one for one in newest if one.phase is not Phase.RESOLVED]
    resolved = [one for one in newest if one.phase is Phase.RESOLVED]
    shown = [*unresolved, *(resolved if everything else resolved[:SHOWN_RESOLVED])]
    rows = tuple(IncidentRow(one, outbox.messages_of(conn, one.number)) for one in shown)
    return IncidentsAnswer(now, rows, len(newest) - len(shown))


def read_incident(conn: Connection[TupleRow], now: datetime, number: int) -> IncidentAnswer:
    """Everything of one incident. Raises UsageError for a number there is none of, CouldNotLookError."""
    incident = require_incident(conn, number)
    return IncidentAnswer(
        now=now,
        row=IncidentRow(incident, outbox.messages_of(conn, number)),
        timeline=incidents.timeline(conn, number),
        deliveries=outbox.deliveries_of(conn, number),
        silences=tuple(one for one in silences.in_force(conn, now) if _covers(one, incident)),
    )


def require_incident(conn: Connection[TupleRow], number: int) -> Incident:
    """The incident of that number. Raises UsageError, naming the newest there is."""
    found = incidents.find(conn, number) if 0 < number <= _BIGGEST else None
    if found is None:
        newest = incidents.read(conn, limit=1)
        offered = f"The newest is {newest[0].number}: telemetry incidents list" if newest else "There was none yet."
        raise UsageError(f"There is no incident {number}.", offered)
    return found


def read_silences(conn: Connection[TupleRow], now: datetime, *, everything: bool = False) -> tuple[Silence, ...]:
    """The silences in force; with ``everything`` those that are over too, newest first."""
    return silences.read(conn) if everything else silences.in_force(conn, now)


def require_silence(conn: Connection[TupleRow], identifier: int, now: datetime) -> Silence:
    """The silence of that id, in force still. Raises UsageError where there is none, or its time is over."""
    every = {one.id: one for one in silences.read(conn)}
    found = every.get(identifier)
    if found is None:
        in_force = [str(one.id) for one in silences.in_force(conn, now)]
        offered = f"In force: {', '.join(in_force)}." if in_force else "None is in force."
        raise UsageError(f"There is no silence {identifier}.", offered)
    if not found.is_in_force(now):
        ended = min(filter(None, (found.ended_at, found.until)))
        raise UsageError(f"Silence {identifier} is over since {ended:%Y-%m-%d %H:%M} UTC.", "Nothing is to be ended.")
    return found


def assets_silenced(conn: Connection[TupleRow], pattern: str) -> tuple[str, ...]:
    """The known assets that a key or pattern means, sorted. Raises UsageError with the nearest where it means none."""
    known = sorted(
        {
            *(node.key for node in graph.read(conn)),
            *(one.asset for one in check_results.failed(conn)),
            *(asset for one in incidents.read(conn, _UNRESOLVED, MOST) for asset in one.reach.assets if asset),
        }
    )
    found = tuple(key for key in known if fnmatchcase(key, pattern))
    if not found:
        raise UsageError(
            f"No asset is called {pattern!r}, so the silence would cover nothing.", _nearest(pattern, known)
        )
    return found


_UNRESOLVED = (Phase.OPEN, Phase.ACKNOWLEDGED)


def _nearest(pattern: str, known: Sequence[str]) -> str:
    is_pattern = bool(set("*?[") & set(pattern))
    choices = sorted({f"{key.rpartition('/')[0]}/*" for key in known if "/" in key}) if is_pattern else known
    near = get_close_matches(pattern, choices, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    few = ", ".join(choices[:5]) + (" …" if len(choices) > 5 else "")
    return f"There is {few}." if choices else "None is known yet; run telemetry prepare."


def _covers(silence: Silence, incident: Incident) -> bool:
    return any(
        any(fnmatchcase(asset, silence.asset) for asset in block.assets if asset)
        and (silence.tenant is None or silence.tenant in block.tenants)
        for block in incident.reach.blocks
    )
