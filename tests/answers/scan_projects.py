"""A dbt project of the tests' own, with no configuration of ours, and what `telemetry scan` makes of it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg.conninfo import conninfo_to_dict

HALF_DAY = {"warn_after": {"count": 6, "period": "hour"}, "error_after": {"count": 12, "period": "hour"}}


@dataclass(frozen=True, slots=True)
class DbtProject:
    """A folder with dbt_project.yml, profiles.yml and models/sources.yml, on the database ``dsn``."""

    folder: Path
    dsn: str

    def execute(self, *statements: str) -> None:
        """Run SQL."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def table(self, name: str, **ages: str | None) -> None:
        """A table ``raw.NAME`` with one row per tenant, so old (``3 days``; None: a row without a time)."""
        rows = ", ".join(
            f"('{tenant}', {'null' if age is None else f"now() - interval '{age}'"})" for tenant, age in ages.items()
        )
        self.execute(
            "create schema if not exists raw",
            f"create table raw.{name} (tenant_id text, loaded_at timestamptz)",
            *([f"insert into raw.{name} values {rows}"] if rows else []),
        )

    def sources(self, *sources: Mapping[str, Any]) -> None:
        """Write models/sources.yml."""
        self.write("models/sources.yml", yaml.safe_dump({"version": 2, "sources": list(sources)}))

    def shop(self, *tables: str | Mapping[str, Any]) -> None:
        """One source ``shop`` in schema raw: half a day by loaded_at."""
        named = [{"name": table} if isinstance(table, str) else table for table in tables]
        config = {"freshness": HALF_DAY, "loaded_at_field": "loaded_at"}
        self.sources({"name": "shop", "schema": "raw", "config": config, "tables": named})

    def write(self, path: str, text: str) -> Path:
        """Write one file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def scan(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The whole command as a person runs it, in the project's folder."""
        command = [sys.executable, "-m", "telemetry_assets.cli", "scan", "--by", "tenant_id", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env={**clean_environment(), **environment}, capture_output=True, text=True
        )

    def dbt(self, *arguments: str) -> bool:
        """Real dbt, in this process; True where it succeeded."""
        from dbt.cli.main import dbtRunner

        with contextlib.chdir(self.folder):
            places = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder), "--quiet"]
            return dbtRunner().invoke([*arguments, *places]).success


def make(folder: Path, dsn: str) -> DbtProject:
    """A project without sources yet, whose profile ``shop`` points at ``dsn``."""
    project = DbtProject(folder, dsn)
    project.write("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\n")
    project.write("profiles.yml", yaml.safe_dump({"shop": {"target": "dev", "outputs": {"dev": output(dsn)}}}))
    return project


def output(dsn: str) -> dict[str, Any]:
    """A profile's output for ``dsn``."""
    parts = conninfo_to_dict(dsn)
    return {
        "type": "postgres",
        "host": parts["host"],
        "port": 5432,
        "user": parts["user"],
        "password": "none",
        "dbname": parts["dbname"],
        "schema": "public",
        "threads": 2,
    }


def clean_environment() -> dict[str, str]:
    """This process's environment without what would send a scan elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DBT_PROFILES_DIR")}
