"""One line that says what is wrong, for somebody who reads nothing else.

What belongs here: what a kind is called, what it breaks, the worst of it, how it ended. What does not: the rest of a
message (``wording.py``).
"""

from datetime import datetime, timedelta

from telemetry_assets.incidents.incident import Incident
from telemetry_assets.incidents.texts import one_line
from telemetry_assets.incidents.trouble import Standing, Worst
from telemetry_assets.model import ANY_TENANT, CauseKind, State
from telemetry_assets.spoken import counted, spoken

NAME_LENGTH = 120
SAID_LENGTH = 250
HEADLINE_LENGTH = 400

_CALLED = {
    CauseKind.SYNC_FAILED: "sync failed",
    CauseKind.SYNC_NOT_RUN: "no sync has started",
    CauseKind.SYNC_RUNNING_LONG: "a sync does not end",
    CauseKind.FEED_QUIET: "nothing newer comes in",
    CauseKind.ZERO_ROWS: "syncs succeed and bring 0 rows",
    CauseKind.NEVER_LOADED: "never loaded",
    CauseKind.BUILD_FAILED: "build failed",
    CauseKind.BUILD_SKIPPED: "build skipped",
    CauseKind.BUILD_NOT_RUN: "not built",
    CauseKind.WITHHELD: "payload breaks its contract and is withheld",
    CauseKind.NOT_PUBLISHED: "not published",
    CauseKind.CLOCK: "its times cannot be trusted",
    CauseKind.COULD_NOT_LOOK: "could not be looked at",
    CauseKind.CORRECTED: "was set back",
    CauseKind.UNDATED: "nothing dates it",
    CauseKind.NO_WINDOW: "nobody said how old it may be",
    CauseKind.WAITING: "waits for its next run",
    CauseKind.CHECK_FAILED: "check failed",
    CauseKind.RUN_FAILED: "run failed",
    CauseKind.MONITOR_DOWN: "the monitor is down",
    CauseKind.DRILL_LOST: "did not receive the fire drill",
    CauseKind.FIRE_DRILL: "fire drill",
}
_ITSELF = frozenset({CauseKind.MONITOR_DOWN, CauseKind.FIRE_DRILL})
"""Kinds that there is one of: their place says nothing more."""


def cause_text(kind: CauseKind, where: str) -> str:
    """``shop: sync failed``."""
    return _CALLED[kind] if kind in _ITSELF else f"{one_line(where, NAME_LENGTH)}: {_CALLED[kind]}"


def headline(incident: Incident) -> str:
    """``shop: sync failed; 12 promises of 3 tenants are late (worst: marts/x for northshore, 3 h 10 min old,
    promised under 60 min)``."""
    cause = cause_text(incident.kind, incident.where)
    hit = _hit(incident)
    return one_line(f"{cause}; {hit}" if hit else cause, HEADLINE_LENGTH)


def subject_text(worst: Worst) -> str:
    """``marts/x for northshore``; only the asset where data has no tenants."""
    tenant = "" if worst.tenant in (ANY_TENANT, "") else f" for {one_line(worst.tenant, NAME_LENGTH)}"
    return one_line(worst.asset, NAME_LENGTH) + tenant


def standing_text(standing: Standing) -> str:
    """``3 h 10 min old, promised under 60 min``; empty where nothing is promised or known."""
    if standing.state is State.MISSING:
        age = "never seen"
    elif standing.state is None or standing.data_age is None:
        age = ""
    else:
        age = f"{spoken(standing.data_age)} old"
    return ", ".join(filter(None, (age, promised_text(standing.limit))))


def promised_text(limit: str) -> str:
    """``promised under 60 min``, ``promised by 09:00 mon–fri``; empty for no limit."""
    if not limit:
        return ""
    return f"promised {one_line(limit if limit.startswith('by ') else f'under {limit}', NAME_LENGTH)}"


def duration(incident: Incident, now: datetime) -> timedelta:
    """How long an incident has lasted, or did."""
    return max((incident.resolved_at or now) - incident.opened_at, timedelta(0))


def _hit(incident: Incident) -> str:
    """What it breaks: ``12 promises of 3 tenants are late (worst: …)``; where nothing is promised what it says."""
    state, number = incident.worst.standing.state, len(incident.reach)
    if state is None or not incident.worst.asset:
        many = f"{counted(len(incident.reach.tenants), 'tenant')}: " if len(incident.reach.tenants) > 1 else ""
        return many + one_line(incident.says, SAID_LENGTH) if incident.says else ""
    if number == 1:
        standing = promised_text(incident.worst.standing.limit) if state is State.MISSING else _standing(incident)
        return f"{subject_text(incident.worst)} {_is(incident)}{f' ({standing})' if standing else ''}"
    some = f"{incident.broken:,} of " if 0 < incident.broken < number else ""
    worst = ", ".join(filter(None, (subject_text(incident.worst), _standing(incident))))
    return f"{some}{counted(number, 'promise')}{_of_tenants(incident)} {_is(incident)} (worst: {worst})"


def _standing(incident: Incident) -> str:
    return standing_text(incident.worst.standing)


def _of_tenants(incident: Incident) -> str:
    everybody = incident.reach.tenants
    tenants = [tenant for tenant in everybody if tenant != ANY_TENANT]
    if len(tenants) > 1:
        return f" of {counted(len(tenants), 'tenant')}"
    return f" of {one_line(tenants[0], NAME_LENGTH)}" if len(everybody) == 1 and tenants else ""


def _is(incident: Incident) -> str:
    """``are late``. Where some were never seen and others are late they are broken."""
    be = "is" if len(incident.reach) == 1 else "are"
    state = incident.worst.standing.state
    if state is State.MISSING:
        return "has never been seen" if be == "is" else "are broken"
    word = {State.FAIL: "late", State.WARN: "due", State.UNKNOWN: "unknown"}.get(state or State.PASS, "fresh again")
    return "cannot be judged" if word == "unknown" else f"{be} {word}"
