"""A copy of the example with a home of its own, for benchmarks of whole commands. Nothing of it outlives the block.

What belongs here: the copy, and its database, ads API and local Airbyte. What does not: what is measured.
"""

import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import command_seconds
from telemetry_assets.demo.breakages import heal
from telemetry_assets.demo.upstream import AdsUpstream
from telemetry_assets.local.children import Service
from telemetry_assets.local.ports import answers, free_port
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.local.stand_ins import own_environment, stack
from telemetry_assets.settings import Settings, child_environment, environment, export, load

REPOSITORY = Path(__file__).resolve().parent.parent
_PARTS = ("dbt_project", "connectors", "schemas")
_BUILT = shutil.ignore_patterns("target", "logs", "dbt_packages", ".user.yml")


@dataclass(frozen=True, slots=True)
class Example:
    """One prepared copy: its folder, its settings, the environment of a command in it, its database."""

    folder: Path
    settings: Settings
    environment: Mapping[str, str]
    dsn: str

    def command(self, *words: str) -> float:
        """The wall time of ``telemetry WORDS``. Raises RuntimeError where it does not exit 0."""
        return self.run(sys.executable, "-m", "telemetry_assets.cli", *words)

    def run(self, *argv: str, environment: Mapping[str, str] | None = None) -> float:
        """The wall time of any command in the copy's folder. Raises RuntimeError where it does not exit 0."""
        return command_seconds(argv, cwd=self.folder, env={**self.environment, **(environment or {})})


@contextmanager
def healthy_example() -> Generator[Example]:
    """The copy prepared, its stand-ins up, no feed broken. Servers and folder are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="telemetry-benchmark-") as scratch:
        folder = Path(scratch) / "example"
        settings = _copy(folder)
        server = EmbeddedPostgres(settings.home)
        ads = AdsUpstream(settings.home / "demo")
        ads.prepare(datetime.now(UTC))
        heal(ads.faults_file)
        upstream = Service("ads_api", lambda: ads.command(free_port(0)), lambda: answers(ads.url or ""))
        try:
            with stack(settings, [upstream], ads.environment) as dsn:
                own = {**own_environment(settings), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PATH": _path()}
                plain = child_environment(own)
                example = Example(folder, settings, plain, dsn)
                example.command("prepare")
                yield example
        finally:
            server.remove()


def _path() -> str:
    """PATH as in an activated environment: stock dagster-dbt looks for dbt there."""
    return f"{Path(sys.executable).parent}:{environment('PATH', '/usr/bin:/bin')}"


def _copy(folder: Path) -> Settings:
    folder.mkdir()
    shutil.copy(REPOSITORY / "telemetry.yaml", folder)
    for part in _PARTS:
        shutil.copytree(REPOSITORY / part, folder / part, ignore=_BUILT)
    # Nothing that points at somebody's real servers may reach a benchmark.
    export({"TELEMETRY_HOME": str(folder / "home"), "DATABASE_URL": "", "AIRBYTE_URL": "", "DEMO_ADS_URL": ""})
    return load(folder / "telemetry.yaml")
