"""Blocking calls set aside: one that never returns holds up nobody."""

import asyncio
import threading
import time

import pytest

from telemetry_assets.channels.aside import aside


def test_what_it_returns_or_raises_comes_back() -> None:
    def fail() -> None:
        raise OSError("no")

    assert asyncio.run(aside(lambda: 7)) == 7
    with pytest.raises(OSError, match="no"):
        asyncio.run(aside(fail))


def test_one_that_hangs_is_left_behind_and_the_loop_ends_without_it() -> None:
    hung = threading.Event()

    async def impatient() -> None:
        async with asyncio.timeout(0.05):
            await aside(lambda: hung.wait(30))

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    assert time.monotonic() - began < 1
    hung.set()


def test_many_that_hang_do_not_keep_another_waiting() -> None:
    hung = threading.Event()

    async def crowd() -> int:
        waiting = [asyncio.ensure_future(aside(lambda: hung.wait(30))) for _ in range(50)]
        await asyncio.sleep(0)
        async with asyncio.timeout(1):
            answer = await aside(lambda: 7)
        hung.set()
        await asyncio.gather(*waiting)
        return answer

    assert asyncio.run(crowd()) == 7
