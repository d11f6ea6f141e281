"""What ``telemetry doctor`` can only learn from the stand-ins: the home, the embedded PostgreSQL."""

import shutil
import tempfile
from collections.abc import Sequence

from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.model import Diagnosis, ExitCode
from telemetry_assets.settings import Settings

_LEAST_FREE_BYTES = 512 * 1024 * 1024


def local_findings(settings: Settings) -> Sequence[Diagnosis]:
    """The home can be written and has room; the embedded server, where it is used, is up or can be started."""
    return [_home(settings), _postgres(settings)]


def _home(settings: Settings) -> Diagnosis:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):
            free = shutil.disk_usage(settings.home).free
    except OSError as error:
        said = f"{settings.home} cannot be written: {error.strerror}."
        return Diagnosis("home", False, said, "Name another folder in TELEMETRY_HOME.", ExitCode.COULD_NOT_LOOK)
    if free < _LEAST_FREE_BYTES:
        said = f"{settings.home} has {free >> 20} MiB left."
        return Diagnosis("home", False, said, "Free some space, or move TELEMETRY_HOME.", ExitCode.FAILING)
    return Diagnosis("home", True, f"{settings.home}, {free >> 30} GiB free")


def _postgres(settings: Settings) -> Diagnosis:
    if settings.database:
        return Diagnosis("embedded db", True, "not used: DATABASE_URL is set")
    up = EmbeddedPostgres(settings.home).is_up()
    if up:
        return Diagnosis("embedded db", True, "up")
    return Diagnosis("embedded db", True, "down; it is started when a command needs it")
