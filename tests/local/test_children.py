"""Child processes: started, waited for, ended with everything they started, and explained when they fail."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.local.children import Child, Service, running_services


def service(name: str, program: str, up: Path, *, ready_seconds: float = 20) -> Service:
    """A service that is up once ``up`` exists; ``{up}`` in the program is its path."""

    def argv() -> Sequence[str]:
        return [sys.executable, "-c", program.replace("{up}", str(up))]

    return Service(name, argv, up.exists, ready_seconds=ready_seconds)


SLEEPER = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
"""
STAYS = "import pathlib, time\npathlib.Path('{up}').touch()\ntime.sleep(60)"


def test_services_are_up_inside_and_gone_outside(tmp_path: Path):
    one, two = service("one", STAYS, tmp_path / "one"), service("two", STAYS, tmp_path / "two")
    before = psutil.Process().children()
    with running_services([one, two], tmp_path / "logs"):
        assert one.is_up()
        assert two.is_up()
        children = [child for child in psutil.Process().children() if child not in before]
        assert len(children) == 2
    assert psutil.wait_procs(children, timeout=5)[1] == []


def test_what_was_up_already_is_left_alone(tmp_path: Path):
    (tmp_path / "up").touch()
    before = psutil.Process().children()
    with running_services([service("ours", STAYS, tmp_path / "up")], tmp_path / "logs"):
        assert psutil.Process().children() == before


def test_one_that_ends_while_starting_is_explained_by_its_own_last_words(tmp_path: Path):
    failing = service("broken", "raise SystemExit('the disk is gone')", tmp_path / "never")
    with pytest.raises(CouldNotLookError, match="broken ended while starting:\nthe disk is gone"):
        running_services([failing], tmp_path / "logs").__enter__()


@pytest.mark.promise("F8")
@pytest.mark.slow
def test_one_that_never_answers_is_given_up_after_the_stated_time_and_ended(tmp_path: Path):
    began = time.monotonic()
    silent = service("silent", "import time; time.sleep(60)", tmp_path / "never", ready_seconds=2)
    child = Child(silent, tmp_path / "silent.log")
    child.start()
    assert child.process is not None
    process = psutil.Process(child.process.pid)
    with pytest.raises(CouldNotLookError, match="silent did not answer in 2 s"):
        child.wait_ready()
    assert 2 <= time.monotonic() - began < 2 + 3
    assert not process.is_running()


def test_a_failing_service_ends_those_before_it(tmp_path: Path):
    good = service("good", STAYS, tmp_path / "good")
    bad = service("bad", "raise SystemExit(1)", tmp_path / "never")
    before = set(psutil.Process().children())
    with pytest.raises(CouldNotLookError), running_services([good, bad], tmp_path / "logs"):
        pass
    assert set(psutil.Process().children()) <= before


@pytest.mark.slow
def test_what_a_child_started_ends_with_it(tmp_path: Path):
    program = SLEEPER + "pathlib.Path('{up}').write_text(str(child.pid))\ntime.sleep(60)"
    with running_services([service("parent", program, tmp_path / "up")], tmp_path / "logs"):
        grandchild = psutil.Process(int(_eventually_read(tmp_path / "up")))
    assert psutil.wait_procs([grandchild], timeout=5)[1] == []


@pytest.mark.slow
def test_one_that_ignores_sigterm_is_killed(tmp_path: Path):
    program = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAYS
    with running_services([service("stubborn", program, tmp_path / "up")], tmp_path / "logs"):
        pass
    assert not [child for child in psutil.Process().children() if "SIG_IGN" in " ".join(child.cmdline())]


def test_ctrl_c_reaches_us_and_not_the_child(tmp_path: Path):
    child = Child(service("apart", STAYS, tmp_path / "up"), tmp_path / "apart.log")
    child.start()
    child.wait_ready()
    assert child.process is not None
    assert os.getpgid(child.process.pid) != os.getpgid(0)
    os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()
    assert not child.alive()
    child.stop()


def _eventually_read(file: Path) -> str:
    deadline = time.monotonic() + 10
    while not (text := file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return text
