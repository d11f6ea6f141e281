"""What is wrong now against what is remembered: everything that becomes of incidents at one instant.

What belongs here: putting the parts together. What does not: the pairs (``matching.py``), the steps (``life.py``,
``prodding.py``, ``ending.py``), writing any of it down (``ledger/incidents.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from telemetry_assets.incidents.ending import resolved
from telemetry_assets.incidents.incident import Change, Incident
from telemetry_assets.incidents.life import gone_on, opened, reopened
from telemetry_assets.incidents.matching import matches_of
from telemetry_assets.incidents.routing import Routing
from telemetry_assets.incidents.trouble import Situation, Standing, Subject


def reconcile(
    incidents: Iterable[Incident],
    situations: Sequence[Situation],
    standing: Mapping[Subject, Standing],
    routing: Routing,
    now: datetime,
    next_number: int,
) -> tuple[Change, ...]:
    """What changes, by the number of the incident; ``incidents`` are all unresolved ones and those resolved lately.

    ``standing`` holds the worst subject of every unresolved incident as it is now: what it lacks is promised no more.
    New incidents are numbered from ``next_number``. The order of what is handed in does not matter, and doing it again
    at the same instant changes nothing more.
    """
    found = matches_of(incidents, situations, now)
    changes = [
        *(gone_on(match, routing, now) for match in found.going_on),
        *(reopened(incident, situation, routing, now) for incident, situation in found.reopened),
        *(resolved(incident, situations, standing, routing, now) for incident in found.over),
        *(opened(one, number, routing, now) for number, one in enumerate(found.new, next_number)),
    ]
    return tuple(sorted((one for one in changes if one), key=lambda change: change.after.number))
