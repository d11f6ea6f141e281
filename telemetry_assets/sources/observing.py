"""Syncs that nobody of us started: what Airbyte did by its own schedule, seen from outside, made known as our own are.

What belongs here: listing jobs within bounds, writing down what is new, saying whose data was seen so. What does not:
what a succeeded sync makes true (``syncing.py``), when to look and what Dagster is told of it (``defs/``).
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event, local

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.errors import CouldNotLookError, TelemetryError
from telemetry_assets.ledger import looks, subjects, syncs
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import Look
from telemetry_assets.settings import ConnectionSettings, Settings, SourceSettings
from telemetry_assets.sources.airbyte import AirbyteClient, Job, JobType, client_for
from telemetry_assets.sources.syncing import Outcome, record_outcomes

SEEN = "(seen on Airbyte)"
"""The run id of what was seen from outside. It sorts before every run's: a run of ours that tells the same job wins."""
CONCURRENT_LOOKS = 4
LOOKING_SECONDS = 20.0
"""After so long no further connection is asked; the next look begins there."""
LONGEST_LOOK = timedelta(seconds=10)
"""How long the tables of all sources may take together: who looks has a minute for all of this."""
_REQUEST_SECONDS, _ATTEMPTS = 5.0, 2
_USER_IN_URL = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Feed:
    """One tenant of one source, with all its connections: it is synced when all of them are."""

    source: SourceSettings
    tenant: str
    connections: tuple[ConnectionSettings, ...]

    @property
    def name(self) -> str:
        """``source/tenant``."""
        return f"{self.source.name}/{self.tenant}"


