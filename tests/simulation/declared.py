"""What the simulated team declared: telemetry.yaml beside this file, and its dbt project as a manifest.

What belongs here: reading both by the real code, and names. What does not: what happens (``week.py``).
"""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from telemetry_assets.model import AssetNode, Tenant
from telemetry_assets.settings import Settings, load
from telemetry_assets.sources.asset_graph import asset_graph

STAGED, LINES, COSTS, SALES, MARGIN = (
    "staging/orders", "intermediate/lines", "intermediate/costs", "marts/sales", "marts/margin",
)  # fmt: skip
MODELS = {
    STAGED: ("shop/orders",),
    LINES: (STAGED, "shop/products"),
    COSTS: ("erp/prices", "bank/statements", "fx/rates"),
    SALES: (LINES,),
    MARGIN: (LINES, COSTS),
}
"""dbt's models in the order it builds them, and what each is made from. The first is a view."""
SOURCES = ("shop/orders", "shop/products", "erp/prices", "bank/statements", "fx/rates")
SNAPSHOTS = {"snapshots/board": SALES, "snapshots/margin": MARGIN}


@cache
def settings() -> Settings:
    """telemetry.yaml, read as the product reads it."""
    return load(Path(__file__).parent / "telemetry.yaml")


@cache
def nodes() -> tuple[AssetNode, ...]:
    """The graph, as the product makes it from the settings and dbt's manifest."""
    return asset_graph(settings(), manifest())


@cache
def tenants() -> tuple[Tenant, ...]:
    """Every tenant."""
    declared = settings().tenants.inline
    assert declared is not None
    return declared


@cache
def slugs() -> tuple[str, ...]:
    """Every tenant's name."""
    return tuple(tenant.slug for tenant in tenants())


def build_every() -> timedelta:
    """How often dbt builds."""
    dbt = settings().dbt
    assert dbt is not None
    assert dbt.every is not None
    return dbt.every


def publish_every(snapshot: str) -> timedelta:
    """How often a snapshot is published."""
    every = settings().snapshots[snapshot.partition("/")[2]].every
    assert every is not None
    return every


def unique_id(key: str) -> str:
    """How dbt calls an asset."""
    return f"{'source' if key in SOURCES else 'model'}.shop.{key.replace('/', '.')}"


def manifest() -> dict[str, Any]:
    """What ``dbt parse`` would leave, as far as we read it."""
    return {
        "sources": {unique_id(key): _source(key) for key in SOURCES},
        "nodes": {unique_id(key): _model(key, parents) for key, parents in MODELS.items()} | {
            test_id(key): _test(key) for key in MODELS
        },
        "exposures": {},
    }  # fmt: skip


def test_id(key: str) -> str:
    """The test of a model."""
    return f"test.shop.whole_{key.replace('/', '_')}"


def _source(key: str) -> dict[str, Any]:
    source, _, name = key.partition("/")
    return {"resource_type": "source", "source_name": source, "name": name, "schema": f"raw_{source}"}


def _model(key: str, parents: tuple[str, ...]) -> dict[str, Any]:
    schema, _, name = key.partition("/")
    config = {"schema": schema, "materialized": "view" if key == STAGED else "table"}
    return {
        "resource_type": "model",
        "name": name,
        "config": config,
        "depends_on": {"nodes": [unique_id(parent) for parent in parents]},
    }


def _test(key: str) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "name": test_id(key).rpartition(".")[2],
        "config": {},
        "depends_on": {"nodes": [unique_id(key)]},
    }
