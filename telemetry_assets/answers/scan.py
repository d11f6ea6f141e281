"""dbt source freshness per tenant, on any dbt project with any PostgreSQL: what to ask, whom, and the answer.

What belongs here: the options, finding project and database, one look. What does not: the judgement
(``scan_judgement.py``), reading YAML and SQL (``sources/``), drawing (``render/scan.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from telemetry_assets.answers.scan_answer import Finding, FindingKind, ScanAnswer
from telemetry_assets.answers.scan_judgement import judge
from telemetry_assets.errors import ConfigError, UsageError
from telemetry_assets.model import ExitCode, worst_exit
from telemetry_assets.sources.dbt_database import look as look_at
from telemetry_assets.sources.dbt_jinja import Context, render
from telemetry_assets.sources.dbt_profile import DatabaseAddress, find_profiles, read_profile
from telemetry_assets.sources.dbt_project import (
    Project,
    Sources,
    SourceTable,
    find_project,
    profile_name,
    read_manifest,
    read_sources,
    select,
)
from telemetry_assets.sources.tables import TableRequest

type Environment = Callable[[str], str | None]

_HOW = """Write one beside a source of yours, then scan again:
  config: {freshness: {error_after: {count: 6, period: hour}}, loaded_at_field: loaded_at}"""


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """The command's options. ``by`` is the tenant column; ``select`` holds patterns, apart by spaces or commas.

    ``timeout`` bounds the whole look at the database.
    """

    by: str
    project_dir: Path = Path()
    profiles_dir: Path | None = None
    target: str | None = None
    manifest: Path | None = None
    database_url: str | None = None
    select: str | None = None
    timeout: timedelta = timedelta(minutes=5)


def scan(options: ScanOptions, *, now: datetime | None = None, environment: Environment | None = None) -> ScanAnswer:
    """Look once. ``now`` defaults to the database's clock, as dbt's does; ``environment`` to this process's.

    Raises ConfigError (project, YAML, profile, no freshness anywhere), UsageError (unknown target, selection or
    tenant column) and CouldNotLookError (a manifest or a database that cannot be read).
    """
    known = environment or _environment
    project = _project(options)
    address = _address(options, project, known)
    sources = _sources(options, project, known, address)
    tables = select(sources.tables, [options.select] if options.select else [])
    asked = {table: _request(table, options.by, address, known) for table in tables}
    requests = [request for request in asked.values() if isinstance(request, TableRequest)]
    look = look_at(address, requests, now=now, timeout=options.timeout)
    if look.columns is not None:
        raise UsageError(
            f"None of the {len(requests)} tables has a column '{options.by}'.",
            f"The columns most of them have: {', '.join(look.columns)}." if look.columns else "",
        )
    readings = iter(look.readings)
    looked = [(table, request if isinstance(request, Finding) else next(readings)) for table, request in asked.items()]
    judgement = judge(looked, options.by, look.looked_at)
    tenants = {mark.tenant for reading in look.readings if reading.tenanted for mark in reading.watermarks}
    return ScanAnswer(
        project=project.name if project else sources.origin,
        read_from=sources.origin,
        database=look.place,
        database_origin=address.origin,
        by=options.by,
        looked_at=look.looked_at,
        tenants=len(tenants - {None}),
        undated=sources.undated,
        tables=tuple(judgement.tables),
        judged=tuple(judgement.judged),
        findings=tuple(judgement.findings),
        exit_code=worst_exit(sorted(judgement.exits)),
    )


def _environment(name: str) -> str | None:
    from telemetry_assets.settings import environment

    return environment(name)


def _project(options: ScanOptions) -> Project | None:
    """The project; None where a manifest and a database were both named and there is none."""
    try:
        return find_project(None if options.project_dir == Path() else options.project_dir)
    except ConfigError:
        if options.manifest:
            return None
        raise


def _address(options: ScanOptions, project: Project | None, environment: Environment) -> DatabaseAddress:
    """The option, else DATABASE_URL, else the project's dbt profile."""
    if options.database_url:
        return DatabaseAddress("--database-url", options.database_url)
    if url := environment("DATABASE_URL"):
        return DatabaseAddress("DATABASE_URL", url)
    if project is None:
        raise ConfigError("A manifest alone names no database.", "Name it with --database-url or DATABASE_URL.")
    profiles = find_profiles(options.profiles_dir, project.folder, environment)
    context = Context(environment, project.variables())
    return read_profile(profiles, profile_name(project, environment), options.target, context)


def _sources(
    options: ScanOptions, project: Project | None, environment: Environment, address: DatabaseAddress
) -> Sources:
    if options.manifest or project is None:
        sources = read_manifest(options.manifest or Path())
    else:
        sources = read_sources(project, environment, address.target, fresh=options.target is not None)
    if not sources.tables:
        raise ConfigError(f"No source in {sources.origin} has a `freshness:` block ({sources.undated} without).", _HOW)
    return sources


def _request(table: SourceTable, by: str, address: DatabaseAddress, environment: Environment) -> TableRequest | Finding:
    """What to ask of one table, or why there is nothing to ask."""
    relation = f"{table.schema}.{table.identifier}"
    connected = address.parameters.get("dbname")
    if table.database and connected and table.database != connected:
        return Finding(
            FindingKind.OTHER_DATABASE,
            (table.key,),
            f"{relation} is in the database '{table.database}', and this is '{connected}'.",
            "PostgreSQL cannot look across: name that database with --database-url.",
            ExitCode.COULD_NOT_LOOK,
        )
    if table.loaded_at_query:
        this = ".".join('"' + part.replace('"', '""') + '"' for part in (table.schema, table.identifier))
        query = render(table.loaded_at_query, Context(environment, this=this), f"{table.label}, loaded_at_query")
        return TableRequest(table.schema, table.identifier, "", by, query=str(query))
    if not table.loaded_at_field:
        return Finding(
            FindingKind.NO_CLOCK,
            (table.key,),
            f"{table.label} has a window and no loaded_at_field.",
            "Name the column that dates its rows.",
            ExitCode.FAILING,
        )
    return TableRequest(table.schema, table.identifier, table.loaded_at_field, by, filter=table.filter)
