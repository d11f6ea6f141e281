"""Materialization events of a run over many tenants: one per tenant that got new data, and no more than a person reads.

Dagster writes some hundred events a second at best, so above a limit only changes of state are events, beside one
summary; the ledger has everybody in any case.
"""

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg

from telemetry_assets.model import ANY_TENANT

EVENTS_LIMIT = 200
"""Above so many tenants in one run, only those whose state changed get an event."""


def log_each(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    per_tenant: Mapping[str, Mapping[str, Any]],
    changed: Collection[str],
) -> None:
    """Log a materialization per tenant of ``per_tenant`` (tenant → metadata).

    Above the limit only for the ``changed`` ones, those that were not well before, with an observation that counts all.
    """
    many = len(per_tenant) > EVENTS_LIMIT
    if many:
        context.log_event(dg.AssetObservation(key, metadata={"telemetry/tenants": len(per_tenant)}))
    for tenant, metadata in per_tenant.items():
        if many and tenant not in changed:
            continue
        partition = tenant if tenant != ANY_TENANT else None
        context.log_event(dg.AssetMaterialization(key, partition=partition, metadata=dict(metadata)))
