"""Every error a person can cause or meet, with the exit code it ends a command with.

    TelemetryError                 1  (never raised itself)
    ├── ConfigError                1  telemetry.yaml, a schema or the environment is wrong
    ├── FailingError               1  something ran and failed: a connector, dbt, a migration
    ├── UsageError                 5  the command line is wrong: an unknown tenant, a bad option
    └── CouldNotLookError          4  a database, a server or a file could not be reached or read

A message names the culprit, the value and the way out, and never a secret. A bug is not in this tree: it ends with 70.
"""

from telemetry_assets.model import ExitCode


class TelemetryError(Exception):
    """A user's or the world's mistake. ``message`` says what and where, ``remedy`` what to do about it."""

    exit_code: ExitCode = ExitCode.FAILING

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message if not remedy else f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class ConfigError(TelemetryError):
    """The declaration is wrong: a misspelt key, a bad duration, a duplicate tenant, a missing secret."""


class FailingError(TelemetryError):
    """Something ran and failed, and its own words say why."""


class UsageError(TelemetryError):
    """The command line asks for something that is not there."""

    exit_code = ExitCode.USAGE


class CouldNotLookError(TelemetryError):
    """What we had to read could not be reached. Never to be shown as fresh, nor as late."""

    exit_code = ExitCode.COULD_NOT_LOOK
