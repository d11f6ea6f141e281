"""telemetry.state_changes and telemetry.not_fresh: the log of how subjects came to stand, and where the log stands.

What belongs here: writing what differs from the log, reading it. What does not: judging (``freshness/``), and readers
of how things stand *now*: they judge, and never look here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained
from telemetry_assets.ledger.values import instant_text, instants_json, instants_of, plain_text
from telemetry_assets.model import State

type Subject = tuple[str, str]
"""(asset, tenant)."""

NO_LONGER_PROMISED = "no longer promised"
"""The reason of a PASS that says nothing of the data: nobody is owed the subject any more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one subject stood when it was judged, and by what. ``data_times``: dated root → the data time it held."""

    asset: str
    tenant: str
    state: State
    run_state: State
    run_time: datetime | None = None
    binding_root: str | None = None
    data_time: datetime | None = None
    slack: timedelta | None = None
    data_times: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    owner: str | None = None
    reason: str = ""

    @property
    def subject(self) -> Subject:
        """Of whom this is."""
        return (self.asset, self.tenant)


@dataclass(frozen=True, slots=True)
class StateChange:
    """One row of the log. ``state_before`` is None where nothing was ever written of the subject.

    Equal to the state after it while a subject stays as it is and only its data time moves.
    """

    id: int
    changed_at: datetime
    state_before: State | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Logged:
    """What the log last said of a subject that is not fresh, and since when it is in that state."""

    state: State
    data_time: datetime | None
    since: datetime

    def says(self, state: State, data_time: datetime | None) -> bool:
        """True where to stand so would be no news."""
        return (self.state, self.data_time) == (state, data_time)


def gone(subject: Subject) -> Standing:
    """The standing of a subject that nobody is owed any more."""
    return Standing(*subject, state=State.PASS, run_state=State.UNKNOWN, reason=NO_LONGER_PROMISED)


@explained
def record(conn: psycopg.Connection[TupleRow], standings: Iterable[Standing], now: datetime) -> int:
    """Log each standing that is news; returns how many rows. One transaction, one statement each way.

    News is a state that the log does not hold of the subject (the log holds no PASS), and, while it is not fresh, a
    data time that moved. Subjects not handed in are left alone. Told twice, or by two at once, it is written once.
    """
    latest = {standing.subject: standing for standing in standings}
    ordered = [latest[subject] for subject in sorted(latest)]
    if not ordered:
        return 0
    with conn.transaction():
        # Whoever comes second must see what the first has written, or both would write it.
        conn.execute("lock table telemetry.not_fresh in share row exclusive mode")
        return conn.execute(_RECORD, {**_columns(ordered), "now": instant_text(now)}).rowcount


@explained
def not_fresh(conn: psycopg.Connection[TupleRow]) -> dict[Subject, Logged]:
    """Where the log stands: every subject that was not fresh when it was last written."""
    rows = conn.execute("select asset, tenant, state, data_time, since from telemetry.not_fresh")
    return {(asset, tenant): Logged(State(state), data_time, since) for asset, tenant, state, data_time, since in rows}


@explained
def read(
    conn: psycopg.Connection[TupleRow],
    asset: str | None = None,
    tenant: str | None = None,
    since: datetime | None = None,
    limit: int = 1000,
) -> tuple[StateChange, ...]:
    """The newest changes first, of one asset, of one tenant, not before ``since``; None means any."""
    filters = {"asset": asset, "tenant": tenant, "since": instant_text(since) if since else None, "limit": limit}
    return tuple(_change(row) for row in conn.execute(_READ, filters))


_COLUMNS = "asset, tenant, state, run_state, run_time, binding_root, data_time, slack, data_times, owner, reason"

# The lists as one relation; what the log holds of each; what differs; and the list of the not fresh kept equal to it.
_RECORD = f"""
with incoming as materialized (
    select * from unnest(
        %(asset)s::text[], %(tenant)s::text[], %(state)s::text[], %(run_state)s::text[], %(run_time)s::timestamptz[],
        %(binding_root)s::text[], %(data_time)s::timestamptz[], %(slack)s::interval[], %(data_times)s::jsonb[],
        %(owner)s::text[], %(reason)s::text[]
    ) as one ({_COLUMNS})
), news as materialized (
    select incoming.*, held.state as state_held
    from incoming left join telemetry.not_fresh as held using (asset, tenant)
    where coalesce(held.state, 'PASS') <> incoming.state
        or (held.state is not null and held.data_time is distinct from incoming.data_time)
), healed as (
    delete from telemetry.not_fresh as held using news
    where (held.asset, held.tenant) = (news.asset, news.tenant) and news.state = 'PASS'
), standing as (
    insert into telemetry.not_fresh as held (asset, tenant, state, data_time, since)
    select asset, tenant, state, data_time, %(now)s::timestamptz from news where state <> 'PASS'
    on conflict (asset, tenant) do update set
        state = excluded.state,
        data_time = excluded.data_time,
        since = case when held.state = excluded.state then held.since else excluded.since end
)
insert into telemetry.state_changes (changed_at, state_before, {_COLUMNS})
select
    %(now)s::timestamptz,
    coalesce(
        state_held,
        case when exists (
            select from telemetry.state_changes as old where (old.asset, old.tenant) = (news.asset, news.tenant)
        ) then 'PASS' end
    ),
    {_COLUMNS}
from news order by asset, tenant
"""

_READ = f"""
select id, changed_at, state_before, {_COLUMNS}
from telemetry.state_changes
where (%(asset)s::text is null or asset = %(asset)s::text)
    and (%(tenant)s::text is null or tenant = %(tenant)s::text)
    and (%(since)s::timestamptz is null or changed_at >= %(since)s::timestamptz)
order by id desc
limit %(limit)s
"""


def _columns(standings: Sequence[Standing]) -> dict[str, list[Any]]:
    return {
        "asset": [one.asset for one in standings],
        "tenant": [one.tenant for one in standings],
        "state": [one.state.value for one in standings],
        "run_state": [one.run_state.value for one in standings],
        "run_time": [_instant(one.run_time) for one in standings],
        "binding_root": [one.binding_root for one in standings],
        "data_time": [_instant(one.data_time) for one in standings],
        "slack": [_seconds(one.slack) for one in standings],
        "data_times": [instants_json(one.data_times) for one in standings],
        "owner": [one.owner for one in standings],
        "reason": [plain_text(one.reason) for one in standings],
    }


def _instant(instant: datetime | None) -> str | None:
    return instant_text(instant) if instant else None


def _seconds(duration: timedelta | None) -> str | None:
    """Exact, and no unit whose length depends on a calendar. A slack may be centuries long: a table without a date."""
    if duration is None:
        return None
    return f"{duration.days} days {duration.seconds} seconds {duration.microseconds} microseconds"


def _change(row: TupleRow) -> StateChange:
    number, changed_at, before, asset, tenant, state, run_state, run_time, root, data_time, slack, times, *rest = row
    owner, reason = rest
    return StateChange(
        id=number,
        changed_at=changed_at,
        state_before=State(before) if before else None,
        standing=Standing(
            asset=asset,
            tenant=tenant,
            state=State(state),
            run_state=State(run_state),
            run_time=run_time,
            binding_root=root,
            data_time=data_time,
            slack=slack,
            data_times=MappingProxyType(instants_of(times)),
            owner=owner,
            reason=reason,
        ),
    )
