"""What a message says, in parts that each channel formats in its own way.

What belongs here: from an incident and a step to a message. What does not: when it is told (``life.py``), to whom
(``telling.py``), the one line on top (``headline.py``).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from telemetry_assets.incidents.headline import NAME_LENGTH, duration, standing_text, subject_text
from telemetry_assets.incidents.incident import Incident, Phase, Step
from telemetry_assets.incidents.links import links_of
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.routing import Routing
from telemetry_assets.incidents.situation import EVIDENCE_LENGTH, QUOTE_LENGTH, REMEDY_LENGTH, SAYS_LENGTH
from telemetry_assets.incidents.texts import clock, cut, one_line
from telemetry_assets.incidents.trouble import Severity
from telemetry_assets.model import ANY_TENANT, CauseKind
from telemetry_assets.spoken import counted, named, spoken

NAMES_SHOWN = 10
EVIDENCE_SHOWN = 5
FACT_LENGTH = 300
HEADLINE_CUT = 600


def message_of_step(
    incident: Incident,
    seq: int,
    step: Step,
    channel: str,
    owners: Sequence[str],
    line: str,
    routing: Routing,
    now: datetime,
    extra: Sequence[tuple[str, str]] = (),
) -> Message:
    """What one channel is told of one step: ``line`` is its headline, ``owners`` those it is for, ``extra`` facts that
    only this step has. Texts are cut to a length that a person reads."""
    links, notes = links_of(incident, owners, routing)
    reach, over = incident.reach, incident.phase is Phase.RESOLVED
    tenants = [tenant for tenant in reach.tenants if tenant != ANY_TENANT]
    return Message(
        incident=incident.number,
        seq=seq,
        channel=channel,
        step=str(step),
        at=now,
        phase=str(incident.phase),
        severity=incident.severity,
        kind=str(incident.kind),
        where=one_line(incident.where, NAME_LENGTH),
        headline=one_line(line, HEADLINE_CUT),
        says=_says(incident),
        remedy="" if over else cut(incident.remedy, REMEDY_LENGTH),
        quote=cut(incident.quote, QUOTE_LENGTH),
        owners=tuple(one_line(owner, NAME_LENGTH) for owner in owners),
        facts=tuple((label, one_line(value, FACT_LENGTH)) for label, value in [*extra, *_facts(incident, now)]),
        evidence=() if over else tuple(cut(text, EVIDENCE_LENGTH) for text in incident.evidence[:EVIDENCE_SHOWN]),
        links=links,
        assets=_names(reach.assets),
        tenants=_names(tenants),
        reach=(len(reach), len(reach.assets), len(tenants)),
        opened_at=incident.opened_at,
        resolved_at=incident.resolved_at,
        notes=notes,
        drill=incident.drill,
    )


def test_message(channel: str, now: datetime) -> Message:
    """A message that is marked as a test: nothing is wrong. Two of one second have the same key."""
    return Message(
        incident=0,
        seq=int(now.timestamp()),
        channel=channel,
        step="test",
        at=now,
        phase=str(Phase.RESOLVED),
        severity=Severity.WARN,
        kind="test",
        where=channel,
        headline=f"Nothing is wrong: alerts reach {channel}",
        says="Somebody asked for this message with: telemetry doctor --send-test. No incident belongs to it.",
        test=True,
    )


def _says(incident: Incident) -> str:
    """What is the matter; of what is over, what was. What merely waited at its end has its cause in the headline."""
    if incident.phase is not Phase.RESOLVED or incident.drill:
        return cut(incident.says, SAYS_LENGTH)
    return (
        "" if incident.kind is CauseKind.WAITING or not incident.says else cut(f"It was: {incident.says}", SAYS_LENGTH)
    )


def _facts(incident: Incident, now: datetime) -> Iterator[tuple[str, str]]:
    """Label and value, the most telling first. What is resolved shows its ages in the headline and as facts."""
    worst, over = incident.worst, incident.phase is Phase.RESOLVED
    if worst.asset:
        standing = standing_text(worst.standing)
        yield ("Worst was" if over else "Worst"), ": ".join(filter(None, (subject_text(worst), standing)))
    hit = incident.reach
    if over and worst.asset and incident.widest > len(hit):
        yield "Hit", f"{counted(incident.widest, 'promise')} at the most"
    elif worst.asset and len(hit) > 1:
        tenants = [tenant for tenant in hit.tenants if tenant != ANY_TENANT]
        of = f", {counted(len(tenants), 'tenant')}: {named(tenants)}" if tenants else ""
        yield "Hit" if over else "Hits", f"{counted(len(hit.assets), 'asset')}: {named(hit.assets)}{of}"
    if incident.dashboards:
        yield "Dashboards", named([board.label for board in incident.dashboards])
    if incident.since and not over:
        yield "Since", f"{clock(incident.since, now)}, {spoken(now - incident.since)} ago"
    if over and not incident.drill:
        yield "Lasted", spoken(duration(incident, now))
    if incident.acknowledged_at:
        yield "Acknowledged", f"by {incident.acknowledged_by} at {clock(incident.acknowledged_at, now)}"
    if incident.root and incident.root not in (worst.asset, incident.where):
        yield "Look at", incident.root


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(one_line(name, NAME_LENGTH) for name in names[:NAMES_SHOWN])
