"""A simulated week: sources that write, syncs, dbt builds and publications that carry it on, each at its own pace.

What belongs here: how the world goes. What does not: the events to be seen of it (``events.py``), what our own code
makes of them (``memory.py``), what may break (``faults.py``). Pure: the same seed lives the same week, and a planted
fault changes nothing but what it touches.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from random import Random
from zoneinfo import ZoneInfo

from tests.simulation.declared import MODELS, SNAPSHOTS, STAGED, build_every, publish_every, settings, slugs, tenants
from tests.simulation.events import (
    BuildEnded,
    BuildStarted,
    Contents,
    Event,
    JobEnd,
    Published,
    SyncRunEnded,
    SyncStarted,
)
from tests.simulation.faults import Fault, FaultKind

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WARM_UP = 2 * DAY
"""How long everything has run before anybody judges: the first loads, and syncs enough to be a habit."""
JITTER = 3 * MINUTE
LAUNCH = 40 * SECOND
"""How late at most a build starts after its time."""
BUILD = (2 * MINUTE, 14 * MINUTE)
AT_A_TIME = 4
"""Connections that one run syncs at once."""
RETRIES, RETRY_AFTER = 10, 3 * MINUTE
"""How often, and how long after it ended, a run that failed is tried again: at most until the next one is due."""
STORM = 20 * MINUTE
LONGEST_GAP = 5 * MINUTE
"""Between two rows of a shop that is open."""
CLOSED_AT_WEEKENDS = "ember"
FIRST_SYNC = {"shop": 0 * HOUR, "erp": 20 * MINUTE, "bank": 7 * HOUR, "fx": 5 * HOUR}
"""When the first sync of a day is due, UTC."""


@dataclass(frozen=True, slots=True)
class Week:
    """What happened, in its order, and what the tables contained meanwhile. Judged from ``start`` to ``end``."""

    seed: int
    start: datetime
    end: datetime
    events: tuple[Event, ...]
    contents: Contents
    faults: tuple[Fault, ...]
    storm: tuple[datetime, datetime]


def simulate(
    seed: int,
    start: datetime,
    end: datetime,
    faults: Sequence[Fault] = (),
    *,
    outage: datetime | None = None,
    retries: int = RETRIES,
) -> Week:
    """The week from ``start`` to ``end`` with these faults, and its warm-up.

    For ``STORM`` from ``outage`` on (None: from some time) no vendor answers: every sync fails, and is tried again.
    """
    began = outage or start + (end - start) * Random(f"{seed}/storm").uniform(0.1, 0.9)
    world = _World(seed, start - WARM_UP, end, tuple(faults), (began, began + STORM), retries)
    events: list[Event] = [event for source in settings().sources for event in world.syncs(source)]
    events += world.builds()
    events += [event for snapshot in SNAPSHOTS for event in world.publications(snapshot)]
    events.sort(key=lambda event: event.at)
    return Week(seed, start, end, tuple(events), world.contents, world.faults, world.storm)


@dataclass(slots=True)
class _World:
    seed: int
    begin: datetime
    end: datetime
    faults: tuple[Fault, ...]
    storm: tuple[datetime, datetime]
    retries: int
    contents: Contents = field(default_factory=Contents)
    jobs: int = 0
    rows: dict[str, list[datetime]] = field(default_factory=dict[str, list[datetime]])

    def syncs(self, source: str) -> Iterator[SyncStarted | SyncRunEnded]:
        """Every run of a source, with the runs that try again what failed."""
        every = settings().sources[source].every
        dues = [self.begin, *self._dues(every, FIRST_SYNC[source])]
        free_at = self.begin
        for due, following in zip(dues, [*dues[1:], self.end], strict=True):
            random = self._random(source, due)
            at = due + random.uniform(-1, 1) * JITTER if due > self.begin else due
            if at < free_at or self._on(FaultKind.SYNCS_STOP, at, source) or self._on(FaultKind.ALL_STOPS, at):
                continue
            tenants = [connection.tenant for connection in settings().sources[source].connections]
            for _ in range(1 + self.retries):
                run = self._run(source, tenants, at, random)
                yield from (SyncStarted(job.started_at, source, job.tenant, job.number) for job in run.jobs)
                yield run
                free_at = run.at
                tenants = [job.tenant for job in run.jobs if job.error]
                at = run.at + RETRY_AFTER
                if not tenants or at > following - JITTER:
                    break

    def builds(self) -> Iterator[BuildStarted | BuildEnded]:
        """Every dbt build: it reads what is there at the moment it comes to each model."""
        for due in self._dues(build_every(), 0 * HOUR):
            random = self._random("dbt", due)
            at = due + random.random() * LAUNCH
            ended = at + BUILD[0] + random.random() * (BUILD[1] - BUILD[0])
            if self._on(FaultKind.BUILDS_STOP, at) or self._on(FaultKind.ALL_STOPS, at):
                continue
            run_id = f"build {at:%d %H:%M:%S}"
            said, failed_tests = self._said(at)
            moments = sorted(at + random.random() * (ended - at) for _ in MODELS)
            for model, read_at, done_at in zip(MODELS, moments, [*moments[1:], ended], strict=True):
                if said[model] == "success":
                    self._build(model, read_at, done_at)
            yield BuildStarted(at, run_id)
            yield BuildEnded(ended, run_id, said, failed_tests)

    def publications(self, snapshot: str) -> Iterator[Published]:
        """Every publication of one snapshot."""
        for due in self._dues(publish_every(snapshot), 0 * HOUR):
            at = due + self._random(snapshot, due).random() * MINUTE
            if self._on(FaultKind.PUBLISHING_STOPS, at) or self._on(FaultKind.ALL_STOPS, at):
                continue
            for tenant in slugs():
                self.contents.write(snapshot, tenant, at, self.contents.at(SNAPSHOTS[snapshot], tenant, at))
            yield Published(at, f"publish {at:%d %H:%M:%S}", snapshot)

    def _run(self, source: str, tenants: Sequence[str], at: datetime, random: Random) -> SyncRunEnded:
        free: list[datetime] = [at] * AT_A_TIME
        jobs: list[JobEnd] = []
        for tenant in tenants:
            job = self._job(source, tenant, heappop(free), random)
            heappush(free, job.ended_at)
            jobs.append(job)
        ended = max(job.ended_at for job in jobs) + random.random() * SECOND
        return SyncRunEnded(ended, f"sync {source} {at:%d %H:%M:%S}", source, tuple(jobs))

    def _job(self, source: str, tenant: str, at: datetime, random: Random) -> JobEnd:
        self.jobs += 1
        ended = at + random.uniform(30, 110) * SECOND
        read_at = at + random.random() * (ended - at)
        rows = random.randrange(20, 400)
        if at < self.storm[1] and ended > self.storm[0]:
            failed = max(at, self.storm[0]) + random.uniform(20, 55) * SECOND
            return JobEnd(self.jobs, tenant, at, failed, error="503 Service Unavailable")
        if source == "shop" and self._on(FaultKind.SYNC_REFUSED, at, tenant):
            return JobEnd(self.jobs, tenant, at, at + 25 * SECOND, error="401 the token has expired")
        nothing = self._found(FaultKind.ZERO_ROWS, at, source)
        stuck = self._found(FaultKind.STUCK_CURSOR, at, tenant) if source == "shop" else None
        newest = self._newest(source, tenant, min([read_at, *(fault.since for fault in (nothing, stuck) if fault)]))
        rows = 0 if nothing else rows
        for stream in settings().sources[source].streams:
            reaches = newest.get(stream.name, at)
            self.contents.write(
                f"{source}/{stream.name}", tenant, ended, {f"{source}/{stream.name}": self._instant(reaches, tenant)}
            )
        return JobEnd(self.jobs, tenant, at, ended, rows, newest=newest)

    def _newest(self, source: str, tenant: str, moment: datetime) -> dict[str, datetime | date]:
        """The newest row of each stream with a clock of its own that the source has at a moment."""
        if source == "shop":
            rows = self._orders(tenant)
            return {"orders": rows[bisect_right(rows, moment) - 1]}
        return {"statements": self._newest_statement(tenant, moment)} if source == "bank" else {}

    def _orders(self, tenant: str) -> list[datetime]:
        """When the tenant's shop sells, from a few days before the beginning on."""
        if tenant not in self.rows:
            random, at, rows = Random(f"{self.seed}/orders/{tenant}"), self.begin - 4 * DAY, list[datetime]()
            while at < self.end:
                at += min(random.expovariate(1 / 90) * SECOND, LONGEST_GAP - SECOND)
                if self._is_open(tenant, at) and not self._on(FaultKind.DEAD_TENANT, at, tenant):
                    rows.append(at)
            self.rows[tenant] = rows
        return self.rows[tenant]

    def _is_open(self, tenant: str, at: datetime) -> bool:
        local = at.astimezone(_zone(tenant))
        return tenant != CLOSED_AT_WEEKENDS or (local.weekday() < 5 and 8 <= local.hour < 18)

    def _newest_statement(self, tenant: str, moment: datetime) -> date:
        """Each day's statement comes within half an hour and an hour and a half after the day is over."""
        today = moment.astimezone(_zone(tenant)).date()
        for day in (today - DAY, today - 2 * DAY):
            late = Random(f"{self.seed}/bank/{tenant}/{day}").uniform(30, 90) * MINUTE
            if _midnight_after(day, tenant) + late <= moment:
                return day
        return today - 3 * DAY

    def _instant(self, reaches: datetime | date, tenant: str) -> datetime:
        return reaches if isinstance(reaches, datetime) else _midnight_after(reaches, tenant)

    def _said(self, at: datetime) -> tuple[dict[str, str], tuple[str, ...]]:
        """dbt's word on each model of a build that starts now, and the models that failed a test."""
        said: dict[str, str] = {}
        failed_tests = tuple(model for model in MODELS if self._on(FaultKind.TEST_FAILS, at, model))
        for model, parents in MODELS.items():
            blocked = any(parent in failed_tests or said.get(parent) in ("error", "skipped") for parent in parents)
            failing = self._on(FaultKind.MODEL_FAILS, at, model)
            said[model] = "skipped" if blocked else "error" if failing else "success"
        return said, failed_tests

    def _build(self, model: str, read_at: datetime, done_at: datetime) -> None:
        if model == STAGED:
            return
        for tenant in slugs():
            held: dict[str, datetime] = {}
            for parent in MODELS[model]:
                for root, reaches in self.contents.at(parent, tenant, read_at).items():
                    held[root] = min(reaches, held.get(root, reaches))
            self.contents.write(model, tenant, done_at, held)

    def _dues(self, every: timedelta, first: timedelta) -> list[datetime]:
        midnight = datetime.combine(self.begin.date(), time(), UTC)
        count = int((self.end - midnight) / every) + 1
        dues = (midnight + first + number * every for number in range(count))
        return [due for due in dues if self.begin + JITTER < due < self.end]

    def _random(self, what: str, due: datetime) -> Random:
        return Random(f"{self.seed}/{what}/{due}")

    def _found(self, kind: FaultKind, at: datetime, *where: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.on(kind, at, *where)), None)

    def _on(self, kind: FaultKind, at: datetime, *where: str) -> bool:
        return self._found(kind, at, *where) is not None


def _zone(tenant: str) -> ZoneInfo:
    return _ZONES[tenant]


def _midnight_after(day: date, tenant: str) -> datetime:
    return datetime.combine(day + DAY, time(), _zone(tenant)).astimezone(UTC)


_ZONES = {tenant.slug: ZoneInfo(tenant.timezone) for tenant in tenants()}
