"""What ``telemetry incidents`` answers: incidents with who was told of them, and what became of each message.

What belongs here: the values of the answers and their JSON. What does not: reading them (``incidents.py``), drawing
(``render/incidents.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from telemetry_assets.answers.condition import iso
from telemetry_assets.answers.limits import seconds
from telemetry_assets.incidents.headline import cause_text
from telemetry_assets.incidents.incident import Entry, Incident, Phase, Step
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.silence import Silence
from telemetry_assets.incidents.trouble import Standing
from telemetry_assets.ledger.outbox import Delivery, Kept
from telemetry_assets.model import CauseKind, State


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident and its messages, oldest first."""

    incident: Incident
    messages: tuple[Kept, ...]

    @property
    def undelivered(self) -> Mapping[str, str]:
        """channel → why, of those whose newest message died."""
        newest = {one.message.channel: one for one in self.messages}
        return {channel: one.reason for channel, one in newest.items() if one.status == "dead"}

    @property
    def waiting(self) -> Mapping[str, str]:
        """channel → why its last try failed (empty: it was not tried yet), of those with a message on its way."""
        return {one.message.channel: one.reason for one in self.messages if one.status == "pending"}

    @property
    def reached(self) -> tuple[str, ...]:
        """The channels that accepted a message, sorted."""
        return tuple(sorted({one.message.channel for one in self.messages if one.status == "sent"}))

    @property
    def untold(self) -> bool:
        """True where nobody was ever told, though it is not under a silence."""
        return not self.messages and not self.incident.muted


@dataclass(frozen=True, slots=True)
class IncidentsAnswer:
    """Incidents, those not resolved first, then the newest. ``hidden``: how many resolved ones are left out."""

    now: datetime
    rows: tuple[IncidentRow, ...]
    hidden: int = 0

    def count(self, phase: Phase) -> int:
        """How many of the shown are in this phase."""
        return sum(row.incident.phase is phase for row in self.rows)

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines."""
        return {
            "checked_at": iso(self.now),
            **{str(phase): self.count(phase) for phase in Phase},
            "hidden": self.hidden,
            "incidents": [_row_json(row, self.now) for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class IncidentAnswer:
    """Everything that is remembered of one incident. ``silences`` are those in force on anything it hits."""

    now: datetime
    row: IncidentRow
    timeline: tuple[Entry, ...]
    deliveries: tuple[Delivery, ...]
    silences: tuple[Silence, ...] = ()

    @property
    def incident(self) -> Incident:
        """The incident."""
        return self.row.incident

    @property
    def breach(self) -> timedelta:
        """How long its worst promise was broken: also before anybody looked, and without the time between a recovery
        and a reopening."""
        one = self.incident
        return breach_of(self.timeline, self.now) + (one.opened_at - min(broken_since(one), one.opened_at))

    @property
    def told_cause(self) -> Message | None:
        """The newest message that told of a cause, where the incident itself merely waits, or waited, for the next run
        of something; else None: what it says is its cause."""
        if self.incident.kind is not CauseKind.WAITING:
            return None
        told = [one.message for one in self.row.messages if one.message.kind != CauseKind.WAITING]
        return told[-1] if told else None

    @property
    def widest_told(self) -> Message | None:
        """The message that told of the most subjects, where that is more than the incident hits now."""
        widest = max((one.message for one in self.row.messages), key=lambda one: one.reach[0], default=None)
        return widest if widest and widest.reach[0] > len(self.incident.reach) else None

    def messages_of(self, entry: Entry) -> list[Kept]:
        """The messages of one entry of the timeline."""
        return [one for one in self.row.messages if one.message.seq == entry.seq]

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines."""
        return {
            "checked_at": iso(self.now),
            **_row_json(self.row, self.now),
            "breach_seconds": seconds(self.breach),
            "timeline": [_entry_json(entry) for entry in self.timeline],
            "messages": [_message_json(one) for one in self.row.messages],
            "deliveries": [_delivery_json(one) for one in self.deliveries],
            "silences": [silence_json(one) for one in self.silences],
        }


def called(incident: Incident) -> str:
    """``shop: sync failed``: its cause, in the words that its messages have. What merely waits for the next run is
    called what people were told before."""
    if incident.kind is CauseKind.WAITING and incident.known_as:
        return incident.known_as
    return cause_text(incident.kind, incident.where)


