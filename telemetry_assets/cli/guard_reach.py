"""What the guard could reach while its home was up: its database, its Airbyte, git. For ``diagnostics.json``.

What belongs here: one short question to each. What does not: what the steps made of it (``guard_steps.py``).
"""

import socket
from urllib.parse import urlsplit

from telemetry_assets import running
from telemetry_assets.cli.guard_steps import Guard
from telemetry_assets.errors import TelemetryError
from telemetry_assets.ledger.connection import connect
from telemetry_assets.sources.git import root_of

SECONDS = 2.0
"""How long a server may take to answer."""
REACHABLE = "reachable"


def reached(guard: Guard) -> dict[str, str]:
    """Database, Airbyte, git → ``reachable``, or why not, in words. To be asked before the home goes."""
    return {"database": _database(guard), "local Airbyte": _airbyte(guard), "git": _git(guard)}


def _database(guard: Guard) -> str:
    if guard.home is None:
        return "not reachable: the temporary home is not up"
    try:
        connect(guard.home.dsn).close()
    except TelemetryError as error:
        return f"not reachable: {error.message}"
    return REACHABLE


def _airbyte(guard: Guard) -> str:
    if guard.home is None:
        return "not reachable: the temporary home is not up"
    if not guard.home.settings.sources:
        return "not needed: telemetry.yaml has no source that is synced"
    try:
        place = urlsplit(running.airbyte_url(guard.home.settings))
        socket.create_connection((place.hostname or "", place.port or 80), SECONDS).close()
    except TelemetryError as error:
        return f"not reachable: {error.message}"
    except OSError as error:
        return f"not reachable: {error.strerror or error}"
    return REACHABLE


def _git(guard: Guard) -> str:
    try:
        root_of(guard.settings.root)
    except TelemetryError as error:
        return f"not reachable: {error.message}"
    return REACHABLE
