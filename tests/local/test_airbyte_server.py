"""The local Airbyte over real sockets: what Airbyte's own clients, and ours, may rely on, quirks included."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import requests
from airbyte_api import AirbyteAPI, models
from airbyte_api import api as requests_of
from airbyte_api.errors import SDKError

from telemetry_assets import running
from telemetry_assets.errors import FailingError
from telemetry_assets.local import airbyte_api
from telemetry_assets.local.airbyte_jobs import Job
from telemetry_assets.local.airbyte_server import LocalAirbyte
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.settings import child_environment
from tests.local.airbyte_doubles import (
    CONNECTIONS,
    COUNTING,
    add_tenants,
    client_of,
    eventually,
    rows,
    serving,
    settings_of,
    state_of,
)

ACME, GLOBEX = CONNECTIONS["acme"], CONNECTIONS["globex"]


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[LocalAirbyte]:
    with serving(settings_of(tmp_path, tenants=("acme", "globex")), database) as running_server:
        yield running_server


def token(server: LocalAirbyte) -> str:
    answer = requests.post(f"{server.url}/public/v1/applications/token", json=dict(server.credentials), timeout=10)
    return answer.json()["access_token"]


def call(server: LocalAirbyte, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token(server)}"}
    return requests.request(method, f"{server.url}{path}", headers=headers, timeout=30, **options)


def sdk(server: LocalAirbyte) -> AirbyteAPI:
    credentials = models.SchemeClientCredentials(
        **server.credentials, token_url=f"{server.url}/public/v1/applications/token"
    )
    return AirbyteAPI(server_url=f"{server.url}/public/v1", security=models.Security(client_credentials=credentials))


@pytest.mark.slow
def test_airbytes_own_python_sdk_drives_a_sync_from_end_to_end(server: LocalAirbyte):
    """airbyte-api is generated from Airbyte's specification: what it parses is what a server answers."""
    client = sdk(server)
    workspace_id = str(airbyte_api.WORKSPACE_ID)
    workspace = client.workspaces.get_workspace(request=requests_of.GetWorkspaceRequest(workspace_id=workspace_id))
    assert workspace.workspace_response is not None
    listed = client.connections.list_connections(
        request=requests_of.ListConnectionsRequest(workspace_ids=[workspace_id])
    )
    assert listed.connections_response is not None
    found = {connection.connection_id: connection for connection in listed.connections_response.data}
    assert set(found) == {str(ACME), str(GLOBEX)}
    destination = client.destinations.get_destination(
        request=requests_of.GetDestinationRequest(destination_id=found[str(ACME)].destination_id)
    ).destination_response
    assert destination is not None
    assert destination.destination_type == "postgres"
    created = client.jobs.create_job(
        request=models.JobCreateRequest(connection_id=str(ACME), job_type=models.JobTypeEnum.SYNC)
    ).job_response
    assert created is not None
    assert created.status in (models.JobStatusEnum.PENDING, models.JobStatusEnum.RUNNING)

    def ended() -> Any:
        job = client.jobs.get_job(request=requests_of.GetJobRequest(job_id=created.job_id)).job_response
        return job if job and job.status is models.JobStatusEnum.SUCCEEDED else None

    job = eventually(ended)
    assert (job.rows_synced, job.connection_id) == (5, str(ACME))
    assert job.last_updated_at
    jobs = client.jobs.list_jobs(
        request=requests_of.ListJobsRequest(connection_id=str(ACME), status=models.JobStatusEnum.SUCCEEDED)
    ).jobs_response
    assert jobs is not None
    assert [one.job_id for one in jobs.data] == [created.job_id]
    with pytest.raises(SDKError, match="409"):
        client.jobs.cancel_job(request=requests_of.CancelJobRequest(job_id=created.job_id))
    assert client.health.get_health_check().status_code == 200


