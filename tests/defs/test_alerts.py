"""The sensor ``alerts``: what Dagster alone knows becomes one incident per cause, told once, whatever ticks do."""

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, InstigatorType, SensorInstigatorData

from telemetry_assets import running
from telemetry_assets.defs import runner
from telemetry_assets.defs.heartbeats import beating
from telemetry_assets.defs.location import build_definitions
from telemetry_assets.dispatch.watchdog import INSTIGATORS
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.incidents.incident import Incident, Phase
from telemetry_assets.ledger import heartbeats, incidents, subjects
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import CauseKind, SubjectFact
from telemetry_assets.settings import Settings, load
from tests.conftest import _execute, named
from tests.defs.test_outcomes import ELSEWHERE, end, evaluate

DOCUMENT = {
    "tenants": [{"slug": "acme", "id": "aaaaaaaa-0000-4000-8000-00000000000a", "name": "Acme"}],
    "sources": {"ml": {"kind": "dagster", "assets": {"scores": {"tenanted": False}}}},
    "promises": [{"asset": "ml/scores", "window": {"warn": "45m", "fail": "60m"}, "owner": "data-eng"}],
    "owners": {"data-eng": {"notify": {"ERROR": ["log"], "WARN": ["log"]}}},
    "channels": {"log": {"kind": "file", "path": "messages.log"}},
}


@pytest.fixture(scope="module")
def _home(postgres_url: str, _template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    _execute(postgres_url, f"create database alerts template {_template}")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "AIRBYTE_URL", "TELEMETRY_HOME", "TELEMETRY_CONFIG", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        path = tmp_path_factory.mktemp("alerts") / "telemetry.yaml"
        path.write_text(json.dumps(DOCUMENT))
        settings = load(path)
        running.record(settings.home, "postgres", {"url": named(postgres_url, "alerts"), "pid": 0})
        runner.prepare(settings)
        yield settings


@pytest.fixture
def home(_home: Settings) -> Settings:
    """A prepared home of one promise, which is kept. Nothing was ever told."""
    with connect(running.database_dsn(_home)) as conn:
        conn.execute("truncate telemetry.incidents, telemetry.channels cascade")
        conn.execute("truncate telemetry.check_results, telemetry.job_runs, telemetry.heartbeats, telemetry.subjects")
    for file in _home.root.rglob("messages.log"):
        file.unlink()
    load_scores(_home, datetime.now(UTC))
    return _home


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on SQLite in which nothing has happened yet."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


def load_scores(home: Settings, at: datetime) -> None:
    with connect(running.database_dsn(home)) as conn:
        subjects.record(conn, [SubjectFact("ml/scores", "*", at, "run", "test", {"ml/scores": at})])


def tick(
    home: Settings, instance: dg.DagsterInstance, cursor: str | None = None, sensor: str = "alerts"
) -> SensorExecutionData:
    """One evaluation, as the daemon does it."""
    definitions = build_definitions(home)
    (found,) = (one for one in definitions.sensors or () if one.name == sensor)
    repository = definitions.get_repository_def()
    return found.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository))


def known(home: Settings) -> tuple[Incident, ...]:
    with connect(running.database_dsn(home)) as conn:
        return incidents.read(conn)


def messages(home: Settings) -> str:
    """Everything that was told."""
    found = list(home.root.rglob("messages.log"))
    return found[0].read_text() if found else ""


def told(home: Settings) -> list[str]:
    """The key of every message that was told."""
    return re.findall(r"\b(\d+\.\d+\.log)\b", messages(home))


@pytest.mark.promise("C4")
def test_a_failing_check_of_another_code_location_is_one_incident_told_once_and_resolved_when_it_passes(
    home: Settings, instance: dg.DagsterInstance
) -> None:
    first = tick(home, instance)
    assert (known(home), told(home)) == ((), [])
    assert "no incident changed; 0 check results and 0 runs read; nothing to send" in (first.skip_message or "")
    evaluate(instance, "ml/scores", "plausible", passed=False, description="half of them are null")
    said = tick(home, instance, first.cursor)
    for cursor in (first.cursor, said.cursor, None):
        tick(home, instance, cursor)
    (incident,) = known(home)
    assert (incident.kind, incident.where, incident.phase) == (CauseKind.CHECK_FAILED, "ml/scores", Phase.OPEN)
    assert "incidents: 1 opened; 1 check result" in (said.skip_message or "")
    assert "1 message sent" in (said.skip_message or "")
    assert told(home) == ["1.1.log"]
    assert "half of them are null" in messages(home)
    evaluate(instance, "ml/scores", "plausible", passed=True)
    assert "incidents: 1 resolved" in (tick(home, instance, said.cursor).skip_message or "")
    assert [one.phase for one in known(home)] == [Phase.RESOLVED]
    assert told(home) == ["1.1.log", "1.2.log"]


