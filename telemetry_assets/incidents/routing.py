"""Who is told through what: the owners of telemetry.yaml as plain values.

What belongs here: owners → channels. What does not: when somebody is told (``reconcile.py``), sending.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from telemetry_assets.incidents.trouble import Severity

REMIND_AFTER = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom else to tell when nobody acted for so long."""

    after: timedelta
    to: str


@dataclass(frozen=True, slots=True)
class Route:
    """One owner: channels by severity, whom it escalates to, how often it is reminded, and its link templates.

    Templates may hold ``{incident}``, ``{kind}``, ``{root}``, ``{asset}`` and ``{tenant}``, filled in quoted for URLs.
    """

    owner: str
    channels: Mapping[Severity, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    escalate: Escalation | None = None
    remind: timedelta = REMIND_AFTER
    dashboard: str = ""
    runbook: str = ""


@dataclass(frozen=True, slots=True)
class Routing:
    """Everybody. ``fallback``: the channels of those who have none. ``editing`` channels change a message in place,
    ``hearing`` ones want an acknowledgement told. ``declared`` are all channels there are; empty where nobody knows.
    ``dagster_url`` is where assets have a page, without a slash at the end; empty where nobody knows."""

    routes: Mapping[str, Route] = field(default_factory=lambda: MappingProxyType({}))
    fallback: tuple[str, ...] = ()
    editing: frozenset[str] = frozenset()
    hearing: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()
    dagster_url: str = ""


def channels_of(owner: str, severity: Severity, routing: Routing) -> tuple[str, ...]:
    """Through what an owner is told at a severity; empty where nobody is. :data:`NOBODY` is whoever hears of the rest.

    An ERROR without a channel of its own takes the way of a WARN, else the fallback. An owner whom nobody described in
    telemetry.yaml, because only a dbt exposure names them, hears as little as nobody: others hear in their place.
    """
    if owner not in routing.routes:
        told = [channel for one in hearing_of_the_rest(routing) for channel in _own(one, severity, routing)]
        return tuple(dict.fromkeys(told)) or routing.fallback
    own = _own(owner, severity, routing)
    return own or (routing.fallback if severity is Severity.ERROR else ())


def hearing_of_the_rest(routing: Routing) -> tuple[str, ...]:
    """Who is told of what nobody owns: those whom others escalate to, else everybody; sorted."""
    escalated_to = {route.escalate.to for route in routing.routes.values() if route.escalate}
    return tuple(sorted(escalated_to & routing.routes.keys() or routing.routes))


def _own(owner: str, severity: Severity, routing: Routing) -> tuple[str, ...]:
    channels = routing.routes[owner].channels if owner in routing.routes else {}
    if severity is Severity.ERROR and channels.get(Severity.ERROR):
        return channels[Severity.ERROR]
    return channels.get(Severity.WARN, ())
