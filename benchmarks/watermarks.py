"""The newest time per tenant of 1,000 source tables, against dbt's own runner, both warm in their process (≥ 100×).

Ours: one round trip on an open connection, an answer per tenant. dbt: ``dbtRunner`` with the manifest loaded, which
runs ``source freshness`` over the same tables again and again, an answer per table. 100 rows and 10 tenants a table.
Run: python -m benchmarks.watermarks [--json] [--sources N] [--rounds N]
"""

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from benchmarks.measure import report, side_by_side
from benchmarks.scan import TENANTS, load, write_project
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.settings import export
from telemetry_assets.sources.tables import TableRequest, read_watermarks

TARGET = 100


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
            invoke = dbt_runner(project)
            with connect(server.url) as conn:
                seconds = side_by_side(lambda: ours(conn, options.sources), lambda: rival(invoke), options.rounds)
        finally:
            server.remove()
    name = f"watermarks of {options.sources:,} tables per tenant, against dbtRunner's source freshness, both warm"
    return 0 if report(name, *seconds, TARGET, json_mode=options.json) else 1


def ours(conn: Connection[TupleRow], sources: int) -> float:
    """One look at all tables."""
    requests = [TableRequest("raw", f"t{number}", "loaded_at", "tenant_id") for number in range(sources)]
    started = time.perf_counter()
    _, readings = read_watermarks(conn.cursor(), requests)
    seconds = time.perf_counter() - started
    conn.rollback()
    if any(reading.problem or len(reading.watermarks) != TENANTS for reading in readings):
        raise RuntimeError("a table gave no answer per tenant")
    return seconds


def dbt_runner(project: Path) -> Any:
    """dbt's runner with the manifest of the project loaded, in its folder."""
    from dbt.cli.main import dbtRunner

    export({"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"})
    os.chdir(project)
    with contextlib.redirect_stdout(io.StringIO()):
        parsed = dbtRunner().invoke(["--quiet", "parse"])
    if not parsed.success:
        raise RuntimeError(f"dbt parse failed: {parsed.exception}")
    return dbtRunner(manifest=parsed.result).invoke


def rival(invoke: Any) -> float:
    """One freshness run over all sources."""
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        done = invoke(["--quiet", "source", "freshness"])
    seconds = time.perf_counter() - started
    checked = json.loads(Path("target/sources.json").read_text())["results"]
    if done.exception or not checked:
        raise RuntimeError(f"dbt looked at {len(checked)} sources: {done.exception}")
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())
