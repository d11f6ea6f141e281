"""The files of a check on the disk: written, read back, verified later; and what GitHub is told.

What belongs here: writing, and what could not be written. What does not: their content (``render/artifacts.py``).
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_assets.answers.ci_files import MANIFEST, PROMISED
from telemetry_assets.answers.results import Kind, Result, Verdict, ordered
from telemetry_assets.answers.veiled import veiled, with_versions
from telemetry_assets.cli.app import say
from telemetry_assets.model import State
from telemetry_assets.render.artifacts import artifacts_of, manifest_of
from telemetry_assets.render.github import annotations, step_summary
from telemetry_assets.render.junit import junit as as_junit
from telemetry_assets.settings import environment

if TYPE_CHECKING:
    from telemetry_assets.settings import Settings

ROUNDS = 3
"""What cannot be written changes the verdict, so the other files are written anew; that often at most."""

_ROOM = "Make room and give the right to write there, then run telemetry check again"
_UPLOAD = "Run telemetry check again with --out, and keep the whole folder as it wrote it"


def leave_behind(
    verdict: Verdict, *, out: Path | None = None, junit: Path | None = None, settings: "Settings | None" = None
) -> Verdict:
    """Write all that is asked for and tell GitHub where we are there; the final verdict, without secrets.

    What could not be written is a FAIL in it, and every file that could be says so too.
    """
    final = with_versions(veiled(verdict, settings))
    final = _with(final, _written(final, out, junit))
    if missed := tell_github(final):
        final = _with(final, missed)
        final = _with(final, _written(final, out, junit))
    return final


def clear(out: Path | None, junit: Path | None = None) -> None:
    """Remove what an earlier check left in ``out`` and as ``junit``: nobody shall take it for this one's. What will not
    go stays, and writing says so."""
    for path in (*(out / name for name in (MANIFEST, *PROMISED) if out), *([junit] if junit else ())):
        try:
            path.unlink(missing_ok=True)
        except OSError:
            continue


def write(verdict: Verdict, out: Path) -> tuple[Result, ...]:
    """Write every file and the manifest, atomically, and read them back. A FAIL for each that is not as it should be;
    none where all is well, or where the verdict has it already. The files say the verdict that these are part of."""
    failures: tuple[Result, ...] = ()
    for _ in range(ROUNDS):
        found = _write_once(_with(verdict, failures), out)
        news = tuple(one for one in found if one not in failures and one not in verdict.results)
        if not news:
            break
        failures = (*failures, *news)
    return failures


def verify(out: Path) -> tuple[Result, ...]:
    """Hold the files of ``out`` against their manifest: a PASS or a FAIL of each promised or listed one, never none."""
    listed, fault = _listed(out)
    if fault:
        return (_fail(MANIFEST, fault, _UPLOAD),)
    names = [*PROMISED, *(name for name in listed if name not in PROMISED)]
    faults = {name: _fault(out, name, listed.get(name)) for name in names}
    well = f"{out}: as {MANIFEST} says"
    return tuple(
        _fail(name, words, _UPLOAD) if words else Result(Kind.ARTIFACT, "", name, State.PASS, well)
        for name, words in faults.items()
    )


def write_file(path: Path, content: bytes) -> tuple[Result, ...]:
    """Write one file atomically; a FAIL that names it and the reason where it cannot be."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with scratch.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        return (_fail(path.name, f"{path} cannot be written: {error.strerror or error}"),)
    return ()


def tell_github(verdict: Verdict) -> tuple[Result, ...]:
    """The step's summary and the annotations, where we run on GitHub; elsewhere nothing. Annotations go to stderr,
    which GitHub reads as well, so that ``--json`` stays JSON."""
    if environment("GITHUB_ACTIONS"):
        for line in annotations(verdict):
            say(line)
    named = environment("GITHUB_STEP_SUMMARY")
    if not named:
        return ()
    try:
        with Path(named).open("ab") as file:
            file.write(step_summary(verdict).encode("utf-8", "replace"))
    except OSError as error:
        return (_fail("GITHUB_STEP_SUMMARY", f"{named} cannot be written: {error.strerror or error}"),)
    return ()


def _written(verdict: Verdict, out: Path | None, junit: Path | None) -> tuple[Result, ...]:
    """Write what is asked for; the failures that the verdict does not have yet."""
    found = write_file(junit, as_junit(verdict)) if junit else ()
    found = tuple(one for one in found if one not in verdict.results)
    if out is not None:
        found = (*found, *write(_with(verdict, found), out))
    if found and junit is not None:
        write_file(junit, as_junit(_with(verdict, found)))
    return found


def _write_once(verdict: Verdict, out: Path) -> tuple[Result, ...]:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return (_fail(out.name or str(out), f"the folder {out} cannot be made: {error.strerror or error}"),)
    files = artifacts_of(verdict)
    everything = {**files, MANIFEST: manifest_of(verdict, files)}
    unwritten = [failure for name, content in everything.items() for failure in write_file(out / name, content)]
    told = {one.check for one in unwritten}
    return (*unwritten, *(one for one in _read_back(out, everything) if one.check not in told))


def _read_back(out: Path, files: Mapping[str, bytes]) -> Iterator[Result]:
    for name, content in files.items():
        expected = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        if words := _fault(out, name, expected):
            yield _fail(name, words)


def _listed(out: Path) -> tuple[Mapping[str, Mapping[str, Any]], str]:
    """What the manifest lists, or what is wrong with it."""
    path = out / MANIFEST
    try:
        document = json.loads(path.read_bytes())
        entries: Sequence[Mapping[str, Any]] = document["files"]
        listed = {str(entry["name"]): entry for entry in entries}
        sound = all(isinstance(one["size"], int) and isinstance(one["sha256"], str) for one in entries)
    except FileNotFoundError:
        return {}, f"{path} is not there"
    except OSError as error:
        return {}, f"{path} cannot be read: {error.strerror or error}"
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}, f"{path} is no manifest: cut short, or not written by telemetry check"
    if len(listed) < len(entries) or not sound:
        return {}, f"{path} is no manifest: a file stands twice in it, or without size and sha256"
    return listed, ""


def _fault(out: Path, name: str, expected: Mapping[str, Any] | None) -> str:
    """What is wrong with a file, empty where nothing is."""
    if expected is None:
        return f"{MANIFEST} does not list {name}"
    if not name or Path(name).name != name:
        return f"{MANIFEST} lists {name!r}, which is no file of {out}"
    try:
        content = (out / name).read_bytes()
    except FileNotFoundError:
        return f"{name} is not there"
    except OSError as error:
        return f"{name} cannot be read: {error.strerror or error}"
    if len(content) != expected["size"]:
        return f"{name} has {len(content):,} bytes where {MANIFEST} says {expected['size']:,}"
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        return f"{name} has another sha256 than {MANIFEST} says"
    return ""


def _fail(name: str, words: str, remedy: str = _ROOM) -> Result:
    return Result(Kind.ARTIFACT, "", name, State.FAIL, words, remedy=remedy)


def _with(verdict: Verdict, found: Sequence[Result]) -> Verdict:
    return replace(verdict, results=ordered([*verdict.results, *found])) if found else verdict
