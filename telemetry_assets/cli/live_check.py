"""``telemetry check`` on the live data, of our project and of anyone's: run, told, written, one verdict.

What belongs here: what is around the checks: the database, the incidents, standard output, the deadline that nothing
hears. What does not: the checks (``defs/checking.py``, ``defs/foreign_checking.py``), the options (``check.py``).
"""

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from telemetry_assets import settings as declared
from telemetry_assets.answers.check_selection import Location, Selection
from telemetry_assets.answers.overrun import overrun_results
from telemetry_assets.answers.results import Kind, Result, Verdict, ordered
from telemetry_assets.cli.app import say
from telemetry_assets.cli.their_code import Aside, despite_threads, end_now, no_way_out
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.model import ANY_TENANT, ExitCode, State

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


@dataclass(slots=True)
class _Looking:
    """What is known while it is looked: what was found so far, and the ids of the tenants by slug."""

    so_far: Callable[[], Sequence[Result]] = tuple
    ids: dict[str, str] = field(default_factory=dict[str, str])

    def report(self, so_far: Callable[[], Sequence[Result]]) -> None:
        """From now on this is what was found so far."""
        self.so_far = so_far


def ours(asked: Live, kept: Kept) -> ExitCode:
    """The checks of our own project; the incidents are evaluated before this ends."""
    from telemetry_assets.defs import checking
    from telemetry_assets.local.postgres import using_database

    settings, looking = declared.load(), _Looking()

    def look(on_step: Callable[[str], None]) -> Sequence[Result]:
        try:
            with using_database(settings):
                looking.ids |= _ids(settings)
                found = checking.check_ours(
                    settings,
                    asked.selection,
                    asked.tenants,
                    on_step=on_step,
                    deadline=asked.deadline,
                    on_expected=looking.report,
                )
                return (*found, *checking.tell_incidents(settings))
        except CouldNotLookError as error:
            return checking.unlooked(settings, asked.selection, error)

    return _looked(look, asked, kept, looking, settings)


def theirs(where: Location, asked: Live, kept: Kept) -> ExitCode:
    """The checks of another's code location. What their code prints goes beside the answer."""
    looking, aside = _Looking(), Aside()

    def look(on_step: Callable[[str], None]) -> Sequence[Result]:
        with aside(), no_way_out():
            from telemetry_assets.defs.foreign_checking import check_theirs

            try:
                return check_theirs(
                    where,
                    asked.selection,
                    asked.tenants,
                    on_step=on_step,
                    deadline=asked.deadline,
                    on_expected=looking.report,
                )
            except CouldNotLookError as error:
                say(f"telemetry: {error}")
                return (Result(Kind.STEP, "", f"load {where}", State.UNKNOWN, error.message, remedy=error.remedy),)

    return despite_threads(lambda: _looked(look, asked, kept, looking, scope=f"{where}: ", answering=aside.back))


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
    looking: _Looking,
    settings: "Settings | None" = None,
    scope: str = "",
    answering: Callable[[], None] = lambda: None,
) -> ExitCode:
    """``answering`` makes way for the answer where the look has not ended."""
    from telemetry_assets.answers.provenance import provenance
    from telemetry_assets.cli.artifacts import clear
    from telemetry_assets.render import check as render

    clear(kept.out, kept.junit)
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
            tenants=_tenants(looking.ids, results) if settings else {},
            steps={"checks": ended - began},
        )

    def end_unheard(limit: timedelta) -> ExitCode:
        answering()
        found = looking.so_far()
        over = overrun_results(limit, found, ", and does not end when it is interrupted")
        return shown_and_kept(verdict_of([*found, *over]), kept, settings)

    with render.shown(quiet=kept.as_json) as on_step, _ended_unheard(asked.deadline, end_unheard):
        results = look(on_step)
    return shown_and_kept(verdict_of(results), kept, settings)


def _tenants(ids: Mapping[str, str], results: Sequence[Result]) -> Mapping[str, str]:
    """slug → id of the tenants that the results are of."""
    return {tenant: ids.get(tenant, tenant) for tenant in sorted({one.tenant for one in results} - {ANY_TENANT})}


def _ids(settings: "Settings") -> Mapping[str, str]:
    """slug → id of all tenants; none where the ledger has none yet, which the check says itself."""
    from telemetry_assets import running
    from telemetry_assets.ledger import tenants
    from telemetry_assets.ledger.connection import connect

    try:
        with connect(running.database_dsn(settings)) as conn:
            return {tenant.slug: str(tenant.id) for tenant in tenants.read(conn)}
    except CouldNotLookError:
        return {}


@contextmanager
def _ended_unheard(limit: timedelta | None, end: Callable[[timedelta], ExitCode]) -> Generator[None]:
    """Where something inside hears no interrupt, long after ``limit``, say so and end the process."""
    if limit is None:
        yield
        return

    def finish() -> None:
        code = ExitCode.UNEXPECTED
        try:
            code = end(limit)
        finally:
            end_now(code)

    timer = threading.Timer((limit + UNHEARD).total_seconds(), finish)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
