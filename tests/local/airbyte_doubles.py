"""Builders for tests of the local Airbyte: settings around the counting connector, and a server that is stopped."""

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from telemetry_assets.local.airbyte_server import LocalAirbyte
from telemetry_assets.model import ANY_TENANT, Clock
from telemetry_assets.settings import (
    AirbyteSettings,
    ConnectionSettings,
    Settings,
    SourceSettings,
    StreamSettings,
    TenantSettings,
)
from telemetry_assets.sources.airbyte import AirbyteClient
from telemetry_assets.sources.airbyte_http import Credentials, Server

COUNTING = Path(__file__).parents[1] / "connectors_for_tests" / "counting.py"
TENANTS = {"acme": UUID(int=0xA), "globex": UUID(int=0xB)}
CONNECTIONS = {"acme": UUID(int=0xCA), "globex": UUID(int=0xCB), ANY_TENANT: UUID(int=0xC0)}


def settings_of(
    home: Path,
    *,
    streams: tuple[str, ...] = ("numbers",),
    tenants: tuple[str, ...] = ("acme",),
    manifest: Path | None = None,
    executable: tuple[str, ...] | None = None,
    source: str = "counter",
    **config: Any,
) -> Settings:
    """Settings with one source, one connection per tenant, all with the same ``config``."""
    connections = tuple(ConnectionSettings(source, tenant, CONNECTIONS[tenant], config) for tenant in tenants)
    return Settings(
        path=home / "telemetry.yaml",
        home=home,
        tenants=TenantSettings(),
        dbt=None,
        sources={
            source: SourceSettings(
                name=source,
                streams=tuple(StreamSettings(name, Clock()) for name in streams),
                connections=connections,
                every=timedelta(minutes=15),
                manifest=manifest,
                executable=None if manifest else executable or (sys.executable, str(COUNTING)),
            )
        },
        promises=(),
        snapshots={},
        database=None,
        airbyte=AirbyteSettings(),
    )


def add_tenants(database: str) -> None:
    """Acme and Globex in the ledger."""
    with psycopg.connect(database, autocommit=True) as conn:
        for slug, tenant_id in TENANTS.items():
            conn.execute(
                "insert into telemetry.tenants (id, slug, name) values (%s, %s, %s) on conflict do nothing",
                [tenant_id, slug, slug.title()],
            )


@contextmanager
def serving(settings: Settings, database: str, **options: Any) -> Generator[LocalAirbyte]:
    """A running local Airbyte."""
    add_tenants(database)
    server = LocalAirbyte(settings, database, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def client_of(server: LocalAirbyte, *, attempts: int = 5) -> AirbyteClient:
    """Our own client of it, asking ``attempts`` times before it gives up."""
    credentials = Credentials(**server.credentials)
    workspace_id = str(UUID("7e1e4e72-0000-4000-8000-000000000001"))
    return AirbyteClient(Server(server.url, workspace_id, credentials, attempts=attempts), poll_seconds=0.05)


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    """What a query answers."""
    with psycopg.connect(database) as conn:
        return conn.execute(query.encode()).fetchall()


def state_of(database: str, tenant: str = "acme", stream: str = "numbers") -> Any:
    """The stream_state a connection's next read will be given."""
    query = "select state from airbyte_local.states where connection_id = %s and stream = %s"
    with psycopg.connect(database) as conn:
        found = conn.execute(query, [CONNECTIONS[tenant], stream]).fetchone()
    return found[0]["stream"]["stream_state"] if found else None


def eventually(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true answer of ``condition``; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def as_lines(*messages: dict[str, Any]) -> bytes:
    """Messages as a connector prints them."""
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)
