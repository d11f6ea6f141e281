"""``telemetry check`` on the live data, of our project and of anyone's: run, told, written, one verdict.

What belongs here: what is around the checks: the database, the incidents, standard output, the deadline that nothing
hears. What does not: the checks (``defs/checking.py``, ``defs/foreign_checking.py``), the options (``check.py``).
"""

import os
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from telemetry_assets import settings as declared
from telemetry_assets.answers.check_selection import Location, Selection
from telemetry_assets.answers.results import Kind, Result, Verdict, ordered
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.model import ExitCode, State
from telemetry_assets.spoken import spoken

if TYPE_CHECKING:
    from telemetry_assets.settings import Settings

UNHEARD = timedelta(seconds=20)
"""So long after the deadline whoever does not end is ended with us."""


@dataclass(frozen=True, slots=True)
class Live:
    """What is asked of the live data."""

    selection: Selection
    tenants: tuple[str, ...] = ()
    deadline: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the verdict goes: the folder of the artifacts, the JUnit file, as JSON to standard output."""

    out: Path | None = None
    junit: Path | None = None
    as_json: bool = False


def ours(asked: Live, kept: Kept) -> ExitCode:
    """The checks of our own project; the incidents are evaluated before this ends."""
    from telemetry_assets.defs import checking
    from telemetry_assets.local.postgres import using_database

    settings = declared.load()

    def look(on_step: Callable[[str], None]) -> Sequence[Result]:
        try:
            with using_database(settings):
                found = checking.check_ours(
                    settings, asked.selection, asked.tenants, on_step=on_step, deadline=asked.deadline
                )
                return (*found, *checking.tell_incidents(settings))
        except CouldNotLookError as error:
            return checking.unlooked(settings, asked.selection, error)

    return _looked(look, asked, kept, settings)


def theirs(where: Location, asked: Live, kept: Kept) -> ExitCode:
    """The checks of another's code location. What their code prints goes beside the answer."""

    def look(on_step: Callable[[str], None]) -> Sequence[Result]:
        with _stdout_aside():
            from telemetry_assets.defs.foreign_checking import check_theirs

            return check_theirs(where, asked.selection, asked.tenants, on_step=on_step, deadline=asked.deadline)

    return _looked(look, asked, kept, None, scope=f"{where}: ")


def shown_and_kept(verdict: Verdict, kept: Kept, settings: "Settings | None") -> ExitCode:
    """Write what is asked for, show the verdict; its exit code, which says what could not be written, too."""
    from telemetry_assets.cli.artifacts import leave_behind
    from telemetry_assets.render import check as render

    final = leave_behind(verdict, out=kept.out, junit=kept.junit, settings=settings)
    (render.print_json if kept.as_json else render.print_verdict)(final)
    return final.exit_code


def _looked(
    look: Callable[[Callable[[str], None]], Sequence[Result]],
    asked: Live,
    kept: Kept,
    settings: "Settings | None",
    scope: str = "",
) -> ExitCode:
    from telemetry_assets.answers.provenance import provenance
    from telemetry_assets.cli.artifacts import clear
    from telemetry_assets.render import check as render

    if kept.out is not None:
        clear(kept.out)
    began = datetime.now(UTC)

    def verdict_of(results: Sequence[Result]) -> Verdict:
        ended = datetime.now(UTC)
        return Verdict(
            results=ordered(results),
            began=began,
            ended=ended,
            correlation_id=str(uuid4()),
            scope=f"{scope}{asked.selection}",
            provenance=provenance(settings.root if settings else Path.cwd()),
            tenants=_tenants(settings, results),
            steps={"checks": ended - began},
        )

    def end_unheard(unheard: Result) -> ExitCode:
        return shown_and_kept(verdict_of([unheard]), kept, settings)

    with render.shown(quiet=kept.as_json) as on_step, _ended_unheard(asked.deadline, end_unheard):
        results = look(on_step)
    return shown_and_kept(verdict_of(results), kept, settings)


def _tenants(settings: "Settings | None", results: Sequence[Result]) -> Mapping[str, str]:
    """slug → id of the tenants that the results are of; nothing of another's project, which has partitions."""
    if settings is None:
        return {}
    from telemetry_assets import running
    from telemetry_assets.ledger import tenants
    from telemetry_assets.ledger.connection import connect

    named = {one.tenant for one in results}
    try:
        with connect(running.database_dsn(settings)) as conn:
            known = {tenant.slug: str(tenant.id) for tenant in tenants.read(conn)}
    except CouldNotLookError:
        known = {}
    return {tenant: known.get(tenant, tenant) for tenant in sorted(named - {"*"})}


@contextmanager
def _stdout_aside() -> Generator[None]:
    """What is printed inside, by a child process too, goes to stderr: the answer alone is on standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def _ended_unheard(limit: timedelta | None, end: Callable[[Result], ExitCode]) -> Generator[None]:
    """Where something inside hears no interrupt, long after ``limit``, say so and end the process."""
    if limit is None:
        yield
        return

    def finish() -> None:
        message = f"not done within {spoken(limit)}, and does not end when it is interrupted"
        os._exit(end(Result(Kind.DEADLINE, "", "deadline", State.FAIL, message)))

    timer = threading.Timer((limit + UNHEARD).total_seconds(), finish)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
