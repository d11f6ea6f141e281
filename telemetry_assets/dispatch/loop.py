"""The loop outside Dagster: evaluate in time, send at once, ping while all is well, until it is told to end.

What belongs here: when each is done next, and going on when the database is away. What does not: doing it.
"""

import asyncio
import threading
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import uniform

from telemetry_assets import running
from telemetry_assets.answers.crossing import next_crossing
from telemetry_assets.dispatch import deadman, drills, watchdog
from telemetry_assets.dispatch.changing import Ledger
from telemetry_assets.dispatch.declared import Declared
from telemetry_assets.dispatch.drain import Dispatcher
from telemetry_assets.dispatch.evaluate import Evaluation, alarm, evaluate
from telemetry_assets.dispatch.pen import AwayError, Pen, reached
from telemetry_assets.errors import CouldNotLookError, TelemetryError
from telemetry_assets.ledger import heartbeats
from telemetry_assets.ledger.connection import LOST
from telemetry_assets.ledger.listening import listen
from telemetry_assets.settings import Settings

LONGEST_PAUSE = timedelta(seconds=15)
SHORTEST_PAUSE = timedelta(milliseconds=200)
"""Between two evaluations, however many promises break one after the other: they are seen together then."""
JUST_AFTER = timedelta(milliseconds=10)
"""How long after a promise can break it is looked at: timers may ring a little early."""
FIRST_RETRY, LAST_RETRY = 0.5, 15.0
"""Seconds between tries while something fails."""


