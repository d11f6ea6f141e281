"""Every promise, per tenant: run age, data age, limit, state, binding root; and what a run-age light says of each.

What belongs here: the judgements of now, narrowed to what was asked, beside Dagster's own light. What does not:
judging (``freshness/``), which rows are read (``status_rows.py``), drawing (``render/status.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.condition import iso
from telemetry_assets.answers.limits import limit_json, seconds
from telemetry_assets.answers.status_rows import Asked, Rows, read_rows
from telemetry_assets.freshness.cutoff import cutoffs_of
from telemetry_assets.freshness.facts import Correction
from telemetry_assets.freshness.judge import Judgement, state_of
from telemetry_assets.freshness.owed import loosest_run_window
from telemetry_assets.ledger import looks, subjects
from telemetry_assets.model import AssetNode, ExitCode, Look, Promise, State, Window, exit_of, worst_exit
from telemetry_assets.settings import Settings

RECENTLY = timedelta(days=1)
"""For how long a correction is worth a line."""
_CORRECTIONS = 50


@dataclass(frozen=True, slots=True)
class RunLight:
    """What Dagster's own policy says of an asset: the newest run of any tenant against the loosest run window."""

    state: State
    run_age: timedelta | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Broken promises of one tenant that one asset explains, from it downwards: a root, or where the data stops."""

    tenant: str
    root: str
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """The judgements asked for, in the order of the graph and of the tenants; ``promises`` counts all there are.

    ``lights``: asset → Dagster's own light. ``narrowed`` is True where not everything was asked for. ``owed``: asset →
    how many promises of it were asked for; where ``rows`` has fewer, those left out are fresh. ``noted``: the looks
    from outside that left something out.
    """

    now: datetime
    rows: tuple[Judgement, ...]
    lights: Mapping[str, RunLight]
    promises: int
    narrowed: bool = False
    owed: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    of_all_assets: bool = True
    corrections: tuple[Correction, ...] = ()
    noted: tuple[Look, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the judgements asked for, by the one table. A warning is 0."""
        return worst_exit([exit_of(state) for state in {row.state for row in self.rows}])

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets asked for, each once."""
        return tuple(dict.fromkeys((*self.owed, *(row.asset for row in self.rows))))

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants of the rows, each once."""
        return tuple(dict.fromkeys(row.tenant for row in self.rows))

    @property
    def fresh_left_out(self) -> int:
        """How many promises have no row because they are kept."""
        return max(sum(self.owed.values()) - len(self.rows), 0)

    @property
    def broken(self) -> tuple[Judgement, ...]:
        """The broken promises: late, or never seen."""
        return tuple(row for row in self.rows if row.state.broken)

    @property
    def unknown(self) -> tuple[Judgement, ...]:
        """The promises that could not be judged."""
        return tuple(row for row in self.rows if row.state is State.UNKNOWN)

    @property
    def odd(self) -> tuple[Judgement, ...]:
        """Those that came in time and are odd in another way: due, though nothing of their age is."""
        return tuple(row for row in self.rows if row.state is State.WARN and _is_young(row, self.now))

    @property
    def broken_under_green(self) -> tuple[Judgement, ...]:
        """The broken promises on assets that the run-age light calls fresh: what nobody would have seen."""
        return tuple(row for row in self.broken if self.lights[row.asset].state is State.PASS)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The broken promises by tenant and the root that binds them; where that root is not broken itself, by the
        broken asset nearest to it: the data stops there."""
        found: dict[tuple[str, str], list[Judgement]] = {}
        for row in self.broken:
            found.setdefault((row.tenant, row.binding_root or row.asset), []).append(row)
        return tuple(
            Cause(tenant, root if self._may_be_broken(root, rows) else rows[0].asset, tuple(rows))
            for (tenant, root), rows in found.items()
        )

    def _may_be_broken(self, root: str, rows: Sequence[Judgement]) -> bool:
        """True where the root is among its broken promises, or was not asked about."""
        return not self.of_all_assets or any(row.asset == root for row in rows)

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines. Ages are seconds at ``checked_at``; instants stay what they are."""
        return {
            "checked_at": iso(self.now),
            "exit_code": int(self.exit_code),
            "promises": self.promises,
            "broken": len(self.broken),
            "broken_under_green_run_light": len(self.broken_under_green),
            "assets": {asset: _light_json(self.lights[asset]) for asset in self.assets if asset in self.lights},
            "rows": [_row_json(row) for row in self.rows],
            "corrections": [_correction_json(one) for one in self.corrections],
            "notes": {look.feeder: look.note for look in self.noted},
        }


