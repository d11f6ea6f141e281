"""Whoever reads what we print may stop: ``telemetry check --all | head -3``. An exit code is a verdict all the same.

What belongs here: standard output and error whose reader is gone. What does not: what is printed.
"""

import io
import os
import signal
import sys
from collections.abc import Buffer
from typing import TextIO


class _Pipe(io.FileIO):
    """A stream that goes on nowhere once nobody reads it any more."""

    needed = False

    def write(self, data: Buffer, /) -> int:
        """As of any file; without a reader it goes nowhere, and ends whoever only runs for a reader."""
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if _Pipe.needed:
                signal.raise_signal(signal.SIGINT)
            return super().write(data)


def outlive_readers() -> None:
    """From now on nothing that is printed raises BrokenPipeError: commands end with what they found."""
    # A stream that somebody put there instead (a test, an embedder) is theirs.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _piped(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _piped(sys.stderr)


def end_with_readers() -> None:
    """What runs until Ctrl-C ends, as on Ctrl-C, when nobody reads it any more."""
    _Pipe.needed = True


def _piped(stream: TextIO | None) -> TextIO | None:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
