"""A simulated week judged minute by minute, and what came of it: pages, right or wrong, late or early.

What belongs here: judging by the engine, and by run age as others do it; counting. What does not: what is right
(``truth.py``, ``faults.py``), printing (``report.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telemetry_assets.freshness.cause import cause_of
from telemetry_assets.freshness.judge import Judgement, judge_all
from telemetry_assets.freshness.owed import loosest_run_window, subjects_owed
from telemetry_assets.model import ANY_TENANT, CauseKind, State, Window
from tests.simulation.declared import nodes, settings, slugs, tenants
from tests.simulation.faults import Fault
from tests.simulation.memory import Memory
from tests.simulation.truth import Late, really_late
from tests.simulation.week import HOUR, MINUTE, Week

TICK = MINUTE
"""How often we judge. The product's sensor does so every 30 s."""
EARLY = 30 * MINUTE
"""How long before its data is really late a subject may be called late: of what a build reads we only know that it is
as new as the ledger said when the build began, and that may be one sync and one build ago."""
FIXED = 60 * MINUTE
"""The rule of run age: everything that has not run for so long is late."""
AFTERWARDS = 2 * HOUR
"""So long after a repair a page of run age is still counted as right."""

type Subject = tuple[str, str]


@dataclass(slots=True)
class Page:
    """A promise was found broken. ``later`` are the causes named while it stayed so and nobody had mended anything."""

    at: datetime
    asset: str
    tenant: str
    state: State
    cause: tuple[CauseKind, str]
    until: datetime | None = None
    later: set[tuple[CauseKind, str]] = field(default_factory=set)


@dataclass(slots=True)
class Judged:
    """Everything that came of a week. ``odd`` is when each subject was first called due because of 0 rows, and the
    cause named; ``closest`` is how near to its window an asset came while it kept its promises."""

    week: Week
    late: tuple[Late, ...]
    pages: list[Page] = field(default_factory=list)
    minutes: int = 0
    judgements: int = 0
    states: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    odd: dict[Subject, tuple[datetime, tuple[CauseKind, str]]] = field(default_factory=dict)
    closest: dict[str, timedelta] = field(default_factory=dict)
    by_fixed: list[tuple[datetime, str]] = field(default_factory=list)
    by_own_window: list[tuple[datetime, str]] = field(default_factory=list)

    def expected(self, page: Page) -> Late | None:
        """What a page is about: its subject is really late now, or will be soon; None where it is a false one."""
        return next(
            (
                late
                for late in self.late
                if (late.asset, late.tenant) == (page.asset, page.tenant)
                and late.since - EARLY <= page.at < late.until + TICK
            ),
            None,
        )

    def right(self, page: Page) -> bool:
        """True where the subject is really late, by a planted fault, which is the cause named at first and later on."""
        causes = (page.cause, *page.later)
        return self.expected(page) is not None and all(self._explained(page, cause) for cause in causes)

    def _explained(self, page: Page, cause: tuple[CauseKind, str]) -> bool:
        return any(
            fault.hits(page.asset, page.tenant) and fault.explains(page.asset, *cause) for fault in self.week.faults
        )

    def found(self, late: Late) -> Page | None:
        """The page that told of it in time: one tick after it began at most."""
        return next(
            (
                page
                for page in self.pages
                if (page.asset, page.tenant) == (late.asset, late.tenant)
                and page.at <= late.since + TICK
                and (page.until is None or page.until > late.since)
            ),
            None,
        )

    def finds(self, fault: Fault) -> bool:
        """True where everything the fault made late was found in time, and named by its cause."""
        hit = [late for late in self.late if fault.hits(late.asset, late.tenant)]
        return bool(hit) and all((page := self.found(late)) and self.right(page) for late in hit)


def judged(week: Week, since: datetime | None = None) -> Judged:
    """Judge the week at every minute from its start, or from ``since``, to its end."""
    memory, result = Memory(), Judged(week, really_late(week))
    owed = subjects_owed(nodes(), settings().promises, tenants())
    open_pages: dict[Subject, Page] = {}
    fixed, own = _RunAge(FIXED), _RunAge(None)
    coming = iter(week.events)
    event = next(coming, None)
    now = since or week.start
    while now < week.end:
        while event is not None and event.at <= now:
            memory.take(event)
            event = next(coming, None)
        verdicts = judge_all(owed, memory.graph, memory.evidence(), slugs(), now)
        result.minutes += 1
        result.judgements += len(verdicts)
        _tell(verdicts, memory, now, open_pages, result)
        result.by_fixed += fixed.pages(memory, now)
        result.by_own_window += own.pages(memory, now)
        now += TICK
    return result


def _tell(verdicts: Sequence[Judgement], memory: Memory, now: datetime, pages: dict[Subject, Page], to: Judged) -> None:
    for verdict in verdicts:
        subject = (verdict.asset, verdict.tenant)
        to.states[verdict.state] += 1
        if not verdict.state.broken and subject in pages:
            pages.pop(subject).until = now
        if verdict.slack is not None and isinstance(verdict.limit, Window) and not verdict.state.broken:
            to.closest[verdict.asset] = min(verdict.slack, to.closest.get(verdict.asset, verdict.slack))
        if verdict.state is State.WARN and verdict.reason == memory.odd.get(subject) and subject not in to.odd:
            to.odd[subject] = (now, _cause(verdict, memory, now))
        if not verdict.state.broken:
            continue
        if subject not in pages:
            pages[subject] = Page(now, *subject, verdict.state, _cause(verdict, memory, now))
            to.pages.append(pages[subject])
        elif now.minute % 10 == 0 and all(now < fault.until for fault in to.week.faults):
            pages[subject].later.add(_cause(verdict, memory, now))


def _cause(verdict: Judgement, memory: Memory, now: datetime) -> tuple[CauseKind, str]:
    cause = cause_of(verdict, memory.graph, memory.evidence(), memory.happenings(), slugs(), now)
    return cause.kind, cause.root


class _RunAge:
    """Run age as Dagster's freshness policies know it: the newest run of any tenant, per asset."""

    def __init__(self, window: timedelta | None) -> None:
        """``window`` for every asset; None: each asset's own, the loosest its promises allow."""
        self._late: set[str] = set()
        self._windows: dict[str, timedelta] = {}
        for node in nodes():
            own = loosest_run_window(node, nodes(), settings().promises)
            if node.key in _PROMISED and (window or own):
                self._windows[node.key] = window or (own.fail if own else FIXED)

    def pages(self, memory: Memory, now: datetime) -> Iterator[tuple[datetime, str]]:
        """The assets that become late at this moment."""
        for asset, window in self._windows.items():
            facts = (memory.facts.get((asset, tenant)) for tenant in (*slugs(), ANY_TENANT))
            newest = max(fact.run_time for fact in facts if fact is not None and fact.run_time is not None)
            if now - newest < window:
                self._late.discard(asset)
            elif asset not in self._late:
                self._late.add(asset)
                yield now, asset


_PROMISED = {owed.asset for owed in subjects_owed(nodes(), settings().promises, tenants())}


def hits_of(week: Week, at: datetime, asset: str) -> bool:
    """True where a page of run age on this asset may be about a planted fault: generous, for it names no tenant."""
    return any(fault.since <= at < fault.until + AFTERWARDS and fault.hits_somebody(asset) for fault in week.faults)
