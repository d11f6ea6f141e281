"""``telemetry check -m`` and ``-w`` on three projects of somebody else: states, exit codes, JUnit; beside Dagster."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import pytest

from telemetry_assets.answers.check_selection import Location, Selection
from telemetry_assets.answers.results import Kind, Result, Verdict
from telemetry_assets.defs.check_results import results_of
from telemetry_assets.defs.check_runs import Heard
from telemetry_assets.defs.expected_checks import Expected
from telemetry_assets.defs.foreign_checking import check_theirs
from telemetry_assets.errors import ConfigError, CouldNotLookError, UsageError
from telemetry_assets.model import ExitCode, State, worst_exit
from telemetry_assets.render.junit import junit
from tests.integration.example import clean_environment

EXAMPLES = Path(__file__).parent / "foreign_examples"
PACKAGE = "tests.defs.foreign_examples"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No instance but a temporary one."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def check(name: str, *patterns: str, tags: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> tuple[Result, ...]:
    """The results of one of the examples."""
    return check_theirs(Location(f"{PACKAGE}.{name}"), Selection(patterns, tags), only)


def states(results: tuple[Result, ...]) -> Mapping[tuple[str, str, str], State]:
    """(asset, check, tenant) → state."""
    return {(one.asset, one.check, one.tenant): one.state for one in results}


def exit_of(results: tuple[Result, ...]) -> ExitCode:
    """The exit code of results."""
    return worst_exit([one.exit_code for one in results])


def told(results: tuple[Result, ...], check: str) -> Result:
    """The one result of a check."""
    (found,) = [one for one in results if one.check == check]
    return found


def cases(results: tuple[Result, ...]) -> Mapping[str, str]:
    """``asset check [tenant]`` → what JUnit calls it."""
    now = datetime.now(UTC)
    root = ElementTree.fromstring(junit(Verdict(results, now, now, "c", "s")))
    outcomes = {
        f"{case.get('classname')} {case.get('name')}": next((child.tag for child in case), "passed")
        for case in root.iter("testcase")
    }
    assert len(outcomes) == int(root.get("tests") or 0)
    return outcomes


class TestSeverities:
    """Orders: ERROR, WARN, blocking, an input that is not there."""

    @pytest.fixture(scope="class")
    def results(self) -> tuple[Result, ...]:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("DAGSTER_HOME", raising=False)
            return check("orders")

    def test_every_check_runs_and_tells_its_severity(self, results: tuple[Result, ...]):
        assert states(results) == {
            ("order_report", "report_is_there", "*"): State.PASS,
            ("orders", "everybody_is_named", "*"): State.WARN,
            ("orders", "ids_are_unique", "*"): State.FAIL,
            ("orders", "totals_are_positive", "*"): State.FAIL,
            ("orders", "stored_orders_are_as_many", "*"): State.UNKNOWN,
        }
        assert told(results, "ids_are_unique").message == "1 id twice"
        assert told(results, "ids_are_unique").task_id
        assert told(results, "ids_are_unique").took is not None

    def test_what_was_never_materialized_cannot_be_looked_at(self, results: tuple[Result, ...]):
        never = told(results, "stored_orders_are_as_many")
        assert "FileNotFoundError" in never.message
        assert never.remedy == "Materialize orders first."
        assert exit_of(results) is ExitCode.COULD_NOT_LOOK

    def test_junit_has_each_of_them(self, results: tuple[Result, ...]):
        assert cases(results) == {
            "order_report report_is_there [*]": "passed",
            "orders everybody_is_named [*]": "system-out",
            "orders ids_are_unique [*]": "failure",
            "orders totals_are_positive [*]": "failure",
            "orders stored_orders_are_as_many [*]": "error",
        }

    @pytest.mark.promise("F5")
    def test_a_failing_error_is_a_failure(self):
        assert exit_of(check("orders", "order*", tags=())) is not ExitCode.OK

    def test_a_warning_alone_is_none(self):
        assert exit_of(check("orders", "order_report")) is ExitCode.OK

    @pytest.mark.parametrize("tag", ["domain", "domain=shop"])
    def test_assets_are_chosen_by_tag(self, tag: str):
        assert {one.asset for one in check("orders", tags=(tag,))} == {"orders"}

    def test_what_was_materialized_before_is_looked_at(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        from tests.defs.foreign_examples.orders import orders

        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
        with dg.DagsterInstance.get() as instance:
            resources = {"io_manager": dg.fs_io_manager.configured({"base_dir": str(tmp_path / "storage")})}
            assert dg.materialize([orders], instance=instance, resources=resources).success
        assert told(check("orders", "orders"), "stored_orders_are_as_many").state is State.PASS


class TestPartitions:
    """Regions: a result a partition."""

    def test_each_partition_has_its_result(self):
        results = check("regions", "sales")
        assert states(results) == {
            ("sales", "sold_something", "north"): State.PASS,
            ("sales", "sold_something", "south"): State.FAIL,
            ("sales", "sold_something", "west"): State.PASS,
        }
        assert cases(results)["sales sold_something [south]"] == "failure"
        assert exit_of(results) is ExitCode.FAILING

    def test_one_partition_alone(self):
        results = check("regions", "sales", only=("north",))
        assert [one.tenant for one in results] == ["north"]
        assert exit_of(results) is ExitCode.OK

    def test_an_unknown_partition_is_refused_with_the_nearest(self):
        with pytest.raises(UsageError, match="Did you mean north"):
            check("regions", "sales", only=("nroth",))

    def test_a_day_long_gone_can_be_named(self):
        day = f"{datetime.now(UTC) - timedelta(days=70):%Y-%m-%d}"
        assert [one.tenant for one in check("regions", "visits", only=(day,))] == [day]

    def test_partitions_that_nobody_knows_are_unknown(self):
        (none,) = check("regions", "stock")
        assert none.state is State.UNKNOWN
        assert "no partition" in none.message


class TestTrouble:
    """Feeds: everything that goes wrong, each told as what it is, and nothing stops the others."""

    @pytest.fixture(scope="class")
    def results(self) -> tuple[Result, ...]:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("DAGSTER_HOME", raising=False)
            return check("feeds")

    @pytest.mark.promise("C25", "D32", "F4", "F6")
    def test_each_is_told_as_what_it_is(self, results: tuple[Result, ...]):
        assert states(results) == {
            ("clicks", "is_recent", "*"): State.PASS,
            ("views", "is_recent", "*"): State.FAIL,
            ("clicks", "reports", "*"): State.PASS,
            ("clicks", "never_reports", "*"): State.UNKNOWN,
            ("views", "divides", "*"): State.FAIL,
            ("views", "asks_a_database", "*"): State.UNKNOWN,
            ("views", "needs_config", "*"): State.UNKNOWN,
            ("views", "needs_a_server", "*"): State.UNKNOWN,
            ("loads", "counted_while_loading", "*"): State.UNKNOWN,
        }

    @pytest.mark.parametrize(
        ("check", "words"),
        [
            ("never_reports", "never reported: forgetful ended without a result of it."),
            ("divides", "raised ZeroDivisionError: division by zero"),
            ("asks_a_database", "could not look, raised OperationalError: "),
            ("needs_config", "needs_config"),
            ("needs_a_server", "could not be run: RuntimeError: no such server"),
            ("counted_while_loading", "never recorded: computed with its asset."),
        ],
    )
    def test_the_message_says_why(self, results: tuple[Result, ...], check: str, words: str):
        assert words in told(results, check).message

    def test_junit_tells_failures_from_errors(self, results: tuple[Result, ...]):
        found = cases(results)
        assert found["views divides [*]"] == "failure"
        assert found["clicks never_reports [*]"] == "error"

    def test_a_result_that_came_with_its_asset_counts_and_says_of_when(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        from tests.defs.foreign_examples.feeds import loads

        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
        with dg.DagsterInstance.get() as instance:
            dg.materialize([loads], instance=instance)
        (recorded,) = check("feeds", "loads")
        assert recorded.state is State.FAIL
        assert recorded.message == f"of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: 2 of 3 files"


class TestLoading:
    """What cannot be loaded is said with its place, and never passed over."""

    def test_an_import_that_raises_names_the_line_that_did(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        (tmp_path / "theirs_raising.py").write_text("import dagster\n\nraise ValueError('no key')\n")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(CouldNotLookError) as refused:
            check_theirs(Location("theirs_raising"), Selection())
        assert f"{tmp_path / 'theirs_raising.py'}:3: ValueError: no key" in refused.value.message
        assert refused.value.exit_code is ExitCode.COULD_NOT_LOOK

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("def broken(:\n", "theirs_odd.py:1: SyntaxError"),
            ("import sys\nsys.exit(0)\n", "SystemExit"),
            ("import not_installed_anywhere\n", "ModuleNotFoundError: No module named 'not_installed_anywhere'"),
            ("x = 1\n", "theirs_odd could not be loaded"),
        ],
    )
    def test_whatever_is_wrong_at_import_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
    ):
        (tmp_path / "theirs_odd.py").write_text(text)
        monkeypatch.chdir(tmp_path)
        monkeypatch.delitem(sys.modules, "theirs_odd", raising=False)
        with pytest.raises(CouldNotLookError) as refused:
            check_theirs(Location("theirs_odd"), Selection())
        assert words in refused.value.message

    def test_a_module_that_is_not_there_is_could_not_look(self):
        with pytest.raises(CouldNotLookError, match="no_such_module_of_anybody"):
            check_theirs(Location("no_such_module_of_anybody"), Selection())

    def test_definitions_without_a_check_are_usage(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        text = "import dagster as dg\n@dg.asset\ndef alone(): ...\ndefs = dg.Definitions(assets=[alone])\n"
        (tmp_path / "theirs_unchecked.py").write_text(text)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError):
            check_theirs(Location("theirs_unchecked"), Selection())

    def test_a_workspace_is_all_its_locations_and_a_server_is_unknown(self, tmp_path: Path):
        workspace = tmp_path / "workspace.yaml"
        workspace.write_text(
            "load_from:\n"
            f"  - python_file: {{relative_path: {EXAMPLES / 'orders.py'}, location_name: shop}}\n"
            f"  - python_module: {{module_name: {PACKAGE}.regions, working_directory: {Path.cwd()}}}\n"
            "  - grpc_server: {host: localhost, port: 4266, location_name: far_away}\n"
        )
        results = check_theirs(Location(workspace=workspace), Selection(("order_report", "sales")))
        far = told(results, "load far_away")
        assert (far.kind, far.state) == (Kind.STEP, State.UNKNOWN)
        assert "cannot be loaded in process" in far.message
        assert {one.asset for one in results if one.kind is Kind.CHECK} == {"order_report", "sales"}
        assert exit_of(results) is ExitCode.COULD_NOT_LOOK

    def test_two_locations_with_modules_of_one_name_are_two(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(tmp_path)
        for folder, passed in (("one", True), ("two", False)):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "theirs_own.py").write_text(f"PASSED = {passed}\n")
            (tmp_path / folder / "theirs_twice.py").write_text(
                f"import dagster as dg\nimport theirs_own\n@dg.asset\ndef {folder}(): ...\n"
                f"@dg.asset_check(asset={folder})\ndef at_load():\n"
                f"    return dg.AssetCheckResult(passed=theirs_own.PASSED)\n"
                f"@dg.asset_check(asset={folder})\ndef as_it_runs():\n    from theirs_own import PASSED\n"
                f"    return dg.AssetCheckResult(passed=PASSED)\n"
                f"defs = dg.Definitions(assets=[{folder}], asset_checks=[at_load, as_it_runs])\n"
            )
        (tmp_path / "w.yaml").write_text(
            "load_from:\n"
            "  - python_module: {module_name: theirs_twice, working_directory: one, location_name: first}\n"
            "  - python_module: {module_name: theirs_twice, working_directory: two, location_name: second}\n"
        )
        assert states(check_theirs(Location(workspace=tmp_path / "w.yaml"), Selection())) == {
            ("one", "at_load", "*"): State.PASS,
            ("one", "as_it_runs", "*"): State.PASS,
            ("two", "at_load", "*"): State.FAIL,
            ("two", "as_it_runs", "*"): State.FAIL,
        }
        assert "theirs_own" not in sys.modules

    def test_a_workspace_finds_modules_where_it_is_run_as_dagster_does(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        (tmp_path / "theirs_here.py").write_text(
            "import dagster as dg\n@dg.asset\ndef here(): ...\n"
            "@dg.asset_check(asset=here)\ndef found(): return dg.AssetCheckResult(passed=True)\n"
            "defs = dg.Definitions(assets=[here], asset_checks=[found])\n"
        )
        (tmp_path / "w.yaml").write_text("load_from: [{python_module: theirs_here}]\n")
        monkeypatch.chdir(tmp_path)
        (found,) = check_theirs(Location(workspace=tmp_path / "w.yaml"), Selection())
        assert found.state is State.PASS

    @pytest.mark.parametrize(
        "text", ["", "load_from: []\n", "load_from: [{python_module: twice}, {python_module: twice}]\n"]
    )
    def test_a_workspace_without_a_location_or_with_one_twice_is_wrong(self, tmp_path: Path, text: str):
        (tmp_path / "w.yaml").write_text(text)
        with pytest.raises(ConfigError, match="is no workspace"):
            check_theirs(Location(workspace=tmp_path / "w.yaml"), Selection())

    def test_a_workspace_that_is_none_is_wrong(self, tmp_path: Path):
        (tmp_path / "w.yaml").write_text("load_from: 7\n")
        with pytest.raises(ConfigError, match="is no workspace"):
            check_theirs(Location(workspace=tmp_path / "w.yaml"), Selection())
        with pytest.raises(UsageError, match="no file"):
            check_theirs(Location(workspace=tmp_path / "none.yaml"), Selection())


def test_older_partitions_that_nobody_looked_at_are_said():
    one = Expected(
        dg.AssetCheckKey(dg.AssetKey("views"), "whole"), "views_whole", alone=True, partitions=("d",), left_out=8
    )
    (older,) = [each for each in results_of([one], Heard()) if each.tenant == "*"]
    assert (older.state, older.check) == (State.WARN, "whole")
    assert "8 older partitions" in older.message


@pytest.mark.parametrize("asset", ["ordrs", "nothing/*"])
def test_an_unknown_asset_is_refused(asset: str):
    with pytest.raises(UsageError):
        check("orders", asset)


def test_a_deadline_ends_a_check_that_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "theirs_slow.py").write_text(
        "import time\nimport dagster as dg\n@dg.asset\ndef slow(): ...\n"
        "@dg.asset_check(asset=slow)\ndef a_sleeps(): time.sleep(60)\n"
        "@dg.asset_check(asset=slow)\ndef b_would_run(): return dg.AssetCheckResult(passed=True)\n"
        "defs = dg.Definitions(assets=[slow], asset_checks=[a_sleeps, b_would_run])\n"
    )
    monkeypatch.chdir(tmp_path)
    results = check_theirs(Location("theirs_slow"), Selection(), deadline=timedelta(seconds=1))
    (over,) = [one for one in results if one.kind is Kind.DEADLINE]
    assert over.state is State.FAIL
    assert "slow b_would_run" in over.message
    assert states(results)["slow", "a_sleeps", "*"] is State.UNKNOWN
    assert states(results)["slow", "b_would_run", "*"] is State.UNKNOWN


@pytest.mark.slow
@pytest.mark.promise("F5")
@pytest.mark.parametrize(("name", "partition"), [("orders", ""), ("regions", "south"), ("feeds", "")])
def test_dagsters_own_command_ends_with_0_where_ours_does_not(name: str, partition: str, tmp_path: Path):
    theirs = [
        sys.executable,
        "-m",
        "dagster",
        "job",
        "execute",
        "-f",
        str(EXAMPLES / f"{name}.py"),
        "-j",
        "checks_alone",
    ]
    if partition:
        theirs += ["--tags", f'{{"dagster/partition": "{partition}"}}']
    asset = {"orders": "orders", "regions": "sales", "feeds": "views"}[name]
    ours = [sys.executable, "-m", "telemetry_assets", "check", "-m", f"{PACKAGE}.{name}", asset]
    environment = clean_environment(DAGSTER_HOME=str(tmp_path))
    said = subprocess.run(theirs, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr[-2000:]
    assert "RUN_SUCCESS" in said.stderr + said.stdout
    assert subprocess.run(ours, env=environment, capture_output=True, check=False).returncode in (1, 4)
