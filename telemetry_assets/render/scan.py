"""A scan for people and for machines: the worst tenants, the sources, what was found, one sentence.

What belongs here: drawing a ScanAnswer. What does not: deciding anything.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from telemetry_assets.answers.scan_answer import Finding, Judged, ScanAnswer, TableAnswer, WorstTenant
from telemetry_assets.model import ANY_TENANT, ExitCode, State
from telemetry_assets.render.instants import instant_json, instant_text, seconds_json
from telemetry_assets.render.table import Cell, draw
from telemetry_assets.render.terminal import BOLD, DIM, RED, STATE_STYLES, Palette, palette, printable, write
from telemetry_assets.render.words import age_text
from telemetry_assets.spoken import counted

TOP = 10
_LIGHTS = {State.PASS: "pass", State.WARN: "warn", State.FAIL: "error", State.UNKNOWN: "runtime error"}


def print_terminal(answer: ScanAnswer, stream: TextIO | None = None, *, top: int = TOP) -> None:
    """The answer for people: at most ``top`` tenants, twice as many sources and findings."""
    write(lines(answer, palette(stream), top), stream)


def print_json(answer: ScanAnswer, stream: TextIO | None = None) -> None:
    """The answer as schemas/api/scan.schema.json describes it."""
    (stream or sys.stdout).write(json.dumps(document(answer), indent=2) + "\n")


def lines(answer: ScanAnswer, colours: Palette, top: int = TOP) -> list[str]:
    """Every line of the answer."""
    blocks = [
        _header(answer, colours),
        _worst(answer, colours, top),
        _sources(answer, colours, 2 * top),
        _findings(answer.findings, colours, 2 * top),
        [colours.paint(sentence(answer), BOLD)],
    ]
    return [line for block in blocks if block for line in (*block, "")][:-1]


def sentence(answer: ScanAnswer) -> str:
    """The answer in one sentence: how many promises are broken, and what dbt source freshness shows meanwhile."""
    broken, promises = len(answer.broken), answer.promises
    hidden = sum(judged.hidden for judged in answer.broken)
    unknown = answer.counts[State.UNKNOWN]
    rest = f"; {unknown} more could not be judged" if unknown else ""
    if not broken:
        kept = answer.counts[State.PASS] + answer.counts[State.WARN]
        if unknown:
            return f"{_be(kept, promises)} kept{rest}."
        due = answer.counts[State.WARN]
        return f"{_all(promises)} kept{f', {due} of them due' if due else ''}."
    said = f"{_be(broken, promises)} broken"
    if all(table.light is State.PASS for table in answer.tables):
        return f"{said} and every light is green{rest}."
    if hidden == broken:
        under = "under a table" if broken == 1 else "all under tables"
        return f"{said}, {under} that dbt source freshness calls pass{rest}."
    if hidden:
        return f"{said}, {hidden} of them under tables that dbt source freshness calls pass{rest}."
    return f"{said}, and dbt source freshness shows a light over {'it' if broken == 1 else 'each'}{rest}."


def document(answer: ScanAnswer) -> dict[str, Any]:
    """The answer as plain data. Promises that are fresh are counted per table, all others are listed."""
    return {
        "project": answer.project,
        "read_from": answer.read_from,
        "database": answer.database,
        "database_origin": answer.database_origin,
        "by": answer.by,
        "looked_at": instant_json(answer.looked_at),
        "tenants": answer.tenants,
        "undated_tables": answer.undated,
        "promises": answer.promises,
        "broken": len(answer.broken),
        "broken_under_pass": sum(judged.hidden for judged in answer.broken),
        "states": {state.value: count for state, count in answer.counts.items()},
        "tables": [_table_json(table) for table in answer.tables],
        "not_fresh": [_judged_json(judged) for judged in answer.judged],
        "findings": [_finding_json(finding) for finding in answer.findings],
        "sentence": sentence(answer),
        "exit_code": int(answer.exit_code),
    }


def _header(answer: ScanAnswer, colours: Palette) -> list[str]:
    counts = (
        counted(len(answer.tables), "table"),
        counted(answer.tenants, "tenant") + f" by {printable(answer.by)}",
        counted(answer.promises, "promise"),
    )
    undated = f" · {counted(answer.undated, 'table')} without a freshness block" if answer.undated else ""
    told = (
        f"{printable(answer.database)} ({answer.database_origin}) · windows from {answer.read_from}"
        f" · {instant_text(answer.looked_at)}{undated}"
    )
    return [f"{colours.paint(printable(answer.project), BOLD)}  {' · '.join(counts)}", colours.paint(told, DIM)]


def _worst(answer: ScanAnswer, colours: Palette, top: int) -> list[str]:
    worst = answer.worst_tenants
    if not worst:
        return []
    headers = ("tenant", "late", "never", "worst table", "age", "window", "dbt says")
    rows = [_worst_row(tenant) for tenant in worst[:top]]
    drawn = draw(headers, rows, colours, right={1, 2})
    more = [colours.paint(f"  … and {counted(len(worst) - top, 'more tenant')}", DIM)] if len(worst) > top else []
    return [colours.paint("Broken promises, the worst tenant first", BOLD), *drawn, *more]


def _worst_row(tenant: WorstTenant) -> list[Cell | str]:
    worst = tenant.worst
    name = "(whole table)" if tenant.tenant == ANY_TENANT else printable(tenant.tenant, 40)
    return [
        Cell(name, BOLD),
        _count(tenant.late, State.FAIL),
        _count(tenant.never, State.MISSING),
        printable(worst.key.replace("/", ".")),
        Cell("never" if worst.state is State.MISSING else age_text(worst.age), STATE_STYLES[worst.state]),
        age_text(worst.window),
        Cell(_LIGHTS[worst.light], STATE_STYLES[worst.light]),
    ]


def _sources(answer: ScanAnswer, colours: Palette, top: int) -> list[str]:
    grouped: dict[str, list[TableAnswer]] = {}
    for table in answer.tables:
        grouped.setdefault(table.source, []).append(table)
    rows = [(source, _sum(tables), tables) for source, tables in grouped.items()]
    rows.sort(key=lambda row: (-(row[1][State.FAIL] + row[1][State.MISSING]), -row[1][State.UNKNOWN], row[0]))
    headers = ("source", "tables", "promises", *(state.word for state in State), "dbt source freshness")
    cells: list[list[Cell | str]] = [
        [
            printable(source),
            str(len(tables)),
            str(sum(counts.values())),
            *(_count(counts[state], state) for state in State),
            _lights(tables),
        ]
        for source, counts, tables in rows[:top]
    ]
    drawn = draw(headers, cells, colours, right=range(1, len(headers) - 1))
    if len(rows) > top:
        left = _sum([table for _, _, tables in rows[top:] for table in tables])
        said = ", ".join(f"{count} {state.word}" for state, count in left.items() if count)
        drawn.append(colours.paint(f"  … and {counted(len(rows) - top, 'more source')}: {said}", DIM))
    return drawn


def _findings(findings: Sequence[Finding], colours: Palette, top: int) -> list[str]:
    if not findings:
        return []
    ordered = sorted(findings, key=lambda finding: finding.exit is ExitCode.OK)
    drawn = [colours.paint("Found", BOLD)]
    for finding in ordered[:top]:
        mark = colours.paint("·", DIM) if finding.exit is ExitCode.OK else colours.paint("✗", RED)
        drawn.append(f"  {mark} {printable(finding.message, 400)} {finding.remedy}".rstrip())
    if len(ordered) > top:
        drawn.append(colours.paint(f"  … and {len(ordered) - top} more; --json has them all", DIM))
    return drawn


def _count(count: int, state: State) -> Cell:
    return Cell(str(count), STATE_STYLES[state] if count else DIM)


def _sum(tables: Sequence[TableAnswer]) -> dict[State, int]:
    return {state: sum(table.counts.get(state, 0) for table in tables) for state in State}


def _lights(tables: Sequence[TableAnswer]) -> Cell:
    counts = {state: sum(table.light is state for table in tables) for state in _LIGHTS}
    worst = next((state for state in (State.FAIL, State.UNKNOWN, State.WARN) if counts[state]), State.PASS)
    return Cell(", ".join(f"{count} {_LIGHTS[state]}" for state, count in counts.items() if count), STATE_STYLES[worst])


def _be(count: int, of: int) -> str:
    return f"{count} of {counted(of, 'promise')} {'is' if count == 1 else 'are'}"


def _all(promises: int) -> str:
    return "The one promise is" if promises == 1 else f"All {counted(promises, 'promise')} are"


def _table_json(table: TableAnswer) -> dict[str, Any]:
    return {
        "asset": table.key,
        "source": table.source,
        "relation": table.relation,
        "tenanted": table.tenanted,
        "warn_after_seconds": seconds_json(table.warn_after),
        "error_after_seconds": seconds_json(table.error_after),
        "dbt": _LIGHTS[table.light],
        "states": {state.value: count for state, count in table.counts.items() if count},
    }


def _judged_json(judged: Judged) -> dict[str, Any]:
    return {
        "asset": judged.key,
        "tenant": judged.tenant,
        "state": judged.state.value,
        "dbt": _LIGHTS[judged.light],
        "data_time": instant_json(judged.data_time),
        "age_seconds": seconds_json(judged.age),
        "window_seconds": seconds_json(judged.window),
        "reason": judged.reason or None,
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "assets": list(finding.keys),
        "message": finding.message,
        "remedy": finding.remedy or None,
        "exit_code": int(finding.exit),
    }
