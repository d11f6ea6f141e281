"""dbt as a subprocess: its environment, its executable, ``dbt parse`` for the launcher. Imports no dbt.

What belongs here: how we call dbt. What does not: what its artifacts say (``dbt_artifacts.py``, ``dbt_manifest.py``).
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from telemetry_assets.errors import FailingError
from telemetry_assets.settings import DbtSettings, child_environment

PREFIX = "TELEMETRY_DBT_"


def dbt_executable() -> Path:
    """The dbt of the interpreter we run in."""
    return Path(sys.executable).with_name("dbt")


def connection_variables(dsn: str) -> dict[str, str]:
    """The variables our profile reads: TELEMETRY_DBT_HOST, _PORT, _USER, _PASSWORD, _DATABASE."""
    parts = conninfo_to_dict(dsn)
    return {
        f"{PREFIX}HOST": str(parts.get("host", "localhost")),
        f"{PREFIX}PORT": str(parts.get("port", 5432)),
        f"{PREFIX}USER": str(parts.get("user", "postgres")),
        f"{PREFIX}PASSWORD": str(parts.get("password", "")),
        f"{PREFIX}DATABASE": str(parts.get("dbname", parts.get("user", "postgres"))),
    }


def dbt_environment(dbt: DbtSettings, dsn: str) -> dict[str, str]:
    """What a dbt subprocess gets beyond our own environment."""
    profiles = {"DBT_PROFILES_DIR": str(dbt.profiles_dir)} if dbt.profiles_dir else {}
    return {**connection_variables(dsn), **profiles, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


def parse_project(dbt: DbtSettings, dsn: str, *, timeout_seconds: float = 300) -> None:
    """Make ``target/manifest.json``. Raises FailingError with dbt's own last words."""
    command = [str(dbt_executable()), "parse", "--project-dir", str(dbt.project_dir), "--quiet"]
    if dbt.target:
        command += ["--target", dbt.target]
    _run(command, dbt.project_dir, child_environment(dbt_environment(dbt, dsn)), timeout_seconds)


def needs_parse(dbt: DbtSettings) -> bool:
    """True where a file of the project is newer than the manifest, or there is none."""
    try:
        made = dbt.manifest_path.stat().st_mtime
    except FileNotFoundError:
        return True
    skipped = {"target", "logs", "dbt_packages", ".venv"}
    for folder, folders, names in dbt.project_dir.walk():
        folders[:] = [name for name in folders if name not in skipped]
        if any((folder / name).stat().st_mtime > made for name in names if name != ".user.yml"):
            return True
    return False


def _run(command: list[str], folder: Path, environment: Mapping[str, str], timeout_seconds: float) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    except FileNotFoundError:
        raise FailingError(f"dbt cannot be started in {folder}.", "Is the folder there, and dbt installed?") from None
    except subprocess.TimeoutExpired:
        raise FailingError(f"dbt parse in {folder} took longer than {timeout_seconds:.0f} s.") from None
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise FailingError(f"dbt could not parse {folder}:\n{words}")
