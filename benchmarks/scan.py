"""`telemetry scan` against `dbt source freshness`: 1,000 sources of one table, 100 rows and 10 tenants each (≥ 35×).

Both as whole commands on the same project and the same embedded PostgreSQL. Warm: after `dbt parse`, so dbt has its
partial parse and we have its manifest. Cold: with no target folder, so both read the YAML. Ours answers per tenant.
Run: python -m benchmarks.scan [--json] [--sources N] [--rounds N] [--threads N]
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import psycopg

from benchmarks.measure import command_seconds, report, side_by_side
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.settings import child_environment

TARGET = 35
ROWS, TENANTS = 100, 10
PER_FILE = 50


def main() -> int:
    """Generate, compare warm and cold, remove everything. Exit 0 where both hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=4, help="dbt's; 4 is its best on 2 cores")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scan-benchmark-") as folder:
        server = EmbeddedPostgres(Path(folder) / "home")
        server.start()
        try:
            project = Path(folder) / "project"
            load(server.url, options.sources)
            write_project(project, server.url, options.sources, options.threads)
            return compare(project, options)
        finally:
            server.remove()


def compare(project: Path, options: argparse.Namespace) -> int:
    """Warm, then cold."""
    env = child_environment({"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DATABASE_URL": "", "DBT_PROFILES_DIR": ""})
    del env["DBT_PROFILES_DIR"]
    dbt = str(Path(sys.executable).with_name("dbt"))
    scan = [sys.executable, "-m", "telemetry_assets.cli", "scan", "--by", "tenant_id"]
    target = project / "target"

    def ours() -> float:
        return command_seconds(scan, cwd=project, env=env, exits=(0, 2))

    def rival() -> float:
        return command_seconds([dbt, "--quiet", "source", "freshness"], cwd=project, env=env, exits=(0, 1))

    def cold(command: object) -> float:
        shutil.rmtree(target, ignore_errors=True)
        return ours() if command is ours else rival()

    name = f"scan against dbt source freshness, {options.sources:,} sources"
    rival()
    warm = report(f"{name}, warm", *side_by_side(ours, rival, options.rounds), TARGET, json_mode=options.json)
    seconds = side_by_side(lambda: cold(ours), lambda: cold(rival), options.rounds)
    return 0 if report(f"{name}, cold", *seconds, TARGET, json_mode=options.json) and warm else 1


def load(dsn: str, sources: int) -> None:
    """The tables: every tenant fresh, but the tenant ``dead`` of three of them three days old."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create schema raw")
        for number in range(sources):
            late = "interval '3 days'" if number % max(-(-sources // 3), 1) == 0 else "interval '0'"
            connection.execute(
                f"create table raw.t{number} as select n as id, 'tenant-' || n % {TENANTS} as tenant_id,"
                f" now() - n * interval '1 second' - case when n % {TENANTS} = 0 then {late} else interval '0' end"
                f" as loaded_at from generate_series(1, {ROWS}) n"
            )
        # Else autovacuum visits all of them while we measure.
        connection.execute("vacuum analyze")


def write_project(project: Path, dsn: str, sources: int, threads: int) -> None:
    """dbt_project.yml, profiles.yml, and the sources in files of fifty with descriptions and tests as people write."""
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: wide\nversion: '1.0'\nprofile: wide\nflags: {}\n")
    host = psycopg.conninfo.conninfo_to_dict(dsn)
    (project / "profiles.yml").write_text(
        "wide:\n  target: dev\n  outputs:\n    dev:\n      type: postgres\n"
        f"      host: '{host['host']}'\n      port: 5432\n      user: {host['user']}\n      password: none\n"
        f"      dbname: {host['dbname']}\n      schema: public\n      threads: {threads}\n"
    )
    for first in range(0, sources, PER_FILE):
        lines = ["version: 2", "sources:"]
        for number in range(first, min(first + PER_FILE, sources)):
            lines += [
                f"  - name: source_{number}",
                "    schema: raw",
                "    config:",
                "      loaded_at_field: loaded_at",
                "      freshness:",
                "        warn_after: {count: 6, period: hour}",
                "        error_after: {count: 12, period: hour}",
                "    tables:",
                f"      - name: t{number}",
                "        description: One of many",
            ]
        (project / "models" / f"sources_{first}.yml").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
