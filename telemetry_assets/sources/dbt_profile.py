"""Where a dbt project's database is: ``profiles.yml`` → connection parameters, without importing dbt.

What belongs here: finding the profile, its target, and what PostgreSQL needs to connect. What does not: connecting.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telemetry_assets.errors import ConfigError, CouldNotLookError, UsageError
from telemetry_assets.sources.dbt_jinja import Context, Environment, render

_ALIASES = {"pass": "password", "database": "dbname"}
_LIBPQ = (
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "keepalives_idle",
)


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """How to reach a PostgreSQL: a URL or libpq parameters, never printed.

    ``origin`` says who named it. ``target`` is what jinja may ask of dbt's ``target`` (no secret in it).
    """

    origin: str
    url: str | None = field(default=None, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    role: str | None = None
    search_path: str | None = None
    target: Mapping[str, Any] | None = None


def read_yaml(path: Path) -> Any:
    """A YAML document as plain data, by the C loader where there is one. Raises CouldNotLookError or ConfigError."""
    import yaml

    try:
        with path.open("rb") as stream:
            return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise CouldNotLookError(f"{path} could not be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}", "Repair it; `dbt parse` would stop there too.") from None


def find_profiles(profiles_dir: Path | None, project_dir: Path, environment: Environment) -> Path:
    """profiles.yml, by dbt's order: the option, DBT_PROFILES_DIR, the project or the current folder, ~/.dbt.

    Raises ConfigError naming every place looked at.
    """
    named = profiles_dir or environment("DBT_PROFILES_DIR")
    folders = [Path(named)] if named else [project_dir, Path.cwd(), Path.home() / ".dbt"]
    for folder in dict.fromkeys(folders):
        if (folder / "profiles.yml").is_file():
            return folder / "profiles.yml"
    places = ", ".join(str(folder) for folder in dict.fromkeys(folders))
    raise ConfigError(
        f"No profiles.yml in {places}.",
        "Name its folder with --profiles-dir, or the database itself with --database-url.",
    )


def read_profile(path: Path, profile: str, target: str | None, context: Context) -> DatabaseAddress:
    """The address of ``profile``'s ``target``, else its default one.

    Raises ConfigError, and UsageError where ``target`` is unknown.
    """
    document = read_yaml(path)
    entry = document.get(profile) if isinstance(document, dict) else None
    if not isinstance(entry, dict) or not isinstance(entry.get("outputs"), dict):
        known = (
            ", ".join(str(name) for name in document or {} if name != "config") if isinstance(document, dict) else ""
        )
        raise ConfigError(
            f"{path} has no profile '{profile}' with outputs (it has: {known or 'none'}).", "Add it there."
        )
    outputs: dict[str, Any] = entry["outputs"]
    chosen = target or str(render(entry.get("target", "default"), context, f"{path}, {profile}.target"))
    if not isinstance(outputs.get(chosen), dict):
        kind = UsageError if target else ConfigError
        raise kind(
            f"Profile '{profile}' in {path} has no target '{chosen}' (it has: {', '.join(outputs)}).",
            "Name one with --target.",
        )
    return _address(outputs[chosen], context, f"{path}, {profile}.outputs.{chosen}", profile, chosen)


def _address(output: Mapping[str, Any], context: Context, where: str, profile: str, target: str) -> DatabaseAddress:
    adapter = render(output.get("type"), context, f"{where}.type")
    if adapter != "postgres":
        raise ConfigError(
            f"{where} is of type '{adapter}'; scan reads PostgreSQL alone.",
            "Choose a postgres target with --target, or name a PostgreSQL with --database-url.",
        )
    settings = {
        _ALIASES.get(key, key): str(render(value, context, f"{where}.{key}"))
        for key, value in output.items()
        if value is not None and not isinstance(value, dict | list)
    }
    parameters = {key: settings[key] for key in _LIBPQ if settings.get(key)}
    if parameters.get("keepalives_idle") == "0":
        del parameters["keepalives_idle"]
    parameters["connect_timeout"] = settings.get("connect_timeout", "10")
    shown = {key: value for key, value in settings.items() if key != "password"}
    return DatabaseAddress(
        origin=f"dbt profile {profile}, target {target}",
        parameters=parameters,
        role=settings.get("role"),
        search_path=settings.get("search_path"),
        target={**shown, "name": target, "profile_name": profile, "database": shown.get("dbname")},
    )