def test_the_unmodified_client_of_dagster_airbyte_loads_and_syncs(server: LocalAirbyte):
    from dagster_airbyte import AirbyteWorkspace

    workspace = AirbyteWorkspace(
        rest_api_base_url=f"{server.url}/public/v1",
        configuration_api_base_url=f"{server.url}/v1",
        workspace_id=str(airbyte_api.WORKSPACE_ID),
        poll_interval=0.1,
        **server.credentials,
    )
    data = workspace.fetch_airbyte_workspace_data()
    assert set(data.connections_by_id) == {str(ACME), str(GLOBEX)}
    (destination,) = data.destinations_by_id.values()
    assert (destination.type, destination.schema) == ("postgres", "raw_counter")
    streams = data.connections_by_id[str(ACME)].streams
    assert {name: stream.selected for name, stream in streams.items()} == {"numbers": True, "notes": False}
    output = workspace.get_client().sync_and_poll(connection_id=str(ACME))
    assert output.job_details["status"] == "succeeded"


def test_our_own_client_syncs_and_learns_rows_and_times(server: LocalAirbyte, database: str):
    before = datetime.now(UTC).replace(microsecond=0)
    job = client_of(server).sync(ACME)
    assert job.succeeded
    assert job.rows_synced == 5
    assert job.ended_at is not None
    assert before <= job.started_at <= job.ended_at <= datetime.now(UTC)
    assert rows(database, "select count(*), count(distinct tenant_id) from raw_counter.numbers") == [(5, 1)]
    assert state_of(database) == {"next": 5}


def test_the_next_sync_continues_from_the_last_committed_state(server: LocalAirbyte, database: str):
    client = client_of(server)
    for _ in range(3):
        assert client.sync(ACME).succeeded
    assert rows(database, "select min(id), max(id), count(*) from raw_counter.numbers") == [(0, 14, 15)]


def test_a_wrong_secret_is_refused(server: LocalAirbyte):
    body = {"client_id": server.credentials["client_id"], "client_secret": "wrong"}
    assert requests.post(f"{server.url}/public/v1/applications/token", json=body, timeout=10).status_code == 401


def test_a_token_is_given_for_json_and_for_a_form_with_and_without_grant_type(server: LocalAirbyte):
    url = f"{server.url}/public/v1/applications/token"
    for body in (dict(server.credentials), {**server.credentials, "grant_type": "client_credentials"}):
        assert requests.post(url, json=body, timeout=10).json()["expires_in"] == 900
        assert requests.post(url, data=body, timeout=10).json()["access_token"]


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc", ""])
@pytest.mark.slow
def test_without_a_good_token_every_endpoint_answers_401(server: LocalAirbyte, authorization: str | None):
    headers = {"Authorization": authorization} if authorization is not None else {}
    for method, path in (("GET", "/public/v1/jobs"), ("POST", "/v1/connections/get"), ("DELETE", "/public/v1/jobs/1")):
        answer = requests.request(method, f"{server.url}{path}", headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["title"]) == (401, "invalid-api-key")


def test_a_token_expires_and_our_client_asks_for_another(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path), database, token_seconds=0.2) as server:
        headers = {"Authorization": f"Bearer {token(server)}"}
        url = f"{server.url}/public/v1/jobs"
        assert requests.get(url, headers=headers, timeout=10).status_code == 200
        time.sleep(0.3)
        assert requests.get(url, headers=headers, timeout=10).status_code == 401
        client = client_of(server)
        client.workspace()
        time.sleep(0.3)
        client.workspace()


def test_health_asks_for_no_token(server: LocalAirbyte):
    assert requests.get(f"{server.url}/public/v1/health", timeout=10).text == "Successful operation"


