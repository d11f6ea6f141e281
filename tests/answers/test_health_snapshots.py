"""A snapshot's health for one tenant: its window at the boundaries, never published, withheld, old data."""

from datetime import timedelta

import pytest

from telemetry_assets.answers.condition import Status
from telemetry_assets.answers.health_snapshots import TenantSnapshot, Withheld, snapshot
from telemetry_assets.model import ExitCode, State

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.mark.promise("B48")
@pytest.mark.parametrize(
    ("window", "age", "status"),
    [
        (None, 60 * MINUTE - SECOND, Status.OK),
        (None, 60 * MINUTE, Status.STALE),
        (None, 60 * MINUTE + SECOND, Status.STALE),
        (6 * MINUTE, 6 * MINUTE - SECOND, Status.OK),
        (6 * MINUTE, 6 * MINUTE, Status.STALE),
    ],
)
def test_a_snapshot_is_healthy_until_its_window_and_stale_exactly_then(acme, valid, now, window, age, status) -> None:
    promised = {} if window is None else {"window": window}
    found = snapshot(TenantSnapshot("tenant_dashboard", acme, now - age, **promised), now)
    assert found.status is status
    assert valid(found.payload)["snapshot_generated_at"].endswith("Z")


def test_a_stale_snapshot_says_how_old_it_is_and_how_to_publish_it(acme, now) -> None:
    found = snapshot(TenantSnapshot("tenant_dashboard", acme, now - 75 * MINUTE), now)
    assert "acme's tenant_dashboard is 75 min old, and 60 min are promised" in found.detail
    assert f"telemetry refresh snapshots --tenant-id {acme.id}" in found.detail


def test_a_snapshot_that_was_never_published_is_missing(acme, valid, now) -> None:
    found = snapshot(TenantSnapshot("tenant_dashboard", acme), now)
    assert (found.status, found.exit_code) == (Status.MISSING, ExitCode.MISSING)
    payload = valid(found.payload)
    assert payload["snapshot_generated_at"] is None
    assert payload["run_age_minutes"] is None


def test_a_withheld_payload_is_failing_with_its_violation_while_the_last_good_one_ages(acme, valid, now) -> None:
    bad = Withheld(now - 2 * MINUTE, ("metrics.campaign_metrics.summary.currency is missing", "second"))
    found = snapshot(TenantSnapshot("tenant_dashboard", acme, now - 30 * MINUTE, withheld=bad), now)
    assert (found.status, found.exit_code) == (Status.FAILING, ExitCode.FAILING)
    assert "currency is missing and 1 more" in found.detail
    payload = valid(found.payload)
    assert payload["withheld"]["violations"] == list(bad.violations)
    assert payload["run_age_minutes"] == 30


def test_a_payload_withheld_before_anything_was_published_is_failing_and_not_only_missing(acme, valid, now) -> None:
    found = snapshot(TenantSnapshot("tenant_dashboard", acme, withheld=Withheld(now, ("x",))), now)
    assert found.status is Status.FAILING
    assert "has never been published" in valid(found.payload)["detail"]


@pytest.mark.promise("F12")
def test_old_data_in_a_young_snapshot_is_stale(acme, valid, judged, now) -> None:
    late = judged("snapshots/tenant_dashboard", state=State.FAIL, minutes=4320)
    found = snapshot(TenantSnapshot("tenant_dashboard", acme, now - MINUTE, judged=[late]), now)
    assert (found.status, found.exit_code) == (Status.STALE, ExitCode.LATE)
    payload = valid(found.payload)
    assert (payload["run_age_minutes"], payload["data_age_minutes"]) == (1, 4320)


def test_unknown_data_is_unknown_and_neither_fresh_nor_late(acme, valid, judged, now) -> None:
    odd = judged("snapshots/tenant_dashboard", state=State.UNKNOWN, minutes=None, reason="clock: yet to come")
    found = snapshot(TenantSnapshot("tenant_dashboard", acme, now - MINUTE, judged=[odd]), now)
    assert (found.status, found.exit_code) == (Status.UNKNOWN, ExitCode.COULD_NOT_LOOK)
    valid(found.payload)


def test_a_snapshot_generated_in_the_future_is_unknown(acme, valid, now) -> None:
    found = snapshot(TenantSnapshot("tenant_dashboard", acme, now + 6 * MINUTE), now)
    assert found.status is Status.UNKNOWN
    valid(found.payload)


def test_data_without_tenants_is_the_subject_star(valid, now) -> None:
    payload = valid(snapshot(TenantSnapshot("totals", None, now - MINUTE), now).payload)
    assert (payload["tenant"], payload["tenant_id"], payload["status"]) == ("*", "*", "ok")
