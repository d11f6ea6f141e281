"""Runs connectors by the Airbyte protocol: each command a process group of its own, handed its documents in 0600 files.

What belongs here: starting executables and declarative manifests, and the one-answer commands spec, check, discover.
What does not: reading and ending a process (``connector_process.py``), what becomes of records (``airbyte_sync.py``).
"""

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from telemetry_assets.errors import FailingError
from telemetry_assets.local.connector_process import Mask, Process, Reading, created, end
from telemetry_assets.local.declarative_host import DeclarativeHost
from telemetry_assets.local.protocol import Kind, Message
from telemetry_assets.settings import ConnectionSettings, Settings, SourceSettings, child_environment

SILENCE_SECONDS = 600.0
"""How long a connector may print nothing before it counts as hanging."""

_Launched = tuple[int, Callable[[], int | None]]


class Connectors:
    """Starts the connectors of the settings' sources. Safe to share between threads."""

    def __init__(self, settings: Settings, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._settings = settings
        self._silence_seconds = silence_seconds
        # A connector gets its secrets by file: neither ours nor another tenant's by the environment.
        hidden = {"DATABASE_URL", "AIRBYTE_CLIENT_SECRET", *settings.env_names()}
        quiet = {"PYTHONDONTWRITEBYTECODE": "", "DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1"}
        self._environment = {**dict.fromkeys(hidden, ""), **quiet}
        self._host = DeclarativeHost(self._environment)
        self._scratch = settings.home / "airbyte"

    def warm(self) -> None:
        """Let the imports of declarative connectors begin, where a source is one; clear what a crash left behind."""
        for left in self._scratch.glob("command-*/*"):
            with suppress(OSError):
                left.unlink()
                left.parent.rmdir()
        if any(source.manifest for source in self._settings.sources.values()):
            self._host.warm()

    def stop(self) -> None:
        """End the declarative host."""
        self._host.stop()

    def spec(self, source: SourceSettings) -> Mapping[str, Any]:
        """The connector's specification (a declarative one's is in its manifest). Raises FailingError."""
        if source.manifest:
            manifest = yaml.load(source.manifest.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            return manifest.get("spec") or {}
        empty = ConnectionSettings(source.name, "*", UUID(int=0), {})
        return self._answer(source, empty, "spec", Kind.SPEC)["spec"]

    def check(self, source: SourceSettings, connection: ConnectionSettings) -> None:
        """Try the connection. Raises FailingError with the connector's own words."""
        status = self._answer(source, connection, "check", Kind.CONNECTION_STATUS)["connectionStatus"]
        if status.get("status") != "SUCCEEDED":
            words = Mask.of(connection)(str(status.get("message") or "no reason given"))
            raise FailingError(f"Source {source.name}: the connection of tenant {connection.tenant} fails: {words}")

    def discover(
        self, source: SourceSettings, connection: ConnectionSettings, cancelled: threading.Event | None = None
    ) -> Mapping[str, Any]:
        """The CATALOG document. Raises FailingError."""
        return self._answer(source, connection, "discover", Kind.CATALOG, cancelled)["catalog"]

    @contextmanager
    def command(
        self,
        source: SourceSettings,
        connection: ConnectionSettings,
        name: str,
        documents: Mapping[str, Any],
        cancelled: threading.Event | None = None,
    ) -> Generator[Reading]:
        """A running command; ``documents`` are handed over as ``--key file``. Its group is dead when this ends."""
        self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix="command-", dir=self._scratch) as folder:
            arguments = [name]
            for key, document in documents.items():
                arguments += [f"--{key}", _write(Path(folder) / f"{key}.json", document)]
            process = self._start(source, arguments)
            try:
                yield Reading(process, Mask.of(connection), cancelled or threading.Event(), self._silence_seconds)
            finally:
                end(process)

    def _answer(
        self,
        source: SourceSettings,
        connection: ConnectionSettings,
        name: str,
        kind: Kind,
        cancelled: threading.Event | None = None,
    ) -> Message:
        documents = {} if kind is Kind.SPEC else {"config": connection.revealed_config()}
        with self.command(source, connection, name, documents, cancelled) as reading:
            answers = [message for message, _ in reading.messages() if message["type"] == kind]
        if not answers:
            problem = reading.problem() or f"the connector answered no {kind}"
            raise FailingError(f"Source {source.name}, tenant {connection.tenant}: {name} failed: {problem}")
        return answers[-1]

    def _start(self, source: SourceSettings, arguments: list[str]) -> Process:
        out, out_writer = os.pipe()
        err, err_writer = os.pipe()
        try:
            launch = self._popen if source.executable else self._fork
            pid, poll = launch(source, arguments, out_writer, err_writer)
        except BaseException:
            os.close(out)
            os.close(err)
            raise
        finally:
            os.close(out_writer)
            os.close(err_writer)
        return Process(pid, out, err, poll, created(pid))

    def _popen(self, source: SourceSettings, arguments: list[str], stdout: int, stderr: int) -> _Launched:
        argv = [*(source.executable or ()), *arguments]
        try:
            process = subprocess.Popen(
                argv,
                cwd=self._settings.root,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=child_environment(self._environment),
                start_new_session=True,
            )
        except OSError as error:
            raise FailingError(
                f"Source {source.name}: {argv[0]} cannot be run: {error.strerror}.",
                "Fix `executable:` in telemetry.yaml.",
            ) from None
        return process.pid, process.poll

    def _fork(self, source: SourceSettings, arguments: list[str], stdout: int, stderr: int) -> _Launched:
        if source.manifest is None or not source.manifest.is_file():
            raise FailingError(f"Source {source.name}: its manifest {source.manifest} is not there.")
        try:
            command = self._host.fork([*arguments, "--manifest-path", str(source.manifest)], stdout, stderr)
        except OSError as error:
            raise FailingError(f"Source {source.name}: its connector could not be started: {error}.") from None
        return command.pid, command.poll


def _write(path: Path, document: Any) -> str:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file)
    return str(path)
