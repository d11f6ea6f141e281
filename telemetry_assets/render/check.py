"""A verdict for a person, the worst first, and as JSON; and how far a check is, on stderr.

What belongs here: the table, the verdict's line, the document. What does not: the files that are left behind
(``artifacts.py``).
"""

import json
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any

from telemetry_assets.answers.ci_files import counts_of, frame
from telemetry_assets.answers.limits import seconds
from telemetry_assets.answers.results import Kind, Result, Verdict, ordered
from telemetry_assets.model import ANY_TENANT, ExitCode, State
from telemetry_assets.render.table import Cell, draw
from telemetry_assets.render.terminal import RED, STATE_STYLES, Palette, palette, printable, write
from telemetry_assets.render.words import MARKS, age_text
from telemetry_assets.spoken import counted, named, spoken

EXITS = {
    ExitCode.OK: "nothing is wrong",
    ExitCode.FAILING: "something fails",
    ExitCode.LATE: "something is late",
    ExitCode.MISSING: "something was never seen",
    ExitCode.COULD_NOT_LOOK: "not everything could be looked at",
}
"""What an exit code says, in words."""
_WORST_FIRST = (State.UNKNOWN, State.FAIL, State.MISSING, State.WARN, State.PASS)
_PLAIN_WIDTH = 160
"""So wide is a line where nobody says how wide the terminal is."""
_HEADERS = ("", "CHECK", "TENANT")
_LEAST_SAID = 40
_LONGEST_SAID = 1_000
_REMEDIES = 8
_PASSED = 20
"""Where something is wrong, no more lines of what passed than these stand between it and the verdict."""


