"""A refresh of 10,000 tenants written down: one asset's facts into our ledger, against Dagster's event writes (≥ 100×).

Ours: ``subjects.record`` of 10,000 newer facts over 10,000 held ones, the median of several. Dagster's: a
materialization event per tenant partition, as any code writes them from outside a run, into SQLite, its own default;
measured once.
Run: python -m benchmarks.recording [--json] [--tenants N] [--rounds N]
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from statistics import median

from benchmarks.big_ledger import BigLedger, big_ledger
from benchmarks.measure import report
from telemetry_assets.ledger import subjects
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import SubjectFact

TARGET = 100


def main() -> int:
    """Ours, then the rival. Exit 0 where it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with big_ledger(options.tenants) as big:
        seconds = ours(big, options.tenants, options.rounds)
    name = f"writing a refresh of {options.tenants:,} tenants, against Dagster's events"
    return 0 if report(name, seconds, rival(options.tenants), TARGET, json_mode=options.json) else 1


def ours(big: BigLedger, tenants: int, rounds: int) -> float:
    """The median of writing one asset's newer facts; every row changes each time."""
    now, seconds = datetime.now(UTC), list[float]()
    with connect(big.dsn) as conn:
        for turn in range(rounds + 1):
            known = now + timedelta(seconds=turn)
            facts = [
                SubjectFact(
                    "marts/model_1", f"tenant-{n:05d}", known, f"run-{turn}", "dbt", {"a/b": known, "c/d": known}
                )
                for n in range(1, tenants + 1)
            ]
            started = time.perf_counter()
            changed = subjects.record(conn, facts)
            seconds.append(time.perf_counter() - started)
            if changed != tenants:
                raise RuntimeError(f"{changed} rows changed instead of {tenants}")
    return median(seconds[1:])


def rival(tenants: int) -> float:
    """One event per tenant partition."""
    import dagster as dg

    with tempfile.TemporaryDirectory() as home, dg.DagsterInstance.local_temp(home) as instance:
        instance.add_dynamic_partitions("tenants", [f"tenant-{n:05d}" for n in range(1, tenants + 1)])
        started = time.perf_counter()
        for n in range(1, tenants + 1):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(["marts", "model_1"], partition=f"tenant-{n:05d}")
            )
        return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
