"""Airbyte's health for one tenant: its newest ended sync per connection, and the age of the data they brought.

What belongs here: the runbook's rule for syncs and the payload it is told in. What does not: reading the ledger
(``health.py``), judging data age (``freshness/``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from telemetry_assets.answers.condition import (
    LONGEST_SKEW,
    Condition,
    Finding,
    Status,
    exit_of_findings,
    iso,
    minutes,
    spoken,
    worst_finding,
)
from telemetry_assets.answers.data_age import data_finding, data_state, oldest_data
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import Tenant

AIRBYTE = "airbyte"
WINDOW = timedelta(minutes=60)
"""How old the newest sync may be where no promise says otherwise. Exactly this old is stale."""


@dataclass(frozen=True, slots=True)
class TenantSyncs:
    """What the ledger and the settings say of one tenant's syncs; ``tenant`` None is data without tenants.

    ``connections``: connection id → source. ``unconnected``: sources promised to the tenant that no connection feeds.
    ``newest`` and ``succeeded``: the newest ended and the newest succeeded sync of each connection, where there is one.
    ``windows``: source → the window promised for its assets. ``judged``: the tenant's promises on those assets.
    """

    tenant: Tenant | None
    connections: Mapping[UUID, str]
    unconnected: Sequence[str] = ()
    newest: Mapping[UUID, Sync] = field(default_factory=lambda: MappingProxyType({}))
    succeeded: Mapping[UUID, Sync] = field(default_factory=lambda: MappingProxyType({}))
    recent: Sequence[Sync] = ()
    windows: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    judged: Sequence[Judgement] = ()

    @property
    def slug(self) -> str:
        """The tenant's slug, ``*`` without tenants."""
        return self.tenant.slug if self.tenant else "*"


def airbyte(syncs: TenantSyncs, now: datetime) -> Condition:
    """The tenant's condition: of the run rule on its worst connection and of its data age, the worse.

    Healthy ⇔ each connection's newest ended sync succeeded and is younger than the window, and so is the data.
    """
    findings = [*_run_findings(syncs, now), data_finding(syncs.judged, missing=Status.NO_RECENT_SYNC)]
    told = worst_finding(findings)
    run_age = _run_age(syncs, now)
    data_age = oldest_data(syncs.judged)
    return Condition(
        component=AIRBYTE,
        subject=syncs.slug,
        status=told.status,
        detail=told.detail,
        payload=_payload(syncs, told, findings, now, run_age, data_age),
        exit_code=exit_of_findings(findings),
        run_age=run_age,
        data_age=data_age,
    )


def _run_findings(syncs: TenantSyncs, now: datetime) -> Iterator[Finding]:
    for source in syncs.unconnected:
        yield Finding(
            Status.MISCONFIGURED,
            f"{source} is promised to {syncs.slug} and no connection feeds it:"
            f" add one under sources.{source}.connections, or take the tenant out of the promise",
        )
    if not syncs.connections and not syncs.unconnected:
        yield Finding(Status.MISCONFIGURED, "no connection is configured: add one under sources: in telemetry.yaml")
    for connection_id, source in syncs.connections.items():
        yield _connection_finding(syncs, connection_id, source, now)


def _connection_finding(syncs: TenantSyncs, connection_id: UUID, source: str, now: datetime) -> Finding:
    newest, window = syncs.newest.get(connection_id), syncs.windows.get(source, WINDOW)
    remedy = f"telemetry refresh sync --tenant {syncs.slug}" if syncs.tenant else "telemetry refresh sync"
    if newest is None:
        running = any(sync.connection_id == connection_id and not sync.terminal for sync in syncs.recent)
        state = "its first sync is still running" if running else f"start one: {remedy}"
        return Finding(Status.NO_RECENT_SYNC, f"{source} has never ended a sync for {syncs.slug}; {state}")
    age = now - _ended(newest)
    if not newest.succeeded:
        said = f": {newest.error.strip().splitlines()[0]}" if newest.error and newest.error.strip() else ""
        return Finding(
            Status.FAILING,
            f"{source}'s newest sync for {syncs.slug} (job {newest.job_id}) {newest.status}"
            f" {spoken(age)} ago{said}; when mended: {remedy}",
        )
    if age < -LONGEST_SKEW:
        return Finding(
            Status.UNKNOWN, f"{source}'s newest sync for {syncs.slug} lies {spoken(-age)} ahead of our clock"
        )
    if age >= window:
        return Finding(
            Status.STALE,
            f"{source}'s newest sync for {syncs.slug} is {spoken(age)} old, and {spoken(window)}"
            f" are promised: see that its schedule runs (telemetry up), or: {remedy}",
        )
    return Finding(Status.OK)


