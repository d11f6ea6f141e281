"""Dagster's event log read behind a cursor of storage ids, on SQLite as on PostgreSQL, in bounded time.

What belongs here: reading on, and how far nothing can come in between any more. What does not: what the events say
(``outcomes.py``).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from telemetry_assets.defs.foreign_events import SETTLING

BATCH = 200
"""So many events are in memory at a time: those of our own checks hold a row per tenant."""
LOOK_BACK = 1_000_000
"""How many of all events a first reading goes back over: how things stand is in them, not how they came to."""


@dataclass(slots=True)
class Reading:
    """One reading on of the events of a kind. ``events`` yields (storage id, event), oldest first, once.

    Afterwards ``settled`` is where the next one starts, and ``caught_up`` whether this one came to the end. An event
    may come twice: writers commit in another order than they take their ids.
    """

    instance: dg.DagsterInstance
    kind: dg.DagsterEventType
    settled: int
    now: datetime
    seconds: float
    batch: int = BATCH
    caught_up: bool = True

    def events(self) -> Iterator[tuple[int, dg.EventLogEntry]]:
        """Everything since ``settled``, as far as ``seconds`` reach."""
        deadline, read = time.monotonic() + self.seconds, self.settled
        old_enough, settling = (self.now - SETTLING).timestamp(), False
        while True:
            found = self.instance.event_log_storage.get_logs_for_all_runs_by_log_id(read, self.kind, limit=self.batch)
            for read, event in found.items():
                settling = settling or event.timestamp > old_enough
                if not settling:
                    self.settled = read
                yield read, event
            if len(found) < self.batch:
                return
            if time.monotonic() > deadline:
                self.settled, self.caught_up = read, False
                return


def first_cursor(instance: dg.DagsterInstance) -> int:
    """Where a first reading starts."""
    return max(-1, head(instance) - LOOK_BACK)


def head(instance: dg.DagsterInstance) -> int:
    """The newest storage id of all; 0 in an empty log."""
    return instance.event_log_storage.get_maximum_record_id() or 0
