"""The frozen values that settings are made of, as far as no secret is in them.

What belongs here: what one section of telemetry.yaml comes to. What does not: how it is read (``settings.py``).
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from telemetry_assets.model import Clock, Tenant


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """One stream of a source and its clock."""

    name: str
    clock: Clock


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
