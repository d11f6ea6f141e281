"""One tick of the log of states: everything promised is judged, and what changed since the last tick is written down.

What belongs here: judgements → standings. What does not: judging (``answers/sweep.py``), the log's tables
(``ledger/state_changes.py``), when a tick comes (``sensors.py``).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.sweep import Sweep, read_sweep
from telemetry_assets.freshness.judge import Judgement, judge
from telemetry_assets.freshness.lineage import fact_now, graph_of, read_by
from telemetry_assets.freshness.owed import Owed, groups_owed
from telemetry_assets.ledger import state_changes, subjects
from telemetry_assets.ledger.connection import advisory_lock
from telemetry_assets.ledger.state_changes import Standing, Subject
from telemetry_assets.settings import Settings

LOCK = "telemetry.state_changes"
"""The advisory lock of one tick: two of them judge and write one after the other."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick saw and wrote."""

    promises: int
    not_fresh: int
    written: int


def log_states(conn: Connection[TupleRow], settings: Settings, now: datetime) -> Tick:
    """Judge everything at ``now`` and write what changed. ``conn`` is in autocommit.

    The same tick again writes nothing. Raises CouldNotLookError, and then nothing is written.
    """
    with advisory_lock(conn, LOCK):
        swept = read_sweep(conn, settings, now)
        logged = state_changes.not_fresh(conn)
        judged = {(one.asset, one.tenant): one for one in swept.judged}
        news = {
            subject: one
            for subject, one in judged.items()
            if subject not in logged or not logged[subject].says(one.state, one.data_time)
        }
        left = logged.keys() - judged.keys()
        written = state_changes.record(conn, _standings(conn, settings, swept, news, left), now) if news or left else 0
    return Tick(swept.promises, len(judged), written)


def _standings(
    conn: Connection[TupleRow],
    settings: Settings,
    swept: Sweep,
    news: Mapping[Subject, Judgement],
    left: Iterable[Subject],
) -> Iterator[Standing]:
    """How the subjects of ``news`` stand, and those that ``left`` the list of the not fresh: fresh, or owed no more."""
    graph, slugs = graph_of(swept.nodes), [tenant.slug for tenant in swept.tenants]
    gone = set(left)
    facts = subjects.read_each(conn, sorted(read_by([*news, *gone], graph, slugs)))
    owed = _owed(settings, swept, gone)
    for subject in sorted(gone - owed.keys()):
        yield state_changes.gone(subject)
    held = {subject: fact_now(*subject, graph, facts, swept.now, slugs) for subject in (*news, *owed)}
    healed = {subject: judge(one, held[subject], swept.now) for subject, one in owed.items()}
    for subject, one in {**news, **healed}.items():
        fact = held[subject]
        yield Standing(
            asset=one.asset,
            tenant=one.tenant,
            state=one.state,
            run_state=one.run_state,
            run_time=one.run_time,
            binding_root=one.binding_root,
            data_time=one.data_time,
            slack=one.slack,
            data_times=dict(fact.data_times) if fact else {},
            owner=one.owner,
            reason=one.reason,
        )


def _owed(settings: Settings, swept: Sweep, wanted: set[Subject]) -> dict[Subject, Owed]:
    """Those of ``wanted`` that somebody is owed still."""
    if not wanted:
        return {}
    return {
        (group.asset, tenant): Owed(group.asset, tenant, group.terms)
        for group in groups_owed(swept.nodes, settings.promises, swept.tenants)
        for tenant in group.tenants
        if (group.asset, tenant) in wanted
    }
