"""The example run once: prepared, refreshed by the command a person types, its database still up for the tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from telemetry_assets.local.postgres import EmbeddedPostgres
from tests.integration.example import Place, Upstream, copy_example


@dataclass(frozen=True, slots=True)
class Example:
    """The refreshed example, the API it was read from, and what the first refresh printed."""

    place: Place
    upstream: Upstream
    exit_code: int
    phases: dict[str, dict[str, Any]]
    said: str


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """One prepare and one full refresh; costs about a minute."""
    folder = tmp_path_factory.mktemp("example")
    copy_example(folder / "example")
    upstream = Upstream(folder, datetime.now(UTC).replace(second=0, microsecond=0))
    place = Place(folder / "example", {"TELEMETRY_HOME": str(folder / "home"), **upstream.environment})
    server = EmbeddedPostgres(place.home)
    server.start()
    try:
        prepared = place.run("prepare")
        assert prepared.returncode == 0, prepared.stderr
        done = place.run("refresh", "--json")
        assert done.stdout, done.stderr
        phases = {phase["phase"]: phase for phase in json.loads(done.stdout)["phases"]}
        yield Example(place, upstream, done.returncode, phases, done.stderr)
    finally:
        upstream.stop()
        server.remove()
