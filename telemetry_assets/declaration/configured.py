"""The frozen values that settings are made of, as far as they reveal no secret.

What belongs here: what one section of telemetry.yaml comes to. What does not: how it is read (``settings.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from telemetry_assets.model import Clock, Tenant

FALLBACK = "monitor_alert"
"""What the channel of ``MONITOR_ALERT_WEBHOOK_URL`` is called."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """One stream of a source and its clock."""

    name: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class WatchedTableSettings:
    """A table that others fill. ``tenant_column`` None: its data has no tenants, one subject ``*``."""

    asset_key: str
    schema: str
    name: str
    clock: Clock
    tenant_column: str | None


@dataclass(frozen=True, slots=True)
class TableSourceSettings:
    """Tables that others fill and we look at: ``kind: table``."""

    name: str
    tables: tuple[WatchedTableSettings, ...]

    @property
    def asset_keys(self) -> tuple[str, ...]:
        """The keys of this source's assets, ``source/table``, in the order of the file."""
        return tuple(table.asset_key for table in self.tables)


@dataclass(frozen=True, slots=True)
class ForeignAssetSettings:
    """An asset that another code location materializes; ``asset_key`` is its key there, ``name`` its name here."""

    asset_key: str
    clock: Clock
    tenanted: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class ForeignSourceSettings:
    """Assets of other code locations of the same Dagster instance: ``kind: dagster``."""

    name: str
    assets: tuple[ForeignAssetSettings, ...]

    @property
    def asset_keys(self) -> tuple[str, ...]:
        """The keys of this source's assets, in the order of the file."""
        return tuple(asset.asset_key for asset in self.assets)


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """The tenants by an inline list, or the table that holds them; ``column`` is the tenant column of every table."""

    column: str = "tenant_id"
    inline: tuple[Tenant, ...] | None = None
    table: str | None = None
    id_column: str = "id"
    slug_column: str = "slug"
    name_column: str = "name"
    timezone_column: str | None = None


@dataclass(frozen=True, slots=True)
class DbtSettings:
    """Where the dbt project is, and its own cadence; without ``every`` it is built after each sync."""

    project_dir: Path
    profiles_dir: Path | None = None
    target: str | None = None
    every: timedelta | None = None

    @property
    def manifest_path(self) -> Path:
        """Where ``dbt parse`` leaves the manifest the code location loads."""
        return self.project_dir / "target" / "manifest.json"


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """A metric snapshot: the relation with one payload row per tenant; without ``every`` published after each build."""

    name: str
    relation: str
    every: timedelta | None = None

    @property
    def asset_key(self) -> str:
        """``snapshots/NAME``."""
        return f"snapshots/{self.name}"


@dataclass(frozen=True, slots=True)
class OwnerSettings:
    """Somebody who answers for promises. ``notify``: severity (ERROR, WARN) → names of channels.

    ``remind`` None means the default; ``dashboard`` and ``runbook`` are link templates, empty for none.
    """

    name: str
    notify: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    escalate_after: timedelta | None = None
    escalate_to: str | None = None
    remind: timedelta | None = None
    dashboard: str = ""
    runbook: str = ""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Where messages go. ``kind`` is slack, email, webhook, file or console; ``options`` are the kind's own keys as
    they are written, in which a SecretRef may stand. ``rate`` is messages per second (None: the kind's own),
    ``timeout`` the hard end of one attempt."""

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rate: float | None = None
    timeout: timedelta = timedelta(seconds=10)