@contextmanager
def shown(*, quiet: bool = False) -> Generator[Callable[[str], None]]:
    """Where a check says what it does: one line that changes on a terminal, else a line every other second at most."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("") as status:
            yield lambda text: status.update(printable(text, 100).replace("[", "\\["))
    else:
        yield _Lines().say


class _Lines:
    """A line per step, no more often than a person reads, with the seconds since the start."""

    def __init__(self) -> None:
        self._began, self._last = time.monotonic(), -9.0

    def say(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last >= 2:
            self._last = now
            print(f"[{now - self._began:5.1f} s] {printable(text, 100)}", file=sys.stderr, flush=True)


def print_verdict(verdict: Verdict, *, no_color: bool = False) -> None:
    """The table, what to do, and the verdict with its exit code in words, on standard output."""
    colours = palette(no_color=no_color)
    width = get_terminal_size((_PLAIN_WIDTH, 24)).columns if sys.stdout.isatty() else _PLAIN_WIDTH
    write(verdict_lines(verdict, colours, width))


def verdict_lines(verdict: Verdict, colours: Palette, width: int) -> Iterator[str]:
    """The lines of :func:`print_verdict`: what passed is one line a check; of what else there is all that it says."""
    rows = list(_rows(verdict))
    passed = [row for row in rows if row[0].text.startswith(MARKS[State.PASS])]
    folded = bool(verdict.exit_code) and len(passed) > _PASSED
    if folded:
        rows = rows[: -len(passed)]
    if rows:
        taken = sum(
            max(len(header), *(len(row[column].text) for row in rows)) for column, header in enumerate(_HEADERS)
        )
        room = max(width - taken - 8, _LEAST_SAID)
        yield from draw((*_HEADERS, "SAID"), [line for row in rows for line in _lines_of(row, room)], colours)
        if folded:
            mark = colours.state(State.PASS, MARKS[State.PASS])
            yield f"{mark} {counted(len(passed), 'more line')} of what passed: --json has all"
        yield ""
    remedies = list(dict.fromkeys(one.remedy for one in verdict.bad if one.remedy))
    for remedy in remedies[:_REMEDIES]:
        yield f"  → {printable(remedy, width - 4)}"
    yield _verdict_line(verdict, colours)


def _rows(verdict: Verdict) -> Iterator[list[Cell]]:
    """State, subject, tenant and words of each line."""
    sorted_results = _worst_first(verdict)
    for one in sorted_results:
        if one.state is not State.PASS:
            yield _row(one, [one.tenant], one.message)
    passed = [one for one in sorted_results if one.state is State.PASS]
    for _, group in groupby(passed, lambda one: (one.kind, one.asset, one.check)):
        alike = list(group)
        yield _row(alike[0], [one.tenant for one in alike], alike[0].message if len(alike) == 1 else "")


def _lines_of(row: list[Cell], room: int) -> Iterator[list[Cell]]:
    """A row as lines of a table: what is said of something bad is what people came for, so it goes on below."""
    said = row[3].text
    if row[0].text.startswith(MARKS[State.PASS]):
        yield [*row[:3], Cell(printable(said, room))]
        return
    first, *more = wrap(printable(said, _LONGEST_SAID), room, break_on_hyphens=False) or [""]
    yield [*row[:3], Cell(first)]
    yield from ([Cell(""), Cell(""), Cell(""), Cell(line)] for line in more)


def _row(one: Result, tenants: Sequence[str], message: str) -> list[Cell]:
    style = STATE_STYLES[one.state]
    age = f"{age_text(one.data_age)} old; " if one.data_age is not None and len(tenants) == 1 else ""
    whose = "" if tuple(tenants) == (ANY_TENANT,) else printable(named(tenants, 2 if len(tenants) == 2 else 1), 40)
    return [
        Cell(f"{MARKS[one.state]} {_word(one)}", style),
        Cell(printable(_subject(one), 70)),
        Cell(whose),
        Cell(f"{age}{message}"),
    ]


def _word(one: Result) -> str:
    return "late" if one.late else one.state.value


def _subject(one: Result) -> str:
    kind = "" if one.kind is Kind.CHECK else f"{one.kind}: "
    return f"{kind}{one.asset} {one.check}" if one.asset else f"{kind}{one.check}"


def _verdict_line(verdict: Verdict, colours: Palette) -> str:
    late = sum(one.late for one in verdict.results)
    counts = {**{state.value: number for state, number in verdict.counts.items()}, "late": late}
    counts[State.FAIL.value] -= late
    order = (State.UNKNOWN.value, State.FAIL.value, State.MISSING.value, "late", State.WARN.value, State.PASS.value)
    told = ", ".join(f"{counts[word]:,} {word}" for word in order if counts[word])
    code = verdict.exit_code
    word = colours.paint("FAILED", RED) if code else colours.state(State.PASS, "PASSED")
    took = spoken(verdict.ended - verdict.began)
    results = counted(len(verdict.results), "result")
    return f"{word}  {results}: {told or 'none'}; {took}; exit {int(code)}, {EXITS.get(code, 'an error')}"


def print_json(verdict: Verdict) -> None:
    """The whole verdict as one JSON document."""
    write([json.dumps(verdict_json(verdict), indent=2, ensure_ascii=False)])


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The whole verdict: every result, the worst first. Durations are seconds."""
    return {
        **frame(verdict),
        "exit_words": EXITS.get(verdict.exit_code, ""),
        "counts": counts_of(verdict.results),
        "tenants": dict(verdict.tenants),
        "results": [_result_json(one) for one in _worst_first(verdict)],
        "coverage": asdict(verdict.coverage) if verdict.coverage else None,
        "steps": {name: seconds(took) for name, took in verdict.steps.items()},
        "diagnostics": dict(verdict.diagnostics),
    }


def _worst_first(verdict: Verdict) -> list[Result]:
    """What the rest may follow from, then the worst first."""
    cause = verdict.cause
    return sorted(ordered(verdict.results), key=lambda one: (one is not cause, _WORST_FIRST.index(one.state)))


def _result_json(one: Result) -> dict[str, Any]:
    return {
        "kind": str(one.kind),
        "asset": one.asset,
        "check": one.check,
        "tenant": one.tenant,
        "state": str(one.state),
        "late": one.late,
        "message": one.message,
        "remedy": one.remedy,
        "data_age_seconds": seconds(one.data_age),
        "duration_seconds": seconds(one.took),
        "task_id": one.task_id or None,
        "place": {"path": one.place.path, "line": one.place.line} if one.place else None,
    }
