"""Tables that others fill: their newest row per tenant, as facts and looks. We watch them, we do not build them.

What belongs here: which tables are watched, and what one look at them makes known. What does not: looking
(``clocks.py``), the streams that syncs fill (``syncing.py``), judging (``freshness/``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.freshness.lineage import facts_of
from telemetry_assets.ledger import looks, subjects, tenants
from telemetry_assets.model import ClockKind, Look, SubjectFact
from telemetry_assets.settings import Settings
from telemetry_assets.sources.clocks import LONGEST_LOOK, ClockedTable, look_at
from telemetry_assets.sources.dbt_manifest import synthetic_keys, watched_tables

WATCHED = "watched"
"""Source and run id of what was seen in a table: no run of ours wrote it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look made known: the facts, and a look per table asked for.

    A table that could not be read has a look with the reason and no fact: what was last known of it stands.
    """

    facts: tuple[SubjectFact, ...] = ()
    looks: tuple[Look, ...] = ()

    @property
    def notes(self) -> Mapping[str, str]:
        """Table → which values were left out, in words."""
        return {look.feeder: look.note for look in self.looks if look.note}


def watch(
    conn: Connection[TupleRow],
    settings: Settings,
    manifest: Mapping[str, Any] | None,
    now: datetime,
    *,
    timeout: timedelta = LONGEST_LOOK,
) -> Observation:
    """Look at every watched table and write down what is new of it; as :func:`observe`.

    A fact that says what is known already is not written again: most tables of most tenants stand still most of the
    time, and the look says that somebody looked.
    """
    seen = observe(conn, settings, manifest, now, timeout=timeout)
    with conn.transaction():
        held = facts_of(subjects.read(conn, sorted({fact.asset for fact in seen.facts}))) if seen.facts else {}
        subjects.record(conn, [fact for fact in seen.facts if _is_news(fact, held.get((fact.asset, fact.tenant)))])
        looks.record(conn, seen.looks)
    return seen


def observe(
    conn: Connection[TupleRow],
    settings: Settings,
    manifest: Mapping[str, Any] | None,
    now: datetime,
    *,
    timeout: timedelta = LONGEST_LOOK,
) -> Observation:
    """What the watched tables hold at ``now``, in one round trip: a fact per table and tenant that has dated rows.

    ``conn`` is in autocommit. A tenant that is not ours has no fact. Raises CouldNotLookError.
    """
    tables = watched(settings, manifest)
    if not tables:
        return Observation()
    synthetic = synthetic_keys(manifest or {})
    seen = look_at(conn, tables, tenants.read(conn), now, timeout=timeout)
    return Observation(
        facts=tuple(
            SubjectFact(
                asset=table.asset,
                tenant=tenant,
                run_time=None,
                run_id=WATCHED,
                source=WATCHED,
                data_times={table.asset: data_time},
                synthetic=table.asset in synthetic,
                looked_at=now,
            )
            for table in seen
            for tenant, data_time in table.data_times.items()
        ),
        looks=tuple(table.look for table in seen),
    )


def _is_news(fact: SubjectFact, held: SubjectFact | None) -> bool:
    """False where a look before this one saw the same, at an instant at which it could be true."""
    if held is None or (held.source, held.synthetic, held.data_times) != (WATCHED, fact.synthetic, fact.data_times):
        return True
    return held.known_at < fact.data_times[fact.asset]


def watched(settings: Settings, manifest: Mapping[str, Any] | None) -> tuple[ClockedTable, ...]:
    """The tables that others fill and a column dates: the declared ones, and the dated source tables of the dbt
    project that nobody declared. What our own syncs load is left out, and what another code location makes."""
    others = (*settings.sources.values(), *settings.foreign.values(), *settings.tables.values())
    declared = {key for source in others for key in source.asset_keys}
    return (*_declared(settings), *(table for table in _of_dbt(settings, manifest) if table.asset not in declared))


def _declared(settings: Settings) -> Iterator[ClockedTable]:
    for source in settings.tables.values():
        for table in source.tables:
            if table.clock.kind is ClockKind.COLUMN and table.clock.column:
                yield ClockedTable(table.asset_key, table.schema, table.name, table.clock.column, table.tenant_column)


def _of_dbt(settings: Settings, manifest: Mapping[str, Any] | None) -> Iterator[ClockedTable]:
    for table in watched_tables(manifest or {}, settings.tenants.column):
        if table.loaded_at is not None:
            yield ClockedTable(
                table.key, table.schema, table.identifier, table.loaded_at, table.tenant_column, is_sql=True
            )
