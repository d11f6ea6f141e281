"""``telemetry config init --ci github``: write the workflow that runs the guard into a repository.

What belongs here: the command, and never overwriting what somebody changed. What does not: the text
(``render/workflow.py``).
"""

from pathlib import Path
from typing import Annotated

import typer

from telemetry_assets import settings as declared
from telemetry_assets.cli.app import config_app
from telemetry_assets.errors import FailingError, UsageError
from telemetry_assets.model import ExitCode

SYSTEMS = ("github",)


@config_app.command("init")
def config_init(
    ci: Annotated[str | None, typer.Option("--ci", metavar="github", help="Whose CI it is for.")] = None,
    install: Annotated[
        str | None, typer.Option("--install", metavar="COMMAND", help="What sets .venv up, if it is not to be guessed.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are different.")] = False,
    printed: Annotated[bool, typer.Option("--print", help="Print the files and write none.")] = False,
) -> int:
    """Write a workflow that guards this repository's contracts, and the set-up of its jobs.

    It runs on changes to what telemetry.yaml names, every day at 11:15 UTC, and by hand.
    Exit: 0, 1 cannot be written, 5 a file there is different.
    """
    if ci not in SYSTEMS:
        raise UsageError(f"--ci {ci} is not known." if ci else "What is to be written?", "Say --ci github.")
    from telemetry_assets.answers.ci_setup import ci_setup
    from telemetry_assets.render.workflow import workflow_files

    setup = ci_setup(declared.load(), install)
    files = {setup.root / name: text for name, text in workflow_files(setup).items()}
    if printed:
        typer.echo("".join(f"# {path.relative_to(setup.root)}\n{text}\n" for path, text in files.items()), nl=False)
        return ExitCode.OK
    news = {path: text for path, text in files.items() if _now(path) != text}
    different = [path for path in news if _now(path) is not None]
    if different and not force:
        names = " and ".join(str(path.relative_to(setup.root)) for path in different)
        raise UsageError(f"{names} is there and different.", "See what would be written with --print, or say --force.")
    for path, text in news.items():
        _write(path, text)
        typer.echo(f"wrote {path.relative_to(setup.root)}")
    if not news:
        typer.echo("Everything is there already, and as it would be written.")
    typer.echo(f"Next: commit it; set the secrets {', '.join(setup.secrets)} of the repository, where people are to be")
    typer.echo("told; require the check 'Telemetry quality gate' of its main branch. docs/ci.md says how.")
    return ExitCode.OK


def _now(path: Path) -> str | None:
    """What is there now; None where nothing is."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FailingError(f"{path} cannot be read: {error}.") from None


def _write(path: Path, text: str) -> None:
    from telemetry_assets.cli.artifacts import write_file

    if failures := write_file(path, text.encode()):
        raise FailingError(failures[0].message)
