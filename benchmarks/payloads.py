"""Payloads of 1,000 tenants from the marts over 10 M raw rows, against a bare sequential scan of those raw rows.

Ours is the model marts.tenant_dashboard: the very statements dbt compiles for it (build into its temporary table, then
upsert), taken from the project's target folder. The rival counts the raw insights and sums their spend, one process.
All tenants changed: ≤ 2×. 1 % of the tenants changed: ≤ 0.1×. Needs about 8 GB of disk and, for 10 M rows, minutes.
Run: python -m benchmarks.payloads [--json] [--rows N] [--tenants N] [--rounds N]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from benchmarks.measure import report, side_by_side
from telemetry_assets.ledger import tenants as ledger_tenants
from telemetry_assets.ledger.schema import migrate
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.model import Tenant
from telemetry_assets.sources.dbt_command import connection_variables, dbt_executable

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
MODEL = "tenant_dashboard"
ALL_TARGET, FEW_TARGET = 2.0, 0.1
ADS, PARISHES, STREAMS = 4, 14, 2
"""Per platform: ads that run each day in each of the parishes."""

_RAW = """
create schema raw_meta_ads; create schema raw_google_ads;
create table raw_meta_ads.campaigns (tenant_id uuid, id text, account_id text, name text, objective text, status text,
  start_date date, end_date date, updated_at timestamptz, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz,
  primary key (tenant_id, id));
create table raw_meta_ads.ads (tenant_id uuid, id text, campaign_id text, name text, status text,
  updated_at timestamptz, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz, primary key (tenant_id, id));
create table raw_meta_ads.budgets (tenant_id uuid, campaign_id text, month date, amount numeric, currency text,
  updated_at timestamptz, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz,
  primary key (tenant_id, campaign_id, month));
create table raw_meta_ads.insights (tenant_id uuid, date date, ad_id text, campaign_id text, parish text,
  impressions bigint, clicks bigint, spend numeric, conversions bigint, conversion_value numeric,
  updated_at timestamptz, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz);
create table raw_google_ads.campaigns (tenant_id uuid, id bigint, customer_id text, name text,
  advertising_channel_type text, status text, start_date date, end_date date, updated_at timestamptz,
  _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz, primary key (tenant_id, id));
create table raw_google_ads.ads (tenant_id uuid, id bigint, campaign_id bigint, headline text, status text,
  updated_at timestamptz, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz, primary key (tenant_id, id));
create table raw_google_ads.budgets (tenant_id uuid, campaign_id bigint, month date, amount_micros bigint,
  currency_code text, updated_at timestamptz, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz,
  primary key (tenant_id, campaign_id, month));
create table raw_google_ads.insights (tenant_id uuid, segments_date date, ad_id bigint, campaign_id bigint,
  geo_parish text, impressions bigint, clicks bigint, cost_micros bigint, conversions numeric,
  conversions_value numeric, updated_at timestamptz, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz)
"""
_FILL = """
insert into raw_meta_ads.campaigns select id, c::text, '101', 'Campaign ' || c, 'SALES', 'ACTIVE', current_date - 99,
  null, now(), gen_random_uuid(), now() from telemetry.tenants, generate_series(1, 2) c;
insert into raw_meta_ads.ads select id, a::text, (1 + a % 2)::text, 'Ad ' || a, 'ACTIVE', now(), gen_random_uuid(),
  now() from telemetry.tenants, generate_series(1, {ads}) a;
insert into raw_meta_ads.budgets select id, c::text, date_trunc('month', current_date)::date, 5000, 'USD', now(),
  gen_random_uuid(), now() from telemetry.tenants, generate_series(1, 2) c;
insert into raw_google_ads.campaigns select id, c, '9001', 'Campaign ' || c, 'SEARCH', 'ENABLED', current_date - 99,
  null, now(), gen_random_uuid(), now() from telemetry.tenants, generate_series(1, 2) c;
