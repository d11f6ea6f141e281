"""dbt's own runner, warm: with the manifest loaded, a freshness run over all sources for each line on standard input.

What belongs here: the rival in a process of its own, so that neither's heap slows the other. It prints the seconds of
each run, a line each. Run in the folder of a dbt project: python -m benchmarks.rivals.dbt_runner
"""

import contextlib
import io
import json
import sys
import time
from pathlib import Path

from dbt.cli.main import dbtRunner


def main() -> int:
    """Parse, then run on demand."""
    with contextlib.redirect_stdout(io.StringIO()):
        parsed = dbtRunner().invoke(["--quiet", "parse"])
    if not parsed.success:
        raise RuntimeError(f"dbt parse failed: {parsed.exception}")
    runner = dbtRunner(manifest=parsed.result)  # type: ignore[arg-type]
    for _ in sys.stdin:
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            done = runner.invoke(["--quiet", "source", "freshness"])
        seconds = time.perf_counter() - started
        checked = json.loads(Path("target/sources.json").read_text())["results"]
        if done.exception or not checked:
            raise RuntimeError(f"dbt looked at {len(checked)} sources: {done.exception}")
        print(seconds, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
