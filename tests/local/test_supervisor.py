"""``telemetry up`` on the small home: everything answers, what dies comes back, Ctrl-C leaves nothing behind."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import psycopg
import pytest
import requests

from telemetry_assets import running
from telemetry_assets.local.postgres import EmbeddedPostgres
from tests.integration.example import Place
from tests.integration.small_chain import TENANTS, write_home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BEHAVIOUR = {f"BEHAVES_{slug.upper()}": "well" for slug in TENANTS} | {
    f"UPDATED_{slug.upper()}": "2026-11-20T10:00:00Z" for slug in TENANTS
}


class Live:
    """A running ``telemetry up`` and what it has said so far."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.process: subprocess.Popen[str] = place.start("up")
        self.said = ""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def entry(self, name: str) -> dict[str, Any]:
        """Where a part of it is."""
        return running.read(self.place.home).get(name, {})

    def family(self) -> list[psutil.Process]:
        """Everything it started, itself too."""
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def run_workers(self) -> list[psutil.Process]:
        """The processes that execute a run now."""
        return [one for one in self.family() if "spawn_main" in " ".join(_command_line(one))]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers; nothing while it is down."""
        try:
            with psycopg.connect(EmbeddedPostgres(self.place.home).url) as conn:
                return conn.execute(query.encode()).fetchall()
        except psycopg.Error:
            return []

    def succeeded_syncs(self) -> int:
        """How many syncs have succeeded."""
        found = self.rows("select count(*) from telemetry.syncs where status = 'succeeded'")
        return found[0][0] if found else 0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    path = write_home(folder)
    document = json.loads(path.read_text())
    document["sources"]["counter"]["every"] = "1m"
    for connection in document["sources"]["counter"]["connections"]:
        connection["config"] |= {"pause": 0.2, "count": 20}
    del document["snapshots"]
    document["promises"] = document["promises"][:1]
    path.write_text(json.dumps(document))
    with socket.socket() as busy:
        with contextlib.suppress(OSError):  # where somebody has it already, it is busy all the same
            busy.bind(("127.0.0.1", 3000))
            busy.listen()
        live = Live(Place(folder, BEHAVIOUR))
        try:
            eventually(lambda: "Dagster UI:" in live.said or live.process.poll() is not None, 120)
            assert live.process.poll() is None, live.said
            yield live
        finally:
            if live.process.poll() is None:
                live.process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    live.process.wait(60)
            EmbeddedPostgres(live.place.home).remove()


def test_a_busy_port_is_said_and_the_ui_answers_on_another(live: Live):
    assert re.search(r"port 3000 is taken: the Dagster UI listens on \d+", live.said)
    url = live.entry("webserver")["url"]
    assert not url.endswith(":3000")
    assert requests.get(f"{url}/server_info", timeout=10).ok


def test_a_killed_airbyte_and_a_killed_postgresql_come_back(live: Live):
    first = live.entry("airbyte")["pid"]
    os.kill(first, signal.SIGKILL)
    eventually(lambda: live.entry("airbyte").get("pid") not in (None, first), 60)
    assert "airbyte died; starting it again" in live.said
    os.kill(live.entry("postgres")["pid"], signal.SIGKILL)
    eventually(lambda: "PostgreSQL had died and was started again" in live.said, 60)
    eventually(lambda: live.rows("select 1"), 30)


def test_a_killed_run_worker_holds_up_no_later_sync_and_no_row_is_lost_or_twice(live: Live):
    (worker,) = eventually(live.run_workers, 150)
    eventually(lambda: live.rows("select 1 from airbyte_local.jobs where status = 'running'"), 60)
    before = live.succeeded_syncs()
    worker.kill()
    eventually(lambda: live.succeeded_syncs() >= before + len(TENANTS), 240)
    for count, distinct, newest in live.rows(
        "select count(*), count(distinct id), max(id) from raw_counter.numbers group by tenant_id"
    ):
        assert count == distinct == newest + 1


def test_ctrl_c_ends_everything_it_started(live: Live):
    family = live.family()
    assert len(family) >= 5
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(60) == 0, live.said
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert "Traceback" not in live.said
    assert not EmbeddedPostgres(live.place.home).is_up()


def eventually(condition: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of ``condition``; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


def _command_line(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []
