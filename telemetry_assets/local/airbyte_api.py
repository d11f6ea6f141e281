"""The shapes of Airbyte's API as a server answers them, quirks included; no server, no database.

What belongs here: our values → its JSON, its query strings → our values. What does not: routes (``airbyte_server.py``).

The quirks: nulls are left out, ``:00`` seconds are dropped, ``lastUpdatedAt`` exists on terminal jobs only, the default
order of jobs is oldest first, and a page's ``next`` is non-empty whenever the page is.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, UUID, uuid5

from psycopg.conninfo import conninfo_to_dict

from telemetry_assets.local.airbyte_jobs import Job, JobFilter, Status
from telemetry_assets.local.protocol import CatalogStream
from telemetry_assets.settings import ConnectionSettings, SourceSettings

WORKSPACE_ID = UUID("7e1e4e72-0000-4000-8000-000000000001")
"""The one workspace of every local Airbyte."""

_EPOCH = 1_700_000_000
_PAGE_LIMIT = 100


class Problem(Exception):
    """An answer that refuses; ``message`` is the detail Airbyte puts under ``data``."""

    def __init__(self, status: int, title: str, detail: str, message: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.document: dict[str, Any] = {
            "type": f"https://reference.airbyte.com/reference/errors#{title}",
            "title": title,
            "status": status,
            "detail": detail,
        }
        if message:
            self.document["data"] = {"message": message}


def not_found(what: str) -> Problem:
    """404 in Airbyte's words."""
    return Problem(404, "resource-not-found", "The requested resource could not be found.", what)


def state_conflict() -> Problem:
    """What Airbyte answers for a job that is unknown, or cannot be cancelled any more."""
    return Problem(409, "state-conflict", "State conflict", "Job is not currently running")


def job(row: Job) -> dict[str, Any]:
    """A JobResponse. ``startTime`` is when the job was created, waiting included."""
    answer: dict[str, Any] = {
        "jobId": row.job_id,
        "status": row.status,
        "jobType": "sync",
        "startTime": moment(row.created_at),
        "connectionId": str(row.connection_id),
        "lastUpdatedAt": moment(row.updated_at) if row.terminal else None,
        "duration": None if row.status == Status.PENDING else duration(row.updated_at - row.created_at),
        "bytesSynced": row.bytes_synced,
        "rowsSynced": row.rows_synced,
    }
    return _without_nulls(answer)


def job_details(row: Job) -> dict[str, Any]:
    """The internal API's account of a job, with the reason of a failure."""
    failures = [{"failureOrigin": "source", "externalMessage": row.error}] if row.error else []
    attempt = {"id": 0, "status": row.status, "failureSummary": {"failures": failures, "partialSuccess": False}}
    created, updated = int(row.created_at.timestamp()), int(row.updated_at.timestamp())
    streams = [{"streamName": name, "stats": {"recordsCommitted": rows}} for name, rows in (row.streams or {}).items()]
    return {
        "job": {
            "id": row.job_id,
            "configType": "sync",
            "configId": str(row.connection_id),
            "status": row.status,
            "createdAt": created,
            "updatedAt": updated,
        },
        "attempts": [{"attempt": {**attempt, "createdAt": created, "updatedAt": updated, "streamStats": streams}}],
    }


def connection(source: SourceSettings, held: ConnectionSettings) -> dict[str, Any]:
    """A ConnectionResponse of the public API."""
    streams = [{"name": stream.name, "syncMode": "incremental_deduped_history"} for stream in source.streams]
    return {
        "connectionId": str(held.connection_id),
        "name": f"{source.name}/{held.tenant}",
        "sourceId": str(_id("source", source.name)),
        "destinationId": str(destination_id(source)),
        "workspaceId": str(WORKSPACE_ID),
        "status": "active",
        "schedule": {"scheduleType": "manual"},
        "dataResidency": "auto",
        "nonBreakingSchemaUpdatesBehavior": "propagate_columns",
        "namespaceDefinition": "destination",
        "configurations": {"streams": streams},
        "createdAt": _EPOCH,
        "tags": [],
    }


def connection_details(
    source: SourceSettings, held: ConnectionSettings, catalog: Mapping[str, CatalogStream]
) -> dict[str, Any]:
    """The internal API's connection, whose ``syncCatalog`` marks the streams of the settings as selected."""
    selected = {stream.name for stream in source.streams}
    return {
        "connectionId": str(held.connection_id),
        "name": f"{source.name}/{held.tenant}",
        "sourceId": str(_id("source", source.name)),
        "destinationId": str(destination_id(source)),
        "status": "active",
        "breakingChange": False,
        "scheduleType": "manual",
        "namespaceDefinition": "destination",
        "syncCatalog": {"streams": [_catalog_entry(name, catalog.get(name), selected) for name in catalog or selected]},
    }


