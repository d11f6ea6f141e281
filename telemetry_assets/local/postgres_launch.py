"""Making the data folder of an embedded PostgreSQL, configuring it, launching it.

What does not belong here: when to (``postgres.py``). Every function expects the home's lock to be held.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.local import postgres_place as places
from telemetry_assets.local.postgres_place import Place
from telemetry_assets.local.postgres_processes import clear_leftovers

LOG_LIMIT = 5_000_000
SCRATCH = "data.new-"
CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "log_checkpoints": "off",
}


@dataclass(frozen=True, slots=True)
class Launched:
    """``ready``: it accepts connections. Otherwise ``reason`` says what it printed, and the way out."""

    ready: bool
    reason: str = ""


def launch(place: Place, within: float) -> Launched:
    """Launch the server of a claimed place where none runs, and wait until it accepts connections."""
    programs = places.programs(place)
    for folder in (place.sockets, place.log.parent):
        place.own_folder(folder)
    if not place.data.exists():
        _create(place, programs)
    clear_leftovers(place)
    _configure(place)
    if place.log.exists() and place.log.stat().st_size > LOG_LIMIT:
        place.log.replace(place.log.with_suffix(".log.old"))
    # Relative paths: pg_ctl hands them to a shell.
    options = ["-D", "data", "-l", "log/postgres.log", "-o", "-c config_file=postgresql.conf"]
    done = _run(place, [programs / "pg_ctl", "start", "-w", "-t", f"{within:.0f}", *options])
    return Launched(True) if done.returncode == 0 else Launched(False, _last_words(place))


def _create(place: Place, programs: Path) -> None:
    """initdb under another name, renamed when complete: a start that was killed half-way leaves nothing that counts."""
    for left in place.folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    # A new name each time: the initdb of a killed start may still be at work in the old one.
    scratch = place.own_folder(Path(tempfile.mkdtemp(prefix=SCRATCH, dir=place.folder)))
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["--username=telemetry", "--auth-local=peer", "--auth-host=reject"]
    made = _run(place, [programs / "initdb", "-D", scratch.name, *locale, *access, "--no-sync", "--no-instructions"])
    if made.returncode == 0:
        alone = [programs / "postgres", "--single", "-D", scratch.name, "postgres"]
        made = _run(place, alone, "create database telemetry\n")
    if made.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        reason = next((line for line in made.stdout.splitlines() if "error:" in line or "FATAL:" in line), made.stdout)
        raise CouldNotLookError(
            f"No database could be made in {place.folder}: {reason.strip()}.", places.way_out(place.folder)
        )
    scratch.rename(place.data)


def _configure(place: Place) -> None:
    """Write the configuration anew at each start: a home may have been moved. ``alter system`` still overrides it."""
    rules, owners = place.folder / "pg_hba.conf", place.folder / "pg_ident.conf"
    values = {
        **CONFIGURATION,
        "port": str(places.PORT),
        "unix_socket_directories": '"' + str(place.sockets).replace('"', '""') + '"',
        "hba_file": str(rules),
        "ident_file": str(owners),
    }
    _write(place.folder / "postgresql.conf", "".join(f"{name} = {_quoted(text)}\n" for name, text in values.items()))
    _write(rules, "local all all peer map=owner\n")
    # The kernel says who connects: the user who starts the server, and root; not the user its processes run as.
    names = {places.user_name(uid) for uid in (0, os.geteuid())}
    _write(owners, "".join(f'owner "{name}" all\n' for name in sorted(names)))


def _write(path: Path, text: str) -> None:
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_text(text)
    scratch.chmod(0o644)
    scratch.replace(path)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _run(place: Place, command: list[str | Path], script: str = "") -> subprocess.CompletedProcess[str]:
    joined = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, input=script, text=True, check=False, **joined, **place.as_account())


def _last_words(place: Place) -> str:
    try:
        said = [line for line in place.log.read_text(errors="replace").splitlines() if line.strip()][-3:]
    except OSError:
        said = []
    words = f"Its log, {place.log}, ends with: {' / '.join(said)}." if said else f"Its log is {place.log}."
    return f"{words} {places.way_out(place.folder)}"
