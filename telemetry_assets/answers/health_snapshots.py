"""A published snapshot's health for one tenant: when it was generated, how old its data is, what was withheld.

What belongs here: the runbook's rule for snapshots and the payload it is told in. What does not: publishing
(``defs/``), the contract (``contracts/``), reading the ledger (``health.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
from telemetry_assets.model import Tenant

SNAPSHOTS = "snapshots"
WINDOW = timedelta(minutes=60)
"""How old a served snapshot may be where no promise says otherwise. Exactly this old is stale."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A payload held back: when, and the ways it breaks its contract."""

    at: datetime
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TenantSnapshot:
    """What the ledger says of one snapshot of one tenant; ``tenant`` None is data without tenants."""

    name: str
    tenant: Tenant | None
    generated_at: datetime | None = None
    withheld: Withheld | None = None
    window: timedelta = WINDOW
    judged: Sequence[Judgement] = ()

    @property
    def slug(self) -> str:
        """The tenant's slug, ``*`` without tenants."""
        return self.tenant.slug if self.tenant else "*"


def snapshot(served: TenantSnapshot, now: datetime) -> Condition:
    """The snapshot's condition: younger than its window, over data younger than promised, and nothing withheld.

    A withheld payload is failing while the last good one is served and its age grows.
    """
    findings = [*_run_findings(served, now), data_finding(served.judged, missing=Status.MISSING)]
    told = worst_finding(findings)
    run_age = now - served.generated_at if served.generated_at else None
    data_age = oldest_data(served.judged)
    payload: dict[str, Any] = {
        "component": SNAPSHOTS,
        "snapshot": served.name,
        "tenant": served.slug,
        "tenant_id": str(served.tenant.id) if served.tenant else "*",
        "status": str(told.status),
        "stale": any(finding.status is Status.STALE for finding in findings),
        "checked_at": iso(now),
        "snapshot_generated_at": iso(served.generated_at),
        "window_minutes": minutes(served.window),
        "run_age_minutes": minutes(run_age),
        "data_age_minutes": minutes(data_age),
        "data_state": data_state(served.judged),
        "withheld": _withheld(served.withheld),
    }
    if told.detail:
        payload["detail"] = told.detail
    return Condition(
        SNAPSHOTS, served.slug, told.status, told.detail, payload, exit_of_findings(findings), run_age, data_age
    )


def _run_findings(served: TenantSnapshot, now: datetime) -> Iterator[Finding]:
    remedy = "telemetry refresh snapshots" + (f" --tenant-id {served.tenant.id}" if served.tenant else "")
    if served.withheld:
        rest = f" and {len(served.withheld.violations) - 1} more" if len(served.withheld.violations) > 1 else ""
        first = served.withheld.violations[0] if served.withheld.violations else "no violation was recorded"
        yield Finding(
            Status.FAILING,
            f"{served.slug}'s {served.name} of {spoken(now - served.withheld.at)} ago is withheld, it breaks its"
            f" contract: {first}{rest}; when mended: {remedy}",
        )
    if served.generated_at is None:
        yield Finding(Status.MISSING, f"{served.name} has never been published for {served.slug}: {remedy}")
        return
    age = now - served.generated_at
    if age < -LONGEST_SKEW:
        ahead = spoken(-age)
        yield Finding(Status.UNKNOWN, f"{served.slug}'s {served.name} lies {ahead} ahead of our clock")
    elif age >= served.window:
        yield Finding(
            Status.STALE,
            f"{served.slug}'s {served.name} is {spoken(age)} old, and {spoken(served.window)} are"
            f" promised: see that metrics_snapshot_sync is on (telemetry up), or: {remedy}",
        )


def _withheld(withheld: Withheld | None) -> Mapping[str, Any] | None:
    return None if withheld is None else {"withheld_at": iso(withheld.at), "violations": list(withheld.violations)}
