"""A project of two tenants and one source, for the tests of commands; nothing of it has come yet."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.ledger import graph, tenants
from telemetry_assets.model import AssetKind, AssetNode, Clock, Tenant

TENANTS = (Tenant("acme", UUID(int=1), "Acme"), Tenant("globex", UUID(int=2), "Globex"))
HOOK = "http://127.0.0.1:9/x"
"""Where the channel ``hook`` sends: nobody is there."""
_ELSEWHERE = (
    "AIRBYTE_URL",
    "MONITOR_ALERT_WEBHOOK_URL",
    "TELEMETRY_DEADMAN_URL",
    "TELEMETRY_DAGSTER_URL",
    "GITHUB_STEP_SUMMARY",
)
YAML = """
tenants:
  - {slug: acme, id: 00000000-0000-0000-0000-000000000001, name: Acme}
  - {slug: globex, id: 00000000-0000-0000-0000-000000000002, name: Globex}
sources:
  shop: {executable: [run-me], every: 15m, streams: {orders: {}}, connections: [{tenant: acme}, {tenant: globex}]}
promises:
  - {asset: shop/*, window: {fail: 60m}, owner: data-eng}
owners: {data-eng: {notify: {ERROR: [log]}}}
channels:
  log: {kind: file, path: messages.log}
  hook: {kind: webhook, url: HOOK, timeout: 1s}
""".replace("HOOK", HOOK)


def declare(conn: psycopg.Connection[TupleRow]) -> None:
    """Tenants and graph of the project, in an empty ledger."""
    tenants.write(conn, TENANTS)
    graph.replace(conn, [AssetNode("shop/orders", AssetKind.STREAM, clock=Clock())])


def write_home(folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in ``folder``, on this project and ledger, and meet nothing of the environment around us."""
    (folder / "telemetry.yaml").write_text(YAML)
    (folder / "home").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TELEMETRY_CONFIG", str(folder / "telemetry.yaml"))
    monkeypatch.setenv("TELEMETRY_HOME", str(folder / "home"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    for name in _ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
