"""Both declarative connectors, run as Airbyte runs them (a process and its protocol) against the real ads API."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from telemetry_assets.demo.ads_api import AdsApi
from telemetry_assets.demo.advertising import KEYS, Source, Stream, truth
from telemetry_assets.demo.breakages import break_feed

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXECUTABLE = Path(sys.executable).with_name("source-declarative-manifest")
NOW = datetime(2025, 3, 4, 15, 34, 56, tzinfo=UTC)
ACCOUNT = {Source.META: ("account_id", "101"), Source.GOOGLE: ("customer_id", "9001")}
TOKEN = "letmein-71"


@dataclass
class Sync:
    """What one run of a connector said."""

    exit_code: int
    messages: list[dict[str, Any]]
    text: str
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    state: dict[str, Any] = field(default_factory=dict[str, Any])

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def check(self) -> dict[str, str]:
        (status,) = self.of_type("CONNECTION_STATUS")
        return status["connectionStatus"]


class Connector:
    """One connector and the API it reads, whose clock stands still until it is moved."""

    def __init__(self, source: Source, folder: Path, rate: int = 1000) -> None:
        self.source, self.folder, self.now = source, folder, NOW
        self.faults = folder / "faults.json"
        self.api = AdsApi(self.faults, TOKEN, clock=lambda: self.now, rate=rate)
        name, self.account = ACCOUNT[source]
        self.config = {"base_url": self.api.start(), name: self.account, "token": TOKEN}

    def run(self, command: str, config: Mapping[str, str] | None = None, **files: Any) -> Sync:
        arguments = [str(EXECUTABLE), command, "--manifest-path", str(ROOT / "connectors" / f"{self.source}.yaml")]
        for name, content in {"config": self.config | dict(config or {}), **files}.items():
            file = self.folder / f"{name}.json"
            file.write_text(json.dumps(content))
            arguments += [f"--{name}", str(file)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        return Sync(done.returncode, messages, done.stdout + done.stderr)

    def catalog(self) -> dict[str, dict[str, Any]]:
        (found,) = self.run("discover").of_type("CATALOG")
        return {stream["name"]: stream for stream in found["catalog"]["streams"]}

    def read(self, state: dict[str, Any] | None = None, streams: list[str] | None = None) -> Sync:
        wanted = [stream for name, stream in self.catalog().items() if streams is None or name in streams]
        catalog = [
            {
                "stream": stream,
                "sync_mode": stream["supported_sync_modes"][-1],
                "destination_sync_mode": "append_dedup",
            }
            for stream in wanted
        ]
        sync = self.run("read", catalog={"streams": catalog}, **({"state": list(state.values())} if state else {}))
        for message in sync.of_type("RECORD"):
            sync.records.setdefault(message["record"]["stream"], []).append(message["record"]["data"])
        for message in sync.of_type("STATE"):
            sync.state[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
        return sync

    def by_key(self, stream: str, records: Any) -> dict[tuple[Any, ...], Any]:
        return {tuple(row[name] for name in KEYS[self.source, Stream(stream)]): row for row in records}


@pytest.fixture(params=list(Source))
def connector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connector]:
    connector = Connector(request.param, tmp_path)
    yield connector
    connector.api.stop()


def test_discover_names_the_four_streams_with_their_keys_and_formats(connector: Connector):
    found = connector.catalog()
    assert list(found) == list(Stream)
    for name, stream in found.items():
        assert [part for (part,) in stream["source_defined_primary_key"]] == list(KEYS[connector.source, Stream(name)])
        assert stream["json_schema"]["properties"]["updated_at"] == {"type": "string", "format": "date-time"}
    assert found["insights"]["supported_sync_modes"] == ["full_refresh", "incremental"]
    assert found["insights"]["default_cursor_field"] == ["updated_at"]


@pytest.mark.slow
def test_a_first_sync_reads_the_whole_truth_and_the_rows_fit_the_schema(connector: Connector):
    sync, expected = connector.read(), truth(connector.account, NOW)
    assert sync.exit_code == 0
    for stream, schema in connector.catalog().items():
        rows = sync.records[stream]
        assert len(rows) == len(expected[Stream(stream)])
        assert connector.by_key(stream, rows) == connector.by_key(stream, expected[Stream(stream)])
        assert list(rows[0].keys() ^ schema["json_schema"]["properties"].keys()) == []


@pytest.mark.slow
def test_a_second_sync_reads_only_what_moved_and_together_they_are_the_truth(connector: Connector):
    first = connector.read(streams=["insights"])
    connector.now += timedelta(days=1, minutes=1)
    second = connector.read(first.state, streams=["insights"])
    held = connector.by_key("insights", first.records["insights"] + second.records["insights"])
    now_true = connector.by_key("insights", truth(connector.account, connector.now)[Stream.INSIGHTS])
    assert len(second.records["insights"]) < 500
    assert {key: held[key] for key in now_true} == now_true
    assert second.state["insights"]["stream"]["stream_state"] == {"updated_at": "2025-03-05T15:35:00Z"}


@pytest.mark.slow
def test_a_feed_that_stopped_keeps_its_cursor_and_catches_up_when_it_is_healed(connector: Connector):
    break_feed(connector.faults, "stop", now=NOW, account=connector.account)
    first = connector.read(streams=["insights"])
    connector.now += timedelta(days=2)
    dead = connector.read(first.state, streams=["insights"])
    assert dead.exit_code == 0
    assert dead.state["insights"]["stream"]["stream_state"] == {"updated_at": "2025-03-04T15:34:00Z"}
    connector.faults.unlink()
    healed = connector.read(dead.state, streams=["insights"])
    held = connector.by_key("insights", first.records["insights"] + healed.records["insights"])
    now_true = connector.by_key("insights", truth(connector.account, connector.now)[Stream.INSIGHTS])
    assert {key: held[key] for key in now_true} == now_true


@pytest.mark.slow
def test_a_silent_feed_is_a_successful_sync_of_no_rows(connector: Connector):
    break_feed(connector.faults, "silence", now=NOW, account=connector.account)
    sync = connector.read()
    assert (sync.exit_code, sync.records) == (0, {})


@pytest.mark.slow
def test_a_platform_that_answers_500_is_asked_a_few_times_and_then_the_sync_fails(connector: Connector):
    break_feed(connector.faults, "error", now=NOW, account=connector.account)
    sync = connector.read(streams=["campaigns"])
    assert sync.exit_code == 1
    assert sync.records == {}
    assert "server error of its own" in sync.of_type("TRACE")[-1]["trace"]["error"]["message"]


@pytest.mark.slow
def test_a_rate_limit_slows_a_sync_down_and_loses_nothing(tmp_path: Path):
    connector = Connector(Source.META, tmp_path, rate=3)
    sync = connector.read()
    connector.api.stop()
    assert sync.exit_code == 0
    assert "RATE_LIMITED" in sync.text
    assert len(sync.records["insights"]) == len(truth("101", NOW)[Stream.INSIGHTS])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"token": "wrong-82"}, "refused the token"),
        ({"account_id": "999", "customer_id": "999"}, "Correct `"),
        ({"base_url": "http://127.0.0.1:1/"}, "does not match"),
        ({"account_id": "x", "customer_id": "x"}, "does not match"),
    ],
)
def test_a_wrong_configuration_fails_the_check_with_a_message_that_says_what_to_correct(
    connector: Connector, wrong: dict[str, str], said: str
):
    sync = connector.run("check", config=wrong)
    assert sync.check["status"] == "FAILED"
    assert said in sync.check["message"]
    assert TOKEN not in sync.text
    assert "wrong-82" not in sync.text


def test_a_right_configuration_passes_the_check(connector: Connector):
    assert connector.run("check").check == {"status": "SUCCEEDED"}


@pytest.mark.parametrize("source", list(Source))
def test_the_specification_marks_the_token_as_a_secret(source: Source):
    manifest = yaml.safe_load((ROOT / "connectors" / f"{source}.yaml").read_text())
    properties = manifest["spec"]["connection_specification"]["properties"]
    assert [name for name, field in properties.items() if field.get("airbyte_secret")] == ["token"]
