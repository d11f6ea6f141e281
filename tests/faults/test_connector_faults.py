"""A sync under kill -9 of its connector, its server or its database: a failed job, the last state, every row once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from telemetry_assets import running
from telemetry_assets.ledger.schema import migrate
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.settings import SecretRef, child_environment, load
from telemetry_assets.sources.airbyte import AirbyteClient
from telemetry_assets.sources.airbyte_http import Credentials, Server
from tests.local.airbyte_doubles import (
    CONNECTIONS,
    COUNTING,
    TENANTS,
    add_tenants,
    client_of,
    eventually,
    rows,
    serving,
    settings_of,
    state_of,
)

pytestmark = pytest.mark.slow

ACME = CONNECTIONS["acme"]


def healed(home: Path, database: str, **config: Any) -> None:
    """One more sync, of a connector that behaves: it succeeds, and every row is there once."""
    with serving(settings_of(home, **config), database) as server:
        job = client_of(server).sync(ACME)
    assert (job.status, job.error) == ("succeeded", None)
    held = rows(database, "select count(*), count(distinct id), max(id) from raw_counter.numbers")
    following = state_of(database)["next"]
    assert held == [(following, following, following - 1)]


@pytest.mark.parametrize("behave", ["die", "exit", "trace", "hang"])
def test_a_read_that_ends_badly_keeps_what_its_last_state_covers(database: str, tmp_path: Path, behave: str):
    settings = settings_of(tmp_path, behave=behave, after=25, every=10, count=40)
    with serving(settings, database, silence_seconds=1.0) as server:
        job = client_of(server).sync(ACME)
    assert (job.status, job.rows_synced) == ("failed", 20)
    assert job.error
    assert rows(database, "select count(*), max(id) from raw_counter.numbers") == [(20, 19)]
    assert state_of(database) == {"next": 20}
    healed(tmp_path, database, count=40)


def test_a_stream_without_a_key_gets_no_row_twice_either(database: str, tmp_path: Path):
    wanted = {"streams": ("notes",), "count": 30, "every": 10}
    with serving(settings_of(tmp_path, behave="die", after=25, **wanted), database) as server:
        assert client_of(server).sync(ACME).status == "failed"
    with serving(settings_of(tmp_path, **wanted), database) as server:
        assert client_of(server).sync(ACME).succeeded
    assert rows(database, "select count(*), count(distinct id) from raw_counter.notes") == [(50, 50)]


@pytest.mark.slow
def test_a_connector_killed_from_outside_mid_read_fails_its_job(database: str, tmp_path: Path):
    settings = settings_of(tmp_path, count=150, every=5, pause=0.02)
    with serving(settings, database) as server:
        client = client_of(server)
        job_id = _start(client)
        eventually(lambda: state_of(database))
        ((group,),) = rows(database, "select process_group from airbyte_local.jobs")
        os.kill(group, signal.SIGKILL)
        eventually(lambda: not client.job(job_id).active)
        job = client.sync(ACME)
        assert job.succeeded
        failed, error = rows(database, "select status, error from airbyte_local.jobs order by job_id")[0]
    assert (failed, error) == ("failed", "The connector was killed by signal 9.")
    healed(tmp_path, database)


def test_garbage_only_fails_and_garbage_between_messages_does_not(database: str, tmp_path: Path):
    for behave, status in (("garbage", "failed"), ("silent", "failed"), ("babble", "succeeded")):
        with serving(settings_of(tmp_path, behave=behave), database) as server:
            assert client_of(server).sync(ACME).status == status
    assert rows(database, "select count(*) from raw_counter.numbers") == [(5,)]


def test_a_type_change_fails_the_job_and_loses_no_row(database: str, tmp_path: Path):
    settings = settings_of(tmp_path, behave="change_type", after=25, every=10, count=40)
    with serving(settings, database) as server:
        job = client_of(server).sync(ACME)
    assert job.status == "failed"
    assert "column amount is numeric and the source now sends 'twelve'" in (job.error or "")
    assert state_of(database) is None or state_of(database)["next"] <= 20
    healed(tmp_path, database, count=40)


def test_a_column_that_appears_is_added(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path, behave="add_column", after=3), database) as server:
        assert client_of(server).sync(ACME).succeeded
    query = "select id, colour from raw_counter.numbers order by id"
    assert rows(database, query) == [(0, None), (1, None), (2, None), (3, "red"), (4, "red")]


def test_the_error_of_a_job_holds_no_secret(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COUNTER_TOKEN", "tok3n-of-acme")
    for behave in ("exit", "trace"):
        settings = settings_of(tmp_path, behave=behave, token=SecretRef("COUNTER_TOKEN", "here"))
        with serving(settings, database) as server:
            error = client_of(server).sync(ACME).error or ""
        assert "tok3n-of-acme" not in error
        assert "******" in error


@pytest.mark.slow
def test_a_job_of_a_server_killed_with_9_is_failed_by_the_next_and_its_connector_ended(database: str, tmp_path: Path):
    add_tenants(database)
    with _process(database, tmp_path, "{count: 4000, every: 5, pause: 0.02}") as (process, client, connection_id):
        _start(client, connection_id)
        committed = "select 1 from airbyte_local.states"
        eventually(lambda: rows(database, committed))
        ((group,),) = rows(database, "select process_group from airbyte_local.jobs")
        os.kill(group, signal.SIGSTOP)  # so that the broken pipe cannot end it before the next server does
        process.kill()
        process.wait()
    assert psutil.pid_exists(group)
    with _process(database, tmp_path, "{count: 10, every: 5}") as (_, client, connection_id):
        ((status, error),) = rows(database, "select status, error from airbyte_local.jobs")
        assert (status, error) == ("failed", "The local Airbyte died while this job was active.")
        eventually(lambda: not _lives(group))
        assert client.sync(connection_id).succeeded
    held = rows(database, "select count(*), count(distinct id), max(id) + 1 from raw_counter.numbers")
    following = rows(database, "select (state->'stream'->'stream_state'->>'next')::int from airbyte_local.states")
    assert held == [following[0] * 3]


def test_a_live_server_keeps_its_jobs_when_another_starts_on_the_same_database(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path / "one", pause=0.3), database) as first:
        client = client_of(first)
        job_id = _start(client)
        with serving(settings_of(tmp_path / "two"), database):
            assert client.job(job_id).active
        eventually(lambda: client.job(job_id).succeeded)


@pytest.mark.slow
def test_postgresql_killed_mid_read_fails_the_job_and_the_next_sync_heals_it(tmp_path: Path):
    server = EmbeddedPostgres(tmp_path)
    server.start()
    try:
        migrate(server.url)
        settings = settings_of(tmp_path, count=300, every=5, pause=0.01)
        with serving(settings, server.url) as airbyte:
            client = client_of(airbyte, attempts=20)
            job_id = _start(client)
            eventually(lambda: state_of(server.url))
            os.kill(_postmaster(server.url), signal.SIGKILL)
            time.sleep(0.5)
            server.start()
            job = eventually(lambda: _ended(client, job_id), seconds=60)
            assert (job.status, "database" in (job.error or "") or job.error is None) == ("failed", True)
            assert client.sync(ACME).succeeded
        healed(tmp_path, server.url, count=5)
    finally:
        server.remove()


CONFIG = """
tenants: [{{slug: acme, id: {tenant}, name: Acme}}]
sources:
  counter:
    executable: [{python}, {counting}]
    every: 15m
    streams: {{numbers: {{}}}}
    connections: [{{tenant: acme, config: {config}}}]
