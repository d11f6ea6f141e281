"""What a repository's CI must know of it: which files a check depends on, how the packages get there, which secrets.

What belongs here: reading that off the settings and the folders. What does not: the text of a workflow
(``render/workflow.py``), writing it (``cli/ci_init.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from telemetry_assets.declaration.nested import leaves
from telemetry_assets.errors import TelemetryError, UsageError
from telemetry_assets.settings import SecretRef, Settings
from telemetry_assets.sources.git import root_of
from telemetry_assets.sources.git_program import ask

WORKFLOW = ".github/workflows/backend-telemetry.yml"
ACTION = ".github/actions/telemetry-setup"
SCENARIOS = "tests/scenarios"
RUNBOOKS = ("docs", "runbooks")
LOCKS = ("requirements.lock", "uv.lock", "requirements.txt", "pyproject.toml", ".python-version")
FIXED_SECRETS = ("DATABASE_URL", "MONITOR_ALERT_WEBHOOK_URL")

_VENV = "python -m venv .venv && .venv/bin/python -m pip install --quiet"
_INSTALLS = (
    ("uv.lock", "python -m pip install --quiet uv && uv sync --locked"),
    ("requirements.lock", f"{_VENV} -r requirements.lock"),
    ("requirements.txt", f"{_VENV} -r requirements.txt"),
    ("pyproject.toml", f"{_VENV} ."),
)


@dataclass(frozen=True, slots=True)
class CiSetup:
    """``root`` is the repository's. ``config``, ``paths`` (patterns) and ``locks`` are relative to it, with slashes;
    ``branch`` is where pull requests go, ``secrets`` the variables that telling people asks for."""

    root: Path
    config: str
    paths: tuple[str, ...]
    locks: tuple[str, ...]
    install: str
    branch: str
    secrets: tuple[str, ...]


def ci_setup(settings: Settings, install: str | None = None) -> CiSetup:
    """What the CI of the repository of telemetry.yaml needs; ``install`` where its own command sets ``.venv`` up.

    Raises UsageError where telemetry.yaml is outside the repository that its folder is in.
    """
    root = _root(settings.root)
    config = _relative(settings.path, root)
    if config is None:
        raise UsageError(f"{settings.path} is not below {root}.", "Write the workflow where telemetry.yaml is.")
    locks = tuple(name for name in LOCKS if (root / name).is_file())
    found = next((command for name, command in _INSTALLS if name in locks), f"{_VENV} telemetry-assets")
    return CiSetup(
        root=root,
        config=config,
        paths=(*_patterns(settings, root, config), *locks, WORKFLOW, f"{ACTION}/**"),
        locks=locks or (config,),
        install=install or found,
        branch=_branch(root),
        secrets=_secrets(settings),
    )


def _patterns(settings: Settings, root: Path, config: str) -> tuple[str, ...]:
    """What a check depends on: the declaration, the folders it names, contracts, scenarios, runbooks, code."""
    folders: list[Path] = [settings.dbt.project_dir] if settings.dbt else []
    folders += [settings.schemas_dir]
    folders += [source.manifest.parent for source in settings.sources.values() if source.manifest]
    folders += [settings.root / SCENARIOS]
    folders += [settings.root / name for name in RUNBOOKS if (settings.root / name).is_dir()]
    folders += sorted(path.parent for path in settings.root.glob("*/__init__.py"))
    inside = (_relative(folder, root) for folder in folders)
    return tuple(dict.fromkeys([config, *(f"{folder}/**" for folder in inside if folder and folder != ".")]))


def _secrets(settings: Settings) -> tuple[str, ...]:
    asked: Sequence[object] = [leaf for one in settings.channels.values() for leaf in leaves(one.options)]
    named = (leaf.env for leaf in asked if isinstance(leaf, SecretRef))
    return tuple(dict.fromkeys([*FIXED_SECRETS, *named]))


def _relative(path: Path, root: Path) -> str | None:
    """Where ``path`` is below ``root``; None where it is not."""
    resolved = path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else None


def _root(folder: Path) -> Path:
    """The repository's; without one the folder itself, which may become one."""
    try:
        return root_of(folder).resolve()
    except TelemetryError:
        return folder.resolve()


def _branch(root: Path) -> str:
    """The main branch: the remote's, else ``main``, else ``master`` where there is only that."""
    return next(_branches(root), "main")


def _branches(root: Path) -> Iterator[str]:
    try:
        head = ask(root, "symbolic-ref", "--short", "--quiet", "refs/remotes/origin/HEAD").decode().strip()
        yield from (head.partition("/")[2],) if head else ()
        yield from (name for name in ("main", "master") if ask(root, "rev-parse", "--verify", "--quiet", name))
    except TelemetryError:
        return
