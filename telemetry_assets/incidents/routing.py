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
    ``hearing`` ones want an acknowledgement told. ``dagster_url`` is where assets have a page, without a slash at the
    end; empty where nobody knows."""

    routes: Mapping[str, Route] = field(default_factory=lambda: MappingProxyType({}))
    fallback: tuple[str, ...] = ()
    editing: frozenset[str] = frozenset()
    hearing: frozenset[str] = frozenset()
    dagster_url: str = ""
