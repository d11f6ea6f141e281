"""`make bench`: every benchmark of this folder, one after the other, into docs/benchmarks.md. A missed target is a row
that says so and the exit stays 0; a benchmark that broke is named, and the exit is 1.

`--only NAME` (again for more) runs some and keeps the other rows, which results.json beside this file remembers.
Let nothing else run meanwhile. Run: python -m benchmarks [--only NAME]
"""

import argparse
import ast
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from telemetry_assets.local.postgres_place import wheel_programs

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
PAGE = FOLDER.parent / "docs" / "benchmarks.md"
SHARED = {"__init__", "__main__", "measure", "example", "big_ledger"}
PACKAGES = ("dagster", "dagster-dbt", "dagster-airbyte", "dbt-core", "dbt-postgres", "airbyte-cdk", "psycopg")
TRACEBACK = "Traceback (most recent call last)"

Rows = list[dict[str, Any]]


def main() -> int:
    """Run, remember, write the page. Exit 1 where a benchmark broke."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in SHARED)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, help="this benchmark; may be given again")
    chosen = parser.parse_args().only or names
    results: dict[str, Rows] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    broken: list[str] = []
    for number, name in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}] {name} …", flush=True)
        rows, problem = run(name)
        if problem:
            broken.append(name)
            print(f"    broke: {problem}", flush=True)
        results[name] = [] if problem else rows
        RESULTS.write_text(json.dumps({key: results[key] for key in names if key in results}, indent=1) + "\n")
        PAGE.write_text(page({key: results[key] for key in names if key in results}))
    print(f"wrote {PAGE.relative_to(FOLDER.parent)}" + (f"; broke: {', '.join(broken)}" if broken else ""))
    return 1 if broken else 0


def run(name: str) -> tuple[Rows, str]:
    """The comparisons of one benchmark as it prints them, and why it broke, empty where it did not."""
    rows: Rows = []
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
        with subprocess.Popen(command, cwd=FOLDER.parent, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            for line in process.stdout or ():
                if line.startswith("{"):
                    rows.append(json.loads(line))
                    print(f"    {time.monotonic() - started:5.0f} s  {_line(rows[-1])}", flush=True)
        errors.seek(0)
        said = errors.read()
    expected = 0 if all(row["holds"] for row in rows) else 1
    if rows and process.returncode == expected and TRACEBACK not in said:
        return rows, ""
    words = said.strip().splitlines() or [f"it ended with {process.returncode} after {len(rows)} comparisons"]
    return rows, words[-1]


def page(results: dict[str, Rows]) -> str:
    """The page: the table, then what each benchmark measures, in its own words."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` on one machine, ours and the rival in turn on the same data. A target that is missed",
        "says so. Times are medians unless a benchmark says otherwise; at `≥` the ratio is rival / ours, at `≤` it is",
        "ours / rival.",
        "",
        machine(),
        "",
        "| what | ours | rival | ratio | target | holds |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, rows in results.items():
        lines += [_cells(row) for row in rows] or [f"| {name} | | | | | **it broke** |"]
    for name in results:
        text = (ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text())) or "").strip()
        lines += ["", f"## {name}", "", text]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Cores, memory and versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    server = subprocess.run([wheel_programs() / "postgres", "--version"], capture_output=True, text=True, check=True)
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, PostgreSQL {server.stdout.split()[-1]}, {versions}."
    )


def _cells(row: dict[str, Any]) -> str:
    verdict = "yes" if row["holds"] else "**no**"
    return (
        f"| {row['name']} | {_seconds(row['ours'])} | {_seconds(row['rival'])} | {row['ratio']:.2f}× "
        f"| {row['sign']} {row['target']:g}× | {verdict} |"
    )


def _line(row: dict[str, Any]) -> str:
    verdict = "holds" if row["holds"] else "DOES NOT HOLD"
    return f"{row['name']}: {row['ratio']:.2f}× (target {row['sign']} {row['target']:g}×) {verdict}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"


if __name__ == "__main__":
    raise SystemExit(main())
