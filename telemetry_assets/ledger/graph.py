"""telemetry.assets: the graph as data, from the code location and the dbt manifest.

What belongs here: replacing it whole and reading it. What does not: walking it (``freshness/lineage.py``).
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError
from telemetry_assets.ledger.connection import explained
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, Window


@explained
def replace(conn: psycopg.Connection[TupleRow], nodes: Sequence[AssetNode]) -> None:
    """Make the table hold exactly these nodes, in one statement. The last of two nodes with one key stays.

    Raises ConfigError for no nodes at all: an unreadable project must not erase the graph.
    """
    if not nodes:
        raise ConfigError("The graph to store holds no asset, so the ledger keeps the one it has.", _NO_ASSET)
    documents = {node.key: _document(node) for node in nodes}
    conn.execute(_REPLACE, {"nodes": json.dumps(list(documents.values()))})


@explained
def read(conn: psycopg.Connection[TupleRow]) -> tuple[AssetNode, ...]:
    """Every node, by key; empty where no code location has been prepared."""
    return tuple(_node(row) for row in conn.execute(f"select {_COLUMNS} from telemetry.assets order by key"))


_NO_ASSET = "Run `telemetry prepare`, and check `sources:` and `dbt:` in telemetry.yaml."

_COLUMNS = "key, kind, parents, clock, window_warn, window_fail, owner, exposures, tenanted"

_REPLACE = f"""
with incoming as materialized (
    select * from jsonb_to_recordset(%(nodes)s::jsonb) as node (
        key text, kind text, parents text[], clock text, window_warn interval, window_fail interval,
        owner text, exposures text[], tenanted boolean
    )
), gone as (
    delete from telemetry.assets where key not in (select key from incoming)
)
insert into telemetry.assets as held ({_COLUMNS})
select {_COLUMNS} from incoming order by key
on conflict (key) do update set
    (kind, parents, clock, window_warn, window_fail, owner, exposures, tenanted) = (
        excluded.kind, excluded.parents, excluded.clock, excluded.window_warn, excluded.window_fail,
        excluded.owner, excluded.exposures, excluded.tenanted
    )
where held is distinct from excluded
"""


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
