"""Any dbt project → its source tables with the freshness people already wrote, without importing dbt.

What belongs here: the project's folders, and whether its manifest or its YAML speaks. What does not: reading the YAML
(``dbt_source_yaml.py``), the database's address (``dbt_profile.py``), asking the database (``tables.py``).
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import orjson

from telemetry_assets.errors import ConfigError, CouldNotLookError, UsageError
from telemetry_assets.sources.dbt_jinja import Context, Environment, render
from telemetry_assets.sources.dbt_profile import read_yaml

_PERIODS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_FOLDERS = {
    "model-paths": ["models"],
    "seed-paths": ["seeds"],
    "snapshot-paths": ["snapshots"],
    "macro-paths": ["macros"],
}
_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A source table that dbt would test for freshness, with names as the database has them.

    ``database`` is set only where the project names one. Without ``loaded_at_field`` and ``loaded_at_query`` dbt on
    PostgreSQL has no answer. A ``filter`` is the project's own SQL, and so are both ``loaded_at``.
    """

    source: str
    table: str
    schema: str
    identifier: str
    warn_after: timedelta | None = None
    error_after: timedelta | None = None
    loaded_at_field: str | None = None
    loaded_at_query: str | None = None
    filter: str | None = None
    database: str | None = None

    @property
    def key(self) -> str:
        """``source/table``, the asset key."""
        return f"{self.source}/{self.table}"

    @property
    def label(self) -> str:
        """``source.table``, as dbt's people write it."""
        return f"{self.source}.{self.table}"


@dataclass(frozen=True, slots=True)
class Sources:
    """The dated source tables, how many have no freshness block, and where it was read (for people)."""

    tables: tuple[SourceTable, ...]
    undated: int
    origin: str


@dataclass(frozen=True, slots=True)
class Project:
    """A dbt project's folder and its dbt_project.yml as plain data."""

    folder: Path
    document: Mapping[str, Any]
    package: str | None = None
    overriding: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        return str(self.document.get("name", self.folder.name))

    def variables(self) -> dict[str, Any]:
        """``vars:`` as this package sees them; the root project's win."""
        return {**_flat(self.document.get("vars"), self.name), **_flat(self.overriding, self.name)}

    def folders(self) -> list[Path]:
        """The folders dbt reads YAML from."""
        named = (self.document.get(key, default) for key, default in _FOLDERS.items())
        return [self.folder / str(path) for paths in named for path in paths or ()]

    def yaml_files(self) -> list[Path]:
        """Every YAML file dbt would read, sorted."""
        return sorted(
            Path(folder, name)
            for start in self.folders()
            for folder, _, names in os.walk(start)
            for name in names
            if name.endswith((".yml", ".yaml"))
        )


def find_project(project_dir: Path | None) -> Project:
    """The project in ``project_dir``, else at or above the current folder. Raises ConfigError where there is none."""
    start = (project_dir or Path.cwd()).resolve()
    for folder in (start,) if project_dir else (start, *start.parents):
        path = folder / "dbt_project.yml"
        if path.is_file():
            document = read_yaml(path)
            if not isinstance(document, dict):
                raise ConfigError(f"{path} is not a dbt project: it holds no keys.")
            return Project(folder, document)
    raise ConfigError(
        f"No dbt_project.yml in {start}{'' if project_dir else ' or above it'}.",
        "Go to your dbt project, or name it with --project-dir.",
    )


def profile_name(project: Project, environment: Environment) -> str:
    """The profile that dbt_project.yml names. Raises ConfigError where it names none."""
    where = f"{project.folder / 'dbt_project.yml'}, profile"
    name = render(project.document.get("profile"), Context(environment, project.variables()), where)
    if not name:
        raise ConfigError(
            f"{project.folder / 'dbt_project.yml'} names no profile.", "Name the database: --database-url."
        )
    return str(name)


def read_sources(project: Project, environment: Environment, target: Mapping[str, Any] | None, fresh: bool) -> Sources:
    """The project's sources: from target/manifest.json where it is newer than every YAML file, else from the YAML.

    ``fresh`` never trusts the manifest (another target than dbt's default was asked for). Raises ConfigError.
    """
    manifest = project.folder / str(project.document.get("target-path", "target")) / "manifest.json"
    projects = (project, *_packages(project))
    torn = False
    if not fresh and _newer(manifest, projects):
        try:
            return read_manifest(manifest)
        except CouldNotLookError:
            torn = True
    from telemetry_assets.sources.dbt_source_yaml import read_project

    found = [read_project(each, project, Context(environment, each.variables(), target)) for each in projects]
    origin = "the project's YAML" + (" (target/manifest.json is torn)" if torn else "")
    return Sources(
        tuple(table for tables, _ in found for table in tables), sum(undated for _, undated in found), origin
    )


