"""What the guard's database holds before anything is synced: the tables of others, and that other locations ran.

What belongs here: which tables there are, and with what they are filled. What does not: filling one
(``local/fixture_tables.py``), syncing (``guard_steps.py``).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.results import Kind, Place, Result
from telemetry_assets.ledger import subjects
from telemetry_assets.model import ANY_TENANT, State, SubjectFact
from telemetry_assets.settings import Settings
from telemetry_assets.sources.dbt_manifest import watched_tables
from telemetry_assets.sources.git import in_repository
from telemetry_assets.spoken import counted

if TYPE_CHECKING:
    from telemetry_assets.local.fixture_rows import Fixtures

FIXTURE = "fixture"
GUARD = "guard"


def filled(
    conn: Connection[TupleRow], settings: Settings, fixtures: "Fixtures", manifest: Mapping[str, Any] | None
) -> Iterator[Result]:
    """Fill the table of the tenants, the declared tables, and those that the dbt project reads and nobody declares.

    ``settings`` are the user's; the ledger's own tables are there already.
    """
    from telemetry_assets.local.fixture_tables import fill, fill_tenants, table_exists

    fill_tenants(conn, settings.tenants, fixtures.tenants)
    used = {key for source in settings.sources.values() for key in source.asset_keys}
    for key, schema, name, tenant_column in _tables(settings, manifest):
        if key in used or key in fixtures.faults:
            continue
        used.add(key)
        fixture = fixtures.found.get(key)
        if table_exists(conn, schema, name):
            continue
        if fixture is None and key not in fixtures.missing:
            yield _nothing(key)
            continue
        column = None if fixture and ANY_TENANT in fixture.rows else tenant_column or settings.tenants.column
        count = fill(conn, (schema, name), column, fixtures.tenants, fixture.rows if fixture else {})
        if fixture:
            said = f"{schema}.{name} filled with {counted(count, 'row')}"
            yield Result(Kind.STEP, key, FIXTURE, State.PASS, said)
    for key in sorted(fixtures.found.keys() - used):
        path = fixtures.found[key].path
        said = f"{path.name} belongs to nothing: no stream, table or contract is named so"
        place = Place(in_repository(path, settings.root))
        yield Result(Kind.STEP, key, FIXTURE, State.FAIL, said, remedy="Rename it, or remove it.", place=place)


def fixture_faults(settings: Settings, fixtures: "Fixtures") -> Iterator[Result]:
    """What is wrong with fixtures before anything is filled, and which of them are not there."""
    for key, error in fixtures.faults.items():
        path = settings.schemas_dir / "fixtures" / f"{key.replace('/', '.')}.json"
        place = Place(in_repository(path, settings.root))
        yield Result(Kind.STEP, key, FIXTURE, State.FAIL, error.message, remedy=error.remedy, place=place)
    for key in fixtures.missing:
        yield _nothing(key)


def others_ran(conn: Connection[TupleRow], settings: Settings, fixtures: "Fixtures", now: datetime) -> Iterator[Result]:
    """What other code locations make is taken to be made just now: nothing of theirs runs here."""
    tenants = [tenant.slug for tenant in fixtures.tenants]
    for source in settings.foreign.values():
        for asset in source.assets:
            key = asset.asset_key
            facts = [
                SubjectFact(key, tenant, now, GUARD, GUARD, {key: now})
                for tenant in (tenants if asset.tenanted else [ANY_TENANT])
            ]
            subjects.record(conn, facts)
            said = "made by another code location: taken to be made just now"
            yield Result(Kind.STEP, key, FIXTURE, State.PASS, said)


def _tables(settings: Settings, manifest: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str, str | None]]:
    """(key, schema, name, tenant column) of each table that others fill, the declared ones first."""
    for source in settings.tables.values():
        for table in source.tables:
            yield table.asset_key, table.schema, table.name, table.tenant_column
    for table in watched_tables(manifest or {}, settings.tenants.column):
        yield table.key, table.schema, table.identifier, table.tenant_column


def _nothing(key: str) -> Result:
    remedy = f"Write schemas/fixtures/{key.replace('/', '.')}.json: tenant → rows."
    return Result(Kind.STEP, key, FIXTURE, State.UNKNOWN, "has no fixture, so nothing was looked at", remedy=remedy)
