"""Airbyte's health for one tenant: the runbook's rule at its boundaries, the worst connection, both ages."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from telemetry_assets.answers.condition import Status
from telemetry_assets.answers.health_airbyte import TenantSyncs, airbyte
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import ExitCode, State

META, GOOGLE = UUID(int=1), UUID(int=2)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def sync(
    now: datetime, age: timedelta, status: str = "succeeded", connection: UUID = META, job: int = 7, **more
) -> Sync:
    """A job that ended ``age`` ago and took 40 s."""
    ended = now - age
    return Sync(
        connection_id=connection, job_id=job, source="meta_ads", tenant="acme", status=status,
        started_at=ended - timedelta(seconds=40), updated_at=ended, ended_at=ended, rows_synced=100,
        bytes_synced=2_000, **more,
    )  # fmt: skip


@pytest.fixture
def of(acme):
    """The tenant's syncs: each given job is its connection's newest, and the newest success if it succeeded."""

    def build(*syncs: Sync, judged=(), **more) -> TenantSyncs:
        return TenantSyncs(
            tenant=acme,
            connections=more.pop("connections", {META: "meta_ads"}),
            newest={one.connection_id: one for one in syncs if one.terminal},
            succeeded={one.connection_id: one for one in syncs if one.succeeded},
            recent=syncs,
            judged=judged,
            **more,
        )

    return build


@pytest.mark.promise("B13", "B31", "A29")
@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(0), Status.OK),
        (60 * MINUTE - SECOND, Status.OK),
        (60 * MINUTE, Status.STALE),
        (60 * MINUTE + SECOND, Status.STALE),
    ],
)
def test_a_sync_is_healthy_until_it_is_sixty_minutes_old_and_stale_exactly_then(of, valid, now, age, status) -> None:
    found = airbyte(of(sync(now, age)), now)
    assert found.status is status
    assert valid(found.payload)["stale"] is (status is Status.STALE)


@pytest.mark.parametrize(("age", "status"), [(6 * MINUTE - SECOND, Status.OK), (6 * MINUTE, Status.STALE)])
def test_the_window_is_the_one_promised_for_the_sources_assets(of, now, age, status) -> None:
    found = airbyte(of(sync(now, age), windows={"meta_ads": 6 * MINUTE}), now)
    assert found.status is status
    assert found.payload["window_minutes"] == 6


@pytest.mark.promise("A29")
def test_a_stale_sync_says_how_many_minutes_old_it_is_and_what_to_do(of, now) -> None:
    found = airbyte(of(sync(now, 75 * MINUTE)), now)
    assert "meta_ads's newest sync for acme is 75 min old, and 60 min are promised" in found.detail
    assert "telemetry refresh sync --tenant acme" in found.detail


@pytest.mark.promise("B31")
@pytest.mark.parametrize("status", ["failed", "cancelled", "something_new"])
def test_a_newest_sync_that_did_not_succeed_is_failing_however_young(of, valid, now, status) -> None:
    found = airbyte(of(sync(now, MINUTE, status, error="401 Unauthorized\nTraceback …")), now)
    assert found.status is Status.FAILING
    assert found.exit_code is ExitCode.FAILING
    assert "401 Unauthorized" in found.detail
    assert "Traceback" not in found.detail
    assert valid(found.payload)["last_sync"]["last_job_status"] == status


def test_after_a_failure_the_payload_still_dates_the_last_data_by_the_newest_success(of, valid, now) -> None:
    bad, good = sync(now, MINUTE, "failed", job=8), sync(now, 30 * MINUTE)
    tenant = replace(of(bad), succeeded={META: good})
    payload = valid(airbyte(tenant, now).payload)
    assert payload["last_sync"]["last_synced_at"] == "2026-05-01T11:30:00Z"
    assert payload["last_sync"]["last_job_id"] == "8"
    assert payload["run_age_minutes"] == 30


@pytest.mark.promise("B34")
def test_a_connection_that_never_ended_a_sync_has_no_recent_sync(of, valid, now) -> None:
    found = airbyte(of(), now)
    assert found.status is Status.NO_RECENT_SYNC
    assert found.exit_code is ExitCode.MISSING
    payload = valid(found.payload)
    assert payload["last_sync"] is None
    assert payload["run_age_minutes"] is None


def test_a_first_sync_that_still_runs_is_told_as_such_and_listed(of, valid, now) -> None:
    running = replace(sync(now, MINUTE, "running"), ended_at=None)
    found = airbyte(of(running), now)
    assert found.status is Status.NO_RECENT_SYNC
    assert "first sync is still running" in found.detail
    assert valid(found.payload)["recent_jobs"][0]["duration_seconds"] is None


def test_a_running_sync_changes_nothing_about_the_newest_ended_one(of, now) -> None:
    running = replace(sync(now, timedelta(0), "running", job=9), ended_at=None)
    assert airbyte(of(running, sync(now, 10 * MINUTE)), now).status is Status.OK


@pytest.mark.promise("B12")
@pytest.mark.parametrize(
    ("google", "status"),
    [
        (sync, Status.OK),
        (lambda now, age, **of: sync(now, age, "failed", **of), Status.FAILING),
        (lambda now, age, **of: sync(now, 90 * MINUTE, **of), Status.STALE),
    ],
)
def test_a_tenant_is_as_well_as_its_worst_connection(of, valid, now, google, status) -> None:
    two = {META: "meta_ads", GOOGLE: "google_ads"}
    found = airbyte(of(sync(now, MINUTE), google(now, 2 * MINUTE, connection=GOOGLE, job=11), connections=two), now)
    assert found.status is status
    if status is not Status.OK:
        assert valid(found.payload)["last_sync"]["last_job_id"] == "11"
        assert "google_ads" in found.detail


def test_a_promised_source_that_no_connection_feeds_is_misconfigured_and_named(of, valid, now) -> None:
    found = airbyte(of(sync(now, MINUTE), unconnected=("google_ads",)), now)
    assert found.status is Status.MISCONFIGURED
    assert found.exit_code is ExitCode.FAILING
    assert "google_ads is promised to acme" in found.detail
    assert valid(found.payload)["configured"] is False


def test_a_tenant_without_any_connection_is_misconfigured(of, valid, now) -> None:
    assert valid(airbyte(of(connections={}), now).payload)["status"] == "misconfigured"


@pytest.mark.parametrize(("ahead", "status"), [(5 * MINUTE, Status.OK), (5 * MINUTE + SECOND, Status.UNKNOWN)])
def test_a_sync_that_ends_in_the_future_is_unknown_and_neither_fresh_nor_late(of, valid, now, ahead, status) -> None:
    found = airbyte(of(sync(now, -ahead)), now)
    assert found.status is status
    if status is Status.UNKNOWN:
        assert found.exit_code is ExitCode.COULD_NOT_LOOK
        assert valid(found.payload)["as_of"] == "2026-05-01T12:05:01Z"


@pytest.mark.promise("F12")
def test_old_data_under_a_young_sync_is_stale_and_both_ages_are_in_the_payload(of, valid, judged, now) -> None:
    late = judged(state=State.FAIL, minutes=4320)
    found = airbyte(of(sync(now, 2 * MINUTE), judged=[judged(asset="meta_ads/ads"), late]), now)
    assert found.status is Status.STALE
    assert found.exit_code is ExitCode.LATE
    payload = valid(found.payload)
    assert (payload["run_age_minutes"], payload["data_age_minutes"]) == (2, 4320)
    assert "the data of acme in meta_ads/insights is 3 d old" in found.detail


def test_data_that_never_came_under_a_young_sync_has_no_recent_sync(of, judged, now) -> None:
    never = judged(state=State.MISSING, minutes=None, root=None, reason="no run has ever loaded it")
    found = airbyte(of(sync(now, MINUTE), judged=[never]), now)
    assert (found.status, found.exit_code) == (Status.NO_RECENT_SYNC, ExitCode.MISSING)


def test_data_whose_clock_cannot_be_believed_is_unknown(of, valid, judged, now) -> None:
    odd = judged(state=State.UNKNOWN, minutes=None, reason="clock: meta_ads/insights says 2031")
    found = airbyte(of(sync(now, MINUTE), judged=[odd]), now)
    assert found.status is Status.UNKNOWN
    assert valid(found.payload)["data_state"] == "UNKNOWN"


@pytest.mark.parametrize("state", [State.PASS, State.WARN])
def test_data_that_is_due_is_still_healthy(of, judged, now, state) -> None:
    assert airbyte(of(sync(now, MINUTE), judged=[judged(state=state)]), now).status is Status.OK


def test_an_asset_that_nothing_dates_makes_no_tenant_unknown(of, judged, now) -> None:
    undated = judged(state=State.UNKNOWN, minutes=None, root=None, reason="nothing dates it", undated=True)
    assert airbyte(of(sync(now, MINUTE), judged=[undated]), now).status is Status.OK


@pytest.mark.promise("A26", "B12")
def test_the_summary_averages_the_recent_jobs_and_names_the_latest(of, valid, now) -> None:
    older = replace(sync(now, 20 * MINUTE, job=6), rows_synced=50)
    payload = valid(airbyte(of(sync(now, 5 * MINUTE), older), now).payload)
    summary = payload["job_summary"]
    assert summary["latest_job"]["job_id"] == "7"
    assert (summary["job_count"], summary["average_duration_seconds"]) == (2, 40.0)
    assert summary["average_records_synced"] == 75.0
    assert payload["recent_jobs"][0]["api_cost"] is None


@pytest.mark.promise("A19", "B8", "B16")
def test_a_healthy_payload_names_component_tenant_and_last_sync(of, valid, acme, now) -> None:
    payload = valid(airbyte(of(sync(now, 5 * MINUTE)), now).payload)
    assert (payload["component"], payload["status"], payload["configured"]) == ("airbyte", "ok", True)
    assert payload["last_sync"] == {
        "tenant_id": str(acme.id),
        "last_synced_at": "2026-05-01T11:55:00Z",
        "last_job_id": "7",
        "last_job_status": "succeeded",
        "last_job_completed_at": "2026-05-01T11:55:00Z",
        "last_job_updated_at": "2026-05-01T11:55:00Z",
        "last_job_error": None,
    }
    assert payload["latest_sync_age_minutes"] == 5
    assert "detail" not in payload


def test_a_payload_with_an_undeclared_field_in_a_closed_part_breaks_its_schema(of, valid, now) -> None:
    import jsonschema

    payload = dict(airbyte(of(sync(now, MINUTE)), now).payload)
    payload["last_sync"] = {**payload["last_sync"], "surprise": 1}
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        valid(payload)