def read_status(
    conn: Connection[TupleRow],
    settings: Settings,
    now: datetime,
    *,
    asset: str | None = None,
    tenant: str | Sequence[str] | None = None,
    late: bool = False,
    fresh_rows: bool = True,
) -> StatusAnswer:
    """Every promise as it stands at ``now``; of one asset or pattern, of some tenants (slug or id), or the broken ones.

    Without ``fresh_rows`` the fresh ones of very many may be counted and not listed. Raises UsageError for an asset
    without a promise or an unknown tenant, CouldNotLookError without a ledger.
    """
    chosen = (tenant,) if isinstance(tenant, str) else tuple(tenant or ())
    found = read_rows(conn, settings, now, Asked(asset, chosen, late, fresh_rows))
    rows = tuple(row for row in found.rows if row.state.broken) if late else found.rows
    shown = {row.asset for row in rows} | (set() if late else found.owed.keys())
    return StatusAnswer(
        now,
        rows,
        run_lights(conn, found.nodes, settings.promises, shown, now),
        promises=sum(found.owed.values()),
        narrowed=late or asset is not None or bool(chosen),
        owed={} if late else found.owed,
        of_all_assets=asset is None,
        corrections=_recent_corrections(conn, found, now),
        noted=tuple(look for look in looks.read(conn).values() if look.note and look.feeder in found.roots)
        if found.tenants is None
        else (),
    )


def run_lights(
    conn: Connection[TupleRow],
    nodes: Sequence[AssetNode],
    promises: Sequence[Promise],
    assets: Collection[str],
    now: datetime,
) -> Mapping[str, RunLight]:
    """What Dagster's own policy says of each asset, from runs alone: any tenant's newest run makes it fresh."""
    newest = subjects.newest_runs(conn, sorted(assets)) if assets else {}
    windows = {node.key: loosest_run_window(node, nodes, promises) for node in nodes if node.key in assets}
    return {asset: _light(newest.get(asset), windows.get(asset), now) for asset in assets}


def _light(run_time: datetime | None, window: Window | None, now: datetime) -> RunLight:
    """Never run is UNKNOWN there, and so is an asset without a policy."""
    if run_time is None or window is None:
        return RunLight(State.UNKNOWN, None if run_time is None else now - run_time, window)
    return RunLight(state_of(now - run_time, window), now - run_time, window)


def _recent_corrections(conn: Connection[TupleRow], found: Rows, now: datetime) -> tuple[Correction, ...]:
    """Data times that moved back lately, of the roots and tenants asked for."""
    tenants = found.tenants
    return tuple(
        one
        for one in subjects.corrections(conn, limit=_CORRECTIONS)
        if now - one.known_at < RECENTLY and one.asset in found.roots and (tenants is None or one.tenant in tenants)
    )


def _is_young(row: Judgement, now: datetime) -> bool:
    return (
        row.limit is not None
        and row.data_time is not None
        and cutoffs_of(row.limit, now).state_of(row.data_time) is State.PASS
    )


def _light_json(light: RunLight) -> Mapping[str, Any]:
    return {
        "run_light": str(light.state),
        "newest_run_age_seconds": seconds(light.run_age),
        "run_window_seconds": seconds(light.window.fail) if light.window else None,
    }


def _row_json(row: Judgement) -> Mapping[str, Any]:
    return {
        "asset": row.asset,
        "tenant": row.tenant,
        "state": str(row.state),
        "word": row.state.word,
        "run_age_seconds": seconds(row.run_age),
        "data_age_seconds": seconds(row.data_age),
        "window_seconds": seconds(row.window),
        "limit": limit_json(row.limit),
        "slack_seconds": seconds(row.slack),
        "binding_root": row.binding_root,
        "data_time": iso(row.data_time),
        "run_time": iso(row.run_time),
        "owner": row.owner,
        "reason": row.reason,
    }


def _correction_json(one: Correction) -> Mapping[str, Any]:
    return {
        "asset": one.asset,
        "tenant": one.tenant,
        "was": iso(one.was),
        "became": iso(one.became),
        "known_at": iso(one.known_at),
    }
