"""From what is declared to the frozen values of ``configured.py``, as far as no secret is in them.

What belongs here: defaults that depend on another key, paths made absolute. What does not: the environment and what
may hold a secret (``settings.py``).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from telemetry_assets.declaration.configured import (
    ChannelSettings,
    DbtSettings,
    ForeignAssetSettings,
    ForeignSourceSettings,
    OwnerSettings,
    SnapshotSettings,
    TableSourceSettings,
    TenantSettings,
    WatchedTableSettings,
)
from telemetry_assets.declaration.nested import with_refs
from telemetry_assets.declaration.shapes import Declaration
from telemetry_assets.declaration.sources import TableDeclaration


def tenants_of(declared: Declaration) -> TenantSettings:
    """The tenants, by list or by table."""
    tenants = declared.tenants
    if tenants is None:
        return TenantSettings()
    if isinstance(tenants, list):
        return TenantSettings(inline=tuple(tenant.to_model() for tenant in tenants))
    return TenantSettings(
        column=tenants.column,
        table=tenants.table,
        id_column=tenants.id,
        slug_column=tenants.slug,
        name_column=tenants.name,
        timezone_column=tenants.timezone,
    )


def dbt_of(declared: Declaration, root: Path) -> DbtSettings | None:
    """The dbt project, its folders found from ``root``."""
    if declared.dbt is None:
        return None
    profiles = declared.dbt.profiles_dir
    return DbtSettings(
        project_dir=(root / declared.dbt.project_dir).resolve(),
        profiles_dir=(root / profiles).resolve() if profiles else None,
        target=declared.dbt.target,
        every=declared.dbt.every,
    )


def snapshots_of(declared: Declaration) -> Mapping[str, SnapshotSettings]:
    """The metric snapshots by name."""
    return {
        name: SnapshotSettings(name=name, relation=snapshot.relation, every=snapshot.every)
        for name, snapshot in declared.snapshots.items()
    }


def tables_of(declared: Declaration) -> Mapping[str, TableSourceSettings]:
    """The sources of ``kind: table``. Where no tenants are declared, no table is taken to have them."""
    usual = tenants_of(declared).column if declared.tenants is not None else None
    return {
        name: TableSourceSettings(
            name, tuple(_table(name, table, spec, usual) for table, spec in source.tables.items())
        )
        for name, source in declared.watched.items()
    }


def foreign_of(declared: Declaration) -> Mapping[str, ForeignSourceSettings]:
    """The sources of ``kind: dagster``."""
    return {
        name: ForeignSourceSettings(
            name,
            tuple(
                ForeignAssetSettings(spec.key or f"{name}/{asset}", spec.clock, spec.tenanted, asset)
                for asset, spec in source.assets.items()
            ),
        )
        for name, source in declared.foreign.items()
    }


def _table(source: str, table: str, declared: TableDeclaration, usual: str | None) -> WatchedTableSettings:
    schema, _, name = (declared.table or f"{source}.{table}").partition(".")
    return WatchedTableSettings(
        asset_key=f"{source}/{table}",
        schema=schema,
        name=name,
        clock=declared.clock,
        tenant_column=declared.column_of(usual),
    )


def owners_of(declared: Declaration) -> dict[str, OwnerSettings]:
    """The owners by name, in the order of the file."""
    return {
        name: OwnerSettings(
            name=name,
            notify={severity: tuple(channels) for severity, channels in owner.notify.items()},
            escalate_after=owner.escalate.after if owner.escalate else None,
            escalate_to=owner.escalate.to if owner.escalate else None,
            remind=owner.remind,
            dashboard=owner.dashboard or "",
            runbook=owner.runbook or "",
        )
        for name, owner in declared.owners.items()
    }


def channels_of(declared: Declaration, secret: Callable[[str, str], Any]) -> dict[str, ChannelSettings]:
    """The channels by name, in the order of the file. ``secret``: variable, where it is asked for → its reference."""
    return {
        name: ChannelSettings(
            name=name,
            kind=channel.kind,
            options=with_refs(channel.options(), f"channels.{name}", secret),
            rate=channel.rate,
            **({"timeout": channel.timeout} if channel.timeout else {}),
        )
        for name, channel in declared.channels.items()
    }
