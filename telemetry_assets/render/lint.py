"""``telemetry config lint`` for people, as a compiler would say it, and for machines.

What belongs here: findings → lines. What does not: finding anything.
"""

import json

from telemetry_assets.answers.lint import LintAnswer
from telemetry_assets.freshness.finding import Finding, Severity
from telemetry_assets.render.terminal import BOLD, DIM, SGR, Palette, palette, write
from telemetry_assets.spoken import counted, named

_STYLES = {Severity.ERROR: f"{BOLD};{SGR['red']}", Severity.WARNING: SGR["yellow"], Severity.NOTE: SGR["cyan"]}


def print_terminal(answer: LintAnswer) -> None:
    """``FILE:LINE: severity: words`` per finding, its way out under it, and what was looked at."""
    write(lines(answer, palette()))


def print_json(answer: LintAnswer) -> None:
    """The findings as one JSON document."""
    print(json.dumps(answer.as_json(), indent=2, ensure_ascii=False))


def lines(answer: LintAnswer, colours: Palette) -> list[str]:
    """Every line of the answer."""
    drawn = [line for place, finding in answer.findings for line in _finding(answer, place, finding, colours)]
    said = [counted(answer.count(severity), severity) for severity in Severity if answer.count(severity)]
    told = f"{', '.join(said) or 'Nothing to say'}."
    return [
        *drawn,
        f"{colours.paint(told, BOLD)} {colours.paint(f'Looked at {named(answer.read, len(answer.read))}.', DIM)}",
    ]


def _finding(answer: LintAnswer, line: int, finding: Finding, colours: Palette) -> list[str]:
    severity = colours.paint(f"{finding.severity}:", _STYLES[finding.severity])
    where = f"{answer.read[0]}:{line}:" if finding.place else f"{answer.read[0]}:"
    drawn = [f"{colours.paint(where, DIM)} {severity} {finding.words}"]
    return [*drawn, f"  → {finding.remedy}"] if finding.remedy else drawn
