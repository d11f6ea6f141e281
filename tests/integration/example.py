"""A copy of the example in a folder of its own, so that its dbt target and its home are its own too.

What belongs here: the copy, and running the product's commands in it. What does not: judging what they did.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from telemetry_assets.settings import VARIABLES, Settings, load

ROOT = Path(__file__).parents[2]
PARTS = ("telemetry.yaml", "dbt_project", "connectors", "schemas", "deploy")
MADE = shutil.ignore_patterns("target", "logs", "dbt_packages", "__pycache__", ".user.yml")


def copy_example(folder: Path) -> Path:
    """The example's files in ``folder``, none that a run made; the path of its telemetry.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=MADE)
        else:
            shutil.copy(ROOT / name, folder)
    return folder / "telemetry.yaml"


def clean_environment(**more: str) -> dict[str, str]:
    """Our environment without what would lead a command elsewhere, and ``more``."""
    ours = (*VARIABLES, "DAGSTER_HOME", "DEMO_ADS_URL", "DEMO_ADS_TOKEN")
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **more}


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a telemetry.yaml; the commands run in it as a person would run them."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def home(self) -> Path:
        """Its TELEMETRY_HOME."""
        return Path(self.environment.get("TELEMETRY_HOME", self.folder / ".telemetry"))

    def settings(self) -> Settings:
        """Its settings, read without this process's environment."""
        with pytest.MonkeyPatch.context() as patch:
            for name in (*VARIABLES, "DAGSTER_HOME"):
                patch.delenv(name, raising=False)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return load(self.folder / "telemetry.yaml")

    def command(self, *arguments: str) -> list[str]:
        """The command line of a telemetry command."""
        return [sys.executable, "-m", "telemetry_assets.cli", *arguments]

    def run(self, *arguments: str, seconds: float = 240, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a telemetry command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=clean_environment(**{**self.environment, **more}),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start a telemetry command in a session of its own; the caller ends it."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=clean_environment(**{**self.environment, **more}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def rows(self, query: str, url: str) -> list[tuple[object, ...]]:
        """What the database at ``url`` answers."""
        with psycopg.connect(url) as conn:
            return conn.execute(query.encode()).fetchall()