def test_a_second_sync_of_a_connection_is_refused_with_409_and_one_of_another_is_not(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path, tenants=("acme", "globex"), pause=0.5), database) as server:
        body = {"connectionId": str(ACME), "jobType": "sync"}
        first = call(server, "POST", "/public/v1/jobs", json=body)
        second = call(server, "POST", "/public/v1/jobs", json=body)
        other = call(server, "POST", "/public/v1/jobs", json={**body, "connectionId": str(GLOBEX)})
        assert (first.status_code, second.status_code, other.status_code) == (200, 409, 200)
        assert second.headers["Content-Type"] == "application/problem+json"
        assert second.json()["title"] == "try-again-later"
        assert second.json()["data"]["message"] == f"A sync is already running for: {ACME}"


def test_cancelling_ends_the_connector_and_says_cancelled(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path, behave="hang", after=2), database) as server:
        body = {"connectionId": str(ACME), "jobType": "sync"}
        job_id = call(server, "POST", "/public/v1/jobs", json=body).json()["jobId"]
        eventually(lambda: rows(database, "select 1 from airbyte_local.jobs where process_group is not null"))
        answer = call(server, "DELETE", f"/public/v1/jobs/{job_id}")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        again = call(server, "DELETE", f"/public/v1/jobs/{job_id}")
        assert (again.status_code, again.json()["data"]["message"]) == (409, "Job is not currently running")
        ((group,),) = rows(database, "select process_group from airbyte_local.jobs")
        with pytest.raises(ProcessLookupError):
            os.killpg(group, 0)


def test_a_job_that_waits_for_a_worker_is_pending_and_can_be_cancelled(database: str, tmp_path: Path):
    settings = settings_of(tmp_path, tenants=("acme", "globex"), behave="hang")
    with serving(settings, database, workers=1) as server:
        jobs = [
            call(server, "POST", "/public/v1/jobs", json={"connectionId": str(held), "jobType": "sync"}).json()
            for held in (ACME, GLOBEX)
        ]
        waiting = call(server, "GET", f"/public/v1/jobs/{jobs[1]['jobId']}").json()
        assert waiting["status"] == "pending"
        assert not {"lastUpdatedAt", "duration", "rowsSynced", "bytesSynced"} & waiting.keys()
        threading.Timer(0.3, lambda: call(server, "DELETE", f"/public/v1/jobs/{jobs[0]['jobId']}")).start()
        cancelled = call(server, "DELETE", f"/public/v1/jobs/{jobs[1]['jobId']}").json()
        assert cancelled["status"] == "cancelled"


def test_an_unknown_job_is_a_conflict_and_an_unknown_connection_is_not_found(server: LocalAirbyte):
    assert call(server, "GET", "/public/v1/jobs/99").status_code == 409
    for body in ({}, {"connectionId": "no-uuid"}, {"connectionId": str(UUID(int=1))}):
        assert call(server, "POST", "/public/v1/jobs", json=body).status_code == 404
        assert call(server, "POST", "/v1/connections/get", json=body).status_code == 404
    assert call(server, "GET", f"/public/v1/workspaces/{UUID(int=1)}").status_code == 403
    assert call(server, "GET", f"/public/v1/destinations/{UUID(int=1)}").status_code == 404
    refresh = {"connectionId": str(ACME), "jobType": "refresh"}
    assert call(server, "POST", "/public/v1/jobs", json=refresh).status_code == 422
    assert call(server, "POST", "/v1/jobs/get_without_logs", json={"id": "x"}).status_code == 422


