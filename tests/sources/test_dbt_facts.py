"""What one dbt invocation makes true: data times pass through what succeeded, and stop at what did not."""

from datetime import UTC, datetime, timedelta

from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.model import AssetKind, AssetNode, Clock, SubjectFact
from telemetry_assets.sources.dbt_facts import invocation_facts

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROOT, OTHER = "shop/orders", "shop/prices"
NODES = (
    AssetNode(ROOT, AssetKind.STREAM, clock=Clock()),
    AssetNode(OTHER, AssetKind.STREAM, clock=Clock()),
    AssetNode("staging/orders", AssetKind.VIEW, (ROOT,)),
    AssetNode("marts/daily", AssetKind.MODEL, ("staging/orders", OTHER)),
    AssetNode("marts/total", AssetKind.MODEL, ("marts/daily",)),
    AssetNode("marts/world", AssetKind.MODEL, ("marts/daily",), tenanted=False),
    AssetNode("seeds/zones", AssetKind.SEED, tenanted=False),
)
KEYS = {f"model.{node.key}": node.key for node in NODES}


def held(asset: str, tenant: str, age: timedelta) -> SubjectFact:
    return SubjectFact(asset, tenant, NOW - age, "sync", "airbyte", {asset: NOW - age})


BEFORE = (
    held(ROOT, "acme", HOUR),
    held(OTHER, "acme", 2 * HOUR),
    held(ROOT, "globex", 30 * HOUR),
    held(OTHER, "globex", HOUR),
)


def facts(*built: str, failed: tuple[str, ...] = (), before: tuple[SubjectFact, ...] = BEFORE):
    """(asset, tenant) → fact of an invocation that built and failed these."""
    statuses = dict.fromkeys(built, "success") | dict.fromkeys(failed, "error")
    results = tuple(NodeResult(f"model.{key}", status, None, 1.0, {}) for key, status in statuses.items())
    invocation = DbtInvocation("i", "build", NOW, True, False, "run_results.json", "run", results)
    found = invocation_facts(invocation, KEYS, NODES, before, ["acme", "globex"], "run")
    return {(fact.asset, fact.tenant): fact for fact in found}


def test_a_model_holds_of_each_root_what_its_tenant_had_when_the_run_started():
    found = facts("staging/orders", "marts/daily")
    assert found["marts/daily", "acme"].data_times == {ROOT: NOW - HOUR, OTHER: NOW - 2 * HOUR}
    assert found["marts/daily", "globex"].data_times == {ROOT: NOW - 30 * HOUR, OTHER: NOW - HOUR}


def test_models_of_one_invocation_chain_whatever_order_dbt_reports_them_in():
    found = facts("marts/total", "marts/daily", "staging/orders")
    assert found["marts/total", "acme"].data_times == {ROOT: NOW - HOUR, OTHER: NOW - 2 * HOUR}


def test_a_model_that_failed_has_no_fact_and_its_child_keeps_what_was_built_before():
    old = SubjectFact("marts/daily", "acme", NOW - 9 * HOUR, "old", "dbt", {ROOT: NOW - 9 * HOUR})
    found = facts("staging/orders", "marts/total", failed=("marts/daily",), before=(*BEFORE, old))
    assert ("marts/daily", "acme") not in found
    assert found["marts/total", "acme"].data_times == {ROOT: NOW - 9 * HOUR}


def test_a_view_is_never_as_of_its_run():
    assert facts("staging/orders")["staging/orders", "acme"].data_times == {}


def test_a_model_without_tenants_is_as_old_as_its_oldest_tenant():
    found = facts("staging/orders", "marts/daily", "marts/world")
    assert found["marts/world", "*"].data_times == {ROOT: NOW - 30 * HOUR, OTHER: NOW - 2 * HOUR}


def test_a_seed_is_synthetic_and_dates_nothing():
    fact = facts("seeds/zones")["seeds/zones", "*"]
    assert fact.synthetic
    assert fact.data_times == {}
