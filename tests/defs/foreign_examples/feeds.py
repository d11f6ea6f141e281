"""Somebody's feeds: several checks in one, freshness by hand, and all that goes wrong: raising, silence, no config, no
server, a result that only comes with the asset."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg


@dg.asset
def clicks() -> None: ...


@dg.asset
def views() -> None: ...


@dg.asset(check_specs=[dg.AssetCheckSpec("counted_while_loading", asset="loads")])
def loads() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False, description="2 of 3 files")])


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec("is_recent", asset=clicks), dg.AssetCheckSpec("is_recent", asset=views)], can_subset=True
)
def recent(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    newest = {dg.AssetKey("clicks"): datetime.now(UTC), dg.AssetKey("views"): datetime.now(UTC) - timedelta(days=9)}
    for key in sorted(context.selected_asset_check_keys):
        old = datetime.now(UTC) - newest[key.asset_key]
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=old < timedelta(days=1),
            description=f"{old.days} days old",
        )


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec("reports", asset=clicks), dg.AssetCheckSpec("never_reports", asset=clicks)],
    can_subset=True,
)
def forgetful() -> Iterator[dg.AssetCheckResult]:
    yield dg.AssetCheckResult(asset_key="clicks", check_name="reports", passed=True)


@dg.asset_check(asset=views)
def divides() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=1 / 0 > 0)


@dg.asset_check(asset=views)
def asks_a_database() -> dg.AssetCheckResult:
    psycopg.connect("postgresql://nobody@127.0.0.1:1/nothing")
    return dg.AssetCheckResult(passed=True)


class Threshold(dg.Config):
    """What a run has to say."""

    least: int


@dg.asset_check(asset=views)
def needs_config(config: Threshold) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=config.least > 0)


class Server(dg.ConfigurableResource):
    """A server that is down."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        raise RuntimeError("no such server")


@dg.asset_check(asset=views)
def needs_a_server(server: Server) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


broken_alone = dg.define_asset_job(
    "checks_alone", selection=dg.AssetSelection.checks(*recent.check_keys), executor_def=dg.in_process_executor
)

defs = dg.Definitions(
    assets=[clicks, views, loads],
    asset_checks=[recent, forgetful, divides, asks_a_database, needs_config, needs_a_server],
    jobs=[broken_alone],
    resources={"server": Server()},
)
