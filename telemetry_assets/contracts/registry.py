"""The contracts of a folder, each bound to its asset by its file's name; there is no list of them to keep.

What belongs here: ``assets/snapshots.tenant_dashboard.schema.json`` ↔ ``snapshots/tenant_dashboard``, the payloads of
``api/``, the fixtures of each, and what is bound to nothing. What does not: judging documents (``validate.py``).
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry_assets.contracts.reading import read_json_file
from telemetry_assets.contracts.references import Target, references_in, target_of
from telemetry_assets.contracts.schema_check import schema_fault
from telemetry_assets.contracts.validate import Contract
from telemetry_assets.errors import ConfigError

SUFFIX = ".schema.json"
ASSETS, API, FIXTURES, CONFIG = "assets", "api", "fixtures", "config"


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies in ``schemas/``. Contracts go by their file's name without its ending: ``snapshots.tenant_dashboard``.

    ``contracts`` are those of assets, ``api`` those of our own payloads, ``fixtures`` the documents that keep them (and
    rows of tables), by the same names. ``files`` are all schemas by path relative to the folder. ``strays`` are the
    ``.json`` files that are none of these.
    """

    path: Path
    contracts: Mapping[str, Contract]
    api: Mapping[str, Contract]
    fixtures: Mapping[str, Path]
    files: Mapping[str, Any]
    strays: tuple[str, ...] = ()

    @property
    def every(self) -> Mapping[str, Contract]:
        """Every contract by name, those of assets first."""
        return {**self.contracts, **self.api}

    @property
    def shared(self) -> frozenset[str]:
        """The files that another file refers to: they may stand among the contracts and be none."""
        found: set[str] = set()
        for name, schema in self.files.items():
            targets = (target_of(reference, name, self.files) for _, reference in references_in(schema))
            found |= {target.file for target in targets if isinstance(target, Target) and target.file != name}
        return frozenset(found)


def contract_path(folder: Path, asset: str) -> Path:
    """Where the contract of an asset (slash-joined) lies in ``folder``, the ``assets`` one."""
    return folder / f"{asset.replace('/', '.')}{SUFFIX}"


def load_folder(schemas_dir: Path) -> Folder:
    """Everything in ``schemas/``; what is there at all counts, a subfolder that is absent is empty.

    Raises ConfigError where it is no folder, or for the first unsound contract: file, keyword, place.
    """
    if not schemas_dir.is_dir():
        raise ConfigError(f"{schemas_dir} is not a folder.", "The contracts lie in schemas/assets.")
    files = _files(schemas_dir)
    return Folder(
        schemas_dir,
        contracts=_contracts(schemas_dir, ASSETS, files),
        api=_contracts(schemas_dir, API, files),
        fixtures={path.stem: path for path in sorted((schemas_dir / FIXTURES).glob("*.json"))},
        files=files,
        strays=tuple(_strays(schemas_dir)),
    )


def folder_faults(
    folder: Folder, assets: Collection[str], published: Collection[str], tables: Collection[str] = ()
) -> tuple[str, ...]:
    """What does not fit in the folder, in sentences; empty means that everything is bound.

    ``assets`` are the slash-joined keys of the graph, ``published`` those of the snapshots, ``tables`` those whose
    fixtures are rows: streams and watched tables.
    """
    shared = folder.shared
    bound = {c.asset for c in folder.contracts.values() if c.asset in set(assets) or c.name not in shared}
    twice = sorted(folder.contracts.keys() & folder.api.keys())
    rows = {key.replace("/", ".") for key in tables}
    lost = sorted(folder.fixtures.keys() - folder.contracts.keys() - folder.api.keys() - rows)
    deeper = sorted(name for name in folder.files.keys() - shared if _is_deeper(name))
    return (
        *(f"{name} would bind to nothing: name it KEY.JOINED.BY.DOTS{SUFFIX}." for name in folder.strays),
        *(f"{name} would bind to nothing, and nothing refers to it: name it {_flat(name)}." for name in deeper),
        *unbound(bound, assets, published),
        *(f"{name} is a contract both under {ASSETS}/ and {API}/: its fixture could be of either." for name in twice),
        *(
            f"The fixture {FIXTURES}/{name}.json belongs to no contract and no table{_meant(name, folder)}"
            for name in lost
        ),
    )


