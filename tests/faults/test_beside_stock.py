"""Dagster's ``run_failure_sensor`` beside our ``alerts``, tick by tick, with a sink that answers 503 for one tick.

One log of runs, two sensors: some jobs failed before the first tick, twelve at once later, the sink down when they are
first told. What stock Dagster does is published with it (docs/reliability.md), so this must stay true of it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import requests

from telemetry_assets import running
from telemetry_assets.defs import runner
from telemetry_assets.defs.location import build_definitions
from telemetry_assets.settings import Settings, load
from tests.defs.test_outcomes import ELSEWHERE, end
from tests.sinks.http_sink import HttpSink, Reply, Request

pytestmark = pytest.mark.slow

BEFORE = {f"old_{number}" for number in range(3)}
AT_ONCE = {f"new_{number}" for number in range(12)}
PER_TICK = 5
"""How many runs Dagster's sensor tells in a tick."""


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as found:
        yield found


@pytest.fixture
def home(database: str, tmp_path: Path, sink: HttpSink) -> Iterator[Settings]:
    """A prepared home that promises nothing and tells the sink of everything."""
    document = {
        "tenants": [{"slug": "acme", "id": "aaaaaaaa-0000-4000-8000-00000000000a", "name": "Acme"}],
        "sources": {"erp": {"kind": "table", "tables": {"orders": {"clock": "static"}}}},
        "owners": {"data-eng": {"notify": {"ERROR": ["sink"], "WARN": ["sink"]}}},
        "channels": {"sink": {"kind": "webhook", "url": sink.url}},
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "AIRBYTE_URL", "TELEMETRY_HOME", "TELEMETRY_CONFIG", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        path = tmp_path / "telemetry.yaml"
        path.write_text(json.dumps(document))
        settings = load(path)
        running.record(settings.home, "postgres", {"url": database, "pid": 0})
        runner.prepare(settings)
        yield settings


class Ticking:
    """A sensor and its cursor, carried from tick to tick as the daemon does it."""

    def __init__(self, sensor: dg.SensorDefinition, definitions: dg.Definitions) -> None:
        self._sensor, self._definitions = sensor, definitions
        self._cursor: str | None = None

    def tick(self, instance: dg.DagsterInstance) -> None:
        context = dg.build_sensor_context(
            instance=instance, cursor=self._cursor, repository_def=self._definitions.get_repository_def()
        )
        self._cursor = self._sensor.evaluate_tick(context).cursor or self._cursor


def stock(url: str) -> Ticking:
    """Dagster's own sensor as its documentation shows it: a post per failed run."""

    @dg.run_failure_sensor(monitor_all_code_locations=True)
    def alert(context: dg.RunFailureSensorContext) -> None:
        requests.post(url, json={"job": context.dagster_run.job_name}, timeout=2).raise_for_status()

    return Ticking(alert, dg.Definitions(sensors=[alert]))


def ours(home: Settings) -> Ticking:
    definitions = build_definitions(home)
    return Ticking(next(one for one in definitions.sensors or () if one.name == "alerts"), definitions)


def told(accepted: list[Request]) -> set[str]:
    """The jobs that somebody was told of."""
    said = [json.dumps(request.json) for request in accepted]
    return {job for job in BEFORE | AT_ONCE if any(f"{job} " in one or f'"{job}"' in one for one in said)}


def run(ticking: Ticking, sink: HttpSink, instance: dg.DagsterInstance) -> list[Request]:
    """What the sink accepted while the sensor ticked over the failures; down during the first tick that has some."""
    for job in sorted(BEFORE):
        end(instance, job, failed=True, tags=ELSEWHERE)
    ticking.tick(instance)
    for job in sorted(AT_ONCE):
        end(instance, job, failed=True, tags=ELSEWHERE)
    refused = len(sink.requests)
    before = sink.requests[:refused]
    sink.answer(then=Reply(503))
    ticking.tick(instance)
    refused = len(sink.requests)
    sink.answer(then=Reply())
    for _ in range(5):
        ticking.tick(instance)
    return [*before, *sink.requests[refused:]]


@pytest.mark.promise("C4")
def test_of_fifteen_failed_runs_stock_dagster_tells_seven_and_we_tell_all_each_once(
    home: Settings, sink: HttpSink, tmp_path: Path
) -> None:
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "theirs")) as instance:
        theirs = run(stock(sink.url), sink, instance)
    sink.requests.clear()
    with dg.DagsterInstance.local_temp(str(tmp_path / "ours")) as instance:
        mine = run(ours(home), sink, instance)
    assert told(theirs) < AT_ONCE
    assert len(told(theirs)) == len(AT_ONCE) - PER_TICK
    assert told(mine) == BEFORE | AT_ONCE
    assert len(mine) == len(BEFORE | AT_ONCE)
