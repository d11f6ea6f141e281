"""The dashboard's figures worked out the plain way, from the raw rows, in exact fractions and without SQL.

Written from the definitions of the figures, not from the models: it must not share a thought with them.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.dbt_project.raw_rows import RawRows, Row

DAYS = 30
STATUS = {"ENABLED": "ACTIVE", "REMOVED": "ARCHIVED"}


def expected_metrics(raw: RawRows, now: datetime) -> dict[str, Any]:
    """The ``metrics`` object of one tenant, numbers as floats rounded to six decimals."""
    today = now.astimezone(ZoneInfo(raw.tenant.timezone)).date()
    insights = [_insight(key[0], row) for key, rows in raw.streams.items() if key[1] == "insights" for row in rows]
    window = [row for row in insights if today - timedelta(days=DAYS - 1) <= row["date"] <= today]
    campaigns = {row["id"]: row for row in _listed(raw, "campaigns")}
    ads = {row["id"]: row for row in _listed(raw, "ads")}
    budgets = [_budget(key[0], row) for key, rows in raw.streams.items() if key[1] == "budgets" for row in rows]
    this_month = [row for row in budgets if row["month"] == today.replace(day=1)]
    to_date = [row for row in insights if today.replace(day=1) <= row["date"] <= today]
    return {
        "campaign_metrics": {
            "summary": _summary(window),
            "trend": [_day(today - timedelta(days=back), window) for back in reversed(range(DAYS))],
            "rows": _ordered(_campaign(known, campaigns, window) for known in _known(campaigns, window, "campaign")),
        },
        "creative_metrics": _ordered(_creative(known, ads, campaigns, window) for known in _known(ads, window, "ad")),
        "budget_metrics": _ordered(_paced(row, campaigns, to_date, today) for row in this_month),
        "parish_metrics": _ordered(_parish(name, window) for name in {row["parish"] for row in window}),
    }


def _known(listed: dict[str, Row], window: list[Row], what: str) -> set[str]:
    return {row[what] for row in window} | {key for key, row in listed.items() if row["status"] != "ARCHIVED"}


def _summary(window: list[Row]) -> Row:
    return {
        "currency": "USD",
        "totalSpend": _sum(window, "spend"),
        "totalImpressions": _sum(window, "impressions"),
        "totalClicks": _sum(window, "clicks"),
        "totalConversions": _sum(window, "conversions"),
        "averageRoas": _over(window, "value", "spend"),
    }


def _day(day: date, window: list[Row]) -> Row:
    rows = [row for row in window if row["date"] == day]
    return {"date": day.isoformat()} | {
        name: _sum(rows, name) for name in ("spend", "conversions", "clicks", "impressions")
    }


def _campaign(key: str, campaigns: dict[str, Row], window: list[Row]) -> Row:
    rows = [row for row in window if row["campaign"] == key]
    about = campaigns.get(key, {})
    return {
        "id": key,
        "name": about.get("name", key),
        "platform": key.split(":")[0],
        "status": about.get("status", "UNKNOWN"),
        "parishes": _parishes(rows),
        "objective": about.get("kind", ""),
        **_delivered(rows),
        "cpc": _over(rows, "spend", "clicks"),
        "cpm": _over(rows, "spend", "impressions", 1000),
        "startDate": _text(about.get("start_date")),
        "endDate": _text(about.get("end_date")),
    }


def _creative(key: str, ads: dict[str, Row], campaigns: dict[str, Row], window: list[Row]) -> Row:
    rows = [row for row in window if row["ad"] == key]
    campaign = ads[key]["campaign"] if key in ads else rows[0]["campaign"]
    return {
        "id": key,
        "name": ads.get(key, {}).get("name", key),
        "campaignId": campaign,
        "campaignName": campaigns.get(campaign, {}).get("name", campaign),
        "platform": key.split(":")[0],
        "parishes": _parishes(rows),
        **_delivered(rows),
    }


def _paced(budget: Row, campaigns: dict[str, Row], to_date: list[Row], today: date) -> Row:
    rows = [row for row in to_date if row["campaign"] == budget["campaign"]]
    spent = sum((row["spend"] for row in rows), Fraction(0))
    days = monthrange(today.year, today.month)[1]
    due = budget["amount"] * today.day / days
    return {
        "id": budget["campaign"],
        "campaignName": campaigns.get(budget["campaign"], {}).get("name", budget["campaign"]),
        "parishes": _parishes(rows),
        "monthlyBudget": _number(budget["amount"]),
        "spendToDate": _number(spent),
        "projectedSpend": _number(spent / today.day * days),
        "pacingPercent": _number(100 * spent / due if due else Fraction(0)),
        "startDate": budget["month"].isoformat(),
        "endDate": budget["month"].replace(day=days).isoformat(),
    }


def _parish(name: str, window: list[Row]) -> Row:
    rows = [row for row in window if row["parish"] == name]
    figures = {key: value for key, value in _delivered(rows).items() if key != "ctr"}
    return {"parish": name, **figures, "campaignCount": len({row["campaign"] for row in rows}), "currency": "USD"}


def _delivered(rows: list[Row]) -> Row:
    return {name: _sum(rows, name) for name in ("spend", "impressions", "clicks", "conversions")} | {
        "roas": _over(rows, "value", "spend"),
        "ctr": _over(rows, "clicks", "impressions"),
    }


def _ordered(rows: Iterable[Row]) -> list[Row]:
    order: Callable[[Row], Any] = lambda row: (  # noqa: E731
        -row.get("monthlyBudget", row.get("spend", 0)),
        row.get("id", row.get("parish")),
    )
    return sorted(rows, key=order)


def _insight(source: str, row: Row) -> Row:
    google = source == "google_ads"
    return {
        "date": row["segments_date" if google else "date"],
        "campaign": _id(source, row["campaign_id"]),
        "ad": _id(source, row["ad_id"]),
        "parish": row["geo_parish" if google else "parish"],
        "impressions": Fraction(row["impressions"]),
        "clicks": Fraction(row["clicks"]),
        "spend": Fraction(row["cost_micros"], 10**6) if google else _exact(row["spend"]),
        "conversions": _exact(row["conversions"]),
        "value": _exact(row["conversions_value" if google else "conversion_value"]),
    }


def _listed(raw: RawRows, stream: str) -> Iterable[Row]:
    for (source, name), rows in raw.streams.items():
        if name == stream:
            for row in rows:
                yield {
                    "id": _id(source, row["id"]),
                    "campaign": _id(source, row["campaign_id"]) if "campaign_id" in row else None,
                    "name": row.get("name", row.get("headline")),
                    "status": STATUS.get(row["status"], row["status"]),
                    "kind": row.get("objective", row.get("advertising_channel_type")),
                    "start_date": row.get("start_date"),
                    "end_date": row.get("end_date"),
                }


def _budget(source: str, row: Row) -> Row:
    amount = Fraction(row["amount_micros"], 10**6) if source == "google_ads" else _exact(row["amount"])
    return {"campaign": _id(source, row["campaign_id"]), "month": row["month"], "amount": amount}


def _id(source: str, number: Any) -> str:
    return f"{source.removesuffix('_ads')}:{number}"


def _exact(number: float) -> Fraction:
    return Fraction(str(number))


def _parishes(rows: list[Row]) -> list[str]:
    return sorted({row["parish"] for row in rows})


def _sum(rows: list[Row], name: str) -> float:
    return _number(sum((row[name] for row in rows), Fraction(0)))


def _over(rows: list[Row], dividend: str, divisor: str, times: int = 1) -> float:
    below = sum((row[divisor] for row in rows), Fraction(0))
    return _number(times * sum((row[dividend] for row in rows), Fraction(0)) / below if below else Fraction(0))


def _number(exact: Fraction) -> float:
    return float(round(exact, 6))


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""
