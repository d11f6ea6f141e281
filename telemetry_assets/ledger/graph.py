"""telemetry.assets and telemetry.exposures: the graph as data, from the code location and the dbt manifest.

What belongs here: replacing it whole and reading it. What does not: walking it (``freshness/lineage.py``).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError
from telemetry_assets.ledger.connection import explained
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, Window


@dataclass(frozen=True, slots=True)
class Exposure:
    """A dashboard (or whatever ``type`` says) that reads the assets ``parents``; ``owner`` and ``url`` where given."""

    name: str
    label: str
    type: str = "dashboard"
    owner: str | None = None
    url: str | None = None
    parents: tuple[str, ...] = ()


@explained
def replace(conn: psycopg.Connection[TupleRow], nodes: Sequence[AssetNode], exposures: Sequence[Exposure] = ()) -> None:
    """Make our own graph exactly these nodes and exposures, in one statement. The last of two with one key stays.

    Nodes that another location brought stay, unless ours have their key. Raises ConfigError for no nodes at all: an
    unreadable project must not erase the graph.
    """
    if not nodes:
        raise ConfigError("The graph to store holds no asset, so the ledger keeps the one it has.", _NO_ASSET)
    read_by = {exposure.name: asdict(exposure) for exposure in exposures}
    conn.execute(_REPLACE, {"nodes": _documents(nodes), "exposures": json.dumps(list(read_by.values()))})


@explained
def add_foreign(conn: psycopg.Connection[TupleRow], nodes: Sequence[AssetNode]) -> int:
    """Put nodes of another code location beside ours; returns how many changed. What is ours stays as we say it is."""
    return conn.execute(_ADD_FOREIGN, {"nodes": _documents(nodes)}).rowcount if nodes else 0


@explained
def read(conn: psycopg.Connection[TupleRow]) -> tuple[AssetNode, ...]:
    """Every node, by key; empty where no code location has been prepared."""
    return tuple(_node(row) for row in conn.execute(f"select {_COLUMNS} from telemetry.assets order by key"))


@explained
def read_exposures(conn: psycopg.Connection[TupleRow]) -> tuple[Exposure, ...]:
    """Every exposure, by name."""
    rows = conn.execute("select name, label, type, owner, url, parents from telemetry.exposures order by name")
    return tuple(Exposure(name, label, kind, owner, url, tuple(keys)) for name, label, kind, owner, url, keys in rows)


_NO_ASSET = "Run `telemetry prepare`, and check `sources:` and `dbt:` in telemetry.yaml."

_COLUMNS = "key, kind, parents, clock, window_warn, window_fail, owner, exposures, tenanted"

_INCOMING = """
incoming as materialized (
    select * from jsonb_to_recordset(%(nodes)s::jsonb) as node (
        key text, kind text, parents text[], clock text, window_warn interval, window_fail interval,
        owner text, exposures text[], tenanted boolean
    )
)
"""

_CHANGED = """
    (kind, parents, clock, window_warn, window_fail, owner, exposures, tenanted, origin) = (
        excluded.kind, excluded.parents, excluded.clock, excluded.window_warn, excluded.window_fail,
        excluded.owner, excluded.exposures, excluded.tenanted, excluded.origin
    )
where held is distinct from excluded
"""

_KNOWN = """
known as (
    insert into telemetry.first_known (what, name) select 'asset', key from incoming order by key on conflict do nothing
)
"""

_REPLACE = f"""
with {_INCOMING}, {_KNOWN}, gone as (
    delete from telemetry.assets where origin = 'own' and key not in (select key from incoming)
), read_by as materialized (
    select * from jsonb_to_recordset(%(exposures)s::jsonb) as exposure (
        name text, label text, type text, owner text, url text, parents text[]
    )
), unread as (
    delete from telemetry.exposures where name not in (select name from read_by)
), reading as (
    insert into telemetry.exposures as held (name, label, type, owner, url, parents)
    select name, label, type, owner, url, parents from read_by order by name
    on conflict (name) do update set
        (label, type, owner, url, parents)
            = (excluded.label, excluded.type, excluded.owner, excluded.url, excluded.parents)
    where held is distinct from excluded
)
insert into telemetry.assets as held ({_COLUMNS}, origin)
select {_COLUMNS}, 'own' from incoming order by key
on conflict (key) do update set {_CHANGED}
"""

_ADD_FOREIGN = f"""
with {_INCOMING}, {_KNOWN}
insert into telemetry.assets as held ({_COLUMNS}, origin)
select {_COLUMNS}, 'foreign' from incoming order by key
on conflict (key) do update set {_CHANGED} and held.origin = 'foreign'
"""


def _documents(nodes: Sequence[AssetNode]) -> str:
    documents = {node.key: _document(node) for node in nodes}
    return json.dumps(list(documents.values()))


def _document(node: AssetNode) -> dict[str, Any]:
    return {
        "key": node.key,
        "kind": node.kind,
        "parents": node.parents,
        "clock": str(node.clock) if node.clock else None,
        "window_warn": _interval(node.window.warn) if node.window else None,
        "window_fail": _interval(node.window.fail) if node.window else None,
        "owner": node.owner,
        "exposures": node.exposures,
        "tenanted": node.tenanted,
    }


def _node(row: TupleRow) -> AssetNode:
    key, kind, parents, clock, warn, fail, owner, exposures, tenanted = row
    return AssetNode(
        key=key,
        kind=AssetKind(kind),
        parents=tuple(parents),
        clock=_clock(clock) if clock else None,
        window=Window(fail=fail, warn=warn) if fail is not None else None,
        owner=owner,
        exposures=tuple(exposures),
        tenanted=tenanted,
    )


def _interval(duration: timedelta | None) -> str | None:
    """Days, seconds and microseconds apart: exact, and no unit whose length depends on a calendar."""
    if duration is None:
        return None
    return f"{duration.days} days {duration.seconds} seconds {duration.microseconds} microseconds"


def _clock(text: str) -> Clock:
    kind, _, column = text.partition(" ")
    return Clock(ClockKind(kind), column or None)
