"""The payload of each tenant, against the figures worked out from the raw rows without SQL."""

import math
from typing import Any

import pytest

from telemetry_assets.contracts.registry import load_contract
from telemetry_assets.model import Tenant
from tests.dbt_project.conftest import PROJECT, Warehouse
from tests.dbt_project.oracle import expected_metrics
from tests.dbt_project.raw_rows import AUCKLAND, KINGSTON, LONDON, NOW, SILENT


@pytest.mark.parametrize("tenant", [KINGSTON, LONDON, AUCKLAND], ids=lambda tenant: tenant.slug)
@pytest.mark.slow
def test_every_figure_of_a_payload_is_what_the_raw_rows_say(built: Warehouse, tenant: Tenant) -> None:
    assert rounded(built.payloads()[tenant.id]) == expected_metrics(built.raw[tenant.slug], NOW)


def test_a_month_and_a_day_begin_when_they_begin_for_the_tenant(built: Warehouse) -> None:
    payloads = built.payloads()
    assert payloads[KINGSTON.id]["campaign_metrics"]["trend"][-1]["date"] == "2026-05-31"
    assert payloads[LONDON.id]["campaign_metrics"]["trend"][-1]["date"] == "2026-06-01"
    assert {row["startDate"] for row in payloads[KINGSTON.id]["budget_metrics"]} == {"2026-05-01"}
    assert {row["startDate"] for row in payloads[LONDON.id]["budget_metrics"]} == {"2026-06-01"}


def test_a_tenant_without_rows_has_a_payload_of_empty_sections(built: Warehouse) -> None:
    payload = built.payloads()[SILENT.id]
    assert payload["creative_metrics"] == payload["budget_metrics"] == payload["parish_metrics"] == []
    assert payload["campaign_metrics"]["rows"] == []
    assert len(payload["campaign_metrics"]["trend"]) == 30
    assert payload["campaign_metrics"]["summary"]["averageRoas"] == 0


def test_no_figure_of_any_payload_is_null_or_text(built: Warehouse) -> None:
    words = {"currency", "date", "id", "name", "platform", "status", "objective", "startDate", "endDate", "parish"}
    words |= {"campaignId", "campaignName", "parishes"}
    for payload in built.payloads().values():
        for name, value in _leaves(payload):
            assert name in words or (isinstance(value, int | float) and math.isfinite(value)), (name, value)


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(value) if isinstance(value, int | float) else value


def _leaves(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    else:
        yield name, value


@pytest.mark.promise("A18", "A25")
def test_the_payloads_dbt_builds_keep_the_contract_and_one_without_rows_does_not(built: Warehouse) -> None:
    contract = load_contract(PROJECT.parent / "schemas" / "assets", "snapshots/tenant_dashboard")
    documents = [
        (str(tenant), {"tenant_id": str(tenant), "generated_at": "2026-06-01T02:00:00Z", "metrics": payload})
        for tenant, payload in built.payloads().items()
    ]
    violations = contract.validate_many(documents)
    assert {violation.tenant for violation in violations} == {str(SILENT.id)}
    assert violations[0].expected == "at least 1 item"
