"""The command line on bad input: which exit code, which words, and never a secret or a traceback."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from telemetry_assets.cli.main import app
from telemetry_assets.model import ExitCode
from tests.conftest import named
from tests.integration.example import Place, Upstream, clean_environment, copy_example
from tests.integration.small_chain import TENANTS, write_home

PASSWORD = "hunter2"
BEHAVIOUR = {f"BEHAVES_{slug.upper()}": "well" for slug in TENANTS} | {
    f"UPDATED_{slug.upper()}": "2026-11-20T10:00:00Z" for slug in TENANTS
}


@pytest.fixture
def place(tmp_path: Path, database: str) -> Place:
    """The small home on a migrated database of its own; nothing prepared."""
    write_home(tmp_path)
    return Place(tmp_path, {"DATABASE_URL": database, **BEHAVIOUR})


@pytest.fixture
def mount() -> Iterator[Callable[[str], Path]]:
    """Mounts a tmpfs with the options given; skips where that is impossible."""
    folder = Path(tempfile.mkdtemp())

    def mounted(options: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cannot mount a tmpfs here: {done.stderr.decode().strip()}")
        return folder

    yield mounted
    subprocess.run(["umount", "-l", folder], capture_output=True, check=False)
    shutil.rmtree(folder)


def commands() -> list[tuple[str, ...]]:
    """Every command, sub-commands too, as one types it."""
    found: list[tuple[str, ...]] = []
    for name, command in get_command(app).commands.items():  # pyright: ignore
        found.append((name,))
        found += [(name, one) for one in getattr(command, "commands", {})]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_says_what_a_command_is_for(command: tuple[str, ...]):
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    purpose = done.output.split("Usage:")[1].strip().splitlines()[1:]
    assert any(len(line.strip(" │")) > 20 for line in purpose)


def test_help_says_what_an_argument_is():
    said = CliRunner().invoke(app, ["why", "--help"]).output
    assert "The asset whose promise is not kept" in " ".join(said.replace("│", " ").split())


JUDGES = ("scan", "refresh", "health", "status", "why", "incidents run", "incidents close", "dispatch")


@pytest.mark.parametrize("command", JUDGES)
def test_help_of_a_command_that_judges_explains_its_exit_codes(command: str):
    assert "Exit:" in CliRunner().invoke(app, [*command.split(), "--help"]).output


@pytest.mark.parametrize("command", [("refresh",), ("status",), ("prepare",), ("config", "show")], ids=" ".join)
def test_a_misspelt_key_is_named_with_its_line_and_the_nearest_one(tmp_path: Path, command: tuple[str, ...]):
    (tmp_path / "telemetry.yaml").write_text("owners: {data-eng: {}}\npromisses:\n  - {asset: 'a/*'}\n")
    done = Place(tmp_path).run(*command)
    assert done.returncode == ExitCode.FAILING
    assert "telemetry.yaml" in done.stderr
    assert "2" in done.stderr
    assert "promises" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_telemetry_yaml_anywhere_says_where_it_looked(tmp_path: Path):
    done = Place(tmp_path).run("status")
    assert done.returncode == ExitCode.FAILING
    assert str(tmp_path) in done.stderr


def test_an_unknown_command_or_option_is_a_usage_error(tmp_path: Path):
    for arguments, near in ((("refrehs",), "refresh"), (("status", "--latr"), "--late"), (("demo", "brake"), "break")):
        done = Place(tmp_path).run(*arguments)
        assert done.returncode == ExitCode.USAGE
        assert near in done.stderr


def test_a_group_typed_alone_shows_what_it_has(tmp_path: Path):
    for arguments, inside in (((), "refresh"), (("config",), "schema"), (("db",), "psql")):
        done = Place(tmp_path).run(*arguments)
        assert inside in done.stdout + done.stderr
        assert "bug" not in done.stderr


@pytest.mark.slow
def test_an_unknown_tenant_is_refused_with_the_nearest_one(place: Place):
    assert place.run("prepare").returncode == 0
    for command in (("status",), ("health",), ("refresh", "snapshots")):
        done = place.run(*command, "--tenant", "acmee")
        assert done.returncode == ExitCode.USAGE, (command, done.stderr)
        assert "acmee" in done.stderr
        assert "acme?" in done.stderr


def test_an_unknown_phase_is_refused_with_the_nearest_one(place: Place):
    done = place.run("refresh", "snyc")
    assert done.returncode == ExitCode.USAGE
    assert "Did you mean sync?" in done.stderr


@pytest.mark.slow
def test_a_phase_that_covers_everybody_cannot_be_narrowed(place: Place):
    place.run("prepare")
    done = place.run("refresh", "build", "--tenant", "acme")
    assert done.returncode == ExitCode.USAGE
    assert "--tenant" in done.stderr


@pytest.mark.promise("C6", "D12")
@pytest.mark.parametrize("command", [("status",), ("health",), ("prepare",), ("refresh",), ("doctor",)], ids=" ".join)
@pytest.mark.slow
def test_an_unreachable_database_is_could_not_look_without_its_password(place: Place, command: tuple[str, ...]):
    done = place.run(*command, DATABASE_URL=f"postgresql://me:{PASSWORD}@127.0.0.1:1/nothing")
    assert done.returncode == ExitCode.COULD_NOT_LOOK
    assert "127.0.0.1" in done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("status",), ("prepare",), ("refresh",)], ids=" ".join)
@pytest.mark.parametrize("url", [f"mysql://me:{PASSWORD}@localhost/x", f"{PASSWORD} is no url", "postgresql://[broken"])
@pytest.mark.slow
def test_a_database_url_that_is_none_is_a_mistake_of_the_configuration(
    place: Place, command: tuple[str, ...], url: str
):
    done = place.run(*command, DATABASE_URL=url)
    assert done.returncode == ExitCode.FAILING
    assert "DATABASE_URL" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_a_database_that_is_not_there_is_could_not_look(place: Place, postgres_url: str):
    wrong = named(postgres_url, "not_there")
    done = place.run("status", DATABASE_URL=wrong)
    assert done.returncode == ExitCode.COULD_NOT_LOOK
    assert "not_there" in done.stderr


def test_a_database_without_our_ledger_says_prepare(place: Place, postgres_url: str):
    for command in ("status", "health"):
        done = place.run(command, DATABASE_URL=named(postgres_url, "template1"))
        assert done.returncode == ExitCode.COULD_NOT_LOOK
        assert "telemetry prepare" in done.stderr


@pytest.mark.slow
def test_a_missing_secret_is_named_and_the_others_are_synced(place: Place):
    environment = {name: value for name, value in place.environment.items() if name != "BEHAVES_ACME"}
    done = Place(place.folder, environment).run("refresh", "sync", "--json")
    (sync,) = json.loads(done.stdout)["phases"]
    assert done.returncode == ExitCode.FAILING
    assert any("BEHAVES_ACME" in failure and "globex" not in failure for failure in sync["failures"])


@pytest.mark.slow
def test_a_busy_port_is_no_obstacle_to_the_local_airbyte(place: Place):
    with socket.socket() as taken, contextlib.suppress(OSError):
        taken.bind(("127.0.0.1", 8700))  # where somebody has it already, it is busy all the same
        taken.listen()
    with socket.socket() as taken:
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 8700))
            taken.listen()
        done = place.run("refresh", "sync")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr


@pytest.mark.parametrize("options", ["ro,size=1m", "size=16k"], ids=["read-only", "full"])
@pytest.mark.slow
def test_a_home_that_cannot_be_written_is_named_with_a_way_out(
    place: Place, mount: Callable[[str], Path], options: str
):
    home = mount(options)
    with contextlib.suppress(OSError):
        (home / "filler").write_bytes(b"x" * 2_000_000)
    done = place.run("refresh", "sync", TELEMETRY_HOME=str(home))
    assert done.returncode in (ExitCode.FAILING, ExitCode.COULD_NOT_LOOK), done.stdout + done.stderr
    assert str(home) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_every_answer_for_machines_is_one_json_document(place: Place):
    assert place.run("prepare").returncode == 0
    for command in (("refresh",), ("status",), ("health",), ("health", "airbyte"), ("doctor",), ("config", "show")):
        done = place.run(*command, "--json")
        assert isinstance(json.loads(done.stdout), dict | list), (command, done.stdout, done.stderr)
    schema = json.loads(place.run("config", "schema").stdout)
    assert schema["type"] == "object"


def test_a_bug_ends_with_70_a_report_and_no_traceback(tmp_path: Path):
    program = "from telemetry_assets.cli import main\nmain.app.command('boom')(lambda: 1 / 0)\nmain.main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "boom"],
        cwd=tmp_path,
        env=clean_environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.UNEXPECTED
    assert "Traceback" not in done.stderr
    (report,) = tmp_path.glob("telemetry-crash-*.txt")
    assert str(report) in done.stderr
    assert "ZeroDivisionError" in report.read_text()


@pytest.mark.slow
def test_a_wrong_token_for_the_source_fails_the_sync_in_its_own_words_without_showing_it(tmp_path: Path, database: str):
    copy_example(tmp_path / "example")
    upstream = Upstream(tmp_path, datetime.now(UTC))
    try:
        place = Place(
            tmp_path / "example", {"DATABASE_URL": database, **upstream.environment, "DEMO_ADS_TOKEN": PASSWORD}
        )
        done = place.run("refresh", "sync", "--json")
    finally:
        upstream.stop()
    (sync,) = json.loads(done.stdout)["phases"]
    assert done.returncode == ExitCode.FAILING
    assert sync["succeeded"]
    assert all("sync_status" in failure and "refused the token" in failure for failure in sync["failures"])
    assert PASSWORD not in done.stdout + done.stderr


def test_started_deaf_to_interrupts_it_can_still_be_ended() -> None:
    asks = "import signal; from telemetry_assets.cli.main import hear_interrupts; hear_interrupts()"
    done = subprocess.run(
        [sys.executable, "-c", f"{asks}; print(signal.getsignal(signal.SIGINT))"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert "default_int_handler" in done.stdout, done.stderr
