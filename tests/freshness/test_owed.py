"""What is owed: every promised subject, and its limits per root."""

from collections.abc import Iterable
from datetime import time, timedelta
from uuid import NAMESPACE_DNS, uuid5

import pytest

from telemetry_assets.freshness.owed import Owed, groups_owed, loosest_run_window, subjects_owed
from telemetry_assets.model import AssetKind, AssetNode, Clock, Deadline, Promise, Tenant, Window

MINUTE = timedelta(minutes=1)
SIX, HOUR, DAY = Window(6 * MINUTE, 5 * MINUTE), Window(60 * MINUTE, 45 * MINUTE), Window(1440 * MINUTE)

META = AssetNode("meta/insights", AssetKind.STREAM, clock=Clock())
GOOGLE = AssetNode("google/insights", AssetKind.STREAM, clock=Clock(), window=DAY)
ZONES = AssetNode("zones", AssetKind.SEED, tenanted=False)
RATES = AssetNode("rates", AssetKind.TABLE, clock=Clock(), tenanted=False)
MART = AssetNode("marts/daily", AssetKind.MODEL, (META.key, GOOGLE.key, ZONES.key), owner="exposure-owner")
NODES = (META, GOOGLE, ZONES, RATES, MART)


def _tenants(slugs: Iterable[str], zone: str = "UTC") -> list[Tenant]:
    return [Tenant(slug, uuid5(NAMESPACE_DNS, slug), slug, zone) for slug in slugs]


def _one(promises: list[Promise], asset: str = MART.key, tenant: str = "one") -> Owed:
    (found,) = [
        owed
        for owed in subjects_owed(NODES, promises, _tenants(["one", "two"]))
        if (owed.asset, owed.tenant) == (asset, tenant)
    ]
    return found


def _pairs(promises: list[Promise], tenants: list[str]) -> list[tuple[str, str]]:
    return [(owed.asset, owed.tenant) for owed in subjects_owed(NODES, promises, _tenants(tenants))]


@pytest.mark.promise("B48")
def test_what_was_promised_is_owed_to_every_tenant_whether_or_not_anything_arrived() -> None:
    assert _pairs([Promise("marts/*", limit=HOUR)], ["one", "two"]) == [
        (GOOGLE.key, "one"),
        (GOOGLE.key, "two"),
        (MART.key, "one"),
        (MART.key, "two"),
    ]


def test_data_without_tenants_is_one_subject() -> None:
    assert _pairs([Promise("rates", limit=HOUR), Promise("google/*")], ["one", "two"])[-1] == ("rates", "*")
    assert _pairs([Promise("marts/*", limit=HOUR)], []) == [(GOOGLE.key, "*"), (MART.key, "*")]


def test_a_promise_to_some_tenants_owes_the_others_nothing_and_a_tenant_it_alone_names_is_owed() -> None:
    promises = [
        Promise("marts/*", limit=HOUR, tenants=frozenset({"two", "gone"})),
        Promise("google/*", tenants=frozenset()),
    ]
    assert _pairs(promises, ["one", "two"]) == [(MART.key, "two"), (MART.key, "gone")]


def test_an_asset_spelt_out_in_a_promise_is_owed_though_the_graph_lacks_it() -> None:
    promises = [
        Promise("marts/lost", limit=HOUR),
        Promise("other/*", limit=HOUR),
        Promise("google/*", tenants=frozenset()),
    ]
    assert _pairs(promises, ["one"]) == [("marts/lost", "one")]


def test_a_window_of_the_promise_holds_for_every_root() -> None:
    terms = _one([Promise("marts/*", limit=HOUR, overrides={"two": SIX})]).terms
    assert terms.limits == {META.key: HOUR, GOOGLE.key: HOUR}
    assert terms.run_window == HOUR
    assert terms.undated == (ZONES.key,)
    assert terms.owner == "exposure-owner"


def test_a_tenants_own_window_holds_for_that_tenant_alone() -> None:
    promises = [Promise("marts/*", limit=HOUR, owner="data-eng", overrides={"two": SIX})]
    assert _one(promises, tenant="two").terms.limits == {META.key: SIX, GOOGLE.key: SIX}
    assert _one(promises, tenant="one").terms.run_window == HOUR
    assert _one(promises).terms.owner == "data-eng"


