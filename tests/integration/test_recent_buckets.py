"""Rollup tables that somebody else fills: each tenant's newest bucket against a number, per table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets import settings as declared
from telemetry_assets.answers.status import read_status
from telemetry_assets.ledger import graph, tenants
from telemetry_assets.sources.asset_graph import asset_graph
from telemetry_assets.sources.watching import watch

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROLLUPS = ("chat_telemetry_rollups", "chat_telemetry_domain_rollups", "chat_telemetry_model_rollups")
YAML = """
tenants:
  - {slug: acme, id: 00000000-0000-0000-0000-00000000000a, name: Acme}
  - {slug: globex, id: 00000000-0000-0000-0000-00000000000b, name: Globex}
sources:
  rollups:
    kind: table
    tables:
      chat_telemetry_rollups: {table: public.chat_telemetry_rollups, clock: column bucket_start}
      chat_telemetry_domain_rollups: {table: public.chat_telemetry_domain_rollups, clock: column bucket_start}
      chat_telemetry_model_rollups: {table: public.chat_telemetry_model_rollups, clock: column bucket_start}
promises:
  - {asset: rollups/*, window: {warn: 2h, fail: 3h}}
"""


@pytest.mark.promise("C16", "F16")
@pytest.mark.slow
def test_a_rollup_without_a_recent_bucket_is_late_for_its_tenant_and_an_empty_one_was_never_seen(
    ledger: psycopg.Connection[TupleRow], tmp_path: Path
) -> None:
    (tmp_path / "telemetry.yaml").write_text(YAML)
    settings = declared.load(tmp_path / "telemetry.yaml")
    assert settings.tenants.inline is not None
    tenants.write(ledger, settings.tenants.inline)
    graph.replace(ledger, asset_graph(settings, None))
    for table in ROLLUPS:
        ledger.execute(f"create table public.{table} (tenant_id uuid, bucket_start timestamptz, tokens int)")
    newest = {("acme", ROLLUPS[0]): HOUR, ("globex", ROLLUPS[0]): 3 * HOUR, ("acme", ROLLUPS[1]): 2 * HOUR}
    for (slug, table), age in newest.items():
        tenant = next(one for one in settings.tenants.inline if one.slug == slug)
        for hours in range(5):
            values = (tenant.id, NOW - age - hours * HOUR)
            ledger.execute(f"insert into public.{table} values (%s, %s, 1)", values)
    ledger.execute(f"drop table public.{ROLLUPS[2]}")
    watch(ledger, settings, None, NOW)
    judged = {(row.tenant, row.asset.split("/")[1]): row for row in read_status(ledger, settings, NOW).rows}
    assert {key: row.state.word for key, row in judged.items()} == {
        ("acme", ROLLUPS[0]): "fresh",
        ("globex", ROLLUPS[0]): "late",
        ("acme", ROLLUPS[1]): "due",
        ("globex", ROLLUPS[1]): "never",
        ("acme", ROLLUPS[2]): "unknown",
        ("globex", ROLLUPS[2]): "unknown",
    }
    assert ROLLUPS[2] in judged["acme", ROLLUPS[2]].reason
