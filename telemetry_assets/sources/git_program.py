"""The program ``git``: run without pager, prompt, lock or network, and its refusals in our words.

What belongs here: one question → its answer in bytes. What does not: which questions (``git.py``). Git's own
``safe.directory`` holds: what it refuses to look into is said with the way out, and never overridden.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.settings import child_environment

SECONDS = 30.0
"""How long one question to git may take."""

_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
# Set while a hook runs: they would answer for the hook's repository, whatever folder we ask about.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX")


def ask(folder: Path, *question: str) -> bytes:
    """What git answers, nothing where it has no answer."""
    done = _run(folder, question, b"")
    return done.stdout if done.returncode == 0 else b""


def git(folder: Path, *question: str, given: bytes = b"") -> bytes:
    """What git answers. Raises CouldNotLookError with its words."""
    done = _run(folder, question, given)
    if done.returncode == 0:
        return done.stdout
    words = done.stderr.decode(errors="replace").strip()
    if "not a git repository" in words or "must be run in a work tree" in words:
        raise CouldNotLookError(f"{folder} is in no working tree of git.", "Run it in a clone: git clone, or git init.")
    if "dubious ownership" in words:
        way = f"If you trust it: git config --global --add safe.directory {_owned(words) or folder}"
        raise CouldNotLookError(f"git does not look into {folder}: somebody else owns it.", way)
    said = words.splitlines()[0].removeprefix("fatal: ") if words else f"exit {done.returncode}"
    raise CouldNotLookError(f"git {question[0]} in {folder} failed: {said}.")


def lines(out: bytes, end: bytes = b"\n") -> list[str]:
    """The parts of an answer as text, each ended by ``end``."""
    return [os.fsdecode(line) for line in out.split(end) if line]


def _owned(words: str) -> str:
    match = re.search(r"repository at '([^']+)'", words)
    return match[1] if match else ""


def _run(folder: Path, question: Sequence[str], given: bytes) -> "subprocess.CompletedProcess[bytes]":
    around = {key: value for key, value in child_environment(_ENVIRONMENT).items() if key not in _OF_A_HOOK}
    if not folder.is_dir():
        raise CouldNotLookError(f"{folder} is not a folder.", "Check the path.")
    try:
        return subprocess.run(
            ["git", "--no-pager", *question],
            cwd=folder, env=around, input=given, capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise CouldNotLookError("There is no git program here.", "Install it: apt-get install git.") from None
    except PermissionError as error:
        raise CouldNotLookError(f"git cannot be run in {folder}: {error.strerror}.") from None
    except subprocess.TimeoutExpired:
        raise CouldNotLookError(f"git {question[0]} in {folder} took longer than {SECONDS:.0f} s.") from None