def test_jobs_are_listed_oldest_first_unless_asked_and_next_is_never_trustworthy(server: LocalAirbyte):
    client = client_of(server)
    ids = [client.sync(connection).job_id for connection in (ACME, GLOBEX, ACME)]

    def listed(**query: Any) -> list[int]:
        answer = call(server, "GET", "/public/v1/jobs", params=query)
        assert answer.status_code == 200, answer.text
        return [job["jobId"] for job in answer.json()["data"]]

    assert listed() == ids
    assert listed(orderBy="createdAt|DESC", limit=2) == ids[::-1][:2]
    assert listed(orderBy="updatedAt|ASC", limit=2, offset=2) == ids[2:]
    assert listed(connectionId=str(ACME)) == [ids[0], ids[2]]
    assert listed(connectionId=str(ACME), workspaceIds=str(UUID(int=1))) == [ids[0], ids[2]]
    assert listed(workspaceIds=str(UUID(int=1))) == []
    assert listed(status="failed") == []
    assert listed(jobType="reset") == []
    assert listed(createdAtStart="2020-01-01T00:00:00Z", updatedAtStart="2020-01-01T00:00Z") == ids
    assert listed(createdAtEnd="2020-01-01T00:00:00Z") == []
    page = call(server, "GET", "/public/v1/jobs", params={"limit": 3, "status": "succeeded"}).json()
    assert "offset=3" in page["next"]
    assert "status" not in page["next"]
    assert call(server, "GET", "/public/v1/jobs", params={"offset": 3}).json()["next"] == ""
    for wrong in (
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"offset": -1},
        {"orderBy": "rows"},
        {"createdAtEnd": "x"},
    ):
        assert call(server, "GET", "/public/v1/jobs", params=wrong).status_code == 400


def test_a_failed_job_gives_its_reason_to_those_who_ask_the_internal_api(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path, behave="trace", after=2), database) as server:
        job = client_of(server).sync(ACME)
    assert (job.status, job.rows_synced) == ("failed", 0)
    assert job.error == "401 for "


def test_a_source_that_is_down_does_not_hide_its_connection(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path, executable=("./gone",)), database) as server:
        answer = call(server, "POST", "/v1/connections/get", json={"connectionId": str(ACME)})
        (stream,) = answer.json()["syncCatalog"]["streams"]
        assert (stream["stream"]["name"], stream["config"]["selected"]) == ("numbers", True)
        assert client_of(server).sync(ACME).error is not None


def test_a_stream_the_connector_does_not_have_is_named_with_those_it_has(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path, streams=("numberz",)), database) as server:
        assert "counter has no stream numberz (it has notes, numbers)" in (client_of(server).sync(ACME).error or "")


def test_a_tenant_the_ledger_does_not_know_fails_the_job_with_the_way_out(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path), database) as server:
        with psycopg.connect(database) as conn:
            conn.execute("delete from telemetry.tenants")
        assert "Tenant acme is not in telemetry.tenants" in (client_of(server).sync(ACME).error or "")


def test_data_without_tenants_is_loaded_with_a_null_tenant(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path, tenants=(ANY_TENANT,)), database) as server:
        assert client_of(server).sync(CONNECTIONS[ANY_TENANT]).succeeded
    assert rows(database, "select distinct tenant_id from raw_counter.numbers") == [(None,)]


def test_discovery_is_asked_once_per_connector_and_again_when_the_connector_changes(database: str, tmp_path: Path):
    commands, connector = tmp_path / "commands", tmp_path / "source.py"
    connector.write_bytes(COUNTING.read_bytes())
    settings = settings_of(
        tmp_path, tenants=("acme", "globex"), executable=(sys.executable, "source.py"), commands=str(commands)
    )
    with serving(settings, database) as server:
        for connection in (ACME, GLOBEX, ACME):
            assert client_of(server).sync(connection).succeeded
        assert commands.read_text().split().count("discover") == 1
        os.utime(connector, (1, 1))
        assert client_of(server).sync(ACME).succeeded
        assert commands.read_text().split().count("discover") == 2


