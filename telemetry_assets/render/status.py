"""``telemetry status``: a table of promises × tenants beside what a run-age light says, and the causes under it.

What belongs here: choosing the form that fits (a matrix, counts for many tenants, a list when narrowed) and drawing
it. What does not: deciding anything. rich is imported when a table is drawn.
"""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from telemetry_assets.answers.status import Cause, StatusAnswer
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import State
from telemetry_assets.render.words import COLOURS, MARKS, age_text, counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDEST_MATRIX = 8
"""From how many tenants on a column each would no longer be taken in at a glance."""

PIPED_WIDTH = 120
ROOMY = 110
"""From this width on a matrix has both ages in a cell, and in a list the binding root has a column of its own."""

LEGEND = "● fresh ◐ due ✗ late ○ never ? unknown · last run = what Dagster's own light sees"
SHOWN_CAUSES = 8
"""How many causes are named under the table."""


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
    if not answer.rows:
        kept = "No promise is broken."
        console.print(
            kept if answer.promises else "Nothing is promised yet: promises: in telemetry.yaml, then telemetry prepare."
        )
        return
    roomy = console.width >= ROOMY
    if answer.narrowed:
        console.print(_list(answer, roomy=roomy))
    else:
        console.print(_matrix(answer, roomy=roomy) if len(answer.tenants) <= WIDEST_MATRIX else _counts(answer))
        console.print(LEGEND, style="dim")
    console.print(_contrast(answer), soft_wrap=True)
    for cause in answer.causes[:SHOWN_CAUSES]:
        console.print(_cause(cause), soft_wrap=True)
    if len(answer.causes) > SHOWN_CAUSES:
        console.print(f"  and {counted(len(answer.causes) - SHOWN_CAUSES, 'cause')} more: telemetry status --late")


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
    for (folder, window), assets in groupby(answer.assets, key=lambda asset: _heading(answer, asset)):
        table.add_row(_bold(folder, window), *("" for _ in answer.tenants), "")
        for asset in assets:
            row = [_cell(cells.get((asset, tenant)), roomy=roomy) for tenant in answer.tenants]
            table.add_row(f"  {_name(asset)}", *row, _light(answer, asset))
    return table


def _counts(answer: StatusAnswer) -> "Table":
    """A row per asset: how many tenants are in each state, and the worst of them by name."""
    table = _table()
    table.add_column("asset", no_wrap=True)
    table.add_column("window")
    states = [state for state in State if any(row.state is state for row in answer.rows)]
    for state in states:
        table.add_column(state.word, justify="right")
    table.add_column("worst tenant")
    table.add_column("last run", no_wrap=True)
    for asset in answer.assets:
        rows = [row for row in answer.rows if row.asset == asset]
        numbers = [_number(sum(row.state is state for row in rows), state) for state in states]
        table.add_row(asset, _window_text(rows), *numbers, _worst(rows), _light(answer, asset))
    return table


def _list(answer: StatusAnswer, *, roomy: bool) -> "Table":
    """A row per promise, with everything that is known of it; in a narrow terminal the root stands under the asset."""
    table = _table()
    table.add_column("state", no_wrap=True)
    table.add_column("asset")
    for title in ("tenant", "data age", "window", "run age"):
        table.add_column(title, no_wrap=True)
    if roomy:
        table.add_column("binding root")
    for row in answer.rows:
        bound = _bound_by(row)
        under = f"\n  {bound}" if bound and not roomy else ""
        ages = [age_text(age) for age in (row.data_age, row.window or row.run_window, row.run_age)]
        state = _styled(f"{MARKS[row.state]} {row.state.word}", row.state)
        table.add_row(state, f"{row.asset}{under}", row.tenant, *ages, *([bound] if roomy else []))
    return table


def _bound_by(row: Judgement) -> str:
    """The root that decided, unless it is the asset itself; where none did, why not."""
    if row.binding_root is None or row.state is State.UNKNOWN:
        return row.reason
    return f"by {row.binding_root}" if row.binding_root != row.asset else ""


