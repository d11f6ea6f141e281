"""Why a root's data does not move: its sync failed, never ran, hangs, or brings nothing new.

What belongs here: what happened to one feed → the one thing to tell. What does not: what is built from it
(``building.py``), which root to look at (``cause.py``).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from telemetry_assets.freshness.case import Case, Told, quoted, time_since
from telemetry_assets.freshness.happenings import Feed, SyncEnd, is_overdue
from telemetry_assets.freshness.judge import OLDEST_LOOK
from telemetry_assets.model import CauseKind, ClockKind
from telemetry_assets.spoken import spoken


def why_behind(case: Case) -> Told:
    """Why the root of the case holds nothing newer. The first that applies: we could not look, its syncs are in
    trouble (unless it was as late while they were well), it never held anything, it was set back, its syncs bring
    nothing, nobody fills it."""
    return next(_reasons(case))


def sync_trouble(case: Case) -> Told | None:
    """What is wrong with the syncs themselves: the newest failed, none was started in time, one hangs."""
    feed = case.feed
    if feed is None:
        return None
    return _failed(case, feed) or _hangs(case, feed) or _not_run(case, feed)


def sync_failed(source: str, root: str, feed: Feed, now: datetime, option: str) -> Told | None:
    """What is told of a feed whose newest ended sync failed, with ``option`` for the command; None for any other."""
    if not feed.ended or feed.ended[0].succeeded:
        return None
    newest, failing = feed.ended[0], _since_success(feed.ended)
    first = failing[-1]
    said = quoted(newest.error) or "it gave no reason"
    like = f", like every one for {time_since(first.started_at, now)}" if len(failing) > 1 else ""
    says = f"the newest sync of {source} {newest.status} {time_since(newest.ended_at, now)} ago{like}: {said}"
    remedy = f"Mend what it says, then: telemetry refresh sync{option}"
    return Told(CauseKind.SYNC_FAILED, root, says, remedy, first.started_at, said)


def not_seen(case: Case) -> Told | None:
    """Why nobody could look at the root from outside; None where somebody did."""
    look = case.evidence.looks.get(case.root)
    if look is None or not (look.error or case.now - look.looked_at > OLDEST_LOOK):
        return None
    if look.error:
        said, remedy = quoted(look.error), "Mend what it says; telemetry doctor tests what we depend on"
        says = f"{case.root} could not be looked at {case.ago(look.looked_at)}: {said}"
        return Told(CauseKind.COULD_NOT_LOOK, case.root, says, remedy, look.looked_at, said)
    says = f"nobody has looked at {case.root} for {case.span(look.looked_at)}: it may be younger than we know"
    remedy = (
        "See that the sensors run (telemetry up; on a server dagster-daemon), or look now: telemetry refresh checks"
    )
    return Told(CauseKind.COULD_NOT_LOOK, case.root, says, remedy, look.looked_at)


def zero_rows(case: Case) -> Told | None:
    """Syncs that succeed and bring nothing since some moment, where they brought rows before; None otherwise."""
    ended = [sync for sync in (case.feed.ended if case.feed else ()) if sync.succeeded]
    empty = list(takewhile(lambda sync: sync.rows == 0, ended))
    before = ended[len(empty) :]
    if not empty or not any(sync.rows for sync in before):
        return None
    brought = next(sync for sync in before if sync.rows)
    says = (
        f"the syncs of {case.source} succeed and have brought 0 rows for {case.span(empty[-1].started_at)};"
        f" the last to bring any brought {brought.rows:,} {case.ago(brought.ended_at)}"
    )
    return Told(CauseKind.ZERO_ROWS, case.root, says, _LOOK_THERE.format(source=case.source), empty[-1].started_at)


_LOOK_THERE = "Look at {source} where it comes from: its access, its filters, whether anything happens there at all"


def _reasons(case: Case) -> Iterator[Told]:
    held, well = case.held(case.root), _last_success(case)
    if unseen := not_seen(case):
        yield unseen
    quiet_before = well is not None and case.was_behind(well.ended_at)
    if not quiet_before and (trouble := sync_trouble(case) or _none_since(case)):
        yield trouble
    if held is None:
        yield _never_loaded(case)
        return
    for told in (_set_back(case, held), zero_rows(case), _under_way(case), _within_cadence(case)):
        if told:
            yield told
    yield _quiet(case, held, well)


def _failed(case: Case, feed: Feed) -> Told | None:
    return sync_failed(case.source, case.root, feed, case.now, case.option())


def _since_success(ended: Sequence[SyncEnd]) -> list[SyncEnd]:
    return list(takewhile(lambda sync: not sync.succeeded, ended))


def _hangs(case: Case, feed: Feed) -> Told | None:
    since = feed.running_since
    usual = max((sync.ended_at - sync.started_at for sync in feed.ended if sync.succeeded), default=timedelta(0))
    if since is None or not is_overdue(since, max(feed.every or timedelta(0), usual), case.now):
        return None
    longest = f"; the longest of late took {spoken(usual)}" if usual else ""
    says = f"a sync of {case.source} has been running for {case.span(since)}{longest}"
    remedy = "Look at the job in Airbyte; cancel it if it hangs, and the next one starts by itself"
    return Told(CauseKind.SYNC_RUNNING_LONG, case.root, says, remedy, since)


def _not_run(case: Case, feed: Feed) -> Told | None:
    last = feed.last_start
    if feed.every is None or last is None or feed.running_since is not None:
        return None
    return _no_start(case, feed.every, last) if is_overdue(last, feed.every, case.now) else None


def _none_since(case: Case) -> Told | None:
    """Whatever the newest sync may have read is too old by now, and the next one is past its time, be it by a minute:
    nobody has asked the feed."""
    feed = case.feed
    if feed is None or feed.every is None or feed.running_since is not None or not feed.ended:
        return None
    last = feed.ended[0].started_at
    return _no_start(case, feed.every, last) if case.is_too_old(last) and case.now - last > feed.every else None


def _no_start(case: Case, every: timedelta, last: datetime) -> Told:
    says = f"no sync of {case.source} has started for {case.span(last)}, and one should every {spoken(every)}"
    remedy = (
        "See that the schedules run (telemetry up; on a server dagster-daemon),"
        f" or now: telemetry refresh sync{case.option()}"
    )
    return Told(CauseKind.SYNC_NOT_RUN, case.root, says, remedy, last)


def _never_loaded(case: Case) -> Told:
    feed, root = case.feed, case.root
    known = case.evidence.facts.get((root, case.whose(root)))
    again = f"Load it: telemetry refresh sync{case.option()}"
    if known is not None and known.synthetic:
        says, remedy = f"{root} was only ever loaded with synthetic rows, and those refresh nothing", again
    elif feed is None and case.source in case.happenings.synced:
        says = f"no connection of {case.source} feeds {root}"
        remedy = f"Add one under sources.{case.source}.connections, or take the tenant out of the promise"
    elif feed is None:
        says, remedy = f"nothing was ever seen of {root}", f"Ask whoever fills {root}: we only look at it"
    elif feed.ended:
        says = f"the syncs of {case.source} succeed and {root} never got a dated row"
        remedy = _LOOK_THERE.format(source=case.source)
    elif feed.running_since is not None:
        says = f"the first sync of {case.source} has been running for {case.span(feed.running_since)}"
        remedy = "Wait for it; nothing is wrong yet"
    else:
        says, remedy = f"{case.source} was never synced", again
    return Told(CauseKind.NEVER_LOADED, root, says, remedy)


def _set_back(case: Case, held: datetime) -> Told | None:
    found = case.happenings.corrections.get((case.root, case.feeding_tenant))
    if found is None or found.became != held:
        return None
    says = (
        f"{case.root} was set back {case.ago(found.known_at)}: its newest value went from"
        f" {_text(found.was)} to {_text(found.became)}, and nothing newer has come since"
    )
    remedy = f"If {case.root} was restored or reset, load again what is missing; else look for who deleted rows"
    return Told(CauseKind.CORRECTED, case.root, says, remedy, found.known_at)


def _within_cadence(case: Case) -> Told | None:
    """A root dated by its syncs, which are all well: the promise leaves them no time."""
    clock = case.graph[case.root].clock if case.root in case.graph else None
    if clock is None or clock.kind is not ClockKind.SYNC or case.feed is None or not case.feed.ended:
        return None
    newest = case.feed.ended[0]
    every = f", and one starts every {spoken(case.feed.every)}" if case.feed.every else ""
    says = f"nothing is broken: the newest sync of {case.source} started {case.ago(newest.started_at)}{every}"
    remedy = "Wait for the next one; if this comes again the window is too tight for the cadence: telemetry config lint"
    return Told(CauseKind.WAITING, case.root, says, remedy, newest.started_at, of=case.source)


def _under_way(case: Case) -> Told | None:
    """A sync that runs now, after a pause: what it brings is not known yet."""
    feed = case.feed
    if feed is None or feed.running_since is None or feed.every is None or not feed.ended:
        return None
    before = feed.ended[0].started_at
    if not is_overdue(before, feed.every, case.now):
        return None
    says = f"a sync of {case.source} has been running for {case.span(feed.running_since)}, the first after a pause"
    remedy = f"Wait for its end; the one before started {case.ago(before)}"
    return Told(CauseKind.WAITING, case.root, says, remedy, feed.running_since, of=case.source)


def _quiet(case: Case, held: datetime, well: SyncEnd | None) -> Told:
    if well is None:
        says = f"whoever fills {case.root} has brought nothing newer than {_text(held)}"
        remedy = f"Look at what fills {case.root}: no run of ours makes it younger"
    else:
        rows = f" with {well.rows:,} rows" if well.rows is not None else ""
        says = (
            f"the syncs of {case.source} succeed (the newest {case.ago(well.ended_at)}{rows})"
            f" and bring nothing newer than {_text(held)} for {case.root}"
        )
        remedy = f"Look at {case.root} where it comes from: no run of ours makes it younger"
    return Told(CauseKind.FEED_QUIET, case.root, says, remedy, held)


def _last_success(case: Case) -> SyncEnd | None:
    return next((sync for sync in (case.feed.ended if case.feed else ()) if sync.succeeded), None)


def _text(instant: datetime) -> str:
    return f"{instant.year:04}-{instant:%m-%d %H:%M} UTC"
