"""A refresh while it runs, on stderr: a progress bar per phase on a terminal, a line per step elsewhere.

What belongs here: drawing steps and results. What does not: deciding what failed.
"""

import json
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from telemetry_assets.answers.refresh import Phase, PhaseResult, Step

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WORDS = {
    Phase.SYNC: "sync sources",
    Phase.BUILD: "build dbt",
    Phase.SNAPSHOTS: "publish snapshots",
    Phase.CHECKS: "judge promises",
}

FEW = 10
"""Up to so many steps each gets its line."""


class Display(Protocol):
    """Where a refresh shows how far it is."""

    def note(self, text: str) -> None:
        """Something before the phases: what is being prepared."""
        ...

    def phase(self, phase: Phase) -> None:
        """A phase begins."""
        ...

    def step(self, phase: Phase, step: Step) -> None:
        """A unit of it is done."""
        ...


@contextmanager
def shown(*, quiet: bool = False) -> Generator[Display]:
    """The display that suits: none when quiet, bars on a terminal, plain lines in a pipe or a log."""
    if quiet:
        yield Silent()
        return
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<18}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[newest]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        display = Bars(progress)
        yield display
        display.finish()


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None:
        del text

    def phase(self, phase: Phase) -> None:
        del phase

    def step(self, phase: Phase, step: Step) -> None:
        del phase, step


class Lines:
    """A line per phase and, no more often than a person reads, per step, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def note(self, text: str) -> None:
        self._line(text)

    def phase(self, phase: Phase) -> None:
        self._line(_WORDS[phase])

    def step(self, phase: Phase, step: Step) -> None:
        del phase
        if step.failed or step.done == step.total or step.total <= FEW or time.monotonic() - self._last > 2:
            self._line(f"  {step.done}/{step.total} {'FAILED ' if step.failed else ''}{step.text}")

    def _line(self, text: str) -> None:
        self._last = time.monotonic()
        print(f"[{self._last - self._began:5.1f} s] {text}", file=sys.stderr, flush=True)


class Bars:
    """A bar per phase; the newest step stands beside it, a failure stays above it."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def note(self, text: str) -> None:
        self._begin(text, None)

    def phase(self, phase: Phase) -> None:
        self._begin(_WORDS[phase], None)

    def step(self, phase: Phase, step: Step) -> None:
        del phase
        if self._task is None:
            return
        if step.failed:
            self._progress.console.print(f"  failed: {step.text}", style="red", highlight=False, markup=False)
        self._progress.update(self._task, completed=step.done, total=step.total, newest=step.text[:60])

    def finish(self) -> None:
        """Close the newest bar."""
        if self._task is not None:
            total = self._progress.tasks[self._task].total or 1
            self._progress.update(self._task, completed=total, total=total, newest="")

    def _begin(self, text: str, total: int | None) -> None:
        self.finish()
        self._task = self._progress.add_task(text, total=total, newest="")


def print_results(results: Sequence[PhaseResult], *, promises_follow: bool = False) -> None:
    """One line per phase; under it what failed, in its own words.

    ``promises_follow``: the broken promises are shown after this, so here they are only counted.
    """
    for result in results:
        mark = "ok" if result.succeeded and not result.failures else "FAILED" if not result.succeeded else "checks"
        counted = promises_follow and result.phase is Phase.CHECKS and result.succeeded and result.failures
        more = f"   {len(result.failures)} checks did not pass" if counted else ""
        print(f"{mark:<6}  {_WORDS[result.phase]:<18} {result.seconds:6.1f} s   run {result.run_id[:8]}{more}")
        for failure in () if counted else _grouped(result.failures):
            print(f"        - {failure}")


def _grouped(failures: Sequence[str]) -> Iterator[str]:
    """Each text once, under the first thing it was said of: all streams of a source fail by the same sync."""
    by_text: dict[str, list[str]] = {}
    for failure in failures:
        subject, _, text = failure.partition(": ")
        by_text.setdefault(text or subject, []).append(subject)
    for text, subjects in by_text.items():
        more = f" (and {len(subjects) - 1} more)" if len(subjects) > 1 else ""
        yield f"{subjects[0]}{more}: {text}"


def print_json(results: Sequence[PhaseResult]) -> None:
    """The results as one JSON document."""
    print(json.dumps({"phases": [asdict(result) for result in results]}, indent=2))
