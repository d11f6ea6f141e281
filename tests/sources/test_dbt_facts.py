"""What one dbt invocation makes true: data times pass through what succeeded, and stop at what did not."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.freshness.facts import newest
from telemetry_assets.freshness.judge import judge_all, known
from telemetry_assets.freshness.lineage import data_times_of, facts_of, graph_of, incorporate, roots_of
from telemetry_assets.freshness.owed import subjects_owed
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.model import (
    ANY_TENANT,
    AssetKind,
    AssetNode,
    Clock,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)
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


def invocation(*built: str, failed: tuple[str, ...] = ()) -> DbtInvocation:
    statuses = dict.fromkeys(built, "success") | dict.fromkeys(failed, "error")
    results = tuple(NodeResult(f"model.{key}", status, None, 1.0, {}) for key, status in statuses.items())
    return DbtInvocation("i", "build", NOW, True, False, "run_results.json", "run", results)


def facts(
    *built: str,
    failed: tuple[str, ...] = (),
    before: tuple[SubjectFact, ...] = BEFORE,
    tenants: tuple[str, ...] = ("acme", "globex"),
    synthetic: tuple[str, ...] = (),
):
    """(asset, tenant) → fact of an invocation that built and failed these."""
    ran = invocation(*built, failed=failed)
    return facts_of(invocation_facts(ran, KEYS, NODES, before, tenants, "run", synthetic))


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


def test_without_tenants_everything_is_one_subject():
    before = tuple(SubjectFact(root, ANY_TENANT, NOW - HOUR, "", "", {root: NOW - HOUR}) for root in (ROOT, OTHER))
    found = facts("staging/orders", "marts/daily", "marts/world", before=before, tenants=())
    assert set(found) == {("staging/orders", "*"), ("marts/daily", "*"), ("marts/world", "*")}
    assert found["marts/world", "*"].data_times == {ROOT: NOW - HOUR, OTHER: NOW - HOUR}


@pytest.mark.promise("F9")
def test_what_is_made_from_made_up_rows_is_not_fresh_however_often_it_is_built():
    tenants = [Tenant("acme", UUID(int=1), "Acme"), Tenant("globex", UUID(int=2), "Globex")]
    promises = [Promise("marts/*", Window(timedelta(days=9)))]
    found = facts("staging/orders", "marts/daily", "marts/total", synthetic=("marts/daily",))
    judged = judge_all(
        subjects_owed(NODES, promises, tenants), NODES, known([*BEFORE, *found.values()]), ["acme", "globex"], NOW
    )
    said = {(one.asset, one.tenant): (one.state, one.reason) for one in judged}
    assert said["marts/daily", "acme"] == (State.MISSING, "only synthetic rows were ever loaded")
    assert said["marts/total", "acme"][0] is State.MISSING


@pytest.mark.promise("F9")
def test_a_real_fact_outranks_made_up_rows_that_come_later():
    found = facts("staging/orders", "marts/daily", synthetic=("marts/daily",))
    real = SubjectFact("marts/daily", "acme", NOW - 9 * HOUR, "old", "dbt", {ROOT: NOW - 9 * HOUR})
    assert newest(real, found["marts/daily", "acme"]) == real


TIMES = st.sampled_from([NOW - number * HOUR for number in range(5)])
SLUGS = ("acme", "globex", "initech")


@st.composite
def projects(draw: st.DrawFn) -> tuple[list[AssetNode], list[SubjectFact], list[str]]:
    """A graph without cycles, facts of any of its assets, and what an invocation built of it."""
    nodes: list[AssetNode] = []
    for number in range(draw(st.integers(1, 8))):
        parents = draw(st.lists(st.sampled_from([node.key for node in nodes]), unique=True)) if nodes else []
        kinds = [AssetKind.MODEL, AssetKind.VIEW, AssetKind.SEED] if parents else [AssetKind.TABLE, AssetKind.STREAM]
        clock = None if parents else draw(st.sampled_from([Clock(), Clock(), None]))
        kind = draw(st.sampled_from(kinds))
        nodes.append(AssetNode(f"n{number}", kind, tuple(parents), clock, tenanted=draw(st.booleans())))
    roots = [node.key for node in nodes if node.clock]
    subjects = [
        (node.key, tenant)
        for node in nodes
        for tenant in ((*SLUGS, ANY_TENANT) if node.tenanted else (ANY_TENANT,))
        if draw(st.booleans())
    ]
    held = [
        SubjectFact(
            asset, tenant, NOW, "r", "s", draw(st.dictionaries(st.sampled_from([asset, *roots]), TIMES)),
            synthetic=draw(st.integers(0, 5)) == 0,
        )
        for asset, tenant in subjects
    ]  # fmt: skip
    return nodes, held, draw(st.lists(st.sampled_from([node.key for node in nodes]), unique=True))


@settings(max_examples=300, deadline=None)
@given(projects())
@pytest.mark.slow
def test_thousands_at_a_time_hold_what_each_by_itself_would(
    project: tuple[list[AssetNode], list[SubjectFact], list[str]],
):
    nodes, before, done = project
    keys = {f"model.{node.key}": node.key for node in nodes}
    found = facts_of(invocation_facts(invocation(*done), keys, nodes, before, SLUGS, "run"))
    graph, so_far = graph_of(nodes), dict(facts_of(before))
    for node in nodes:  # parents come before their children
        for tenant in (SLUGS if node.tenanted else (ANY_TENANT,)) if node.key in done else ():
            expected = incorporate(
                (roots_of(parent, graph), data_times_of(parent, tenant, graph, so_far, SLUGS))
                for parent in node.parents
            )
            fact = found[node.key, tenant]
            assert fact.data_times == ({} if node.kind is AssetKind.VIEW else expected)
            so_far[node.key, tenant] = fact
    assert {asset for asset, _ in found} == set(done)
