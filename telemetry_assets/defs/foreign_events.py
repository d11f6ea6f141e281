"""The event log of the whole instance, read behind a cursor: what other code locations materialized or observed.

What belongs here: Dagster's records → event rows, and where to read on. What does not: what an event makes known
(``sources/dagster_events.py``), writing it (``observing.py``).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import batched

import dagster as dg

from telemetry_assets.defs.data_age_checks import OLDEST_AGE
from telemetry_assets.model import AssetNode
from telemetry_assets.settings import Settings
from telemetry_assets.sources.dagster_events import METADATA, Event, Wanted, telling
from telemetry_assets.sources.partition_times import is_time, spacing

BATCH = 2000
"""The most events of one kind read in a tick."""
SETTLING = timedelta(seconds=10)
"""Writers commit in another order than they take their storage ids, so what is younger is read once more."""
_BEYOND_PLOTS = 200
"""How far back the newest event is looked for behind our own observations."""
_RUNS = 500
"""So many runs are asked for at a time."""
_KINDS = {
    "materializations": dg.DagsterEventType.ASSET_MATERIALIZATION,
    "observations": dg.DagsterEventType.ASSET_OBSERVATION,
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the log was read, per kind of event (storage ids). ``assets``: those of which the time before that is
    known, each with a mark of what it was read as: whose partitions counts, and who is a tenant."""

    read: Mapping[str, int]
    assets: Mapping[str, str] = field(default_factory=dict[str, str])

    @staticmethod
    def of(text: str | None) -> "Cursor | None":
        """The cursor of a sensor's tick; None before the first one, and for a text that is none."""
        try:
            held = json.loads(text or "")
            return Cursor({kind: int(held["read"][kind]) for kind in _KINDS}, dict(held["assets"]))
        except (ValueError, KeyError, TypeError):
            return None

    def __str__(self) -> str:
        return json.dumps({"read": dict(self.read), "assets": dict(self.assets)})


def wanted_assets(settings: Settings, nodes: Iterable[AssetNode]) -> dict[str, Wanted]:
    """The assets of other code locations that count: the declared ones, and what a promise spells out and is not ours.

    ``nodes`` is our own graph.
    """
    declared = {
        asset.asset_key: Wanted(asset.asset_key, asset.clock, asset.tenanted)
        for source in settings.foreign.values()
        for asset in source.assets
    }
    ours = {node.key for node in nodes}
    spelt_out = {promise.asset for promise in settings.promises if not set("*?[") & set(promise.asset)}
    return {**{key: Wanted(key) for key in sorted(spelt_out - ours)}, **declared}


def read_events(
    instance: dg.DagsterInstance,
    wanted: Mapping[str, Wanted],
    cursor: Cursor | None,
    now: datetime,
    tenants: Sequence[str] = (),
    batch: int = BATCH,
) -> tuple[tuple[Event, ...], Mapping[str, Wanted], Cursor]:
    """The events since ``cursor``, at most a batch of each kind; ``wanted`` with what their partitions tell; the next
    cursor.

    Of an asset that the cursor does not know, or knew before it was declared otherwise or ``tenants`` came, the newest
    event of each partition comes first: how things stand, not how they came to. Where those are many, the other assets
    wait for the next time, whole. An event may come twice.
    """
    if cursor is None or any(_head(instance, kind) < cursor.read[kind] for kind in _KINDS):
        # The first tick, or another event log than the cursor is of.
        cursor = Cursor({kind: _head(instance, kind, now - SETTLING) for kind in _KINDS})
    marks = {key: _mark(asset, tenants) for key, asset in wanted.items()}
    known = {key: mark for key, mark in marks.items() if cursor.assets.get(key) == mark}
    records: list[dg.EventLogRecord] = []
    for key in sorted(marks.keys() - known.keys()):
        if len(records) < batch:
            records += _newest(instance, key)
            known[key] = marks[key]
    read: dict[str, int] = {}
    for kind, event_type in _KINDS.items():
        found = instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(event_type, after_cursor=cursor.read[kind]), limit=batch, ascending=True
        )
        read[kind] = _settled(found, cursor.read[kind], now, full=len(found) >= batch)
        records += [record for record in found if record.asset_key and record.asset_key.to_user_string() in known]
    events = _events(instance, {record.storage_id: record for record in records if not _is_plot(record)}.values())
    return events, _with_spacing(instance, wanted, events), Cursor(read, known)


