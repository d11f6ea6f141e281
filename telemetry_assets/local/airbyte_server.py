"""The local Airbyte: a loopback server with the part of Airbyte's REST API that clients of ours call.

What belongs here: starting and stopping it. What does not: endpoints (``airbyte_routes.py``), syncs
(``airbyte_sync.py``). Run as ``python -m telemetry_assets.local.airbyte_server [--config FILE] [--port N]``.
"""

import argparse
import json
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import uvicorn

from telemetry_assets import running
from telemetry_assets.errors import CouldNotLookError, TelemetryError
from telemetry_assets.local.airbyte_api import WORKSPACE_ID
from telemetry_assets.local.airbyte_jobs import JobStore
from telemetry_assets.local.airbyte_routes import Routes
from telemetry_assets.local.airbyte_sync import Syncs
from telemetry_assets.local.connector import SILENCE_SECONDS, Connectors
from telemetry_assets.settings import Settings, load

TOKEN_SECONDS = 900.0
WORKERS = 4


class LocalAirbyte:
    """One server for one home. ``start`` returns once it answers; ``stop`` cancels its jobs and ends its connectors."""

    def __init__(
        self,
        settings: Settings,
        dsn: str,
        *,
        workers: int = WORKERS,
        token_seconds: float = TOKEN_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.url = ""
        self._settings = settings
        self._dsn = dsn
        self._workers = workers
        self._token_seconds = token_seconds
        self._connectors = Connectors(settings, silence_seconds)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def credentials(self) -> Mapping[str, str]:
        """``client_id`` and ``client_secret`` of this home, made once and kept 0600."""
        return _credentials(self._settings.home / "airbyte" / "credentials.json")

    def start(self, port: int = 0) -> str:
        """Start on ``port``, or on a free one where it is taken; the URL, which ends in ``/api``.

        Raises CouldNotLookError where the database cannot be reached.
        """
        self._store = JobStore(self._dsn)
        self._connectors.warm()
        self._syncs = Syncs(self._settings, self._dsn, self._store, self._connectors, self._workers)
        self._syncs.recover()
        routes = Routes(self._settings, self._dsn, self._store, self._syncs, self.credentials, self._token_seconds)
        listener = _listen(port)
        config = uvicorn.Config(routes.app(), log_config=None, access_log=False, lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="airbyte-http", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        entry = {"url": self.url, "pid": os.getpid(), "workspace_id": str(WORKSPACE_ID), **self.credentials}
        running.record(self._settings.home, "airbyte", entry)
        return self.url

    def stop(self) -> None:
        """Cancel running jobs, end their connectors, stop answering."""
        with suppress(OSError):  # a home that has become read-only or full must not keep us alive
            if running.read(self._settings.home).get("airbyte", {}).get("url") == self.url:
                running.record(self._settings.home, "airbyte", None)
        if self._server:
            self._server.should_exit = True
        self._syncs.stop()
        if self._thread:
            self._thread.join(10)
        self._connectors.stop()
        self._store.close()


def _listen(port: int) -> socket.socket:
    """A listening socket on ``port``, on a free one where it is taken."""
    for wanted in (port, 0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise CouldNotLookError("No port is free on 127.0.0.1.", "Close something.")


def _credentials(path: Path) -> dict[str, str]:
    with suppress(FileNotFoundError, ValueError):
        return json.loads(path.read_text())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = {"client_id": secrets.token_hex(16), "client_secret": secrets.token_urlsafe(32)}
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(made, file)
    return made


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(prog="telemetry_assets.local.airbyte_server")
    parser.add_argument("--config", type=Path, help="telemetry.yaml, else $TELEMETRY_CONFIG")
    parser.add_argument("--port", type=int, default=0, help="a free one where it is 0 or taken")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("telemetry").setLevel(logging.INFO)
    logging.raiseExceptions = False
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        settings = load(options.config)
        server = LocalAirbyte(settings, running.database_dsn(settings))
        server.start(options.port)
    except TelemetryError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    except OSError as error:
        print(f"The local Airbyte cannot use its home: {error}. Check TELEMETRY_HOME.", file=sys.stderr)
        return int(CouldNotLookError.exit_code)
    try:
        ended.wait()
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
