"""kill -9 of each part while the example syncs: the next refresh succeeds, no row is twice and none is lost."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import psycopg
import pytest

from telemetry_assets import running
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.model import ExitCode
from tests.integration.example import Place, Upstream, assert_raw_is_truth, copy_example

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Wounded:
    """The example's home, synced once. Each test moves the API a day on and hurts the sync that fetches that day."""

    def __init__(self, place: Place, upstream: Upstream, server: EmbeddedPostgres) -> None:
        self.place, self.upstream, self.server = place, upstream, server
        self.refresh: subprocess.Popen[str] | None = None

    def begin_sync(self) -> subprocess.Popen[str]:
        """A slow sync of a new day, started and met in the middle of reading."""
        self.upstream.now += timedelta(days=1)
        self.upstream.seconds_per_request = 0.4
        known = self.newest_job()
        self.refresh = self.place.start("refresh", "sync")
        eventually(lambda: self.newest_job() > known and self.connectors(), 120)
        return self.refresh

    def end(self) -> int:
        """Let the hurt refresh come to its own end; its exit code."""
        assert self.refresh is not None
        self.upstream.seconds_per_request = 0.0
        self.refresh.communicate(timeout=300)
        return self.refresh.returncode

    def assert_next_refresh_is_whole(self) -> None:
        """The next sync succeeds, and the raw tables then hold the API's truth."""
        self.upstream.seconds_per_request = 0.0
        done = self.place.run("refresh", "sync")
        assert done.returncode == ExitCode.OK, done.stdout + done.stderr
        self.server.start()
        assert_raw_is_truth(self.place.url, self.upstream)

    def airbyte(self) -> psutil.Process:
        """The local Airbyte."""
        return psutil.Process(running.read(self.place.home)["airbyte"]["pid"])

    def connectors(self) -> list[int]:
        """The process groups of the connectors at work."""
        found = self.rows("select process_group from airbyte_local.jobs where status = 'running' order by job_id desc")
        return [group for (group,) in found if group and psutil.pid_exists(group)]

    def kill_a_connector(self) -> bool:
        """Kill the newest connector at work; whether there was one."""
        for group in self.connectors():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
                return True
        return False

    def newest_job(self) -> int:
        """The id of the newest job."""
        found = self.rows("select max(job_id) from airbyte_local.jobs")
        return found[0][0] if found else 0

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers; nothing while it is down."""
        try:
            with psycopg.connect(self.server.url) as conn:
                return conn.execute(query.encode()).fetchall()
        except psycopg.Error:
            return []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wounded]:
    folder = tmp_path_factory.mktemp("wounded")
    copy_example(folder / "example")
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=20)
    upstream = Upstream(folder, now)
    place = Place(folder / "example", {"TELEMETRY_HOME": str(folder / "home"), **upstream.environment})
    server = EmbeddedPostgres(place.home)
    server.start()
    try:
        done = place.run("refresh", "sync")
        assert done.returncode == ExitCode.OK, done.stdout + done.stderr
        yield Wounded(place, upstream, server)
    finally:
        upstream.stop()
        server.remove()


@pytest.fixture
def wounded(home: Wounded) -> Iterator[Wounded]:
    """The home with its database up; what a test leaves running is ended."""
    home.server.start()
    yield home
    home.upstream.seconds_per_request = 0.0
    if home.refresh is not None and home.refresh.poll() is None:
        os.killpg(home.refresh.pid, signal.SIGKILL)
    entry = running.read(home.place.home).get("airbyte")
    if entry and psutil.pid_exists(entry["pid"]):
        os.kill(entry["pid"], signal.SIGTERM)


def test_postgresql_killed_in_the_middle_of_a_sync(wounded: Wounded):
    wounded.begin_sync()
    os.kill(running.read(wounded.place.home)["postgres"]["pid"], signal.SIGKILL)
    assert wounded.end() in (ExitCode.FAILING, ExitCode.COULD_NOT_LOOK)
    wounded.assert_next_refresh_is_whole()


def test_the_local_airbyte_killed_in_the_middle_of_a_sync(wounded: Wounded):
    wounded.begin_sync()
    airbyte = wounded.airbyte()
    airbyte.send_signal(signal.SIGKILL)
    assert wounded.end() == ExitCode.FAILING
    wounded.assert_next_refresh_is_whole()


def test_a_connector_killed_in_the_middle_of_a_read(wounded: Wounded):
    refresh = wounded.begin_sync()
    assert eventually(wounded.kill_a_connector, 30)
    wounded.upstream.seconds_per_request = 0.0
    said, _ = refresh.communicate(timeout=300)
    assert refresh.returncode == ExitCode.FAILING
    assert "signal 9" in said
    failed = wounded.rows("select count(*) from airbyte_local.jobs where error like '%signal 9%'")
    assert failed == [(1,)]
    wounded.assert_next_refresh_is_whole()


def test_the_run_itself_killed_in_the_middle_of_a_sync(wounded: Wounded):
    refresh = wounded.begin_sync()
    refresh.kill()
    refresh.wait(30)
    wounded.assert_next_refresh_is_whole()


def test_ctrl_c_ends_a_refresh_with_130_and_leaves_nothing_running(wounded: Wounded):
    refresh = wounded.begin_sync()
    airbyte = wounded.airbyte()
    left = [airbyte, *airbyte.children(recursive=True)]
    refresh.send_signal(signal.SIGINT)
    said, _ = refresh.communicate(timeout=120)
    assert refresh.returncode == 130, said
    assert "Traceback" not in said
    assert psutil.wait_procs(left, timeout=20)[1] == []
    assert wounded.rows("select count(*) from airbyte_local.jobs where status in ('pending', 'running')") == [(0,)]
    assert wounded.server.is_up()
    wounded.assert_next_refresh_is_whole()


def eventually(condition: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of ``condition``; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")
