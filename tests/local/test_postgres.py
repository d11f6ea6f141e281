"""The embedded PostgreSQL as its users meet it: starting, attaching, stopping, who may connect, which drivers."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import psycopg2
import pytest
import sqlalchemy

from telemetry_assets import running
from telemetry_assets.errors import ConfigError, CouldNotLookError
from telemetry_assets.local.postgres import EmbeddedPostgres, psql_command, using_database
from telemetry_assets.local.postgres_place import ROOTS_FOLDER, wheel_programs
from telemetry_assets.settings import Settings, load

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
START = """
import sys
from pathlib import Path
from telemetry_assets.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start())
"""
BECOME_NOBODY = """
import encodings.idna, os, psutil, pwd, shutil, subprocess, sys, tempfile
import telemetry_assets.local.postgres, telemetry_assets.local.postgres_launch
nobody = pwd.getpwnam("nobody")
os.setgroups([]); os.setgid(nobody.pw_gid); os.setuid(nobody.pw_uid)
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


def one(dsn: str, statement: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that these tests start and stop; each says which state it begins with."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("own"))
    yield server
    server.remove()


@pytest.fixture
def home_of_nobody() -> Iterator[Path]:
    """A folder of user nobody's, where that user can read our binaries; its server is removed afterwards."""
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    readable = subprocess.run([wheel_programs() / "postgres", "--version"], user="nobody", check=False).returncode == 0
    if not readable:
        pytest.skip("user nobody cannot read the binaries of this environment")
    yield folder
    for path in folder.rglob("home"):
        EmbeddedPostgres(path).remove()
    shutil.rmtree(folder)


@pytest.fixture
def settings(own: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose home is ``own``'s, stopped, with DATABASE_URL unset."""
    own.stop()
    monkeypatch.setenv("TELEMETRY_HOME", str(own.home))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return declared(tmp_path)


def declared(folder: Path) -> Settings:
    (folder / "telemetry.yaml").write_text("tenants: []\n")
    return load(folder / "telemetry.yaml")


@pytest.mark.promise("D12")
def test_a_started_server_answers_and_is_written_down_and_a_second_start_attaches(own: EmbeddedPostgres) -> None:
    own.stop()
    assert not own.is_up()
    assert own.start() is True
    assert own.is_up()
    assert one(own.url, "select current_database() || current_user") == "telemetrytelemetry"
    entry = running.read(own.home)["postgres"]
    assert entry["url"] == own.url
    assert Path(f"/proc/{entry['pid']}").exists() or sys.platform != "linux"

    assert EmbeddedPostgres(own.home).start() is False


def test_a_stopped_server_cuts_its_sessions_keeps_its_rows_and_is_struck_from_the_list(
    own: EmbeddedPostgres,
) -> None:
    own.start()
    with psycopg.connect(own.url, autocommit=True) as session:
        session.execute("create table kept as select 7 as number")
        own.stop()
        with pytest.raises(psycopg.OperationalError):
            session.execute("select 1")
    assert not own.is_up()
    assert running.read(own.home) == {}
    own.stop()

    assert own.start() is True
    assert one(own.url, "select number from kept") == 7


def test_stopping_a_home_that_never_had_a_server_leaves_nothing_behind(server: EmbeddedPostgres) -> None:
    server.stop()
    assert not server.home.exists()


@pytest.mark.slow
def test_of_eight_starters_at_once_one_starts_it_and_all_may_use_it(server: EmbeddedPostgres) -> None:
    starters = [python(START, server.home) for _ in range(8)]
    assert sorted(said(starter) for starter in starters) == ["False"] * 7 + ["True"]
    assert server.is_up()


def test_it_survives_the_death_of_its_starter(own: EmbeddedPostgres) -> None:
    own.stop()
    dying = python(START + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", own.home)
    dying.communicate(timeout=60)
    assert dying.returncode == -9
    assert own.is_up()


def test_attaching_is_quick_and_loads_neither_psutil_nor_alembic(embedded: EmbeddedPostgres) -> None:
    script = """
import sys, time
from pathlib import Path
from telemetry_assets.local.postgres import EmbeddedPostgres
times = []
for _ in range(5):
    began = time.perf_counter()
    EmbeddedPostgres(Path(sys.argv[1])).start()
    times.append(time.perf_counter() - began)
print(min(times) < 0.03, {"psutil", "alembic", "sqlalchemy", "dagster"} & set(sys.modules))
"""
    assert said(python(script, embedded.home)) == "True set()"


def test_its_clock_is_utc_its_text_unicode_and_it_listens_on_no_port(postgres_url: str) -> None:
    names = ["TimeZone", "log_timezone", "jit", "server_encoding", "listen_addresses", "unix_socket_permissions"]
    found = [one(postgres_url, f"select current_setting('{name}')") for name in names]
    assert found == ["UTC", "UTC", "off", "UTF8", "", "0700"]
    assert (
        one(postgres_url, "select datlocprovider::text || datlocale from pg_database where datname = 'telemetry'")
        == "bC.UTF-8"
    )


def test_every_driver_takes_the_url(postgres_url: str) -> None:
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,)
    engine = sqlalchemy.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("select current_user")).scalar() == "telemetry"
    engine.dispose()


@pytest.mark.slow
def test_dbt_takes_the_socket_folder_as_its_host(postgres_url: str, tmp_path: Path) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(postgres_url)
    (tmp_path / "dbt_project.yml").write_text("name: probe\nversion: '1.0'\nprofile: probe\n")
    (tmp_path / "profiles.yml").write_text(
        "probe: {target: it, outputs: {it: {type: postgres, schema: public, password: '', "
        f"host: '{parts['host']}', port: {parts['port']}, user: {parts['user']}, dbname: {parts['dbname']}" + "}}}\n"
    )
    command = [Path(sys.executable).with_name("dbt"), "debug", "--connection", "--profiles-dir", "."]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "connection ok" in run.stdout, run.stdout


def test_an_inherited_pghost_and_pgport_do_not_lead_elsewhere(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGHOST": "elsewhere", "PGPORT": "1", "PGDATABASE": "no", "PGUSER": "no"}.items():
        monkeypatch.setenv(name, value)
    assert one(postgres_url, "select current_user") == "telemetry"


def test_psql_runs_on_it(embedded: EmbeddedPostgres) -> None:
    command = [*psql_command(embedded.home), "--no-psqlrc", "-Atc", "select 6 * 7"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "42\n"


@needs_root
def test_neither_another_user_nor_the_user_its_processes_run_as_can_connect(postgres_url: str) -> None:
    runs_as = Path(psycopg.conninfo.conninfo_to_dict(postgres_url)["host"]).stat().st_uid
    assert runs_as != 0
    for user in {runs_as, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("daemon").pw_uid}:
        command = [wheel_programs() / "psql", postgres_url, "-c", "select 1"]
        try:
            tried = subprocess.run(command, user=user, capture_output=True, text=True, check=False)
        except PermissionError:
            pytest.skip("other users cannot read the binaries of this environment")
        assert tried.returncode != 0
        assert "Permission denied" in tried.stderr or "Peer authentication failed" in tried.stderr


@needs_root
@pytest.mark.parametrize("name", ["it's a, home é", "long/" + "x" * 120])
def test_a_normal_user_runs_it_in_any_folder_and_root_may_attach_but_not_start_it(
    home_of_nobody: Path, name: str
) -> None:
    home = home_of_nobody / name / "home"
    assert said(python(BECOME_NOBODY + START, home)) == "True"

    assert home.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert (home / "postgres").stat().st_mode & 0o777 == 0o700
    sockets = Path(psycopg.conninfo.conninfo_to_dict(EmbeddedPostgres(home).url)["host"])
    assert sockets.stat().st_mode & 0o777 == 0o700

    roots = EmbeddedPostgres(home)
    assert roots.start() is False, "root may attach"
    assert one(roots.url, "select 1") == 1
    roots.stop()
    with pytest.raises(CouldNotLookError, match=r"is a folder of nobody's\. Start it as nobody"):
        roots.start()


@needs_root
def test_a_user_who_finds_roots_database_is_told_whose_it_is(home_of_nobody: Path) -> None:
    home = home_of_nobody / "home"
    home.mkdir()
    (home / "postgres").symlink_to(ROOTS_FOLDER / "0123456789ab")
    failed = python(BECOME_NOBODY + START, home)
    assert f"The database of {home} is root's" in failed.communicate(timeout=60)[1]
    assert failed.returncode != 0
    (home / "postgres").unlink()


@needs_root
def test_roots_data_belong_to_an_existing_user_outside_the_home_and_no_parent_is_opened(
    server: EmbeddedPostgres,
) -> None:
    users = Path("/etc/passwd").read_bytes()
    parents = {path: path.stat().st_mode for path in (*server.home.parents, *wheel_programs().parents)}
    server.start()
    folder = (server.home / "postgres").resolve()
    assert folder.parent == ROOTS_FOLDER
    assert (folder / "data").stat().st_uid != 0
    assert (folder / "data").stat().st_mode & 0o777 == 0o700
    assert users == Path("/etc/passwd").read_bytes()
    assert parents == {path: path.stat().st_mode for path in parents}


@needs_root
@pytest.mark.slow
def test_a_moved_home_keeps_its_database_and_a_copied_one_gets_its_own(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    server.start()
    one(server.url, "create table kept as select 1")
    server.stop()
    moved, copied = EmbeddedPostgres(tmp_path / "moved"), EmbeddedPostgres(tmp_path / "copied")
    server.home.rename(moved.home)
    try:
        assert moved.start() is True
        shutil.copytree(moved.home, copied.home, symlinks=True)
        assert copied.start() is True
        assert server.start() is True, "a new home at the old path"
        there = [one(each.url, "select to_regclass('kept')") for each in (moved, copied, server)]
        assert there == ["kept", None, None]
    finally:
        moved.remove()
        copied.remove()


@needs_root
@pytest.mark.slow
def test_a_home_that_was_deleted_starts_empty_and_its_old_server_is_stopped(server: EmbeddedPostgres) -> None:
    server.start()
    one(server.url, "create table gone as select 1")
    old = (server.home / "postgres").resolve()
    shutil.rmtree(server.home)
    try:
        assert not server.is_up()
        assert server.start() is True
        assert one(server.url, "select to_regclass('gone')") is None
        assert old.with_name(f"{old.name}.previous").exists()
    finally:
        shutil.rmtree(old.with_name(f"{old.name}.previous"))


@needs_root
def test_a_link_to_elsewhere_is_refused(server: EmbeddedPostgres, tmp_path: Path) -> None:
    server.home.mkdir()
    (server.home / "postgres").symlink_to("/etc")
    with pytest.raises(CouldNotLookError, match="leads to /etc, no folder of telemetry's"):
        server.start()
    (server.home / "postgres").unlink()


def test_using_the_database_starts_the_embedded_server_for_the_while(settings: Settings) -> None:
    server = EmbeddedPostgres(settings.home)
    with using_database(settings) as dsn:
        assert dsn == server.url == running.database_dsn(settings)
        with using_database(settings) as again:
            assert one(again, "select 1") == 1
        assert server.is_up(), "who did not start it does not stop it"
    assert not server.is_up()


def test_with_database_url_the_embedded_server_never_starts(
    settings: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    with using_database(declared(settings.root)) as dsn:
        assert dsn == postgres_url
        assert not EmbeddedPostgres(settings.home).is_up()


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/app", CouldNotLookError, r"127\.0\.0\.1:1/app could not be reached"),
        ("postgresql://me:hunter2@/app?host=/nowhere", CouldNotLookError, "/nowhere"),
        ("postgresql://me:hunter2@localhost/app?colour=red", ConfigError, "postgresql://"),
        ("mysql//hunter2", ConfigError, "postgresql://"),
    ],
)
def test_a_wrong_database_url_is_told_with_its_way_out_and_without_its_password(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str, error: type[Exception], words: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(error, match=words) as raised, using_database(declared(settings.root)):
        pass
    assert "hunter2" not in str(raised.value)
    assert "DATABASE_URL" in str(raised.value)
