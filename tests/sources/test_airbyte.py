"""Our Airbyte client against a server that misbehaves the way real ones do (real sockets)."""

from collections.abc import Iterator

import pytest

from telemetry_assets.errors import CouldNotLookError, FailingError
from telemetry_assets.sources.airbyte import AirbyteClient
from telemetry_assets.sources.airbyte_http import Credentials, Server
from tests.sources.misbehaving_airbyte import CONNECTION, Airbyte


@pytest.fixture
def airbyte() -> Iterator[Airbyte]:
    server = Airbyte()
    yield server
    server.close()


def client(server: Airbyte, *, secret: str = "secret", outage_seconds: float = 900) -> AirbyteClient:
    address = Server(server.url, "w", Credentials("id", secret), sleep=lambda _: None)
    return AirbyteClient(address, poll_seconds=0, outage_seconds=outage_seconds)


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
    patient = AirbyteClient(Server(airbyte.url, "w", Credentials("id", "secret"), sleep=waits.append))
    airbyte.faults = [("GET", "/jobs", 429, {"Retry-After": "7"}), ("GET", "/jobs", 503, {}), ("GET", "/jobs", 503, {})]
    patient.newest_jobs(CONNECTION)
    assert waits[0] == 7
    assert waits[1] < waits[2]


def test_no_server_at_all_could_not_be_looked_at() -> None:
    nowhere = AirbyteClient(Server("http://127.0.0.1:9/api", "w", attempts=1))
    with pytest.raises(CouldNotLookError, match="does not answer"):
        nowhere.newest_jobs(CONNECTION)
