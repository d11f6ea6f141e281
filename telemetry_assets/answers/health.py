"""The health of Airbyte, dbt and the snapshots, read from the ledger and told as the runbooks' payloads.

What belongs here: reading what the three rules need, and the one answer of them. What does not: the rules
(``health_airbyte.py``, ``health_dbt.py``, ``health_snapshots.py``), drawing (``render/health.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import Board, read_board
from telemetry_assets.answers.condition import Condition, Status, iso, worst_status
from telemetry_assets.answers.health_airbyte import AIRBYTE, TenantSyncs, airbyte
from telemetry_assets.answers.health_dbt import DBT, DbtRuns, dbt
from telemetry_assets.answers.health_snapshots import SNAPSHOTS, TenantSnapshot, Withheld, snapshot
from telemetry_assets.answers.health_snapshots import WINDOW as SNAPSHOT_WINDOW
from telemetry_assets.errors import TelemetryError, UsageError
from telemetry_assets.ledger import dbt_invocations, snapshots, syncs
from telemetry_assets.ledger.dbt_invocations import DbtInvocation
from telemetry_assets.model import AssetKind, ExitCode, worst_exit
from telemetry_assets.settings import DbtSettings, Settings, SourceSettings
from telemetry_assets.sources.dbt_artifacts import covers_all, manifest_beside, read_run_results

COMPONENTS = (AIRBYTE, DBT, SNAPSHOTS)
RECENT_JOBS = 10
RECENT_INVOCATIONS = 25
_DBT_KINDS = frozenset({AssetKind.MODEL, AssetKind.VIEW, AssetKind.SEED})


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """Every condition asked for. ``components`` are the ones asked for; one of them without a condition is not used."""

    checked_at: datetime
    components: tuple[str, ...]
    conditions: tuple[Condition, ...]
    one_tenant: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of all conditions by the one table."""
        return worst_exit([one.exit_code for one in self.conditions])

    def of(self, component: str) -> tuple[Condition, ...]:
        """The conditions of one component, in the order of the tenants."""
        return tuple(one for one in self.conditions if one.component == component)

    def status(self, component: str) -> Status | None:
        """The worst status of one component; None where it is not used."""
        found = self.of(component)
        return worst_status([one.status for one in found]) if found else None

    def as_json(self) -> Mapping[str, Any]:
        """The payloads as dashboards read them.

        One component of which there is one payload (dbt; the others with one tenant) is that payload itself; else
        each component is ``{status, payloads}`` under its name.
        """
        if len(self.components) == 1 and len(self.conditions) == 1 and (self.one_tenant or self.components == (DBT,)):
            return self.conditions[0].payload
        return {
            "checked_at": iso(self.checked_at),
            "status": str(worst_status([one.status for one in self.conditions])),
            "exit_code": int(self.exit_code),
            **{name: self._component_json(name) for name in self.components},
        }

    def _component_json(self, name: str) -> Mapping[str, Any] | None:
        status = self.status(name)
        return None if status is None else {"status": str(status), "payloads": [one.payload for one in self.of(name)]}


def read_health(
    conn: Connection[TupleRow],
    settings: Settings,
    now: datetime,
    *,
    tenant: str | None = None,
    component: str | None = None,
) -> HealthAnswer:
    """The health of everything, or of one ``component``, for all tenants or one (slug or id).

    Raises UsageError for an unknown component or tenant, CouldNotLookError where the ledger cannot be read.
    """
    if component is not None and component not in COMPONENTS:
        raise UsageError(f"There is no component {component!r}.", f"The components are {', '.join(COMPONENTS)}.")
    wanted = (component,) if component else COMPONENTS
    board = read_board(conn, settings, now, tenant=tenant)
    conditions: list[Condition] = []
    if AIRBYTE in wanted:
        conditions += _airbyte(conn, settings, board)
    if DBT in wanted and settings.dbt is not None:
        conditions.append(_dbt(conn, settings.dbt, board))
    if SNAPSHOTS in wanted:
        conditions += _snapshots(conn, settings, board)
    return HealthAnswer(now, wanted, tuple(conditions), one_tenant=tenant is not None)


