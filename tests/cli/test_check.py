"""The command ``check`` as it is typed: exit codes, JSON that nobody disturbs, files, what cannot be asked together."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import psycopg
import pytest

from telemetry_assets.cli.main import main
from telemetry_assets.ledger import subjects
from telemetry_assets.model import ExitCode, SubjectFact
from tests.cli.shop import TENANTS, YAML, declare, write_home
from tests.conftest import _execute, named
from tests.integration.example import clean_environment

type Run = Callable[..., tuple[int, str, str]]

ORDERS = "tests.defs.foreign_examples.orders"


@pytest.fixture(scope="module")
def database_url(postgres_url: str, _template: str) -> str:
    """One ledger for this module: two tenants of one source."""
    _execute(postgres_url, f"create database cli_check template {_template}")
    url = named(postgres_url, "cli_check")
    with psycopg.connect(url, autocommit=True) as conn:
        declare(conn)
    return url


@pytest.fixture
def home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prepared home, of whose source nothing has come yet."""
    write_home(tmp_path, database_url, monkeypatch)
    monkeypatch.setenv("DAGSTER_HOME", "")
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs ``telemetry check …``: exit code, standard output, standard error."""

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["telemetry", "check", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return command


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No project of ours anywhere: that of another needs none."""
    for name in ("DAGSTER_HOME", "TELEMETRY_CONFIG", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
class TestOurs:
    """On our own project."""

    @pytest.mark.promise("C17", "C20")
    def test_what_is_late_waits_to_be_told_before_the_command_ends(self, home: Path, run: Run, database_url: str):
        record(database_url, "acme", timedelta(hours=3))
        code, said, _ = run("shop/orders", "--junit", home / "junit.xml", "--out", home / "out")
        assert code == ExitCode.COULD_NOT_LOOK, "its sync was never recorded, too"
        assert "late" in said
        assert "MISSING" in said
        assert "exit 4, not everything could be looked at" in said
        with psycopg.connect(database_url) as conn:
            waiting = conn.execute("select channel, status from telemetry.outbox").fetchall()
        assert ("log", "pending") in waiting
        root = ElementTree.parse(home / "junit.xml").getroot()
        assert (root.get("failures"), root.get("errors")) == ("2", "2")
        assert {path.name for path in (home / "out").iterdir()} >= {"manifest.json", "ci-summary.json", "junit.xml"}

    @pytest.mark.promise("C17")
    def test_one_tenant_that_is_well_is_not_hurt_by_another(self, home: Path, run: Run, database_url: str):
        record(database_url, "acme", timedelta(0))
        _, said, _ = run("shop/orders", "--tenant", "acme", "--json")
        found = {(one["check"], one["tenant"]): one["state"] for one in json.loads(said)["results"]}
        assert found == {("data_age", "acme"): "PASS", ("sync_status", "acme"): "UNKNOWN"}

    @pytest.mark.promise("D16", "D26", "D32")
    def test_a_database_that_is_away_ends_with_4_and_leaves_everything_written(
        self, home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:hidden@127.0.0.1:1/nothing")
        code, said, _ = run("--all", "--json", "--out", home / "out", "--junit", home / "junit.xml")
        document = json.loads(said)
        assert (code, document["exit_code"]) == (4, 4)
        assert {one["state"] for one in document["results"]} == {"UNKNOWN"}
        assert "hidden" not in said + (home / "junit.xml").read_text()
        assert json.loads((home / "out" / "ci-summary.json").read_text())["exit_code"] == 4

    @pytest.mark.promise("D16")
    def test_artifacts_that_cannot_be_written_fail_it(self, home: Path, run: Run):
        (home / "file").write_text("in the way")
        code, said, _ = run("shop/orders", "--out", home / "file" / "out", "--json")
        assert code == 4
        assert any(one["kind"] == "artifact" and one["state"] == "FAIL" for one in json.loads(said)["results"])

    def test_a_tenant_that_no_check_is_about_is_nothing_to_check(self, home: Path, run: Run):
        only = "connections: [{tenant: acme}, {tenant: globex}]", "connections: [{tenant: acme}]"
        text = YAML.replace(*only).replace("window:", "tenants: [acme], window:")
        (home / "telemetry.yaml").write_text(text)
        code, said, beside = run("shop/orders", "--tenant", "globex")
        assert (code, said) == (5, "")
        assert "is about globex" in beside

    def test_the_tenants_of_the_artifacts_have_their_ids(self, home: Path, run: Run):
        _, said, _ = run("shop/orders", "--json")
        assert json.loads(said)["tenants"] == {tenant.slug: str(tenant.id) for tenant in TENANTS}

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((), "say --all"),
            (("shop/ordrs",), "Did you mean shop/orders?"),
            (("--tag", "nightly"), "No asset is tagged nightly"),
            (("shop/orders", "--tenant", "acne"), "Did you mean acme?"),
            (("--guard", "-m", "x"), "--guard and -m are two things"),
            (("--all", "--keep"), "--keep is the guard's"),
            (("--all", "--base", "HEAD"), "--base is the guard's"),
            (("--all", "--deadline", "soon"), "--deadline"),
        ],
    )
    def test_what_cannot_be_asked_ends_with_5(self, home: Path, run: Run, arguments: tuple[str, ...], words: str):
        code, said, beside = run(*arguments)
        assert (code, said) == (5, "")
        assert words in beside


