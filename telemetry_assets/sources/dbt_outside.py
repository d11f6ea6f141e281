"""dbt runs that nobody of us started: what they left in the project's target folder, and what they made true.

What belongs here: recording such a run once, and what it can have read. What does not: reading the file
(``dbt_artifacts.py``), how data times pass through models (``dbt_facts.py``).

What it read of a root is at least what was there when it started: of a column's rows those up to then, of syncs the
newest that had ended by then.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.freshness.lineage import Graph, graph_of, roots_of
from telemetry_assets.ledger import dbt_invocations, subjects, syncs, tenants
from telemetry_assets.ledger.dbt_invocations import DbtInvocation
from telemetry_assets.model import ANY_TENANT, AssetNode, ClockKind, SubjectFact
from telemetry_assets.settings import Settings
from telemetry_assets.sources.asset_graph import asset_graph
from telemetry_assets.sources.clocks import LONGEST_LOOK, look_at
from telemetry_assets.sources.dbt_artifacts import (
    RUN_RESULTS,
    LeftRun,
    MissingRunResultsError,
    covers_all,
    manifest_beside,
    read_left_run,
)
from telemetry_assets.sources.dbt_facts import Times, built, invocation_facts
from telemetry_assets.sources.dbt_manifest import asset_keys, synthetic_keys
from telemetry_assets.sources.syncing import stream_tables
from telemetry_assets.sources.watching import watched

type RootTimes = Mapping[str, Times]
"""Dated root → tenant → its data time when the run started."""

BUILDING = frozenset({"run", "build", "seed", "snapshot"})
"""The commands that write tables. ``run --empty``, ``compile`` and ``docs`` report models too, and wrote no row."""


def import_external(
    conn: Connection[TupleRow],
    settings: Settings,
    manifest: Mapping[str, Any] | None = None,
    *,
    timeout: timedelta = LONGEST_LOOK,
) -> DbtInvocation | None:
    """Record the run that somebody else left in the project's target folder, and the facts it made, once.

    None where there is no dbt project or nothing was left. Only nodes that succeeded and were built where the manifest
    says have facts. Without ``manifest`` the one beside the results counts. ``conn`` is in autocommit; ``timeout``
    bounds the look at what the run read. Raises
    InvalidRunResultsError for a torn file, CouldNotLookError where file or database cannot be read.
    """
    if settings.dbt is None:
        return None
    path = settings.dbt.manifest_path.with_name(RUN_RESULTS)
    try:
        left = read_left_run(path)
    except MissingRunResultsError:
        return None
    if dbt_invocations.is_known(conn, left.invocation.invocation_id):
        return left.invocation
    beside = manifest if manifest is not None else manifest_beside(path)
    if beside is None:
        dbt_invocations.record(conn, left.invocation)
        return left.invocation
    invocation = replace(left.invocation, covers_all=covers_all(beside, left.invocation))
    facts = tuple(_facts(conn, settings, beside, left, timeout))
    with conn.transaction():
        dbt_invocations.record(conn, invocation)
        subjects.record(conn, facts)
    return invocation


def _facts(
    conn: Connection[TupleRow], settings: Settings, manifest: Mapping[str, Any], left: LeftRun, timeout: timedelta
) -> Iterator[SubjectFact]:
    """What the run made true, as if we had looked at its roots when it started."""
    if left.invocation.which not in BUILDING:
        return
    wrote = replace(left.invocation, results=tuple(_of_our_target(left, manifest)))
    nodes, keys = asset_graph(settings, manifest), asset_keys(manifest)
    made = list(built(wrote, keys, nodes))
    before = _before(conn, settings, manifest, graph_of(nodes), made, left.started_at, timeout)
    slugs = [tenant.slug for tenant in tenants.read(conn)]
    yield from invocation_facts(wrote, keys, nodes, before, slugs, wrote.invocation_id, synthetic_keys(manifest))


def _of_our_target(left: LeftRun, manifest: Mapping[str, Any]) -> Iterator[dbt_invocations.NodeResult]:
    """The results of tables that are ours: a developer's target builds the same models somewhere else."""
    for result in left.invocation.results:
        ours = (manifest["nodes"].get(result.unique_id) or {}).get("relation_name")
        there = left.relations.get(result.unique_id)
        if ours is None or there is None or ours == there:
            yield result


