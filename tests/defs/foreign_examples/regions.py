"""Somebody's regions and days: checks with the partitions of their assets, static, of days, and known at run time."""

from datetime import UTC, datetime, timedelta

import dagster as dg

REGIONS = dg.StaticPartitionsDefinition(["north", "south", "west"])
DAYS = dg.DailyPartitionsDefinition(start_date=datetime.now(UTC) - timedelta(days=80))
SHOPS = dg.DynamicPartitionsDefinition(name="shops")


@dg.asset(partitions_def=REGIONS)
def sales() -> None: ...


@dg.asset(partitions_def=DAYS)
def visits() -> None: ...


@dg.asset(partitions_def=SHOPS)
def stock() -> None: ...


@dg.asset_check(asset=sales, partitions_def=REGIONS)
def sold_something(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=context.partition_key != "south", description=f"in {context.partition_key}")


@dg.asset_check(asset=visits, partitions_def=DAYS)
def somebody_came(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=bool(context.partition_key))


@dg.asset_check(asset=stock, partitions_def=SHOPS)
def shelves_are_full() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


checks_alone = dg.define_asset_job(
    "checks_alone",
    selection=dg.AssetSelection.checks_for_assets(sales),
    executor_def=dg.in_process_executor,
)

defs = dg.Definitions(
    assets=[sales, visits, stock],
    asset_checks=[sold_something, somebody_came, shelves_are_full],
    jobs=[checks_alone],
)
