"""``telemetry why`` on the whole example: everything the demo can break, each on a tenant of its own, and its cause.

One home: all is well two hours ago, then every kind of breakage at once, then all healed.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from telemetry_assets.demo import breakages
from telemetry_assets.demo.breakages import Breakage
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.model import CauseKind, ExitCode
from tests.integration.example import Place, Upstream, copy_example

pytestmark = pytest.mark.slow

BOARD = "snapshots/tenant_dashboard"
CAUSES = [
    # what is broken, of whose feed                          why what is late, because of what, where
    (Breakage.STOP, "meta_ads", "coral-bay", BOARD, CauseKind.FEED_QUIET, "meta_ads/insights"),
    (Breakage.LAG, "google_ads", "coral-bay", "google_ads/insights", CauseKind.FEED_QUIET, "google_ads/insights"),
    (Breakage.SILENCE, "google_ads", "northshore", BOARD, CauseKind.ZERO_ROWS, "google_ads/insights"),
    (Breakage.ERROR, "google_ads", "harbour-foods", BOARD, CauseKind.SYNC_FAILED, "google_ads/insights"),
    (Breakage.LOSE_FIELD, "google_ads", "blue-mountain", BOARD, CauseKind.WITHHELD, BOARD),
    (Breakage.CHANGE_TYPE, "google_ads", "telemetry-tenant", BOARD, CauseKind.SYNC_FAILED, "google_ads/insights"),
]
TWO_HOURS_PASS = """
update telemetry.syncs set started_at = started_at - interval '2 hours', updated_at = updated_at - interval '2 hours',
    ended_at = ended_at - interval '2 hours';
update telemetry.dbt_invocations set generated_at = generated_at - interval '2 hours';
update telemetry.snapshots set generated_at = generated_at - interval '2 hours';
update telemetry.subjects set run_time = run_time - interval '2 hours', looked_at = looked_at - interval '2 hours',
    data_times = array(select case when held > now() - interval '1 hour' then held - interval '2 hours' else held end
                       from unnest(data_times) with ordinality as each (held, place) order by place);
