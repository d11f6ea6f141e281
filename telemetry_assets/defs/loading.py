"""Somebody else's code locations, loaded in this process as Dagster itself would: a module, or those of a workspace.

What belongs here: finding and importing, and saying what went wrong in their words. What does not: running anything of
it (``foreign_checking.py``).
"""

import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml
from dagster._check import CheckError
from dagster._core.definitions.reconstruct import repository_def_from_target_def
from dagster._core.errors import DagsterUserCodeProcessError
from dagster._core.remote_origin import CodeLocationOrigin, ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dagster._grpc.utils import get_loadable_targets

from telemetry_assets.answers.check_selection import Location
from telemetry_assets.defs.own_modules import OwnModules
from telemetry_assets.errors import ConfigError, CouldNotLookError, UsageError

_NOT_THEIRS = (
    "/site-packages/dagster/",
    "/site-packages/dagster_shared/",
    "<frozen ",
    "/importlib/__init__.py",
    "/telemetry_assets/",
)


@dataclass(frozen=True, slots=True)
class Unloadable:
    """A code location that cannot be looked at in this process, and why."""

    name: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Definitions, and the modules that they have to be run with."""

    repository: dg.RepositoryDefinition
    modules: OwnModules


def load_location(where: Location, folder: Path) -> tuple[dict[str, Loaded], tuple[Unloadable, ...]]:
    """name → definitions of everything that ``where`` names, and what could not be loaded; imported as from ``folder``.

    Raises UsageError for a workspace file that is not there, ConfigError for a workspace that is none.
    """
    found: dict[str, Loaded] = {}
    failed: list[Unloadable] = []
    for name, origin in _targets(where, folder):
        refused = origin if isinstance(origin, Unloadable) else None
        try:
            if not isinstance(origin, Unloadable):
                modules = OwnModules((folder / (origin.working_directory or "")).resolve())
                with modules.in_place():
                    loaded = [Loaded(one, modules) for one in _load(origin, modules.folder)]
                found |= {name if len(loaded) == 1 else f"{name}: {one.repository.name}": one for one in loaded}
        except CouldNotLookError as error:
            refused = Unloadable(name, error.message, error.remedy)
        if refused:
            failed.append(refused)
    return found, tuple(failed)


def _targets(where: Location, folder: Path) -> Iterator[tuple[str, LoadableTargetOrigin | Unloadable]]:
    if where.module:
        module, _, attribute = where.module.partition(":")
        yield (
            module,
            LoadableTargetOrigin(
                module_name=module,
                attribute=attribute or None,
                working_directory=None,
                executable_path=None,
                python_file=None,
                package_name=None,
            ),
        )
        return
    assert where.workspace
    for origin in _origins(where.workspace):
        yield origin.location_name, _target(origin)


def _origins(path: Path) -> Sequence[CodeLocationOrigin]:
    """The locations of a workspace file. Raises UsageError where there is none, ConfigError for what is wrong in it."""
    if not path.is_file():
        raise UsageError(f"There is no file {path}.", "Name a workspace.yaml, or a module with -m.")
    try:
        origins = location_origins_from_yaml_paths([str(path)])
    except (dg.DagsterError, CheckError, yaml.YAMLError, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        raise ConfigError(f"{path} is no workspace: {said}", _WORKSPACES) from None
    if not origins:
        raise ConfigError(f"{path} is no workspace: its load_from names no code location.", _WORKSPACES)
    return origins


def _target(origin: CodeLocationOrigin) -> LoadableTargetOrigin | Unloadable:
    if not isinstance(origin, ManagedGrpcPythonEnvCodeLocationOrigin):
        return Unloadable(
            origin.location_name, "it is a server (grpc_server), which cannot be loaded in process", _FROM_CODE
        )
    target = origin.loadable_target_origin
    python = target.executable_path
    if python and Path(python).resolve() != Path(sys.executable).resolve():
        return Unloadable(origin.location_name, f"it runs in another Python, {python}", "Install telemetry there.")
    return target


_WORKSPACES = "See Dagster's page on workspace.yaml."
_FROM_CODE = "Name its module: telemetry check -m MODULE."


def _load(target: LoadableTargetOrigin, folder: Path) -> list[dg.RepositoryDefinition]:
    """What is defined there, imported as from ``folder``. Raises CouldNotLookError, with the place in their code, where
    importing raises."""
    named = target.module_name or target.package_name or target.autoload_defs_module_name or target.python_file
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            targets = get_loadable_targets(
                python_file=target.python_file,
                module_name=target.module_name,
                package_name=target.package_name,
                autoload_defs_module_name=target.autoload_defs_module_name,
                working_directory=str(folder),
                attribute=target.attribute,
                resolve_lazy_defs=True,
            )
            loaded = [repository_def_from_target_def(one.target_definition) for one in targets]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # their code: a SystemExit at import is an import that failed, too
        raise _not_loaded(str(named), error) from None
    found = [one for one in loaded if one is not None]
    if not found:
        raise CouldNotLookError(f"{named} could not be loaded: it defines nothing of Dagster's.", _DEFINE)
    return found


_DEFINE = "Define a Definitions in it: defs = dg.Definitions(…)."


def _not_loaded(named: str, error: BaseException) -> CouldNotLookError:
    cause = error.__cause__ if isinstance(error, DagsterUserCodeProcessError | dg.DagsterError) else None
    inner = cause if cause is not None and not isinstance(cause, dg.DagsterError) else error
    where = _place(inner)
    said = " ".join(str(inner).split())[:500]
    at = f"{where}: " if where else ""
    return CouldNotLookError(
        f"{named} could not be loaded: {at}{type(inner).__name__}{': ' if said else ''}{said}.".replace("..", "."),
        "Mend it, or run where its packages and its environment are.",
    )


def _place(error: BaseException) -> str:
    """``file:line`` of the last line of theirs that the error went through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(one in frame.filename for one in _NOT_THEIRS)
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
