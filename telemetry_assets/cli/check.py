"""The command ``check``: run checks, or the whole guard, and end with a code one can trust.

What belongs here: options, and what to run. What does not: running (``defs/checking.py``, ``guarding.py``), drawing.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from telemetry_assets import settings as declared
from telemetry_assets.answers.check_selection import GuardOptions, Location, Selection
from telemetry_assets.cli.app import Json, app, say
from telemetry_assets.cli.live_check import Kept, Live, ours, shown_and_kept, theirs
from telemetry_assets.cli.verdicts import notify_file, verify_folder
from telemetry_assets.cli.watch import interval
from telemetry_assets.errors import TelemetryError, UsageError
from telemetry_assets.model import ExitCode


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
    one_thing(
        {"--verify": verify, "--notify": notify, "--guard": guard or None, "-m": module, "-w": workspace}, base, keep
    )
    if verify:
        return verify_folder(verify, as_json=as_json)
    if notify:
        return notify_file(notify)
    selection = Selection(tuple(asset or ()), tuple(tag or ()))
    limit = interval(deadline, "--deadline") if deadline else None
    kept = Kept(out, junit, as_json)
    if guard:
        return guarded(GuardOptions(selection, tuple(tenant or ()), base, out, limit, keep), kept)
    asked = Live(selection, tuple(tenant or ()), limit)
    if module or workspace:
        return theirs(Location(module, workspace), asked, kept)
    if selection == Selection() and not everything:
        raise UsageError("Nothing is named that could be checked.", "Name assets or a --tag, or say --all.")
    return ours(asked, kept)


def one_thing(ways: Mapping[str, object], base: str | None, keep: bool) -> None:
    """Raises UsageError where options ask for two things at once, or for the guard's without it."""
    chosen = [name for name, value in ways.items() if value is not None]
    if len(chosen) > 1:
        raise UsageError(f"{chosen[0]} and {chosen[1]} are two things.", "Ask for one of them.")
    if (base is not None or keep) and chosen != ["--guard"]:
        raise UsageError(f"{'--keep' if keep else '--base'} is the guard's.", "Add --guard, or leave it out.")


def guarded(options: GuardOptions, kept: Kept) -> ExitCode:
    """The guard; its artifacts stand beside telemetry.yaml unless they are to be elsewhere."""
    from telemetry_assets.cli.artifacts import clear
    from telemetry_assets.cli.guarding import ARTIFACTS, run_guard, undeclared
    from telemetry_assets.render import progress

    out = options.out or declared.find().resolve().parent / ARTIFACTS
    clear(out, kept.junit)
    kept = replace(kept, out=out)
    try:
        settings = declared.load()
    except TelemetryError as error:
        say(f"telemetry: {error}")
        return shown_and_kept(undeclared(error, options), kept, None)
    with progress.shown(quiet=kept.as_json) as show:
        verdict = run_guard(settings, options, show)
    code = shown_and_kept(verdict, kept, settings)
    say(f"telemetry: artifacts in {out}")
    if options.keep:
        say(f"telemetry: the temporary home is kept: {verdict.diagnostics['home']}")
    return code