def load_contract(folder: Path, asset: str) -> Contract:
    """The contract of one asset. Raises ConfigError where there is none or it is unsound, naming file and keyword.

    ``folder`` is the ``assets`` one; the folder around it is where its references may lead.
    """
    path = contract_path(folder, asset)
    if not path.exists():
        raise ConfigError(
            f"{asset} has no contract: {path} does not exist.", "Write the JSON Schema of its documents there."
        )
    schema, name = read_json_file(path), f"{folder.name}/{path.name}"
    # Only a contract that refers to other files needs them read.
    alone = all(isinstance(reference, str) and reference.startswith("#") for _, reference in references_in(schema))
    files = {} if alone else _files(folder.parent)
    return _sound(path, asset, name, {**files, name: schema})


def load_contracts(folder: Path) -> Mapping[str, Contract]:
    """Every contract of the ``assets`` folder by asset, ordered by name. Raises ConfigError like :func:`load_contract`.

    A ``.json`` file there that is named otherwise would bind to nothing, so it is an error too.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder.", "The contracts lie in schemas/assets.")
    misnamed = sorted(path.name for path in folder.glob("*.json") if not path.name.endswith(SUFFIX))
    if misnamed:
        raise ConfigError(f"{folder / misnamed[0]} binds to no asset.", f"Name it KEY.JOINED.BY.DOTS{SUFFIX}.")
    assets = sorted(path.name.removesuffix(SUFFIX).replace(".", "/") for path in folder.glob(f"*{SUFFIX}"))
    return {asset: load_contract(folder, asset) for asset in assets}


def unbound(contracts: Collection[str], assets: Collection[str], published: Collection[str]) -> tuple[str, ...]:
    """What is left over, in sentences: contracts without an asset, published snapshots without a contract.

    All three hold slash-joined asset keys; empty means that everything is bound. One of each may be one renamed.
    """
    stray, bare = sorted(set(contracts) - set(assets)), sorted(set(published) - set(contracts))
    said: list[str] = []
    for asset in stray:
        renamed = difflib.get_close_matches(asset, bare, n=1) or (bare if len(stray) == len(bare) == 1 else [])
        if renamed:
            bare.remove(renamed[0])
            said.append(
                f"The contract of {asset} has no asset of that key; {renamed[0]} is published without a contract:"
                " was it renamed?"
            )
            continue
        close = difflib.get_close_matches(asset, sorted(set(assets) - set(contracts)), n=1)
        said.append(f"The contract of {asset} has no asset of that key{f'; is it {close[0]}?' if close else '.'}")
    return (*said, *(f"{asset} is published without a contract." for asset in bare))


def _contracts(schemas_dir: Path, room: str, files: Mapping[str, Any]) -> dict[str, Contract]:
    found: dict[str, Contract] = {}
    for path in sorted((schemas_dir / room).glob(f"*{SUFFIX}")):
        name = path.name.removesuffix(SUFFIX)
        asset = name.replace(".", "/") if room == ASSETS else f"{room}/{name}"
        found[name] = _sound(path, asset, f"{room}/{path.name}", files)
    return found


def _sound(path: Path, asset: str, name: str, files: Mapping[str, Any]) -> Contract:
    fault = schema_fault(files[name], name=name, files=files)
    if fault:
        raise ConfigError(f"{path} is not a sound JSON Schema: {fault}.", "Correct it there.")
    return Contract(asset, path, files[name], name, files)


def _files(schemas_dir: Path) -> dict[str, Any]:
    paths = sorted(schemas_dir.rglob(f"*{SUFFIX}"))
    strange = next((path for path in paths if not path.is_file()), None)
    if strange is not None:
        raise ConfigError(f"{strange} is no file.", "A contract is a JSON file of that name; rename or remove it.")
    relative = {path.relative_to(schemas_dir).as_posix(): path for path in paths}
    # Schemas of our own files are no contracts, and as large as all contracts together.
    return {name: read_json_file(path) for name, path in relative.items() if not name.startswith(f"{CONFIG}/")}


def _strays(schemas_dir: Path) -> Iterator[str]:
    for path in sorted(schemas_dir.rglob("*.json")):
        name = path.relative_to(schemas_dir).as_posix()
        room, _, rest = name.rpartition("/")
        if room in (FIXTURES, CONFIG) or room.startswith(f"{CONFIG}/"):
            continue
        # Elsewhere than among the contracts lies what they share.
        if not name.endswith(SUFFIX) or not room or rest == SUFFIX:
            yield name


def _is_deeper(name: str) -> bool:
    room, _, rest = name.partition("/")
    return room in (ASSETS, API) and "/" in rest


def _flat(name: str) -> str:
    room, _, rest = name.partition("/")
    return f"{room}/{rest.replace('/', '.')}"


def _meant(name: str, folder: Folder) -> str:
    close = difflib.get_close_matches(name, [*folder.contracts, *folder.api], n=1)
    return f"; did you mean {close[0]}.json?" if close else "."
