"""An all-green run of the demo's graph, launch to end, against the same graph on stock parts and defaults (≥ 3×).

Ours: `telemetry refresh`, the whole command, every phase and every check of the product. The rival: the command
`dagster asset materialize --select '*'` on `rivals/stock_graph.py`: dagster-airbyte's own assets and poll interval (a
step per connection, ten), dagster-dbt's own `@dbt_assets` with the tests as checks, the snapshots in one statement, and
Dagster's multiprocess executor, as many steps at a time as there are cores. It is the same local Airbyte, database, dbt
project and manifest; the servers are up, each side has a Dagster home of its own and everything was loaded before, so
that both sync, build and publish only what is new. The rival has no contracts and no data ages to judge. Rows are
counted after each run of either side: unequal tables end the benchmark with an error.
Run: python -m benchmarks.graph_run [--json] [--rounds N]
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.example import Example, healthy_example
from benchmarks.measure import report, side_by_side
from telemetry_assets import running
from telemetry_assets.sources.dbt_command import dbt_environment

TARGET = 3
NAME = "the demo's graph, all green, launch to end, against stock dagster-airbyte, dagster-dbt and defaults"
RIVAL = Path(__file__).parent / "rivals" / "stock_graph.py"


def main() -> int:
    """Warm both, compare. Exit 0 where the target holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with healthy_example() as example:
        example.command("refresh")
        variables = rival_environment(example)
        expected = rows(example)

        def ours() -> float:
            seconds = example.command("refresh")
            require_equal(expected, rows(example))
            return seconds

        def rival() -> float:
            seconds = materialize_all(example, variables)
            require_equal(expected, rows(example))
            return seconds

        seconds = side_by_side(ours, rival, options.rounds)
    return 0 if report(NAME, *seconds, TARGET, json_mode=options.json) else 1


def materialize_all(example: Example, variables: Mapping[str, str]) -> float:
    """The seconds of the rival's whole command."""
    dagster = str(Path(sys.executable).with_name("dagster"))
    return example.run(dagster, "asset", "materialize", "--select", "*", "-f", str(RIVAL), environment=variables)


def rival_environment(example: Example) -> dict[str, str]:
    """Where the rival finds Airbyte, database, dbt project and its own Dagster home, all defaults but telemetry off."""
    settings, entry = example.settings, running.read(example.settings.home)["airbyte"]
    assert settings.dbt is not None
    home = example.folder / "stock_dagster_home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return {
        **dbt_environment(settings.dbt, example.dsn),
        "DAGSTER_HOME": str(home),
        "BENCHMARK_AIRBYTE_URL": entry["url"],
        "BENCHMARK_AIRBYTE_WORKSPACE": entry["workspace_id"],
        "BENCHMARK_AIRBYTE_CLIENT": entry["client_id"],
        "BENCHMARK_AIRBYTE_SECRET": entry["client_secret"],
        "BENCHMARK_DATABASE": example.dsn,
        "BENCHMARK_DBT_PROJECT": str(settings.dbt.project_dir),
    }


def rows(example: Example) -> dict[str, int]:
    """table → rows, of everything synced and built."""
    found: dict[str, int] = {}
    with psycopg.connect(example.dsn) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname like 'raw%' or schemaname = 'marts' order by 1, 2"
        ).fetchall()
        for schema, table in tables:
            row: Any = connection.execute(f'select count(*) from "{schema}"."{table}"'.encode()).fetchone()
            found[f"{schema}.{table}"] = row[0]
    return found


def require_equal(expected: Mapping[str, int], found: Mapping[str, int]) -> None:
    """Raises RuntimeError with the tables that differ."""
    differing = {name: (expected.get(name), found.get(name)) for name in expected.keys() | found.keys()}
    differing = {name: pair for name, pair in differing.items() if pair[0] != pair[1]}
    if differing:
        raise RuntimeError(f"the two sides did not leave equal data: {differing}")


if __name__ == "__main__":
    raise SystemExit(main())