def _table(*, padded: bool = True) -> "Table":
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, int(padded), 0, 0), header_style="bold")


def _contrast(answer: StatusAnswer) -> "Text":
    """The line the product is about."""
    from rich.text import Text

    return Text(_contrast_words(answer), style="bold" if answer.broken else "default")


def _contrast_words(answer: StatusAnswer) -> str:
    if not answer.broken:
        unknown = sum(row.state is State.UNKNOWN for row in answer.rows)
        return f"{_of(answer)} kept." if not unknown else f"No promise is broken; {unknown:,} cannot be judged."
    hidden = len(answer.broken_under_green)
    if not hidden:
        return f"{counted(len(answer.broken), 'promise')} of {answer.promises:,} broken."
    verb = "is" if hidden == 1 else "are"
    return (
        f"{counted(hidden, 'promise')} of {answer.promises:,} {verb} broken under assets that a run-age light"
        f" calls fresh."
    )


def _of(answer: StatusAnswer) -> str:
    return "The 1 promise is" if answer.promises == 1 else f"All {answer.promises:,} promises are"


def _cause(cause: Cause) -> "Text":
    """One line per tenant and binding root: how old, against what, and what it takes with it."""
    from rich.text import Text

    told = next((row for row in cause.judgements if row.asset == cause.root), cause.judgements[0])
    others = [row.asset for row in cause.judgements if row.asset != cause.root]
    if told.state is State.MISSING:
        said = f"{cause.root} never came: {told.reason}"
    else:
        ran = f", though it ran {age_text(told.run_age)} ago" if told.run_state is State.PASS else ""
        said = f"{cause.root} is {age_text(told.data_age)} old, {age_text(told.window)} promised{ran}"
    text = Text(f"{MARKS[told.state]} ", style=COLOURS[told.state])
    text.append(cause.tenant, style="bold")
    text.append(f"  {said}")
    if others:
        text.append(f"; with it {_names(others)}", style="dim")
    return text


def _names(assets: Sequence[str]) -> str:
    shown = ", ".join(assets[:3])
    return shown if len(assets) <= 3 else f"{shown} and {len(assets) - 3} more"


def _heading(answer: StatusAnswer, asset: str) -> tuple[str, str]:
    rows = [row for row in answer.rows if row.asset == asset]
    return (asset.rpartition("/")[0] or "(top)", _window_text(rows))


def _name(asset: str) -> str:
    return asset.rpartition("/")[2]


def _window_text(rows: Sequence[Judgement]) -> str:
    """The window of the rows; where tenants have their own, the tightest and the loosest."""
    windows = sorted({window for row in rows if (window := row.window or row.run_window) is not None})
    if not windows:
        return "no window"
    return "–".join(age_text(window) for window in dict.fromkeys((windows[0], windows[-1])))


def _bold(folder: str, window: str) -> "Text":
    from rich.text import Text

    return Text.assemble((folder, "bold"), (f"  {window}" if window == "no window" else f"  within {window}", "dim"))


def _cell(row: Judgement | None, *, roomy: bool) -> "Text | str":
    if row is None:
        return ""
    cell = _styled(
        f"{MARKS[row.state]} {age_text(row.data_age) if row.data_age is not None else row.state.word}", row.state
    )
    if roomy and row.run_age is not None:
        cell.append(f" · {age_text(row.run_age)}", style="dim")
    return cell


def _light(answer: StatusAnswer, asset: str) -> "Text":
    light = answer.lights[asset]
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


def one_line(answer: StatusAnswer) -> str:
    """The state of everything in a line, for a log: how many promises are kept, and what broke the others."""
    causes = [f"{cause.tenant} by {cause.root}" for cause in answer.causes]
    broken = f"; broken for {', '.join(causes[:3])}" if causes else ""
    more = f" and {len(causes) - 3} more" if len(causes) > 3 else ""
    return f"{answer.promises - len(answer.broken)} of {answer.promises} promises are kept{broken}{more}"