def _before(
    conn: Connection[TupleRow],
    settings: Settings,
    manifest: Mapping[str, Any],
    graph: Graph,
    made: Sequence[AssetNode],
    start: datetime,
    timeout: timedelta,
) -> Iterator[SubjectFact]:
    """What the inputs of ``made`` held at ``start``.

    Of what was built since, the ledger knows only the newest: it held no more of a root then than the root itself.
    """
    roots = {root for node in made for root in roots_of(node.key, graph)}
    inputs = {table for node in made for parent in node.parents for table in graph.tables(parent)}
    held = subjects.read(conn, sorted({*inputs, *roots, *(node.key for node in made)}))
    known_by_then = [fact for fact in held if fact.known_at <= start]
    times = _root_times(conn, settings, manifest, roots, start, known_by_then, timeout)
    made_up = synthetic_keys(manifest)
    for root, by_tenant in times.items():
        for tenant, data_time in by_tenant.items():
            made_up_too = root in made_up
            yield SubjectFact(root, tenant, None, "", "", {root: data_time}, synthetic=made_up_too, looked_at=start)
    for fact in held:
        if fact.asset in inputs and fact.asset not in times and (fact.known_at <= start or fact.asset not in roots):
            yield fact if fact.known_at <= start else replace(fact, data_times=_at_most(fact, times))


def _at_most(fact: SubjectFact, times: RootTimes) -> dict[str, datetime]:
    held: dict[str, datetime] = {}
    for root, data_time in fact.data_times.items():
        by_tenant = times.get(root, {})
        whose = by_tenant.values() if fact.tenant == ANY_TENANT else ()
        of_root = by_tenant.get(fact.tenant) or by_tenant.get(ANY_TENANT) or min(whose, default=None)
        if of_root is not None:
            held[root] = min(data_time, of_root)
    return held


def _root_times(
    conn: Connection[TupleRow],
    settings: Settings,
    manifest: Mapping[str, Any],
    roots: set[str],
    start: datetime,
    known_by_then: Iterable[SubjectFact],
    timeout: timedelta,
) -> RootTimes:
    """The roots as of ``start``, all tables in one round trip.

    Where every row of a tenant was written since (they are updated in place), and where a table cannot be read now, it
    held what was known of it by then.
    """
    tables = [*watched(settings, manifest), *(t for source in settings.sources.values() for t in stream_tables(source))]
    asked = [table for table in tables if table.asset in roots]
    seen = look_at(conn, asked, tenants.read(conn), start, slack=timedelta(0), timeout=timeout)
    known: dict[tuple[str, str], datetime] = {}
    for fact in known_by_then:
        for root, data_time in fact.data_times.items():
            known[root, fact.tenant] = max(data_time, known.get((root, fact.tenant), data_time))
    times = {table.asset: dict(table.data_times) for table in seen}
    blind = {table.asset for table in seen if table.error}
    for (root, tenant), data_time in known.items():
        if root in blind:
            times[root][tenant] = data_time
    for root, by_tenant in times.items():
        for tenant in [tenant for tenant, data_time in by_tenant.items() if data_time > start]:
            del by_tenant[tenant]
            if (root, tenant) in known:
                by_tenant[tenant] = known[root, tenant]
    return {**times, **_sync_times(conn, settings, roots, start)}


def _sync_times(conn: Connection[TupleRow], settings: Settings, roots: set[str], start: datetime) -> RootTimes:
    """Stream → tenant → the start of its newest sync that had ended by ``start``, the earliest of its connections."""
    newest = {sync.connection_id: sync for sync in syncs.newest_succeeded_by(conn, start)}
    times: dict[str, dict[str, datetime]] = {}
    for source in settings.sources.values():
        by_tenant: dict[str, list[syncs.Sync | None]] = {}
        for connection in source.connections:
            by_tenant.setdefault(connection.tenant, []).append(newest.get(connection.connection_id))
        whole = {
            tenant: min(sync.started_at for sync in found if sync) for tenant, found in by_tenant.items() if all(found)
        }
        for stream in source.streams:
            key = f"{source.name}/{stream.name}"
            if stream.clock.kind is ClockKind.SYNC and key in roots:
                times[key] = whole
    return times
