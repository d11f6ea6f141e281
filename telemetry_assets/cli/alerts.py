"""The commands that send: dispatch, and the test message of doctor.

What belongs here: starting and ending what sends. What does not: incidents (``incidents.py``), sending itself.
"""

import json
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, redirect_stdout
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry_assets import settings as declared
from telemetry_assets.cli.app import app, say
from telemetry_assets.cli.session import open_ledger
from telemetry_assets.errors import FailingError, UsageError
from telemetry_assets.model import ExitCode

if TYPE_CHECKING:
    from telemetry_assets.settings import Settings

DELIVERED_WITHIN = 20.0
"""Seconds that is sent for where it is done once."""


@app.command()
def dispatch(
    once: Annotated[bool, typer.Option("--once", help="Evaluate once, send for up to 20 s, and end.")] = False,
    drill: Annotated[bool, typer.Option("--drill", help="Send a fire drill to every channel, and end.")] = False,
) -> int:
    """Evaluate in time, send what is to be told, watch the monitor itself; until Ctrl-C. It needs no Dagster.

    `telemetry up` starts one. Any number may run at once, beside the alerts sensor too.
    Exit: 0; with --drill 1 where a channel did not receive it.
    """
    if once and drill:
        raise UsageError("--once and --drill are two things.", "Take one of them.")
    settings = declared.load()
    if drill:
        return _drill(settings)
    if once:
        return _once(settings)
    from telemetry_assets.dispatch.loop import run
    from telemetry_assets.local.postgres import using_database

    with using_database(settings), _until_told_to_end() as ended:
        typer.echo(f"Dispatching to {_channels(settings)}; Ctrl-C ends it.")
        run(settings, ended, lambda text: typer.echo(text))
    typer.echo("Ended; what waits is sent by whoever dispatches next.")
    return ExitCode.OK


def test_channel(settings: "Settings", name: str, *, as_json: bool) -> ExitCode:
    """Send a message marked as a test to one channel, and say how it ended. Raises UsageError, FailingError."""
    from telemetry_assets.dispatch.testing import send_test

    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        receipt = send_test(settings, name)
    took = receipt.took.total_seconds()
    if as_json:
        told = {"channel": name, "outcome": str(receipt.outcome), "took_seconds": took}
        typer.echo(json.dumps({**told, "reason": receipt.reason, "receipt": receipt.receipt}, ensure_ascii=False))
        return ExitCode.OK if receipt.outcome == "accepted" else ExitCode.FAILING
    if receipt.outcome != "accepted":
        again = " A real message would be tried again." if receipt.outcome == "again" else ""
        raise FailingError(f"The test did not reach {name}: {receipt.reason}", again.strip())
    typer.echo(f"{name} accepted the test in {took:.2f} s. {receipt.receipt}".rstrip())
    return ExitCode.OK


def _once(settings: "Settings") -> ExitCode:
    from telemetry_assets.dispatch.drain import drain
    from telemetry_assets.dispatch.evaluate import evaluate

    with open_ledger(settings) as conn:
        found = evaluate(conn, settings, datetime.now(UTC))
        for entry in [entry for change in found.changes for entry in change.entries]:
            typer.echo(f"incident {entry.incident} {entry.step}: {entry.words}")
        drained = drain(settings, seconds=DELIVERED_WITHIN, say=say)
    typer.echo(f"{drained.sent} sent, {drained.again} to be tried again, {drained.dead} not delivered")
    return ExitCode.OK


def _drill(settings: "Settings") -> ExitCode:
    from telemetry_assets.dispatch import drills
    from telemetry_assets.dispatch.drain import drain

    with open_ledger(settings) as conn:
        incident = drills.hold(conn, settings, datetime.now(UTC))
        drain(settings, seconds=DELIVERED_WITHIN, say=say)
        receipts = drills.receipts_of(conn, incident)
    typer.echo(f"Fire drill, incident {incident.number}:")
    for kept in receipts:
        missing = f"not received{' yet' if kept.status == 'pending' else ''}: {kept.reason or 'it waits'}"
        ended = "received" if kept.status == "sent" else missing
        typer.echo(f"  {kept.message.channel}: {ended}")
    return ExitCode.OK if receipts and all(kept.status == "sent" for kept in receipts) else ExitCode.FAILING


def _channels(settings: "Settings") -> str:
    names = [*settings.channels, *([settings.fallback.name] if settings.fallback else [])]
    return ", ".join(names) or "nobody: telemetry.yaml has no channels"


@contextmanager
def _until_told_to_end() -> Generator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second one ends at once."""
    ended = threading.Event()

    def end(number: int, frame: object) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
