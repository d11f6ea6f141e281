"""Whether a limit can be kept at all: the greatest age on the way up, held against what is promised.

What belongs here: routes and limits → findings. What does not: the sums themselves (``pace.py``), judging real data
(``judge.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from telemetry_assets.freshness.declared import Book
from telemetry_assets.freshness.finding import Finding, Kind, Place, Severity
from telemetry_assets.freshness.owed import Group
from telemetry_assets.freshness.pace import Route, Routes, short
from telemetry_assets.model import Deadline, Limit, Window

_DAY = timedelta(days=1)
_ANY_DAY = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class _Strain:
    """A limit that the way up strains, of one asset."""

    kind: Kind
    severity: Severity
    words: str
    remedy: str
    excess: timedelta


def unkept_limits(book: Book) -> Iterator[Finding]:
    """Windows and deadlines that cannot be kept, or only with luck; alike ones of a promise in one finding."""
    routes = Routes(book.graph, book.declared.paces)
    alike: dict[tuple[Place, Kind, Severity, str, str], list[Group]] = {}
    for group in book.groups:
        strains = [
            strain for root, limit in group.terms.limits.items() for strain in _strains(group, root, limit, routes)
        ]
        if strains:
            worst = max(strains, key=lambda strain: (strain.severity is Severity.ERROR, strain.excess))
            key = (book.places[group.asset], worst.kind, worst.severity, worst.words, worst.remedy)
            alike.setdefault(key, []).append(group)
    for (place, kind, severity, words, remedy), groups in alike.items():
        told = f"{book.called(groups)}: {words}"
        yield Finding(kind, severity, place, told, remedy, book.assets_of(groups), book.tenants_of(groups))


def _strains(group: Group, root: str, limit: Limit | None, routes: Routes) -> Iterator[_Strain]:
    route = routes.slowest(root, group.asset) if limit else None
    if route is not None and isinstance(limit, Window):
        yield from _window_strained(route, limit)
    elif route is not None and isinstance(limit, Deadline):
        yield from _deadline_strained(route, limit)


def _window_strained(route: Route, window: Window) -> Iterator[_Strain]:
    age, promised = route.worst_age, f"{short(window.fail)} promised"
    sign = ">" if age > window.fail else "="
    enough = f"Promise more than {short(age)}, or {_quicker(route)}."
    if route.waited > window.fail:
        words = f"{route.arithmetic} > {promised}; no run can keep it."
        yield _Strain(Kind.INFEASIBLE, Severity.ERROR, words, enough, age - window.fail)
    elif age >= window.fail:
        left = "nothing is left for the runs." if sign == "=" else "it breaks although all goes well."
        words = f"{route.arithmetic} {sign} {promised}; {left}"
        yield _Strain(Kind.INFEASIBLE, Severity.WARNING, words, enough, age - window.fail)
    elif window.warn is not None and age >= window.warn:
        sign = ">" if age > window.warn else "="
        words = f"{route.arithmetic} {sign} {short(window.warn)}, where it is due; healthy data will be shown as due."
        remedy = f"Warn from more than {short(age)} on, or {_quicker(route)}."
        yield _Strain(Kind.TIGHT, Severity.WARNING, words, remedy, age - window.warn)


def _deadline_strained(route: Route, deadline: Deadline) -> Iterator[_Strain]:
    """Provable is one thing only: a run that takes longer than there is time."""
    span = _span(deadline)
    between = f"the {short(span)} from {deadline.since:%H:%M} to {deadline.by:%H:%M}{_grace(deadline)}"
    if route.run >= span:
        words = f"{short(route.run)} run > {between}; no run can keep it."
        yield _Strain(Kind.INFEASIBLE, Severity.ERROR, words, "Promise it later, or run quicker.", route.run - span)
    elif route.worst_age > span:
        words = f"{route.arithmetic} > {between}; it is kept only where the schedules fall well."
        remedy = f"{_quicker(route).capitalize()}, or see that they run in that time."
        yield _Strain(Kind.TIGHT, Severity.WARNING, words, remedy, route.worst_age - span)


def _span(deadline: Deadline) -> timedelta:
    """The time there is from ``since`` to ``by``, grace included; clocks that change are passed over."""
    by, since = (datetime.combine(_ANY_DAY, clock) for clock in (deadline.by, deadline.since))
    return ((by - since) % _DAY or _DAY) + deadline.grace


def _grace(deadline: Deadline) -> str:
    return f" and {short(deadline.grace)} grace" if deadline.grace else ""


def _quicker(route: Route) -> str:
    if not route.waits:
        return "make the runs quicker"
    step, every = max(route.waits, key=lambda wait: wait[1])
    return f"run {step} more often than every {short(every)}"
