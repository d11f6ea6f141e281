"""The contracts of a folder, each bound to its asset by its file's name.

What belongs here: ``snapshots.tenant_dashboard.schema.json`` ↔ ``snapshots/tenant_dashboard``, and what is not bound.
What does not: judging documents (``validate.py``).
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

from telemetry_assets.contracts.schema_check import schema_fault
from telemetry_assets.contracts.validate import Contract
from telemetry_assets.errors import ConfigError

SUFFIX = ".schema.json"


def contract_path(folder: Path, asset: str) -> Path:
    """Where the contract of an asset (slash-joined) lies in ``folder``."""
    return folder / f"{asset.replace('/', '.')}{SUFFIX}"


def load_contract(folder: Path, asset: str) -> Contract:
    """The contract of one asset. Raises ConfigError where there is none or it is unsound, naming file and keyword."""
    path = contract_path(folder, asset)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{asset} has no contract: {path} does not exist.", "Write the JSON Schema of its documents there."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from None
    return Contract(asset, path, _sound(path, text))


def load_contracts(folder: Path) -> Mapping[str, Contract]:
    """Every contract of ``folder`` by asset, ordered by name. Raises ConfigError like :func:`load_contract`.

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

    All three hold slash-joined asset keys; empty means that everything is bound.
    """
    stray = [f"The contract of {asset} has no asset of that key." for asset in sorted(set(contracts) - set(assets))]
    bare = [f"{asset} is published without a contract." for asset in sorted(set(published) - set(contracts))]
    return (*stray, *bare)


def _sound(path: Path, text: str) -> dict[str, Any]:
    try:
        schema = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}.") from None
    fault = schema_fault(schema)
    if fault:
        raise ConfigError(f"{path} is not a sound JSON Schema: {fault}.")
    return schema


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that stands twice would silently lose its first meaning."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return made
