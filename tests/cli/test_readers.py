"""Commands whose answer nobody reads: they end with what they found, as if somebody did."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from telemetry_assets.model import ExitCode
from tests.cli.shop import YAML, declare, write_home
from tests.integration.example import clean_environment

STRING, NUMBER = '{"type": "string"}', '{"type": "number"}'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two schemas that break each other, one of them a contract, a late document, artifacts that are none."""
    (tmp_path / "schemas" / "api").mkdir(parents=True)
    for name, text in {"old.json": STRING, "new.json": NUMBER, "schemas/api/text.schema.json": STRING}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "empty").mkdir()
    (tmp_path / "theirs_failing.py").write_text(
        "import dagster as dg\n@dg.asset\ndef one(): ...\n"
        "@dg.asset_check(asset=one)\ndef fails(): return dg.AssetCheckResult(passed=False)\n"
        "defs = dg.Definitions(assets=[one], asset_checks=[fails])\n"
    )
    return tmp_path


def begun(place: Path, *arguments: str, progress_too: bool = False) -> subprocess.Popen[bytes]:
    """A command whose answer, and what it says on the way, goes to a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        named = {"TELEMETRY_HOME": str(place / "home"), "DATABASE_URL": os.environ.get("DATABASE_URL", "")}
        return subprocess.Popen(
            [sys.executable, "-m", "telemetry_assets", *arguments],
            cwd=place,
            env=clean_environment(**named),
            stdout=writer,
            stderr=writer if progress_too else subprocess.DEVNULL,
        )
    finally:
        os.close(writer)


@pytest.mark.promise("C17", "F5")
def test_a_verdict_is_the_same_where_nobody_reads_it(place: Path) -> None:
    both = [begun(place, "check", "--verify", "empty"), begun(place, "contracts", "compare", "old.json", "new.json")]
    assert [one.wait(30) for one in both] == [ExitCode.FAILING, ExitCode.FAILING]


@pytest.mark.slow
@pytest.mark.promise("C17", "F5")
def test_no_command_that_judges_is_well_because_nobody_reads_it(
    place: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_home(place, database, monkeypatch)
    (place / "telemetry.yaml").write_text(YAML.replace("60m", "5m"))
    with psycopg.connect(database, autocommit=True) as conn:
        declare(conn)
    asked = {
        ("check", "-m", "theirs_failing"): ExitCode.FAILING,
        ("check", "--all", "--json"): ExitCode.COULD_NOT_LOOK,
        ("check", "--notify", "absent.json"): ExitCode.COULD_NOT_LOOK,
        ("contracts", "validate", "new.json", "--contract", "text"): ExitCode.FAILING,
        ("contracts", "diff"): ExitCode.COULD_NOT_LOOK,
        ("config", "lint"): ExitCode.FAILING,
        ("status", "--late"): ExitCode.MISSING,
        ("status", "--watch"): ExitCode.MISSING,
        ("health",): ExitCode.MISSING,
    }
    ended = {arguments: begun(place, *arguments, progress_too=True).wait(60) for arguments in asked}
    assert ended == asked
