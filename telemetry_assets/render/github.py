"""A verdict for GitHub: annotations on a pull request, and the summary of the step.

What belongs here: GitHub's escaping and its limits. What does not: whether we are on GitHub (``cli/artifacts.py``).
"""

import re
from collections.abc import Iterator, Sequence

from telemetry_assets.answers.ci_files import SUMMARY_MD, shown
from telemetry_assets.answers.results import Result, Verdict
from telemetry_assets.model import ANY_TENANT, State
from telemetry_assets.render.summary import head, sections
from telemetry_assets.spoken import counted

MOST = 10
"""GitHub shows ten errors and ten warnings of a step and drops the rest."""
LARGEST_SUMMARY = 1_000_000
"""Bytes: GitHub shows no summary of a step over 1 MiB at all."""

_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")


def annotations(verdict: Verdict) -> tuple[str, ...]:
    """One workflow command a line: what the exit code comes from, then warnings. What the rest may follow from is
    first, then those that have a place in a file: GitHub shows them in the diff."""
    cause = verdict.cause
    results = sorted(shown(verdict), key=lambda one: (one is not cause, one.place is None))
    failed = [one for one in results if one.state not in (State.PASS, State.WARN)]
    warned = [one for one in results if one.state is State.WARN]
    return (*_said("error", failed), *_said("warning", warned))


def step_summary(verdict: Verdict) -> str:
    """The digest as far as GitHub shows it: whole tenants, and how many tenants more there are."""
    lines, kept = head(verdict), 0
    size = sum(_size(line) for line in lines)
    everything = list(sections(verdict))
    for section in everything:
        size += sum(_size(line) for line in section)
        if size > LARGEST_SUMMARY:
            break
        lines += section
        kept += 1
    if kept < len(everything):
        lines.append(f"And {counted(len(everything) - kept, 'more tenant')}, in {SUMMARY_MD}.")
    return "\n".join(lines) + "\n"


def _said(level: str, results: Sequence[Result]) -> Iterator[str]:
    for one in results[:MOST]:
        whose = "" if one.tenant == ANY_TENANT else f" [{one.tenant}]"
        title = f"{one.asset or one.kind}: {one.check}{whose}"
        place = {"file": one.place.path, "line": str(one.place.line)} if one.place else {}
        words = " ".join(filter(None, (one.message, one.remedy)))
        yield _command(level, {**place, "title": title}, words)
    if len(results) > MOST:
        yield _command("notice", {}, f"and {counted(len(results) - MOST, f'more {level}')}, in the step's summary")


def _command(name: str, properties: dict[str, str], message: str) -> str:
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name}{' ' if given else ''}{given}::{_data(message)}"


def _data(text: str) -> str:
    return _CONTROL.sub("", text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _size(line: str) -> int:
    return len(line.encode("utf-8", "replace")) + 1
