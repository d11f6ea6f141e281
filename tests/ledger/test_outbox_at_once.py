"""Several dispatchers at once, some of which die: everything is sent, each conversation in order, nothing by two."""

import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from random import Random

import pytest

from telemetry_assets.ledger import incidents, outbox
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.outbox import Claim
from tests.ledger.outbox_builders import ACCEPTED, MINUTE, NOON, REFUSED, Ledger, claim, heads, step, tell

pytestmark = pytest.mark.slow

CHANNELS = ("chat", "mail")

HOLDER = """
import sys, time
from datetime import UTC, datetime, timedelta
from telemetry_assets.ledger import outbox
from telemetry_assets.ledger.connection import connect

with connect(sys.argv[1]) as conn:
    now = datetime(2026, 9, 1, 12, tzinfo=UTC)
    lease = timedelta(seconds=float(sys.argv[2]))
    found = outbox.claim(conn, {"chat": float("inf")}, now, limit=1, lease_for=lease)
    print(found[0].incident, flush=True)
    time.sleep(600)
"""


def _write(conn: Ledger, conversations: int, steps: int) -> None:
    known: list[incidents.Incident | None] = [None] * conversations
    for minute in range(steps):
        changes = [
            step(held, number, [CHANNELS[number % 2]], NOON + minute * MINUTE) for number, held in enumerate(known, 1)
        ]
        incidents.apply(conn, changes)
        known = [change.after for change in changes]


class _Sink:
    """Where dispatchers send to: what was accepted, in which order."""

    def __init__(self) -> None:
        self.accepted: dict[tuple[int, str], list[int]] = defaultdict(list)
        self.inside: set[tuple[int, str]] = set()
        self.lock = threading.Lock()

    def take(self, one: Claim) -> None:
        where = (one.incident, one.channel)
        with self.lock:
            assert where not in self.inside, "two speak in one conversation at once"
            self.inside.add(where)
        time.sleep(0.0005)
        with self.lock:
            self.inside.remove(where)
            self.accepted[where] += one.seqs


def _dispatch(dsn: str, ended: Callable[[], bool], send: Callable[[Ledger, Claim], None]) -> None:
    with connect(dsn) as mine:
        while not ended():
            for one in claim(mine, limit=7):
                send(mine, one)


def test_dispatchers_at_once_send_each_message_once_and_in_order_while_more_is_written(
    database: str, conn: Ledger
) -> None:
    sink = _Sink()
    writing = threading.Event()
    writing.set()

    def send(mine: Ledger, one: Claim) -> None:
        sink.take(one)
        assert outbox.sent(mine, one, ACCEPTED, NOON)

    def ended() -> bool:
        return not writing.is_set() and sum(map(len, sink.accepted.values())) >= 500

    with ThreadPoolExecutor(3) as pool:
        dispatchers = [pool.submit(_dispatch, database, ended, send) for _ in range(3)]
        _write(conn, 100, 5)
        writing.clear()
        for dispatcher in dispatchers:
            dispatcher.result(60)
    assert {where: [1, 2, 3, 4, 5] for where in sink.accepted} == sink.accepted
    assert len(sink.accepted) == 100
    assert outbox.waiting(conn, NOON).pending == 0


@pytest.mark.promise("F3")
def test_dispatchers_that_fail_die_and_come_late_lose_nothing_and_keep_the_order(database: str, conn: Ledger) -> None:
    _write(conn, 60, 3)
    sink, chances = _Sink(), Random(17)

    def send(mine: Ledger, one: Claim) -> None:
        chance = chances.random()
        if chance < 0.1:
            mine.execute("update telemetry.conversations set leased_until = '-infinity' where lease = %s", (one.lease,))
        elif chance < 0.3:
            outbox.again(mine, one, REFUSED, NOON, NOON)
        else:
            with sink.lock:
                if outbox.sent(mine, one, ACCEPTED, NOON):
                    sink.accepted[one.incident, one.channel] += one.seqs

    def ended() -> bool:
        return sum(map(len, sink.accepted.values())) >= 180

    with ThreadPoolExecutor(3) as pool:
        for dispatcher in [pool.submit(_dispatch, database, ended, send) for _ in range(3)]:
            dispatcher.result(60)
    assert {where: [1, 2, 3] for where in sink.accepted} == sink.accepted
    assert len(sink.accepted) == 60


@contextmanager
def _holder(dsn: str, lease: float) -> Generator[tuple[subprocess.Popen[str], int]]:
    """A process that claimed a conversation and does nothing more, and which that is."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, dsn, str(lease)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _until(found: Callable[[], Sequence[Claim]], seconds: float = 20) -> Sequence[Claim]:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if claims := found():
            return claims
        time.sleep(0.05)
    return ()


def test_what_a_killed_process_held_is_taken_over_when_its_lease_ends(database: str, conn: Ledger) -> None:
    tell(conn, 1)
    with _holder(database, lease=1.5) as (process, held):
        assert held == 1
        process.kill()
        process.wait()
        assert claim(conn) == ()
        assert heads(_until(lambda: claim(conn))) == [(1, "chat")]


def test_a_process_that_is_stopped_holds_up_nobody_but_its_own_conversation(database: str, conn: Ledger) -> None:
    tell(conn, 1)
    tell(conn, 2)
    with _holder(database, lease=600) as (process, held):
        process.send_signal(signal.SIGSTOP)
        assert heads(claim(conn)) == [(3 - held, "chat")]
        process.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_ten_thousand_that_wait_are_claimed_in_milliseconds_whatever_the_statistics_say(conn: Ledger) -> None:
    incidents.apply(conn, [step(None, number) for number in range(1, 10_001)])
    for failed in claim(conn, limit=200):
        outbox.again(conn, failed, REFUSED, NOON, NOON)
    conn.execute("update telemetry.channels set failures = 0")
    for analyzed in (False, True):
        if analyzed:
            conn.execute("analyze telemetry.outbox, telemetry.conversations, telemetry.channels")
        times: list[float] = []
        for _ in range(10):
            began = time.perf_counter()
            found = claim(conn, limit=50)
            outbox.next_due(conn, NOON)
            outbox.waiting(conn, NOON)
            times.append(time.perf_counter() - began)
            assert len(found) == 50
            assert all(outbox.sent_together(conn, [(one, ACCEPTED) for one in found], NOON))
        assert sorted(times)[5] < 0.25, times
    assert outbox.waiting(conn, NOON).pending == 9_000


def test_receipts_together_are_one_commit_and_each_is_fenced_for_itself(database: str, conn: Ledger) -> None:
    incidents.apply(conn, [step(None, number) for number in range(1, 31)])
    (lost,) = claim(conn, limit=1, lease_for=timedelta(0))
    found = claim(conn)
    assert outbox.sent_together(conn, [], NOON) == ()
    assert outbox.sent_together(conn, [(one, ACCEPTED) for one in (*found[:20], lost, *found[20:])], NOON) == (
        *[True] * 20,
        False,
        *[True] * 10,
    )
    (transactions,) = conn.execute("select count(distinct xmin::text) from telemetry.deliveries").fetchone() or (0,)
    assert transactions == 1
