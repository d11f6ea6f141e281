"""``telemetry up`` on the example: a broken feed is one incident, told in a file and resolved; so is a hanging daemon.

The windows of one tenant are as short as a busy machine keeps them, those of the others longer.
"""

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psutil
import psycopg
import pytest

from telemetry_assets.demo import breakages
from telemetry_assets.demo.upstream import AdsUpstream
from telemetry_assets.local.postgres import EmbeddedPostgres
from tests.integration.example import Place, copy_example

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

BOARD = "snapshots/tenant_dashboard"
OWN_WINDOWS = {"meta_ads/*": "6m", BOARD: "8m"}
"""Of northshore, whose feed breaks."""


class Live:
    """A running ``telemetry up`` and what it told."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.process: subprocess.Popen[str] = place.start("up")
        self.said = ""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    @property
    def messages(self) -> str:
        """Everything in the file channel."""
        return "".join(path.read_text() for path in self.place.folder.parent.rglob("messages.log"))

    def incidents(self) -> list[tuple[str, str, str]]:
        """(kind, where, phase) of every incident there ever was, in order."""
        try:
            return self.place.rows("select kind, place, phase from telemetry.incidents order by number")
        except psycopg.Error:
            return []

    def steps(self, number: int) -> list[tuple[str, int]]:
        """(step, how many channels were told) of the timeline of an incident."""
        return self.place.rows(
            f"select step, cardinality(channels) from telemetry.timeline where incident = {number} order by seq"
        )

    def reach(self, number: int) -> str:
        """What an incident hits, as it is written down."""
        return self.place.rows(f"select details ->> 'reach' from telemetry.incidents where number = {number}")[0][0]

    def of(self, program: str) -> psutil.Process:
        """The process of ``up`` that runs a program."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return next(one for one in found if program in " ".join(one.cmdline()))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The example with nothing broken, refreshed once, then live."""
    folder = tmp_path_factory.mktemp("alerts")
    path = copy_example(folder / "example")
    text = path.read_text().replace("every: 2m", "every: 1m").replace("owner: marketing-ops}", "owner: data-eng}")
    text = text.replace("window: {warn: 5m, fail: 6m}", "window: {fail: 40m}")
    for asset, window in OWN_WINDOWS.items():
        text = text.replace(f"asset: {asset}, ", f"asset: {asset}, tenants: {{northshore: {{fail: {window}}}}}, ")
    path.write_text(text)
    place = Place(folder / "example", {"TELEMETRY_HOME": str(folder / "home")})
    ads = AdsUpstream(place.home / "demo")
    ads.prepare(datetime.now(UTC))
    breakages.heal(ads.faults_file)
    try:
        done = place.run("refresh")
        assert done.returncode == 0, done.stdout + done.stderr
        live = Live(place)
        try:
            eventually(lambda: "Dagster UI:" in live.said or live.process.poll() is not None, 120)
            assert live.process.poll() is None, live.said
            assert "dispatch is up" in live.said
            yield live
        finally:
            live.process.send_signal(signal.SIGINT)
            live.process.wait(90)
    finally:
        EmbeddedPostgres(place.home).remove()


@pytest.mark.promise("C4", "B54")
def test_a_broken_feed_is_one_incident_with_the_words_of_why_and_its_healing_resolves_it(live: Live) -> None:
    feed = ("--source", "meta_ads", "--tenant", "northshore")
    assert live.place.run("demo", "break", "error", *feed).returncode == 0
    eventually(lambda: live.incidents() and BOARD in live.reach(1), 900)
    assert [one[:2] for one in live.incidents()] == [("sync_failed", "meta_ads")], live.messages
    assert keys(live.messages) == ["1.1.log"]
    why = json.loads(live.place.run("why", BOARD, "--tenant", "northshore", "--json").stdout)
    (cause,) = [one["cause"] for one in why["explanations"]]
    assert cause["identity"] == "sync_failed meta_ads"
    for words in (cause["says"], cause["remedy"]):
        assert plain(words) in plain(live.messages)
    assert live.place.run("demo", "heal", *feed).returncode == 0
    eventually(lambda: live.incidents()[0][2] == "resolved", 300)
    eventually(lambda: len(keys(live.messages)) == 2, 30)
    assert [phase for *_, phase in live.incidents()] == ["resolved"]
    assert [step for step, told in live.steps(1) if told] == ["opened", "resolved"]


@pytest.mark.promise("B11", "F17")
def test_a_daemon_that_hangs_is_told_within_a_minute_and_resolved_when_it_goes_on(live: Live) -> None:
    before, daemon = len(live.incidents()), live.of("dagster._daemon")
    told = len(keys(live.messages))
    daemon.suspend()
    began = time.monotonic()
    try:
        eventually(lambda: len(keys(live.messages)) > told, 60)
    finally:
        print(f"the daemon hung, and it was told after {time.monotonic() - began:.1f} s")
        daemon.resume()
    assert [one[:2] for one in live.incidents()[before:]] == [("monitor_down", "monitor")]
    assert "The Dagster daemon is down" in live.messages
    eventually(lambda: live.incidents()[-1][2] == "resolved", 120)
    eventually(lambda: len(keys(live.messages)) == told + 2, 30)


def test_it_ends_without_a_trace(live: Live) -> None:
    log = (live.place.home / "logs" / "dispatch.log").read_text()
    assert "Traceback" not in live.said + log


def keys(messages: str) -> list[str]:
    """The key of every message, in order."""
    return re.findall(r"\b(\d+\.\d+\.log)\b", messages)


def plain(text: str) -> str:
    """A text without line breaks and without how long ago things were."""
    return re.sub(r"\d+ (s|min|h)( \d+ (s|min))?", "some time", " ".join(text.split()))


def eventually(condition: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of ``condition``; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.5)
    raise AssertionError("it did not happen in time")
