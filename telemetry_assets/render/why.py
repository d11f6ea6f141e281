"""``telemetry why``: for whoever is on call, first the cause and what to do, then the evidence, then what hangs on it.

What belongs here: the layout of an answer, with colours and signs on a terminal and plain ASCII in a pipe. What does
not: deciding anything.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap

from telemetry_assets.answers.why_answer import Broken, Explanation, Harm, Hop, WhyAnswer
from telemetry_assets.freshness.cause import Cause
from telemetry_assets.model import ANY_TENANT, State, Window
from telemetry_assets.render.instants import instant_text
from telemetry_assets.render.table import Cell
from telemetry_assets.render.table import draw as drawn
from telemetry_assets.render.terminal import BOLD, DIM, STATE_STYLES, Palette, palette, printable, write
from telemetry_assets.render.words import MARKS, age_text, limit_text
from telemetry_assets.spoken import counted

SHOWN = 4
"""How many causes are told in full, and how many of many names."""
LONGEST = 600
"""How much of one sentence, which may quote anybody, is printed."""
MARGIN = 8
"""Where the sentences start: right of the words in capitals."""
PIPED_WIDTH = 120

_PLAIN = str.maketrans({"…": "...", "–": "-", "−": "-", "●": "o", "◐": "!", "✗": "x", "○": "-", "↳": ">", "·": "-"})


def print_terminal(answer: WhyAnswer) -> None:
    """Colours and signs on a terminal, ASCII in a pipe."""
    live = sys.stdout.isatty()
    width = min(shutil.get_terminal_size((PIPED_WIDTH, 24)).columns, PIPED_WIDTH) if live else PIPED_WIDTH
    found = lines(answer, palette(), width)
    write(found if live else (line.translate(_PLAIN) for line in found))


def print_json(answer: WhyAnswer) -> None:
    """The same answer as one JSON document."""
    print(json.dumps(answer.as_json(), indent=2, ensure_ascii=False, allow_nan=False))


def lines(answer: WhyAnswer, colours: Palette, width: int = PIPED_WIDTH) -> Iterator[str]:
    """Everything ``telemetry why`` prints, in lines of at most ``width`` columns where they can be broken."""
    yield colours.paint(_summary(answer), DIM)
    for one in answer.explanations[:SHOWN]:
        yield ""
        yield from _explained(one, answer, colours, width)
    if len(answer.explanations) > SHOWN:
        yield ""
        yield f"and {counted(len(answer.explanations) - SHOWN, 'cause')} more: telemetry why {answer.asset} --json"


def _summary(answer: WhyAnswer) -> str:
    owner = f", owner {answer.owner}" if answer.owner else ""
    kept = (
        "" if answer.tenant or answer.owed == 1 else f"; kept for {answer.kept:,} of {counted(answer.owed, 'tenant')}"
    )
    return f"{answer.asset}: {answer.entry}{owner}{kept}"


def _explained(one: Explanation, answer: WhyAnswer, colours: Palette, width: int) -> Iterator[str]:
    told = one.judgement
    yield f"{colours.state(told.state, f'{MARKS[told.state]} {_headline(one, answer)}')}"
    if one.cause is None:
        yield from _kept(one, answer, width)
    else:
        yield from _told(one, one.cause, answer, colours, width)
    yield from _path(one, colours)
    if one.harm is not None:
        yield from _harmed(one.harm, one.tenants, colours, width)


def _headline(one: Explanation, answer: WhyAnswer) -> str:
    told, whose = one.judgement, _names(one.tenants)
    to = "" if told.tenant == ANY_TENANT else f" for {whose}"
    what = {State.PASS: "is fresh", State.UNKNOWN: "cannot be judged", State.MISSING: "never came"}
    says = f"{answer.asset} {what.get(told.state, f'is {told.state.word}')}{to}"
    if told.data_age is None or told.state is State.UNKNOWN:
        return says
    promised = f"under {limit_text(told.limit)}" if isinstance(told.limit, Window) else limit_text(told.limit)
    return f"{says}: {age_text(told.data_age)} old, promised {promised}"


def _kept(one: Explanation, answer: WhyAnswer, width: int) -> Iterator[str]:
    told = one.judgement
    yield from _section("BINDS", f"{one.root}, {age_text(told.data_age)} old", width)
    if one.late_at is not None:
        left = age_text(one.late_at - answer.now)
        yield from _section("LATE", f"in {left}, at {instant_text(one.late_at)}, if nothing moved until then", width)
    else:
        yield from _section("LATE", "not within a year", width)


def _told(one: Explanation, cause: Cause, answer: WhyAnswer, colours: Palette, width: int) -> Iterator[str]:
    since = f", since {instant_text(cause.since)} ({age_text(answer.now - cause.since)})" if cause.since else ""
    told_of = f"  (told of {one.judgement.tenant})" if len(one.tenants) > 1 else ""
    named = colours.paint(f"{str(cause.kind).replace('_', ' ')}: {cause.root}", BOLD)
    yield f"{'CAUSE':<{MARGIN}}{named}{since}{told_of}"
    yield from _section("", cause.says, width)
    remedy = cause.remedy
    if len(one.tenants) > 1:
        remedy = remedy.replace(f" --tenant {one.judgement.tenant}", "")
    yield from _section("DO", remedy, width)
    if one.late_at is not None:
        yield from _section("LATE", f"at {instant_text(one.late_at)} if nothing moves until then", width)
    for number, innocent in enumerate(cause.ruled_out):
        yield from _section("NOT" if number == 0 else "", innocent, width)


def _path(one: Explanation, colours: Palette) -> Iterator[str]:
    """The hops from the root down, the cause marked, what last went wrong under each."""
    if not one.hops:
        return
    headers = ("PATH", "state", "data", "run", "waits for")
    rows: list[list[Cell | str]] = []
    for hop in one.hops:
        at_fault = one.cause is not None and hop.asset == one.cause.root
        state = Cell(f"{MARKS[hop.state]} {hop.state.word}", STATE_STYLES[hop.state]) if hop.state else ""
        cells = [Cell(hop.asset, BOLD if at_fault else ""), state, age_text(hop.data_age), age_text(hop.run_age)]
        rows.append([*cells, f"{hop.waits_for}{'  <- cause' if at_fault else ''}"])
    table = drawn(headers, rows, colours, right={2, 3}, indent=0)
    yield table[0]
    for hop, line in zip(one.hops, table[1:], strict=True):
        yield line
        if hop.trouble and not _is_told(hop, one.cause):
            yield colours.paint(f"  ↳ {printable(hop.trouble, LONGEST)}", DIM)


def _is_told(hop: Hop, cause: Cause | None) -> bool:
    """Whether the cause has said that already."""
    return cause is not None and cause.root == hop.asset and hop.trouble.rpartition(": ")[2] in cause.says


def _harmed(harm: Harm, tenants: Sequence[str], colours: Palette, width: int) -> Iterator[str]:
    of = f" (of {harm.tenants} of its {harm.of_tenants:,} tenants)" if harm.tenants < harm.of_tenants else ""
    total = sum(len(one.tenants) for one in harm.promises)
    yield from _section("BREAKS", f"{counted(total, 'promise')}{of}" if total else "no promise yet", width)
    for words in _broken(harm.promises, tenants):
        yield from _section("", words, width)
    for number, one in enumerate(harm.exposures):
        parts = [printable(part) for part in (one.label, one.owner, one.url) if part]
        yield from _section("READ IN" if number == 0 else "", f"{one.type} {', '.join(parts)}", width)
    if harm.owners:
        yield f"{'TELL':<{MARGIN}}{colours.paint(', '.join(printable(owner) for owner in harm.owners), BOLD)}"


def _broken(promises: Sequence[Broken], tenants: Sequence[str]) -> Iterator[str]:
    """The assets by state, owner and tenants; the tenants where they are not all that the cause hits."""
    alike: dict[tuple[State, str | None, tuple[str, ...]], list[str]] = {}
    for one in promises:
        alike.setdefault((one.state, one.owner, one.tenants), []).append(one.asset)
    for (state, owner, whose), assets in alike.items():
        to = f" for {_names(whose)}" if set(whose) != set(tenants) else ""
        owned = f" ({owner})" if owner else ""
        yield f"{state.word}{to}: {', '.join(assets)}{owned}"


def _section(title: str, text: str, width: int) -> Iterator[str]:
    space = max(width - MARGIN, 40)
    broken = wrap(printable(text, LONGEST), space, break_long_words=False, break_on_hyphens=False) or [""]
    for number, line in enumerate(broken):
        yield f"{title if number == 0 else '':<{MARGIN}}{line}"


def _names(names: Sequence[str]) -> str:
    if len(names) <= SHOWN + 1:
        return ", ".join(names)
    return f"{', '.join(names[:SHOWN])} and {counted(len(names) - SHOWN, 'tenant')} more"
