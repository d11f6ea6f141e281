"""Raw tables as the loader leaves them, with small invented advertising rows that hold every awkward case.

The rows stay plain dicts, so that ``oracle.py`` can work the figures out from them without SQL.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from telemetry_assets.model import Tenant

type Row = dict[str, Any]
type Key = tuple[str, str]

NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
"""The last evening of May in Jamaica, the first morning of June in London."""
KINGSTON = Tenant("kingston-co", UUID(int=1), "Kingston Co", "America/Jamaica")
LONDON = Tenant("london-co", UUID(int=2), "London Co", "Europe/London")
AUCKLAND = Tenant("auckland-co", UUID(int=3), "Auckland Co", "Pacific/Auckland")
SILENT = Tenant("silent-co", UUID(int=4), "Silent Co", "UTC")
"""A tenant that never synced a row."""
TENANTS = (KINGSTON, LONDON, AUCKLAND, SILENT)
PARISHES = ("Kingston", "St Andrew", "Portland")
LOADED = NOW - timedelta(minutes=20)

_STAMPS: LiteralString = "_airbyte_raw_id uuid not null, _airbyte_extracted_at timestamptz not null"
_META_INSIGHTS: LiteralString = """
    date date, ad_id text, campaign_id text, parish text, impressions bigint, clicks bigint, spend double precision,
    conversions bigint, conversion_value double precision, updated_at timestamptz
"""
_META_CAMPAIGNS: LiteralString = """
    id text, account_id text, name text, objective text, status text, start_date date, end_date date,
    updated_at timestamptz
"""
_GOOGLE_INSIGHTS: LiteralString = """
    segments_date date, ad_id bigint, campaign_id bigint, geo_parish text, impressions bigint, clicks bigint,
    cost_micros bigint, conversions double precision, conversions_value double precision, updated_at timestamptz
"""
_GOOGLE_CAMPAIGNS: LiteralString = """
    id bigint, customer_id text, name text, advertising_channel_type text, status text, start_date date, end_date date,
    updated_at timestamptz
"""
_TABLES: dict[Key, tuple[LiteralString, LiteralString]] = {
    ("meta_ads", "campaigns"): (_META_CAMPAIGNS, "id"),
    ("meta_ads", "ads"): ("id text, campaign_id text, name text, status text, updated_at timestamptz", "id"),
    ("meta_ads", "insights"): (_META_INSIGHTS, "date, ad_id, parish"),
    ("meta_ads", "budgets"): (
        "campaign_id text, month date, amount double precision, currency text, updated_at timestamptz",
        "campaign_id, month",
    ),
    ("google_ads", "campaigns"): (_GOOGLE_CAMPAIGNS, "id"),
    ("google_ads", "ads"): ("id bigint, campaign_id bigint, headline text, status text, updated_at timestamptz", "id"),
    ("google_ads", "insights"): (_GOOGLE_INSIGHTS, "segments_date, ad_id, geo_parish"),
    ("google_ads", "budgets"): (
        "campaign_id bigint, month date, amount_micros bigint, currency_code text, updated_at timestamptz",
        "campaign_id, month",
    ),
}


def create_tables(conn: psycopg.Connection[TupleRow]) -> None:
    """The eight raw tables, empty, keyed by tenant and the stream's own key."""
    for (source, stream), (columns, key) in _TABLES.items():
        conn.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(f"raw_{source}")))
        conn.execute(
            sql.SQL("create table {} (tenant_id uuid not null, {}, {}, primary key (tenant_id, {}))").format(
                sql.Identifier(f"raw_{source}", stream), sql.SQL(columns), sql.SQL(_STAMPS), sql.SQL(key)
            )
        )


def upsert(
    conn: psycopg.Connection[TupleRow], key: Key, tenant: Tenant, rows: Iterable[Row], loaded: datetime = LOADED
) -> None:
    """What a sync does: rows of one tenant and stream, replacing those of the same key."""
    source, stream = key
    table = sql.Identifier(f"raw_{source}", stream)
    identity = {name.strip() for name in _TABLES[key][1].split(",")}
    for row in rows:
        names = ["tenant_id", *row, "_airbyte_raw_id", "_airbyte_extracted_at"]
        conn.execute(
            sql.SQL("insert into {} ({}) values ({}) on conflict (tenant_id, {}) do update set {}").format(
                table,
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join([sql.Placeholder()] * len(names)),
                sql.SQL(_TABLES[key][1]),
                sql.SQL(", ").join(
                    sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name not in identity
                ),
            ),
            [tenant.id, *row.values(), uuid4(), loaded],
        )


@dataclass(slots=True)
class RawRows:
    """One tenant's rows by (source, stream)."""

    tenant: Tenant
    streams: Mapping[Key, list[Row]] = field(default_factory=lambda: {key: [] for key in _TABLES})

    def load(self, conn: psycopg.Connection[TupleRow], loaded: datetime = LOADED) -> None:
        """Write every stream as one sync would."""
        for key, rows in self.streams.items():
            upsert(conn, key, self.tenant, rows, loaded)


