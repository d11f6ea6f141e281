"""How checks and jobs ended, of any code location: from the event log into the ledger, the newest of each."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster._core.storage.tags import (
    AUTO_RETRY_RUN_ID_TAG,
    PARENT_RUN_ID_TAG,
    REPOSITORY_LABEL_TAG,
    ROOT_RUN_ID_TAG,
    WILL_RETRY_TAG,
)
from dagster._core.test_utils import create_run_for_test
from psycopg.rows import TupleRow

from telemetry_assets.answers.ci_files import CHECK_JOB
from telemetry_assets.defs.check_outcomes import LONGEST_WORDS
from telemetry_assets.defs.check_runs import Code, Heard, run_checks
from telemetry_assets.defs.data_age_checks import DATA_AGE, check_result
from telemetry_assets.defs.expected_checks import Expected
from telemetry_assets.defs.log_reading import SETTLING
from telemetry_assets.defs.outcomes import Cursor, Taken, take_outcomes
from telemetry_assets.defs.run_outcomes import RETRY_COMES
from telemetry_assets.ledger import check_results, job_runs
from telemetry_assets.ledger.check_results import CheckResult
from telemetry_assets.ledger.connection import connect
from telemetry_assets.ledger.job_runs import JobRun
from tests.conftest import _execute, named

pytestmark = pytest.mark.slow

ELSEWHERE = {REPOSITORY_LABEL_TAG: "__repository__@ml"}
type Conn = psycopg.Connection[TupleRow]


@pytest.fixture(scope="module")
def _conn(postgres_url: str, _template: str) -> Iterator[Conn]:
    _execute(postgres_url, f"create database outcomes template {_template}")
    with connect(named(postgres_url, "outcomes")) as conn:
        conn.execute(
            "insert into telemetry.tenants (id, slug, name) values"
            " (gen_random_uuid(), 'acme', 'Acme'), (gen_random_uuid(), 'globex', 'Globex')"
        )
        yield conn


@pytest.fixture
def conn(_conn: Conn) -> Conn:
    """A ledger that knows two tenants and no outcome."""
    _conn.execute("truncate telemetry.check_results, telemetry.job_runs")
    return _conn


@pytest.fixture(scope="module")
def dagster_database(postgres_url: str) -> str:
    """The URL of a database for Dagster's own storage."""
    _execute(postgres_url, "create database dagster_storage")
    return named(postgres_url, "dagster_storage").replace("postgresql://", "postgresql+psycopg2://")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in which nothing has happened yet: on SQLite, as at home, and on PostgreSQL."""
    overrides: dict[str, Any] = {}
    if request.param == "postgresql":
        overrides = {"storage": {"postgres": {"postgres_url": request.getfixturevalue("dagster_database")}}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as found:
        if overrides:
            found.wipe()
            found.run_storage.wipe()
        yield found


def take(
    conn: Conn, instance: dg.DagsterInstance, cursor: str | None = None, later: timedelta = timedelta(0), **more: Any
) -> Taken:
    return take_outcomes(conn, instance, Cursor.of(cursor, instance), datetime.now(UTC) + later, **more)


def evaluate(instance: dg.DagsterInstance, asset: str, name: str, passed: bool, **more: Any) -> None:
    """What a check says outside any run."""
    key = dg.AssetKey(asset.split("/"))
    instance.report_runless_asset_event(dg.AssetCheckEvaluation(asset_key=key, check_name=name, passed=passed, **more))


def end(
    instance: dg.DagsterInstance, job: str, failed: bool = False, tags: dict[str, str] | None = None, **more: Any
) -> dg.DagsterRun:
    """A run of a job that ended now."""
    run = create_run_for_test(instance, job_name=job, status=dg.DagsterRunStatus.STARTED, tags=tags or {}, **more)
    if failed:
        instance.report_run_failed(run, f"{job} broke")
    else:
        event = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job_name=job)
        instance.report_dagster_event(event, run.run_id)
    return run


def look(instance: dg.DagsterInstance, *assets: str, raising: str) -> None:
    """A run of ``telemetry check`` on these assets; the checks of those named ``raising`` raise."""

    def check(asset: str) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=asset, name="whole")
        def whole() -> dg.AssetCheckResult:
            if asset in raising:
                raise ValueError("raised on purpose")
            return dg.AssetCheckResult(passed=True)

        return whole

    repository = dg.Definitions(asset_checks=[check(asset) for asset in assets]).get_repository_def()
    key = {asset: dg.AssetCheckKey(dg.AssetKey(asset), "whole") for asset in assets}
    expected = [Expected(key[asset], f"{asset}_whole", alone=True) for asset in assets]
    run_checks(Code.of(repository), instance, expected, Heard(), lambda _: None)


def failing(conn: Conn) -> list[tuple[str, str]]:
    return [(one.location, one.job) for one in job_runs.failed(conn)]


@dg.asset(key=["ml", "scores"], partitions_def=dg.StaticPartitionsDefinition(["acme", "globex"]))
def scores() -> None: ...


@dg.asset_check(asset=scores)
def plausible() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description="half of them are null")


@dg.asset
def orders() -> None:
    raise dg.Failure("the table is locked")


@dg.asset
def returns() -> None: ...


class TestChecks:
    """Evaluations of asset checks."""

    def test_a_failed_check_of_a_run_elsewhere_is_known_with_its_words_and_its_place(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        run = dg.materialize([scores, plausible], instance=instance, partition_key="acme", tags=ELSEWHERE)
        take(conn, instance)
        (found,) = check_results.failed(conn)
        assert found == CheckResult(
            "ml/scores", "plausible", "*", False, "WARN", found.evaluated_at, "half of them are null", run.run_id, "ml"
        )

    def test_the_newest_evaluation_counts_and_only_that(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        for passed in (False, True, False):
            evaluate(instance, "shop/orders", "whole", passed)
        cursor = str(take(conn, instance).cursor)
        assert [one.check_name for one in check_results.failed(conn)] == ["whole"]
        evaluate(instance, "shop/orders", "whole", passed=True)
        assert take(conn, instance, cursor).checks == 1
        assert check_results.failed(conn) == ()

    def test_a_partition_of_a_tenant_is_its_tenant_and_masks_no_other(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        evaluate(instance, "ml/scores", "plausible", passed=False, partition="globex")
        evaluate(instance, "ml/scores", "plausible", passed=True, partition="acme")
        take(conn, instance)
        assert [(one.check_name, one.tenant) for one in check_results.failed(conn)] == [("plausible", "globex")]

    def test_another_partition_is_part_of_the_name_and_a_good_day_heals_no_bad_one(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        evaluate(instance, "ml/daily", "whole", passed=False, partition="2026-08-01")
        evaluate(instance, "ml/daily", "whole", passed=False, partition="2026-08-01|acme")
        evaluate(instance, "ml/daily", "whole", passed=True, partition="2026-08-02")
        take(conn, instance)
        named_so = [(one.check_name, one.tenant) for one in check_results.failed(conn)]
        assert named_so == [("whole [2026-08-01]", "*"), ("whole [2026-08-01]", "acme")]

    def test_our_own_lights_are_left_out_and_anothers_of_the_same_name_is_not(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        ours = check_result("shop/orders", ())
        evaluate(instance, "shop/orders", DATA_AGE, passed=False, metadata=ours.metadata)
        evaluate(instance, "snapshots/board", "contract", passed=False, metadata={"telemetry/published": 0})
        evaluate(instance, "shop/orders", "sync_status", passed=False, metadata={"telemetry/failed_tenants": ["acme"]})
        evaluate(instance, "ml/scores", DATA_AGE, passed=False)
        take(conn, instance)
        assert [(one.asset, one.check_name) for one in check_results.failed(conn)] == [("ml/scores", DATA_AGE)]

    def test_megabytes_of_description_are_cut(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        evaluate(instance, "shop/orders", "whole", passed=False, description="x" * 3_000_000)
        take(conn, instance)
        assert [len(one.said) for one in check_results.failed(conn)] == [LONGEST_WORDS]

    def test_a_check_of_an_asset_that_was_wiped_fails_no_more(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        evaluate(instance, "shop/orders", "whole", passed=False, partition="2026-08-01")
        odd = dg.AssetKey(["lake", "raw/2026", "orders"])
        for key in (odd, dg.AssetKey(["lake", "gone"])):
            event = dg.AssetCheckEvaluation(asset_key=key, check_name="whole", passed=False)
            instance.report_runless_asset_event(event)
        cursor = str(take(conn, instance).cursor)
        assert len(check_results.failed(conn)) == 3
        instance.wipe_assets([dg.AssetKey(["lake", "gone"])])
        take(conn, instance, cursor, later=2 * SETTLING)
        take(conn, instance, str(Cursor(dict.fromkeys(("checks", "failures", "successes"), 3))))
        assert [one.asset for one in check_results.failed(conn)] == ["lake/raw/2026/orders", "shop/orders"]


class TestRuns:
    """Ends of runs."""

    @pytest.mark.promise("C4")
    def test_what_failed_while_nobody_looked_is_known_at_the_next_look(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        cursor = str(take(conn, instance).cursor)
        for number in range(12):
            end(instance, f"job_{number}", failed=True, tags=ELSEWHERE)
        end(instance, "job_3", tags=ELSEWHERE)
        take(conn, instance, cursor, later=timedelta(days=9))
        assert failing(conn) == sorted(("ml", f"job_{number}") for number in range(12) if number != 3)
        assert job_runs.failed(conn)[0].said == "job_0 broke"

    def test_before_the_first_look_it_is_how_things_stand(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        for job, failed in (("heals", True), ("heals", False), ("breaks", False), ("breaks", True)):
            end(instance, job, failed)
        take(conn, instance)
        assert failing(conn) == [("", "breaks")]

    def test_the_step_that_failed_says_why(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        dg.materialize([orders], instance=instance, raise_on_error=False, tags=ELSEWHERE)
        take(conn, instance)
        (found,) = job_runs.failed(conn)
        assert found.said == "orders: the table is locked"
        assert found.assets == ("orders",)

    def test_our_own_location_is_that_of_a_run_without_one(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        end(instance, "sync", failed=True, tags={REPOSITORY_LABEL_TAG: "__repository__@telemetry_assets"})
        cursor = str(take(conn, instance, ours="telemetry_assets").cursor)
        assert failing(conn) == [("", "sync")]
        end(instance, "sync")
        take(conn, instance, cursor, ours="telemetry_assets")
        assert failing(conn) == []

    def test_a_cancelled_run_says_nothing(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        end(instance, "sync", failed=True)
        instance.report_run_canceled(create_run_for_test(instance, "sync", status=dg.DagsterRunStatus.STARTED))
        take(conn, instance)
        assert failing(conn) == [("", "sync")]

    def test_a_failure_that_dagster_will_retry_waits_for_the_retry(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        first = end(instance, "nightly", failed=True, tags={WILL_RETRY_TAG: "true"})
        cursor = str(take(conn, instance).cursor)
        assert failing(conn) == []
        group = {ROOT_RUN_ID_TAG: first.run_id, PARENT_RUN_ID_TAG: first.run_id}
        again = create_run_for_test(
            instance, "nightly", status=dg.DagsterRunStatus.STARTED, tags=group,
            root_run_id=first.run_id, parent_run_id=first.run_id,
        )  # fmt: skip
        instance.add_run_tags(first.run_id, {AUTO_RETRY_RUN_ID_TAG: again.run_id})
        cursor = str(take(conn, instance, cursor, later=2 * RETRY_COMES).cursor)
        assert failing(conn) == []
        instance.report_run_failed(again)
        cursor = str(take(conn, instance, cursor).cursor)
        assert [one.run_id for one in job_runs.failed(conn)] == [again.run_id]

    def test_a_retry_that_never_comes_is_a_failure_after_a_while(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        end(instance, "nightly", failed=True, tags={WILL_RETRY_TAG: "true"})
        cursor = str(take(conn, instance).cursor)
        cursor = str(take(conn, instance, cursor, later=SETTLING * 3).cursor)
        assert failing(conn) == []
        take(conn, instance, cursor, later=2 * RETRY_COMES)
        assert failing(conn) == [("", "nightly")]

    def test_a_failure_made_up_for_by_a_later_run_of_its_group_is_none(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        first = end(instance, "nightly", failed=True)
        group = {ROOT_RUN_ID_TAG: first.run_id, PARENT_RUN_ID_TAG: first.run_id}
        end(instance, "nightly_repair", tags=group, root_run_id=first.run_id, parent_run_id=first.run_id)
        take(conn, instance)
        assert failing(conn) == []

    def test_a_run_of_assets_is_named_by_them_and_well_again_when_all_were_made_since(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        selected = frozenset({dg.AssetKey("returns"), dg.AssetKey(["ml", "scores"])})
        end(instance, "__ASSET_JOB", failed=True, asset_selection=selected, tags=ELSEWHERE)
        cursor = str(take(conn, instance).cursor)
        end(instance, "__ASSET_JOB", asset_selection=frozenset({dg.AssetKey("orders")}), tags=ELSEWHERE)
        dg.materialize([returns], instance=instance)
        cursor = str(take(conn, instance, cursor).cursor)
        assert failing(conn) == [("ml", "assets ml/scores, returns")]
        dg.materialize([scores], instance=instance, partition_key="acme")
        take(conn, instance, cursor)
        assert failing(conn) == []

    def test_a_run_that_was_deleted_fails_no_more_and_the_next_one_may(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        run = end(instance, "nightly", failed=True)
        cursor = str(take(conn, instance).cursor)
        assert failing(conn) == [("", "nightly")]
        instance.run_storage.delete_run(run.run_id)
        cursor = str(take(conn, instance, cursor).cursor)
        assert failing(conn) == []
        end(instance, "nightly", failed=True)
        take(conn, instance, cursor)
        assert failing(conn) == [("", "nightly")]

    def test_telemetry_check_of_one_asset_ends_no_failure_of_another(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        look(instance, "orders", "returns", raising="orders returns")
        cursor = str(take(conn, instance).cursor)
        assert job_runs.failed(conn)[0].assets == ("orders", "returns")
        look(instance, "returns", raising="")
        cursor = str(take(conn, instance, cursor).cursor)
        (left,) = job_runs.failed(conn)
        assert (left.job, left.assets) == ("telemetry_check", ("orders",))
        assert "raised on purpose" in left.said
        cursor = str(take(conn, instance, cursor).cursor)
        assert job_runs.failed(conn) == (left,)
        look(instance, "orders", raising="")
        take(conn, instance, cursor)
        assert job_runs.failed(conn) == ()

    def test_of_many_runs_of_telemetry_check_between_two_looks_each_counts(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        look(instance, "orders", raising="orders")
        look(instance, "returns", raising="")
        take(conn, instance)
        assert [one.assets for one in job_runs.failed(conn)] == [("orders",)]

    def test_a_verdict_of_the_ci_is_no_run_that_was_deleted(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        verdict = JobRun("acme/shop@main", CHECK_JOB, "77", False, datetime.now(UTC), "one failed", ("marts/sales",))
        job_runs.record(conn, [verdict])
        take(conn, instance)
        assert failing(conn) == [("acme/shop@main", CHECK_JOB)]


class TestReading:
    """The cursor, and a log that is longer than a tick."""

    def test_what_is_older_than_late_writers_is_not_read_again(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        evaluate(instance, "shop/orders", "whole", passed=False)
        young = take(conn, instance)
        again = take(conn, instance, str(young.cursor), later=2 * SETTLING)
        assert (young.checks, again.checks) == (1, 1)
        assert take(conn, instance, str(again.cursor), later=2 * SETTLING).checks == 0

    def test_a_failure_long_overcome_is_never_told_however_slowly_the_log_is_read(
        self, conn: Conn, instance: dg.DagsterInstance
    ) -> None:
        cursor = str(take(conn, instance).cursor)
        for failed in (True, True, True, False):
            end(instance, "nightly", failed)
        end(instance, "weekly", failed=True)
        end(instance, "weekly", failed=True)
        seen: list[tuple[str, str]] = []
        for _ in range(9):
            cursor = str(take(conn, instance, cursor, later=SETTLING * 2, seconds=0, batch=1).cursor)
            seen += failing(conn)
        assert set(seen) == {("", "weekly")}

    @pytest.mark.parametrize("text", ["", "-", "{}", '{"read": {"checks": 1}}', '{"read": null, "waiting": []}', "[]"])
    def test_a_cursor_that_is_none_starts_with_how_things_stand(
        self, conn: Conn, instance: dg.DagsterInstance, text: str
    ) -> None:
        end(instance, "nightly", failed=True)
        take(conn, instance, text)
        assert failing(conn) == [("", "nightly")]

    def test_a_new_event_log_is_read_from_its_start(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        end(instance, "nightly", failed=True)
        of_another = Cursor(dict.fromkeys(("checks", "failures", "successes"), 10**9))
        take(conn, instance, str(of_another))
        assert failing(conn) == [("", "nightly")]

    def test_reading_it_all_again_changes_nothing(self, conn: Conn, instance: dg.DagsterInstance) -> None:
        end(instance, "nightly", failed=True)
        evaluate(instance, "shop/orders", "whole", passed=False)
        take(conn, instance)
        before: tuple[tuple[JobRun, ...], tuple[CheckResult, ...]] = (job_runs.failed(conn), check_results.failed(conn))
        take(conn, instance, later=timedelta(hours=1))
        assert (job_runs.failed(conn), check_results.failed(conn)) == before