def breach_of(timeline: Sequence[Entry], now: datetime) -> timedelta:
    """The time from each opening to the next recovery; of one that lasts, until ``now``."""
    total, since = timedelta(0), None
    for entry in timeline:
        if entry.step is Step.RESOLVED and since is not None:
            total, since = total + (entry.at - since), None
        elif since is None and entry.step in (Step.OPENED, Step.REOPENED):
            since = entry.at
    return total + (max(now - since, timedelta(0)) if since is not None else timedelta(0))


def broken_since(incident: Incident) -> datetime:
    """When the worst subject crossed its limit, as far as that can be told from how it stood when it was last seen
    broken; else when the incident opened."""
    stood = incident.worst.standing
    if stood.state is not State.FAIL or stood.data_time is None or stood.data_age is None or stood.past is None:
        return incident.opened_at
    return stood.data_time + stood.data_age - stood.past


def silence_json(silence: Silence) -> Mapping[str, Any]:
    """A silence for machines."""
    return {
        "id": silence.id,
        "asset": silence.asset,
        "tenant": silence.tenant,
        "until": iso(silence.until),
        "reason": silence.reason,
        "author": silence.author,
        "created_at": iso(silence.created_at),
        "ended_at": iso(silence.ended_at),
    }


def incident_json(incident: Incident) -> Mapping[str, Any]:
    """An incident for machines; ages are seconds, as of when it was last evaluated."""
    return {
        "number": incident.number,
        "phase": str(incident.phase),
        "severity": str(incident.severity),
        "kind": str(incident.kind),
        "where": incident.where,
        "called": called(incident),
        "says": incident.says,
        "remedy": incident.remedy,
        "quote": incident.quote,
        "root": incident.root,
        "since": iso(incident.since),
        "opened_at": iso(incident.opened_at),
        "acknowledged_at": iso(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by,
        "resolved_at": iso(incident.resolved_at),
        "resolution": incident.resolution,
        "reopened": incident.reopened,
        "muted": incident.muted,
        "drill": incident.drill,
        "owners": list(incident.owners),
        "dashboards": [{"label": one.label, "owner": one.owner, "url": one.url} for one in incident.dashboards],
        "evidence": list(incident.evidence),
        "reach": _reach_json(incident),
        "worst": {
            "asset": incident.worst.asset,
            "tenant": incident.worst.tenant,
            **standing_json(incident.worst.standing),
        },
        "told": {
            owner: {
                "severity": str(one.severity),
                "first_at": iso(one.first_at),
                "last_at": iso(one.last_at),
                "channels": list(one.channels),
                "escalated": one.escalated,
            }
            for owner, one in incident.told.items()
        },
    }


def standing_json(standing: Standing) -> Mapping[str, Any]:
    """How a subject stood, for machines."""
    return {
        "state": str(standing.state) if standing.state else None,
        "data_time": iso(standing.data_time),
        "data_age_seconds": seconds(standing.data_age),
        "run_age_seconds": seconds(standing.run_age),
        "limit": standing.limit,
    }


def _reach_json(incident: Incident) -> Mapping[str, Any]:
    reach = incident.reach
    return {
        "subjects": len(reach),
        "assets": len(reach.assets),
        "tenants": len(reach.tenants),
        "widest": incident.widest,
        "blocks": [{"assets": list(block.assets), "tenants": list(block.tenants)} for block in reach.blocks],
    }


def _row_json(row: IncidentRow, now: datetime) -> Mapping[str, Any]:
    ended = row.incident.resolved_at or now
    return {
        **incident_json(row.incident),
        "age_seconds": seconds(max(ended - row.incident.opened_at, timedelta(0))),
        "reached": list(row.reached),
        "waiting": dict(row.waiting),
        "undelivered": dict(row.undelivered),
        "untold": row.untold,
    }


def _entry_json(entry: Entry) -> Mapping[str, Any]:
    return {
        "seq": entry.seq,
        "step": str(entry.step),
        "at": iso(entry.at),
        "words": entry.words,
        "actor": entry.actor,
        "channels": list(entry.channels),
    }


def _message_json(one: Kept) -> Mapping[str, Any]:
    return {
        "seq": one.message.seq,
        "channel": one.message.channel,
        "status": one.status,
        "written_at": iso(one.written_at),
        "ended_at": iso(one.ended_at),
        "tries": one.tries,
        "reason": one.reason,
        "headline": one.message.headline,
        "accepted": list(one.accepted),
    }


def _delivery_json(one: Delivery) -> Mapping[str, Any]:
    return {
        "channel": one.channel,
        "seqs": list(one.seqs),
        "tried_at": iso(one.tried_at),
        "took_seconds": seconds(one.took),
        "outcome": str(one.outcome),
        "reason": one.reason,
        "receipt": one.receipt,
    }
