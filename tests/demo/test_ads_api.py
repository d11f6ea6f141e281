"""The ads API over a real socket: who may read, page by page, and what a broken feed answers."""

import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from telemetry_assets.demo.ads_api import AdsApi
from telemetry_assets.demo.advertising import Row, Stream, rows, truth
from telemetry_assets.demo.breakages import break_feed, heal
from telemetry_assets.errors import CouldNotLookError

NOW = datetime(2026, 3, 4, 15, 34, 56, tzinfo=UTC)
META, GOOGLE = "/meta/v1/accounts/101", "/google/v1/customers/9001"


class Caller:
    """A client of one API whose clock stands still until it is moved."""

    def __init__(self, folder: Path, rate: int = 1000) -> None:
        self.now, self.faults = NOW, folder / "faults.json"
        self.api = AdsApi(self.faults, "letmein", clock=lambda: self.now, rate=rate)
        self.url, self.session = self.api.start(), requests.Session()
        self.session.headers["Authorization"] = "Bearer letmein"

    def get(self, path: str, **query: str | int) -> requests.Response:
        return self.session.get(self.url + path, params=query, timeout=10)

    def all_pages(self, path: str, size: int) -> list[Row]:
        """Every row of a stream, by the platform's own way of paging."""
        found: list[Row] = []
        if path.startswith("/meta"):
            for number in itertools.count(1):
                page = self.get(path, page=number, page_size=size).json()["data"]
                found += page
                if len(page) < size:
                    return found
        answer: dict[str, Any] = self.get(path, pageSize=size).json()
        found += answer["results"]
        while "nextPageToken" in answer:
            answer = self.get(path, pageSize=size, pageToken=answer["nextPageToken"]).json()
            found += answer["results"]
        return found


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    caller = Caller(tmp_path)
    yield caller
    caller.session.close()
    caller.api.stop()


