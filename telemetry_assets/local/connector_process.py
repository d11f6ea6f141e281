"""One connector command as a process: what it says, message by message, until it ends or has to be ended.

What belongs here: reading, timing out and ending a process group; keeping secrets out of what it says. What does not:
starting one (``connector.py``) and what becomes of the messages (``airbyte_sync.py``).
"""

import json
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import psutil

from telemetry_assets.errors import FailingError
from telemetry_assets.local import protocol
from telemetry_assets.local.protocol import Kind, Message
from telemetry_assets.settings import ConnectionSettings, SecretRef

LOGGER = logging.getLogger("telemetry.airbyte")
KILL_SECONDS = 3.0
"""How long a connector may take to end after SIGTERM, or after it has closed its output."""

_READ_BYTES = 1 << 18
_STDERR_BYTES = 1 << 14


class Interrupted(FailingError):
    """We ended a command before it ended itself: it was cancelled, or hung."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Replaces every secret a connector was given, as it is, JSON-escaped or URL-quoted, by ``******``."""

    secrets: tuple[str, ...]

    @classmethod
    def of(cls, connection: ConnectionSettings) -> "Mask":
        """The mask of one connection's secrets, longest first so that no tail of one stays."""
        plain = set(_secrets(connection.config))
        forms = {form for text in plain for form in (text, json.dumps(text)[1:-1], quote(text, safe=""))}
        return cls(tuple(sorted(forms, key=len, reverse=True)))

    def __call__(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "******")
        return text


@dataclass(slots=True)
class Process:
    """A running connector command. ``poll`` gives its exit code, None while it runs."""

    pid: int
    stdout: int
    stderr: int
    poll: Callable[[], int | None]
    started: float


@dataclass(slots=True)
class Reading:
    """One command's conversation: iterate :meth:`messages`, then ask what it left behind."""

    process: Process
    mask: Mask
    cancelled: threading.Event
    silence_seconds: float
    garbage: int = 0
    first_garbage: str = ""
    heard: int = 0
    failures: list[str] = field(default_factory=list[str])
    code: int | None = None
    _stderr: bytes = b""

    def messages(self) -> Iterator[tuple[Message, int]]:
        """Each message with its size in bytes; LOG and failures are kept here, the rest is the caller's.

        Raises Interrupted when the connector hangs or is cancelled.
        """
        for line in self._lines():
            message = protocol.parse(line)
            if message is None:
                self._note_garbage(line)
                continue
            self.heard += 1
            match message["type"]:
                case Kind.LOG:
                    log = message.get("log") or {}
                    LOGGER.info("%s: %s", log.get("level"), self.mask(str(log.get("message"))))
                case Kind.TRACE:
                    if text := protocol.failure(message.get("trace") or {}):
                        self.failures.append(text)
                    yield message, len(line)
                case _:
                    yield message, len(line)

    def problem(self) -> str | None:
        """Why the command failed, in its own words where it has some; None where it did well."""
        if self.failures:
            return self.mask(self.failures[0])
        if self.code:
            how = f"was killed by signal {-self.code}" if self.code < 0 else f"exited with {self.code}"
            return self.mask(f"The connector {how}{self._last_words()}")
        if not self.heard:
            printed = f"printed {self.garbage} lines that are no Airbyte messages, first {self.first_garbage!r}"
            return self.mask(f"The connector {printed if self.garbage else 'ended without a word'}{self._last_words()}")
        return None

    def _note_garbage(self, line: bytes) -> None:
        if not line.strip():
            return
        self.garbage += 1
        text = self.mask(line[:200].decode("utf-8", "replace"))
        self.first_garbage = self.first_garbage or text
        if self.garbage <= 20:
            LOGGER.warning("not an Airbyte message: %s", text)

    def _last_words(self) -> str:
        text = self._stderr.decode("utf-8", "replace").strip()
        return f": {' / '.join(text.splitlines()[-3:])}" if text else "."

    def _lines(self) -> Iterator[bytes]:
        poll, streams = select.poll(), {self.process.stdout, self.process.stderr}
        for descriptor in streams:
            poll.register(descriptor, select.POLLIN | select.POLLHUP)
        pieces: list[bytes] = []
        heard_at, ended_at = time.monotonic(), None
        while streams:
            for descriptor, _ in poll.poll(200):
                heard_at = time.monotonic()
                chunk = os.read(descriptor, _READ_BYTES)
                if not chunk:
                    streams.discard(descriptor)
                    poll.unregister(descriptor)
                elif descriptor == self.process.stderr:
                    self._stderr = (self._stderr + chunk)[-_STDERR_BYTES:]
                elif b"\n" not in chunk:
                    pieces.append(chunk)
                else:
                    *lines, rest = b"".join((*pieces, chunk)).split(b"\n")
                    pieces = [rest]
                    yield from lines
                    heard_at = time.monotonic()
            self._guard(heard_at)
            # Grandchildren may keep the pipes open after the connector itself has ended.
            self.code = self.process.poll() if self.code is None else self.code
            if self.code is not None:
                ended_at = ended_at or time.monotonic()
                if time.monotonic() - max(ended_at, heard_at) > KILL_SECONDS:
                    break
        if last := b"".join(pieces):
            yield last
        self._await_end()

    def _await_end(self) -> None:
        deadline = time.monotonic() + KILL_SECONDS
        while self.code is None and time.monotonic() < deadline:
            self.code = self.process.poll()
            if self.code is None:
                time.sleep(0.01)
        if self.code is None:
            self.failures.append("it closed its output and did not end")

    def _guard(self, heard_at: float) -> None:
        if self.cancelled.is_set():
            raise Interrupted("The sync was cancelled.")
        if time.monotonic() - heard_at > self.silence_seconds:
            raise Interrupted(
                f"The connector printed nothing for {self.silence_seconds:.0f} s and was ended"
                + self.mask(self._last_words())
            )


def end_orphans(group: int, started: float) -> None:
    """Kill what is left of a connector's process group whose server died; a reused process id is left alone."""
    leader = created(group, default=started)
    if abs(leader - started) > 1:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def created(pid: int, default: float | None = None) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return time.time() if default is None else default


def end(process: Process) -> None:
    """End a command and everything it started."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + KILL_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
    _signal(process, signal.SIGKILL)
    while process.poll() is None:
        time.sleep(0.02)
    os.close(process.stdout)
    os.close(process.stderr)


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _secrets(value: Any) -> Iterator[str]:
    match value:
        case SecretRef():
            yield value.reveal()
        case Mapping():
            for item in value.values():
                yield from _secrets(item)
        case list():
            for item in value:
                yield from _secrets(item)
        case _:
            return
