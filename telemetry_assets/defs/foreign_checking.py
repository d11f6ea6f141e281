"""``telemetry check -m`` and ``-w``: the checks of anyone's Dagster project, run in this process.

What belongs here: their definitions, an instance for them, the results. What does not: importing (``loading.py``),
our own project (``checking.py``).
"""

import logging
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
from dagster._check import CheckError
from sqlalchemy.exc import SQLAlchemyError

from telemetry_assets.answers.check_selection import Location, Selection
from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.defs.check_results import newest_recorded, results_of
from telemetry_assets.defs.check_runs import Code, Heard, run_checks
from telemetry_assets.defs.expected_checks import Expected, expected_checks
from telemetry_assets.defs.loading import Loaded, Unloadable, load_location
from telemetry_assets.defs.overrun import ended_by
from telemetry_assets.errors import CouldNotLookError, UsageError
from telemetry_assets.model import State
from telemetry_assets.settings import environment


def check_theirs(
    where: Location,
    selection: Selection,
    partitions: Sequence[str] = (),
    *,
    on_step: Callable[[str], None] = lambda _: None,
    deadline: timedelta | None = None,
    on_expected: Callable[[Callable[[], Sequence[Result]]], None] = lambda _: None,
) -> tuple[Result, ...]:
    """Run the checks of the assets chosen, of everything that ``where`` names; a result for each that was expected.

    ``on_expected`` is given, before any is run, what says at any time what was found so far. Raises UsageError
    where nothing is there to check, CouldNotLookError where nothing of it could be loaded.
    """
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    failed: tuple[Unloadable, ...] = ()
    heard: dict[str, tuple[Sequence[Expected], Heard]] = {}

    def so_far() -> list[Result]:
        return [*map(_unloadable, failed), *(one for pair in heard.values() for one in results_of(*pair))]

    with _instance() as instance, ended_by(deadline) as overrun, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        on_step(f"load {where}")
        found, failed = load_location(where, Path.cwd())
        if not found:
            raise CouldNotLookError(*_said(failed))
        codes = {name: _code(one) for name, one in found.items()}
        expected = _expected(codes, instance, selection, partitions, lenient=bool(failed))
        heard = {name: (some, Heard(recorded=newest_recorded(instance, some))) for name, some in expected.items()}
        on_expected(so_far)
        for name, (some, of_it) in heard.items():
            with found[name].modules.in_place():
                run_checks(codes[name], instance, some, of_it, on_step)
            if of_it.interrupted:
                raise KeyboardInterrupt
    results = so_far()
    return (*results, *overrun.results(results))


def _code(loaded: Loaded) -> Code:
    with loaded.modules.in_place():
        return Code.of(loaded.repository)


def _expected(
    codes: Mapping[str, Code],
    instance: dg.DagsterInstance,
    selection: Selection,
    partitions: Sequence[str],
    *,
    lenient: bool,
) -> Mapping[str, Sequence[Expected]]:
    """What has to report; ``lenient``: what was named may be where nothing could be loaded."""
    try:
        return expected_checks({name: code.graph for name, code in codes.items()}, instance, selection, partitions)
    except UsageError:
        if lenient:
            return {}
        raise


def _unloadable(one: Unloadable) -> Result:
    message = f"code location {one.name}: {one.why}"
    return Result(Kind.STEP, "", f"load {one.name}", State.UNKNOWN, message, remedy=one.remedy)


def _said(failed: Sequence[Unloadable]) -> tuple[str, str]:
    """The message and the remedy where nothing could be loaded at all."""
    if len(failed) == 1:
        return failed[0].why, failed[0].remedy
    return "; ".join(f"{one.name}: {one.why}" for one in failed), failed[0].remedy


@contextmanager
def _instance() -> Generator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME, else one in memory, with a temporary folder for its files.

    Raises CouldNotLookError where DAGSTER_HOME holds none that answers.
    """
    if environment("DAGSTER_HOME"):
        try:
            opened = dg.DagsterInstance.get()
        except (dg.DagsterError, SQLAlchemyError, OSError, CheckError) as error:
            raise _no_instance(error) from error
        with opened as instance:
            try:
                yield instance
            except SQLAlchemyError as error:
                raise _no_instance(error) from error
        return
    with TemporaryDirectory(prefix="telemetry-check-") as folder, dg.DagsterInstance.ephemeral(folder) as instance:
        yield instance


def _no_instance(error: Exception) -> CouldNotLookError:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return CouldNotLookError(
        f"The Dagster instance of DAGSTER_HOME cannot be used: {said}", "Mend it, or unset DAGSTER_HOME to run without."
    )