@pytest.mark.parametrize("stream", list(Stream))
@pytest.mark.parametrize(("path", "account"), [(META, "101"), (GOOGLE, "9001")])
def test_the_pages_of_a_stream_add_up_to_the_truth(caller: Caller, path: str, account: str, stream: Stream):
    assert caller.all_pages(f"{path}/{stream}", 700) == list(truth(account, NOW)[stream])


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic letmein", "letmein"])
def test_a_missing_or_wrong_token_is_refused_in_json(caller: Caller, authorization: str):
    answer = requests.get(f"{caller.url}{META}/ads", headers={"Authorization": authorization}, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHORIZED"
    assert "letmein" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/", "/meta/v1/accounts/999/ads", "/meta/v1/accounts/9001/ads", "/google/v1/customers/101/ads", f"{META}/videos"],
)
def test_what_is_not_there_is_404_in_json(caller: Caller, path: str):
    answer = caller.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (META, {"page": 0}),
        (META, {"page": "two"}),
        (META, {"page_size": 2001}),
        (META, {"page_size": 0}),
        (META, {"updated_since": "yesterday"}),
        (META, {"updated_since": "2026-03-04T00:00:00"}),
        (META, {"updated_until": "0001-01-01T00:00:00Z"}),
        (GOOGLE, {"pageToken": "hello"}),
        (GOOGLE, {"pageToken": "é"}),
        (GOOGLE, {"pageSize": -1}),
    ],
)
def test_a_parameter_that_makes_no_sense_is_400_in_json(caller: Caller, path: str, query: dict[str, str | int]):
    answer = caller.get(f"{path}/insights", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Invalid parameter: ")


def test_another_method_is_refused_in_json(caller: Caller):
    answer = caller.session.post(f"{caller.url}{META}/ads", json={}, timeout=10)
    assert answer.status_code == 501
    assert answer.json()["error"]["code"] == 501


def test_updated_since_leaves_out_what_did_not_change(caller: Caller):
    hour_ago = NOW - timedelta(hours=1)
    found = caller.get(f"{META}/insights", updated_since=hour_ago.isoformat()).json()
    assert found["data"] == list(rows(7, "101", Stream.INSIGHTS, NOW, hour_ago))
    assert 0 < found["paging"]["total"] < 200


def test_pages_asked_for_until_an_instant_agree_although_time_goes_on(caller: Caller):
    first = caller.get(f"{META}/insights", page_size=2000, updated_until="2026-03-04T15:34:56Z").json()["data"]
    caller.now += timedelta(minutes=2)
    rest = [
        row
        for page in range(2, 6)
        for row in caller.get(f"{META}/insights", page=page, updated_until="2026-03-04T15:34:56Z").json()["data"]
    ]
    assert first + rest == list(truth("101", NOW)[Stream.INSIGHTS])


def test_too_many_requests_of_one_account_are_told_to_wait_a_second_and_another_account_is_not(tmp_path: Path):
    caller = Caller(tmp_path, rate=3)
    answers = [caller.get(f"{META}/ads") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert caller.get(f"{GOOGLE}/ads").status_code == 200
    caller.api.stop()


def test_a_stopped_feed_goes_on_answering_without_anything_new_until_it_is_healed(caller: Caller):
    break_feed(caller.faults, "stop", now=NOW, account="101", stream="insights")
    caller.now += timedelta(hours=3)
    assert caller.all_pages(f"{META}/insights", 2000) == list(truth("101", NOW)[Stream.INSIGHTS])
    assert caller.get(f"{META}/insights", updated_since="2026-03-04T15:34:57Z").json()["data"] == []
    heal(caller.faults)
    assert caller.all_pages(f"{META}/insights", 2000) == list(truth("101", caller.now)[Stream.INSIGHTS])


def test_a_lagging_feed_shows_what_was_true_some_minutes_ago(caller: Caller):
    break_feed(caller.faults, "lag", now=NOW, account="9001", minutes=90)
    then = NOW - timedelta(minutes=90)
    assert caller.all_pages(f"{GOOGLE}/insights", 2000) == list(truth("9001", then)[Stream.INSIGHTS])


def test_a_silent_feed_answers_empty_pages_and_its_neighbours_do_not(caller: Caller):
    break_feed(caller.faults, "silence", now=NOW, account="9001")
    assert caller.get(f"{GOOGLE}/insights").json() == {"results": []}
    assert caller.get("/google/v1/customers/9002/insights").json()["results"]


def test_a_failing_feed_answers_500_in_json(caller: Caller):
    break_feed(caller.faults, "error", now=NOW, account="101")
    assert caller.get(f"{META}/ads").status_code == 500
    assert caller.get(f"{META}/ads").json()["error"]["message"]


def test_a_torn_faults_file_is_a_500_that_names_it(caller: Caller):
    caller.faults.write_text("{")
    answer = caller.get(f"{META}/ads")
    assert answer.status_code == 500
    assert "faults.json" in answer.json()["error"]["message"]


def test_a_busy_port_is_said_so(caller: Caller, tmp_path: Path):
    port = int(caller.url.rpartition(":")[2])
    with pytest.raises(CouldNotLookError, match=f"Port {port} cannot be listened on"):
        AdsApi(tmp_path / "faults.json", "letmein").start(port)


def test_a_caller_that_hangs_up_mid_answer_leaves_no_trace(caller: Caller, capfd: pytest.CaptureFixture[str]):
    port = int(caller.url.rpartition(":")[2])
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(f"GET {META}/insights HTTP/1.1\r\nAuthorization: Bearer letmein\r\n\r\n".encode())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert caller.get(f"{META}/ads").status_code == 200
    assert capfd.readouterr().err == ""


def started(folder: Path, token: str, *more: str) -> subprocess.Popen[str]:
    token_file = folder / "token"
    token_file.write_text(token)
    command = [sys.executable, "-m", "telemetry_assets.demo.ads_api", "--faults-file", str(folder / "faults.json")]
    return subprocess.Popen(
        [*command, "--token-file", str(token_file), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    )


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_process_prints_its_url_serves_and_ends_cleanly_when_told(tmp_path: Path, ending: signal.Signals):
    with started(tmp_path, "letmein\n") as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        answer = requests.get(f"{url}{META}/ads", headers={"Authorization": "Bearer letmein"}, timeout=10)
        process.send_signal(ending)
        assert process.wait(10) == 0
    assert answer.status_code == 200


def test_the_process_says_that_its_port_is_busy(caller: Caller, tmp_path: Path):
    port = caller.url.rpartition(":")[2]
    process = started(tmp_path, "letmein", "--port", port)
    out, error = process.communicate(timeout=10)
    assert (process.returncode, out) == (4, "")
    assert error.startswith(f"Port {port} cannot be listened on")


def test_the_process_refuses_an_empty_token(tmp_path: Path):
    process = started(tmp_path, " \n")
    _, error = process.communicate(timeout=10)
    assert process.returncode == 5
    assert "is empty" in error
