"""Why an asset does not hold what its parents hold: it was not built, failed, was skipped, withheld or not published.

What belongs here: what happened to one hop → the one thing to tell. What does not: roots (``feeding.py``), which hop
to look at (``cause.py``).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from telemetry_assets.freshness.case import Case, Told, quoted, time_since
from telemetry_assets.freshness.happenings import NodeRun, Withheld, is_overdue
from telemetry_assets.model import AssetKind, CauseKind
from telemetry_assets.spoken import spoken

FAILED = frozenset({"error", "fail", "runtime error", "partial success"})
SKIPPED = "skipped"
DBT = "dbt"
"""What stands still where nothing of it is built any more."""
_REBUILD = "telemetry refresh build"


def why_not_built(case: Case, hop: str, parent: str) -> Told:
    """Why ``hop`` does not hold what ``parent``, next to it on the path, holds of the root."""
    if case.kind(hop) is AssetKind.SNAPSHOT:
        return _withheld(case, hop) or _not_published(case, hop, parent)
    last = case.happenings.models.get(hop)
    if last is not None and last.status in FAILED:
        return build_failed(hop, last, case.now)
    if last is not None and last.status == SKIPPED:
        return _skipped(case, hop, last)
    return _not_built(case, hop, parent)


def build_failed(key: str, last: NodeRun, now: datetime, above: str = "") -> Told:
    """What is told of a model that dbt failed to build, and of what waits for it."""
    said = quoted(last.said) or f"dbt says {last.status}"
    kept = f", and {above} waits for it" if above else ""
    says = f"dbt failed to build {key} {time_since(last.at, now)} ago{kept}: {said}"
    return Told(CauseKind.BUILD_FAILED, key, says, f"Mend the model, then: {_REBUILD}", last.at, said)


def withheld(key: str, held: Withheld, now: datetime) -> Told:
    """What is told of a snapshot whose newest payload was held back."""
    said = quoted(held.said)
    says = f"the newest payload of {key} broke its contract and was withheld {time_since(held.since, now)} ago: {said}"
    remedy = "Mend what the payload is built from (or the contract), then: telemetry refresh"
    return Told(CauseKind.WITHHELD, key, says, remedy, held.since, said)


def _skipped(case: Case, hop: str, last: NodeRun) -> Told:
    """What made dbt skip it: a model above that failed in the same invocation, or a test of one."""
    above = list(_upwards(case, hop))
    for key in above:
        blocker = case.happenings.models.get(key)
        if blocker is not None and blocker.at == last.at and blocker.status in FAILED:
            return build_failed(key, blocker, case.now, hop)
    for key in (hop, *above):
        for test in case.happenings.tests.get(key, ()):
            if test.at == last.at:
                says = (
                    f"dbt skipped {hop} {case.ago(last.at)}, because {test.name or 'a test'} of {key} failed:"
                    f" {quoted(test.said) or test.status}"
                )
                remedy = f"Mend the data of {key} or the test, then: {_REBUILD}"
                return Told(CauseKind.BUILD_SKIPPED, key, says, remedy, last.at)
    said = f": {quoted(last.said)}" if quoted(last.said) else ", and does not say because of what"
    says = f"dbt skipped {hop} {case.ago(last.at)}{said}"
    return Told(CauseKind.BUILD_SKIPPED, hop, says, f"See why, and build it: {_REBUILD}", last.at)


def _upwards(case: Case, key: str) -> Iterator[str]:
    """Everything ``key`` is made from, nearest first."""
    queue = [key]
    for current in queue:
        for parent in case.graph[current].parents if current in case.graph else ():
            if parent not in queue:
                queue.append(parent)
                yield parent


def _not_built(case: Case, hop: str, parent: str) -> Told:
    fact, every, built_at = case.fact(hop), case.happenings.build_every, case.happenings.built_at
    last = fact.run_time if fact else None
    if every is not None and last is not None and not is_overdue(last, every, case.now):
        return _waiting(case, hop, parent, last, every, "built")
    remedy = f"See that its schedule runs (telemetry up; on a server dagster-daemon), or now: {_REBUILD}"
    should = f", and it should be every {spoken(every)}" if every else ""
    if built_at is not None and every is not None and is_overdue(built_at, every, case.now):
        says = f"dbt has built nothing for {case.span(built_at)}{should}; {_fresher(case, parent)}"
        return Told(CauseKind.BUILD_NOT_RUN, hop, says, remedy, built_at, of=DBT)
    since = f"for {case.span(last)}" if last else "yet"
    ran = f", though dbt as a whole ran {case.ago(built_at)}" if built_at else ""
    says = f"{hop} was not built {since}{ran}{should}; {_fresher(case, parent)}"
    return Told(CauseKind.BUILD_NOT_RUN, hop, says, remedy, last)


def _withheld(case: Case, hop: str) -> Told | None:
    held = case.happenings.withheld.get((hop, case.whose(hop)))
    return None if held is None else withheld(hop, held, case.now)


def _not_published(case: Case, hop: str, parent: str) -> Told:
    fact, newest = case.fact(hop), case.happenings.published.get(hop)
    last, every = (fact.run_time if fact else None), case.happenings.publish_every.get(hop)
    if newest is not None and newest >= _known_at(case, parent) and (last is None or last < newest):
        says = f"{hop} was published {case.ago(newest)}, but {parent} had no row for this tenant"
        return Told(CauseKind.NOT_PUBLISHED, hop, says, f"Look for the tenant's row in {parent}", last)
    if every is not None and last is not None and not is_overdue(last, every, case.now):
        return _waiting(case, hop, parent, last, every, "published")
    since = f"for {case.span(last)}" if last else "yet"
    should = f", and it should be every {spoken(every)}" if every else ""
    says = f"{hop} was not published {since}{should}; {_fresher(case, parent)}"
    remedy = (
        "See that its schedule runs (telemetry up; on a server dagster-daemon),"
        f" or now: telemetry refresh snapshots{case.option()}"
    )
    return Told(CauseKind.NOT_PUBLISHED, hop, says, remedy, last)


def _waiting(case: Case, hop: str, parent: str, last: datetime, every: timedelta, done: str) -> Told:
    due = last + every - case.now
    when = f"in about {spoken(due)}" if due > timedelta(0) else "any moment"
    says = f"nothing is broken now: {_fresher(case, parent)}, and {hop}, {done} {case.ago(last)}, takes it {when}"
    phase = "snapshots" if done == "published" else "build"
    # One build makes all models: whoever waits for it waits for one thing.
    of = "" if done == "published" else DBT
    return Told(CauseKind.WAITING, hop, says, f"Wait, or now: telemetry refresh {phase}", last, of=of)


def _fresher(case: Case, parent: str) -> str:
    held = case.held(parent)
    return f"{parent} holds data {case.span(held)} old" if held else f"{parent} waits"


def _known_at(case: Case, key: str) -> datetime:
    """When what an asset holds now became known there: of a view, when the newest of its tables was built."""
    facts = [case.fact(table) for table in case.graph.tables(key)]
    return max((fact.known_at for fact in facts if fact), default=case.now)
