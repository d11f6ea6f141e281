"""The engine and the oracle living through one timeline, asked at every moment that somebody asks.

What belongs here: driving both and comparing their answers. What does not: timelines, the oracle, the tests themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from telemetry_assets.freshness.facts import newest, newest_of_each
from telemetry_assets.freshness.judge import Evidence, Judgement, judge_all
from telemetry_assets.freshness.lineage import Graph, data_times_of, graph_of, incorporate, roots_of
from telemetry_assets.freshness.owed import Owed, subjects_owed
from telemetry_assets.model import Look, State, SubjectFact
from tests.freshness import oracle
from tests.freshness.timelines import Asked, Ended, Started, Timeline, Told

type Subject = tuple[str, str]
type Answer = tuple[State, str | None, datetime | None, State, tuple[str, ...]]
"""State, binding root and its data time, run state, undated roots."""

_NOT_ENDED = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Both:
    """The engine keeps the newest fact of each subject; the oracle keeps everything. Counts what it lives through."""

    line: Timeline
    graph: Graph = field(init=False)
    owed: Sequence[Owed] = field(init=False)
    history: oracle.History = field(init=False)
    facts: dict[Subject, SubjectFact] = field(default_factory=dict[Subject, SubjectFact])
    looks: dict[str, Look] = field(default_factory=dict[str, Look])
    runs: dict[str, list[SubjectFact]] = field(default_factory=dict[str, list[SubjectFact]])
    events: int = 0
    moments: int = 0

    def __post_init__(self) -> None:
        self.graph = graph_of(self.line.nodes)
        self.owed = subjects_owed(self.line.nodes, self.line.promises, self.line.tenants)
        odd = dict.fromkeys(self.line.oddities, "0 rows")
        self.history = oracle.History(self.line.nodes, self.line.promises, self.line.tenants, oddities=odd)

    def live(self) -> Iterator[tuple[datetime, Mapping[Subject, Answer], Mapping[Subject, Answer]]]:
        """Each moment that somebody asks: what the engine says, what the page says."""
        for step in self.line.steps:
            match step:
                case Told(facts, looks):
                    self._tell(facts)
                    self._look(looks)
                case Started():
                    self.events += 1
                    self.runs[step.run_id] = [self._taken(step, tenant) for tenant in step.tenants]
                case Ended(run_id, at):
                    self._tell([replace(fact, run_time=at) for fact in self.runs.pop(run_id, ())])
                case Asked(now):
                    self.moments += 1
                    yield now, self.engine(now), self.page(now)

    def engine(self, now: datetime) -> dict[Subject, Answer]:
        """What the engine says of every owed subject."""
        evidence = Evidence(self.facts, self.looks, self.history.oddities)
        judged = judge_all(self.owed, self.graph, evidence, [tenant.slug for tenant in self.line.tenants], now)
        return {(one.asset, one.tenant): _answer(one, owed) for one, owed in zip(judged, self.owed, strict=True)}

    def page(self, now: datetime) -> dict[Subject, Answer]:
        """What the page says of every owed subject."""
        return {
            subject: (verdict.state, verdict.binding, verdict.data_time, verdict.run_state, verdict.undated)
            for subject, verdict in oracle.judge(self.history, now).items()
        }

    def _tell(self, facts: Sequence[SubjectFact]) -> None:
        self.events += len(facts)
        for fact in facts:
            self.history.tell(fact)
        for subject, fact in newest_of_each(facts).items():
            self.facts[subject] = newest(self.facts[subject], fact) if subject in self.facts else fact

    def _look(self, looks: Sequence[Look]) -> None:
        self.events += len(looks)
        self.history.looks.extend(looks)
        for look in looks:
            if look.feeder not in self.looks or look.looked_at >= self.looks[look.feeder].looked_at:
                self.looks[look.feeder] = look

    def _taken(self, started: Started, tenant: str) -> SubjectFact:
        """What a run that starts now takes in for a tenant; told when it ends."""
        tenants = [one.slug for one in self.line.tenants]
        parents = self.graph[started.asset].parents if started.asset in self.graph else ()
        taken = incorporate(
            (roots_of(parent, self.graph), data_times_of(parent, tenant, self.graph, self.facts, tenants))
            for parent in parents
        )
        by_page = oracle.incorporated(self.history, started.asset, tenant)
        assert taken == by_page, f"{started.asset} built for {tenant}: engine {taken}, page {by_page}"
        return SubjectFact(
            started.asset, tenant, _NOT_ENDED, started.run_id, "build", taken, synthetic=started.synthetic
        )


def _answer(judged: Judgement, owed: Owed) -> Answer:
    undated = tuple(sorted(owed.terms.undated))
    return judged.state, judged.binding_root, judged.data_time, judged.run_state, undated


def disagreements(both: Both) -> list[str]:
    """In words, each moment and subject where the two differ."""
    found: list[str] = []
    try:
        for now, engine, page in both.live():
            differ = sorted(subject for subject in {*engine, *page} if engine.get(subject) != page.get(subject))
            found += [f"{now}: {each}: engine {engine.get(each)}, page {page.get(each)}" for each in differ]
    except AssertionError as wrong:
        found.append(str(wrong))
    return found
