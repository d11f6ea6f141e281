"""What our own code makes of a simulated week's events, with no database: the facts, and what last happened.

What belongs here: events → facts by the functions the product uses, where they are pure, and the two places where it
asks a database (what a synced table says, which syncs are odd) said again in a few lines: ``test_in_the_ledger.py``
holds all of it against the product's own writing and reading. What does not: judging, scoring.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import takewhile

from telemetry_assets.answers.happened import RECENT_SYNCS
from telemetry_assets.freshness.facts import newest
from telemetry_assets.freshness.happenings import Feed, Happenings, NodeRun, SyncEnd
from telemetry_assets.freshness.judge import Evidence
from telemetry_assets.freshness.lineage import Facts, Graph, data_times_of, graph_of
from telemetry_assets.ledger.dbt_invocations import WELL, DbtInvocation, NodeResult
from telemetry_assets.ledger.syncs import USUAL_PERIOD, USUAL_SYNCS
from telemetry_assets.model import ClockKind, SubjectFact
from telemetry_assets.sources.clocks import AHEAD
from telemetry_assets.sources.days import calendar
from telemetry_assets.sources.dbt_facts import invocation_facts
from tests.simulation.declared import (
    MODELS,
    SNAPSHOTS,
    build_every,
    nodes,
    publish_every,
    settings,
    slugs,
    tenants,
    test_id,
    unique_id,
)
from tests.simulation.events import BuildEnded, BuildStarted, Event, JobEnd, Published, SyncRunEnded, SyncStarted

KEYS = {unique_id(key): key for key in MODELS}


@dataclass(slots=True)
class Memory:
    """The newest fact of each subject and the newest happenings, as of the last event taken in."""

    graph: Graph = field(default_factory=lambda: graph_of(nodes()))
    facts: dict[tuple[str, str], SubjectFact] = field(default_factory=dict)
    ended: dict[tuple[str, str], list[SyncEnd]] = field(default_factory=dict)
    running: dict[tuple[str, str], datetime] = field(default_factory=dict)
    odd: dict[tuple[str, str], str] = field(default_factory=dict)
    words: dict[str, NodeRun] = field(default_factory=dict)
    failed_tests: dict[str, list[NodeRun]] = field(default_factory=dict)
    built_at: datetime | None = None
    published: dict[str, datetime] = field(default_factory=dict)
    reading: dict[str, Facts] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take in what happened."""
        match event:
            case SyncStarted(at, source, tenant, _):
                self.running[source, tenant] = at
            case SyncRunEnded():
                self._synced(event)
            case BuildStarted(_, run_id):
                self.reading[run_id] = dict(self.facts)
            case BuildEnded():
                self._built(event)
            case Published(at, run_id, snapshot):
                self._keep(self._publication(at, run_id, snapshot))
                self.published[snapshot] = at

    def evidence(self) -> Evidence:
        """What there is to judge by."""
        return Evidence(self.facts, oddities=self.odd)

    def happenings(self) -> Happenings:
        """What there is to tell a cause from."""
        return Happenings(
            feeds={
                feed: Feed(settings().sources[feed[0]].every, _recent(ends), self.running.get(feed))
                for feed, ends in self.ended.items()
            },
            synced=frozenset(settings().sources),
            models=self.words,
            tests=self.failed_tests,
            built_at=self.built_at,
            build_every=build_every(),
            published=self.published,
            publish_every={key: publish_every(key) for key in SNAPSHOTS},
        )

    def _keep(self, facts: Iterable[SubjectFact]) -> None:
        for fact in facts:
            subject = (fact.asset, fact.tenant)
            self.facts[subject] = newest(self.facts[subject], fact) if subject in self.facts else fact

    def _synced(self, run: SyncRunEnded) -> None:
        for job in run.jobs:
            feed = (run.source, job.tenant)
            if self.running.get(feed) == job.started_at:
                del self.running[feed]
            ends = self.ended.setdefault(feed, [])
            ends.append(sync_end(job))
            self.odd |= dict.fromkeys(self._streams(feed), _zero_rows(ends))
        self.odd = {subject: text for subject, text in self.odd.items() if text}
        self._keep(_sync_facts(run))

    def _streams(self, feed: tuple[str, str]) -> list[tuple[str, str]]:
        source, tenant = feed
        return [(key, tenant) for key in settings().sources[source].asset_keys]

    def _built(self, build: BuildEnded) -> None:
        done = invocation(build)
        before = tuple(self.reading.pop(build.run_id).values())
        self._keep(invocation_facts(done, KEYS, nodes(), before, slugs(), build.run_id))
        words = {key: NodeRun(status, build.at, message(key, status), key) for key, status in build.said.items()}
        self.words = {key: word for key, word in words.items() if word.status not in WELL}
        self.failed_tests = {
            key: [NodeRun("fail", build.at, "2 rows", test_id(key).rpartition(".")[2])] for key in build.failed_tests
        }
        self.built_at = build.at

    def _publication(self, at: datetime, run_id: str, snapshot: str) -> Iterator[SubjectFact]:
        for tenant in slugs():
            held = data_times_of(SNAPSHOTS[snapshot], tenant, self.graph, self.facts, slugs())
            yield SubjectFact(snapshot, tenant, at, run_id, "publisher", held)