@pytest.mark.promise("C4")
def test_a_run_that_failed_while_the_sensor_was_off_is_told(home: Settings, instance: dg.DagsterInstance) -> None:
    cursor = tick(home, instance).cursor
    end(instance, "nightly", failed=True, tags=ELSEWHERE)
    end(instance, "hourly", failed=True, tags=ELSEWHERE)
    end(instance, "hourly", tags=ELSEWHERE)
    tick(home, instance, cursor)
    assert [(one.kind, one.where) for one in known(home)] == [(CauseKind.RUN_FAILED, "nightly of ml")]
    assert told(home) == ["1.1.log"]


def test_a_promise_that_breaks_is_told_and_its_recovery_too(home: Settings, instance: dg.DagsterInstance) -> None:
    with connect(running.database_dsn(home)) as conn:
        conn.execute("truncate telemetry.subjects")
    load_scores(home, datetime.now(UTC) - timedelta(hours=2))
    cursor = tick(home, instance).cursor
    load_scores(home, datetime.now(UTC))
    assert "1 promise, 0 broken; incidents: 1 resolved" in (tick(home, instance, cursor).skip_message or "")
    assert told(home) == ["1.1.log", "1.2.log"]


@pytest.mark.promise("B11", "F17")
def test_every_sensor_beats_at_each_tick(home: Settings, instance: dg.DagsterInstance) -> None:
    sensors = {one.name: one for one in build_definitions(home).sensors or ()}
    assert sensors["alerts"].default_status is dg.DefaultSensorStatus.RUNNING
    for name in sensors:
        tick(home, instance, sensor=name)
    with connect(running.database_dsn(home)) as conn:
        beats = {beat.component: beat for beat in heartbeats.read(conn)}
    assert {f"sensor:{name}" for name in sensors} | {INSTIGATORS} <= beats.keys()
    for name, sensor in sensors.items():
        assert beats[f"sensor:{name}"].expected == timedelta(seconds=sensor.minimum_interval_seconds or 0)


@pytest.mark.promise("B11", "C11")
def test_a_sensor_of_ours_that_somebody_switched_off_is_an_incident_of_the_monitor(
    home: Settings, instance: dg.DagsterInstance
) -> None:
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("telemetry_assets"), "__repository__")
    for name in ("tenants", "somebody_elses"):
        instance.add_instigator_state(
            InstigatorState(
                RemoteInstigatorOrigin(repository, name),
                InstigatorType.SENSOR,
                InstigatorStatus.STOPPED,
                SensorInstigatorData(),
            )
        )
    tick(home, instance)
    (incident,) = known(home)
    assert (incident.kind, incident.says) == (CauseKind.MONITOR_DOWN, "Switched off in Dagster: sensor tenants.")


def test_a_ledger_that_cannot_be_reached_fails_the_tick_that_needs_it_and_no_other(
    home: Settings, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    held = running.read(home.home)["postgres"]
    running.record(home.home, "postgres", {"url": "postgresql://nobody@127.0.0.1:9/nothing", "pid": 0})
    try:
        with pytest.raises(Exception, match=r"127\.0\.0\.1:9/nothing could not be reached") as raised:
            tick(home, instance)
        assert isinstance(raised.value, CouldNotLookError)
        needs_none = beating(home, "next_phase", 5, lambda _: dg.SkipReason("nothing to do"))
        assert needs_none(dg.build_sensor_context(instance=instance)) == dg.SkipReason("nothing to do")
        assert "could not be told to the watchdog" in "".join(capfd.readouterr())
    finally:
        running.record(home.home, "postgres", held)


def test_where_dagsters_log_cannot_be_read_the_promises_are_evaluated_and_the_tick_says_so(
    home: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with connect(running.database_dsn(home)) as conn:
        conn.execute("truncate telemetry.subjects")
        conn.execute("update telemetry.first_known set since = '-infinity'")
    (index,) = tmp_path.rglob("index.db")
    with sqlite3.connect(index) as broken:
        broken.execute("alter table event_logs rename to elsewhere")
    with pytest.raises(Exception, match=r"Dagster's storage could not be read: no such table: event_logs") as raised:
        tick(home, instance)
    assert isinstance(raised.value, CouldNotLookError)
    assert [one.phase for one in known(home)] == [Phase.OPEN]
    assert told(home) == ["1.1.log"]


@pytest.mark.slow
def test_a_channel_that_fails_prevents_no_evaluation(
    home: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    path = tmp_path / "telemetry.yaml"
    path.write_text(home.path.read_text().replace("messages.log", "no such folder/messages.log"))
    end(instance, "nightly", failed=True, tags=ELSEWHERE)
    said = tick(replace(load(path), home=home.home), instance).skip_message or ""
    assert "incidents: 1 opened" in said
    assert re.search(r"0 messages sent, \d attempts failed", said)
    assert [one.phase for one in known(home)] == [Phase.OPEN]
