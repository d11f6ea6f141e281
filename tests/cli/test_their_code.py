"""What somebody else's code may do to our process, and a reader who closes: the exit code and the answer stand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_assets.cli.main import main
from tests.integration.example import clean_environment


def theirs(folder: Path, name: str, body: str, before: str = "") -> None:
    """A module of somebody else with one check, which does ``body``."""
    (folder / f"{name}.py").write_text(
        f"{before}\nimport sys, threading, time\nimport dagster as dg\n@dg.asset\ndef one(): ...\n"
        f"@dg.asset_check(asset=one)\ndef check():\n    {body}\n"
        "defs = dg.Definitions(assets=[one], asset_checks=[check])\n"
    )


def answer(module: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and standard output of ``telemetry check -m MODULE --json``, in this process."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr(sys, "argv", ["telemetry", "check", "-m", module, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capfd.readouterr().out


def test_a_lone_surrogate_in_what_a_check_says_is_still_json(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    theirs(tmp_path, "theirs_odd_text", 'return dg.AssetCheckResult(passed=False, description="a \\ud800 b")')
    monkeypatch.chdir(tmp_path)
    code, said = answer("theirs_odd_text", monkeypatch, capfd)
    assert (code, json.loads(said)["results"][0]["message"]) == (1, "a ? b")


@pytest.mark.parametrize("where", ["import", "check"])
def test_nobody_ends_the_process_with_a_code_of_his_own(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
):
    end = "import os; os._exit(0)"
    name = f"theirs_ending_at_{where}"
    theirs(tmp_path, name, end if where == "check" else "...", end if where == "import" else "")
    monkeypatch.chdir(tmp_path)
    code, said = answer(name, monkeypatch, capfd)
    assert code == json.loads(said)["exit_code"] == (4 if where == "import" else 1)


@pytest.mark.slow
@pytest.mark.promise("D2")
def test_threads_that_stay_keep_nobody_waiting(tmp_path: Path):
    before = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()"
    theirs(tmp_path, "theirs_threads", "return dg.AssetCheckResult(passed=False)", before)
    arguments = [sys.executable, "-m", "telemetry_assets", "check", "-m", "theirs_threads", "--json"]
    ended = subprocess.run(
        arguments, cwd=tmp_path, env=clean_environment(), capture_output=True, check=False, timeout=60
    )
    assert (ended.returncode, json.loads(ended.stdout)["exit_code"]) == (1, 1)


@pytest.mark.slow
@pytest.mark.promise("D2", "D16")
def test_a_check_that_hears_no_interrupt_is_unknown_and_the_answer_is_on_standard_output(tmp_path: Path):
    deaf = "while True:\n        try: time.sleep(600)\n        except BaseException: pass"
    theirs(tmp_path, "theirs_deaf", deaf)
    arguments = [sys.executable, "-m", "telemetry_assets", "check", "-m", "theirs_deaf", "--json", "--deadline", "1s"]
    ended = subprocess.run(
        arguments, cwd=tmp_path, env=clean_environment(), capture_output=True, check=False, timeout=90
    )
    found = {one["kind"]: one["state"] for one in json.loads(ended.stdout)["results"]}
    assert (ended.returncode, found) == (4, {"check": "UNKNOWN", "deadline": "FAIL"})


@pytest.mark.slow
@pytest.mark.promise("F5")
def test_a_reader_who_closes_does_not_change_the_code(tmp_path: Path):
    theirs(tmp_path, "theirs_unread", "return dg.AssetCheckResult(passed=False)")
    arguments = [sys.executable, "-m", "telemetry_assets", "check", "-m", "theirs_unread"]
    with subprocess.Popen(
        arguments, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout
        running.stdout.close()
        assert running.wait(60) == 1
