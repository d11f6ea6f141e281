"""Blocking calls that may never return, each in a thread of its own that can be left behind.

What belongs here: looking up a name, writing to a disk or a pipe. What does not: anything that can be awaited.
asyncio's own pool has few threads and waits for all of them at the end: one hung name server would hold up every
channel, and then the process.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable


async def aside[T](function: Callable[[], T]) -> T:
    """What ``function()`` returns or raises. Where the waiting is cancelled the thread is left to itself."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, fault: BaseException | None) -> None:
        if waiting.done():
            return
        if fault is not None:
            waiting.set_exception(fault)
        else:
            waiting.set_result(result)  # pyright: ignore[reportArgumentType]

    def run() -> None:
        result, fault = None, None
        try:
            result = function()
        except BaseException as raised:
            fault = raised
        # The loop may be closed by the time a call that was left behind comes back.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=run, name="aside", daemon=True).start()
    return await waiting
