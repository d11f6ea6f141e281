"""Watching: until Ctrl-C, through a lost database, and with the exit code of the last look."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from telemetry_assets.answers.status import StatusAnswer, read_status
from telemetry_assets.cli.watch import Looker, interval, watch
from telemetry_assets.errors import CouldNotLookError, UsageError
from telemetry_assets.ledger import graph, tenants
from telemetry_assets.model import AssetKind, AssetNode, Clock, ExitCode, Tenant
from tests.integration.example import Place, clean_environment
from tests.integration.small_chain import TENANTS, write_home

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AWAY = CouldNotLookError("The server is away.")


class Answers:
    """Gives these in turn, then is interrupted; an error among them is raised."""

    def __init__(self, given: Sequence[ExitCode | Exception]) -> None:
        self.given = list(given)
        self.paused: list[float] = []

    def look(self) -> "FakeAnswer":
        one = self.given.pop(0)
        if isinstance(one, Exception):
            raise one
        return FakeAnswer(one)

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        if not self.given:
            raise KeyboardInterrupt


class FakeAnswer:
    def __init__(self, exit_code: ExitCode) -> None:
        self.exit_code = exit_code


class Seen:
    """A view that remembers what it was shown."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def open(self) -> None:
        self.told.append("open")

    def show(self, answer: StatusAnswer) -> None:
        self.told.append(answer.exit_code)

    def trouble(self, said: str, now: datetime) -> None:
        self.told.append(said)

    def close(self) -> None:
        self.told.append("close")


def watched(*given: ExitCode | Exception) -> tuple[ExitCode, list[object], list[float]]:
    answers, seen = Answers(given), Seen()
    code = watch(answers.look, seen, timedelta(seconds=5), pause=answers.pause, clock=lambda: NOW)  # pyright: ignore
    return code, seen.told, answers.paused


def test_it_ends_with_the_exit_code_of_the_last_look() -> None:
    assert watched(ExitCode.LATE, ExitCode.OK, ExitCode.MISSING) == (
        ExitCode.MISSING, ["open", ExitCode.LATE, ExitCode.OK, ExitCode.MISSING, "close"], [5.0, 5.0, 5.0],
    )  # fmt: skip


def test_a_database_that_goes_and_comes_back_ends_nothing() -> None:
    code, told, _ = watched(ExitCode.OK, AWAY, AWAY, ExitCode.LATE)
    assert (code, told[1:-1]) == (ExitCode.LATE, [ExitCode.OK, str(AWAY), str(AWAY), ExitCode.LATE])


def test_a_watch_that_ends_while_it_cannot_look_says_so_by_its_code() -> None:
    assert watched(ExitCode.OK, AWAY)[0] is ExitCode.COULD_NOT_LOOK


def test_what_the_first_look_meets_ends_the_watch_before_the_screen_is_touched() -> None:
    seen = Seen()
    with pytest.raises(UsageError):
        watch(Answers([UsageError("no such tenant")]).look, seen, timedelta(seconds=1))  # pyright: ignore
    assert seen.told == []


def test_the_screen_is_given_back_whatever_happens() -> None:
    seen = Seen()
    with pytest.raises(ZeroDivisionError):
        watch(Answers([ExitCode.OK, ZeroDivisionError()]).look, seen, timedelta(0), pause=lambda _: None)  # pyright: ignore
    assert seen.told[-1] == "close"


def test_a_sigterm_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    watched(ExitCode.OK)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("text", ["3x", "", "0s", "-2s", "2"])
def test_an_interval_nobody_can_keep_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--every"):
        interval(text)
    assert interval("1m30s") == timedelta(seconds=90)


@pytest.fixture
def place(tmp_path: Path, database: str) -> Place:
    """A home on a database that knows a graph and tenants, and no fact: every promise is MISSING."""
    write_home(tmp_path)
    with psycopg.connect(database, autocommit=True) as conn:
        tenants.write(conn, [Tenant(slug, UUID(each), slug) for slug, each in TENANTS.items()])
        stream = AssetNode("counter/numbers", AssetKind.STREAM, clock=Clock())
        graph.replace(conn, [stream, AssetNode("snapshots/board", AssetKind.SNAPSHOT, ("counter/numbers",))])
    return Place(tmp_path, {"DATABASE_URL": database})


def test_a_lost_connection_is_made_anew(place: Place, database: str) -> None:
    settings = place.settings()
    looker = Looker(database, lambda conn: read_status(conn, settings, datetime.now(UTC)))
    assert looker.look().exit_code is ExitCode.MISSING
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where pid <> pg_backend_pid() and datname = current_database()"
        )
    with pytest.raises(CouldNotLookError):
        looker.look()
    assert looker.look().exit_code is ExitCode.MISSING
    looker.close()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_on_a_terminal_it_ends_cleanly_and_gives_the_screen_back(place: Place, end: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    command = place.command("status", "--watch", "--every", "1s")
    child = subprocess.Popen(
        command, cwd=place.folder, env=clean_environment(**place.environment), stdout=theirs, stderr=theirs,
        stdin=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        said = read_until(ours, lambda text: text.count(b"\x1b[H") >= 2)
        child.send_signal(end)
        said += read_until(ours, lambda text: b"\x1b[?1049l" in text and child.poll() is not None)
        assert child.wait(20) == ExitCode.MISSING
    finally:
        child.kill()
        child.wait()
        os.close(ours)
    assert b"never" in said.partition(b"\x1b[?1049l")[2]
    assert b"Traceback" not in said


def read_until(descriptor: int, done: Callable[[bytes], bool], seconds: float = 30) -> bytes:
    """What comes out of a terminal until it is enough, or the other side has gone."""
    said, end = b"", time.monotonic() + seconds
    while not done(said) and time.monotonic() < end:
        ready, _, _ = select.select([descriptor], [], [], 0.2)
        try:
            said += os.read(descriptor, 65536) if ready else b""
        except OSError:
            break
    return said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--watch", "--json"], "--watch shows people what changes"),
        (["--every", "5s"], "Add --watch"),
        (["--watch", "counter/nubers"], "Did you mean counter/numbers?"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error_with_the_way_out(place: Place, options: list[str], words: str) -> None:
    done = place.run("status", *options)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert words in done.stderr