def invocation(build: BuildEnded) -> DbtInvocation:
    """A build as dbt's run_results.json would tell it."""
    models = [NodeResult(unique_id(key), status, message(key, status)) for key, status in build.said.items()]
    tests = [
        NodeResult(test_id(key), *(("fail", "2 rows") if key in build.failed_tests else ("pass", "")))
        for key, status in build.said.items()
        if status == "success"
    ]
    return DbtInvocation(build.run_id, "build", build.at, True, False, "", build.run_id, (*models, *tests))


def message(key: str, status: str) -> str:
    """What dbt says of a node."""
    return {"error": f"Database Error in model {key}: division by zero", "skipped": ""}.get(status, "")


def sync_end(job: JobEnd) -> SyncEnd:
    """A job as Airbyte tells it."""
    status = "failed" if job.error else "succeeded"
    return SyncEnd(status, job.started_at, job.ended_at, None if job.error else job.rows, job.error)


def _recent(ends: list[SyncEnd]) -> tuple[SyncEnd, ...]:
    """The newest first; however far back, the newest success and the newest that brought rows are among them."""
    kept = ends[-RECENT_SYNCS:]
    for wanted in (lambda end: end.succeeded, lambda end: end.succeeded and end.rows):
        newest_such = next(filter(wanted, reversed(ends)), None)
        if newest_such is not None and newest_such not in kept:
            kept = [newest_such, *kept]
    return tuple(sorted(kept, key=lambda end: end.started_at, reverse=True))


def _sync_facts(run: SyncRunEnded) -> Iterator[SubjectFact]:
    """As ``syncing.record_synced`` writes them: a sync clock by the job's start, a column by a look at the table."""
    days = calendar(tenants(), run.at, AHEAD)
    ids = {tenant.slug: str(tenant.id) for tenant in tenants()}
    for stream in settings().sources[run.source].streams:
        key = f"{run.source}/{stream.name}"
        for job in run.jobs:
            if job.error:
                continue
            data_time: datetime | date = job.started_at
            if stream.clock.kind is ClockKind.COLUMN:
                data_time = job.newest[stream.name]
            if not isinstance(data_time, datetime):
                data_time = days.data_time(data_time, ids[job.tenant])
            yield SubjectFact(key, job.tenant, job.ended_at, run.run_id, "airbyte", {key: data_time})


def _zero_rows(ends: list[SyncEnd]) -> str:
    """docs/freshness.md 5: the newest sync brought 0 rows where none of the last 30 days' did, at least 20."""
    told = [end for end in ends if end.succeeded]
    empty = len(list(takewhile(lambda end: end.rows == 0, reversed(told))))
    if not empty:
        return ""
    since = told[-empty].started_at - USUAL_PERIOD
    before = [end for end in told[:-empty] if end.started_at >= since]
    usual = any(end.rows == 0 for end in before)
    return f"{empty} syncs brought 0 rows" if len(before) >= USUAL_SYNCS and not usual else ""
