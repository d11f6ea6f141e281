"""Which fact of a subject counts: facts that come late, twice, in any order and grouping end in the same memory.

What belongs here: ranking and joining facts, and noticing a correction. What does not: keeping them (``ledger/``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from telemetry_assets.model import SubjectFact

type Subject = tuple[str, str]
"""(asset, tenant)."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A root whose newer fact holds an earlier data time than the older one: the table was restored, or reset."""

    asset: str
    tenant: str
    was: datetime
    became: datetime
    known_at: datetime
    run_id: str


def rank(fact: SubjectFact) -> tuple[bool, datetime, str]:
    """Facts of one subject are ordered by it: real after synthetic, then when it was known, then the run's id."""
    return (not fact.synthetic, fact.known_at, fact.run_id)


def newest(one: SubjectFact, other: SubjectFact) -> SubjectFact:
    """The fact that counts of two of one subject.

    The higher rank stays, whole. Two of the same rank are one run told twice: the union of their roots, the later data
    time of each (it was read later), the greater rows, run time and source. Each is a maximum, so order is no matter.
    """
    if rank(one) != rank(other):
        return max(one, other, key=rank)
    if one == other:
        return one
    return replace(
        one,
        run_time=max((time for time in (one.run_time, other.run_time) if time is not None), default=None),
        looked_at=max((time for time in (one.looked_at, other.looked_at) if time is not None), default=None),
        source=max(one.source, other.source),
        data_times=_later_of_each(one.data_times, other.data_times),
        rows=max((count for count in (one.rows, other.rows) if count is not None), default=None),
    )


def newest_of_each(facts: Iterable[SubjectFact]) -> dict[Subject, SubjectFact]:
    """The fact that counts of each subject."""
    found: dict[Subject, SubjectFact] = {}
    for fact in facts:
        key = (fact.asset, fact.tenant)
        found[key] = newest(found[key], fact) if key in found else fact
    return found


def correction(held: SubjectFact, after: SubjectFact) -> Correction | None:
    """The correction that ``after`` makes to what was held of a root, if it is one; derived assets have none."""
    was, became = held.data_times.get(held.asset), after.data_times.get(held.asset)
    if was is None or became is None or became >= was or held.synthetic != after.synthetic:
        return None
    return Correction(held.asset, held.tenant, was, became, after.known_at, after.run_id)


def _later_of_each(one: Mapping[str, datetime], other: Mapping[str, datetime]) -> dict[str, datetime]:
    later = dict(one)
    for root, data_time in other.items():
        later[root] = max(data_time, later.get(root, data_time))
    return later
