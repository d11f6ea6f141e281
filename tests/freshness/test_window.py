"""Which promise and which window hold."""

from datetime import timedelta

import pytest

from telemetry_assets.freshness.window import is_promised_to, loosened, loosest, own_limit, promise_for, promise_of
from telemetry_assets.model import AssetKind, AssetNode, Promise, Window

HOUR = timedelta(hours=1)
WINDOW = Window(fail=2 * HOUR, warn=HOUR)


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("meta_ads/insights", "meta_ads/insights"),
        ("meta_ads/insights", "meta_ads/*"),
        ("meta_ads/deep/er", "meta_ads/*"),
        ("meta_ads/insights", "*/insights"),
        ("orders", "*"),
        ("meta_ads_eu/insights", None),
        ("META_ADS/insights", None),
        ("meta_ads", None),
    ],
)
def test_a_pattern_matches_the_whole_key_and_a_star_any_rest(key: str, pattern: str | None) -> None:
    patterns = [pattern] if pattern else ["meta_ads/*", "meta_ads/insights"]
    found = promise_for(key, [Promise(asset=each) for each in patterns])
    assert (found.asset if found else None) == pattern


def test_the_first_matching_promise_holds() -> None:
    special, general = Promise("marts/one", owner="a"), Promise("marts/*", owner="b")
    assert promise_for("marts/one", [special, general]) is special
    assert promise_for("marts/one", [general, special]) is general


def test_a_window_that_dbt_declares_is_a_promise_unless_another_is_declared() -> None:
    node = AssetNode("shop/orders", AssetKind.TABLE, window=WINDOW, owner="shop-team")
    assert promise_of(node, []) == Promise("shop/orders", limit=WINDOW, owner="shop-team")
    declared = Promise("shop/*", grace=HOUR)
    assert promise_of(node, [declared]) is declared
    assert promise_of(AssetNode("shop/orders", AssetKind.TABLE), []) is None


def test_a_tenants_own_limit_comes_before_the_promises() -> None:
    promise = Promise("a", limit=WINDOW, overrides={"one": Window(fail=HOUR)})
    assert own_limit(promise, "one") == Window(fail=HOUR)
    assert own_limit(promise, "two") == WINDOW
    assert own_limit(Promise("a", grace=HOUR), "one") is None


def test_a_promise_to_some_tenants_is_not_one_to_others() -> None:
    promise = Promise("a", tenants=frozenset({"one"}))
    assert [is_promised_to(promise, tenant) for tenant in ("one", "two", "*")] == [True, False, True]
    assert is_promised_to(Promise("a"), "anybody")


def test_grace_moves_both_bounds() -> None:
    assert loosened(WINDOW, HOUR) == Window(fail=3 * HOUR, warn=2 * HOUR)
    assert loosened(Window(fail=HOUR), HOUR) == Window(fail=2 * HOUR)


def test_the_loosest_window_is_the_one_that_fails_last() -> None:
    strict, quiet = Window(fail=HOUR), Window(fail=2 * HOUR)
    assert loosest([strict, None, WINDOW]) == WINDOW
    assert loosest([WINDOW, quiet]) == quiet
    assert loosest([None]) is None
