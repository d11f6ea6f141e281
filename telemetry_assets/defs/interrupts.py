"""Ctrl-C and SIGTERM during a Dagster run in this process.

What belongs here: hearing them. What does not: what an interrupted run comes to (``runner.py``, ``check_runs.py``).
"""

import signal
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

ENDING = (signal.SIGINT, signal.SIGTERM)
MANY = 4_096


@dataclass(slots=True)
class Interrupts:
    """Whether somebody asked us to end. Known once the context of :func:`heard` is over."""

    any: bool = False


@contextmanager
def heard() -> Generator[Interrupts]:
    """Hear Ctrl-C and SIGTERM, whatever becomes of them inside; SIGTERM's handler is the old one again afterwards.

    In ``execute_in_process`` Dagster puts both into a flag while no body of a step runs, reads the flag nowhere and
    clears it at the end (``dagster._utils.interrupts.capture_interrupts``); SIGTERM then keeps SIGINT's handler. The
    interpreter's wakeup descriptor is told of a signal whoever handles it. Only in the main thread, as Dagster's own.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    told, tells = socket.socketpair()
    with told, tells:
        told.setblocking(False)
        tells.setblocking(False)
        terminated = signal.getsignal(signal.SIGTERM)
        before = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
        try:
            yield interrupts
        finally:
            signal.set_wakeup_fd(before)
            signal.signal(signal.SIGTERM, terminated)
            interrupts.any = _came(told)


def _came(told: socket.socket) -> bool:
    try:
        return any(number in ENDING for number in told.recv(MANY))
    except BlockingIOError:  # nothing came
        return False
