"""The newest time per tenant of 1,000 source tables, against dbt's own runner, both warm in their process (≥ 100×).

Ours: one round trip on an open connection, an answer per tenant. dbt: ``dbtRunner`` with the manifest loaded, which
runs ``source freshness`` over the same tables again and again, an answer per table. 100 rows and 10 tenants a table.
Run: python -m benchmarks.watermarks [--json] [--sources N] [--rounds N]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from psycopg import Connection
from psycopg.rows import TupleRow

from benchmarks.measure import report, side_by_side
from benchmarks.scan import TENANTS, load, write_project
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.settings import child_environment
from telemetry_assets.sources.tables import TableRequest, read_watermarks

TARGET = 100
REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> int:
    """Generate, compare, remove everything. Exit 0 where it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watermarks-benchmark-") as folder:
        server = EmbeddedPostgres(Path(folder) / "home")
        server.start()
        try:
            project = Path(folder) / "project"
            load(server.url, options.sources)
            write_project(project, server.url, options.sources, threads=4)
            with connect(server.url) as conn, dbt_runner(project) as rival:
                seconds = side_by_side(lambda: ours(conn, options.sources), rival, options.rounds)
        finally:
            server.remove()
    name = f"watermarks of {options.sources:,} tables per tenant, against dbtRunner's source freshness, both warm"
    return 0 if report(name, *seconds, TARGET, json_mode=options.json) else 1


def ours(conn: Connection[TupleRow], sources: int) -> float:
    """The median of five looks at all tables: together they last as long as a moment of dbt's run."""
    return median(_look(conn, sources) for _ in range(5))


def _look(conn: Connection[TupleRow], sources: int) -> float:
    requests = [TableRequest("raw", f"t{number}", "loaded_at", "tenant_id") for number in range(sources)]
    started = time.perf_counter()
    _, readings = read_watermarks(conn.cursor(), requests)
    seconds = time.perf_counter() - started
    conn.rollback()
    if any(reading.problem or len(reading.watermarks) != TENANTS for reading in readings):
        raise RuntimeError("a table gave no answer per tenant")
    return seconds


@contextmanager
def dbt_runner(project: Path) -> Generator[Callable[[], float]]:
    """One freshness run of dbt's runner over all sources, again and again, in a process of its own; the seconds."""
    env = child_environment({"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PYTHONPATH": str(REPOSITORY)})
    command = [sys.executable, "-m", "benchmarks.rivals.dbt_runner"]
    with subprocess.Popen(
        command, cwd=project, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None

        def run() -> float:
            asked.write("again\n")
            asked.flush()
            return float(told.readline())

        yield run
        asked.close()


if __name__ == "__main__":
    raise SystemExit(main())
