"""What ``telemetry status`` says in sentences: how many promises are broken, by what, what could not be judged.

What belongs here: one line per cause, reason, oddity or correction. What does not: the tables (``status.py``).
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from telemetry_assets.answers.status import Cause, StatusAnswer
from telemetry_assets.freshness.facts import Correction
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import ANY_TENANT, State, Window
from telemetry_assets.render.instants import instant_text
from telemetry_assets.render.words import COLOURS, MARKS, age_text, limit_text
from telemetry_assets.spoken import counted

if TYPE_CHECKING:
    from rich.text import Text

SHOWN_CAUSES = 8
"""How many causes are named; of more, only the roots are."""
SHOWN = 4
"""How many reasons, oddities or corrections are named."""


def sentences(answer: StatusAnswer) -> Iterator["Text"]:
    """The contrast the product is about, then the causes, and whatever else a person must know."""
    from rich.text import Text

    yield Text(contrast(answer), style="bold" if answer.broken else "default")
    yield from _causes(answer)
    for cause in answer.causes[:1]:
        whose = "" if cause.tenant == ANY_TENANT else f" --tenant {cause.tenant}"
        yield Text(f"  why: telemetry why {cause.judgements[-1].asset}{whose}", style="dim")
    yield from _reasons(answer.unknown, State.UNKNOWN)
    yield from _reasons(answer.odd, State.WARN)
    for look in answer.noted[:SHOWN]:
        yield _line(State.WARN, look.feeder, look.note, "")
    for one in answer.corrections[:SHOWN]:
        yield _correction(one, answer)
    if len(answer.corrections) > SHOWN:
        yield _more(len(answer.corrections) - SHOWN, "correction", "--json")


def contrast(answer: StatusAnswer) -> str:
    """How many promises are broken, and how many of them under a green light."""
    if not answer.broken:
        unknown = len(answer.unknown)
        return f"{_all_of(answer)} kept." if not unknown else f"No promise is broken; {unknown:,} cannot be judged."
    hidden = len(answer.broken_under_green)
    if not hidden:
        return f"{counted(len(answer.broken), 'promise')} of {answer.promises:,} broken."
    verb = "is" if hidden == 1 else "are"
    return (
        f"{counted(hidden, 'promise')} of {answer.promises:,} {verb} broken under assets that a run-age light"
        f" calls fresh."
    )


def _all_of(answer: StatusAnswer) -> str:
    return "The 1 promise is" if answer.promises == 1 else f"All {answer.promises:,} promises are"


def _causes(answer: StatusAnswer) -> Iterator["Text"]:
    """A line per tenant and root; where those are too many, a line per root."""
    causes = answer.causes
    if len(causes) <= SHOWN_CAUSES:
        yield from (_cause(cause) for cause in causes)
        return
    by_root: dict[str, list[Cause]] = {}
    for cause in causes:
        by_root.setdefault(cause.root, []).append(cause)
    roots = sorted(by_root.items(), key=lambda one: -len(one[1]))
    yield from (_root(root, some) for root, some in roots[:SHOWN_CAUSES])
    if len(roots) > SHOWN_CAUSES:
        yield _more(len(roots) - SHOWN_CAUSES, "root", "--late --json")


def _cause(cause: Cause) -> "Text":
    """How old, against what, and what it takes with it."""
    told = next((row for row in cause.judgements if row.asset == cause.root), cause.judgements[0])
    others = [row.asset for row in cause.judgements if row.asset != cause.root]
    if told.state is State.MISSING:
        said = f"{cause.root} never came: {told.reason}"
    else:
        ran = f", though it ran {age_text(told.run_age)} ago" if told.run_state is State.PASS else ""
        by = f" by {told.binding_root}" if told.binding_root not in (None, cause.root) else ""
        said = f"{cause.root} is {age_text(told.data_age)} old{by}, {_promised(told)}{ran}"
    return _line(told.state, _whose(cause.tenant), said, f"; with it {_names(others)}" if others else "")


def _root(root: str, causes: Sequence[Cause]) -> "Text":
    """One root that broke promises of many tenants: how many, and the worst of them."""
    if len(causes) == 1:
        return _cause(causes[0])
    rows = [row for cause in causes for row in cause.judgements]
    never = sum(all(row.state is State.MISSING for row in cause.judgements) for cause in causes)
    late = [row for row in rows if row.state is State.FAIL]
    worst = max(late, key=lambda row: row.data_age or timedelta(0), default=None)
    said = (
        [f"{root} is late, worst {worst.tenant} ({age_text(worst.data_age)} old, {_promised(worst)})"] if worst else []
    )
    said += [f"{root} never came for {never:,} of them" if worst else f"{root} never came"] if never else []
    others = dict.fromkeys(row.asset for row in rows if row.asset != root)
    state = State.FAIL if worst else State.MISSING
    with_it = f"; with it {_names(list(others))}" if others else ""
    return _line(state, counted(len(causes), "tenant"), "; ".join(said), with_it)


def _promised(row: Judgement) -> str:
    text = limit_text(row.limit)
    return f"{text} promised" if isinstance(row.limit, Window) else f"promised {text}"


def _reasons(rows: Sequence[Judgement], state: State) -> Iterator["Text"]:
    """Why, once for all subjects it is the same for. What has the same words of the same root is one."""
    alike: dict[tuple[str, str], list[Judgement]] = {}
    for row in rows:
        alike.setdefault((row.binding_root or row.asset, row.reason), []).append(row)
    for (root, reason), some in list(alike.items())[:SHOWN]:
        tenants = list(dict.fromkeys(row.tenant for row in some))
        others = list(dict.fromkeys(row.asset for row in some if row.asset != root))
        whose = _whose(tenants[0]) if len(tenants) == 1 else counted(len(tenants), "tenant")
        yield _line(state, whose, f"{root}: {reason}", f"; with it {_names(others)}" if others else "")
    if len(alike) > SHOWN:
        yield _more(len(alike) - SHOWN, "reason", "--json")


def _correction(one: Correction, answer: StatusAnswer) -> "Text":
    said = f"{one.asset} moved back {age_text(answer.now - one.known_at)} ago:"
    said += f" {instant_text(one.was)} became {instant_text(one.became)}"
    return _line(State.WARN, _whose(one.tenant), said, "", mark="↶")


def _more(count: int, what: str, option: str) -> "Text":
    from rich.text import Text

    return Text(f"  and {counted(count, what)} more: telemetry status {option}", style="dim")


def _line(state: State, who: str, said: str, dim: str, mark: str = "") -> "Text":
    from rich.text import Text

    return Text.assemble((f"{mark or MARKS[state]} ", COLOURS[state]), (who, "bold"), f"  {said}", (dim, "dim"))


def _whose(tenant: str) -> str:
    return "(no tenants)" if tenant == ANY_TENANT else tenant


def _names(assets: Sequence[str]) -> str:
    shown = ", ".join(assets[:3])
    return shown if len(assets) <= 3 else f"{shown} and {len(assets) - 3} more"
