"""One evaluation: what is wrong now, held against the incidents that are open, and what that changes, written down.

What belongs here: putting the parts together under one lock. What does not: finding troubles (``answers/``, the
watchdog, the drills), deciding (``incidents/``), rows (``ledger/``).
"""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from psycopg import IsolationLevel

from telemetry_assets.answers.standing import read_standing
from telemetry_assets.answers.troubles import read_troubles
from telemetry_assets.dispatch import drills, watchdog
from telemetry_assets.dispatch.changing import Ledger, changing_incidents, retried
from telemetry_assets.dispatch.routing import routing_of
from telemetry_assets.incidents.incident import Change
from telemetry_assets.incidents.matching import REOPENS_WITHIN
from telemetry_assets.incidents.reconcile import reconcile
from telemetry_assets.incidents.silence import muted
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import Situation
from telemetry_assets.ledger import incidents, silences
from telemetry_assets.model import CauseKind
from telemetry_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation saw and changed: ``owed`` promises in all, ``broken`` those that are late or missing."""

    changes: tuple[Change, ...]
    situations: tuple[Situation, ...]
    owed: int
    broken: int
    took: timedelta


def evaluate(conn: Ledger, settings: Settings, now: datetime) -> Evaluation:
    """Look at everything promised at ``now``, reconcile it with the incidents, write what changed and is to be told.

    Where somebody has evaluated a later instant (a clock is a little ahead, or this waited), it is done for that one.
    ``conn`` is in autocommit. One transaction writes all of it or nothing; who comes at the same time waits. Raises
    CouldNotLookError and ConfigError, and then nothing is written.
    """
    began = time.perf_counter()

    def once() -> Evaluation:
        with changing_incidents(conn):
            return _evaluate(conn, settings, now)

    return replace(retried(once), took=timedelta(seconds=time.perf_counter() - began))


def alarm(conn: Ledger, settings: Settings, now: datetime, says: str) -> tuple[Change, ...]:
    """Say that the monitor is down because evaluating fails, where the ledger can be written still.

    Nothing but that is reconciled: what could not be looked at stays as it is. Raises CouldNotLookError.
    """

    def once() -> tuple[Change, ...]:
        with changing_incidents(conn):
            situations = situations_of([watchdog.trouble(says)], {})
            return _reconciled(conn, settings, now, situations, only=CauseKind.MONITOR_DOWN)

    return retried(once)


def _evaluate(conn: Ledger, settings: Settings, now: datetime) -> Evaluation:
    now = watchdog.begin(conn, now)
    with _one_snapshot(conn):
        found = read_troubles(conn, settings, now)
        ours = (*watchdog.troubles_of(conn, settings, now), *drills.troubles_of(conn, settings, now))
        silent = silences.in_force(conn, now)
    situations = situations_of(muted((*found.troubles, *ours), silent, now), found.dashboards)
    changes = _reconciled(conn, settings, now, situations)
    watchdog.evaluated(conn, now)
    broken = sum(one.state.broken for one in found.sweep.judged)
    return Evaluation(changes, situations, found.sweep.promises, broken, timedelta(0))


def _reconciled(
    conn: Ledger,
    settings: Settings,
    now: datetime,
    situations: Sequence[Situation],
    only: CauseKind | None = None,
) -> tuple[Change, ...]:
    """Hold the situations against the incidents (of kind ``only``), and write what that changes. A drill is no
    situation's."""
    held = incidents.unresolved(conn, now - REOPENS_WITHIN)
    known = [one for one in held if not one.drill and only in (None, one.kind)]
    standing = read_standing(conn, settings, now, {(one.worst.asset, one.worst.tenant) for one in known})
    changes = reconcile(known, situations, standing, routing_of(settings), now, incidents.next_number(conn))
    incidents.apply(conn, changes)
    return changes


@contextmanager
def _one_snapshot(conn: Ledger) -> Generator[None]:
    """Everything read inside is of one instant: a sync that ends between two queries would make up a cause."""
    before = conn.isolation_level
    conn.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with conn.transaction():
            yield
    finally:
        if not conn.closed:
            conn.isolation_level = before