insert into raw_google_ads.ads select id, a, 1 + a % 2, 'Ad ' || a, 'ENABLED', now(), gen_random_uuid(), now()
  from telemetry.tenants, generate_series(1, {ads}) a;
insert into raw_google_ads.budgets select id, c, date_trunc('month', current_date)::date, 5000000000, 'USD', now(),
  gen_random_uuid(), now() from telemetry.tenants, generate_series(1, 2) c;
insert into raw_meta_ads.insights select id, current_date - back, a::text, (1 + a % 2)::text, {parish},
  {shown}, {shown} / 40, {shown} / 100.0, {shown} / 800, {shown} / 20.0, now() - back * interval '1 day',
  gen_random_uuid(), now() - back * interval '1 day'
  from generate_series({days} - 1, 0, -1) back, telemetry.tenants, generate_series(1, {ads}) a,
  generate_series(1, {parishes}) p;
insert into raw_google_ads.insights select id, current_date - back, a, 1 + a % 2, {parish},
  {shown}, {shown} / 40, {shown} * 10000, {shown} / 800, {shown} / 20.0, now() - back * interval '1 day',
  gen_random_uuid(), now() - back * interval '1 day'
  from generate_series({days} - 1, 0, -1) back, telemetry.tenants, generate_series(1, {ads}) a,
  generate_series(1, {parishes}) p;
alter table raw_meta_ads.insights add primary key (tenant_id, date, ad_id, parish);
alter table raw_google_ads.insights add primary key (tenant_id, segments_date, ad_id, geo_parish)
"""
_SCAN = """
select count(*), sum(spend) from raw_meta_ads.insights union all
select count(*), sum(cost_micros) from raw_google_ads.insights
"""


def main() -> int:
    """Generate, build the marts once, compare, remove everything. Exit 0 where both hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--explain", action="store_true", help="print the plan of the build of all tenants")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="payloads-benchmark-") as folder:
        server = EmbeddedPostgres(Path(folder) / "home")
        server.start()
        try:
            return _compare(Warehouse(server.url, Path(folder) / "dbt_project"), options)
        finally:
            server.remove()


