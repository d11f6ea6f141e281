"""``telemetry check --verify DIR`` and ``--notify FILE``: what became of a check that has run.

What belongs here: these two, whole. What does not: the options (``check.py``), verifying (``artifacts.py``), telling
(``dispatch/verdicts.py``).
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from telemetry_assets import settings as declared
from telemetry_assets.cli.app import say
from telemetry_assets.cli.session import open_ledger
from telemetry_assets.model import ExitCode, State, worst_exit
from telemetry_assets.render.terminal import printable
from telemetry_assets.spoken import counted

if TYPE_CHECKING:
    from telemetry_assets.dispatch.verdicts import Notified
    from telemetry_assets.settings import Settings

JOBS = "TELEMETRY_CI_JOBS"
"""The variable in which the workflow says how its other jobs ended."""
DELIVERED_WITHIN = 20.0
"""Seconds that is sent for; what waits then is sent by whoever dispatches next."""


def verify_folder(out: Path, *, as_json: bool = False) -> ExitCode:
    """Say of each file of ``out`` whether it is as the manifest says: 0, or 1 where any is not."""
    from telemetry_assets.cli.artifacts import verify

    found = verify(out)
    if as_json:
        rows = [{"file": one.check, "state": str(one.state), "message": one.message} for one in found]
        typer.echo(json.dumps({"folder": str(out), "files": rows}, ensure_ascii=False, indent=2))
    else:
        bad = [one for one in found if one.state is not State.PASS]
        for one in bad:
            typer.echo(f"FAIL  {printable(one.message, 300)}")
        typer.echo(bad[0].remedy if bad else f"{counted(len(found), 'file')} of {out} as the manifest says.")
    return worst_exit([one.exit_code for one in found])


def notify_file(path: Path) -> ExitCode:
    """Hand the verdict of a ``ci-summary.json`` to whom the incidents are told, and send for 20 s.

    0 where it was handed over, whatever it says; 4 where there is no verdict in it, which is told as that.
    """
    from telemetry_assets.answers.provenance import provenance
    from telemetry_assets.dispatch.verdicts import notify

    settings = declared.load()
    try:
        data = path.read_bytes()
    except OSError:
        data = None
    with open_ledger(settings) as conn:
        jobs = declared.environment(JOBS)
        found = notify(conn, settings, data, provenance(settings.root), datetime.now(UTC), jobs)
        _tell(found, settings)
    return found.exit_code


def _tell(found: "Notified", settings: "Settings") -> None:
    from telemetry_assets.dispatch.drain import drain

    if found.said is None:
        say(f"telemetry: no verdict of {found.job}: {found.problem}")
    else:
        typer.echo(
            f"{found.job}: {counted(len(found.said.failures), 'failure')}, "
            f"{len(found.told_already)} of them told already or silenced; {len(found.news)} to tell"
        )
    for entry in [entry for change in found.evaluation.changes for entry in change.entries]:
        typer.echo(f"incident {entry.incident} {entry.step}: {entry.words}")
    drained = drain(settings, seconds=DELIVERED_WITHIN, say=say)
    typer.echo(f"{drained.sent} sent, {drained.again} to be tried again, {drained.dead} not delivered")
