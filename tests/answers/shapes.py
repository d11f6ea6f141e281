"""Every shape an asset can have, and people in three zones: what several tests of answers look at.

What belongs here: the graph, the tenants. What does not: facts, promises, expectations.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, Promise, Tenant, Window
from telemetry_assets.settings import AirbyteSettings, Settings, TenantSettings

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = Window(60 * MINUTE, 45 * MINUTE)
PEOPLE = [
    Tenant(slug, uuid5(NAMESPACE_DNS, slug), slug, zone)
    for slug, zone in [("one", "UTC"), ("two", "UTC"), ("three", "America/Jamaica"), ("four", "Asia/Tokyo")]
]
NODES = (
    AssetNode("shop/orders", AssetKind.STREAM, clock=Clock()),
    AssetNode("shop/items", AssetKind.STREAM, clock=Clock(ClockKind.COLUMN, "updated_at")),
    AssetNode("rates/daily", AssetKind.TABLE, clock=Clock(ClockKind.COLUMN, "day"), tenanted=False),
    AssetNode("zones", AssetKind.SEED),
    AssetNode("staging/orders", AssetKind.VIEW, ("shop/orders",)),
    AssetNode("staging/both", AssetKind.VIEW, ("staging/orders", "shop/items", "zones")),
    AssetNode("staging/priced", AssetKind.VIEW, ("marts/sales", "rates/daily")),
    AssetNode("marts/sales", AssetKind.MODEL, ("staging/both", "shop/orders")),
    AssetNode("marts/total", AssetKind.MODEL, ("marts/sales", "rates/daily"), tenanted=False),
    AssetNode("marts/fixed", AssetKind.MODEL, ("zones",)),
)


def settings_of(*promises: Promise) -> Settings:
    """Settings that promise this and declare nothing else."""
    nowhere = Path("/nonexistent")
    return Settings(
        path=nowhere / "telemetry.yaml", home=nowhere, tenants=TenantSettings(), dbt=None, sources={},
        promises=promises, snapshots={}, database=None, airbyte=AirbyteSettings(),
    )  # fmt: skip
