"""The effective configuration: the file, the environment and the defaults as one object, with every secret masked.

What belongs here: what `telemetry config show` answers. What does not: how it is printed (``render/config.py``).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from telemetry_assets.declaration.forms import duration_text
from telemetry_assets.model import ANY_TENANT, Promise, Window
from telemetry_assets.settings import AirbyteSettings, SecretRef, Settings, SourceSettings, TenantSettings


def effective(settings: Settings) -> dict[str, Any]:
    """Everything in force, as plain data in the order of telemetry.yaml. No value of a secret is read or shown.

    A secret reads ``{env: NAME} (set)`` or ``(unset)``; durations read as they are written, paths are absolute.
    """
    return {
        "file": str(settings.path),
        "home": str(settings.home),
        "schemas": str(settings.schemas_dir),
        "database": _plain(settings.database) if settings.database else "embedded PostgreSQL (DATABASE_URL is unset)",
        "airbyte": _airbyte(settings.airbyte),
        "dbt": _dbt(settings),
        "tenants": _tenants(settings.tenants),
        "sources": {name: _source(source) for name, source in settings.sources.items()},
        "promises": [_promise(promise) for promise in settings.promises],
        "snapshots": {
            name: {"relation": snapshot.relation, "every": _cadence(snapshot.every, "after each build")}
            for name, snapshot in settings.snapshots.items()
        },
        "owners": _plain(settings.owners),
        "channels": _plain(settings.channels),
    }


def _airbyte(airbyte: AirbyteSettings) -> Any:
    if airbyte.url is None:
        return "local stand-in (AIRBYTE_URL is unset)"
    return {
        "url": _without_user(airbyte.url),
        "workspace_id": airbyte.workspace_id,
        "client_id": _plain(airbyte.client_id or SecretRef("AIRBYTE_CLIENT_ID")),
        "client_secret": _plain(airbyte.client_secret or SecretRef("AIRBYTE_CLIENT_SECRET")),
    }


def _without_user(url: str) -> str:
    """The address without a user or password that somebody put into it, nor a query that may hold a token."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _dbt(settings: Settings) -> Any:
    dbt = settings.dbt
    if dbt is None:
        return None
    return {
        "project_dir": str(dbt.project_dir),
        "profiles_dir": str(dbt.profiles_dir or dbt.project_dir),
        "target": dbt.target or "the profile's own",
        "every": _cadence(dbt.every, "after each sync"),
    }


def _tenants(tenants: TenantSettings) -> Any:
    if tenants.table is not None:
        return {
            "table": tenants.table,
            "id": tenants.id_column,
            "slug": tenants.slug_column,
            "name": tenants.name_column,
            "timezone": tenants.timezone_column,
            "column": tenants.column,
        }
    return [
        {"slug": tenant.slug, "id": str(tenant.id), "name": tenant.name, "timezone": tenant.timezone}
        for tenant in tenants.inline or ()
    ]


def _source(source: SourceSettings) -> dict[str, Any]:
    connector = {"manifest": str(source.manifest)} if source.manifest else {"executable": list(source.executable or ())}
    return {
        **connector,
        "every": duration_text(source.every),
        "streams": {stream.name: {"clock": str(stream.clock)} for stream in source.streams},
        "connections": [
            {
                "tenant": connection.tenant if connection.tenant != ANY_TENANT else None,
                "connection_id": str(connection.connection_id),
                "config": _plain(connection.config),
            }
            for connection in source.connections
        ],
    }


def _promise(promise: Promise) -> dict[str, Any]:
    number = {"window": _window(promise.window)} if promise.window else {"grace": duration_text(promise.grace)}
    own = {slug: _window(window) for slug, window in promise.overrides.items()}
    return {
        "asset": promise.asset,
        **number,
        "owner": promise.owner,
        "tenants": sorted(promise.tenants) if promise.tenants is not None else "all",
        **({"overrides": own} if own else {}),
    }


def _window(window: Window) -> dict[str, str]:
    warn = {"warn": duration_text(window.warn)} if window.warn else {}
    return {**warn, "fail": duration_text(window.fail)}


def _cadence(every: timedelta | None, otherwise: str) -> str:
    return duration_text(every) if every else otherwise


def _plain(value: Any) -> Any:
    if isinstance(value, SecretRef):
        return f"{{env: {value.env}}} ({'set' if value.is_set else 'unset'})"
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
