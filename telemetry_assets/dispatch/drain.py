"""What waits in the outbox → the channels, each attempt's receipt → the ledger, as soon as it ends.

What belongs here: claiming, how many at once, what becomes of an attempt. What does not: one attempt (``attempt.py``),
when to look again without being told (``loop.py``). Send, then record: a receipt that was lost is a message sent twice.
"""

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Self
from uuid import UUID

from telemetry_assets import running
from telemetry_assets.dispatch.attempt import GRACE, Sender
from telemetry_assets.dispatch.fate import buried, gone, settled
from telemetry_assets.dispatch.pen import Pen
from telemetry_assets.dispatch.receipts import Receipts
from telemetry_assets.dispatch.routing import channels_of, rates_of
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.incidents.backoff import next_try
from telemetry_assets.incidents.delivery import Outcome, Receipt
from telemetry_assets.ledger import installation, outbox
from telemetry_assets.ledger.outbox import Claim
from telemetry_assets.settings import Settings

AT_ONCE = 16
"""How many messages of one channel may be on their way at once."""
LEASE_BEYOND = timedelta(seconds=20)
"""How much longer than an attempt a lease lasts: time to write the receipt, should the ledger be slow or away."""
LONGEST_PAUSE = 15.0
"""Seconds between looks into the outbox when nobody says that something was written."""


@dataclass(frozen=True, slots=True)
class Drained:
    """How many conversations' messages were accepted, are to be tried again, and are dead."""

    sent: int = 0
    again: int = 0
    dead: int = 0


def drain(
    settings: Settings,
    *,
    seconds: float,
    dsn: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    say: Callable[[str], None] = print,
    at_once: int = AT_ONCE,
) -> Drained:
    """Send what is due, and what becomes due, until nothing is to be sent within ``seconds``.

    Then nothing new is begun; what is on its way ends within its time-out. Raises CouldNotLookError where the ledger
    cannot be reached; what was sent by then and recorded stays so.
    """

    async def bounded() -> Drained:
        found = Dispatcher(
            settings, lambda: dsn or running.database_dsn(settings), clock=clock, say=say, at_once=at_once
        )
        async with found as dispatcher:
            return await dispatcher.run(seconds)

    return asyncio.run(bounded())


