"""`telemetry health` cold start, a whole process on a full ledger, against `python -c "import psycopg"` (≤ 3×).

The ledger holds the example's tenants, syncs, builds and snapshots; the embedded PostgreSQL runs. Run:
python -m benchmarks.health_start [--json] [--rounds N] [--tenants N]
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from benchmarks.measure import command_seconds, report, side_by_side
from telemetry_assets.ledger import dbt_invocations, graph, snapshots, subjects, syncs, tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.ledger.schema import migrate
from telemetry_assets.ledger.snapshots import PublishedSnapshot
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, SubjectFact, Tenant
from telemetry_assets.settings import child_environment

TARGET = 3
STREAMS, MODELS, JOBS = 8, 25, 96
NAMESPACE = UUID(int=0)


def main() -> int:
    """Fill a ledger, time both commands in turn, remove everything. Exit 0 where the target holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tenants", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="health-benchmark-") as folder:
        root = Path(folder)
        config = write_project(root, options.tenants)
        server = EmbeddedPostgres(root / "home")
        server.start()
        try:
            fill(server.url, options.tenants, datetime.now(UTC))
            return compare(config, root / "home", options)
        finally:
            server.stop()


def compare(config: Path, home: Path, options: argparse.Namespace) -> int:
    """Both as whole commands, in turn."""
    telemetry = str(Path(sys.executable).with_name("telemetry"))
    environment = child_environment({"TELEMETRY_CONFIG": str(config), "TELEMETRY_HOME": str(home)})
    ours, rival = side_by_side(
        lambda: command_seconds([telemetry, "health"], env=environment),
        lambda: command_seconds([sys.executable, "-c", "import psycopg"], env=environment),
        options.rounds,
    )
    title = f"telemetry health, {options.tenants} tenants, against python -c 'import psycopg'"
    return 0 if report(title, ours, rival, TARGET, higher_is_better=False, json_mode=options.json) else 1


def write_project(root: Path, count: int) -> Path:
    """A telemetry.yaml with one source, one snapshot and a promise on everything."""
    lines = ["dbt: {project_dir: shop}", "tenants:"]
    lines += [f"  - {{slug: {slug}, id: {uuid5(NAMESPACE, slug)}, name: {slug}}}" for slug in slugs(count)]
    lines += ["sources:", "  ads:", "    executable: [python, connector.py]", "    every: 15m", "    streams:"]
    lines += [f"      stream_{number}: {{}}" for number in range(STREAMS)]
    lines += ["    connections:"]
    lines += [f"      - {{tenant: {slug}, connection_id: {connection(slug)}}}" for slug in slugs(count)]
    lines += ["promises:", "  - {asset: '*', window: {fail: 1d}}", "snapshots: {board: {relation: marts.model_0}}"]
    (root / "shop").mkdir()
    (root / "connector.py").touch()
    path = root / "telemetry.yaml"
    path.write_text("\n".join(lines))
    return path


def fill(dsn: str, count: int, now: datetime) -> None:
    """A day of syncs, builds and snapshots, all well."""
    migrate(dsn)
    streams = [AssetNode(f"ads/stream_{n}", AssetKind.STREAM, clock=Clock(ClockKind.SYNC)) for n in range(STREAMS)]
    keys = tuple(node.key for node in streams)
    models = [AssetNode(f"marts/model_{n}", AssetKind.MODEL, keys) for n in range(MODELS)]
    board = AssetNode("snapshots/board", AssetKind.SNAPSHOT, ("marts/model_0",))
    results = tuple(NodeResult(f"model.shop.model_{n}", "success", "SELECT 1", 0.1, {}) for n in range(MODELS))
    with connect(dsn) as conn:
        tenants.write(conn, [Tenant(slug, uuid5(NAMESPACE, slug), slug) for slug in slugs(count)])
        graph.replace(conn, [*streams, *models, board])
        subjects.record(
            conn,
            [
                SubjectFact(node.key, slug, now, "run", "benchmark", dict.fromkeys(keys, now))
                for node in (*streams, *models, board)
                for slug in slugs(count)
            ],
        )
        times = [now - number * timedelta(minutes=15) for number in range(JOBS)]
        syncs.record(
            conn,
            [
                Sync(connection(slug), JOBS - number, "ads", slug, "succeeded", at, at, at, 1000, 100_000)
                for number, at in enumerate(times)
                for slug in slugs(count)
            ],
        )
        for number, at in enumerate(times):
            build = DbtInvocation(f"build-{number}", "build", at, True, False, "run_results.json", "run", results)
            dbt_invocations.record(conn, build)
        snapshots.publish(conn, [PublishedSnapshot("board", slug, now, {}, "run") for slug in slugs(count)])


def slugs(count: int) -> list[str]:
    """The tenants' slugs."""
    return [f"tenant-{number}" for number in range(count)]


def connection(slug: str) -> UUID:
    """A tenant's connection id."""
    return uuid5(NAMESPACE, f"connection {slug}")


if __name__ == "__main__":
    sys.exit(main())
