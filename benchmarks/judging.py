"""Judging every subject, end to end, against an iteration of Dagster's FreshnessDaemon, both warm in their process.

Ours: read the graph, the promises and the tenants, turn them into cutoffs, hold every fact against its own in one scan
and judge those in doubt, by the data's age through the lineage, per tenant. Dagster's: the daemon's own method over as
many materialized assets with a policy as it can load (2,000; each is one subject there), by the last run's age. Our
20,000 and 500,000 are held against its 2,000, and the last against the 250 ms we promise. The data: big_ledger.py.
Run: python -m benchmarks.judging [--json] [--rounds N]
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.big_ledger import ASSETS, big_ledger
from benchmarks.measure import report
from telemetry_assets.answers.sweep import read_sweep
from telemetry_assets.ledger.connection import connect

SIZES = (2_000, 20_000, 500_000)
RIVAL = 2_000
TARGETS = {2_000: 5, 20_000: 5, 500_000: 1}
BUDGET = 0.25
REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> int:
    """The rival once, then ours at each size. Exit 0 where all hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    daemon = rival(options.rounds)
    holds = True
    for size in SIZES:
        seconds = ours(size, options.rounds)
        name = f"judging {size:,} subjects, against FreshnessDaemon over {RIVAL:,} assets"
        holds &= report(name, seconds, daemon, TARGETS[size], json_mode=options.json)
        if size == SIZES[-1]:
            holds &= report(
                f"judging {size:,} subjects, against the 250 ms promised", seconds, BUDGET, 1, False, options.json
            )
    return 0 if holds else 1


def ours(size: int, rounds: int) -> float:
    """The median of a sweep over ``size`` subjects on an open connection; the first is not counted."""
    with big_ledger(size // ASSETS) as big, connect(big.dsn) as conn:
        seconds: list[float] = []
        for _ in range(rounds + 1):
            started = time.perf_counter()
            swept = read_sweep(conn, big.settings, datetime.now(UTC))
            seconds.append(time.perf_counter() - started)
        if swept.promises != size or not 0 < len(swept.judged) < size // 100 + 100:
            raise RuntimeError(f"{len(swept.judged)} of {swept.promises} not fresh: that is not what was filled in")
    return median(seconds[1:])


def rival(rounds: int) -> float:
    """The median of the daemon's iterations, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.rivals.freshness_daemon", str(RIVAL), str(rounds)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
    return json.loads(line)["seconds"]


if __name__ == "__main__":
    raise SystemExit(main())
