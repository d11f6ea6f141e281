"""Every promise, per tenant: run age, data age, window, state, binding root; and what a run-age light says of each.

What belongs here: the judgements of now, narrowed to what was asked, beside Dagster's own light. What does not:
judging (``freshness/``), reading what it is judged from (``board.py``), drawing (``render/status.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import Board, read_board
from telemetry_assets.answers.condition import iso
from telemetry_assets.errors import UsageError
from telemetry_assets.freshness.judge import Judgement, state_of
from telemetry_assets.freshness.owed import loosest_run_window
from telemetry_assets.model import ExitCode, State, Window, exit_of, worst_exit
from telemetry_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class RunLight:
    """What Dagster's own policy says of an asset: the newest run of any tenant against the loosest run window."""

    state: State
    run_age: timedelta | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Broken promises of one tenant that one root explains."""

    tenant: str
    root: str
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """The judgements asked for, in the order of the graph and of the tenants; ``promises`` counts all there are.

    ``lights``: asset → Dagster's own light. ``narrowed`` is True where not everything was asked for.
    """

    now: datetime
    rows: tuple[Judgement, ...]
    lights: Mapping[str, RunLight]
    promises: int
    narrowed: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the judgements asked for, by the one table. A warning is 0."""
        return worst_exit([exit_of(row.state) for row in self.rows])

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets of the rows, each once."""
        return tuple(dict.fromkeys(row.asset for row in self.rows))

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants of the rows, each once."""
        return tuple(dict.fromkeys(row.tenant for row in self.rows))

    @property
    def broken(self) -> tuple[Judgement, ...]:
        """The broken promises: late, or never seen."""
        return tuple(row for row in self.rows if row.state.broken)

    @property
    def broken_under_green(self) -> tuple[Judgement, ...]:
        """The broken promises on assets that the run-age light calls fresh: what nobody would have seen."""
        return tuple(row for row in self.broken if self.lights[row.asset].state is State.PASS)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The broken promises by tenant and the root that binds them."""
        found: dict[tuple[str, str], list[Judgement]] = {}
        for row in self.broken:
            found.setdefault((row.tenant, row.binding_root or row.asset), []).append(row)
        return tuple(Cause(tenant, root, tuple(rows)) for (tenant, root), rows in found.items())

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines. Ages are seconds at ``checked_at``; instants stay what they are."""
        return {
            "checked_at": iso(self.now),
            "exit_code": int(self.exit_code),
            "promises": self.promises,
            "broken": len(self.broken),
            "broken_under_green_run_light": len(self.broken_under_green),
            "assets": {asset: _light_json(self.lights[asset]) for asset in self.assets},
            "rows": [_row_json(row) for row in self.rows],
        }


def read_status(
    conn: Connection[TupleRow],
    settings: Settings,
    now: datetime,
    *,
    asset: str | None = None,
    tenant: str | None = None,
    late: bool = False,
) -> StatusAnswer:
    """Every promise as it stands at ``now``; of one asset, of one tenant (slug or id), or only the broken ones.

    Raises UsageError for an asset without a promise or an unknown tenant, CouldNotLookError without a ledger.
    """
    board = read_board(conn, settings, now, tenant=tenant)
    rows = board.judged
    if asset is not None:
        wanted = _require_known(asset, rows)
        rows = tuple(row for row in rows if row.asset == wanted)
    lights = run_lights(board, settings, {row.asset for row in rows})
    shown = tuple(row for row in rows if row.state.broken) if late else rows
    return StatusAnswer(
        now, shown, lights, promises=len(rows), narrowed=late or asset is not None or tenant is not None
    )


def judgements(conn: Connection[TupleRow], settings: Settings, now: datetime) -> tuple[Judgement, ...]:
    """Every promise of every tenant judged at ``now``, in the order of the graph and of the tenants."""
    return read_board(conn, settings, now).judged


def run_lights(board: Board, settings: Settings, assets: Collection[str]) -> Mapping[str, RunLight]:
    """What Dagster's own policy says of each asset, from runs alone: any tenant's newest run makes it fresh."""
    newest: dict[str, datetime] = {}
    for fact in board.facts:
        if fact.run_time is not None:
            newest[fact.asset] = max(fact.run_time, newest.get(fact.asset, fact.run_time))
    windows = {
        node.key: loosest_run_window(node, board.nodes, settings.promises) for node in board.nodes if node.key in assets
    }
    return {asset: _light(newest.get(asset), windows.get(asset), board.now) for asset in assets}


def _light(run_time: datetime | None, window: Window | None, now: datetime) -> RunLight:
    """Never run is UNKNOWN there, and so is an asset without a policy."""
    if run_time is None or window is None:
        return RunLight(State.UNKNOWN, None if run_time is None else now - run_time, window)
    return RunLight(state_of(now - run_time, window), now - run_time, window)


def _require_known(asset: str, rows: Sequence[Judgement]) -> str:
    known = sorted({row.asset for row in rows})
    if asset not in known:
        near = get_close_matches(asset, known, n=1, cutoff=0.4)
        raise UsageError(
            f"Nothing is promised of an asset {asset!r}.",
            f"Did you mean {near[0]}?" if near else f"Promised are {', '.join(known[:10]) or 'none yet'}.",
        )
    return asset


def _seconds(age: timedelta | None) -> float | None:
    return None if age is None else round(age.total_seconds(), 1)


def _light_json(light: RunLight) -> Mapping[str, Any]:
    return {
        "run_light": str(light.state),
        "newest_run_age_seconds": _seconds(light.run_age),
        "run_window_seconds": _seconds(light.window.fail) if light.window else None,
    }


def _row_json(row: Judgement) -> Mapping[str, Any]:
    return {
        "asset": row.asset,
        "tenant": row.tenant,
        "state": str(row.state),
        "word": row.state.word,
        "run_age_seconds": _seconds(row.run_age),
        "data_age_seconds": _seconds(row.data_age),
        "window_seconds": _seconds(row.window),
        "binding_root": row.binding_root,
        "data_time": iso(row.data_time),
        "run_time": iso(row.run_time),
        "owner": row.owner,
        "reason": row.reason,
    }
