"""What a git repository knows: its root, the merge base with a branch, the files of a folder as they were there.

What belongs here: which questions to ask, and what the answers mean. What does not: running the program
(``git_program.py``), what became of the files (``contracts/baseline.py``).
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from telemetry_assets.errors import CouldNotLookError, UsageError
from telemetry_assets.settings import environment
from telemetry_assets.sources.git_program import ask, git, lines

PULL_REQUEST_BASE = "GITHUB_BASE_REF"
"""GitHub names the branch that a pull request goes to in it; a person never sets it."""
_FULL_HISTORY = "Fetch it: git fetch --unshallow (on GitHub: actions/checkout with fetch-depth: 0)."
_SCP = re.compile(r"[^/@]*@?(?P<host>[^/:@]+):(?P<path>[^/].*)")
_LINK, _FILE = "120000", ("100644", "100755")


@dataclass(frozen=True, slots=True)
class MergeBase:
    """Where HEAD and ``rev`` (as a person names it: ``origin/main``) parted: a commit."""

    rev: str
    commit: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose working tree it is: ``repository`` as ``owner/name`` of its remote, None where not known.

    ``branch`` is None where HEAD is detached, ``commit`` before the first one; ``dirty``: tracked files were changed.
    """

    repository: str | None
    branch: str | None
    commit: str | None
    dirty: bool


def root_of(folder: Path) -> Path:
    """The root of the working tree that ``folder`` is in.

    Raises CouldNotLookError, as everything here, without git, outside a repository, or where git refuses to look.
    """
    return Path(os.fsdecode(git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))


def in_repository(path: Path, otherwise: Path) -> str:
    """``path`` as GitHub names it: relative to the root of the working tree it lies in; outside of any, to
    ``otherwise``, where it is in that."""
    root = next((folder for folder in path.absolute().parents if (folder / ".git").exists()), otherwise)
    return path.absolute().relative_to(root).as_posix() if path.absolute().is_relative_to(root) else str(path)


def standing(folder: Path) -> Standing:
    """The provenance of what lies in ``folder``. A remote's credentials are never in it."""
    root_of(folder)
    names = lines(ask(folder, "remote"))
    remote = next((name for name in ("origin", *names) if name in names), None)
    url = ask(folder, "config", "--get", f"remote.{remote}.url") if remote else b""
    branch, commit = (
        ask(folder, *question).decode().strip() or None
        for question in (("symbolic-ref", "--short", "--quiet", "HEAD"), ("rev-parse", "--verify", "--quiet", "HEAD"))
    )
    dirty = bool(git(folder, "status", "--porcelain", "--untracked-files=no").strip())
    return Standing(owner_and_name(url.decode(errors="replace").strip()), branch, commit, dirty)


def merge_base(folder: Path, rev: str | None = None) -> MergeBase:
    """The newest commit that HEAD and ``rev`` (by default the branch that this one goes back to) have in common.

    Raises UsageError for a REV that can be none, CouldNotLookError for one that is not here, before the first commit,
    without a branch to compare with, and without a common commit (a shallow clone), with the command that helps.
    """
    root_of(folder)
    if not _commit(folder, "HEAD"):
        raise CouldNotLookError("This branch has no commit yet, so nothing to compare with.", "Commit first.")
    rev = _checked(rev) if rev is not None else _default_base(folder)
    if not _commit(folder, rev):
        raise CouldNotLookError(f"git knows no {rev!r} here.", _fetching(folder, rev))
    found = ask(folder, "merge-base", "--end-of-options", rev, "HEAD").decode().strip()
    if not found:
        why = _FULL_HISTORY if _shallow(folder) else f"Name a branch with a common past: --base REV instead of {rev}."
        raise CouldNotLookError(f"{rev} and HEAD have no commit in common in this clone.", why)
    return MergeBase(rev, found)


def files_at(rev: str, folder: Path, wanted: Callable[[str], bool] = lambda _: True) -> dict[str, bytes]:
    """Path relative to ``folder`` (slashes) → bytes, of the files that were there at ``rev`` and are ``wanted``.

    Symbolic links inside the repository are followed, as reading the folder follows them; others are left out, and so
    are submodules. A folder that was moved since is found where it was (see :func:`folder_at`).
    """
    root = root_of(folder)
    there = folder_at(rev, folder)
    if there is None:
        return {}
    entries = {path: oid for path, oid in _blobs(root, rev, there, links=5) if wanted(path)}
    contents = _contents(root, list(entries.values()))
    return {path: contents[oid] for path, oid in sorted(entries.items()) if oid in contents}


def files_here(folder: Path, wanted: Callable[[str], bool] = lambda _: True) -> dict[str, bytes]:
    """The files of ``folder`` as they lie there now, as :func:`files_at` gives those of a commit."""
    paths: dict[str, Path] = {}
    for at, folders, names in folder.walk(follow_symlinks=True):
        # A link to a folder that it stands in would lead round and round.
        folders[:] = [name for name in folders if not at.resolve().is_relative_to((at / name).resolve())]
        paths |= {(at / name).relative_to(folder).as_posix(): at / name for name in names}
    try:
        return {name: path.read_bytes() for name, path in sorted(paths.items()) if wanted(name) and path.is_file()}
    except OSError as error:
        raise CouldNotLookError(f"{error.filename} cannot be read: {error.strerror}.") from None