def test_without_a_window_each_root_brings_its_own_plus_the_grace() -> None:
    promises = [Promise("meta/*", limit=HOUR, overrides={"two": SIX}), Promise("marts/*", grace=30 * MINUTE)]
    one, two = _one(promises).terms, _one(promises, tenant="two").terms
    assert one.limits == {META.key: Window(90 * MINUTE, 75 * MINUTE), GOOGLE.key: Window(1470 * MINUTE)}
    assert two.limits[META.key] == Window(36 * MINUTE, 35 * MINUTE)
    assert one.run_window == Window(1470 * MINUTE)


def test_a_root_that_nobody_gave_a_window_has_none() -> None:
    terms = _one([Promise("marts/*", grace=MINUTE)]).terms
    assert terms.limits == {META.key: None, GOOGLE.key: Window(1441 * MINUTE)}


def test_a_root_promised_to_other_tenants_alone_does_not_bind() -> None:
    promises = [Promise("meta/*", limit=HOUR, tenants=frozenset({"two"})), Promise("marts/*", limit=DAY)]
    assert set(_one(promises, tenant="one").terms.limits) == {GOOGLE.key}
    assert set(_one(promises, tenant="two").terms.limits) == {META.key, GOOGLE.key}


def test_a_root_without_tenants_keeps_its_plain_window_for_every_tenant() -> None:
    shop = AssetNode("marts/shop", AssetKind.MODEL, (RATES.key,))
    promises = [Promise("rates", limit=HOUR, overrides={"one": SIX}), Promise("marts/*")]
    owed = subjects_owed([RATES, shop], promises, _tenants(["one"]))
    assert [(one.tenant, one.terms.limits) for one in owed] == [("*", {RATES.key: HOUR}), ("one", {RATES.key: HOUR})]


def test_thousands_of_tenants_share_their_terms() -> None:
    promises = [Promise("marts/*", limit=HOUR, overrides={"t7": SIX})]
    owed = [
        one for one in subjects_owed(NODES, promises, _tenants(f"t{n}" for n in range(2_000))) if one.asset == MART.key
    ]
    assert len({id(one.terms) for one in owed}) == 2


def test_tenants_whom_every_promise_treats_alike_are_one_class() -> None:
    promises = [
        Promise("marts/*", limit=HOUR, overrides={"t7": SIX}),
        Promise("meta/*", limit=HOUR, tenants=frozenset({"t1", "t2", "gone"})),
    ]
    groups = groups_owed(NODES, promises, _tenants(f"t{n}" for n in range(10)))
    assert [(group.asset, group.tenants) for group in groups if group.asset != GOOGLE.key] == [
        (META.key, ("t1", "t2")),
        (META.key, ("gone",)),
        (MART.key, ("t0", "t3", "t4", "t5", "t6", "t8", "t9")),
        (MART.key, ("t1", "t2")),
        (MART.key, ("t7",)),
    ]


def test_a_deadline_without_a_zone_is_in_each_tenants_own() -> None:
    promises = [Promise("meta/*", limit=Deadline(time(9))), Promise("marts/*", grace=MINUTE)]
    tenants = [*_tenants(["one", "two"], "America/Jamaica"), *_tenants(["three"], "Europe/London")]
    zones = {
        (owed.asset, owed.tenant): getattr(owed.terms.limits[META.key], "zone", None)
        for owed in subjects_owed(NODES, promises, tenants)
        if META.key in owed.terms.limits
    }
    assert zones[(META.key, "one")] == zones[(MART.key, "two")] == "America/Jamaica"
    assert zones[(META.key, "three")] == zones[(MART.key, "three")] == "Europe/London"


def test_a_deadline_says_nothing_of_runs() -> None:
    assert _one([Promise("marts/*", limit=Deadline(time(9)))]).terms.run_window is None


@pytest.mark.parametrize(
    ("promises", "loosest"),
    [
        ([Promise("marts/*", limit=SIX, overrides={"two": HOUR})], HOUR),
        ([Promise("marts/*", limit=HOUR, overrides={"two": SIX})], HOUR),
        ([Promise("marts/*", grace=MINUTE)], Window(1441 * MINUTE)),
        ([Promise("marts/*", limit=SIX, tenants=frozenset({"two"}))], SIX),
        ([Promise("meta/*", limit=SIX)], None),
    ],
)
def test_the_native_policy_gets_the_loosest_run_window_of_any_tenant(
    promises: list[Promise], loosest: Window | None
) -> None:
    assert loosest_run_window(MART, NODES, promises) == loosest


def test_a_node_with_a_window_of_its_own_needs_no_promise() -> None:
    assert loosest_run_window(GOOGLE, NODES, []) == DAY
    assert loosest_run_window(RATES, NODES, [Promise("rates", limit=HOUR)]) == HOUR
