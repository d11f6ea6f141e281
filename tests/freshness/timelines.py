"""Random lives of random graphs: who is promised what, what happens, what is told late, twice or wrongly.

``timeline(random)`` makes one. Any ``random.Random`` will do: hypothesis' own, which shrinks, or one with a seed.
What belongs here: making timelines, and making them smaller. What does not: what they mean (``oracle.py``).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, Look, Promise, SubjectFact, Tenant
from tests.freshness.random_graphs import (
    DAY,
    DAYS,
    GHOST,
    HOUR,
    MINUTE,
    TIMES,
    ZONES,
    random_nodes,
    random_promise,
    random_tenants,
    spans,
    spans_of,
)

TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """Facts and looks that arrive together."""

    facts: tuple[SubjectFact, ...] = ()
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """A build that reads what its parents hold now, for several tenants."""

    run_id: str
    asset: str
    tenants: tuple[str, ...]
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a build: its facts are told, perhaps long after ``at``."""

    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks, at what their clock says."""

    now: datetime


STRANGER = "stranger"
"""A tenant that only facts know."""

type Step = Told | Started | Ended | Asked


@dataclass(frozen=True, slots=True)
class Timeline:
    """A graph, its promises, and what happens to it in the order of hearing."""

    nodes: tuple[AssetNode, ...]
    promises: tuple[Promise, ...]
    tenants: tuple[Tenant, ...]
    steps: tuple[Step, ...]
    oddities: tuple[tuple[str, str], ...] = ()


def timeline(random: Random, steps: int = 40) -> Timeline:
    """A random timeline of so many steps, the last of them a question."""
    tenants, nodes = random_tenants(random), random_nodes(random)
    promises = tuple(random_promise(random, nodes, tenants) for _ in range(random.randrange(5)))
    life = _Life(random, nodes, promises, tenants)
    happened = tuple(step for _ in range(steps) for step in life.next())
    odd = [(node.key, tenant) for node in nodes for tenant in life.subjects_of(node) if random.randrange(20) == 0]
    return Timeline(nodes, promises, tenants, (*happened, Asked(life.moment())), tuple(odd))


def shrunk(failing: Timeline, fails: Callable[[Timeline], bool]) -> Timeline:
    """The smallest timeline found that still fails, by leaving out one thing after another."""
    smaller = next((one for one in _smaller(failing) if fails(one)), None)
    return failing if smaller is None else shrunk(smaller, fails)


def _smaller(line: Timeline) -> Iterator[Timeline]:
    for size in (len(line.steps) // 2, len(line.steps) // 8, 1):
        for start in range(0, len(line.steps), size or 1):
            yield replace(line, steps=line.steps[:start] + line.steps[start + (size or 1) :])
    for place, step in enumerate(line.steps):
        facts = step.facts if isinstance(step, Told) else ()
        for fact in facts if len(facts) > 1 else ():
            less = Told(tuple(other for other in facts if other is not fact))
            yield replace(line, steps=(*line.steps[:place], less, *line.steps[place + 1 :]))
    for name in ("promises", "nodes", "tenants", "oddities"):
        things = getattr(line, name)
        for place in range(len(things) if name != "tenants" or len(things) > 1 else 0):
            yield replace(line, **{name: things[:place] + things[place + 1 :]})


@dataclass(slots=True)
class _Life:
    """What goes on while a timeline is made: the true time, the runs under way, and the instants worth asking about."""

    random: Random
    nodes: Sequence[AssetNode]
    promises: Sequence[Promise]
    tenants: Sequence[Tenant]
    now: datetime = field(init=False)
    runs: int = 0
    under_way: list[Started] = field(default_factory=list[Started])
    said: list[SubjectFact] = field(default_factory=list[SubjectFact])
    unsaid: list[SubjectFact] = field(default_factory=list[SubjectFact])
    instants: list[datetime] = field(default_factory=list[datetime])

    def __post_init__(self) -> None:
        self.now = datetime.combine(self.random.choice(DAYS), time(0), UTC) - DAY

    def next(self) -> Iterator[Step]:
        """Time goes on, and something happens."""
        self.now += self.random.choice((timedelta(0), MINUTE, 10 * MINUTE, 20 * MINUTE, HOUR, 7 * HOUR))
        what = self.random.randrange(10)
        if what < 4 or not self.said:
            yield Told(tuple(self._hear(fact) for fact in self._loads()))
        elif what < 6:
            yield self._end() if self.under_way and self.random.randrange(2) else self._start()
        elif what == 6:
            yield self._again()
        elif what == 7:
            yield Told(looks=(self._look(),))
        else:
            yield Asked(self.moment())

    def subjects_of(self, node: AssetNode) -> list[str]:
        """Whose data the asset holds."""
        return [tenant.slug for tenant in self.tenants] if node.tenanted and self.tenants else [ANY_TENANT]

    def moment(self) -> datetime:
        """A moment worth asking about: mostly where something changes, or a hair beside it; sometimes long ago."""
        hair = self.random.choice((timedelta(0), timedelta(0), -TICK, TICK))
        if self.random.randrange(4) == 0:
            return self._by_the_clock(self.now) + hair
        if not self.instants or self.random.randrange(5) == 0:
            return self.now + self.random.choice((timedelta(0), -3 * HOUR, 5 * HOUR)) + hair
        promised = [span for promise in self.promises for span in spans(promise)]
        promised += [span for node in self.nodes if node.window for span in spans_of(node.window)]
        skews = (timedelta(0), 5 * MINUTE, -5 * MINUTE, 10 * MINUTE)
        span = self.random.choice(promised) if promised and self.random.randrange(4) else self.random.choice(skews)
        return self.random.choice(self.instants[-12:]) + span + hair

    def _loads(self) -> Iterator[SubjectFact]:
        """One load or look of one root, for some tenants; or a run of anything that says what it likes."""
        roots = [node for node in self.nodes if node.clock]
        node = self.random.choice(roots if roots and self.random.randrange(3) else self.nodes)
        run = self._run_id()
        ended = self._instant()
        for tenant in self._some(node):
            yield self._fact(node, tenant, run, ended)

    def _fact(self, node: AssetNode, tenant: str, run: str, ended: datetime) -> SubjectFact:
        roots = [node.key] if node.clock else [one.key for one in self.nodes if one.clock and self.random.randrange(3)]
        looked = node.kind is AssetKind.TABLE and self.random.randrange(3) > 0
        return SubjectFact(
            node.key,
            tenant,
            None if looked else ended,
            run,
            "random",
            {root: self._data_time(ended) for root in roots if self.random.randrange(20)},
            synthetic=self.random.randrange(16) == 0,
            looked_at=ended if looked else None,
        )

    def _instant(self) -> datetime:
        """When a run ended: now, or at an instant of another, so that two compete."""
        return self.random.choice(self.instants) if self.instants and self.random.randrange(8) == 0 else self.now

    def _data_time(self, ended: datetime) -> datetime:
        """Mostly a little before the run; sometimes exactly at a local time of day, long ago, or yet to come."""
        if self.random.randrange(5) == 0:
            return self._by_the_clock(ended) + self.random.choice((timedelta(0), -TICK))
        ages = (timedelta(0), MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR, DAY)
        ahead = (5 * MINUTE, 5 * MINUTE + TICK, DAY)
        return ended - self.random.choice(ages) if self.random.randrange(8) else ended + self.random.choice(ahead)

    def _by_the_clock(self, around: datetime) -> datetime:
        """An instant of that day at which some deadline may be, or some day begin."""
        zone = ZoneInfo(self.random.choice([*ZONES, *(tenant.timezone for tenant in self.tenants)]))
        return datetime.combine(around.date(), self.random.choice(TIMES), zone).astimezone(UTC)

    def _hear(self, fact: SubjectFact) -> SubjectFact:
        """What is told now; the fact itself may be kept back for later, and an older one told instead."""
        if self.unsaid and self.random.randrange(4) == 0:
            self.unsaid.append(fact)
            fact = self.unsaid.pop(0)
        elif self.random.randrange(10) == 0:
            self.unsaid.append(fact)
        self.said.append(fact)
        self.instants += [fact.known_at, *fact.data_times.values()]
        return fact

    def _start(self) -> Started:
        node = self.random.choice([node for node in self.nodes if not node.clock] or self.nodes)
        started = Started(self._run_id(), node.key, tuple(self._some(node)), self.random.randrange(20) == 0)
        self.under_way.append(started)
        return started

    def _end(self) -> Ended:
        started = self.under_way.pop(self.random.randrange(len(self.under_way)))
        self.instants.append(self.now)
        return Ended(started.run_id, self.now - self.random.choice((timedelta(0), timedelta(0), 10 * MINUTE)))

    def _again(self) -> Told:
        """Some facts told once more, out of order; some of them with other roots, as a run told in two parts is."""
        some = [self.random.choice(self.said) for _ in range(self.random.randrange(1, 4)) if self.said]
        return Told(tuple(self._other_part(fact) if self.random.randrange(2) else fact for fact in some))

    def _other_part(self, fact: SubjectFact) -> SubjectFact:
        roots = [node.key for node in self.nodes if node.clock and self.random.randrange(2)]
        return replace(fact, data_times={root: self._data_time(fact.known_at) for root in roots})

    def _look(self) -> Look:
        at = self.now - self.random.choice((timedelta(0), 5 * MINUTE, HOUR))
        self.instants.append(at)
        error = "permission denied" if self.random.randrange(6) == 0 else ""
        return Look(self.random.choice(self.nodes).key, at, error)

    def _some(self, node: AssetNode) -> list[str]:
        everybody = self.subjects_of(node)
        if self.tenants and node.tenanted and self.random.randrange(10) == 0:
            return [self.random.choice((STRANGER, GHOST))]
        return everybody if self.random.randrange(3) else [self.random.choice(everybody)]

    def _run_id(self) -> str:
        self.runs += 1
        return f"run-{self.runs % 7}-{self.runs}"
