"""Child processes of ours: started in their own process group, waited for until they answer, ended without orphans.

What belongs here: one child's life, and a stack of them. What does not: restarting what died (``supervisor.py``).
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.settings import child_environment

STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """How to start something and how to see that it is up. ``argv`` and ``environment`` are asked for at each start."""

    name: str
    argv: Callable[[], Sequence[str]]
    is_up: Callable[[], bool]
    environment: Callable[[], Mapping[str, str]] = dict
    ready_seconds: float = 60.0


@dataclass(slots=True)
class Child:
    """One running service; what it prints goes to ``log``."""

    service: Service
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches us and not it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                list(self.service.argv()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=child_environment(self.service.environment()),
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until it answers. Raises CouldNotLookError with its last words when it ended or took too long."""
        deadline = time.monotonic() + self.service.ready_seconds
        while not self.service.is_up():
            if not self.alive():
                raise CouldNotLookError(f"{self.service.name} ended while starting:\n{self.last_words()}")
            if time.monotonic() > deadline:
                self.stop()
                raise CouldNotLookError(
                    f"{self.service.name} did not answer in {self.service.ready_seconds:.0f} s:\n{self.last_words()}"
                )
            time.sleep(0.1)

    def alive(self) -> bool:
        """True while the process runs."""
        return self.process is not None and self.process.poll() is None

    def ask_to_end(self) -> None:
        """SIGTERM to its whole group, without waiting: several children can end at the same time."""
        if self.process is not None:
            _signal_group(self.process.pid, signal.SIGTERM)

    def stop(self) -> None:
        """Ask its whole group to end, then end what is left of it."""
        if self.process is None:
            return
        for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            _signal_group(self.process.pid, number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            break
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process = None

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").strip().splitlines()[-lines:])
        except FileNotFoundError:
            return ""


@contextmanager
def running_services(services: Sequence[Service], logs: Path) -> Generator[None]:
    """Start, in order, what is not up already; at the end stop what this call started, last first."""
    with ExitStack() as started:
        for service in services:
            if service.is_up():
                continue
            child = Child(service, logs / f"{service.name}.log")
            started.callback(child.stop)
            child.start()
            child.wait_ready()
        yield


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return
