"""An Airbyte connector that plays ``schemas/fixtures/<source>.<stream>.json``: what the guard syncs from.

What belongs here: spec, check, discover and read by the Airbyte protocol, with light imports. What does not: what the
streams look like (``fixture_catalog.py``), who is synced (``guard_home.py``).
Run as ``python -m telemetry_assets.local.fixture_connector COMMAND --config FILE …``; CONFIG_KEYS are the config's.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from telemetry_assets.contracts.fixtures import hydrated
from telemetry_assets.errors import ConfigError, TelemetryError
from telemetry_assets.local.fixture_catalog import PRIMARY_KEY, Row, catalog

CONFIG_KEYS = ("fixtures", "source", "streams", "tenant", "now", "manifest")
"""Folder of the fixtures, source, its streams, tenant, the instant they are hydrated at, manifest (or null)."""


def main(arguments: Sequence[str]) -> int:
    """Answer one command; the exit code."""
    parser = argparse.ArgumentParser(prog="fixture_connector")
    parser.add_argument("command", choices=("spec", "check", "discover", "read"))
    for option in ("--config", "--catalog", "--state"):
        parser.add_argument(option, type=Path)
    options = parser.parse_args(arguments)
    try:
        config = {} if options.command == "spec" else json.loads(options.config.read_bytes())
        match options.command:
            case "spec":
                _say("SPEC", "spec", _spec())
            case "check":
                _check(config)
            case "discover":
                _say("CATALOG", "catalog", _catalog(config))
            case _:
                _read(config, json.loads(options.catalog.read_bytes()))
    except TelemetryError as error:
        _trace("ERROR", error={"message": str(error), "failure_type": "config_error"})
        return 1
    return 0


def fixture_path(fixtures: Path, source: str, stream: str) -> Path:
    """Where the fixture of a stream lies."""
    return fixtures / f"{source}.{stream}.json"


def _spec() -> dict[str, Any]:
    properties = {name: {} for name in CONFIG_KEYS}
    return {"connectionSpecification": {"type": "object", "required": list(CONFIG_KEYS), "properties": properties}}


def _check(config: Mapping[str, Any]) -> None:
    try:
        for stream in config["streams"]:
            _fixture(config, stream)
        status = {"status": "SUCCEEDED"}
    except TelemetryError as error:
        status = {"status": "FAILED", "message": str(error)}
    _say("CONNECTION_STATUS", "connectionStatus", status)


def _catalog(config: Mapping[str, Any]) -> dict[str, Any]:
    now, streams = datetime.fromisoformat(config["now"]), {}
    for stream in config["streams"]:
        document = _fixture(config, stream)
        key = document.pop(PRIMARY_KEY, ())
        rows = [row for rows in document.values() for row in hydrated(rows, now, f"{config['source']}.{stream}.json")]
        streams[stream] = (rows, key)
    return catalog(Path(config["manifest"]) if config["manifest"] else None, streams)


def _read(config: Mapping[str, Any], configured: Mapping[str, Any]) -> None:
    now = datetime.fromisoformat(config["now"])
    emitted_at = int(now.timestamp() * 1000)
    for entry in configured["streams"]:
        name = entry["stream"]["name"]
        descriptor = {"name": name}
        rows = _fixture(config, name).get(config["tenant"], [])
        _trace("STREAM_STATUS", stream_status={"stream_descriptor": descriptor, "status": "STARTED"})
        for row in hydrated(rows, now, f"{config['source']}.{name}.json"):
            _say("RECORD", "record", {"stream": name, "data": row, "emitted_at": emitted_at})
        _trace("STREAM_STATUS", stream_status={"stream_descriptor": descriptor, "status": "COMPLETE"})
        state = {"stream_descriptor": descriptor, "stream_state": {"played": config["now"]}}
        _say("STATE", "state", {"type": "STREAM", "stream": state})


def _fixture(config: Mapping[str, Any], stream: str) -> dict[str, list[Row]]:
    """The document of a stream's fixture as it is written; empty where there is none."""
    path = fixture_path(Path(config["fixtures"]), config["source"], stream)
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"The fixture {path} cannot be read: {error}.") from None
    if not isinstance(document, dict):
        raise ConfigError(f"The fixture {path} is no object.", "Write tenant → rows.")
    return document


def _trace(kind: str, **body: Any) -> None:
    _say("TRACE", "trace", {"type": kind, "emitted_at": 0.0, **body})


def _say(kind: str, name: str, body: Any) -> None:
    sys.stdout.write(json.dumps({"type": kind, name: body}, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
