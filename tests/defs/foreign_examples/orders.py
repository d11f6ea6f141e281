"""Somebody's shop: checks of WARN and ERROR severity on a list of orders, one of which blocks. After Dagster's docs."""

import dagster as dg

ORDERS = [
    {"order_id": 1, "customer": "ada", "total": 20},
    {"order_id": 2, "customer": None, "total": 5},
    {"order_id": 2, "customer": "grace", "total": -3},
]


@dg.asset(tags={"domain": "shop"}, group_name="shop")
def orders() -> list[dict[str, object]]:
    print("materializing")
    return ORDERS


@dg.asset(deps=[orders])
def order_report() -> None: ...


@dg.asset_check(asset=orders, description="Every order has its own id")
def ids_are_unique() -> dg.AssetCheckResult:
    print('{"this": "is no answer of telemetry"}')
    ids = [order["order_id"] for order in ORDERS]
    return dg.AssetCheckResult(
        passed=len(ids) == len(set(ids)),
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(ids) - len(set(ids))} id twice",
        metadata={"rows": len(ids)},
    )


@dg.asset_check(asset=orders)
def everybody_is_named() -> dg.AssetCheckResult:
    nameless = sum(order["customer"] is None for order in ORDERS)
    return dg.AssetCheckResult(
        passed=not nameless, severity=dg.AssetCheckSeverity.WARN, description=f"{nameless} without a customer"
    )


@dg.asset_check(asset=orders, blocking=True)
def totals_are_positive() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=all(order["total"] > 0 for order in ORDERS), description="a total below zero")


@dg.asset_check(asset=order_report)
def report_is_there() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=orders)
def stored_orders_are_as_many(orders: list[dict[str, object]]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=len(orders) == len(ORDERS))


checks_alone = dg.define_asset_job(
    "checks_alone",
    selection=dg.AssetSelection.checks(
        dg.AssetCheckKey(dg.AssetKey("orders"), "ids_are_unique"),
        dg.AssetCheckKey(dg.AssetKey("orders"), "everybody_is_named"),
    ),
    executor_def=dg.in_process_executor,
)

defs = dg.Definitions(
    assets=[orders, order_report],
    asset_checks=[
        ids_are_unique,
        everybody_is_named,
        totals_are_positive,
        report_is_there,
        stored_orders_are_as_many,
    ],
    jobs=[checks_alone],
)
