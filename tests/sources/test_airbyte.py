"""Our Airbyte client against a server that misbehaves the way real ones do (real sockets)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest

from telemetry_assets.errors import CouldNotLookError, FailingError
from telemetry_assets.sources.airbyte import AirbyteClient, Credentials

CONNECTION = UUID("aaaaaaaa-0000-4000-8000-000000000001")
STARTED = "2026-03-01T10:00Z"


class Airbyte:
    """A scripted server: ``statuses`` are what successive polls see, ``faults`` answer before the routes do."""

    def __init__(self) -> None:
        self.statuses: list[str] = ["running", "succeeded"]
        self.faults: list[tuple[str, str, int, dict[str, str]]] = []
        self.jobs: dict[int, dict[str, Any]] = {}
        self.log: list[tuple[str, str]] = []
        self.lose_post_answer = False
        self.token = "good"
        self.reason: str | None = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                del format, args

            def _serve(self, method: str) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                path = self.path.split("?")[0]
                server.log.append((method, path))
                status, answer, headers = server.answer(method, path, body, self.headers.get("Authorization"))
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self._serve("GET")

            def do_POST(self) -> None:
                self._serve("POST")

            def do_DELETE(self) -> None:
                self._serve("DELETE")

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/api"
        threading.Thread(target=lambda: self.http.serve_forever(0.01), daemon=True).start()

    def answer(self, method: str, path: str, body: Any, authorization: str | None) -> tuple[int, Any, dict[str, str]]:
        for fault in self.faults:
            if fault[0] == method and fault[1] in path:
                self.faults.remove(fault)
                return fault[2], {"message": "not now"}, fault[3]
        if path.endswith("/applications/token"):
            ok = body.get("client_secret") == "secret"
            return (200, {"access_token": self.token}, {}) if ok else (401, {"detail": "bad client"}, {})
        if authorization != f"Bearer {self.token}":
            return 401, {"detail": "expired"}, {}
        if path.endswith("/get_without_logs"):
            if self.reason is None:
                return 404, {"message": "no such route"}, {}
            failure = {"failureSummary": {"failures": [{"externalMessage": self.reason}]}}
            return 200, {"attempts": [{"attempt": failure}]}, {}
        if method == "POST":
            number = len(self.jobs) + 1
            self.jobs[number] = self.job(number, "pending")
            return (504, {}, {}) if self.lose_post_answer else (200, self.jobs[number], {})
        number = path.rsplit("/", 1)[-1]
        if number.isdigit():
            if method == "DELETE":
                self.jobs[int(number)]["status"] = "cancelled"
            elif self.statuses:
                self.jobs[int(number)]["status"] = self.statuses.pop(0)
            return 200, self.jobs[int(number)], {}
        return 200, {"data": sorted(self.jobs.values(), key=lambda job: -job["jobId"])}, {}

    def job(self, number: int, status: str) -> dict[str, Any]:
        return {
            "jobId": number,
            "status": status,
            "jobType": "sync",
            "startTime": STARTED,
            "lastUpdatedAt": "2026-03-01T10:05:07Z",
            "connectionId": str(CONNECTION),
            "rowsSynced": 12,
        }

    def calls(self, method: str, part: str) -> int:
        return sum(1 for seen, path in self.log if seen == method and part in path)


@pytest.fixture
def airbyte() -> Iterator[Airbyte]:
    server = Airbyte()
    yield server
    server.http.shutdown()
    server.http.server_close()


def client(server: Airbyte, **more: Any) -> AirbyteClient:
    return AirbyteClient(
        server.url, "w", Credentials("id", more.pop("secret", "secret")), poll_seconds=0, sleep=lambda _: None, **more
    )


@pytest.mark.promise("B12")
def test_a_finished_job_tells_id_start_end_and_rows(airbyte: Airbyte) -> None:
    job = client(airbyte).sync(CONNECTION)
    assert (job.job_id, job.succeeded, job.rows_synced) == (1, True, 12)
    assert job.started_at.isoformat() == "2026-03-01T10:00:00+00:00"
    assert job.ended_at is not None
    assert job.ended_at.isoformat() == "2026-03-01T10:05:07+00:00"


def test_a_queued_or_unfinished_attempt_is_waited_for_and_never_cancelled(airbyte: Airbyte) -> None:
    airbyte.statuses = ["queued", "running", "incomplete", "running", "succeeded"]
    assert client(airbyte).sync(CONNECTION).succeeded
    assert airbyte.calls("DELETE", "/jobs/") == 0


@pytest.mark.parametrize("code", [502, 429, 500])
def test_a_burst_of_bad_polls_neither_fails_nor_cancels_a_healthy_sync(airbyte: Airbyte, code: int) -> None:
    airbyte.statuses = ["running"] * 3 + ["succeeded"]
    airbyte.faults = [("GET", "/jobs/1", code, {})] * 20
    assert client(airbyte).sync(CONNECTION).succeeded
    assert airbyte.calls("DELETE", "/jobs/") == 0


def test_a_server_silent_beyond_the_outage_leaves_the_job_running_and_says_so(airbyte: Airbyte) -> None:
    airbyte.statuses = []
    airbyte.faults = [("GET", "/jobs/1", 502, {})] * 500
    with pytest.raises(CouldNotLookError, match="job 1 was left running"):
        client(airbyte, outage_seconds=0.05).sync(CONNECTION)
    assert airbyte.calls("DELETE", "/jobs/") == 0


def test_a_start_whose_answer_was_lost_is_found_again_instead_of_started_twice(airbyte: Airbyte) -> None:
    airbyte.lose_post_answer = True
    assert client(airbyte).sync(CONNECTION).succeeded
    assert len(airbyte.jobs) == 1


def test_a_running_sync_is_attached_to_and_an_interruption_does_not_cancel_it(airbyte: Airbyte) -> None:
    airbyte.jobs[7] = airbyte.job(7, "running")
    airbyte.statuses = ["running"] * 5
    with pytest.raises(FailingError, match="interrupted"):
        client(airbyte).sync(CONNECTION, cancelled=lambda: True)
    assert airbyte.calls("POST", "/public/v1/jobs") == 0
    assert airbyte.calls("DELETE", "/jobs/") == 0


def test_an_interruption_cancels_the_job_we_started(airbyte: Airbyte) -> None:
    airbyte.statuses = ["running"] * 5
    with pytest.raises(FailingError, match="interrupted"):
        client(airbyte).sync(CONNECTION, cancelled=lambda: True)
    assert airbyte.jobs[1]["status"] == "cancelled"


def test_a_failed_job_carries_airbytes_own_words(airbyte: Airbyte) -> None:
    airbyte.statuses, airbyte.reason = ["failed"], "The token has expired."
    job = client(airbyte).sync(CONNECTION)
    assert (job.succeeded, job.error) == (False, "The token has expired.")


def test_a_failed_job_without_a_reason_is_still_named(airbyte: Airbyte) -> None:
    airbyte.statuses = ["cancelled"]
    assert client(airbyte).sync(CONNECTION).error == "Airbyte job 1 ended as cancelled"


def test_an_expired_token_is_renewed_once_and_the_request_repeated(airbyte: Airbyte) -> None:
    one = client(airbyte)
    one.newest_jobs(CONNECTION)
    airbyte.token = "rotated"
    assert one.newest_jobs(CONNECTION) == ()


def test_wrong_credentials_are_an_error_that_never_shows_the_secret(airbyte: Airbyte) -> None:
    with pytest.raises(FailingError) as raised:
        client(airbyte, secret="hunter2").newest_jobs(CONNECTION)
    assert "401" in str(raised.value)
    assert "hunter2" not in str(raised.value) + repr(raised.value)


def test_retry_after_is_waited_for_and_back_off_grows_without_it(airbyte: Airbyte) -> None:
    waits: list[float] = []
    patient = AirbyteClient(airbyte.url, "w", Credentials("id", "secret"), sleep=waits.append)
    airbyte.faults = [("GET", "/jobs", 429, {"Retry-After": "7"}), ("GET", "/jobs", 503, {}), ("GET", "/jobs", 503, {})]
    patient.newest_jobs(CONNECTION)
    assert waits[0] == 7
    assert waits[1] < waits[2]


def test_no_server_at_all_could_not_be_looked_at() -> None:
    nowhere = AirbyteClient("http://127.0.0.1:9/api", "w", attempts=1)
    with pytest.raises(CouldNotLookError, match="does not answer"):
        nowhere.newest_jobs(CONNECTION)