class Warehouse:
    """A database with raw rows, and a copy of our dbt project on it."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn, self.folder = dsn, folder
        shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("target", "logs"))
        self.conn = psycopg.connect(dsn, autocommit=True)
        self.conn.execute("set max_parallel_workers_per_gather = 0")

    def load(self, tenants: int, rows: int) -> int:
        """The raw rows of ``tenants``, day by day as syncs bring them; the number of insights."""
        migrate(self.dsn)
        zones = ("America/Jamaica", "Europe/London")
        who = [Tenant(f"tenant-{n}", UUID(int=n), f"Tenant {n}", zones[n % 2]) for n in range(1, tenants + 1)]
        ledger_tenants.write(self.conn, who)
        days = max(1, round(rows / (tenants * ADS * PARISHES * STREAMS)))
        shown = "(17 + (back * 31 + a * 7 + p * 13) % 4001)"
        filling = _FILL.format(ads=ADS, parishes=PARISHES, days=days, parish="'Parish ' || p", shown=shown)
        for statement in f"{_RAW};{filling}".split(";"):
            self.conn.execute(statement.encode())
        self.conn.execute("vacuum (analyze, freeze)")
        return tenants * ADS * PARISHES * STREAMS * days

    def dbt(self, *arguments: str) -> float:
        """Run dbt; the wall time. Raises RuntimeError with what it said."""
        started = time.perf_counter()
        done = subprocess.run(
            [str(dbt_executable()), *arguments],
            cwd=self.folder,
            env={**os.environ, **connection_variables(self.dsn)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout[-3000:])
        return time.perf_counter() - started

    def model_seconds(self) -> dict[str, float]:
        """What dbt itself says each model of its last run took."""
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        return {str(one["unique_id"]).split(".")[-1]: round(one["execution_time"], 2) for one in results}

    def statements(self) -> tuple[str, str, str]:
        """(temporary table, its query, the upsert) of the model, as dbt's last run of it left them."""
        place = "telemetry_demo/models/marts"
        query = (self.folder / "target" / "compiled" / place / f"{MODEL}.sql").read_text()
        upsert = (self.folder / "target" / "run" / place / f"{MODEL}.sql").read_text()
        found = re.search(rf'"({MODEL}__dbt_tmp\w*)"', upsert)
        if not found or "MATERIALIZED" not in query.upper():
            raise RuntimeError(f"{MODEL} was not built incrementally:\n{upsert[:500]}")
        return found[1], query, upsert

    def built(self, expected: int) -> float:
        """Seconds for build and upsert of what is due, in one transaction as dbt does it."""
        temporary, query, upsert = self.statements()
        started = time.perf_counter()
        with self.conn.transaction():
            self.conn.execute(f'create temporary table "{temporary}" on commit drop as ({query})'.encode())
            written = self.conn.execute(upsert.encode()).rowcount
        seconds = time.perf_counter() - started
        if written != expected:
            raise RuntimeError(f"{written} payloads were written, {expected} were due")
        return seconds

    def due(self, tenants: int | None) -> None:
        """Make the payloads of the first ``tenants`` (None: of all) due and different; not measured."""
        self.conn.execute(
            sql.SQL("update marts.{} set inputs = '', payload = '{{}}' where {}").format(
                sql.Identifier(MODEL),
                sql.SQL("true") if tenants is None else sql.SQL("tenant_id <= {}").format(UUID(int=tenants)),
            )
        )
        self.conn.execute(f"vacuum analyze marts.{MODEL}".encode())

    def scanned(self) -> float:
        """Seconds for the bare sequential scan of the raw insights."""
        started = time.perf_counter()
        self.conn.execute(_SCAN)
        return time.perf_counter() - started

    def sync(self, tenants: int) -> None:
        """Today's rows of the first ``tenants`` come again with more spend."""
        self.conn.execute(
            "update raw_meta_ads.insights set spend = spend + 1, _airbyte_extracted_at = now()"
            " where date >= current_date - 1 and tenant_id <= %s",
            [UUID(int=tenants)],
        )


def _compare(warehouse: Warehouse, options: argparse.Namespace) -> int:
    few = max(1, options.tenants // 100)
    rows = warehouse.load(options.tenants, options.rows)
    notes: dict[str, Any] = {"rows": rows, "marts first": round(warehouse.dbt("run"), 2)}
    notes["first, each"] = warehouse.model_seconds()
    # PostgreSQL's own autovacuum does this within minutes; here nobody waits for it.
    warehouse.conn.execute("vacuum analyze")
    warehouse.sync(few)
    notes["marts after a sync of 1 %"] = round(warehouse.dbt("run", "--exclude", MODEL), 2)
    notes["after it, each"] = warehouse.model_seconds()
    warehouse.dbt("run", "--select", MODEL)
    notes["dbt's own seconds, 1 %"] = warehouse.model_seconds()[MODEL]
    print(json.dumps(notes), file=sys.stderr)

    def some(tenants: int | None) -> float:
        warehouse.due(tenants)
        return warehouse.built(options.tenants if tenants is None else tenants)

    name = f"payloads of {options.tenants:,} tenants from marts over {rows:,} raw rows"
    if options.explain:
        warehouse.due(None)
        plan = warehouse.conn.execute(f"explain (analyze, buffers off) {warehouse.statements()[1]}".encode()).fetchall()
        print("\n".join(line for (line,) in plan))
    whole = side_by_side(lambda: some(None), warehouse.scanned, options.rounds)
    part = side_by_side(lambda: some(few), warehouse.scanned, options.rounds)
    held = [
        report(f"{name}, all", *whole, ALL_TARGET, higher_is_better=False, json_mode=options.json),
        report(f"{name}, {few} changed", *part, FEW_TARGET, higher_is_better=False, json_mode=options.json),
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
