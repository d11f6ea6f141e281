"""A process that imports airbyte-cdk once and forks one process per command of a declarative connector.

What belongs here: the host's own program, and the handle the runner starts it with. Importing the CDK takes 1.4 s of
CPU, a fork of this host a few milliseconds; each command still is a process of its own, in a session of its own.
Protocol: one JSON list of arguments with three descriptors (stdout, stderr, status); the status pipe answers the
command's pid, then its exit code. The host ends when its channel does.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress

from telemetry_assets.settings import child_environment

_REQUEST_BYTES = 1 << 16


class DeclarativeHost:
    """Starts the host when first needed, and again if it died. Safe to share between threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """``environment`` is laid over our own for the host and so for every connector it forks."""
        self._environment = environment
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def warm(self) -> None:
        """Let the host begin its imports now; returns at once."""
        with self._lock:
            self._live_channel()

    def fork(self, arguments: Sequence[str], stdout: int, stderr: int) -> "Command":
        """Run one command on these descriptors. Raises OSError where the host cannot start it."""
        reader, writer = os.pipe()
        with self._lock, open(reader, "rb", buffering=0) as status:
            try:
                request, descriptors = [json.dumps(list(arguments)).encode()], [stdout, stderr, writer]
                socket.send_fds(self._live_channel(), request, descriptors)
            finally:
                os.close(writer)
            # One byte at a time: what follows the pid is the exit code, and is read later.
            pid = b"".join(iter(lambda: status.read(1).strip(), b""))
            if not pid:
                raise OSError("the host of declarative connectors ended before it started this one")
            return Command(int(pid), os.dup(status.fileno()))

    def stop(self) -> None:
        """End the host; commands it forked are their runner's to end."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            self._channel, self._process = None, None

    def _live_channel(self) -> socket.socket:
        if self._channel is not None and self._process is not None and self._process.poll() is None:
            return self._channel
        if self._channel is not None:
            self._channel.close()
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=child_environment(self._environment),
                start_new_session=True,
            )
        return self._channel


class Command:
    """A forked command: its pid, and its exit code once it has one."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self._status = status
        self._code: int | None = None
        os.set_blocking(status, False)

    def poll(self) -> int | None:
        """The exit code; None while it runs, -9 where its waiter was killed with it."""
        if self._code is None:
            with suppress(BlockingIOError):
                text = os.read(self._status, 64).strip()
                self._code = int(text) if text else -signal.SIGKILL
                os.close(self._status)
        return self._code


def main(channel: socket.socket) -> None:
    """Serve until the channel ends."""
    from airbyte_cdk.cli.source_declarative_manifest._run import handle_command

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    while True:
        request, descriptors, _, _ = socket.recv_fds(channel, _REQUEST_BYTES, 3)
        if not request:
            return
        if os.fork() == 0:
            channel.close()
            _wait_for(json.loads(request), descriptors, handle_command)
        for descriptor in descriptors:
            os.close(descriptor)


def _wait_for(arguments: list[str], descriptors: list[int], handle_command: object) -> None:
    """In the host's child: fork the command, wait, report, leave."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    stdout, stderr, status = descriptors
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.write(status, f"{os.getpid()}\n".encode())
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        for descriptor in descriptors:
            os.close(descriptor)
        _command(arguments, handle_command)
    os.close(stdout)
    os.close(stderr)
    _, ended = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):
        os.write(status, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
    os._exit(0)


def _command(arguments: list[str], handle_command: object) -> None:
    code = 1
    try:
        assert callable(handle_command)
        sys.argv = ["source-declarative-manifest", *arguments]
        handle_command(arguments)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
