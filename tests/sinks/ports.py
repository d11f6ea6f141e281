"""Ports behind which nobody answers, each in its own way."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager


@contextmanager
def refused() -> Generator[int]:
    """A port that refuses every connection: bound, and not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextmanager
def silent() -> Generator[int]:
    """A port that takes every connection and never says nor reads anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener.getsockname()[1]


@contextmanager
def unanswered() -> Generator[int]:
    """A port at which connecting itself hangs: a time-out before accept. Its queue is full."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