@dataclass(frozen=True, slots=True)
class SyncsSeen:
    """What one look saw; ``feeds`` counts those whose jobs were listed.

    ``ended``: feed and the newest succeeded job of each of its connections, where its newest fact was seen so and no
    run of ours told it. ``errors``: source → why it could not be looked at. ``next_feed`` was not reached.
    """

    feeds: int = 0
    new_jobs: int = 0
    ended: tuple[tuple[Feed, tuple[Job, ...]], ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    next_feed: str | None = None


def feeds_of(settings: Settings) -> tuple[Feed, ...]:
    """Every feed, in the order of the file."""
    found: dict[tuple[str, str], list[ConnectionSettings]] = {}
    for connection in settings.connections():
        found.setdefault((connection.source, connection.tenant), []).append(connection)
    return tuple(Feed(settings.sources[source], tenant, tuple(own)) for (source, tenant), own in found.items())


def observe_syncs(
    conn: Connection[TupleRow],
    settings: Settings,
    now: datetime,
    *,
    first: str | None = None,
    seconds: float = LOOKING_SECONDS,
) -> SyncsSeen:
    """Look at the newest jobs of each connection, from the feed named ``first`` on; write jobs, facts and looks.

    Idempotent. An Airbyte that cannot be reached is in ``errors`` and, where it is a server, in the ledger's looks; one
    connection that it does not answer for holds up no other.
    Raises CouldNotLookError where the ledger cannot be reached.
    """
    feeds = feeds_of(settings)
    place = next((number for number, feed in enumerate(feeds) if feed.name == first), 0)
    listing = _list(settings, feeds[place:], seconds)
    new = _record_jobs(conn, listing, now)
    notes = [f"{feed.name}: {found}" for feed, found in listing.asked if isinstance(found, TelemetryError)]
    ready = list(_ready(conn, [feed for feed, _ in listing.jobs()]))
    _record_facts(conn, ready, now)
    errors = listing.errors(feeds)
    if settings.airbyte.url:
        touched = dict.fromkeys(feed.source.name for feed, _ in listing.asked)
        looks.record(conn, [Look(name, now, errors.get(name, "")) for name in {**touched, **dict.fromkeys(errors)}])
    return SyncsSeen(len(list(listing.jobs())), new, tuple(_seen(conn, ready)), errors, tuple(notes), listing.next_feed)


type _Found = tuple[Job, ...] | TelemetryError


@dataclass(frozen=True, slots=True)
class _Listing:
    asked: tuple[tuple[Feed, _Found], ...]
    next_feed: str | None = None
    outage: str = ""
    client: AirbyteClient | None = None
    until: float = 0.0

    def jobs(self) -> Iterator[tuple[Feed, tuple[Job, ...]]]:
        """What was listed, without what was refused or not answered."""
        return ((feed, found) for feed, found in self.asked if isinstance(found, tuple))

    def errors(self, feeds: Sequence[Feed]) -> dict[str, str]:
        """Every source in an outage; else those of which no feed that was asked was answered for."""
        if self.outage:
            return {feed.source.name: self.outage for feed in feeds}
        answered = {feed.source.name for feed, _ in self.jobs()}
        return {feed.source.name: str(found) for feed, found in self.asked if feed.source.name not in answered}


def _without_user(text: str) -> str:
    """An address may hold a user and a password."""
    return _USER_IN_URL.sub("//", text)


def _list(settings: Settings, feeds: Sequence[Feed], seconds: float) -> _Listing:
    """The newest jobs of each feed, a few at a time, until the time is up or nobody answers."""
    mine, stopped, until = local(), Event(), time.monotonic() + seconds
    answered, silent = Event(), list[str]()
    try:
        patient = client_for(settings, attempts=_ATTEMPTS)
    except TelemetryError as error:
        return _Listing((), outage=_without_user(str(error)))
    server = replace(patient.server, timeout_seconds=_REQUEST_SECONDS)

    def ask(feed: Feed) -> _Found | None:
        if stopped.is_set() or time.monotonic() > until:
            return None
        if not hasattr(mine, "client"):
            mine.client = AirbyteClient(server)
        try:
            found = tuple(job for one in feed.connections for job in mine.client.newest_jobs(one.connection_id))
        except TelemetryError as error:
            if isinstance(error, CouldNotLookError):
                silent.append(_without_user(str(error)))
            if len(silent) >= CONCURRENT_LOOKS and not answered.is_set():
                stopped.set()
            return TelemetryError(_without_user(error.message), error.remedy)
        answered.set()
        return found

    with ThreadPoolExecutor(CONCURRENT_LOOKS, thread_name_prefix="airbyte-look") as pool:
        found = list(zip(feeds, pool.map(ask, feeds), strict=True))
    left = next((feed.name for feed, answer in found if answer is None), None)
    asked = tuple((feed, one) for feed, one in found if one is not None)
    outage = silent[0] if silent and not answered.is_set() else ""
    return _Listing(asked, left, outage, AirbyteClient(server), until)


def _record_jobs(conn: Connection[TupleRow], listing: _Listing, now: datetime) -> int:
    """Write the jobs that the ledger does not know as ended; what it knows of an ended one may say more than this."""
    listed = [
        (job, connection)
        for feed, found in listing.jobs()
        for connection in feed.connections
        for job in found
        if job.connection_id == connection.connection_id
    ]
    ended = syncs.ended_among(conn, [(job.connection_id, job.job_id) for job, _ in listed])
    new = [
        _explained(listing, job).as_sync(one, now)
        for job, one in listed
        if (job.connection_id, job.job_id) not in ended
    ]
    syncs.record(conn, new)
    return sum(sync.terminal for sync in new)


def _explained(listing: _Listing, job: Job) -> Job:
    """A job that failed, with the failure's own words while there is time to ask for them."""
    if job.active or job.succeeded:
        return job
    if listing.client and time.monotonic() < listing.until:
        return listing.client.with_reason(job)
    return replace(job, error=f"Airbyte job {job.job_id} ended as {job.status}")


def _ready(conn: Connection[TupleRow], feeds: Iterable[Feed]) -> Iterator[tuple[Feed, tuple[Job, ...]]]:
    """The feeds of which every connection succeeded once, with the newest such job of each."""
    newest = {sync.connection_id: _job(sync) for sync in syncs.newest_succeeded(conn)}
    for feed in feeds:
        jobs = [newest[one.connection_id] for one in feed.connections if one.connection_id in newest]
        if len(jobs) == len(feed.connections):
            yield feed, tuple(jobs)


def _job(sync: Sync) -> Job:
    return Job(
        job_id=sync.job_id,
        connection_id=sync.connection_id,
        status=sync.status,
        job_type=JobType.SYNC,
        started_at=sync.started_at,
        ended_at=sync.ended_at,
        rows_synced=sync.rows_synced,
        bytes_synced=sync.bytes_synced,
    )


def _record_facts(conn: Connection[TupleRow], ready: Sequence[tuple[Feed, tuple[Job, ...]]], now: datetime) -> None:
    """Facts of those feeds whose newest one is older than their newest sync; and once more, as the run's that told it,
    of those with a table that could not be read then."""
    held = subjects.read_each(conn, [_subject(feed) for feed, _ in ready])
    blind = {look.feeder for look in looks.read(conn).values() if look.error}
    by_run: dict[tuple[str, str], tuple[SourceSettings, list[Outcome]]] = {}
    for feed, jobs in ready:
        fact, ended = held.get(_subject(feed)), max(job.ended_at or now for job in jobs)
        told = fact is not None and not fact.synthetic and fact.known_at >= ended
        if not told or not blind.isdisjoint(feed.source.asset_keys):
            run_id = fact.run_id if fact and told else SEEN
            _, outcomes = by_run.setdefault((feed.source.name, run_id), (feed.source, []))
            outcomes += [Outcome(feed.tenant, job.connection_id, job, None) for job in jobs]
    until = time.monotonic() + LONGEST_LOOK.total_seconds()
    for (_, run_id), (source, outcomes) in by_run.items():
        left = timedelta(seconds=max(until - time.monotonic(), 1.0))
        record_outcomes(conn, source, outcomes, run_id, now, timeout=left)


def _seen(
    conn: Connection[TupleRow], ready: Sequence[tuple[Feed, tuple[Job, ...]]]
) -> Iterator[tuple[Feed, tuple[Job, ...]]]:
    held = subjects.read_each(conn, [_subject(feed) for feed, _ in ready])
    return ((feed, jobs) for feed, jobs in ready if (fact := held.get(_subject(feed))) and fact.run_id == SEEN)


def _subject(feed: Feed) -> tuple[str, str]:
    """One of the feed's subjects: all its streams are told together."""
    return (feed.source.asset_keys[0], feed.tenant)
