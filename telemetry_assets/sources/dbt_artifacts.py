"""A ``run_results.json`` → one dbt invocation: which command ran, which nodes, with what status.

What belongs here: reading the file that dbt leaves, whoever ran dbt, and refusing one that is not what it says.
What does not: what the invocation made true of an asset (``dbt_facts.py``, ``dbt_outside.py``), judging it
(``answers/health_dbt.py``).
"""

import json
import math
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from telemetry_assets.errors import CouldNotLookError, FailingError
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.model import ExitCode
from telemetry_assets.sources.dbt_manifest import asset_keys, enabled_models

RUN_RESULTS = "run_results.json"
LARGEST_BYTES = 512 * 1024 * 1024
VERSIONS = range(4, 7)
BUILDING = frozenset({"run", "build"})
"""The commands that build models. A later ``dbt test``, ``compile`` or ``docs`` writes the same file and is no run."""

_SCHEMA = re.compile(r"https://schemas\.getdbt\.com/dbt/([a-z-]+)/v(\d+)\.json")


class InvalidRunResultsError(FailingError):
    """The file is there and is not a whole ``run_results.json`` of a dbt we know."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}.", "Run dbt again, for all models: telemetry refresh build")
        self.path = path


class MissingRunResultsError(FailingError):
    """There is no ``run_results.json``: dbt has not run here, or its target folder is another one."""

    exit_code = ExitCode.MISSING

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not exist: dbt has not run.", "Run it: telemetry refresh build")
        self.path = path


def read_run_results(
    path: Path,
    *,
    covers: Callable[[DbtInvocation], bool] | None = None,
    run_id: str | None = None,
    external: bool = False,
) -> DbtInvocation:
    """The invocation that wrote ``path``; ``covers`` says whether it covers all models (without it: no).

    Raises MissingRunResultsError, InvalidRunResultsError (torn, empty, not dbt's, too large, another version), and
    CouldNotLookError where the file cannot be read.
    """
    document = _document(path)
    _require_run_results(path, document)
    with _worded(path):
        invocation = _invocation(path, document, run_id, external)
    return replace(invocation, covers_all=covers(invocation)) if covers else invocation


def covers_all(manifest: Mapping[str, Any], invocation: DbtInvocation) -> bool:
    """True for a ``dbt run`` or ``dbt build`` with a result, good or bad, for every enabled model of the manifest."""
    built = {result.unique_id for result in invocation.results}
    return invocation.which in BUILDING and enabled_models(manifest) <= built


@dataclass(frozen=True, slots=True)
class LeftRun:
    """What a dbt command left behind, and when its first node began: what it read is what was there by then.

    ``relations``: unique id → the table that dbt built, quoted as dbt does; another target's has another name.
    """

    invocation: DbtInvocation
    started_at: datetime
    relations: Mapping[str, str]


def read_left_run(path: Path) -> LeftRun:
    """The run that somebody else left at ``path``, marked external. Raises as :func:`read_run_results`."""
    document = _document(path)
    _require_run_results(path, document)
    with _worded(path):
        invocation = _invocation(path, document, None, external=True)
        return LeftRun(invocation, _started_at(document, invocation), _relations(document))


def manifest_beside(run_results: Path) -> Mapping[str, Any] | None:
    """The manifest in the folder of a run_results.json; None where there is none that can be read."""
    try:
        found = json.loads((run_results.parent / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("nodes"), dict) else None


def tested_assets(manifest: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """unique id of a test or unit test → the assets it is about: the one it is attached to, else all it reads."""
    keys = asset_keys(manifest)
    tests = {uid: node for uid, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    about: dict[str, tuple[str, ...]] = {}
    for unique_id, node in (*tests.items(), *manifest.get("unit_tests", {}).items()):
        attached = node.get("attached_node")
        found = [attached] if attached else (node.get("depends_on") or {}).get("nodes") or ()
        about[unique_id] = tuple(keys[one] for one in found if one in keys)
    return about


def _document(path: Path) -> Any:
    try:
        if not path.exists():
            raise MissingRunResultsError(path)
        if not path.is_file():
            raise InvalidRunResultsError(path, "is not a file")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise InvalidRunResultsError(path, f"has {size / 2**20:,.0f} MiB, more than {LARGEST_BYTES // 2**20}")
        content = path.read_bytes()
    except OSError as error:
        raise CouldNotLookError(f"{path} cannot be read: {error.strerror}.") from None
    if not content.strip():
        raise InvalidRunResultsError(path, "is empty")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidRunResultsError(path, f"is torn or not JSON ({error})") from None


def _require_run_results(path: Path, document: Any) -> None:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    said = metadata.get("dbt_schema_version") if isinstance(metadata, dict) else None
    found = _SCHEMA.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        raise InvalidRunResultsError(path, "was not written by dbt (it has no metadata.dbt_schema_version of dbt's)")
    if found[1] != "run-results":
        raise InvalidRunResultsError(path, f"is dbt's {found[1]}, not its run results")
    if int(found[2]) not in VERSIONS:
        raise InvalidRunResultsError(
            path, f"has run-results version {found[2]}; we read {VERSIONS.start} to {VERSIONS.stop - 1}"
        )


@contextmanager
def _worded(path: Path) -> Generator[None]:
    """Whatever is wrong inside of a file that is dbt's, by its own words."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidRunResultsError(path, f"has no readable results ({type(error).__name__}: {error})") from None


def _invocation(path: Path, document: Mapping[str, Any], run_id: str | None, external: bool) -> DbtInvocation:
    metadata, arguments = document["metadata"], document["args"]
    return DbtInvocation(
        invocation_id=_text(metadata["invocation_id"]),
        which=_which(arguments),
        generated_at=_instant(metadata["generated_at"]),
        covers_all=False,
        external=external,
        run_results_path=str(path),
        run_id=run_id,
        results=tuple(_result(result) for result in document["results"]),
    )


def _started_at(document: Mapping[str, Any], invocation: DbtInvocation) -> datetime:
    """When the first node began; where no node tells, the whole command's end less its duration."""
    began = [
        _instant(step["started_at"])
        for result in document["results"]
        for step in result.get("timing") or ()
        if step.get("started_at")
    ]
    seconds = float(document.get("elapsed_time") or 0)
    elapsed = timedelta(seconds=seconds if math.isfinite(seconds) else 0)
    return min(began, default=invocation.generated_at - elapsed)


def _relations(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        result["unique_id"]: result["relation_name"] for result in document["results"] if result.get("relation_name")
    }


def _which(arguments: Mapping[str, Any]) -> str:
    """The command. ``run --empty`` keeps its flag: it builds every model from no rows, and is no run."""
    which = _text(arguments["which"])
    return f"{which} --empty" if arguments.get("empty") else which


def _result(result: Mapping[str, Any]) -> NodeResult:
    message, response = result.get("message"), result.get("adapter_response")
    seconds = float(result.get("execution_time") or 0)
    return NodeResult(
        unique_id=_text(result["unique_id"]),
        status=_text(result["status"]),
        message=None if message is None else str(message),
        execution_time=seconds if math.isfinite(seconds) else 0.0,
        adapter_response=response if isinstance(response, dict) else None,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} where a text belongs")
    return value


def _instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(_text(value))
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
