"""``ci-metrics.csv``: a row per result, for time series.

What belongs here: columns, and values that no spreadsheet takes for a formula. What does not: anything else.
"""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta

from telemetry_assets.answers.ci_files import shown
from telemetry_assets.answers.results import Verdict
from telemetry_assets.render.terminal import printable

COLUMNS = (
    "time",
    "commit",
    "asset",
    "tenant",
    "check",
    "state",
    "data_age_seconds",
    "duration_ms",
    "kind",
    "repository",
    "branch",
    "run_id",
)
LONGEST = 500
_FORMULA = ("=", "+", "-", "@")


def metrics_csv(verdict: Verdict) -> bytes:
    """The rows in the order of every file, ``time`` being the end of the check in UTC; unknown values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(verdict))
    return text.getvalue().encode("utf-8", "replace")


def _rows(verdict: Verdict) -> Iterator[list[str]]:
    at, of = verdict.ended.isoformat(), verdict.provenance
    for one in shown(verdict):
        names = [_text(name) for name in (of.commit or "", one.asset, one.tenant, one.check)]
        numbers = [_number(one.data_age, 1, 1), _number(one.took, 1000, 0)]
        whose = [_text(name or "") for name in (of.repository, of.branch, of.run_id)]
        yield [at, *names, str(one.state), *numbers, str(one.kind), *whose]


def _number(span: timedelta | None, per_second: int, digits: int) -> str:
    return "" if span is None else f"{span.total_seconds() * per_second:.{digits}f}"


def _text(value: str) -> str:
    """A name on one line; what a spreadsheet would compute begins with an apostrophe. No name of ours begins so."""
    line = printable(value, LONGEST)
    return f"'{line}" if line.startswith(_FORMULA) else line
