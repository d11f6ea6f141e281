"""`telemetry status --late` at 500,000 subjects as a whole command, against psql that counts old rows of one table.

The rival is the floor of any answer from that table: the server's own client, started anew, scanning the same
subjects once for data older than an hour. Ours starts Python, reads the declaration, judges every tenant's every
promise through the lineage and prints the broken ones (≤ 20×).
Run: python -m benchmarks.status_late [--json] [--rounds N]
"""

import argparse
import sys

from benchmarks.big_ledger import ASSETS, BigLedger, big_ledger
from benchmarks.measure import command_seconds, report, side_by_side
from telemetry_assets.local.postgres_place import wheel_programs
from telemetry_assets.settings import child_environment

SUBJECTS = 500_000
TARGET = 20
_COUNT = "select count(*) from telemetry.subjects where data_times[1] < now() - interval '1 hour'"


def main() -> int:
    """Fill, compare. Exit 0 where it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with big_ledger(SUBJECTS // ASSETS) as big:
        seconds = side_by_side(lambda: ours(big), lambda: rival(big), options.rounds)
    name = f"telemetry status --late at {SUBJECTS:,} subjects, whole command, against psql counting"
    return 0 if report(name, *seconds, TARGET, higher_is_better=False, json_mode=options.json) else 1


def ours(big: BigLedger) -> float:
    """The whole command; late promises and one never kept make it exit 3."""
    env = child_environment({"DATABASE_URL": big.dsn})
    argv = [sys.executable, "-m", "telemetry_assets.cli", "status", "--late"]
    return command_seconds(argv, cwd=big.folder, env=env, exits=(3,))


def rival(big: BigLedger) -> float:
    """psql, one scan."""
    return command_seconds([str(wheel_programs() / "psql"), "-XAtc", _COUNT, big.dsn])


if __name__ == "__main__":
    raise SystemExit(main())
