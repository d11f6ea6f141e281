"""Settings → who is told through what: the declared owners and channels as the values that deciding takes.

What belongs here: the translation, and every channel there is. What does not: deciding who is told (``incidents/``),
opening a channel (``channels/``).
"""

from datetime import timedelta
from difflib import get_close_matches

from telemetry_assets import running
from telemetry_assets.channels.traits import edits, hears, rate_of
from telemetry_assets.errors import UsageError
from telemetry_assets.incidents.routing import REMIND_AFTER, Escalation, Route, Routing
from telemetry_assets.incidents.trouble import Severity
from telemetry_assets.settings import ChannelSettings, OwnerSettings, Settings


def channels_of(settings: Settings) -> dict[str, ChannelSettings]:
    """Every channel by name: those of telemetry.yaml, then the fallback. A declared one of its name stands for it."""
    fallback = {settings.fallback.name: settings.fallback} if settings.fallback else {}
    return {**settings.channels, **{name: one for name, one in fallback.items() if name not in settings.channels}}


def require_channel(settings: Settings, name: str) -> ChannelSettings:
    """The channel of that name. Raises UsageError, naming the nearest there is."""
    channels = channels_of(settings)
    if name in channels:
        return channels[name]
    near = get_close_matches(name, channels, 1)
    known = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(channels)) or 'none'}."
    raise UsageError(f"There is no channel '{name}' in {settings.path.name}.", known)


def rates_of(settings: Settings) -> dict[str, float]:
    """channel → messages a second."""
    return {name: rate_of(channel) for name, channel in channels_of(settings).items()}


def routing_of(settings: Settings) -> Routing:
    """Everybody who may be told, from telemetry.yaml; assets have their page where the Dagster UI is known to be."""
    channels = channels_of(settings)
    return Routing(
        routes={name: _route(owner) for name, owner in settings.owners.items()},
        fallback=(settings.fallback.name,) if settings.fallback else (),
        editing=frozenset(name for name, channel in channels.items() if edits(channel)),
        hearing=frozenset(name for name, channel in channels.items() if hears(channel)),
        declared=frozenset(channels),
        dagster_url=_dagster_url(settings),
    )


def _route(owner: OwnerSettings) -> Route:
    return Route(
        owner=owner.name,
        channels={Severity(severity): tuple(names) for severity, names in owner.notify.items()},
        escalate=_escalation(owner.escalate_after, owner.escalate_to),
        remind=owner.remind or REMIND_AFTER,
        dashboard=owner.dashboard,
        runbook=owner.runbook,
    )


def _escalation(after: timedelta | None, to: str | None) -> Escalation | None:
    return Escalation(after, to) if after is not None and to else None


def _dagster_url(settings: Settings) -> str:
    if settings.dagster_url:
        return settings.dagster_url
    entry = running.read(settings.home).get("webserver")
    return str(entry.get("url", "")).rstrip("/") if isinstance(entry, dict) else ""
