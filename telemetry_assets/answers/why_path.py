"""The way from a binding root down to an asset, told hop by hop: both ages, what it waits for, what went wrong.

What belongs here: one case → its hops. What does not: the cause (``freshness/cause.py``), reading the ledger.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from telemetry_assets.answers.why_answer import Hop
from telemetry_assets.freshness.building import FAILED
from telemetry_assets.freshness.case import Case, quoted
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import AssetKind
from telemetry_assets.spoken import spoken


def hops_of(case: Case, own: Mapping[str, Judgement]) -> tuple[Hop, ...]:
    """The hops from the root of the case down to its asset; ``own`` are the judgements of their own promises."""
    return tuple(_hop(case, key, own.get(key)) for key in case.path())


def _hop(case: Case, key: str, own: Judgement | None) -> Hop:
    fact, held = case.fact(key), case.held(key)
    return Hop(
        asset=key,
        kind=case.kind(key),
        state=own.state if own else None,
        run_age=_age(fact.run_time if fact else None, case.now),
        data_age=_age(held, case.now),
        waits_for=_waits_for(case, key),
        trouble=_trouble(case, key),
    )


def _age(instant: datetime | None, now: datetime) -> timedelta | None:
    return None if instant is None else max(now - instant, timedelta(0))


def _waits_for(case: Case, key: str) -> str:
    happened = case.happenings
    match case.kind(key):
        case AssetKind.VIEW:
            return "a view: as its parents are"
        case AssetKind.SNAPSHOT:
            return _next("publication", happened.published.get(key), happened.publish_every.get(key), case.now)
        case AssetKind.MODEL:
            return _next("build", happened.built_at, happened.build_every, case.now)
        case _ if key == case.root and case.feed is not None:
            if case.feed.running_since is not None:
                return f"a sync has been running for {spoken(case.now - case.feed.running_since)}"
            return _next("sync", case.feed.last_start, case.feed.every, case.now)
        case _:
            return "others fill it"


def _next(what: str, last: datetime | None, every: timedelta | None, now: datetime) -> str:
    if every is None:
        return f"nobody said when the next {what} is"
    if last is None:
        return f"its first {what}"
    due = last + every - now
    return f"next {what} due in {spoken(due)}" if due > timedelta(0) else f"a {what} has been due for {spoken(-due)}"


def _trouble(case: Case, key: str) -> str:
    happened = case.happenings
    if key == case.root and case.feed and case.feed.ended and not case.feed.ended[0].succeeded:
        newest = case.feed.ended[0]
        return f"its newest sync {newest.status}: {quoted(newest.error) or 'it gave no reason'}"
    held = happened.withheld.get((key, case.whose(key)))
    if held is not None:
        return f"its newest payload is withheld: {quoted(held.said)}"
    last = happened.models.get(key)
    if last is None:
        return ""
    return f"dbt {'failed' if last.status in FAILED else last.status}: {quoted(last.said) or last.status}"
