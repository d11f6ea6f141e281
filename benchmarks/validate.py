"""`dagster definitions validate` of our code location against one bare `@dbt_assets` on the same manifest (≤ 1.2×).

Both as whole commands, in turn, on one prepared copy of the example. Ours has beside the models the sources, snapshots,
checks, jobs, schedules and sensors. Run: python -m benchmarks.validate [--json] [--rounds N]
"""

import argparse
import sys
from pathlib import Path

from benchmarks.example import Example, healthy_example
from benchmarks.measure import report, side_by_side

TARGET = 1.2
NAME = "definitions validate against one bare @dbt_assets on the same manifest"
RIVAL = Path(__file__).parent / "rivals" / "bare_dbt.py"


def main() -> int:
    """Compare. Exit 0 where the target holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with healthy_example() as example:
        seconds = side_by_side(lambda: ours(example), lambda: rival(example), options.rounds)
    return 0 if report(NAME, *seconds, TARGET, higher_is_better=False, json_mode=options.json) else 1


def ours(example: Example) -> float:
    """The seconds of our location, named as workspace.yaml names it."""
    return validate(example, "-m", "telemetry_assets.definitions")


def rival(example: Example) -> float:
    """The seconds of the bare one."""
    return validate(example, "-f", str(RIVAL))


def validate(example: Example, *where: str) -> float:
    """One whole command."""
    dbt = example.settings.dbt
    assert dbt is not None
    variables = {"BENCHMARK_MANIFEST": str(dbt.manifest_path)}
    dagster = str(Path(sys.executable).with_name("dagster"))
    return example.run(dagster, "definitions", "validate", *where, environment=variables)


if __name__ == "__main__":
    raise SystemExit(main())
