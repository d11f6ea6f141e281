"""Connectors are run by the protocol, in process groups of their own, and keep their secrets."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from telemetry_assets.errors import ConfigError, FailingError
from telemetry_assets.local.connector import Connectors
from telemetry_assets.local.connector_process import Interrupted, Mask, Reading, end_orphans
from telemetry_assets.settings import SecretRef, Settings
from tests.local.airbyte_doubles import eventually, settings_of

GIVEN = "s3cr3t/with+signs"
CATALOG = {"streams": [{"stream": {"name": "numbers"}}]}


def ask(settings: Settings, silence_seconds: float = 600.0) -> tuple[Connectors, Any, Any]:
    source = settings.sources["counter"]
    return Connectors(settings, silence_seconds), source, source.connections[0]


def read_all(settings: Settings, silence_seconds: float = 600.0) -> tuple[list[dict[str, Any]], Reading]:
    connectors, source, connection = ask(settings, silence_seconds)
    documents = {"config": connection.revealed_config(), "catalog": CATALOG}
    with connectors.command(source, connection, "read", documents) as reading:
        return [message for message, _ in reading.messages()], reading


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> SecretRef:
    monkeypatch.setenv("COUNTER_TOKEN", GIVEN)
    return SecretRef("COUNTER_TOKEN", "sources.counter")


def test_an_executable_answers_spec_check_and_discover(tmp_path: Path):
    connectors, source, connection = ask(settings_of(tmp_path))
    assert "connectionSpecification" in connectors.spec(source)
    connectors.check(source, connection)
    catalog = connectors.discover(source, connection)
    assert [stream["name"] for stream in catalog["streams"]] == ["numbers", "notes"]


def test_a_failing_check_says_why_without_the_secret(tmp_path: Path, token: SecretRef):
    connectors, source, connection = ask(settings_of(tmp_path, behave="trace", token=token))
    with pytest.raises(FailingError, match=r"counter: the connection of tenant acme fails: no \*{6}"):
        connectors.check(source, connection)


def test_a_read_yields_records_and_states_in_order(tmp_path: Path):
    messages, reading = read_all(settings_of(tmp_path, count=4, every=2))
    kinds = [message["type"] for message in messages if message["type"] != "TRACE"]
    assert kinds == ["RECORD", "RECORD", "STATE", "RECORD", "RECORD", "STATE", "STATE"]
    assert reading.problem() is None


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        ("exit", "The connector exited with 1: cannot log in with ******"),
        ("trace", "401 for ******"),
        ("die", "The connector was killed by signal 9"),
        ("garbage", "printed 3 lines that are no Airbyte messages, first 'Traceback: nothing here is JSON'"),
        ("silent", "The connector ended without a word"),
    ],
)
def test_a_failure_is_told_in_the_connectors_words_and_without_secrets(
    tmp_path: Path, token: SecretRef, behave: str, words: str
):
    _, reading = read_all(settings_of(tmp_path, behave=behave, token=token))
    assert words in (reading.problem() or "")


def test_lines_that_are_no_messages_are_counted_and_not_fatal(tmp_path: Path):
    messages, reading = read_all(settings_of(tmp_path, behave="babble", count=3))
    assert (reading.garbage, reading.problem()) == (2, None)
    assert sum(message["type"] == "RECORD" for message in messages) == 3


def test_a_connector_that_hangs_is_ended_after_the_silence(tmp_path: Path):
    with pytest.raises(Interrupted, match="printed nothing for 1 s"):
        read_all(settings_of(tmp_path, behave="hang"), silence_seconds=1)


def test_cancelling_ends_the_whole_process_group(tmp_path: Path):
    pids = tmp_path / "pids"
    connectors, source, connection = ask(settings_of(tmp_path, behave="child", pid_file=str(pids)))
    cancelled = threading.Event()
    threading.Thread(target=lambda: (eventually(pids.exists), cancelled.set())).start()
    documents = {"config": connection.revealed_config(), "catalog": CATALOG}
    command = connectors.command(source, connection, "read", documents, cancelled)
    with command as reading, pytest.raises(Interrupted, match="cancelled"):
        list(reading.messages())
    family = [int(pid) for pid in pids.read_text().split()]
    assert os.getpgid(0) != family[0]
    eventually(lambda: not any(_lives(pid) for pid in family))


@pytest.mark.slow
def test_a_connector_that_ignores_sigterm_is_killed(tmp_path: Path):
    stubborn = tmp_path / "stubborn.py"
    stubborn.write_text(
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)\n"
    )
    connectors, source, connection = ask(settings_of(tmp_path, executable=(sys.executable, str(stubborn))))
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    with connectors.command(source, connection, "read", {}, cancelled) as reading, pytest.raises(Interrupted):
        list(reading.messages())
    assert not _lives(reading.process.pid)


@pytest.mark.slow
def test_a_connector_that_leaves_a_child_behind_ends_all_the_same(tmp_path: Path):
    leaving = tmp_path / "leaving.py"
    leaving.write_text(
        "import subprocess, sys\n"
        'print(\'{"type": "LOG", "log": {}}\', flush=True)\n'
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    )
    connectors, source, connection = ask(settings_of(tmp_path, executable=(sys.executable, str(leaving))))
    started = time.monotonic()
    with connectors.command(source, connection, "read", {}) as reading:
        list(reading.messages())
    assert reading.problem() is None
    assert time.monotonic() - started < 20
    group = reading.process.pid
    with pytest.raises(ProcessLookupError):
        eventually(lambda: os.killpg(group, 0))


def test_documents_are_files_only_we_can_read_and_gone_afterwards(tmp_path: Path, token: SecretRef):
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import json, os, sys\n"
        "path = sys.argv[sys.argv.index('--config') + 1]\n"
        "modes = [oct(os.stat(path).st_mode), oct(os.stat(os.path.dirname(path)).st_mode)]\n"
        "facts = [*modes, sys.argv, dict(os.environ)]\n"
        "print(json.dumps({'type': 'CATALOG', 'catalog': {'facts': facts}}))\n"
    )
    settings = settings_of(tmp_path, executable=(sys.executable, str(spy)), token=token)
    connectors, source, connection = ask(settings)
    mode, folder_mode, arguments, environment = connectors.discover(source, connection)["facts"]
    assert (stat.S_IMODE(int(mode, 8)), stat.S_IMODE(int(folder_mode, 8))) == (0o600, 0o700)
    assert GIVEN not in str(arguments)
    assert GIVEN not in environment.values()
    assert list((tmp_path / "airbyte").iterdir()) == []


def test_a_missing_secret_is_named(tmp_path: Path):
    connectors, source, connection = ask(settings_of(tmp_path, token=SecretRef("NOT_SET_ANYWHERE", "sources.counter")))
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        connectors.check(source, connection)


def test_an_executable_that_is_not_there_is_named(tmp_path: Path):
    connectors, source, connection = ask(settings_of(tmp_path, executable=("./no-such-connector",)))
    with pytest.raises(FailingError, match=r"Source counter: \./no-such-connector cannot be run: No such file"):
        connectors.discover(source, connection)


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path):
    connectors, source, connection = ask(settings_of(tmp_path, manifest=tmp_path / "gone.yaml"))
    with pytest.raises(FailingError, match=r"its manifest .*gone\.yaml is not there"):
        connectors.discover(source, connection)


def test_a_secret_is_masked_escaped_and_quoted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A", 'pa"ss/word')
    settings = settings_of(tmp_path, nested={"list": [SecretRef("A", "here")]})
    mask = Mask.of(settings.sources["counter"].connections[0])
    assert mask('pa"ss/word pa\\"ss/word pa%22ss%2Fword') == "****** ****** ******"


def test_an_orphan_is_ended_and_a_stranger_with_its_process_id_is_not(tmp_path: Path):
    for offset, survives in ((0.0, False), (-3600.0, True)):
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        try:
            end_orphans(process.pid, psutil.Process(process.pid).create_time() + offset)
            if not survives:
                process.wait(10)
            assert _lives(process.pid) is survives
        finally:
            process.kill()
            process.wait()


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
