"""``telemetry status``: a table of promises × tenants beside what a run-age light says, and the causes under it.

What belongs here: choosing the form that fits (a matrix, counts for many, a list when narrowed) and drawing it. What
does not: deciding anything, the sentences under it (``status_lines.py``). rich is imported when a table is drawn.
"""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from telemetry_assets.answers.status import StatusAnswer
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import State, Window
from telemetry_assets.render.instants import limits_text, slack_text
from telemetry_assets.render.status_lines import sentences
from telemetry_assets.render.words import COLOURS, MARKS, age_text, limit_text
from telemetry_assets.spoken import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDEST_MATRIX = 8
"""From how many tenants on a column each would no longer be taken in at a glance."""
WALL = 60
"""From how many lines on a table is a wall, and is summed up."""

PIPED_WIDTH = 120
ROOMY = 110
"""From this width on a matrix has both ages in a cell, and in a list the binding root has a column of its own."""

LEGEND = "● fresh ◐ due ✗ late ○ never ? unknown · last run = what Dagster's own light sees"

HINT = "ASSET (or 'marts/*'), or --tenant TENANT"


def print_terminal(answer: StatusAnswer) -> None:
    """The table in the form that fits, the contrast line, the causes."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPED_WIDTH
    draw(answer, Console(highlight=False, markup=False, width=width))


def print_json(answer: StatusAnswer) -> None:
    """The rows with both ages, as one JSON document."""
    print(json.dumps(answer.as_json(), indent=2, ensure_ascii=False, allow_nan=False))


def draw(answer: StatusAnswer, console: "Console") -> None:
    """Everything ``telemetry status`` prints, on a console of any width."""
    if not answer.rows and not answer.owed:
        kept = "No promise is broken."
        console.print(
            kept if answer.promises else "Nothing is promised yet: promises: in telemetry.yaml, then telemetry prepare."
        )
        return
    roomy = console.width >= ROOMY
    if answer.narrowed and not _is_wall(answer):
        console.print(_list(answer, roomy=roomy))
    elif _is_matrix(answer):
        console.print(_matrix(answer, roomy=roomy))
        console.print(LEGEND, style="dim")
    else:
        console.print(_counts(answer))
        console.print(LEGEND, style="dim")
        console.print(f"  each of them: telemetry status {'--late ' if answer.narrowed else ''}{HINT}", style="dim")
    for sentence in sentences(answer):
        console.print(sentence, soft_wrap=True)


def one_line(answer: StatusAnswer) -> str:
    """The state of everything in a line, for a log: how many promises are kept, and what broke the others."""
    causes = [f"{cause.tenant} by {cause.root}" for cause in answer.causes]
    broken = f"; broken for {', '.join(causes[:3])}" if causes else ""
    more = f" and {len(causes) - 3} more" if len(causes) > 3 else ""
    unknown = f"; {len(answer.unknown)} cannot be judged" if answer.unknown else ""
    kept = answer.promises - len(answer.broken) - len(answer.unknown)
    return f"{kept:,} of {answer.promises:,} promises are kept{broken}{more}{unknown}"


def _is_wall(answer: StatusAnswer) -> bool:
    """More rows than anybody reads, unless it is one asset or one tenant: then just that was asked for."""
    return len(answer.rows) > WALL and len(answer.assets) > 1 and len(answer.tenants) > 1


def _is_matrix(answer: StatusAnswer) -> bool:
    few = len(answer.tenants) <= WIDEST_MATRIX and len(answer.assets) <= WALL
    return few and not answer.narrowed and not answer.fresh_left_out


def _matrix(answer: StatusAnswer, *, roomy: bool) -> "Table":
    """A row per asset under its folder and window, a column per tenant; a cell is the state by data age, that age and,
    where there is room, the run age."""
    table = _table(padded=roomy)
    table.add_column(
        "data age · run age" if roomy else "data age",
        no_wrap=True,
        min_width=max(len(_name(asset)) for asset in answer.assets) + 2,
    )
    for tenant in answer.tenants:
        table.add_column(tenant.replace("-", "-\n", 1), overflow="fold")
    table.add_column("last\nrun", no_wrap=True)
    cells = {(row.asset, row.tenant): row for row in answer.rows}
    by_asset = _by_asset(answer)
    for (folder, promised), assets in groupby(answer.assets, key=lambda asset: _heading(asset, by_asset[asset])):
        table.add_row(_bold(folder, promised), *("" for _ in answer.tenants), "")
        for asset in assets:
            row = [_cell(cells.get((asset, tenant)), roomy=roomy) for tenant in answer.tenants]
            table.add_row(f"  {_name(asset)}", *row, _light(answer, asset, by_asset[asset]))
    return table


def _counts(answer: StatusAnswer) -> "Table":
    """A row per asset: how many tenants are in each state, and the worst of them by name. Of very many assets those
    that are wholly fresh share a row per folder."""
    by_asset = _by_asset(answer)
    quiet = _quiet(answer, by_asset)
    table = _table()
    table.add_column("asset", no_wrap=True)
    table.add_column("promised")
    fresh = bool(answer.fresh_left_out)
    states = [
        state for state in State if (fresh and state is State.PASS) or any(row.state is state for row in answer.rows)
    ]
    for state in states:
        table.add_column(state.word, justify="right")
    table.add_column("worst tenant")
    table.add_column("last run", no_wrap=True)
    for asset in answer.assets:
        if asset in quiet:
            continue
        rows = by_asset[asset]
        numbers = [_number(_count(answer, asset, rows, state), state) for state in states]
        promised = limits_text(row.limit for row in rows if row.limit is not None)
        table.add_row(asset, promised, *numbers, _worst(rows), _light(answer, asset, rows))
    for folder, assets in groupby(sorted(quiet), key=_folder):
        kept = list(assets)
        number = sum(_count(answer, asset, by_asset[asset], State.PASS) for asset in kept)
        numbers = [_number(number if state is State.PASS else 0, state) for state in states]
        table.add_row(f"{folder}: {counted(len(kept), 'asset')}", "", *numbers, "", "")
    return table


def _quiet(answer: StatusAnswer, by_asset: dict[str, list[Judgement]]) -> set[str]:
    if len(answer.assets) <= WALL:
        return set()
    return {asset for asset, rows in by_asset.items() if all(row.state is State.PASS for row in rows)}


def _count(answer: StatusAnswer, asset: str, rows: Sequence[Judgement], state: State) -> int:
    """How many of an asset's promises are in a state; those without a row are fresh."""
    left_out = max(answer.owed.get(asset, 0) - len(rows), 0) if state is State.PASS else 0
    return sum(row.state is state for row in rows) + left_out


