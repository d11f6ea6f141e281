"""What is running for this home, and where: ``run.json``, and how a process finds its database and its Airbyte.

What belongs here: addresses of stand-ins that are up now. What does not: starting or stopping them (``local/``).
"""

import fcntl
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.settings import Settings

RUN_FILE = "run.json"


def read(home: Path) -> dict[str, Any]:
    """The stand-ins' entries by name (``postgres``, ``airbyte``, ``webserver``), each with its ``url``."""
    try:
        content = json.loads((home / RUN_FILE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def record(home: Path, name: str, entry: Mapping[str, Any] | None) -> None:
    """Write (or with None remove) one stand-in's entry, atomically and one writer at a time."""
    with _locked(home):
        entries = read(home)
        if entry is None:
            entries.pop(name, None)
        else:
            entries[name] = dict(entry)
        scratch = home / f"{RUN_FILE}.new"
        # Entries may hold the stand-ins' secrets.
        scratch.unlink(missing_ok=True)
        scratch.touch(mode=0o600)
        scratch.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n")
        scratch.replace(home / RUN_FILE)


def database_dsn(settings: Settings) -> str:
    """DATABASE_URL, else the embedded PostgreSQL that runs for this home.

    Raises CouldNotLookError where neither is there; the message says how to start one.
    """
    if settings.database:
        return settings.database.reveal()
    return _url(
        settings, "postgres", "No database: DATABASE_URL is unset and no embedded PostgreSQL runs", "telemetry db start"
    )


def airbyte_url(settings: Settings) -> str:
    """AIRBYTE_URL, else the local Airbyte that runs for this home. Raises like :func:`database_dsn`."""
    if settings.airbyte.url:
        return settings.airbyte.url
    return _url(settings, "airbyte", "No Airbyte: AIRBYTE_URL is unset and no local one runs", "telemetry up")


def _url(settings: Settings, name: str, problem: str, command: str) -> str:
    entry = read(settings.home).get(name)
    if not entry:
        raise CouldNotLookError(f"{problem} for {settings.home}.", f"Start one: {command}")
    return str(entry["url"])


@contextmanager
def _locked(home: Path) -> Generator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with open(home / f"{RUN_FILE}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
