"""The effective configuration: the file, the environment and the defaults as one object, with every secret masked.

What belongs here: what `telemetry config show` answers. What does not: how it is printed (``render/config.py``).
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from telemetry_assets.declaration.calendar import day_words, time_text
from telemetry_assets.declaration.configured import (
    ChannelSettings,
    ForeignSourceSettings,
    OwnerSettings,
    TableSourceSettings,
    TenantSettings,
)
from telemetry_assets.declaration.forms import duration_text
from telemetry_assets.declaration.nested import rebuilt
from telemetry_assets.model import ANY_TENANT, Deadline, Limit, Promise, Window
from telemetry_assets.settings import AirbyteSettings, SecretRef, Settings, SourceSettings

DECLARED = ("dbt", "tenants", "sources", "promises", "snapshots", "owners", "channels")
"""The parts of an answer that are themselves a telemetry.yaml."""


def effective(settings: Settings) -> dict[str, Any]:
    """Everything in force, as plain data: what the environment adds, then DECLARED in the order of telemetry.yaml.

    No value of a secret is read or shown, only whether it is set. Durations read as they are written, paths are
    absolute, defaults are spelt out; what is absent is left out. The declared part, read again, gives equal settings.
    """
    declared = {
        "dbt": _dbt(settings),
        "tenants": _tenants(settings.tenants),
        "sources": {
            **{name: _source(source) for name, source in settings.sources.items()},
            **{name: _tables(source) for name, source in settings.tables.items()},
            **{name: _foreign(source) for name, source in settings.foreign.items()},
        },
        "promises": [_promise(promise) for promise in settings.promises],
        "snapshots": {
            name: _given(relation=snapshot.relation, every=_cadence(snapshot.every))
            for name, snapshot in settings.snapshots.items()
        },
        "owners": {name: _owner(owner) for name, owner in settings.owners.items()},
        "channels": {name: _channel(channel) for name, channel in settings.channels.items()},
    }
    return {
        "file": str(settings.path),
        "home": str(settings.home),
        "schemas": str(settings.schemas_dir),
        "database": _said(settings.database) if settings.database else "embedded PostgreSQL (DATABASE_URL is unset)",
        "airbyte": _airbyte(settings.airbyte),
        **_alerts(settings),
        "secrets": {ref.env: "set" if ref.is_set else "unset" for ref in settings.secrets()},
        **{part: declared[part] for part in DECLARED},
    }


def _airbyte(airbyte: AirbyteSettings) -> Any:
    if airbyte.url is None:
        return "local stand-in (AIRBYTE_URL is unset)"
    return {
        "url": _without_user(airbyte.url),
        "workspace_id": airbyte.workspace_id,
        "client_id": _said(airbyte.client_id or SecretRef("AIRBYTE_CLIENT_ID")),
        "client_secret": _said(airbyte.client_secret or SecretRef("AIRBYTE_CLIENT_SECRET")),
    }


def _alerts(settings: Settings) -> dict[str, str]:
    """What the environment adds to owners and channels, as far as it does."""
    fallback = settings.fallback
    return _given(
        fallback=f"{fallback.name}, {_said(fallback.options['webhook_url'])}" if fallback else None,
        deadman=_said(settings.deadman) if settings.deadman else None,
        dagster_url=_without_user(settings.dagster_url) if settings.dagster_url else None,
    )


def _without_user(url: str) -> str:
    """The address without a user or password that somebody put into it, nor a query that may hold a token."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _dbt(settings: Settings) -> Any:
    dbt = settings.dbt
    if dbt is None:
        return None
    return _given(
        project_dir=str(dbt.project_dir),
        profiles_dir=str(dbt.profiles_dir) if dbt.profiles_dir else None,
        target=dbt.target,
        every=_cadence(dbt.every),
    )


def _tenants(tenants: TenantSettings) -> Any:
    if tenants.table is not None:
        return _given(
            table=tenants.table,
            id=tenants.id_column,
            slug=tenants.slug_column,
            name=tenants.name_column,
            timezone=tenants.timezone_column,
            column=tenants.column,
        )
    if tenants.inline is None:
        return None
    return [
        {"slug": tenant.slug, "id": str(tenant.id), "name": tenant.name, "timezone": tenant.timezone}
        for tenant in tenants.inline
    ]


def _source(source: SourceSettings) -> dict[str, Any]:
    return _given(
        manifest=str(source.manifest) if source.manifest else None,
        executable=list(source.executable) if source.executable else None,
        every=duration_text(source.every),
        streams={stream.name: {"clock": str(stream.clock)} for stream in source.streams},
        connections=[
            _given(
                tenant=connection.tenant if connection.tenant != ANY_TENANT else None,
                connection_id=str(connection.connection_id),
                config=_plain(connection.config),
            )
            for connection in source.connections
        ],
    )


def _tables(source: TableSourceSettings) -> dict[str, Any]:
    return {
        "kind": "table",
        "tables": {
            table.asset_key.removeprefix(f"{source.name}/"): {
                "table": f"{table.schema}.{table.name}",
                "clock": str(table.clock),
                "tenant_column": table.tenant_column,
            }
            for table in source.tables
        },
    }


def _foreign(source: ForeignSourceSettings) -> dict[str, Any]:
    return {
        "kind": "dagster",
        "assets": {
            asset.name: {"key": asset.asset_key, "clock": str(asset.clock), "tenanted": asset.tenanted}
            for asset in source.assets
        },
    }


def _promise(promise: Promise) -> dict[str, Any]:
    own = {slug: _limit(limit) for slug, limit in promise.overrides.items()}
    return _given(
        asset=promise.asset,
        window=_limit(promise.limit) if isinstance(promise.limit, Window) else None,
        grace=duration_text(promise.grace) if promise.limit is None else None,
        **(_limit(promise.limit) if isinstance(promise.limit, Deadline) else {}),
        owner=promise.owner,
        tenants=sorted(promise.tenants) if promise.tenants is not None else own or None,
    )


def _owner(owner: OwnerSettings) -> dict[str, Any]:
    escalates = owner.escalate_after is not None
    return _given(
        notify={severity: list(channels) for severity, channels in owner.notify.items()} or None,
        escalate=_given(after=_cadence(owner.escalate_after), to=owner.escalate_to) if escalates else None,
        remind=_cadence(owner.remind),
        dashboard=owner.dashboard or None,
        runbook=owner.runbook or None,
    )


def _channel(channel: ChannelSettings) -> dict[str, Any]:
    return _given(
        kind=channel.kind, **_plain(channel.options), rate=channel.rate, timeout=duration_text(channel.timeout)
    )


def _limit(limit: Limit) -> dict[str, Any]:
    if isinstance(limit, Window):
        return _given(warn=_cadence(limit.warn), fail=duration_text(limit.fail))
    return _given(
        by=time_text(limit.by),
        zone=limit.zone,
        days=day_words(limit.days),
        warn=time_text(limit.warn) if limit.warn is not None else None,
        since=time_text(limit.since),
    )


def _cadence(every: timedelta | None) -> str | None:
    return duration_text(every) if every else None


def _given(**entries: Any) -> dict[str, Any]:
    """A mapping without the keys that have no value."""
    return {key: value for key, value in entries.items() if value is not None}


def _said(ref: SecretRef) -> str:
    return f"{{env: {ref.env}}} ({'set' if ref.is_set else 'unset'})"


def _plain(value: Any) -> Any:
    return rebuilt(value, lambda leaf: {"env": leaf.env} if isinstance(leaf, SecretRef) else leaf)