def record(url: str, tenant: str, age: timedelta) -> None:
    """A sync of a tenant that was so long ago."""
    then = datetime.now(UTC) - age
    with psycopg.connect(url, autocommit=True) as conn:
        subjects.record(conn, [SubjectFact("shop/orders", tenant, then, "r", "airbyte", {"shop/orders": then})])


@pytest.mark.usefixtures("nobody")
class TestTheirs:
    """On another's project."""

    @pytest.mark.promise("F5", "F6")
    def test_the_answer_is_json_whatever_their_code_prints(self, run: Run, tmp_path: Path):
        code, said, beside = run("-m", ORDERS, "--json", "--junit", tmp_path / "junit.xml")
        document = json.loads(said)
        assert "is no answer of telemetry" in beside
        assert (code, document["exit_code"]) == (4, 4)
        assert document["counts"] == {"PASS": 1, "WARN": 1, "FAIL": 2, "MISSING": 0, "UNKNOWN": 1}
        assert [one["state"] for one in document["results"]][:3] == ["UNKNOWN", "FAIL", "FAIL"]
        assert "1 id twice" in (tmp_path / "junit.xml").read_text()

    @pytest.mark.promise("C17", "F5")
    @pytest.mark.parametrize(("asset", "code"), [("order_report", 0), ("sales", 1), ("stock", 4)])
    def test_the_exit_code_tells_what_was_found(self, run: Run, asset: str, code: int):
        module = ORDERS if asset == "order_report" else "tests.defs.foreign_examples.regions"
        assert run("-m", module, asset)[0] == code

    def test_a_person_reads_the_worst_first_and_the_verdict_last(self, run: Run):
        _, said, _ = run("-m", ORDERS)
        lines = [line for line in said.splitlines() if line.strip()]
        assert "UNKNOWN" in lines[1]
        assert lines[-1].startswith("FAILED  5 results: 1 UNKNOWN, 2 FAIL, 1 WARN, 1 PASS; ")

    def test_an_import_that_raises_ends_with_4_and_their_line(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        (tmp_path / "theirs_failing.py").write_text("print('loading')\nraise KeyError('REGION')\n")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "junit.xml").write_text("<testsuites/>")
        code, said, beside = run("-m", "theirs_failing", "--json", "--junit", tmp_path / "junit.xml")
        assert ElementTree.parse(tmp_path / "junit.xml").getroot().get("errors") == "1"
        (unloaded,) = json.loads(said)["results"]
        assert (code, unloaded["kind"], unloaded["state"]) == (4, "step", "UNKNOWN")
        assert f"{tmp_path / 'theirs_failing.py'}:2: KeyError: 'REGION'" in beside
        assert "KeyError" in unloaded["message"]
        assert "Traceback" not in beside

    def test_an_earlier_junit_file_is_not_taken_for_this_ones(self, run: Run, tmp_path: Path):
        (tmp_path / "junit.xml").write_text("<testsuites/>")
        assert run("-m", ORDERS, "no_such_asset", "--junit", tmp_path / "junit.xml")[0] == 5
        assert not (tmp_path / "junit.xml").exists()