def _airbyte(conn: Connection[TupleRow], settings: Settings, board: Board) -> list[Condition]:
    if not settings.sources:
        return []
    newest = {sync.connection_id: sync for sync in syncs.newest_terminal(conn)}
    succeeded = {sync.connection_id: sync for sync in syncs.newest_succeeded(conn)}
    recent = syncs.recent_of_each(conn, [slug for slug, _ in board.subjects()], RECENT_JOBS)
    keys = {key for source in settings.sources.values() for key in source.asset_keys}
    conditions: list[Condition] = []
    for slug, tenant in board.subjects():
        connections = {one.connection_id: one.source for one in settings.connections() if one.tenant == slug}
        fed = frozenset(connections.values())
        promised = [source for source in settings.sources.values() if _is_promised(board, source, slug)]
        unconnected = tuple(source.name for source in promised if source.name not in fed)
        if not connections and not unconnected:
            continue
        tenant_syncs = TenantSyncs(
            tenant=tenant,
            connections=connections,
            unconnected=unconnected,
            newest=newest,
            succeeded=succeeded,
            recent=recent[slug],
            windows=_windows(board, settings.sources, slug),
            judged=board.of(slug, keys),
        )
        conditions.append(airbyte(tenant_syncs, board.now))
    return conditions


def _is_promised(board: Board, source: SourceSettings, slug: str) -> bool:
    return bool(board.of(slug, source.asset_keys))


def _windows(board: Board, sources: Mapping[str, SourceSettings], slug: str) -> Mapping[str, timedelta]:
    """source → the tightest window promised to the tenant for its assets; absent where none is."""
    found: dict[str, timedelta] = {}
    for source in sources.values():
        windows = [one.window for one in board.of(slug, source.asset_keys) if one.window is not None]
        if windows:
            found[source.name] = min(windows)
    return found


def _dbt(conn: Connection[TupleRow], settings: DbtSettings, board: Board) -> Condition:
    complete = dbt_invocations.newest_complete(conn)
    recent = dbt_invocations.recent(conn, RECENT_INVOCATIONS)
    path = settings.manifest_path.with_name("run_results.json")
    left, invalid = _left_outside(path, complete, recent)
    if left is not None:
        recent = (left, *recent)
        if left.covers_all and (complete is None or left.generated_at > complete.generated_at):
            complete = left
    built = [node.key for node in board.nodes if node.kind in _DBT_KINDS]
    runs = DbtRuns(path=path, complete=complete, recent=recent, invalid=invalid, judged=board.of(None, built))
    return dbt(runs, board.now)


def _left_outside(
    path: Path, complete: DbtInvocation | None, recent: Sequence[DbtInvocation]
) -> tuple[DbtInvocation | None, str | None]:
    """What somebody else's dbt left in the target folder since our newest run: an invocation, or why it is none.

    Nothing is written here: a reader may have no right to, and ``import_external`` keeps what must not be forgotten.
    """
    try:
        left_at = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except OSError:
        return None, None
    if complete is not None and left_at <= complete.generated_at:
        return None, None
    try:
        found = read_run_results(path, external=True)
    except TelemetryError as error:
        return None, str(error)
    if any(one.invocation_id == found.invocation_id for one in recent):
        return None, None
    beside = manifest_beside(path)
    return replace(found, covers_all=beside is not None and covers_all(beside, found)), None


def _snapshots(conn: Connection[TupleRow], settings: Settings, board: Board) -> list[Condition]:
    conditions: list[Condition] = []
    for declared in settings.snapshots.values():
        served = snapshots.published_at(conn, declared.name)
        held = {
            one.tenant: Withheld(one.withheld_at, one.violations) for one in snapshots.withheld(conn, declared.name)
        }
        for slug, tenant in board.subjects():
            judged = board.of(slug, (declared.asset_key,))
            if not judged and slug not in served and slug not in held:
                continue
            windows = [one.window for one in judged if one.window is not None]
            state = TenantSnapshot(
                name=declared.name,
                tenant=tenant,
                generated_at=served.get(slug),
                withheld=held.get(slug),
                window=min(windows, default=SNAPSHOT_WINDOW),
                judged=judged,
            )
            conditions.append(snapshot(state, board.now))
    return conditions