def _mark(asset: Wanted, tenants: Sequence[str]) -> str:
    return sha256(repr((asset.clock, asset.tenanted, sorted(tenants))).encode()).hexdigest()[:12]


def _head(instance: dg.DagsterInstance, kind: str, before: datetime | None = None) -> int:
    newest = instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(_KINDS[kind], before_timestamp=before.timestamp() if before else None), limit=1
    )
    return newest[0].storage_id if newest else 0


def _newest(instance: dg.DagsterInstance, asset: str) -> list[dg.EventLogRecord]:
    """The newest events of an asset, of each partition that tells how it stands."""
    key = dg.AssetKey(asset.split("/"))
    found: list[dg.EventLogRecord] = []
    for event_type in _KINDS.values():
        lately = dg.EventRecordsFilter(event_type, asset_key=key)
        limit = _BEYOND_PLOTS if event_type is dg.DagsterEventType.ASSET_OBSERVATION else 1
        records = instance.event_log_storage.get_event_records(lately, limit=limit)
        found += [record for record in records if not _is_plot(record)][:1]
        partitions = instance.event_log_storage.get_latest_storage_id_by_partition(key, event_type)
        if partitions:
            ids = list(telling(partitions))
            found += instance.event_log_storage.get_event_records(
                dg.EventRecordsFilter(event_type, asset_key=key, storage_ids=ids), limit=len(ids)
            )
    return found


def _settled(records: Sequence[dg.EventLogRecord], read: int, now: datetime, *, full: bool) -> int:
    """How far nothing can come in between any more. A batch full of what is younger moves on all the same."""
    settled = read
    for record in records:
        if record.timestamp > (now - SETTLING).timestamp():
            break
        settled = record.storage_id
    return records[-1].storage_id if full and settled == read else settled


def _is_plot(record: dg.EventLogRecord) -> bool:
    """True for what our own checks observe of an asset, for the eyes of people."""
    return record.asset_observation is not None and OLDEST_AGE in record.asset_observation.metadata


def _events(instance: dg.DagsterInstance, records: Collection[dg.EventLogRecord]) -> tuple[Event, ...]:
    runs = sorted({record.run_id for record in records if record.run_id})
    began = {
        run.dagster_run.run_id: datetime.fromtimestamp(run.start_time, UTC)
        for some in batched(runs, _RUNS)
        for run in instance.get_run_records(dg.RunsFilter(run_ids=list(some)))
        if run.start_time is not None
    }
    return tuple(_event(record, began.get(record.run_id)) for record in records)


def _event(record: dg.EventLogRecord, began: datetime | None) -> Event:
    told = record.asset_materialization or record.asset_observation
    assert told is not None
    return Event(
        storage_id=record.storage_id,
        asset=told.asset_key.to_user_string(),
        happened_at=datetime.fromtimestamp(record.timestamp, UTC),
        run_id=record.run_id,
        partition=told.partition,
        run_began=began,
        metadata={name: told.metadata[name].value for name in METADATA if name in told.metadata},
        tags=dict(told.tags or {}),
        observed=record.asset_materialization is None,
    )


def _with_spacing(
    instance: dg.DagsterInstance, wanted: Mapping[str, Wanted], events: Iterable[Event]
) -> Mapping[str, Wanted]:
    """``wanted`` with how far the partitions by time lie apart, of those assets that have some in ``events``."""
    timed = {event.asset for event in events if event.partition and is_time(event.partition)}
    apart = {asset: spacing(instance.get_materialized_partitions(dg.AssetKey(asset.split("/")))) for asset in timed}
    return {key: replace(asset, apart=apart.get(key)) for key, asset in wanted.items()}
