"""The file channel: a block of text per message at the end of a file, on disk before it counts as accepted.

What belongs here: appending. What does not: the text (``text.py``), rotating or removing the file.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from telemetry_assets.channels.aside import aside
from telemetry_assets.channels.attempt import NotAccepted, Secrets, again, attempted
from telemetry_assets.channels.fitting import fitted
from telemetry_assets.channels.text import block
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.incidents.message import Message


class TextFile:
    """Appends to ``path``. One writer at a time, whole blocks only; the folder must be there."""

    kind = "file"

    def __init__(self, name: str, path: Path, end: timedelta) -> None:
        self.name = name
        self._path, self._end = path, end

    async def send(
        self, message: Message, refs: Mapping[str, str], *, event_id: str, attempt: int, accepted: tuple[str, ...]
    ) -> Receipt:
        """See :class:`telemetry_assets.channels.channel.Channel`."""
        data = block(fitted(message), event_id, attempt).encode()
        until = time.monotonic() + self._end.total_seconds()
        return await attempted(self._end, Secrets(), lambda: aside(lambda: self._append(data, until)))

    def _append(self, data: bytes, until: float) -> Receipt:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                _lock(handle, until)
                start = _write(handle, data)
            finally:
                os.close(handle)
        except OSError as fault:
            raise NotAccepted(again(f"{self._path}: {fault.strerror or 'could not be written'}.")) from fault
        return Receipt(Outcome.ACCEPTED, receipt=f"{len(data)} bytes at {start}")


def _lock(handle: int, until: float) -> None:
    """Waits for the other writers; gives up in time, so that nothing is written after the attempt has ended."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _write(handle: int, data: bytes) -> int:
    """All of it, on disk; or, where the disk is full, none of it. Where it starts."""
    start = os.fstat(handle).st_size
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        _to_disk(handle)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, start)
        raise
    return start


def _to_disk(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as fault:
        # A terminal or a pipe has no disk.
        if fault.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
