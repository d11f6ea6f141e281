"""A copy of the example in a folder of its own, so that its dbt target and its home are its own too.

What belongs here: the copy, and running the product's commands in it. What does not: judging what they did.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from telemetry_assets.demo import breakages
from telemetry_assets.demo.ads_api import AdsApi
from telemetry_assets.demo.advertising import ACCOUNTS, KEYS, Row, Source, Stream, truth
from telemetry_assets.demo.upstream import TOKEN_VARIABLE, URL_VARIABLE
from telemetry_assets.local.postgres import EmbeddedPostgres
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

    @property
    def url(self) -> str:
        """The URL of its embedded PostgreSQL."""
        return EmbeddedPostgres(self.home).url

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What its database answers."""
        with psycopg.connect(self.url) as conn:
            return conn.execute(query.encode()).fetchall()


class Upstream:
    """The example's ads API in this process, its clock held still: what a loss-free sync must hold is known exactly."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.now = now
        self.seconds_per_request = 0.0
        self.faults_file = folder / "faults.json"
        breakages.ensure_default(self.faults_file, now)
        self._api = AdsApi(self.faults_file, "token-of-the-tests", clock=self._slowly, rate=10_000)
        self.url = self._api.start()

    @property
    def environment(self) -> dict[str, str]:
        """What the example's connections ask for."""
        return {URL_VARIABLE: self.url, TOKEN_VARIABLE: "token-of-the-tests"}

    def stop(self) -> None:
        """Stop listening."""
        self._api.stop()

    def _slowly(self) -> datetime:
        time.sleep(self.seconds_per_request)
        return self.now

    def truth(self, source: Source, stream: Stream) -> dict[tuple[str, ...], Row]:
        """(tenant, key…) → row of everything the API shows of a stream now, dead feeds as of their death."""
        broken = breakages.read(self.faults_file)
        found: dict[tuple[str, ...], Row] = {}
        for account in ACCOUNTS.values():
            if account.source is source:
                shown_at = breakages.as_of([feed for feed in broken if feed.touches(account.id, stream)], self.now)
                for row in truth(account.id, shown_at)[stream]:
                    found[account.tenant, *(str(row[name]) for name in KEYS[source, stream])] = row
        return found


def raw_rows(url: str, source: Source, stream: Stream) -> list[tuple[tuple[str, ...], Row]]:
    """((tenant, key…), row) of every row of a raw table, as the API writes its values."""
    query = (
        "select tenants.slug, to_jsonb(raw)"
        f" from raw_{source}.{stream} as raw join telemetry.tenants on tenants.id = raw.tenant_id"
    )
    with psycopg.connect(url) as conn:
        found = conn.execute(query.encode()).fetchall()
    rows: list[tuple[tuple[str, ...], Row]] = []
    for slug, raw in found:
        row = {name: value for name, value in raw.items() if name != "tenant_id" and not name.startswith("_airbyte")}
        row["updated_at"] = row["updated_at"].replace("+00:00", "Z")
        rows.append(((slug, *(str(row[name]) for name in KEYS[source, stream])), row))
    return rows


def assert_raw_is_truth(url: str, upstream: Upstream) -> None:
    """Every raw table holds the API's truth: no row twice, none lost, no value changed.

    What the API has stopped showing since (days before its window) may be there too.
    """
    for source in Source:
        for stream in Stream:
            rows = raw_rows(url, source, stream)
            held = dict(rows)
            expected = upstream.truth(source, stream)
            assert len(rows) == len(held), f"{source}.{stream}: rows twice"
            assert not expected.keys() - held.keys(), f"{source}.{stream}: rows lost"
            assert {key: held[key] for key in expected} == expected, f"{source}.{stream}: values differ"
