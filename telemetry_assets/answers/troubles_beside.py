"""What is wrong beside the promises: payloads held back, syncs and builds that fail for a while.

What belongs here: failures as the ledger holds them → troubles, of the identity that a promise broken by the same has.
What does not: promises (``troubles.py``), checks and runs (``troubles_of_runs.py``).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.happened import Veil, read_dbt_manifest, veil_of
from telemetry_assets.answers.owners import Owners
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.freshness.building import build_failed, withheld
from telemetry_assets.freshness.case import Told, quoted, time_since
from telemetry_assets.freshness.feeding import sync_failed
from telemetry_assets.freshness.happenings import Feed, NodeRun, SyncEnd, Withheld
from telemetry_assets.freshness.lineage import Graph
from telemetry_assets.incidents.trouble import NOBODY, Severity, Trouble
from telemetry_assets.ledger import dbt_invocations, snapshots, syncs
from telemetry_assets.ledger.dbt_invocations import Failing
from telemetry_assets.ledger.snapshots import HeldBack
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import ANY_TENANT, CauseKind
from telemetry_assets.settings import ConnectionSettings, Settings
from telemetry_assets.sources.dbt_artifacts import tested_assets
from telemetry_assets.sources.dbt_manifest import asset_keys

FAILS_FOR = timedelta(minutes=30)
"""How long a sync or a build must have failed before anybody is told of that alone."""
RECENT_INVOCATIONS = 100
"""Of so many invocations dbt's last word on a node is looked for; a build that failed before is built again by then."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is declared, promised and known around a failure."""

    settings: Settings
    graph: Graph
    tenants: frozenset[str]
    owner: Owners
    now: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """The troubles of payloads, syncs and dbt, and the phases in which any fails, be it since just now."""

    troubles: tuple[Trouble, ...]
    failing: frozenset[Phase]


def read_beside(conn: Connection[TupleRow], around: Around) -> Beside:
    """What is withheld, and what has failed for half an hour."""
    settings, veil = around.settings, veil_of(around.settings)
    held = tuple(_withheld(snapshots.held_back(conn, list(settings.snapshots)), around, veil))
    jobs = tuple(_syncs(syncs.failing(conn), around, veil))
    nodes = dbt_invocations.failing(conn, RECENT_INVOCATIONS) if settings.dbt else {}
    built = tuple(_dbt(nodes, around, veil))
    standing = [trouble for since, trouble in (*jobs, *built) if around.now - since >= FAILS_FOR]
    phases = {Phase.SYNC: jobs, Phase.BUILD: built, Phase.SNAPSHOTS: held}
    return Beside((*held, *standing), frozenset(phase for phase, failing in phases.items() if failing))


def _withheld(payloads: Iterable[HeldBack], around: Around, veil: Veil) -> Iterator[Trouble]:
    for held in payloads:
        key = around.settings.snapshots[held.name].asset_key
        if held.tenant in around.tenants or held.tenant == ANY_TENANT:
            told = withheld(key, Withheld(held.withheld_at, veil("; ".join(held.violations))), around.now)
            yield _trouble(told, key, Severity.ERROR, key, held.tenant, around)


def _syncs(failing: Iterable[tuple[Sync, Sync]], around: Around, veil: Veil) -> Iterator[tuple[datetime, Trouble]]:
    """When it first failed, and what is told: one of each stream that a failing connection feeds; only of those with
    an owner, where some have one."""
    declared = {one.connection_id: one for one in around.settings.connections()}
    for newest, first in failing:
        connection = declared.get(newest.connection_id)
        if connection is None or first.ended_at is None:
            continue
        streams = around.settings.sources[connection.source].asset_keys
        for stream in [key for key in streams if around.owner(key) != NOBODY] or streams:
            told = _sync_told(connection, stream, newest, first, around.now, veil)
            if told:
                trouble = _trouble(told, connection.source, Severity.WARN, stream, connection.tenant, around)
                yield first.ended_at, trouble


def _sync_told(
    connection: ConnectionSettings, stream: str, newest: Sync, first: Sync, now: datetime, veil: Veil
) -> Told | None:
    ended = [
        SyncEnd(job.status, job.started_at, job.ended_at, job.rows_synced, veil(job.error or ""))
        for job in dict.fromkeys((newest, first))
        if job.ended_at is not None
    ]
    option = "" if connection.tenant == ANY_TENANT else f" --tenant {connection.tenant}"
    return sync_failed(connection.source, stream, Feed(ended=tuple(ended)), now, option)


def _dbt(failing: Mapping[str, Failing], around: Around, veil: Veil) -> Iterator[tuple[datetime, Trouble]]:
    dbt = around.settings.dbt
    manifest = read_dbt_manifest(dbt) if dbt and failing else None
    if manifest is None:
        return
    keys, tests = asset_keys(manifest), tested_assets(manifest)
    for node, one in failing.items():
        if node in keys:
            run = NodeRun(one.word.status, one.word.said_at, veil(one.word.message))
            told = build_failed(keys[node], run, around.now)
            yield one.since, _trouble(told, keys[node], Severity.WARN, keys[node], ANY_TENANT, around, one.since)
        for asset in tests.get(node, ()):
            told = _test_told(node, asset, one, around.now, veil)
            yield one.since, _trouble(told, asset, Severity.WARN, asset, ANY_TENANT, around, one.since)


def _test_told(node: str, asset: str, failing: Failing, now: datetime, veil: Veil) -> Told:
    said = quoted(veil(failing.word.message)) or f"dbt says {failing.word.status}"
    name = node.split(".")[2] if node.count(".") > 1 else node
    says = f"the dbt test {name} of {asset} failed {time_since(failing.word.said_at, now)} ago: {said}"
    remedy = f"Mend the data of {asset} or the test, then: telemetry refresh build"
    return Told(CauseKind.CHECK_FAILED, asset, says, remedy, failing.since, said)


def _trouble(
    told: Told,
    where: str,
    severity: Severity,
    asset: str,
    tenant: str,
    around: Around,
    since: datetime | None = None,
) -> Trouble:
    return Trouble(
        kind=told.kind,
        where=where,
        severity=severity,
        asset=asset,
        tenant=tenant,
        says=told.says,
        remedy=told.remedy,
        root=told.root,
        quote=told.quote,
        since=since or told.since,
        owner=around.owner(asset),
    )
