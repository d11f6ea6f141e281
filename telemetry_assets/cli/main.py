"""The console script: every end of a command mapped to the one table of exit codes, never a bare traceback."""

import signal
import sys

import click

from telemetry_assets.cli import actions, alerts, check, ci_init, compare, contracts, incidents, questions
from telemetry_assets.cli.app import app, say
from telemetry_assets.cli.readers import outlive_readers
from telemetry_assets.errors import TelemetryError
from telemetry_assets.model import ExitCode

__all__ = ["actions", "alerts", "check", "ci_init", "compare", "contracts", "incidents", "main", "questions"]


def main() -> None:
    """The console script. Maps every end to the one table of exit codes; never a bare traceback."""
    hear_interrupts()
    outlive_readers()
    try:
        code = app(standalone_mode=False)
        sys.exit(int(code) if isinstance(code, int) else 0)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        say(_wrong_usage(error))
        sys.exit(ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        sys.exit(130)
    except TelemetryError as error:
        say(f"telemetry: {error}")
        sys.exit(error.exit_code)
    except Exception as error:
        sys.exit(_unexpected(error))


def hear_interrupts() -> None:
    """Be endable where we were started deaf to SIGINT, as a script's background job is.

    Dagster gives SIGTERM the handler of SIGINT: left ignored, neither we nor what we start could be ended.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _wrong_usage(error: click.ClickException) -> str:
    """What is wrong with the command line; the help itself where a group was typed alone."""
    context: click.Context | None = getattr(error, "ctx", None)
    if context is None or type(error).__name__ == "NoArgsIsHelpError":
        return error.format_message()
    return f"telemetry: {error.format_message()} Try: {context.command_path} --help"


def _unexpected(error: Exception) -> int:
    """A bug: its traceback goes to a file, a sentence to the terminal."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="telemetry-crash-", suffix=".txt", delete=False) as report:
        report.write("".join(traceback.format_exception(error)))
    say(f"telemetry: a bug, not your mistake: {type(error).__name__}. Please report it with {report.name}.")
    return ExitCode.UNEXPECTED
