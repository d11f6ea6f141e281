"""Seven noons at which stock Dagster's freshness policy is wrong, or silent, and what `telemetry status` says instead.

Each case tells the same story to both: to Dagster's real evaluator (the one its daemon runs) and to our judgement.

    it is noon, and …                                                stock Dagster   telemetry
    ─────────────────────────────────────────────────────────────── ───────────────  ─────────
    the data never arrived, not once                                 UNKNOWN         never
    one of three tenants was loaded                                  PASS            1 fresh, 2 never
    the table was looked at, and is fresh                            UNKNOWN         fresh
    the sync ran now, and its newest row is ten days old             PASS            late
    the mart was rebuilt a minute ago, from a feed of five hours ago PASS            late
    the 09:00 delivery came at 08:30, half an hour early             FAIL            fresh
    it is Friday, which is this tenant's Sunday                      FAIL            fresh

Run it with ``-s`` to see this table made anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import dagster as dg
import pytest

from telemetry_assets.freshness.judge import judge_all, known
from telemetry_assets.freshness.owed import subjects_owed
from telemetry_assets.model import (
    ANY_TENANT,
    AssetKind,
    AssetNode,
    Clock,
    ClockKind,
    Deadline,
    Promise,
    SubjectFact,
    Tenant,
    Window,
)
from tests.freshness.stock_dagster import StockDagster

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 6, 5, 12, tzinfo=UTC)  # a Friday
ONE_HOUR = dg.FreshnessPolicy.time_window(fail_window=HOUR)
TENANTS = tuple(Tenant(slug, UUID(int=number), slug) for number, slug in enumerate(("acme", "globex", "initech")))

ORDERS, MART = "shop/orders", "marts/revenue"
SYNCED = AssetNode(ORDERS, AssetKind.STREAM, (), Clock())
WATCHED = AssetNode(ORDERS, AssetKind.TABLE, (), Clock(ClockKind.COLUMN, "updated_at"), tenanted=False)
REVENUE = AssetNode(MART, AssetKind.MODEL, (ORDERS,), tenanted=False)


@dataclass(frozen=True)
class Said:
    """What the two say of one story."""

    stock: str
    ours: tuple[str, ...]


def stock(
    policy: dg.FreshnessPolicy,
    asset: str,
    *,
    ran: Sequence[datetime] = (),
    partition: str | None = None,
    observed: datetime | None = None,
    now: datetime = NOON,
) -> str:
    """What the daemon of stock Dagster finds."""
    partitions = dg.StaticPartitionsDefinition([tenant.slug for tenant in TENANTS]) if partition else None
    spec = dg.AssetSpec(asset.split("/"), freshness_policy=policy, partitions_def=partitions)
    dagster = StockDagster([spec])
    for at in ran:
        dagster.materialized(asset, at, partition)
    if observed:
        dagster.observed(asset, observed, {"dagster/last_updated_timestamp": observed.timestamp()})
    state = dagster.state(asset, now).value
    dagster.close()
    return state


def ours(
    nodes: Sequence[AssetNode],
    promise: Promise,
    facts: Sequence[SubjectFact] = (),
    tenants: Sequence[Tenant] = (),
    now: datetime = NOON,
) -> tuple[str, ...]:
    """What `telemetry status` says, tenant by tenant."""
    owed = subjects_owed(nodes, [promise], tenants)
    judged = judge_all(owed, nodes, known(facts), [tenant.slug for tenant in tenants], now)
    return tuple(one.state.word for one in judged)


def loaded(asset: str, ran: datetime, data_time: datetime, tenant: str = ANY_TENANT) -> SubjectFact:
    return SubjectFact(asset, tenant, ran, "run-1", "test", {ORDERS: data_time})


def never_arrived() -> Said:
    return Said(stock(ONE_HOUR, ORDERS), ours([WATCHED], Promise(ORDERS, Window(HOUR))))


def one_of_three_tenants() -> Said:
    fact = loaded(ORDERS, NOON, NOON, "acme")
    return Said(
        stock(ONE_HOUR, ORDERS, ran=[NOON], partition="acme"),
        ours([SYNCED], Promise(ORDERS, Window(HOUR)), [fact], TENANTS),
    )


def looked_at_and_fresh() -> Said:
    seen = SubjectFact(ORDERS, ANY_TENANT, None, "look-1", "watched", {ORDERS: NOON}, looked_at=NOON)
    return Said(stock(ONE_HOUR, ORDERS, observed=NOON), ours([WATCHED], Promise(ORDERS, Window(HOUR)), [seen]))


def rows_ten_days_old() -> Said:
    fact = loaded(ORDERS, NOON, NOON - 10 * DAY)
    return Said(stock(ONE_HOUR, ORDERS, ran=[NOON]), ours([WATCHED], Promise(ORDERS, Window(HOUR)), [fact]))


def rebuilt_from_an_old_parent() -> Said:
    feed = loaded(ORDERS, NOON - 5 * HOUR, NOON - 5 * HOUR)
    rebuilt = loaded(MART, NOON - MINUTE, NOON - 5 * HOUR)
    return Said(
        stock(ONE_HOUR, MART, ran=[NOON - MINUTE]),
        ours([WATCHED, REVENUE], Promise(MART, Window(HOUR)), [feed, rebuilt]),
    )


def half_an_hour_early() -> Said:
    early = NOON.replace(hour=8, minute=30)
    by_nine = dg.FreshnessPolicy.cron("0 9 * * *", lower_bound_delta=timedelta(minutes=15))
    return Said(
        stock(by_nine, ORDERS, ran=[early]),
        ours([WATCHED], Promise(ORDERS, Deadline(by=time(9))), [loaded(ORDERS, early, early)]),
    )


def a_day_of_rest() -> Said:
    """The policy is the asset's, and can be no tenant's own: Monday to Friday for all of them."""
    yesterday = NOON - DAY
    riyadh = Tenant("riyadh", UUID(int=9), "Riyadh", "Asia/Riyadh")
    weekdays, sunday_to_thursday = frozenset(range(5)), frozenset({6, 0, 1, 2, 3})
    own = {"riyadh": Deadline(by=time(9), days=sunday_to_thursday)}
    promise = Promise(ORDERS, Deadline(by=time(9), days=weekdays), overrides=own)
    policy = dg.FreshnessPolicy.cron("0 9 * * 1-5", lower_bound_delta=9 * HOUR)
    return Said(
        stock(policy, ORDERS, ran=[yesterday]),
        ours([SYNCED], promise, [loaded(ORDERS, yesterday, yesterday, "riyadh")], [riyadh]),
    )


CASES: list[tuple[str, Callable[[], Said], str, tuple[str, ...]]] = [
    ("the data never arrived, not once", never_arrived, "UNKNOWN", ("never",)),
    ("one of three tenants was loaded", one_of_three_tenants, "PASS", ("fresh", "never", "never")),
    ("the table was looked at, and is fresh", looked_at_and_fresh, "UNKNOWN", ("fresh",)),
    ("the sync ran now, and its newest row is ten days old", rows_ten_days_old, "PASS", ("late",)),
    ("the mart was rebuilt a minute ago, from a feed of five hours ago", rebuilt_from_an_old_parent, "PASS", ("late",)),
    ("the 09:00 delivery came at 08:30, half an hour early", half_an_hour_early, "FAIL", ("fresh",)),
    ("it is Friday, which is this tenant's Sunday", a_day_of_rest, "FAIL", ("fresh",)),
]


@pytest.mark.promise("B53", "F12")
@pytest.mark.parametrize(("what", "told", "wrong", "right"), CASES, ids=[case[0] for case in CASES])
def test_stock_dagster_is_wrong_or_silent_and_we_are_right(
    what: str, told: Callable[[], Said], wrong: str, right: tuple[str, ...]
) -> None:
    said = told()
    print(f"\n{what:<66}{said.stock:<16}{', '.join(said.ours)}", end="")
    assert said == Said(wrong, right)