def _list(answer: StatusAnswer, *, roomy: bool) -> "Table":
    """A row per promise, with everything that is known of it; in a narrow terminal the root stands under the asset."""
    table = _table()
    table.add_column("state", no_wrap=True)
    table.add_column("asset")
    table.add_column("tenant", no_wrap=True)
    table.add_column("data age", no_wrap=True)
    table.add_column("promised")
    if roomy:
        table.add_column("left", no_wrap=True)
    table.add_column("run age", no_wrap=True)
    if roomy:
        table.add_column("by")
    odd = {(row.asset, row.tenant) for row in answer.odd}
    for row in answer.rows:
        why = _why(row, odd=(row.asset, row.tenant) in odd)
        under = f"by {why}" if why == row.binding_root else why
        asset = f"{row.asset}\n  {under}" if why and not roomy else row.asset
        state = _styled(f"{MARKS[row.state]} {row.state.word}", row.state)
        cells = [state, asset, row.tenant, age_text(row.data_age), _promised(row)]
        cells += [slack_text(row.slack if isinstance(row.limit, Window) else None)] if roomy else []
        table.add_row(*cells, age_text(row.run_age), *([why] if roomy else []))
    return table


def _promised(row: Judgement) -> str:
    return age_text(row.run_window) if row.limit is None else limit_text(row.limit)


def _why(row: Judgement, *, odd: bool) -> str:
    """The root that decided, unless it is the asset itself; where none did, or its age did not, why."""
    if odd or row.binding_root is None or row.state is State.UNKNOWN:
        return row.reason
    return row.binding_root if row.binding_root != row.asset else ""


def _table(*, padded: bool = True) -> "Table":
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, int(padded), 0, 0), header_style="bold")


def _by_asset(answer: StatusAnswer) -> dict[str, list[Judgement]]:
    rows: dict[str, list[Judgement]] = {asset: [] for asset in answer.assets}
    for row in answer.rows:
        rows[row.asset].append(row)
    return rows


def _heading(asset: str, rows: Sequence[Judgement]) -> tuple[str, str]:
    limits = [row.limit for row in rows if row.limit is not None]
    if limits:
        text = limits_text(limits)
        return _folder(asset), text if text.startswith("by ") else f"within {text}"
    windows = [Window(row.run_window) for row in rows if row.run_window is not None]
    return _folder(asset), f"within {limits_text(windows)}" if windows else "no window"


def _folder(asset: str) -> str:
    return asset.rpartition("/")[0] or "(top)"


def _name(asset: str) -> str:
    return asset.rpartition("/")[2]


def _bold(folder: str, promised: str) -> "Text":
    from rich.text import Text

    return Text.assemble((folder, "bold"), (f"  {promised}", "dim"))


def _cell(row: Judgement | None, *, roomy: bool) -> "Text | str":
    if row is None:
        return ""
    cell = _styled(
        f"{MARKS[row.state]} {age_text(row.data_age) if row.data_age is not None else row.state.word}", row.state
    )
    if roomy and row.run_age is not None:
        cell.append(f" · {age_text(row.run_age)}", style="dim")
    return cell


def _light(answer: StatusAnswer, asset: str, rows: Sequence[Judgement]) -> "Text | str":
    """The light of the newest run. What nobody's run is known of, a table that others fill, has none."""
    light = answer.lights.get(asset)
    if light is None:
        return ""
    seen = answer.owed.get(asset, 0) > len(rows) or any(row.state is not State.MISSING for row in rows)
    if light.run_age is None and seen:
        return "–"
    words = age_text(light.run_age) if light.run_age is not None else "never"
    return _styled(f"{MARKS[light.state]} {words}", light.state)


def _number(count: int, state: State) -> "Text | str":
    return _styled(f"{count:,}", state) if count else ""


def _worst(rows: Sequence[Judgement]) -> str:
    broken = [row for row in rows if row.state.broken]
    if not broken:
        return ""
    worst = max(broken, key=lambda row: (row.state is State.MISSING, row.data_age or timedelta(0)))
    return f"{worst.tenant} {age_text(worst.data_age) if worst.data_age is not None else worst.state.word}"


def _styled(text: str, state: State) -> "Text":
    from rich.text import Text

    return Text(text, style=COLOURS[state])
