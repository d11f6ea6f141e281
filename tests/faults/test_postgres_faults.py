"""The embedded PostgreSQL under kill -9, leftovers that lie, a hostile environment and a disk that refuses."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.local import postgres_place as places
from telemetry_assets.local.postgres import EmbeddedPostgres

pytestmark = pytest.mark.slow

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, mounts, or adopts processes")
START = """
import sys
from pathlib import Path
from telemetry_assets.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start())
"""


@pytest.fixture(scope="module")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for every test that kills it; each leaves it in whatever state, and the next one starts it."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("hurt"))
    yield server
    server.remove()


@pytest.fixture
def mount() -> Iterator[Callable[[str], Path]]:
    """Mounts a tmpfs with the options given, where every user can reach it; skips where that is impossible."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)

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


def place(server: EmbeddedPostgres) -> places.Place:
    return places.find(server.home)


def execute(server: EmbeddedPostgres, statement: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


def kill(server: EmbeddedPostgres) -> int:
    """kill -9 of the postmaster, and of nothing else."""
    pid = place(server).pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: not server.is_up())
    return pid


def until(true: Callable[[], bool], within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)


def pid_files(server: EmbeddedPostgres) -> tuple[Path, Path]:
    where = place(server)
    return where.pid_file, where.sockets / f".s.PGSQL.{places.PORT}.lock"


def test_kill_9_loses_no_acknowledged_row(hurt: EmbeddedPostgres) -> None:
    hurt.start()
    execute(hurt, "drop table if exists rows; create table rows (number int)")
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(hurt.url, autocommit=True) as connection:
            while True:
                connection.execute("insert into rows values (1)")
                acknowledged += 1

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: acknowledged > 200)
    kill(hurt)
    writer.join()

    assert hurt.start() is True
    assert execute(hurt, "select count(*) from rows") in (acknowledged, acknowledged + 1)


@needs_linux
def test_a_pid_file_that_names_another_program_stops_no_start_and_no_other_program(hurt: EmbeddedPostgres) -> None:
    hurt.start()
    account = place(hurt).account
    as_account = {"user": account.pw_uid} if os.geteuid() == 0 else {}
    stranger = subprocess.Popen(["sleep", "60"], **as_account)
    try:
        mine = kill(hurt)
        for path in pid_files(hurt):
            path.write_text(path.read_text().replace(str(mine), str(stranger.pid)))
        assert hurt.start() is True
        assert hurt.is_up()
        kill(hurt)
        pid_files(hurt)[0].write_text(f"{stranger.pid}\n")
        hurt.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "\n", "not a pid\n", "0\n", "-1\n", "99999999999999999999\n"])
def test_a_torn_pid_file_does_not_stop_a_start(hurt: EmbeddedPostgres, content: str) -> None:
    hurt.start()
    kill(hurt)
    for path in pid_files(hurt):
        path.write_text(content)
    assert hurt.start() is True
    assert hurt.is_up()


@needs_linux
def test_a_postmaster_that_nobody_reaped_counts_as_dead(hurt: EmbeddedPostgres) -> None:
    hurt.stop()
    adopts_and_never_reaps = "import ctypes; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n" + START + "sys.stdin.read()"
    command = [sys.executable, "-u", "-c", adopts_and_never_reaps, str(hurt.home)]
    adopter = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert adopter.stdout
        assert adopter.stdout.readline() == "True\n"
        dead = kill(hurt)
        until(lambda: psutil.Process(dead).status() == psutil.STATUS_ZOMBIE)
        assert hurt.start() is True
        assert hurt.is_up()
    finally:
        adopter.communicate()


@pytest.mark.slow
def test_a_backend_too_busy_to_notice_that_its_postmaster_died_does_not_stop_a_start(hurt: EmbeddedPostgres) -> None:
    hurt.start()
    with psycopg.connect(hurt.url, autocommit=True) as connection:
        busy = threading.Thread(target=_endless, args=(connection,))
        busy.start()
        until(lambda: execute(hurt, "select count(*) from pg_stat_activity where query like '%endless%'") == 2)
        kill(hurt)
        assert hurt.start() is True
        busy.join(timeout=20)
        assert not busy.is_alive()


