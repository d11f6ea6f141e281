"""The command ``check``: run checks, or the whole guard, and end with a code one can trust.

What belongs here: options, and what to run. What does not: running (``defs/checking.py``, ``guarding.py``), drawing.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry_assets import settings as declared
from telemetry_assets.answers.check_selection import GuardOptions, Location, Selection
from telemetry_assets.cli.app import Json, app
from telemetry_assets.cli.watch import interval
from telemetry_assets.errors import UsageError

if TYPE_CHECKING:
    from telemetry_assets.answers.results import Verdict


@app.command()
def check(
    asset: Annotated[list[str] | None, typer.Argument(help="Assets or patterns, e.g. 'marts/*'.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="KEY[=VALUE]", help="Assets tagged so.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every asset.")] = False,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", "--tenant-id", help="Only this tenant, or partition; repeatable.")
    ] = None,
    module: Annotated[
        str | None, typer.Option("-m", "--module", help="The checks of this Python module's definitions.")
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option("-w", "--workspace", help="The checks of this workspace.yaml's code locations.")
    ] = None,
    guard: Annotated[bool, typer.Option("--guard", help="The CI guard, from fixtures, in a temporary home.")] = False,
    base: Annotated[str | None, typer.Option("--base", metavar="REV", help="Guard: compare contracts with it.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Guard: leave the temporary home.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the artifacts there.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML there.")] = None,
    deadline: Annotated[str | None, typer.Option("--deadline", help="How long it may take: 10m.")] = None,
    notify: Annotated[
        Path | None, typer.Option("--notify", metavar="FILE", help="Tell the verdict of this ci-summary.json.")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option("--verify", metavar="DIR", help="Are these artifacts as their manifest says?")
    ] = None,
    as_json: Json = False,
) -> int:
    """Run the checks of assets, and end with a code that tells what they found; of any Dagster project with -m or -w.

    For example: telemetry check 'marts/*'   telemetry check -m shop.definitions --junit checks.xml

    Exit: 0 fine, 1 failing, 2 late, 3 never seen, 4 could not look, 5 nothing to check.
    """
    selection = Selection(tuple(asset or ()), tuple(tag or ()))
    limit = interval(deadline, "--deadline") if deadline else None
    raise UsageError("telemetry check is being built.")
