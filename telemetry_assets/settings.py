"""telemetry.yaml and the environment → frozen, typed settings. The only reader of ``os.environ``.

What belongs here: what a person declares, checked. What does not: what is running right now (``running.py``), and
anything that opens a connection: loading settings touches one file and nothing else.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from telemetry_assets.declaration.configured import (
    FALLBACK,
    ChannelSettings,
    DbtSettings,
    ForeignSourceSettings,
    OwnerSettings,
    SnapshotSettings,
    StreamSettings,
    TableSourceSettings,
    TenantSettings,
)
from telemetry_assets.declaration.nested import leaves, rebuilt, with_refs
from telemetry_assets.errors import ConfigError
from telemetry_assets.model import ANY_TENANT, Promise

if TYPE_CHECKING:
    from telemetry_assets.declaration.parse import Declaration
    from telemetry_assets.declaration.sources import AirbyteSourceDeclaration

CONFIG_NAME = "telemetry.yaml"
VARIABLES = (
    "TELEMETRY_CONFIG",
    "TELEMETRY_HOME",
    "DATABASE_URL",
    "AIRBYTE_URL",
    "AIRBYTE_WORKSPACE_ID",
    "AIRBYTE_CLIENT_ID",
    "AIRBYTE_CLIENT_SECRET",
    "DBT_PROFILES_DIR",
    "MONITOR_ALERT_WEBHOOK_URL",
    "TELEMETRY_DEADMAN_URL",
    "TELEMETRY_DAGSTER_URL",
)
"""Every environment variable we read by a fixed name; ``.env.example`` lists the same (a test keeps them equal)."""

SET_BY_OTHERS = (
    "DAGSTER_HOME",
    "GITHUB_ACTIONS",
    "GITHUB_BASE_REF",
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "GITHUB_REPOSITORY",
    "GITHUB_RUN_ID",
    "GITHUB_SHA",
    "GITHUB_STEP_SUMMARY",
    "TELEMETRY_CI_JOBS",
)
"""Variables that Dagster, GitHub and our workflow there set; nobody writes them into an environment file."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """``{env: NAME}`` in telemetry.yaml: read when it is used, never stored, never printed."""

    env: str
    where: str = ""

    @property
    def is_set(self) -> bool:
        """True where the variable is in the environment and not empty."""
        return environment(self.env) is not None

    def reveal(self) -> str:
        """The secret itself. Raises ConfigError naming the variable and where it is asked for."""
        value = environment(self.env)
        if not value:
            raise ConfigError(
                f"The secret {self.env} ({self.where}) is not in the environment.",
                f"Export {self.env} where this process starts.",
            )
        return value


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """One Airbyte connection: a source for a tenant. ``config`` may hold SecretRef anywhere inside."""

    source: str
    tenant: str
    connection_id: UUID
    config: Mapping[str, Any]

    def revealed_config(self) -> dict[str, Any]:
        """The connector's configuration with every secret read now. Hand it over by a 0600 file, never by argument."""
        return rebuilt(self.config, lambda item: item.reveal() if isinstance(item, SecretRef) else item)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """An Airbyte source: its connector (a declarative ``manifest`` or an ``executable``), streams and connections."""

    name: str
    streams: tuple[StreamSettings, ...]
    connections: tuple[ConnectionSettings, ...]
    every: timedelta
    manifest: Path | None = None
    executable: tuple[str, ...] | None = None

    @property
    def asset_keys(self) -> tuple[str, ...]:
        """The keys of this source's assets, ``source/stream``, in the order of the file."""
        return tuple(f"{self.name}/{stream.name}" for stream in self.streams)


@dataclass(frozen=True, slots=True)
class AirbyteSettings:
    """A real Airbyte server, from the environment; ``url`` None means the local stand-in."""

    url: str | None = None
    workspace_id: str | None = None
    client_id: SecretRef | None = None
    client_secret: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything declared, with paths made absolute. ``root`` is the folder of telemetry.yaml.

    ``sources`` are those that Airbyte syncs, ``tables`` those that others fill, ``foreign`` those that other code
    locations materialize; the three share no name. ``fallback`` is the channel of whoever has none, ``deadman`` the URL
    to ask while all is well, ``dagster_url`` where people see the Dagster UI.
    """

    path: Path
    home: Path
    tenants: TenantSettings
    dbt: DbtSettings | None
    sources: Mapping[str, SourceSettings]
    promises: tuple[Promise, ...]
    snapshots: Mapping[str, SnapshotSettings]
    database: SecretRef | None
    airbyte: AirbyteSettings
    tables: Mapping[str, TableSourceSettings] = field(default_factory=dict[str, TableSourceSettings])
    foreign: Mapping[str, ForeignSourceSettings] = field(default_factory=dict[str, ForeignSourceSettings])
    owners: Mapping[str, OwnerSettings] = field(default_factory=dict[str, OwnerSettings])
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict[str, ChannelSettings])
    fallback: ChannelSettings | None = None
    deadman: SecretRef | None = None
    dagster_url: str | None = None

    @property
    def root(self) -> Path:
        """The folder of telemetry.yaml; every relative path in the file starts here."""
        return self.path.parent

    @property
    def schemas_dir(self) -> Path:
        """The folder of the contracts: ``schemas/`` beside telemetry.yaml, else the nearest above it with contracts."""
        above = (folder / "schemas" for folder in self.root.parents)
        beside = self.root / "schemas"
        return beside if beside.is_dir() else next((path for path in above if (path / "assets").is_dir()), beside)

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME of everything we launch."""
        return self.home / "dagster"

    def connections(self) -> Iterator[ConnectionSettings]:
        """Every connection of every source."""
        for source in self.sources.values():
            yield from source.connections

    def secrets(self) -> Iterator[SecretRef]:
        """Every ``{env: NAME}`` of the connections and channels, in the order of the file."""
        held = [*(one.config for one in self.connections()), *(one.options for one in self.channels.values())]
        for leaf in leaves([*held, self.fallback.options if self.fallback else {}, self.deadman]):
            if isinstance(leaf, SecretRef):
                yield leaf

    def env_names(self) -> frozenset[str]:
        """The environment variables that telemetry.yaml asks for."""
        return frozenset(ref.env for ref in self.secrets())