def run(
    settings: Settings,
    ended: threading.Event,
    say: Callable[[str], None],
    *,
    dsn: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Evaluate, send and watch until ``ended`` is set; what is on its way then is finished within its time-out.

    ``say`` hears a line of what happened, a problem once when it begins and once when it is over. A database that goes
    away is waited for. Raises nothing but what the surroundings raise: bugs are said, loudly, and tried again.
    """
    asyncio.run(_Loop(settings, ended, say, dsn, clock).run())


class Troubled:
    """What fails now, of which part; a failure that several parts meet is said once, and once that it is over."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._known: dict[str, str] = {}

    def failed(self, part: str, words: str, known_as: str = "") -> None:
        """``part`` could not do its work; ``known_as`` where the same trouble is worded in several ways."""
        name = known_as or words
        if name not in self._known.values():
            self._say(f"{words} Trying again until it works.")
        self._known[part] = name

    def worked(self, part: str) -> None:
        """``part`` did its work."""
        if self._known.pop(part, None) and not self._known:
            self._say("All is working again.")


class _Loop:
    """The parts, each going on by itself: evaluating, sending, listening, pinging."""

    def __init__(
        self,
        settings: Settings,
        ended: threading.Event,
        say: Callable[[str], None],
        dsn: str | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings, self._ended, self._say, self._clock = settings, ended, say, clock
        self._declared = Declared(settings, say)
        self._dsn = lambda: dsn or running.database_dsn(self._settings)
        self._troubled = Troubled(say)
        self._stop = asyncio.Event()
        self._pen = Pen(self._dsn)
        self._dispatcher = Dispatcher(settings, self._dsn, clock=clock, say=say)
        self._pauses: dict[str, float] = {}
        self._evaluated = False
        self._ping = ""

    async def run(self) -> None:
        """All parts until the end."""
        try:
            async with self._dispatcher, asyncio.TaskGroup() as parts:
                parts.create_task(self._end())
                parts.create_task(self._go_on("sending", self._send))
                parts.create_task(self._go_on("evaluating", self._evaluate))
                parts.create_task(self._go_on("listening", self._listen))
                if self._settings.deadman:
                    parts.create_task(self._go_on("pinging", self._ask))
        finally:
            self._ended.set()
            with suppress(TelemetryError):
                await self._pen.write(watchdog.no_longer_dispatching)
            await self._pen.close()

    async def _end(self) -> None:
        await asyncio.to_thread(self._ended.wait)
        self._stop.set()
        self._dispatcher.end()

    async def _go_on(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` again and again, with longer and longer pauses while it fails. Nothing ends it but the end."""
        while not self._stop.is_set():
            try:
                await work()
                self._worked(part)
                continue
            except TelemetryError as error:
                away = isinstance(error, AwayError) or isinstance(error.__cause__, LOST)
                self._troubled.failed(part, str(error), known_as="away" if away else "")
            except Exception as error:
                # The outermost edge: a bug in one part must not silence the others, and must be seen.
                self._troubled.failed(part, f"{part} failed, {type(error).__name__}:\n{traceback.format_exc()}")
            pause = self._pauses.get(part, FIRST_RETRY)
            self._pauses[part] = min(2 * pause, LAST_RETRY)
            await self._pause(pause * uniform(0.5, 1.0))

    def _worked(self, part: str) -> None:
        self._troubled.worked(part)
        self._pauses.pop(part, None)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _send(self) -> None:
        await self._dispatcher.run(looked=lambda: self._worked("sending"))

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()

        def heard() -> None:
            loop.call_soon_threadsafe(self._heard)

        def hear() -> None:
            with reached(self._dsn) as conn:
                try:
                    listen(conn, heard, self._ended)
                except CouldNotLookError as error:
                    raise AwayError(error.message, error.remedy) from error

        await asyncio.to_thread(hear)

    def _heard(self) -> None:
        self._worked("listening")
        self._dispatcher.wake()

    async def _evaluate(self) -> None:
        now = self._clock()
        if (settings := self._declared.now()) is not self._settings:
            self._settings = settings
            self._dispatcher.declare(settings)
        try:
            found = await self._pen.write(lambda conn: evaluate(conn, self._settings, now))
        except Exception as error:
            await self._alarm(error)
            raise
        self._evaluated = True
        self._tell(found)
        crossing = await self._pen.write(lambda conn: self._look_ahead(conn, now))
        self._worked("evaluating")
        await self._pause(max(until(crossing, self._clock()), found.took).total_seconds())

    def _look_ahead(self, conn: Ledger, now: datetime) -> datetime | None:
        """After an evaluation at ``now``: a sign of life, a drill if one is due, and when to evaluate next."""
        watchdog.dispatching(conn)
        drills.hold_when_due(conn, self._settings, now)
        silence = watchdog.next_quiet(heartbeats.read(conn))
        silent_at = None if silence is None else self._clock() + silence
        return min(filter(None, (next_crossing(conn, self._settings, now), silent_at)), default=None)

    async def _alarm(self, error: Exception) -> None:
        """Nobody has evaluated for two minutes: that is an incident, if that much can still be written."""
        with suppress(TelemetryError):
            if await self._pen.write(watchdog.unevaluated):
                now, why = self._clock(), f"{type(error).__name__}: {error}".splitlines()[0]
                says = f"Nothing could be evaluated for two minutes: {why}"
                await self._pen.write(lambda conn: alarm(conn, self._settings, now, says))

    def _tell(self, found: Evaluation) -> None:
        for change in found.changes:
            for entry in change.entries:
                self._say(f"incident {entry.incident} {entry.step}: {entry.words}")

    async def _ask(self) -> None:
        """The dead-man URL, while all is well; after the first evaluation, since until then nothing is known."""
        if not self._evaluated:
            await self._pause(FIRST_RETRY)
            return
        assert self._settings.deadman
        now = self._clock()
        reasons = await self._pen.write(lambda conn: deadman.unwell(conn, now))
        refused = "" if reasons else await deadman.ask(self._settings.deadman.reveal())
        words = f"not asked. {reasons[0]}" if reasons else refused and f"asked, and {refused}"
        if words != self._ping:
            self._say(f"The dead-man URL was {words or 'asked, and answers again'}")
        self._ping = words
        self._worked("pinging")
        await self._pause((deadman.AGAIN if words else deadman.EVERY).total_seconds())


def until(crossing: datetime | None, now: datetime) -> timedelta:
    """How long to wait for the next evaluation: until just after a promise can break, within the bounds."""
    if crossing is None:
        return LONGEST_PAUSE
    return min(max(crossing + JUST_AFTER - now, SHORTEST_PAUSE), LONGEST_PAUSE)