def read_manifest(path: Path) -> Sources:
    """The sources of a manifest.json. Raises CouldNotLookError for one that is missing, torn or not a manifest."""
    try:
        sources = orjson.loads(path.read_bytes())["sources"]
        nodes = [node for node in sources.values() if (node.get("config") or {}).get("enabled", True)]
        dated = [table for node in nodes if (table := _manifest_table(node))]
    except OSError as error:
        raise CouldNotLookError(f"{path} could not be read: {error.strerror}.", "Make it: dbt parse") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CouldNotLookError(f"{path} is torn, or no dbt manifest.", "Make it anew: dbt parse") from None
    return Sources(tuple(dated), len(nodes) - len(dated), path.name)


def select(tables: Sequence[SourceTable], patterns: Sequence[str]) -> tuple[SourceTable, ...]:
    """The tables that any pattern names: ``source``, ``source.table`` or ``source/table``, globs too, with or without
    dbt's ``source:``. Raises UsageError for a pattern that names none."""
    chosen: dict[str, SourceTable] = {}
    for text in (word for pattern in patterns for word in re.split(r"[\s,]+", pattern) if word):
        wanted = text.removeprefix("source:").replace(".", "/")
        hits = [table for table in tables if fnmatchcase(table.key, wanted) or fnmatchcase(table.source, wanted)]
        if not hits:
            known = ", ".join(sorted({table.source for table in tables})[:8])
            raise UsageError(f"--select {text} names no source with a freshness block.", f"There are: {known}.")
        chosen.update((table.key, table) for table in hits)
    return tuple(chosen.values()) if patterns else tuple(tables)


def window(value: Any, where: str) -> timedelta | None:
    """``{count, period}`` as dbt writes it → timedelta; None where it has none. Raises ConfigError."""
    if not isinstance(value, Mapping) or value.get("count") is None or value.get("period") is None:
        return None
    try:
        return int(value["count"]) * _PERIODS[str(value["period"])]
    except (KeyError, ValueError):
        raise ConfigError(
            f"{where} says {value['count']!r} {value['period']!r}: a window is a whole count of minute, hour or day."
        ) from None


def _manifest_table(node: Mapping[str, Any]) -> SourceTable | None:
    freshness = node.get("freshness") or {}
    where = f"{node['source_name']}.{node['name']}"
    warn_after = window(freshness.get("warn_after"), where)
    error_after = window(freshness.get("error_after"), where)
    if warn_after is None and error_after is None:
        return None
    schema, identifier = _relation(node)
    return SourceTable(
        source=node["source_name"],
        table=node["name"],
        schema=schema,
        identifier=identifier,
        warn_after=warn_after,
        error_after=error_after,
        loaded_at_field=node.get("loaded_at_field"),
        loaded_at_query=node.get("loaded_at_query"),
        filter=freshness.get("filter"),
        database=node["database"] if node.get("unrendered_database") else None,
    )


def _relation(node: Mapping[str, Any]) -> tuple[str, str]:
    """Schema and table of dbt's relation name; what that leaves unquoted PostgreSQL folds to lower case."""
    name, schema, identifier = node.get("relation_name") or "", node["schema"], node["identifier"]
    if name.endswith(f'."{schema}"."{identifier}"'):
        return schema, identifier
    parts = [
        found[1].replace('""', '"') if found[1] is not None else found[2].lower() for found in _PART.finditer(name)
    ]
    return (parts[-2], parts[-1]) if len(parts) >= 2 else (schema, identifier)


def _packages(project: Project) -> Iterator[Project]:
    """The installed packages, whose sources dbt tests too."""
    installed = project.folder / str(project.document.get("packages-install-path", "dbt_packages"))
    for path in sorted(installed.glob("*/dbt_project.yml")):
        document = read_yaml(path)
        if isinstance(document, dict):
            yield Project(path.parent, document, path.parent.name, project.document.get("vars") or {})


def _newer(manifest: Path, projects: Sequence[Project]) -> bool:
    """True where the manifest is younger than every YAML file, and than their folders, which a deletion dates."""
    try:
        made = manifest.stat().st_mtime_ns
    except OSError:
        return False
    for project in projects:
        pending = [str(folder) for folder in project.folders() if folder.is_dir()]
        if (project.folder / "dbt_project.yml").stat().st_mtime_ns >= made:
            return False
        while pending:
            folder = pending.pop()
            if os.stat(folder).st_mtime_ns >= made:
                return False
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        pending.append(entry.path)
                    elif entry.name.endswith((".yml", ".yaml")) and entry.stat().st_mtime_ns >= made:
                        return False
    return True


def _flat(variables: Any, package: str) -> dict[str, Any]:
    """The global variables, and over them those under the package's own name."""
    if not isinstance(variables, Mapping):
        return {}
    own = variables.get(package)
    return {**variables, **(own if isinstance(own, Mapping) else {})}
