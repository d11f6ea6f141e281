"""One iteration of Dagster's FreshnessDaemon over N materialized assets with a policy each: seconds as JSON.

What belongs here: the rival as it runs in production: a real workspace with a code server, the daemon's own method. The
first iteration, which writes every state, is not counted. Run: python -m benchmarks.rivals.freshness_daemon N ROUNDS
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.freshness import FreshnessDaemon

_MODULE = """
import datetime, dagster as dg
policy = dg.FreshnessPolicy.time_window(datetime.timedelta(hours=1), datetime.timedelta(minutes=45))
defs = dg.Definitions(assets=[dg.AssetSpec(f"asset_{{n}}", freshness_policy=policy) for n in range({count})])
"""


def main() -> int:
    """Materialize, evaluate once, then count."""
    count, rounds = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as home, dg.DagsterInstance.local_temp(home) as instance:
        module = Path(home) / "assets.py"
        module.write_text(_MODULE.format(count=count))
        for number in range(count):
            instance.report_runless_asset_event(dg.AssetMaterialization(f"asset_{number}"))
        target = PythonFileTarget(str(module), attribute=None, working_directory=home, location_name="rival")
        with WorkspaceProcessContext(instance, target) as context:
            seconds = [_iteration(context) for _ in range(rounds + 1)][1:]
    print(json.dumps({"seconds": median(seconds)}))
    return 0


def _iteration(context: WorkspaceProcessContext) -> float:
    started = time.perf_counter()
    for _ in FreshnessDaemon().run_iteration(context):
        pass
    return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