class Dispatcher:
    """Sends what waits in the outbox. Any number of them may run at once, here and elsewhere.

    Two pens: a dead message is told instead under the lock of all incidents, and no receipt waits for that lock.
    """

    def __init__(
        self,
        settings: Settings,
        dsn: Callable[[], str],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        say: Callable[[str], None] = print,
        at_once: int = AT_ONCE,
    ) -> None:
        self._clock = clock
        self._say = say
        self._at_once = at_once
        self.declare(settings)
        self._pen, self._undertaker = Pen(dsn), Pen(dsn)
        self._receipts = Receipts(self._pen)
        self._random = Random()
        self._flying: dict[asyncio.Task[None], str] = {}
        self._ends: Counter[Outcome] = Counter()
        self._stir = asyncio.Event()
        self._ended = False
        self._installation: UUID | None = None
        self._strangers: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._landed()
        await self._pen.close()
        await self._undertaker.close()

    def declare(self, settings: Settings) -> None:
        """From now on these are the channels and owners; what is on its way goes where it was going."""
        self._settings = settings
        self._channels = channels_of(settings)
        self._rates = rates_of(settings)
        self._sender = Sender(self._channels, settings.home, self._say)
        self._strangers_from = 0.0

    def wake(self) -> None:
        """Something was written to the outbox: look at once."""
        self._stir.set()

    def end(self) -> None:
        """Begin nothing more; :meth:`run` returns when what is on its way has ended."""
        self._ended = True
        self._stir.set()

    async def run(self, seconds: float | None = None, looked: Callable[[], None] = lambda: None) -> Drained:
        """Send until :meth:`end`, or for ``seconds``, and then no longer than there is something to send.

        ``looked`` is called whenever the outbox was looked at. Raises CouldNotLookError where the ledger cannot be
        reached, when what was on its way has ended.
        """
        loop = asyncio.get_running_loop()
        last = None if seconds is None else loop.time() + seconds
        before, idle = self._ends.copy(), 0
        try:
            while not self._ended and (last is None or loop.time() < last):
                self._stir.clear()
                if await self._begin():
                    idle = 0
                    continue
                due, left = await self._due(), None if last is None else last - loop.time()
                looked()
                if left is not None and not self._flying and (due is None or due >= left):
                    break
                idle += 1
                await self._pause(due, left, idle)
        finally:
            await self._landed()
        ends = self._ends - before
        return Drained(ends[Outcome.ACCEPTED], ends[Outcome.AGAIN], ends[Outcome.DEAD])

    async def _begin(self) -> int:
        """Claim what may go now, as much as there is room for, and send it off; how many."""
        if self._installation is None:
            self._installation = await self._pen.write(installation.read)
        busy = Counter(self._flying.values())
        begun = 0
        for timeout, names in (await self._by_timeout()).items():
            room = {name: self._at_once - busy[name] for name in names if busy[name] < self._at_once}
            lease = timeout + GRACE + LEASE_BEYOND
            for claim in await self._claimed(room, lease) if room else ():
                task = asyncio.create_task(self._deliver(claim, lease.total_seconds()))
                self._flying[task] = claim.channel
                task.add_done_callback(self._done)
                begun += 1
        return begun

    async def _by_timeout(self) -> dict[timedelta, list[str]]:
        """The channels to look for, those that only the outbox knows among them."""
        now = asyncio.get_running_loop().time()
        if now >= self._strangers_from:
            self._strangers = set(await self._pen.write(outbox.channels)) - self._channels.keys()
            self._strangers_from = now + LONGEST_PAUSE
        found: dict[timedelta, list[str]] = {}
        for name, channel in self._channels.items():
            found.setdefault(channel.timeout, []).append(name)
        if self._strangers:
            found.setdefault(timedelta(seconds=10), []).extend(sorted(self._strangers))
        return found

    async def _claimed(self, room: Mapping[str, int], lease: timedelta) -> tuple[Claim, ...]:
        rates = {name: self._rates.get(name, 1.0) for name in room}
        return await self._pen.write(
            lambda conn: outbox.claim(conn, rates, self._clock(), limit=min(room.values()), lease_for=lease)
        )

    async def _due(self) -> float | None:
        """In how many seconds something may be sent that there is room for; None where no such thing waits."""
        now, busy = self._clock(), Counter(self._flying.values())
        among = [name for name in {*self._channels, *self._strangers} if busy[name] < self._at_once]
        due = await self._pen.write(lambda conn: outbox.next_due(conn, now, among))
        return None if due is None else (due - now).total_seconds()

    async def _pause(self, due: float | None, left: float | None, idle: int) -> None:
        """Until something stirs or is due. What is due and yet nobody's to claim is looked at less and less often."""
        least = min(0.01 * 2 ** min(idle, 7), 1.0)
        spans = [LONGEST_PAUSE, *([] if due is None else [max(due, least)]), *([] if left is None else [max(left, 0)])]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stir.wait(), min(spans))

    async def _landed(self) -> None:
        if self._flying:
            await asyncio.wait(self._flying)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._flying.pop(task)
        self._stir.set()
        if not task.cancelled() and (error := task.exception()):
            # Nothing is lost: the lease ends and the message is sent again. But it must be seen.
            self._say("".join(traceback.format_exception(error)))

    async def _deliver(self, claim: Claim, lease: float) -> None:
        """Send, then record. The receipt is written for as long as the lease lasts, should the ledger be away."""
        loop = asyncio.get_running_loop()
        until = loop.time() + lease
        # Whatever waits before it, what is sent goes under the newest's key.
        key = claim.messages[-1].key
        known = claim.channel in self._channels
        ended = await self._sender.send(claim, f"{self._installation}.{key}") if known else gone(claim, self._clock())
        receipt = settled(claim, ended, self._clock())
        pause = 0.1
        while True:
            try:
                kept = await self._record(claim, receipt)
                break
            except CouldNotLookError as error:
                if loop.time() + pause > until:
                    self._say(f"The receipt of {key} could not be recorded, it will be sent again: {error}")
                    return
            await asyncio.sleep(pause)
            pause = min(2 * pause, 2.0)
        if kept:
            self._ends[receipt.outcome] += 1
            if receipt.outcome is not Outcome.ACCEPTED:
                self._say(f"{claim.channel}: {key} {receipt.outcome}: {receipt.reason}")

    async def _record(self, claim: Claim, receipt: Receipt) -> bool:
        now = self._clock()
        if receipt.outcome is Outcome.ACCEPTED:
            return await self._receipts.write(claim, receipt, now)
        if receipt.outcome is Outcome.AGAIN:
            retry_at = next_try(claim.failures, receipt.retry_after, now, self._random)
            return await self._pen.write(lambda conn: outbox.again(conn, claim, receipt, retry_at, now))
        return await self._undertaker.write(lambda conn: buried(conn, self._settings, claim, receipt, now))
