"""How an op tells the command that runs it how far it is. In a Dagster worker nobody listens, and nothing happens."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

from telemetry_assets.answers.refresh import Step

_LISTENER: ContextVar[Callable[[Step], None] | None] = ContextVar("progress_listener", default=None)


def tell(done: int, total: int, text: str, *, failed: bool = False) -> None:
    """Report one step to whoever listens in this context."""
    listener = _LISTENER.get()
    if listener:
        listener(Step(done, total, text, failed))


@contextmanager
def listening(listener: Callable[[Step], None]) -> Generator[None]:
    """Let ``listener`` hear the steps of what runs inside."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