def _run_age(syncs: TenantSyncs, now: datetime) -> timedelta | None:
    """The age of the connection whose newest success is oldest; None where one never succeeded."""
    if not syncs.connections or not all(connection in syncs.succeeded for connection in syncs.connections):
        return None
    return max(timedelta(0), *(now - _ended(syncs.succeeded[connection]) for connection in syncs.connections))


def _payload(
    syncs: TenantSyncs,
    told: Finding,
    findings: Sequence[Finding],
    now: datetime,
    run_age: timedelta | None,
    data_age: timedelta | None,
) -> Mapping[str, Any]:
    worst = _worst_sync(syncs)
    recent = [_job(sync) for sync in syncs.recent]
    payload: dict[str, Any] = {
        "component": AIRBYTE,
        "tenant": syncs.slug,
        "tenant_id": _tenant_id(syncs),
        "configured": bool(syncs.connections) and not syncs.unconnected,
        "status": str(told.status),
        "stale": any(finding.status is Status.STALE for finding in findings),
        "checked_at": iso(now),
        "window_minutes": minutes(_window(syncs)),
        "run_age_minutes": minutes(run_age),
        "data_age_minutes": minutes(data_age),
        "data_state": data_state(syncs.judged),
        "last_sync": None if worst is None else _last_sync(syncs, worst),
        "recent_jobs": recent,
        "job_summary": _summary(recent),
    }
    if worst is not None:
        payload["latest_sync_age_minutes"] = minutes(max(now - _ended(worst), timedelta(0)))
    if told.detail:
        payload["detail"] = told.detail
    if told.status is Status.UNKNOWN:
        payload["as_of"] = iso(max((sync.updated_at for sync in syncs.recent), default=None))
    return payload


def _worst_sync(syncs: TenantSyncs) -> Sync | None:
    """The newest ended sync of the tenant's worst connection: one that did not succeed, else the oldest."""
    ended = [syncs.newest[connection] for connection in syncs.connections if connection in syncs.newest]
    return min(ended, key=lambda sync: (sync.succeeded, _ended(sync)), default=None)


def _window(syncs: TenantSyncs) -> timedelta:
    return min((syncs.windows.get(source, WINDOW) for source in syncs.connections.values()), default=WINDOW)


def _last_sync(syncs: TenantSyncs, worst: Sync) -> Mapping[str, Any]:
    """``last_synced_at`` is when data last came; before the first success, when the worst connection last tried."""
    good = syncs.succeeded.get(worst.connection_id, worst)
    return {
        "tenant_id": _tenant_id(syncs),
        "last_synced_at": iso(_ended(good)),
        "last_job_id": str(worst.job_id),
        "last_job_status": worst.status,
        "last_job_completed_at": iso(worst.ended_at),
        "last_job_updated_at": iso(worst.updated_at),
        "last_job_error": worst.error,
    }


def _job(sync: Sync) -> Mapping[str, Any]:
    return {
        "job_id": str(sync.job_id),
        "status": sync.status,
        "started_at": iso(sync.started_at),
        "duration_seconds": int((sync.ended_at - sync.started_at).total_seconds()) if sync.ended_at else None,
        "records_synced": sync.rows_synced,
        "bytes_synced": sync.bytes_synced,
        "api_cost": None,
    }


def _summary(recent: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {
        "latest_job": recent[0] if recent else None,
        "average_duration_seconds": _average([job["duration_seconds"] for job in recent]),
        "average_records_synced": _average([job["records_synced"] for job in recent]),
        "average_api_cost": None,
        "job_count": len(recent),
    }


def _average(values: Sequence[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 1) if known else None


def _tenant_id(syncs: TenantSyncs) -> str:
    return str(syncs.tenant.id) if syncs.tenant else "*"


def _ended(sync: Sync) -> datetime:
    return sync.ended_at or sync.updated_at
