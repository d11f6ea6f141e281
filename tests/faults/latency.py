"""From the instant a promise breaks to the instant a sink accepts the message: by the dispatcher, by the sensor alone.

Real clock, real loop in a process of its own, a real sink; forty promises break one after the other. What belongs here:
the measurement. What does not: faults.
"""

import os
import random
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from telemetry_assets.declaration.configured import OwnerSettings, TenantSettings
from telemetry_assets.dispatch import loop
from telemetry_assets.dispatch.drain import drain
from telemetry_assets.dispatch.evaluate import evaluate
from telemetry_assets.ledger import graph, subjects, tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, Promise, SubjectFact, Tenant, Window
from telemetry_assets.settings import AirbyteSettings, ChannelSettings, Settings
from tests.faults.stage import Database, Stage
from tests.faults.worker import FORKING
from tests.sinks.http_sink import HttpSink

WINDOW = timedelta(minutes=60)
TICK = 30.0
"""Seconds between two evaluations of the sensor."""
PROMISES = 40


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from broken to accepted, of each promise, sorted."""

    seconds: tuple[float, ...]

    def at(self, share: float) -> float:
        """The value that this share of them does not exceed."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    def __str__(self) -> str:
        return f"p50 {self.at(0.5):.2f} s, p99 {self.at(0.99):.2f} s, n {len(self.seconds)}"


def with_dispatch(stage: Stage, folder: Path, promises: int = PROMISES, within: float = 20.0) -> Latency:
    """The loop of ``telemetry dispatch`` runs while promises break at random instants within so many seconds."""
    with ExitStack() as stack:
        database = stack.enter_context(stage.database())
        sink = stack.enter_context(HttpSink())
        began = time.time() + 3.0
        chance = random.Random(1)
        breaks = sorted(began + chance.random() * within for _ in range(promises))
        _plant(database, breaks)
        process = FORKING.Process(target=_dispatch, args=(database.url, folder, sink.url, promises), daemon=True)
        process.start()
        try:
            deadline = breaks[-1] + 20
            while len(sink.requests) < promises and time.time() < deadline:
                time.sleep(0.05)
        finally:
            process.kill()
            process.join()
        return _latency(sink, breaks)


def with_sensor_alone(stage: Stage, folder: Path, promises: int = PROMISES) -> Latency:
    """What the sensor does, measured, plus the wait for its tick, drawn evenly over its 30 s."""
    with ExitStack() as stack:
        database = stack.enter_context(stage.database())
        sink = stack.enter_context(HttpSink())
        settings = _settings(folder, sink.url, promises)
        now = time.time()
        breaks = [now + place for place in range(promises)]
        _plant(database, breaks)
        conn = stack.enter_context(connect(database.url))
        chance = random.Random(1)
        waits: list[float] = []
        for at in breaks:
            tick = datetime.fromtimestamp(at + 0.5, UTC)
            started, known = time.time(), len(sink.requests)
            evaluate(conn, settings, tick)
            drain(settings, dsn=database.url, seconds=10.0, clock=lambda tick=tick: tick, say=lambda line: None)
            assert len(sink.requests) == known + 1, f"{len(sink.requests)} messages instead of {known + 1}"
            waits.append(chance.random() * TICK + sink.requests[-1].at - started)
        return Latency(tuple(sorted(waits)))


def _latency(sink: HttpSink, breaks: Sequence[float]) -> Latency:
    accepted = {request.json["incident"]["where"].split("/")[0]: request.at for request in reversed(sink.requests)}
    missing = [number for number in range(len(breaks)) if f"src{number:02}" not in accepted]
    assert not missing, f"never told: {missing}"
    return Latency(tuple(sorted(accepted[f"src{number:02}"] - at for number, at in enumerate(breaks))))


def _dispatch(dsn: str, folder: Path, url: str, promises: int) -> None:
    settings = _settings(folder, url, promises)
    os.environ["TELEMETRY_HOME"] = str(settings.home)
    loop.run(settings, threading.Event(), lambda line: None, dsn=dsn)


def _settings(folder: Path, url: str, promises: int) -> Settings:
    return Settings(
        path=folder / "telemetry.yaml",
        home=folder / "home",
        tenants=TenantSettings(),
        dbt=None,
        sources={},
        promises=tuple(
            Promise(f"src{number:02}/rows", limit=Window(WINDOW), owner="data-eng") for number in range(promises)
        ),
        snapshots={},
        database=None,
        airbyte=AirbyteSettings(),
        owners={"data-eng": OwnerSettings("data-eng", {"ERROR": ("hook",)})},
        channels={"hook": ChannelSettings("hook", "webhook", {"url": f"{url}/hook"})},
    )


def _plant(database: Database, breaks: Sequence[float]) -> None:
    """One asset per instant, whose data becomes too old just then."""
    with connect(database.url) as conn:
        clock = Clock(ClockKind.COLUMN, "updated_at")
        keys = [f"src{number:02}/rows" for number in range(len(breaks))]
        tenants.write(conn, [Tenant("acme", uuid5(NAMESPACE_DNS, "acme"), "Acme", "UTC")])
        graph.replace(conn, [AssetNode(key, AssetKind.STREAM, clock=clock) for key in keys])
        now = datetime.now(UTC)
        subjects.record(
            conn,
            [
                SubjectFact(key, "acme", now, "run", "test", {key: datetime.fromtimestamp(at, UTC) - WINDOW})
                for key, at in zip(keys, breaks, strict=True)
            ],
        )