def test_a_busy_port_is_left_and_a_free_one_taken(database: str, tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        add_tenants(database)
        server = LocalAirbyte(settings_of(tmp_path), database)
        try:
            assert f":{port}/" not in server.start(port)
            assert client_of(server).workspace()["name"] == "telemetry"
        finally:
            server.stop()


def test_it_records_itself_privately_and_keeps_its_credentials(database: str, tmp_path: Path):
    settings = settings_of(tmp_path)
    entries: list[dict[str, Any]] = []
    for _ in range(2):
        with serving(settings, database) as server:
            entries.append(running.read(tmp_path)["airbyte"])
            assert entries[-1]["url"] == server.url
            assert server.url.endswith("/api")
            assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600
        assert "airbyte" not in running.read(tmp_path)
    assert entries[0]["client_secret"] == entries[1]["client_secret"]
    assert {"url", "pid", "client_id", "client_secret", "workspace_id"} == set(entries[0])


CONFIG = """
tenants: [{{slug: acme, id: 00000000-0000-0000-0000-00000000000a, name: Acme}}]
sources:
  counter:
    executable: [{python}, {counting}]
    every: 15m
    streams: {{numbers: {{}}}}
    connections: [{{tenant: acme, config: {{count: 3, behave: {behave}, after: 1}}}}]
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_the_process_says_nothing_and_ends_cleanly_with_its_jobs_cancelled(
    database: str, tmp_path: Path, number: signal.Signals
):
    add_tenants(database)
    config = tmp_path / "telemetry.yaml"
    config.write_text(CONFIG.format(python=sys.executable, counting=COUNTING, behave="hang"))
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_assets.local.airbyte_server", "--config", str(config), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=child_environment({"TELEMETRY_HOME": str(tmp_path), "DATABASE_URL": database}),
        start_new_session=True,
    )
    try:
        entry = eventually(lambda: running.read(tmp_path).get("airbyte"))
        assert entry["pid"] == process.pid
        url = f"{entry['url']}/public/v1"
        body = {name: entry[name] for name in ("client_id", "client_secret")}
        bearer = requests.post(f"{url}/applications/token", json=body, timeout=10).json()["access_token"]
        headers = {"Authorization": f"Bearer {bearer}"}
        (connection,) = requests.get(f"{url}/connections", headers=headers, timeout=10).json()["data"]
        wanted = {"connectionId": connection["connectionId"], "jobType": "sync"}
        assert requests.post(f"{url}/jobs", headers=headers, json=wanted, timeout=10).status_code == 200
        eventually(lambda: rows(database, "select 1 from airbyte_local.jobs where process_group is not null"))
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output.decode()
    assert "Traceback" not in output.decode()
    assert rows(database, "select status from airbyte_local.jobs") == [("cancelled",)]
    ((group,),) = rows(database, "select process_group from airbyte_local.jobs")
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    assert "airbyte" not in running.read(tmp_path)


def test_without_a_database_it_says_so_and_exits_with_4(tmp_path: Path):
    config = tmp_path / "telemetry.yaml"
    config.write_text(CONFIG.format(python=sys.executable, counting=COUNTING, behave="well"))
    done = subprocess.run(
        [sys.executable, "-m", "telemetry_assets.local.airbyte_server", "--config", str(config)],
        env=child_environment({"TELEMETRY_HOME": str(tmp_path), "DATABASE_URL": "postgresql://u:hush@127.0.0.1:1/x"}),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert b"127.0.0.1:1/x" in done.stderr
    assert b"hush" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_home_that_cannot_be_written_ends_with_a_message_and_4(database: str, tmp_path: Path):
    config, occupied = tmp_path / "telemetry.yaml", tmp_path / "occupied"
    config.write_text(CONFIG.format(python=sys.executable, counting=COUNTING, behave="well"))
    occupied.write_text("a file where the home's folder should be")
    done = subprocess.run(
        [sys.executable, "-m", "telemetry_assets.local.airbyte_server", "--config", str(config)],
        env=child_environment({"TELEMETRY_HOME": str(occupied / "home"), "DATABASE_URL": database}),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert b"cannot use its home" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_home_that_cannot_take_the_connectors_files_fails_the_job_and_not_the_server(database: str, tmp_path: Path):
    with serving(settings_of(tmp_path), database) as server:
        client, scratch = client_of(server), tmp_path / "airbyte"
        (scratch / "credentials.json").unlink()
        scratch.rmdir()
        scratch.write_text("a file where the folder should be")
        job = client.sync(ACME)
        assert (job.status, "cannot use its home" in (job.error or "")) == ("failed", True)
        scratch.unlink()
        assert client.sync(ACME).succeeded


MANIFEST = """
version: 6.0.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [things]}
streams:
  - type: DeclarativeStream
    name: things
    primary_key: [id]
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: "{{ config['base_url'] }}"
        path: /things
        http_method: GET
        authenticator: {type: BearerAuthenticator, api_token: "{{ config['token'] }}"}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
    schema_loader:
      type: InlineSchemaLoader
      schema: {type: object, properties: {id: {type: integer}, name: {type: string}}}