def load(path: Path | None = None) -> Settings:
    """Settings from ``path``, else $TELEMETRY_CONFIG, else the nearest telemetry.yaml at or above the current folder.

    Raises ConfigError with file, line, key and the nearest valid key. Reads no secret and opens no connection.
    """
    found = (path or find()).resolve()
    # pydantic takes longer to import than `scan`, which has no telemetry.yaml, takes to answer.
    from telemetry_assets.declaration.parse import parse, read_document

    return _settings(found, parse(read_document(found)))


def environment(name: str, default: str | None = None) -> str | None:
    """One environment variable, empty counting as unset. The door for the few who must hand one on."""
    return os.environ.get(name) or default


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Our environment with ``extra`` on top, for a process we start."""
    return {**os.environ, **extra}


def export(variables: Mapping[str, str]) -> None:
    """Set variables for libraries that can be told in no other way (dbt's profile, DAGSTER_HOME)."""
    os.environ.update(variables)


def find() -> Path:
    """Where the declaration is: $TELEMETRY_CONFIG, else the nearest telemetry.yaml. Raises ConfigError: nowhere."""
    named = environment("TELEMETRY_CONFIG")
    if named:
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise ConfigError(
        f"No {CONFIG_NAME} in {here} or above it.",
        "Go to the folder that has one, or name it in TELEMETRY_CONFIG.",
    )


def _settings(path: Path, declared: "Declaration") -> Settings:
    from telemetry_assets.declaration import settled

    root = path.parent
    home = environment("TELEMETRY_HOME")
    return Settings(
        path=path,
        home=Path(home).resolve() if home else root / ".telemetry",
        tenants=settled.tenants_of(declared),
        dbt=settled.dbt_of(declared, root),
        sources={name: _source(root, name, source) for name, source in declared.synced.items()},
        tables=settled.tables_of(declared),
        foreign=settled.foreign_of(declared),
        promises=tuple(promise.to_model() for promise in declared.promises),
        snapshots=settled.snapshots_of(declared),
        database=SecretRef("DATABASE_URL", "the database") if environment("DATABASE_URL") else None,
        airbyte=_airbyte(),
        owners=settled.owners_of(declared),
        channels=settled.channels_of(declared, SecretRef),
        fallback=_fallback(),
        deadman=_deadman(),
        dagster_url=(environment("TELEMETRY_DAGSTER_URL") or "").rstrip("/") or None,
    )


def _deadman() -> SecretRef | None:
    variable = "TELEMETRY_DEADMAN_URL"
    return SecretRef(variable, "the dead-man URL") if environment(variable) else None


def _fallback() -> ChannelSettings | None:
    variable = "MONITOR_ALERT_WEBHOOK_URL"
    if not environment(variable):
        return None
    return ChannelSettings(FALLBACK, "slack", {"webhook_url": SecretRef(variable, "the fallback channel")})


def _source(root: Path, name: str, declared: "AirbyteSourceDeclaration") -> SourceSettings:
    return SourceSettings(
        name=name,
        streams=tuple(StreamSettings(stream, spec.clock) for stream, spec in declared.streams.items()),
        connections=tuple(
            ConnectionSettings(
                source=name,
                tenant=connection.tenant or ANY_TENANT,
                connection_id=connection.resolved_id(name),
                config=with_refs(connection.config, f"sources.{name}.connections[{index}].config", SecretRef),
            )
            for index, connection in enumerate(declared.connections)
        ),
        every=declared.every,
        manifest=(root / declared.manifest).resolve() if declared.manifest else None,
        executable=tuple(declared.executable) if declared.executable else None,
    )


def _airbyte() -> AirbyteSettings:
    def secret(name: str) -> SecretRef | None:
        return SecretRef(name, "Airbyte") if environment(name) else None

    return AirbyteSettings(
        url=environment("AIRBYTE_URL"),
        workspace_id=environment("AIRBYTE_WORKSPACE_ID"),
        client_id=secret("AIRBYTE_CLIENT_ID"),
        client_secret=secret("AIRBYTE_CLIENT_SECRET"),
    )
