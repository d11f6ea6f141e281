"""``telemetry health``: a line per component and one per tenant in trouble; the payloads as JSON."""

import json
import sys
from collections.abc import Iterator

from telemetry_assets.answers.condition import Condition, Status
from telemetry_assets.answers.health import HealthAnswer
from telemetry_assets.render.words import age_text
from telemetry_assets.spoken import counted

SHOWN = 5
"""How many tenants in trouble are named per component before the rest is counted."""

_END = "\x1b[0m"
_DIM = "\x1b[2m"
_COLOURS = {Status.OK: "\x1b[32m", Status.STALE: "\x1b[33m", Status.UNKNOWN: "\x1b[36m"}
_RED = "\x1b[31m"


def print_terminal(answer: HealthAnswer) -> None:
    """Three lines where all is well; under each component who is not, why, and what to do."""
    colours = sys.stdout.isatty()
    for line in lines(answer, colours=colours):
        print(line)


def print_json(answer: HealthAnswer) -> None:
    """The payloads, as dashboards read them."""
    print(json.dumps(answer.as_json(), indent=2, ensure_ascii=False, allow_nan=False))


def lines(answer: HealthAnswer, *, colours: bool = False) -> Iterator[str]:
    """The lines of the terminal."""
    width = max(len(status) for status in (*(str(one.status) for one in answer.conditions), "ok"))
    for component in answer.components:
        status, found = answer.status(component), answer.of(component)
        if status is None:
            yield f"{component:<10} {_coloured('not used', _DIM, colours)}"
            continue
        yield f"{component:<10} {_status(status, width, colours)}  {_summary(found, one_tenant=answer.one_tenant)}"
        bad = [one for one in found if one.detail]
        shown = bad if answer.one_tenant else bad[:SHOWN]
        for one in shown:
            yield from _trouble(one, len(found) > 1, width, colours, whole=answer.one_tenant or len(found) == 1)
        if len(bad) > len(shown):
            yield f"{'':<10} and {counted(len(bad) - len(shown), 'tenant')} more: telemetry health {component} --json"


def _summary(found: tuple[Condition, ...], *, one_tenant: bool) -> str:
    """How many are well and the two ages: the newest run of each, the oldest data of all."""
    parts: list[str] = []
    tenants = {one.subject for one in found}
    if found[0].subject != "*" or len(found) > 1:
        well = len({one.subject for one in found} - {one.subject for one in found if one.status is not Status.OK})
        parts.append(found[0].subject if one_tenant else f"{well} of {counted(len(tenants), 'tenant')} ok")
    runs = [one.run_age for one in found if one.run_age is not None]
    data = [one.data_age for one in found if one.data_age is not None]
    parts.append(f"ran {age_text(max(runs))} ago" if runs else "never ran")
    if data:
        parts.append(f"{'' if one_tenant else 'oldest '}data {age_text(max(data))}")
    return ", ".join(parts)


def _trouble(one: Condition, named: bool, width: int, colours: bool, *, whole: bool) -> Iterator[str]:
    """The worst sentence of a condition; all of them where one tenant was asked for, or there is only one subject."""
    sentences = one.detail.split("; ")
    for number, sentence in enumerate(sentences if whole else sentences[:1]):
        status = _status(one.status, width, colours) if number == 0 and named else " " * width
        yield f"{'':<10} {status}  {sentence}"


def _status(status: Status, width: int, colours: bool) -> str:
    return _coloured(f"{status:<{width}}", _COLOURS.get(status, _RED), colours)


def _coloured(text: str, colour: str, colours: bool) -> str:
    return f"{colour}{text}{_END}" if colours else text