def invented(tenant: Tenant, seed: int, now: datetime = NOW) -> RawRows:
    """Forty days of two platforms, around ``now``: the awkward cases of ``_campaigns`` and ``_delivery`` included."""
    rows = RawRows(tenant)
    chance = random.Random(seed)
    for platform in ("meta_ads", "google_ads"):
        for stream, made in _platform(platform, chance, now).items():
            rows.streams[platform, stream].extend(made)
    return rows


def _platform(platform: str, chance: random.Random, now: datetime) -> dict[str, list[Row]]:
    translate = _meta if platform == "meta_ads" else _google
    return {
        stream: [translate(stream, {**row, "updated_at": now - timedelta(hours=2)}) for row in made]
        for stream, made in {
            "campaigns": _campaigns(now.date()),
            "ads": _ads(),
            "insights": _delivery(chance, now.date()),
            "budgets": _budgets(chance, now.date()),
        }.items()
    }


def _campaigns(day: date) -> list[Row]:
    """1 runs; 2 has no end; 3 is archived and delivered nothing lately; 4 is archived but did; 5 is nowhere listed."""
    start, end = day - timedelta(days=80), day + timedelta(days=40)
    return [
        {"id": 1, "name": "Brand", "kind": "AWARENESS", "status": "ACTIVE", "start_date": start, "end_date": end},
        {"id": 2, "name": "Offers", "kind": "TRAFFIC", "status": "PAUSED", "start_date": start, "end_date": None},
        {"id": 3, "name": "Gone", "kind": "SALES", "status": "ARCHIVED", "start_date": start, "end_date": end},
        {"id": 4, "name": "Just over", "kind": "SALES", "status": "ARCHIVED", "start_date": start, "end_date": end},
        {"id": 6, "name": "Not begun", "kind": "LEADS", "status": "ACTIVE", "start_date": end, "end_date": None},
    ]


def _ads() -> list[Row]:
    """Ad 50 is nowhere listed; 60 never delivered."""
    return [
        {"id": ad, "campaign_id": ad // 10, "name": f"Ad {ad}", "status": "ARCHIVED" if ad in (30, 40) else "ACTIVE"}
        for ad in (10, 11, 20, 30, 40, 60)
    ]


def _delivery(chance: random.Random, day: date) -> list[Row]:
    """Day -40 to the day after tomorrow. Ad 11 is never clicked, ad 20 costs nothing, ad 40 is shown to nobody."""
    rows: list[Row] = []
    for back in range(-2, 41):
        for ad in (10, 11, 20, 40, 50, *([30] if back > 35 else [])):
            for parish in chance.sample(PARISHES, chance.randint(1, 3)):
                shown = 0 if ad == 40 else chance.randint(1, 5000)
                clicked = 0 if ad == 11 else chance.randint(0, shown // 20)
                rows.append(
                    {
                        "day": day - timedelta(days=back),
                        "ad_id": ad,
                        "campaign_id": ad // 10,
                        "parish": parish,
                        "impressions": shown,
                        "clicks": clicked,
                        "cents": 0 if ad == 20 else chance.randint(1, 9999),
                        "conversions": chance.randint(0, clicked // 4),
                        "value": chance.randint(0, 30000) / 100,
                    }
                )
    return rows


def _budgets(chance: random.Random, day: date) -> list[Row]:
    """The months around ``day``; campaign 2 has a budget of nothing, campaign 5 one without being listed."""
    last_month = (day.replace(day=1) - timedelta(days=1)).replace(day=1)
    return [
        {"campaign_id": campaign, "month": month, "cents": 0 if campaign == 2 else chance.randint(10000, 999999)}
        for month in (last_month, day.replace(day=1))
        for campaign in (1, 2, 4, 5)
    ]


def _meta(stream: str, row: Row) -> Row:
    row = dict(row)
    for name in ("id", "ad_id", "campaign_id"):
        if name in row:
            row[name] = str(row[name])
    match stream:
        case "campaigns":
            row |= {"objective": row.pop("kind"), "account_id": "101"}
        case "insights":
            row |= {"date": row.pop("day"), "spend": row.pop("cents") / 100, "conversion_value": row.pop("value")}
        case "budgets":
            row |= {"amount": row.pop("cents") / 100, "currency": "USD"}
    return row


def _google(stream: str, row: Row) -> Row:
    row = dict(row)
    if "status" in row:
        row["status"] = {"ACTIVE": "ENABLED", "ARCHIVED": "REMOVED"}.get(row["status"], row["status"])
    match stream:
        case "campaigns":
            row |= {"advertising_channel_type": row.pop("kind"), "customer_id": "9001"}
        case "ads":
            row["headline"] = row.pop("name")
        case "insights":
            row |= {
                "segments_date": row.pop("day"),
                "geo_parish": row.pop("parish"),
                "cost_micros": row.pop("cents") * 10_000,
                "conversions": row["conversions"] + 0.25,
                "conversions_value": row.pop("value"),
            }
        case "budgets":
            row |= {"amount_micros": row.pop("cents") * 10_000, "currency_code": "USD"}
    return row
