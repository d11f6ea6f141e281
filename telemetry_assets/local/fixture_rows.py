"""The fixtures of sources as the guard takes them: tenant → rows of each stream and table, hydrated at one instant.

What belongs here: reading and checking them, and whose rows they are. What does not: syncing them
(``fixture_connector.py``), the home they are synced into (``guard_home.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from telemetry_assets.contracts.fixtures import age_of, hydrated
from telemetry_assets.contracts.reading import read_json_file
from telemetry_assets.contracts.registry import SUFFIX
from telemetry_assets.errors import ConfigError, TelemetryError
from telemetry_assets.local.fixture_catalog import PRIMARY_KEY, Row
from telemetry_assets.model import ANY_TENANT, Tenant
from telemetry_assets.settings import Settings

CANARY = "canary-"
"""How the slug of a tenant begins that is made up, to see whether it turns up where it must not."""


@dataclass(frozen=True, slots=True)
class Fixture:
    """One fixture: its rows per tenant, hydrated. ``key`` holds the key columns it names, ``age`` how old it is where
    it holds absolute times."""

    path: Path
    rows: Mapping[str, Sequence[Row]]
    key: tuple[str, ...] = ()
    age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Fixtures:
    """Every fixture by asset key; ``faults`` are those that cannot be used, ``missing`` the assets that have none."""

    found: Mapping[str, Fixture] = field(default_factory=dict[str, Fixture])
    faults: Mapping[str, TelemetryError] = field(default_factory=dict[str, TelemetryError])
    missing: tuple[str, ...] = ()
    tenants: tuple[Tenant, ...] = ()

    @property
    def canaries(self) -> tuple[str, ...]:
        """The slugs of the tenants that are made up."""
        return tuple(tenant.slug for tenant in self.tenants if is_canary(tenant.slug))

    def rows_of(self, slug: str) -> Iterable[Row]:
        """Every row of one tenant."""
        return (row for fixture in self.found.values() for row in fixture.rows.get(slug, ()))


def is_canary(slug: str) -> bool:
    """Whether a tenant is made up by its fixtures."""
    return slug.startswith(CANARY)


def read_fixtures(settings: Settings, now: datetime) -> Fixtures:
    """The fixtures of every synced stream and watched table, and those that are no contract's: of tables that a dbt
    project reads. A fixture that cannot be used is among the faults."""
    folder = settings.schemas_dir / "fixtures"
    found: dict[str, Fixture] = {}
    faults: dict[str, TelemetryError] = {}
    missing: list[str] = []
    wanted = _wanted(settings)
    for key, tenanted in {**wanted, **_others(settings, wanted)}.items():
        path = folder / f"{key.replace('/', '.')}.json"
        if not path.is_file():
            missing.append(key)
            continue
        try:
            found[key] = read_fixture(settings, path, now, tenanted=tenanted)
        except TelemetryError as error:
            faults[key] = error
    return Fixtures(found, faults, tuple(missing), _tenants(settings, found.values()))


def read_fixture(settings: Settings, path: Path, now: datetime, *, tenanted: bool | None) -> Fixture:
    """One fixture; ``tenanted`` None: either. Raises ConfigError that names file, tenant and what there is instead."""
    document = read_json_file(path)
    if not isinstance(document, dict):
        raise ConfigError(f"The fixture {path.name} is {_kind(document)}, no object.", "Write tenant → rows.")
    key = document.pop(PRIMARY_KEY, [])
    if not isinstance(key, list) or not all(isinstance(column, str) for column in key):
        raise ConfigError(f"The fixture {path.name}: {PRIMARY_KEY} is no list of column names.")
    for slug, rows in document.items():
        _check_tenant(settings, path.name, slug, tenanted=tenanted)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ConfigError(f"The fixture {path.name}: what {slug} has is no list of objects.", "Write its rows.")
    rows = hydrated(document, now, path.name)
    return Fixture(path, rows, tuple(key), age_of(document, now))


def _wanted(settings: Settings) -> dict[str, bool]:
    """Asset key → whether its rows are tenants', of everything that is filled from fixtures."""
    streams = {
        key: not source.connections or any(one.tenant != ANY_TENANT for one in source.connections)
        for source in settings.sources.values()
        for key in source.asset_keys
    }
    tables = {
        table.asset_key: table.tenant_column is not None
        for source in settings.tables.values()
        for table in source.tables
    }
    return {**streams, **tables}


def _others(settings: Settings, wanted: Mapping[str, bool]) -> dict[str, None]:
    """The keys of fixtures that are neither a stream's or declared table's nor a contract's."""
    schemas = settings.schemas_dir
    names = [path.stem for path in sorted((schemas / "fixtures").glob("*.json"))]
    contracts = {path.name.removesuffix(SUFFIX) for path in schemas.glob(f"*/*{SUFFIX}")}
    keys = {name: name.replace(".", "/", 1) for name in names if name not in contracts}
    return {key: None for key in keys.values() if key not in wanted}


def _check_tenant(settings: Settings, name: str, slug: str, *, tenanted: bool | None) -> None:
    declared = settings.tenants.inline
    if tenanted is None and slug == ANY_TENANT:
        return
    if tenanted is False:
        if slug != ANY_TENANT:
            raise ConfigError(f"The fixture {name} names the tenant {slug}, and its data has none.", "Write '*'.")
        return
    if is_canary(slug) or (declared is None and settings.tenants.table):
        return
    known = [tenant.slug for tenant in declared or ()]
    if slug not in known:
        near = get_close_matches(slug, known, n=1)
        offered = f"Did you mean {near[0]}? " if near else ""
        raise ConfigError(
            f"The fixture {name} names the tenant {slug!r}, which telemetry.yaml has not.",
            f"{offered}There are {', '.join(known) or 'none'}; a tenant of the fixtures alone is named {CANARY}….",
        )


def _tenants(settings: Settings, fixtures: Iterable[Fixture]) -> tuple[Tenant, ...]:
    """The tenants of the fixtures: the declared ones first and as declared, then the others by slug."""
    slugs = {slug for fixture in fixtures for slug in fixture.rows} - {ANY_TENANT}
    declared = [tenant for tenant in settings.tenants.inline or () if tenant.slug in slugs]
    others = sorted(slugs - {tenant.slug for tenant in declared})
    return (*declared, *(_made_up(slug) for slug in others))


def _made_up(slug: str) -> Tenant:
    made = uuid5(NAMESPACE_URL, f"https://telemetry-assets.invalid/fixtures/{slug}")
    return Tenant(slug, made, slug.replace("-", " ").title(), "UTC")


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a number or a boolean")