"""


@dataclass(frozen=True, slots=True)
class Broken:
    """The example with everything broken at once."""

    place: Place
    upstream: Upstream

    def why(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the answer of ``telemetry why``."""
        done = self.place.run("why", *arguments, "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    folder = tmp_path_factory.mktemp("why")
    copy_example(folder / "example")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    upstream = Upstream(folder, now - timedelta(hours=2))
    place = Place(folder / "example", {"TELEMETRY_HOME": str(folder / "home"), **upstream.environment})
    server = EmbeddedPostgres(place.home)
    server.start()
    try:
        breakages.heal(upstream.faults_file)
        assert place.run("prepare").returncode == 0
        assert place.run("refresh", "--json").stdout
        with psycopg.connect(place.url, autocommit=True) as conn:
            conn.execute(TWO_HOURS_PASS.encode())
        upstream.now = now
        for kind, source, tenant, *_ in CAUSES:
            since = now - timedelta(days=3) if kind is Breakage.STOP else None
            breakages.break_feed(upstream.faults_file, kind, now=now, source=source, account=tenant, since=since)
        assert place.run("refresh", "--json").returncode == ExitCode.FAILING
        yield Broken(place, upstream)
    finally:
        upstream.stop()
        server.remove()


def test_every_kind_of_breakage_of_the_demo_is_in_the_table() -> None:
    assert {kind for kind, *_ in CAUSES} == set(Breakage)


@pytest.mark.promise("B54")
@pytest.mark.parametrize(("kind", "source", "tenant", "asset", "cause", "root"), CAUSES, ids=[one[0] for one in CAUSES])
def test_why_names_the_true_cause_of_each(
    broken: Broken, kind: Breakage, source: str, tenant: str, asset: str, cause: CauseKind, root: str
) -> None:
    code, answer = broken.why(asset, "--tenant", tenant)
    (told,) = answer["explanations"]
    assert (told["cause"]["kind"], told["cause"]["root"], told["tenants"]) == (cause, root, [tenant])
    assert (code, told["state"]) == (ExitCode.LATE, "FAIL")
    assert told["hops"][0]["asset"] == told["binding_root"] == f"{source}/insights"
    assert told["hops"][-1]["asset"] == asset


def test_the_failures_own_words_are_told_and_no_secret(broken: Broken) -> None:
    _, answer = broken.why(BOARD, "--tenant", "telemetry-tenant")
    assert "column clicks is bigint" in answer["explanations"][0]["cause"]["says"]
    _, answer = broken.why(BOARD, "--tenant", "blue-mountain")
    assert "clicks: found null" in answer["explanations"][0]["cause"]["says"]
    assert "token-of-the-tests" not in json.dumps(answer)


@pytest.mark.promise("C3")
def test_what_hangs_on_a_dead_feed_is_named_up_to_the_dashboard_and_its_owner(broken: Broken) -> None:
    _, answer = broken.why("meta_ads/insights", "--tenant", "coral-bay")
    breaks = answer["explanations"][0]["breaks"]
    hit = {one["asset"]: one["tenants"] for one in breaks["promises"]}
    assert {"meta_ads/insights", "marts/tenant_dashboard", BOARD} <= set(hit)
    assert all(tenants == ["coral-bay"] for tenants in hit.values())
    assert "Tenant dashboards" in {one["label"] for one in breaks["exposures"]}
    assert {"data-eng", "marketing-ops"} <= set(breaks["owners"])


def test_every_tenant_of_an_asset_is_told_each_cause_once(broken: Broken) -> None:
    code, answer = broken.why(BOARD)
    told = {(one["cause"]["identity"], tuple(one["tenants"])) for one in answer["explanations"]}
    assert told == {
        ("feed_quiet meta_ads/insights", ("coral-bay",)),
        ("zero_rows google_ads", ("northshore",)),
        ("sync_failed google_ads", ("telemetry-tenant",)),
        ("sync_failed google_ads", ("harbour-foods",)),
        (f"withheld {BOARD}", ("blue-mountain",)),
    }
    assert (code, answer["promise"]["owed"], answer["promise"]["kept"]) == (ExitCode.LATE, 5, 0)


def test_the_innocent_are_named(broken: Broken) -> None:
    _, answer = broken.why(BOARD, "--tenant", "coral-bay")
    ruled_out = " | ".join(answer["explanations"][0]["cause"]["ruled_out"])
    assert "the newest sync of meta_ads succeeded" in ruled_out
    assert f"{BOARD} was published" in ruled_out


def test_a_person_reads_the_cause_what_to_do_and_whom_to_tell(broken: Broken) -> None:
    done = broken.place.run("why", BOARD, "--tenant", "harbour-foods")
    for word in ("CAUSE", "sync failed: google_ads/insights", "DO", "PATH", "BREAKS", "READ IN", "TELL", "<- cause"):
        assert word in done.stdout
    assert done.stdout.isascii()
    assert done.returncode == ExitCode.LATE


def test_an_unknown_asset_or_tenant_is_offered_the_nearest(broken: Broken) -> None:
    for arguments, offered in (
        (("snapshots/tenant_dashbord",), f"Did you mean {BOARD}?"),
        ((BOARD, "--tenant", "coral-bye"), "Did you mean coral-bay?"),
        (("staging/stg_meta_ads__insights",), "Nothing is promised of"),
    ):
        done: subprocess.CompletedProcess[str] = broken.place.run("why", *arguments)
        assert done.returncode == ExitCode.USAGE, done.stdout
        assert offered in done.stderr


def test_healed_and_refreshed_the_promise_is_kept_and_it_says_until_when(broken: Broken) -> None:
    breakages.heal(broken.upstream.faults_file)
    broken.upstream.now = datetime.now(UTC).replace(second=0, microsecond=0)
    done = broken.place.run("refresh", "--json")
    code, answer = broken.why(BOARD)
    assert (code, done.returncode) == (ExitCode.OK, ExitCode.OK), done.stdout
    (told,) = answer["explanations"]
    assert (told["cause"], answer["promise"]["kept"]) == (None, 5)
    assert told["late_at"] > answer["checked_at"]
    assert told["slack_seconds"] < 6 * 60
