"""The guard's temporary home: settings that lead nowhere else, a PostgreSQL of its own, a dbt project it may write to.

What belongs here: making it from the user's settings, and removing it however the guard ends: a process of its own
(``python -m …guard_home HOME``) waits for the end of a pipe that only the guard holds. What does not: the rows
(``fixture_rows.py``, ``fixture_tables.py``), what is run in it (``cli/guard_steps.py``).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from psycopg import sql

from telemetry_assets.errors import ConfigError, CouldNotLookError
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local.fixture_rows import Fixtures
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.settings import (
    AirbyteSettings,
    ConnectionSettings,
    DbtSettings,
    Settings,
    SourceSettings,
)

MADE_BY_DBT = frozenset({"target", "logs", ".user.yml", "profiles.yml"})
"""What stands in a dbt project's folder and is not taken over."""


@dataclass(frozen=True, slots=True)
class GuardHome:
    """A home that is up: ``settings`` lead to it alone, ``dsn`` is its database's."""

    settings: Settings
    dsn: str


@contextmanager
def guard_home(
    settings: Settings,
    fixtures: Fixtures,
    now: datetime,
    *,
    keep: bool = False,
    beside: Callable[[GuardHome], object] = lambda _: None,
) -> Generator[GuardHome]:
    """A fresh home with its PostgreSQL up, gone at the end with everything that was in it; left as it is to ``keep``.

    ``beside`` is called while the database does not answer yet, to begin what needs none. Raises CouldNotLookError
    where none can be made.
    """
    folder = _make_folder()
    remover = None if keep else _remover(folder)
    server = EmbeddedPostgres(folder)
    try:
        home = GuardHome(settings_in(settings, fixtures, now, folder), server.url)
        beside(home)
        server.start()
        _hasten(home.dsn)
        yield home
    finally:
        if keep:
            server.stop()
        else:
            remove(folder)
        if remover is not None:
            remover.communicate()


def settings_in(settings: Settings, fixtures: Fixtures, now: datetime, folder: Path) -> Settings:
    """The user's settings with the home ``folder``, the tenants and connections of the fixtures; no way leads out of
    it. Writes the dbt project's folder into it."""
    return replace(
        settings,
        home=folder,
        tenants=replace(settings.tenants, inline=fixtures.tenants, table=None),
        dbt=_dbt(settings.dbt, folder) if settings.dbt else None,
        sources={name: _source(settings, source, fixtures, now) for name, source in settings.sources.items()},
        database=None,
        airbyte=AirbyteSettings(),
        fallback=None,
        deadman=None,
        dagster_url=None,
    )


def remove(folder: Path) -> None:
    """Stop the server of a home and delete both; a home that is gone is left so."""
    try:
        EmbeddedPostgres(folder).remove()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hasten(dsn: str) -> None:
    """What is thrown away at the end need not survive a power cut."""
    with connect(dsn) as conn:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            conn.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(name)))
        conn.execute("select pg_reload_conf()")


def _make_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="telemetry-guard-")).resolve()
    except OSError as error:
        raise CouldNotLookError(
            f"The guard has no place for its temporary home: {error}.", "Set TMPDIR to a folder you can write."
        ) from None


def _remover(folder: Path) -> subprocess.Popen[bytes]:
    """Removes the home when its pipe closes: also where we are killed. In a session of its own, deaf to Ctrl-C."""
    command = [sys.executable, "-P", "-m", "telemetry_assets.local.guard_home", str(folder)]
    silent = subprocess.DEVNULL
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=silent, stderr=silent, start_new_session=True, cwd="/"
    )


def _source(settings: Settings, source: SourceSettings, fixtures: Fixtures, now: datetime) -> SourceSettings:
    config = {
        "fixtures": str(settings.schemas_dir / "fixtures"),
        "source": source.name,
        "streams": [stream.name for stream in source.streams if f"{source.name}/{stream.name}" not in fixtures.faults],
        "now": now.isoformat(),
        "manifest": str(source.manifest) if source.manifest else None,
    }
    command = (sys.executable, "-P", "-m", "telemetry_assets.local.fixture_connector")
    declared = {one.tenant: one.connection_id for one in source.connections}
    connections = tuple(
        ConnectionSettings(
            source=source.name,
            tenant=slug,
            connection_id=declared.get(slug, _connection_id(source.name, slug)),
            config={**config, "tenant": slug},
        )
        for slug in _connected(source, fixtures)
    )
    return replace(source, connections=connections, manifest=None, executable=command)


def _connected(source: SourceSettings, fixtures: Fixtures) -> tuple[str, ...]:
    """Who is synced: whoever has rows in a fixture of the source; all where it has none."""
    if source.connections and all(one.tenant == ANY_TENANT for one in source.connections):
        return (ANY_TENANT,)
    held = [fixtures.found[key].rows for key in source.asset_keys if key in fixtures.found]
    return tuple(tenant.slug for tenant in fixtures.tenants if not held or any(tenant.slug in rows for rows in held))


def _connection_id(source: str, slug: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"https://telemetry-assets.invalid/connections/{source}/{slug}")


def _dbt(dbt: DbtSettings, folder: Path) -> DbtSettings:
    """The project under the home, made of links but for what dbt writes; its profile is the home's database."""
    project = folder / "dbt_project"
    project.mkdir()
    try:
        for entry in dbt.project_dir.iterdir():
            if entry.name not in MADE_BY_DBT:
                (project / entry.name).symlink_to(entry.resolve())
    except OSError as error:
        raise ConfigError(f"The dbt project {dbt.project_dir} cannot be read: {error.strerror}.") from None
    cache = dbt.project_dir / "target" / "partial_parse.msgpack"
    (project / "target").mkdir()
    if cache.is_file():
        shutil.copy(cache, project / "target")
    profile, target, output = _profile(dbt)
    (project / "profiles.yml").write_text(json.dumps({profile: {"target": target, "outputs": {target: output}}}))
    return replace(dbt, project_dir=project, profiles_dir=project, target=target)


def _profile(dbt: DbtSettings) -> tuple[str, str, dict[str, Any]]:
    """Name, target and output of the profile; of the user's own only what does not lead anywhere."""
    name = str(_yaml(dbt.project_dir / "dbt_project.yml").get("profile") or "default")
    folders = [dbt.profiles_dir, dbt.project_dir]
    theirs = next((found for folder in folders if folder and (found := _yaml(folder / "profiles.yml"))), {})
    profile = theirs.get(name) or {}
    target = dbt.target or profile.get("target") or "guard"
    schema = ((profile.get("outputs") or {}).get(target) or {}).get("schema") or "public"
    variables = {key: f"{{{{ env_var('TELEMETRY_DBT_{key.upper()}') }}}}" for key in ("host", "user")}
    return (
        name,
        target,
        {
            "type": "postgres",
            **variables,
            "port": "{{ env_var('TELEMETRY_DBT_PORT') | as_number }}",
            "password": "",
            "dbname": "{{ env_var('TELEMETRY_DBT_DATABASE') }}",
            "schema": schema if "{" not in schema else "public",
            "threads": 4,
        },
    )


def _yaml(path: Path) -> Mapping[str, Any]:
    """A YAML file's mapping, empty where it is not there or none: dbt says that better."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _wait_and_remove(folder: Path) -> None:
    sys.stdin.buffer.read()
    if folder.exists() or os.path.lexists(folder):
        remove(folder)


if __name__ == "__main__":
    _wait_and_remove(Path(sys.argv[1]))
