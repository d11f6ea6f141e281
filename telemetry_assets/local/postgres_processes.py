"""The processes of an embedded PostgreSQL, and what a ``kill -9`` leaves behind.

A pid proves nothing: it may be a zombie, or another program's by now. A process is the server's when it is alive, is
called ``postgres`` and works in the data folder. What does not belong here: whether it answers (``postgres.py``).
"""

import signal
import time
from pathlib import Path

import psutil

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.local.postgres_place import PORT, Place

ORPHANS_END_WITHIN = 3.0
POLL_EVERY = 0.02


def postmaster(place: Place) -> psutil.Process | None:
    """The live postmaster of this place, or None."""
    pid = place.pid()
    try:
        process = psutil.Process(pid) if pid else None
    except psutil.Error:
        return None
    return process if process and _serves(process, place.data) else None


def stop(place: Place, within: float) -> None:
    """Fast shutdown: sessions are cut, a checkpoint is written. Raises CouldNotLookError after ``within`` seconds."""
    process = postmaster(place)
    if process is None:
        return
    process.send_signal(signal.SIGINT)
    if not _ended([process], place.data, within):
        raise CouldNotLookError(
            f"The embedded PostgreSQL in {place.data} (pid {process.pid}) did not stop within {within:.0f} s.",
            f"Its log: {place.log}",
        )


def clear_leftovers(place: Place) -> None:
    """Remove what a killed postmaster left. Call it with the home's lock held and no live postmaster.

    Backends whose postmaster is gone end by themselves; those too busy to notice are ended, as a crash would.
    """
    if place.pid_file.exists():
        orphans = [process for process in psutil.process_iter(["name"]) if _serves(process, place.data)]
        if not _ended(orphans, place.data, ORPHANS_END_WITHIN):
            for process in orphans:
                if _serves(process, place.data):
                    process.kill()
            if not _ended(orphans, place.data, ORPHANS_END_WITHIN):
                raise CouldNotLookError(f"Processes of a killed PostgreSQL still use {place.data} and do not end.")
    socket = place.sockets / f".s.PGSQL.{PORT}"
    for leftover in (place.pid_file, socket, socket.with_name(f"{socket.name}.lock")):
        leftover.unlink(missing_ok=True)


def _ended(processes: list[psutil.Process], data: Path, within: float) -> bool:
    deadline = time.monotonic() + within
    while any(_serves(process, data) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_EVERY)
    return True


def _serves(process: psutil.Process, data: Path) -> bool:
    try:
        return (
            process.name() == "postgres"
            and process.status() != psutil.STATUS_ZOMBIE
            and process.cwd() == str(data.resolve())
        )
    except psutil.Error:
        return False
