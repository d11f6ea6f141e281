"""What a source's streams look like without asking the source: from its declarative manifest, or from fixture rows.

What belongs here: manifest or rows → an Airbyte catalog. What does not: playing rows (``fixture_connector.py``).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from telemetry_assets.errors import ConfigError

Row = Mapping[str, Any]
PRIMARY_KEY = "$primary_key"
"""The entry of a fixture that names the key columns, where no manifest does."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}


def catalog(manifest: Path | None, streams: Mapping[str, tuple[Sequence[Row], Sequence[str]]]) -> dict[str, Any]:
    """The CATALOG document of ``streams``: name → (hydrated rows of all tenants, key columns of the fixture).

    A stream with an inline schema in the manifest is as the manifest says; any other as its rows are. Raises
    ConfigError for a manifest that cannot be read.
    """
    declared = _declared(manifest) if manifest else {}
    return {
        "streams": [
            declared.get(name) or stream_of(name, {"properties": inferred(rows)}, key, [])
            for name, (rows, key) in streams.items()
        ]
    }


def inferred(rows: Iterable[Row]) -> dict[str, Any]:
    """Column → JSON schema, as far as its values tell: dates and instants are such where all of a column's are."""
    values: dict[str, list[Any]] = {}
    for row in rows:
        for column, value in row.items():
            held = values.setdefault(column, [])
            if value is not None:
                held.append(value)
    return {column: _schema(held) for column, held in values.items()}


def stream_of(name: str, schema: Mapping[str, Any], key: Sequence[str], cursor: Sequence[str]) -> dict[str, Any]:
    """A stream's entry of the catalog."""
    return {
        "name": name,
        "json_schema": {"type": "object", **schema},
        "supported_sync_modes": ["full_refresh", *(["incremental"] if cursor else [])],
        "source_defined_cursor": bool(cursor),
        "default_cursor_field": list(cursor),
        "source_defined_primary_key": [[column] for column in key],
    }


def _schema(values: Sequence[Any]) -> dict[str, Any]:
    kinds = sorted({_TYPES[type(value)] for value in values})
    if kinds == ["string"] and all(_INSTANT.fullmatch(value) for value in values):
        return {"type": "string", "format": "date-time"}
    if kinds == ["string"] and all(_DATE.fullmatch(value) for value in values):
        return {"type": "string", "format": "date"}
    return {"type": kinds[0] if len(kinds) == 1 else kinds or "string"}


def _declared(manifest: Path) -> dict[str, dict[str, Any]]:
    """The streams of a declarative manifest whose schema stands in it, by name."""
    import yaml

    try:
        document = yaml.load(manifest.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"The manifest {manifest} cannot be read: {error}", "Correct it.") from None
    streams = document.get("streams") if isinstance(document, dict) else None
    found: dict[str, dict[str, Any]] = {}
    for entry in streams if isinstance(streams, list) else []:
        stream = _resolved(entry, document)
        loader = stream.get("schema_loader") if isinstance(stream, dict) else None
        if isinstance(loader, dict) and isinstance(loader.get("schema"), dict):
            cursor = (stream.get("incremental_sync") or {}).get("cursor_field")
            name = str(stream.get("name"))
            found[name] = stream_of(name, loader["schema"], _key(stream), [cursor] if cursor else [])
    return found


def _key(stream: Mapping[str, Any]) -> list[str]:
    declared = stream.get("primary_key") or []
    columns = [declared] if isinstance(declared, str) else declared
    return [column if isinstance(column, str) else ".".join(map(str, column)) for column in columns]


def _resolved(value: Any, document: Mapping[str, Any], within: tuple[str, ...] = ()) -> Any:
    """``value`` with each ``$ref: "#/…"`` replaced by what it names, its neighbours on top, as the CDK does."""
    if isinstance(value, list):
        return [_resolved(item, document, within) for item in value]
    if not isinstance(value, dict):
        return value
    own = {key: _resolved(item, document, within) for key, item in value.items() if key != "$ref"}
    pointer = value.get("$ref")
    if not isinstance(pointer, str) or not pointer.startswith("#/") or pointer in within:
        return own
    target: Any = document
    for step in pointer[2:].split("/"):
        target = target.get(step) if isinstance(target, dict) else None
    target = _resolved(target, document, (*within, pointer))
    return {**target, **own} if isinstance(target, dict) else own or target
