"""``backend-telemetry-summary.json`` and ``.md``: tenant by tenant what was found, for alert rules and for people.

What belongs here: both drawings of the same results. What does not: which results may stand in them
(``answers/ci_files.py``).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from telemetry_assets.answers.ci_files import (
    by_tenant,
    counts_of,
    frame,
    left_out,
    provenance_json,
    shown,
    tenant_id,
    verdict_word,
)
from telemetry_assets.answers.limits import seconds
from telemetry_assets.answers.results import Result, Verdict
from telemetry_assets.model import ANY_TENANT, State, worst_exit
from telemetry_assets.render.incident_export import plain
from telemetry_assets.render.words import MARKS, age_text
from telemetry_assets.spoken import counted

LONGEST = 300
"""So many characters of a message are shown to people; the JSON has all of it."""


def summary_json(verdict: Verdict) -> dict[str, Any]:
    """The document of schemas/api/telemetry_summary.schema.json."""
    return {
        **frame(verdict),
        "counts": counts_of(verdict.results),
        "left_out": left_out(verdict),
        "tenants": [_of_tenant(verdict, tenant, results) for tenant, results in by_tenant(verdict).items()],
    }


def _of_tenant(verdict: Verdict, tenant: str, results: Sequence[Result]) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "tenant_id": tenant_id(verdict, tenant),
        "exit_code": int(worst_exit([one.exit_code for one in results])),
        "counts": counts_of(results),
        "records": [_record(verdict, one) for one in results],
    }


def _record(verdict: Verdict, one: Result) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id(verdict, one.tenant),
        "task_id": one.task_id or None,
        "correlation_id": verdict.correlation_id,
        "tenant": one.tenant,
        "kind": str(one.kind),
        "asset": one.asset,
        "check": one.check,
        "state": str(one.state),
        "late": one.late,
        "message": one.message,
        "remedy": one.remedy,
        "data_age_seconds": seconds(one.data_age),
        "duration_ms": None if one.took is None else round(one.took.total_seconds() * 1000),
        "place": None if one.place is None else {"path": one.place.path, "line": one.place.line},
    }


def summary_md(verdict: Verdict) -> str:
    """The digest: the verdict, then per tenant what is not fine and what passed. All foreign text is escaped."""
    return "\n".join([*_head(verdict), *(line for section in sections(verdict) for line in section)])


def sections(verdict: Verdict) -> Iterator[list[str]]:
    """The part of each tenant, as lines."""
    for tenant, results in by_tenant(verdict).items():
        yield list(_section(tenant, results))


def head(verdict: Verdict) -> list[str]:
    """The part above the tenants."""
    return list(_head(verdict))


def _head(verdict: Verdict) -> Iterator[str]:
    yield f"# Telemetry check: {verdict_word(verdict)}, exit {int(verdict.exit_code)}"
    yield ""
    yield "| | |"
    yield "|---|---|"
    facts = {
        "scope": plain(verdict.scope),
        "results": counts_text(verdict.results),
        "began": _second(verdict.began),
        "ended": _second(verdict.ended),
        "correlation id": plain(verdict.correlation_id),
        **{key.replace("_", " "): plain(value or "unknown") for key, value in provenance_json(verdict).items()},
    }
    yield from (f"| {label} | {value} |" for label, value in facts.items())
    yield ""
    if (cause := verdict.cause) and cause in shown(verdict):
        words = f"{plain(_cut(cause.message))}{f' → {plain(cause.remedy)}' if cause.remedy else ''}"
        yield from (f"**First: {plain(cause.asset or str(cause.kind))} {plain(cause.check)}**: {words}", "")
    if away := left_out(verdict):
        yield from (f"{counted(away, 'result')} of tenants outside the allow-list are counted and not shown.", "")


def _section(tenant: str, results: Sequence[Result]) -> Iterator[str]:
    title = "Without a tenant" if tenant == ANY_TENANT else plain(tenant)
    yield from (f"## {title}", "", f"{counts_text(results)}." if results else "Nothing was looked at.", "")
    told = [one for one in results if one.state is not State.PASS]
    if told:
        yield from ("| | state | asset | check | age | what was found |", "|---|---|---|---|---|---|")
        yield from map(_row, told)
        yield ""
    passed = [one for one in results if one.state is State.PASS]
    for asset in dict.fromkeys(one.asset or str(one.kind) for one in passed):
        checks = dict.fromkeys(one.check for one in passed if (one.asset or str(one.kind)) == asset)
        yield f"- {plain(asset)}: {', '.join(plain(check) for check in checks)}"
    if passed:
        yield ""


def _row(one: Result) -> str:
    words = plain(_cut(one.message)) + (f" → {plain(one.remedy)}" if one.remedy else "")
    state = "late" if one.late else str(one.state)
    cells = (state, plain(one.asset or str(one.kind)), plain(one.check), age_text(one.data_age), words)
    return f"| {MARKS[one.state]} | {' | '.join(cells)} |"


def _cut(message: str) -> str:
    return message if len(message) <= LONGEST else f"{message[: LONGEST - 1]}…"


def counts_text(results: Sequence[Result]) -> str:
    """``12 PASS, 1 FAIL``; ``none``."""
    return ", ".join(f"{number:,} {state}" for state, number in counts_of(results).items() if number) or "none"


def _second(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
