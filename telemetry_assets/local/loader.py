"""Records and states of one read → committed rows: a state commits in the transaction of the rows before it.

What belongs here: what may be committed when. What does not: SQL of the tables (``raw_table.py``), running connectors.

A stream's records are *open* until a STATE covers them, then *covered*. Covered rows and their states are committed
together, every so many rows or seconds; open ones never are, so what a failed read leaves behind is exactly
what its last committed state says. Long stretches without a STATE wait in the staging tables, not in memory.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.errors import FailingError
from telemetry_assets.local.protocol import SHARED_STATE, Message, state_key
from telemetry_assets.local.raw_table import RawTable


@dataclass(frozen=True, slots=True)
class Limits:
    """When covered rows are committed, and when open ones leave memory for the staging table."""

    commit_rows: int = 20_000
    commit_seconds: float = 2.0
    spill_rows: int = 10_000
    spill_bytes: int = 16 << 20


SaveState = Callable[[str, Message], None]


@dataclass(slots=True)
class _Batch:
    """What is in flight of one stream. ``sealed``: what is staged is covered by a state."""

    table: RawTable
    open: list[Message] = field(default_factory=list[Message])
    covered: list[Message] = field(default_factory=list[Message])
    open_bytes: int = 0
    sealed: bool = False
    rows: int = 0

    def cover(self) -> None:
        self.covered += self.open
        self.open, self.open_bytes, self.sealed = [], 0, True


class Loader:
    """Loads one read of one connection. ``save_state`` writes a state on ``conn``, inside the loader's transaction."""

    def __init__(
        self,
        conn: psycopg.Connection[TupleRow],
        tables: Mapping[str, RawTable],
        save_state: SaveState,
        limits: Limits = Limits(),
    ) -> None:
        """``conn`` is in autocommit mode and the tables are on it."""
        self.bytes = 0
        self._conn = conn
        self._batches = {stream: _Batch(table) for stream, table in tables.items()}
        self._save_state = save_state
        self._limits = limits
        self._states: dict[str, Message] = {}
        self._committed_at = time.monotonic()

    @property
    def rows(self) -> Mapping[str, int]:
        """Committed records per stream."""
        return {stream: batch.rows for stream, batch in self._batches.items()}

    def record(self, record: Message, size: int) -> None:
        """Take one RECORD body; ``size`` in bytes. Streams that are not loaded are passed over.

        Raises FailingError for a record without data or time, and what :meth:`commit` raises.
        """
        batch = self._batches.get(record.get("stream", ""))
        if batch is None:
            return
        if type(record.get("data")) is not dict or type(record.get("emitted_at")) not in (int, float):
            raise FailingError(f"Stream {batch.table.name}: the connector sent a record without data or emitted_at.")
        batch.open.append(record)
        batch.open_bytes += size
        self.bytes += size
        if len(batch.open) >= self._limits.spill_rows or batch.open_bytes >= self._limits.spill_bytes:
            self._spill(batch)

    def state(self, state: Message) -> None:
        """Take one STATE: it covers its stream's records so far, a shared one every stream's."""
        key = state_key(state)
        self._cover(self._batches if key == SHARED_STATE else (key,))
        self._states[key] = state
        waiting = sum(len(batch.covered) + batch.table.staged for batch in self._batches.values())
        late = time.monotonic() - self._committed_at >= self._limits.commit_seconds
        if late or waiting >= self._limits.commit_rows:
            self.commit()

    def finish(self, complete: Iterable[str]) -> None:
        """The read has ended: commit what is covered, and every record of the streams that ended complete."""
        self._cover(complete)
        self.commit()

    def commit(self) -> None:
        """Commit covered rows with their states. A stream that cannot be loaded fails alone."""
        failures = {stream: error for stream, batch in self._batches.items() if (error := self._stage(batch))}
        shared = SHARED_STATE in self._states
        if not (failures and shared):
            self._merge(failures)
        if failures:
            raise next(iter(failures.values()))
        self._committed_at = time.monotonic()

    def _merge(self, failures: dict[str, FailingError]) -> None:
        with self._conn.transaction():
            for stream, batch in self._batches.items():
                if stream in failures or not (batch.sealed and batch.table.staged):
                    continue
                try:
                    with self._conn.transaction():
                        batch.rows += batch.table.merge()
                except FailingError as error:
                    failures[stream] = error
            if failures and SHARED_STATE in self._states:
                raise psycopg.Rollback
            for key, state in self._states.items():
                if key not in failures:
                    self._save_state(key, state)
        self._states.clear()

    def _cover(self, streams: Iterable[str]) -> None:
        for stream in streams:
            if stream in self._batches:
                self._batches[stream].cover()

    def _stage(self, batch: _Batch) -> FailingError | None:
        if not batch.covered:
            return None
        try:
            batch.table.stage(batch.covered)
        except FailingError as error:
            return error
        finally:
            batch.covered = []
        return None

    def _spill(self, batch: _Batch) -> None:
        if batch.covered or (batch.table.staged and batch.sealed):
            self.commit()
        records, batch.open, batch.open_bytes, batch.sealed = batch.open, [], 0, False
        try:
            batch.table.stage(records)
        except FailingError:
            self.commit()
            raise
