"""``telemetry up``: every process of the product on this machine, restarted when it dies, gone when you press Ctrl-C.

What belongs here: which processes, their order, restarts with back-off. What does not: one child (``children.py``).
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from telemetry_assets import running
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.local.children import Child, Service
from telemetry_assets.local.ports import LOOPBACK, answers, free_port, listens
from telemetry_assets.local.postgres import EmbeddedPostgres, using_database
from telemetry_assets.local.stand_ins import airbyte_service, own_environment
from telemetry_assets.settings import Settings

UI_PORT = 3000
CODE_PORT = 4000
LONGEST_PAUSE_SECONDS = 30.0
CALM_SECONDS = 60.0
REPORT_SECONDS = 20.0


@dataclass(slots=True)
class Watched:
    """A child under supervision: when it was last started, and how long to wait before the next try."""

    child: Child
    started_at: float
    pause: float = 1.0
    retry_at: float | None = None


def run_until_interrupted(
    settings: Settings,
    upstream: Sequence[Service],
    environment: Callable[[], Mapping[str, str]],
    *,
    prepare: Callable[[], object],
    say: Callable[[str], None],
    report: Callable[[], str] = lambda: "",
) -> int:
    """Start everything, keep it running, stop everything. Returns 0 after Ctrl-C or SIGTERM.

    ``report`` is asked now and then for a line about the data, which is said when it has changed.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        stack.enter_context(using_database(settings))
        say("PostgreSQL is up" + ("" if settings.database else f" (embedded, {settings.home})"))
        prepare()
        watched: list[Watched] = []
        try:
            for service in _services(settings, upstream, environment, say):
                if ended.is_set():
                    return 0
                watched.append(_start(service, settings))
                say(f"{service.name} is up")
            ui = running.read(settings.home)["webserver"]["url"]
            say(f"\nDagster UI: {ui}    stop with Ctrl-C    logs: {settings.home / 'logs'}\n")
            _supervise(settings, watched, ended, say, report)
        finally:
            say("stopping …")
            for item in watched:
                item.child.ask_to_end()
            for item in reversed(watched):
                item.child.stop()
            for name in ("webserver", "airbyte"):
                running.record(settings.home, name, None)
    say("stopped; the data stays")
    return 0


def _services(
    settings: Settings,
    upstream: Sequence[Service],
    environment: Callable[[], Mapping[str, str]],
    say: Callable[[str], None],
) -> list[Service]:
    airbyte = [] if settings.airbyte.url or not settings.sources else [airbyte_service(settings, environment)]
    code_port, ui_port = free_port(CODE_PORT), free_port(UI_PORT)
    if ui_port != UI_PORT:
        say(f"port {UI_PORT} is taken: the Dagster UI listens on {ui_port}")
    workspace = settings.home / "workspace.yaml"
    workspace.write_text(
        f"load_from:\n  - grpc_server: {{host: {LOOPBACK}, port: {code_port}, location_name: telemetry_assets}}\n"
    )
    url = f"http://{LOOPBACK}:{ui_port}"
    running.record(settings.home, "webserver", {"url": url})

    def own() -> Mapping[str, str]:
        return own_environment(settings)

    def python(*arguments: str) -> Callable[[], Sequence[str]]:
        return lambda: [sys.executable, "-m", *arguments]

    code = (
        "dagster",
        "code-server",
        "start",
        "-h",
        LOOPBACK,
        "-p",
        str(code_port),
        "-m",
        "telemetry_assets.definitions",
    )
    web = ("dagster_webserver", "-h", LOOPBACK, "-p", str(ui_port), "-w", str(workspace))
    return [
        *upstream,
        *airbyte,
        Service("code_location", python(*code), lambda: listens(code_port), own),
        Service("dagster_daemon", python("dagster._daemon", "run", "-w", str(workspace)), lambda: True, own),
        Service("dispatch", python("telemetry_assets.cli", "dispatch"), lambda: True, own),
        Service("dagster_webserver", python(*web), lambda: answers(f"{url}/server_info"), own),
    ]


def _start(service: Service, settings: Settings) -> Watched:
    child = Child(service, settings.home / "logs" / f"{service.name}.log")
    child.start()
    child.wait_ready()
    return Watched(child, time.monotonic())


def _supervise(
    settings: Settings,
    watched: Sequence[Watched],
    ended: threading.Event,
    say: Callable[[str], None],
    report: Callable[[], str],
) -> None:
    last_report, asked_at = "", time.monotonic()
    while not ended.wait(1.0):
        if settings.database is None and EmbeddedPostgres(settings.home).start():
            say("PostgreSQL had died and was started again")
        for item in watched:
            _keep_alive(item, say)
        if time.monotonic() - asked_at > REPORT_SECONDS:
            asked_at = time.monotonic()
            line = report()
            if line != last_report:
                say(f"{time.strftime('%H:%M:%S')}  {line}")
                last_report = line


def _keep_alive(item: Watched, say: Callable[[str], None]) -> None:
    """Start a dead child again after its pause; the pause doubles until it has been calm for a while."""
    now = time.monotonic()
    if item.child.alive():
        if now - item.started_at > CALM_SECONDS:
            item.pause = 1.0
        return
    if item.retry_at is None:
        item.retry_at = now + item.pause
        say(f"{item.child.service.name} died; starting it again in {item.pause:.0f} s")
    elif now >= item.retry_at:
        item.retry_at = None
        item.pause = min(2 * item.pause, LONGEST_PAUSE_SECONDS)
        item.child.stop()
        try:
            item.child.start()
            item.child.wait_ready()
        except CouldNotLookError as error:
            say(f"{item.child.service.name} could not be started again: {error.message}")
        item.started_at = time.monotonic()
