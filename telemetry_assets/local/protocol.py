"""The Airbyte protocol: one line of a connector's standard output → one message, and the documents it is given.

What belongs here: parsing lines, catalogs, states and failures, with no process and no database. What does not:
running the connector (``connector.py``) and writing its records (``loader.py``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from telemetry_assets.errors import FailingError

Message = dict[str, Any]

SHARED_STATE = ""
"""The key of a state that belongs to no single stream: GLOBAL, or the legacy form."""


class Kind(StrEnum):
    """The message types we act on; a type we do not know is ignored, as the protocol asks."""

    RECORD = "RECORD"
    STATE = "STATE"
    TRACE = "TRACE"
    LOG = "LOG"
    SPEC = "SPEC"
    CATALOG = "CATALOG"
    CONNECTION_STATUS = "CONNECTION_STATUS"


@dataclass(frozen=True, slots=True)
class CatalogStream:
    """A stream as the connector discovered it. ``key`` holds top-level column names, empty for a stream without one."""

    name: str
    json_schema: Mapping[str, Any]
    key: tuple[str, ...]
    document: Mapping[str, Any]

    def configured(self) -> Message:
        """The stream's entry of the catalog for ``read``: incremental where it can be, full refresh otherwise."""
        modes = self.document.get("supported_sync_modes") or []
        cursor = self.document.get("default_cursor_field") or []
        incremental = "incremental" in modes and bool(cursor or self.document.get("source_defined_cursor"))
        return {
            "stream": dict(self.document),
            "sync_mode": "incremental" if incremental else "full_refresh",
            "destination_sync_mode": "append_dedup" if self.key else "append",
            "cursor_field": cursor,
            "primary_key": [[column] for column in self.key],
        }


def parse(line: bytes) -> Message | None:
    """A message, or None for a line that is none. NaN, Infinity and lone surrogates, which JSON forbids, are read."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = _parse_leniently(line)
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return None
    return message


def _parse_leniently(line: bytes) -> Any:
    try:
        loose = json.loads(line.decode("utf-8", "replace"))
        # Once round through UTF-8: a lone surrogate becomes "?" instead of breaking every later encoder.
        return json.loads(json.dumps(loose, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def streams_of(catalog: Mapping[str, Any]) -> dict[str, CatalogStream]:
    """The streams of a CATALOG document by name. Raises FailingError for a nested primary key."""
    return {str(document["name"]): _stream(document) for document in catalog.get("streams", [])}


def _stream(document: Mapping[str, Any]) -> CatalogStream:
    key = document.get("source_defined_primary_key") or []
    if any(len(path) != 1 for path in key):
        raise FailingError(
            f"Stream {document['name']}: its primary key {key} is nested.",
            "Let the connector lift it to the top level.",
        )
    return CatalogStream(
        name=str(document["name"]),
        json_schema=document.get("json_schema") or {},
        key=tuple(str(path[0]) for path in key),
        document=document,
    )


def state_key(state: Mapping[str, Any]) -> str:
    """The stream a STATE speaks of, else SHARED_STATE."""
    descriptor = (state.get("stream") or {}).get("stream_descriptor")
    return str(descriptor["name"]) if descriptor else SHARED_STATE


def state_document(saved: Iterable[tuple[str, Mapping[str, Any]]]) -> Sequence[Any] | Mapping[str, Any]:
    """Saved states as the ``--state`` file: a list, or the bare data of the legacy form."""
    states = dict(saved)
    shared = states.get(SHARED_STATE)
    if shared is None:
        return list(states.values())
    return [shared] if "global" in shared else shared.get("data") or {}


def failure(trace: Mapping[str, Any]) -> str | None:
    """What a TRACE says went wrong, None where it reports no failure."""
    match trace.get("type"):
        case "ERROR":
            error = trace.get("error") or {}
            return str(error.get("message") or error.get("internal_message") or "an error without words")
        case "STREAM_STATUS" if (status := stream_status(trace)) and status[1] == "INCOMPLETE":
            return f"stream {status[0]} is incomplete"
        case _:
            return None


def stream_status(trace: Mapping[str, Any]) -> tuple[str, str] | None:
    """(stream, STARTED | RUNNING | COMPLETE | INCOMPLETE) of a TRACE that reports one."""
    status = trace.get("stream_status")
    if not status:
        return None
    return str(status["stream_descriptor"]["name"]), str(status["status"])