def _catalog_entry(name: str, stream: CatalogStream | None, selected: set[str]) -> dict[str, Any]:
    configured = stream.configured() if stream else {}
    return {
        "stream": {
            "name": name,
            "jsonSchema": dict(stream.json_schema) if stream else {},
            "supportedSyncModes": stream.document.get("supported_sync_modes", []) if stream else ["full_refresh"],
            "sourceDefinedPrimaryKey": configured.get("primary_key", []),
        },
        "config": {
            "syncMode": configured.get("sync_mode", "full_refresh"),
            "destinationSyncMode": configured.get("destination_sync_mode", "append"),
            "primaryKey": configured.get("primary_key", []),
            "cursorField": configured.get("cursor_field", []),
            "aliasName": name,
            "selected": name in selected,
        },
    }


def destination(source: SourceSettings, dsn: str) -> dict[str, Any]:
    """The DestinationResponse of a source's schema in our database, without its password."""
    target = conninfo_to_dict(dsn)
    return {
        "destinationId": str(destination_id(source)),
        "name": f"raw_{source.name}",
        "destinationType": "postgres",
        "definitionId": str(_id("definition", "postgres")),
        "workspaceId": str(WORKSPACE_ID),
        "createdAt": _EPOCH,
        "configuration": {
            "destinationType": "postgres",
            "host": str(target.get("host", "localhost")),
            "port": int(target.get("port") or 5432),
            "database": str(target.get("dbname", "")),
            "schema": f"raw_{source.name}",
            "username": str(target.get("user", "")),
            "password": "******",
        },
    }


def destination_id(source: SourceSettings) -> UUID:
    """The id of a source's schema."""
    return _id("destination", source.name)


def workspace() -> dict[str, Any]:
    """The WorkspaceResponse."""
    return {"workspaceId": str(WORKSPACE_ID), "name": "telemetry", "dataResidency": "auto", "notifications": {}}


def page(items: Sequence[Any], path: str, query: Mapping[str, str], limit: int, offset: int) -> dict[str, Any]:
    """One page; ``next`` keeps ``query`` only, so filters are lost, as in Airbyte."""

    def link(at: int) -> str:
        return f"http://localhost/api/public/v1{path}?{urlencode({**query, 'limit': limit, 'offset': at})}"

    previous = link(max(offset - limit, 0)) if offset else ""
    return {"previous": previous, "next": link(offset + limit) if items else "", "data": list(items)}


def limits(query: Mapping[str, str]) -> tuple[int, int]:
    """(limit, offset) of a list. Raises Problem 400."""
    try:
        limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
    except ValueError:
        raise Problem(400, "bad-request", "limit and offset are numbers.") from None
    if not 1 <= limit <= _PAGE_LIMIT or offset < 0:
        raise Problem(400, "bad-request", f"limit is 1 to {_PAGE_LIMIT}, offset 0 or more.")
    return limit, offset


def job_filter(query: Mapping[str, str], connections: Sequence[UUID] | None) -> JobFilter:
    """``GET /jobs`` parameters. Raises Problem 400."""
    field, _, way = query.get("orderBy", "createdAt|ASC").partition("|")
    if field not in ("createdAt", "updatedAt") or way not in ("", "ASC", "DESC"):
        raise Problem(400, "bad-request", "orderBy is createdAt or updatedAt, then |ASC or |DESC.")
    limit, offset = limits(query)
    return JobFilter(
        connections=connections,
        status=query.get("status"),
        created_from=_instant(query, "createdAtStart"),
        created_to=_instant(query, "createdAtEnd"),
        updated_from=_instant(query, "updatedAtStart"),
        updated_to=_instant(query, "updatedAtEnd"),
        by_update=field == "updatedAt",
        newest_first=way == "DESC",
        limit=limit,
        offset=offset,
    )


def moment(at: datetime) -> str:
    """An instant as Java's OffsetDateTime prints it: no fraction, and no seconds where they are zero."""
    at = at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ" if at.second else "%Y-%m-%dT%H:%MZ")


def duration(taken: timedelta) -> str:
    """A span as Java's Duration prints it: PT1H2M3S, PT0S."""
    minutes, seconds = divmod(max(int(taken.total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    return "PT" + ("".join(f"{value}{unit}" for value, unit in parts if value) or "0S")


def _instant(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Problem(400, "bad-request", f"{name} is not a time: {text[:40]}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _without_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


def _id(kind: str, name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"telemetry-assets:{kind}/{name}")
