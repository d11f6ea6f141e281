"""The data-age half of a component's health: judgements of its promises → one finding and one age.

What belongs here: wording the worst judgement for a health payload. What does not: judging (``freshness/``).
"""

from collections.abc import Sequence
from datetime import timedelta

from telemetry_assets.answers.condition import Finding, Status, spoken
from telemetry_assets.freshness.judge import Judgement, worst
from telemetry_assets.model import ANY_TENANT, Deadline, Limit, State


def oldest_data(judged: Sequence[Judgement]) -> timedelta | None:
    """The greatest data age; None where nothing is dated."""
    return max((one.data_age for one in judged if one.data_age is not None), default=None)


def data_state(judged: Sequence[Judgement]) -> State | None:
    """The worst state of what is dated; None where nothing is."""
    dated = _dated(judged)
    return worst([one.state for one in dated]) if dated else None


def data_finding(judged: Sequence[Judgement], *, missing: Status) -> Finding:
    """The worst of the judgements in the runbooks' words; ``missing`` is what this component calls data never seen.

    An asset without any dated root makes nothing worse: it has no data age to be late by.
    """
    state = data_state(judged)
    if state in (None, State.PASS, State.WARN):
        return Finding(Status.OK)
    alike = [one for one in _dated(judged) if one.state is state]
    told = max(alike, key=lambda one: one.data_age or timedelta(0))
    return _worded(told, len(alike) - 1, missing)


def _worded(told: Judgement, others: int, missing: Status) -> Finding:
    of = f"of {told.tenant} " if told.tenant != ANY_TENANT else ""
    more = f" (and {others} more)" if others else ""
    if told.state is State.UNKNOWN:
        return Finding(Status.UNKNOWN, f"the data age {of}in {told.asset} is unknown{more}: {told.reason}")
    if told.state is State.MISSING:
        return Finding(missing, f"{told.asset} has never held data {of}{more}: {told.reason}")
    root = f", by {told.binding_root}" if told.binding_root not in (None, told.asset) else ""
    ages = f"{spoken(told.data_age)} old{root}{more}, and {_promised(told.limit)}"
    late = f"the data {of}in {told.asset} is {ages}"
    if told.run_state is State.PASS:
        feed = told.binding_root or told.asset
        late += f"; no run makes it younger: look at the feed {feed} where it comes from"
    return Finding(Status.STALE, late)


def _promised(limit: Limit | None) -> str:
    if isinstance(limit, Deadline):
        return f"it is promised by {limit.by:%H:%M} ({limit.zone or 'UTC'}) to reach {limit.since:%H:%M}"
    return f"{spoken(limit.fail if limit else None)} are promised"


def _dated(judged: Sequence[Judgement]) -> list[Judgement]:
    return [one for one in judged if not (one.undated and one.state is State.UNKNOWN)]