def folder_at(rev: str, folder: Path) -> PurePosixPath | None:
    """Where ``folder`` was at ``rev``, relative to the root; None where nothing like it was there.

    One that is not there under its name, but whose files were in a folder that is gone now, was moved.
    """
    root = root_of(folder)
    resolved = folder.resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise CouldNotLookError(f"{folder} is outside the repository {root}.", "Link to a folder inside it.")
    here = PurePosixPath(resolved.relative_to(root.resolve()).as_posix())
    if here == PurePosixPath() or git(root, "ls-tree", rev, "--", str(here)).strip():
        return here
    names = {path.relative_to(resolved).as_posix() for path in resolved.rglob("*") if path.is_file()}
    gone: Counter[str] = Counter()
    for path in lines(git(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", rev), b"\0"):
        gone.update(
            above for above in _folders_above(path, names) if above and not (root / above).exists(follow_symlinks=False)
        )
    found = max(gone, key=lambda above: (gone[above], above), default=None)
    return None if found is None else PurePosixPath(found)


def owner_and_name(url: str) -> str | None:
    """``owner/name`` of a remote's URL, https, ssh or ``git@host:…``; None for a path, a file or nonsense."""
    scp = _SCP.fullmatch(url) if "://" not in url else None
    if scp:
        path = scp["path"]
    else:
        try:
            parts = urlsplit(url)
            path = parts.path if parts.scheme in ("http", "https", "ssh", "git") and parts.hostname else ""
        except ValueError:
            return None
    name = path.strip("/").removesuffix(".git")
    return name if "/" in name and "@" not in name else None


def _folders_above(path: str, names: set[str]) -> Iterator[str]:
    """The folders that would hold ``path`` under one of ``names``."""
    parts = path.split("/")
    for cut in range(1, len(parts)):
        if "/".join(parts[cut:]) in names:
            yield "/".join(parts[:cut])


def _default_base(folder: Path) -> str:
    """The branch that this one goes back to: what a pull request says, else the remote's main branch, else ours."""
    named = environment(PULL_REQUEST_BASE)
    if named:
        # Never another branch than the one that was named: that would be an answer to another question.
        return next((rev for rev in (f"origin/{named}", named) if _commit(folder, rev)), f"origin/{named}")
    head = ask(folder, "symbolic-ref", "--short", "--quiet", "refs/remotes/origin/HEAD").decode().strip()
    candidates = ("origin/main", "main", "origin/master", "master")
    found = next((rev for rev in (head, *candidates) if rev and _commit(folder, rev)), None)
    if found is None:
        said = "There is no branch to compare with: no origin/HEAD, origin/main or main."
        raise CouldNotLookError(said, f"Name one with --base REV. {_FULL_HISTORY if _shallow(folder) else ''}".strip())
    return found


def _checked(rev: str) -> str:
    if not rev.strip() or rev.startswith("-") or any(not character.isprintable() for character in rev):
        raise UsageError(f"--base {rev!r} is no name of a commit.", "Name a branch, a tag or a commit: origin/main.")
    return rev.strip()


def _fetching(folder: Path, rev: str) -> str:
    """The command that brings a REV that is not here."""
    if _shallow(folder):
        return _FULL_HISTORY
    remote, _, branch = rev.partition("/")
    if branch and remote in lines(ask(folder, "remote")):
        return f"Fetch it: git fetch {remote} {branch}."
    return "See what there is: git branch --all. Bring the rest: git fetch --all."


def _commit(folder: Path, rev: str) -> str:
    """The commit that ``rev`` names, empty where it names none."""
    return ask(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}").decode().strip()


def _shallow(folder: Path) -> bool:
    return ask(folder, "rev-parse", "--is-shallow-repository").strip() == b"true"


def _blobs(root: Path, rev: str, folder: PurePosixPath, *, links: int) -> Iterator[tuple[str, str]]:
    """(path relative to ``folder``, object) of every file below it; a link to a folder is gone into."""
    tree = f"{rev}:" if folder == PurePosixPath() else f"{rev}:{folder}"
    kind, oid = _followed(root, tree)
    if kind != "tree":
        return
    for entry in lines(git(root, "ls-tree", "-r", "-z", "--full-tree", oid), b"\0"):
        meta, _, name = entry.partition("\t")
        mode, _, oid = meta.split()
        if mode in _FILE:
            yield name, oid
        elif mode == _LINK and links:
            target, oid = _followed(root, f"{rev}:{folder / name}")
            if target == "blob":
                yield name, oid
            elif target == "tree":
                inside = _blobs(root, rev, folder / name, links=links - 1)
                yield from ((f"{name}/{below}", oid) for below, oid in inside)


def _followed(root: Path, name: str) -> tuple[str, str]:
    """(``blob`` or ``tree``, object) that a name leads to, links followed; empty where it leads nowhere inside."""
    if "\n" in name:
        return "", ""
    said = git(root, "cat-file", "--batch-check", "--follow-symlinks", given=os.fsencode(f"{name}\n")).split()
    return (said[1].decode(), said[0].decode()) if len(said) == 3 and said[1] in (b"blob", b"tree") else ("", "")


def _contents(root: Path, oids: Sequence[str]) -> Mapping[str, bytes]:
    """Object → its bytes, of all in one question."""
    if not oids:
        return {}
    out = git(root, "cat-file", "--batch", given="".join(f"{oid}\n" for oid in oids).encode())
    found: dict[str, bytes] = {}
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        said = out[at:end].split()
        at = end + 1
        if len(said) == 3:
            size = int(said[2])
            found[said[0].decode()] = out[at : at + size]
            at += size + 1
    return found
