"""The guard's documents: the contracts' fixtures, the health payloads and what was published, held to their contracts.

What belongs here: which documents there are. What does not: judging one (``contracts/``).
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from telemetry_assets.answers.condition import Condition
from telemetry_assets.answers.contracts_answer import tables_of
from telemetry_assets.answers.health import read_health
from telemetry_assets.answers.results import Kind, Place, Result
from telemetry_assets.cli.guard_clock import trouble
from telemetry_assets.cli.guard_steps import Guard
from telemetry_assets.contracts.fixtures import hydrated
from telemetry_assets.contracts.reading import read_json_file
from telemetry_assets.contracts.registry import SUFFIX, folder_faults, load_contract, load_folder
from telemetry_assets.errors import TelemetryError
from telemetry_assets.ledger import snapshots
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import ANY_TENANT, State
from telemetry_assets.spoken import counted

FIXTURE = "fixture"
FOLDER = "folder"
HEALTH = "health"
PUBLISHED = "published"
_PAYLOADS = {"airbyte": "airbyte_health", "dbt": "dbt_health", "snapshots": "snapshot_health"}
"""Component → the contract of its payload."""
_LISTED = "Rename, bind or remove it: telemetry contracts list."


def documents(guard: Guard) -> Iterator[Result]:
    """What does not fit in the folder; every fixture of a contract, every health payload of this ledger and every
    published snapshot."""
    yield from _faults(guard)
    for name, path in contract_files(guard.settings.schemas_dir).items():
        fixture = guard.settings.schemas_dir / "fixtures" / f"{name}.json"
        if fixture.is_file():
            yield _fixture(guard, name, path, fixture)
    yield from _health(guard)
    yield from _published(guard)


def _faults(guard: Guard) -> Iterator[Result]:
    """What binds to nothing holds nothing: a contract, a fixture, a file named otherwise."""
    settings, schemas = guard.settings, guard.settings.schemas_dir
    if not schemas.is_dir() or not guard.nodes:
        return
    try:
        folder = load_folder(schemas)
    except TelemetryError:
        return  # an unsound contract is told by whoever holds something to it, and by the comparison
    published = [snapshot.asset_key for snapshot in settings.snapshots.values()]
    tables = tables_of(settings) | {node.key for node in guard.nodes if not node.parents}
    faults = folder_faults(folder, {node.key for node in guard.nodes}, published, tables)
    if faults:
        yield Result(Kind.CONTRACT, "", FOLDER, State.FAIL, " ".join(faults), remedy=_LISTED)


def contract_files(schemas: Path) -> dict[str, Path]:
    """Name → file of every contract of the folder."""
    files = [path for kind in ("assets", "api") for path in sorted((schemas / kind).glob(f"*{SUFFIX}"))]
    return {path.name.removesuffix(SUFFIX): path for path in files}


def _fixture(guard: Guard, name: str, contract: Path, fixture: Path) -> Result:
    asset, place = _asset(name, contract), Place(guard.shown(fixture))
    try:
        read = guard.fixtures.found.get(asset)
        if read is not None:
            listed = [(slug, row) for slug, rows in read.rows.items() for row in rows]
        else:
            document = hydrated(read_json_file(fixture), guard.now, fixture.name)
            listed = [(ANY_TENANT, one) for one in (document if isinstance(document, list) else [document])]
        violations = load_contract(contract.parent, name.replace(".", "/")).validate_many(listed)
    except TelemetryError as error:
        found = trouble(FIXTURE, error, Kind.CONTRACT)
        return Result(Kind.CONTRACT, asset, FIXTURE, found.state, found.message, remedy=found.remedy, place=place)
    if violations:
        first, others = violations[0], len(violations) - 1
        said = f"breaks its contract: {first.message}" + (
            f" (and {counted(others, 'more document')})" if others else ""
        )
        remedy = "Correct the fixture, or the contract with it: telemetry contracts update."
        return Result(Kind.CONTRACT, asset, FIXTURE, State.FAIL, said, remedy=remedy, place=place)
    return Result(
        Kind.CONTRACT,
        asset,
        FIXTURE,
        State.PASS,
        f"{counted(len(listed), 'document')} held to it, and well",
        place=place,
    )


def _health(guard: Guard) -> Iterator[Result]:
    home = guard.up
    with connect(home.dsn) as conn:
        answer = read_health(conn, home.settings, guard.now)
    for component, name in _PAYLOADS.items():
        folder = guard.settings.schemas_dir / "api"
        if (folder / f"{name}.schema.json").is_file():
            yield from _held(f"api/{name}", HEALTH, folder, name, _payloads(answer.of(component)))


def _payloads(conditions: Iterable[Condition]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(one.subject, one.payload) for one in conditions]


def _published(guard: Guard) -> Iterator[Result]:
    home, folder = guard.up, guard.settings.schemas_dir / "assets"
    with connect(home.dsn) as conn:
        for snapshot in home.settings.snapshots.values():
            found = [(one.tenant, one.payload) for one in snapshots.published(conn, snapshot.name)]
            yield from _held(snapshot.asset_key, PUBLISHED, folder, snapshot.asset_key, found)


def _held(asset: str, check: str, folder: Path, name: str, held: Iterable[tuple[str, Any]]) -> Iterator[Result]:
    """A result per tenant: its documents of one kind, held to their contract."""
    listed = list(held)
    try:
        violations = load_contract(folder, name).validate_many(listed)
    except TelemetryError as error:
        found = trouble(check, error, Kind.CONTRACT)
        yield Result(Kind.CONTRACT, asset, check, found.state, found.message, remedy=found.remedy)
        return
    broken = {one.tenant: one.message for one in violations}
    for tenant in dict.fromkeys(tenant for tenant, _ in listed):
        state = State.FAIL if tenant in broken else State.PASS
        yield Result(Kind.CONTRACT, asset, check, state, broken.get(tenant, "keeps its contract"), tenant=tenant)


def _asset(name: str, contract: Path) -> str:
    return name.replace(".", "/") if contract.parent.name == "assets" else f"api/{name}"