def _endless(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    with contextlib.suppress(psycopg.OperationalError):
        connection.execute(
            "select /* endless */ count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b"
        )


@needs_linux
@pytest.mark.slow
def test_a_recovery_of_more_than_ten_seconds_is_waited_for_even_when_its_starter_died(hurt: EmbeddedPostgres) -> None:
    hurt.start()
    execute(hurt, "drop table if exists filled; create table filled as select generate_series(1, 2000000) as number")
    execute(hurt, "insert into filled select * from filled")
    kill(hurt)
    starter = subprocess.Popen([sys.executable, "-c", START, str(hurt.home)])
    until(lambda: bool(_recovering(place(hurt))))
    replaying = _recovering(place(hurt))[0]
    replaying.suspend()
    starter.kill()
    starter.wait()
    threading.Timer(12, replaying.resume).start()

    began = time.monotonic()
    assert hurt.start() is False
    assert time.monotonic() - began > 10
    assert execute(hurt, "select count(*) from filled") == 4_000_000
    execute(hurt, "drop table filled")


def _recovering(where: places.Place) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(where.pid() or 0).children()
        return [child for child in children if "startup" in " ".join(child.cmdline())]
    return []


@needs_linux
def test_a_start_killed_while_it_makes_the_data_folder_is_made_good_by_the_next(server: EmbeddedPostgres) -> None:
    starter = subprocess.Popen([sys.executable, "-c", START, str(server.home)], start_new_session=True)
    until(lambda: any((server.home / "postgres").glob("data.new-*/base")))
    os.killpg(starter.pid, signal.SIGKILL)
    starter.wait()

    assert server.start() is True
    assert server.is_up()
    assert not list((server.home / "postgres").glob("data.new-*"))


def test_no_inherited_variable_changes_the_server(server: EmbeddedPostgres) -> None:
    bogus = {"LC_ALL": "xx_YY.bogus", "LANG": "en_GB.UTF-8", "TZ": "America/Montevideo", "LANGUAGE": "fr"}
    bogus |= {"PGDATA": "/nowhere", "PGHOST": "nowhere", "PGPORT": "1", "PGUSER": "x", "PGDATABASE": "x", "PGTZ": "CET"}
    run = subprocess.run([sys.executable, "-c", START, server.home], env={**os.environ, **bogus}, check=True)
    assert run.returncode == 0
    assert execute(server, "show timezone") == "UTC"
    assert execute(server, "select datlocale from pg_database where datname = 'telemetry'") == "C.UTF-8"


def test_a_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CouldNotLookError, match=r"file.*TELEMETRY_HOME"):
        EmbeddedPostgres(tmp_path / "file" / "home").start()


def test_a_read_only_home_is_named_with_the_way_out_and_a_running_server_still_serves(
    mount: Callable[[str], Path],
) -> None:
    folder = mount("size=300m")
    fresh, used = EmbeddedPostgres(folder / "fresh"), EmbeddedPostgres(folder / "used")
    try:
        used.start()
        remount(folder, "ro")
        assert used.start() is False
        with pytest.raises(CouldNotLookError, match=rf"{folder}/fresh: Read-only file system.*TELEMETRY_HOME"):
            fresh.start()
    finally:
        remount(folder, "rw")
        used.remove()


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def test_a_full_home_is_named_with_the_way_out_and_no_server_is_left_running(mount: Callable[[str], Path]) -> None:
    server = EmbeddedPostgres(mount("size=64k") / "home")
    server.home.mkdir()
    with contextlib.suppress(OSError), open(server.home / "filling", "wb") as filling:
        while filling.write(b"x" * 1024):
            filling.flush()
    try:
        with pytest.raises(CouldNotLookError, match=r"No space left on device.*MB are free.*TELEMETRY_HOME"):
            server.start()
        assert not server.is_up()
    finally:
        (server.home / "filling").unlink()
        server.remove()


def test_a_disk_too_small_for_a_users_database_says_so(mount: Callable[[str], Path]) -> None:
    home = mount("size=8m,mode=0777") / "home"
    run = elsewhere(home, uid=65534)
    if "cannot use" in run.stderr and "Permission denied" in run.stderr:
        pytest.skip("user nobody cannot read the binaries of this environment")
    assert "No space left on device" in run.stderr
    assert "MB are free there" in run.stderr
    assert not list((home / "postgres").glob("data*"))


def test_where_root_has_no_place_outside_its_home_the_place_is_named(tmp_path: Path) -> None:
    run = elsewhere(tmp_path / "home", "mount -t tmpfs -o ro tmpfs /var/lib")
    assert "cannot use /var/lib/telemetry-assets: Read-only file system" in run.stderr
    assert "run this as a normal user, or set DATABASE_URL" in run.stderr


@pytest.mark.parametrize(("missing", "runs_as"), [({"postgres", "nobody"}, None), ({"postgres"}, "nobody")])
def test_root_takes_the_unprivileged_user_that_is_there_or_says_there_is_none(
    tmp_path: Path, missing: set[str], runs_as: str | None
) -> None:
    users = Path("/etc/passwd").read_text().splitlines(keepends=True)
    (tmp_path / "passwd").write_text("".join(line for line in users if line.split(":")[0] not in missing))
    (tmp_path / "nsswitch.conf").write_text("passwd: files\n")  # systemd's invents a nobody
    hidden = [f"mount --bind {tmp_path / name} /etc/{name}" for name in ("passwd", "nsswitch.conf")]
    server = EmbeddedPostgres(tmp_path / "home")
    try:
        run = elsewhere(server.home, " && ".join(hidden))
        if runs_as:
            assert place(server).account.pw_name == runs_as, run.stderr
            assert server.start() is False
        else:
            assert "none of the users postgres, nobody" in run.stderr
            assert "as a normal user" in run.stderr
    finally:
        server.remove()


def test_a_user_id_without_a_name_is_told_what_postgresql_needs(mount: Callable[[str], Path]) -> None:
    run = elsewhere(mount("size=8m,mode=0777") / "home", uid=54321)
    assert "The user id 54321 has no name on this machine" in run.stderr


def elsewhere(home: Path, mounts: str = "true", uid: int = 0) -> subprocess.CompletedProcess[str]:
    """Start a server in a mount namespace of its own, as another user; skips where only root could."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("only root can change mounts and users")
    # Another user may not reach this interpreter's library: everything is loaded before root's rights are dropped.
    script = f"""
import encodings.idna, os, psutil, pwd, shutil, subprocess, tempfile
import telemetry_assets.local.postgres, telemetry_assets.local.postgres_launch
if {uid}:
    os.setgroups([]); os.setgid({uid}); os.setuid({uid})
"""
    command = ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh", sys.executable, "-c", script + START, home]
    return subprocess.run(command, capture_output=True, text=True, check=False)
