"""The shape of telemetry.yaml: pydantic models, unknown keys refused, errors with file, line and the nearest key.

What belongs here: what one file may say. What does not: paths made absolute and the environment (``settings.py``).
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from telemetry_assets.errors import ConfigError
from telemetry_assets.model import Clock, ClockKind, Promise, Tenant, Window

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+[smhdw])+")


def parse_duration(text: Any) -> timedelta:
    """``90s``, ``45m``, ``1h30m``, ``2d``, ``1w`` → timedelta. Raises ValueError with the accepted form."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a duration: write 90s, 45m, 1h30m or 2d")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text))
    if seconds == 0:
        raise ValueError(f"{text!r} is no time at all: a duration is at least 1s")
    return timedelta(seconds=seconds)


def parse_clock(text: Any) -> Clock:
    """``sync``, ``static`` or ``column NAME`` → Clock."""
    if isinstance(text, Clock):
        return text
    words = text.split() if isinstance(text, str) else []
    match words:
        case ["sync"]:
            return Clock(ClockKind.SYNC)
        case ["static"]:
            return Clock(ClockKind.STATIC)
        case ["column", name]:
            return Clock(ClockKind.COLUMN, name)
        case _:
            raise ValueError(f"{text!r} is not a clock: write sync, static or 'column NAME'")


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
ClockText = Annotated[Clock, BeforeValidator(parse_clock)]


class Strict(BaseModel):
    """A mapping of telemetry.yaml: unknown keys refused, values frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class WindowDeclaration(Strict):
    warn: Duration | None = None
    fail: Duration

    def to_model(self) -> Window:
        return Window(fail=self.fail, warn=self.warn)


class TenantDeclaration(Strict):
    slug: str
    id: UUID
    name: str
    timezone: str = "UTC"

    def to_model(self) -> Tenant:
        return Tenant(slug=self.slug, id=self.id, name=self.name, timezone=self.timezone)


class TenantTableDeclaration(Strict):
    table: str
    id: str = "id"
    slug: str = "slug"
    name: str = "name"
    timezone: str | None = None
    column: str = "tenant_id"


class StreamDeclaration(Strict):
    clock: ClockText = Clock()


class ConnectionDeclaration(Strict):
    tenant: str | None = None
    config: dict[str, Any] = Field(default_factory=dict[str, Any])
    connection_id: UUID | None = None

    def resolved_id(self, source: str) -> UUID:
        """The server's connection id, else ours: uuid5 of tenant/source, the same on every machine."""
        return self.connection_id or uuid5(NAMESPACE_URL, f"telemetry-assets:{self.tenant}/{source}")


class SourceDeclaration(Strict):
    manifest: Path | None = None
    executable: list[str] | None = None
    every: Duration
    streams: dict[str, StreamDeclaration]
    connections: list[ConnectionDeclaration]


class DbtDeclaration(Strict):
    project_dir: Path
    profiles_dir: Path | None = None
    target: str | None = None
    every: Duration | None = None


class PromiseDeclaration(Strict):
    asset: str
    window: WindowDeclaration | None = None
    grace: Duration | None = None
    owner: str | None = None
    tenants: dict[str, WindowDeclaration | None] | list[str] | None = None

    def to_model(self) -> Promise:
        overrides = {
            slug: window.to_model()
            for slug, window in (self.tenants.items() if isinstance(self.tenants, dict) else ())
            if window is not None
        }
        return Promise(
            asset=self.asset,
            window=self.window.to_model() if self.window else None,
            grace=self.grace or timedelta(0),
            owner=self.owner,
            tenants=frozenset(self.tenants) if isinstance(self.tenants, list) else None,
            overrides=overrides,
        )


class SnapshotDeclaration(Strict):
    relation: str
    every: Duration | None = None


class OwnerDeclaration(Strict):
    notify: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    escalate: dict[str, Any] | None = None


class Declaration(Strict):
    """The whole file. At most eight keys (a test counts them)."""

    dbt: DbtDeclaration | None = None
    tenants: list[TenantDeclaration] | TenantTableDeclaration | None = None
    sources: dict[str, SourceDeclaration] = Field(default_factory=dict[str, SourceDeclaration])
    promises: list[PromiseDeclaration] = Field(default_factory=list[PromiseDeclaration])
    snapshots: dict[str, SnapshotDeclaration] = Field(default_factory=dict[str, SnapshotDeclaration])
    owners: dict[str, OwnerDeclaration] = Field(default_factory=dict[str, OwnerDeclaration])
    channels: dict[str, Any] = Field(default_factory=dict[str, Any])


def read_document(path: Path) -> Any:
    """The YAML document of ``path`` as plain data. Raises ConfigError for a missing or broken file."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist.", "Name the file in TELEMETRY_CONFIG.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None


def parse(document: Any) -> Declaration:
    """Plain data → Declaration. Raises ConfigError."""
    try:
        return Declaration.model_validate(document or {})
    except ValidationError as error:
        raise ConfigError(str(error)) from None