@pytest.mark.promise("C29")
@pytest.mark.parametrize(("refreshed", "checked"), [(1, 0), (0, 2), (0, 0)])
def test_the_nightly_target_runs_both_and_fails_where_either_does(tmp_path: Path, refreshed: int, checked: int):
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "telemetry"
    ends = f"case $1 in refresh) exit {refreshed};; esac; exit {checked}"
    command.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/ran\n{ends}\n')
    command.chmod(0o755)
    (tmp_path / ".ready").touch()
    make = ["make", "--assume-old", str(tmp_path / ".ready"), "telemetry-nightly", f"VENV={tmp_path}"]
    ended = subprocess.run(make, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert (tmp_path / "ran").read_text() == "refresh\ncheck --all\n"
    assert bool(ended.returncode) == bool(refreshed or checked)


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_leaves_no_run_running(tmp_path: Path):
    (tmp_path / "theirs_endless.py").write_text(
        "import sys, time\nimport dagster as dg\n@dg.asset\ndef one(): ...\n"
        "@dg.asset_check(asset=one)\ndef endless():\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "defs = dg.Definitions(assets=[one], asset_checks=[endless])\n"
    )
    (tmp_path / "dagster").mkdir()
    arguments = [sys.executable, "-m", "telemetry_assets", "check", "-m", "theirs_endless", "--json"]
    environment = clean_environment(DAGSTER_HOME=str(tmp_path / "dagster"))
    with subprocess.Popen(
        arguments, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr
        assert any("begun" in line for line in running.stderr)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=30)
    assert (running.returncode, said) == (130, "")
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        assert [run.is_finished for run in instance.get_runs()] == [True]


@pytest.mark.slow
@pytest.mark.promise("A28")
@pytest.mark.parametrize("command", [["-m", "telemetry_assets"], ["-m", "telemetry_assets.cli"]])
def test_it_runs_as_a_module_from_any_folder(command: list[str], tmp_path: Path):
    (tmp_path / "theirs_anywhere.py").write_text(
        "import dagster as dg\n@dg.asset\ndef one(): ...\n"
        "@dg.asset_check(asset=one)\ndef fails(): return dg.AssetCheckResult(passed=False)\n"
        "defs = dg.Definitions(assets=[one], asset_checks=[fails])\n"
    )
    arguments = [sys.executable, *command, "check", "-m", "theirs_anywhere"]
    ended = subprocess.run(arguments, cwd=tmp_path, env=clean_environment(), capture_output=True, check=False)
    assert ended.returncode == 1, ended.stderr


@pytest.mark.promise("A8", "F7")
def test_a_guard_whose_declaration_cannot_be_used_leaves_that_as_its_verdict(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("TELEMETRY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "telemetry.yaml").write_text("tenants: []\nsources: {shop: {}}\n")
    (tmp_path / "telemetry-artifacts").mkdir()
    (tmp_path / "telemetry-artifacts" / "ci-summary.json").write_text("of an earlier one that passed")
    code, said, _ = run("--guard", "--json")
    assert code == ExitCode.FAILING
    assert "telemetry.yaml:2: sources.shop" in json.loads(said)["results"][0]["message"]
    summary = json.loads((tmp_path / "telemetry-artifacts" / "ci-summary.json").read_text())
    assert (summary["verdict"], summary["exit_code"]) == ("failed", ExitCode.FAILING)
    assert run("--verify", tmp_path / "telemetry-artifacts")[0] == ExitCode.OK


def test_where_nothing_is_declared_there_is_nothing_to_leave_artifacts_beside(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("TELEMETRY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    code, _, said = run("--guard")
    assert (code, list(tmp_path.iterdir())) == (ExitCode.FAILING, [])
    assert "No telemetry.yaml" in said
