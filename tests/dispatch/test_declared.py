"""Whoever goes on for days evaluates and sends by telemetry.yaml as it is by now."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telemetry_assets.dispatch.declared import Declared
from telemetry_assets.settings import load
from tests.dispatch.conftest import Stage, wait_until
from tests.dispatch.test_loop import running
from tests.sinks.http_sink import HttpSink

FILE = """
promises:
  - {{asset: "*", window: {{fail: 60m}}, owner: data-eng}}
owners:
  data-eng: {{notify: {{ERROR: [{channel}]}}}}
channels:
  {channel}: {{kind: webhook, url: "{url}"}}
"""


def write(path: Path, channel: str = "hook", url: str = "http://127.0.0.1:1/") -> None:
    path.write_text(FILE.format(channel=channel, url=url))


def test_a_file_that_changes_is_read_anew_and_one_that_does_not_is_not(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "telemetry.yaml"
    write(path)
    first = load(path)
    declared = Declared(first, said.append)
    assert declared.now() is first
    write(path, "another")
    second = declared.now()
    assert list(second.channels) == ["another"]
    assert declared.now() is second
    assert said == ["telemetry.yaml has changed and was read anew."]


def test_a_file_that_cannot_be_used_is_said_once_and_what_was_declared_holds(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "telemetry.yaml"
    write(path)
    first = load(path)
    declared = Declared(first, said.append)
    for broken in ("promises: [", "promise: []"):
        path.write_text(broken)
        assert declared.now() is first
        assert declared.now() is first
    path.unlink()
    assert declared.now() is first
    assert len(said) == 3
    assert all("what it said before holds" in line for line in said)
    write(path, "mended")
    assert list(declared.now().channels) == ["mended"]


@pytest.mark.slow
@pytest.mark.promise("C4")
def test_the_loop_tells_through_a_channel_that_was_declared_after_it_began(
    stage: Stage, tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "telemetry.yaml"
    breaks = datetime.now(UTC) + timedelta(seconds=2)
    stage.synced(breaks - timedelta(hours=1))
    with HttpSink() as sink:
        write(path)
        stage.settings = replace(load(path), home=tmp_path / "home")
        with running(stage, said):
            wait_until(lambda: bool(stage.rows("select 1 from telemetry.heartbeats where component = 'dispatch'")))
            write(path, "another", sink.url)
            wait_until(lambda: bool(sink.requests), 15)
    assert "telemetry.yaml has changed and was read anew." in said