"""


@contextmanager
def _process(database: str, home: Path, config: str) -> Iterator[tuple[subprocess.Popen[bytes], AirbyteClient, Any]]:
    """A local Airbyte as a process of its own, a client of it, and its one connection."""
    path = home / "telemetry.yaml"
    path.write_text(CONFIG.format(tenant=TENANTS["acme"], python=sys.executable, counting=COUNTING, config=config))
    running.record(home, "airbyte", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_assets.local.airbyte_server", "--config", str(path)],
        env=child_environment({"TELEMETRY_HOME": str(home), "DATABASE_URL": database}),
        start_new_session=True,
    )
    try:
        eventually(lambda: running.read(home).get("airbyte"))
        settings = load(path)
        entry = running.read(home)["airbyte"]
        assert entry["pid"] == process.pid
        (connection,) = settings.connections()
        client = client_of_entry(entry)
        yield process, client, connection.connection_id
    finally:
        process.terminate()
        process.wait(30)


def client_of_entry(entry: dict[str, Any]) -> AirbyteClient:
    """Our client of the server that run.json names."""
    credentials = Credentials(entry["client_id"], entry["client_secret"])
    return AirbyteClient(Server(entry["url"], entry["workspace_id"], credentials), poll_seconds=0.05)


def _start(client: AirbyteClient, connection_id: Any = ACME) -> int:
    body = {"connectionId": str(connection_id), "jobType": "sync"}
    return int(client.http.request("POST", f"{client.server.rest_url}/jobs", body=body)["jobId"])


def _ended(client: AirbyteClient, job_id: int) -> Any:
    job = client.job(job_id)
    return None if job.active else job


def _postmaster(url: str) -> int:
    with psycopg.connect(url) as conn:
        found = conn.execute("select pg_backend_pid()").fetchone()
        assert found is not None
        return psutil.Process(found[0]).ppid()


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