spec:
  type: Spec
  connection_specification: {type: object, required: [base_url, token]}
"""


@pytest.fixture
def things_api() -> Iterator[str]:
    class Things(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == "Bearer open"
            self.send_response(200 if allowed else 401)
            self.end_headers()
            self.wfile.write(b'{"data": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}' if allowed else b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            return

    api = ThreadingHTTPServer(("127.0.0.1", 0), Things)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{api.server_address[1]}"
    api.shutdown()
    api.server_close()


@pytest.mark.slow
def test_a_declarative_manifest_is_run_by_airbytes_cdk(database: str, tmp_path: Path, things_api: str):
    manifest = tmp_path / "things.yaml"
    manifest.write_text(MANIFEST)
    good = settings_of(
        tmp_path, manifest=manifest, source="things", streams=("things",), base_url=things_api, token="open"
    )
    with serving(good, database) as server:
        job = client_of(server).sync(ACME)
        assert (job.status, job.rows_synced, job.error) == ("succeeded", 2, None)
    assert rows(database, "select id, name from raw_things.things order by id") == [(1, "a"), (2, "b")]
    bad = settings_of(
        tmp_path, manifest=manifest, source="things", streams=("things",), base_url=things_api, token="shut"
    )
    with serving(bad, database) as server:
        job = client_of(server).sync(ACME)
    assert job.status == "failed"
    assert "401" in (job.error or "")


@pytest.mark.slow
def test_declarative_commands_have_their_own_groups_and_survive_a_killed_host(
    database: str, tmp_path: Path, things_api: str
):
    manifest = tmp_path / "things.yaml"
    manifest.write_text(MANIFEST)
    settings = settings_of(
        tmp_path, manifest=manifest, source="things", streams=("things",), base_url=things_api, token="open"
    )
    with serving(settings, database) as server:
        assert client_of(server).sync(ACME).succeeded
        host = server._connectors._host  # the process to kill is nobody else's to know
        assert host._process is not None
        host._process.kill()
        host._process.wait()
        assert client_of(server).sync(ACME).succeeded
    ((group,),) = rows(database, "select process_group from airbyte_local.jobs order by job_id desc limit 1")
    assert group not in (os.getpgid(0), host)


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00Z"),
        (datetime(2026, 1, 1, 0, 0, 9, 999_999, tzinfo=UTC), "2026-01-01T00:00:09Z"),
    ],
)
def test_an_instant_looks_as_java_prints_it(at: datetime, shown: str):
    assert airbyte_api.moment(at) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "PT0S"), (63, "PT1M3S"), (3600, "PT1H"), (7325, "PT2H2M5S")])
def test_a_span_looks_as_java_prints_it(seconds: float, shown: str):
    assert airbyte_api.duration(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize("status", ["pending", "running", "succeeded", "failed", "cancelled"])
def test_a_job_says_when_it_was_updated_only_once_it_has_ended(status: str):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    answer = airbyte_api.job(Job(1, ACME, status, at, at, None, None, None, None))
    assert ("lastUpdatedAt" in answer) is (status in ("succeeded", "failed", "cancelled"))
    assert ("duration" in answer) is (status != "pending")
    assert None not in answer.values()


def test_our_client_tells_a_refused_start_from_a_lost_one(server: LocalAirbyte):
    with pytest.raises(FailingError, match="404"):
        client_of(server).sync(UUID(int=5))
