"""Loader on recorded connector output against COPY of the same rows into the same table with the same key (>= 0.2x).

Starts an embedded PostgreSQL in a temporary home, unless DATABASE_URL is set. The best of each, turn about.
Run: python -m benchmarks.loader [--json] [--rows N]
"""

import argparse
import csv
import io
import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from benchmarks.measure import report
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local import protocol
from telemetry_assets.local.loader import Loader
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.local.raw_table import RawTable
from telemetry_assets.settings import environment

TENANT = UUID("11111111-2222-3333-4444-555555555555")
SCHEMA = "raw_loader_benchmark"
PARISHES = ("Kingston", "St. Andrew", "St. Thomas", "Portland", "St. Mary", "St. Ann", "Trelawny")
ROUNDS = 5
FLOOR = 0.2

_TEXT, _WHOLE, _NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
STREAM = {
    "name": "insights",
    "supported_sync_modes": ["full_refresh", "incremental"],
    "source_defined_primary_key": [["date"], ["ad_id"], ["parish"]],
    "json_schema": {
        "properties": {
            "date": {"type": "string", "format": "date"},
            "ad_id": _TEXT,
            "campaign_id": _TEXT,
            "parish": _TEXT,
            "impressions": _WHOLE,
            "clicks": _WHOLE,
            "spend": _NUMBER,
            "conversions": _WHOLE,
            "conversion_value": _NUMBER,
            "updated_at": {"type": "string", "format": "date-time"},
        }
    },
}


def recorded(rows: int) -> list[bytes]:
    """A connector's output: ``rows`` daily insights, a STATE every 10,000."""
    rng, lines = random.Random(7), []
    for number in range(rows):
        day = date(2026, 1, 1) + timedelta(days=number // (40 * len(PARISHES)))
        ad = f"ad_{101000 + number // len(PARISHES) % 40}"
        impressions = rng.randrange(100, 9000)
        data = {
            "date": day.isoformat(),
            "ad_id": ad,
            "campaign_id": f"cmp_{ad[-2]}",
            "parish": PARISHES[number % len(PARISHES)],
            "impressions": impressions,
            "clicks": impressions // 31,
            "spend": round(impressions * 0.0137, 2),
            "conversions": impressions // 700,
            "conversion_value": round(impressions * 0.11, 2),
            "updated_at": f"{day}T{rng.randrange(24):02}:{rng.randrange(60):02}:00Z",
        }
        record = {"stream": "insights", "data": data, "emitted_at": 1_780_000_000_000 + number // 40}
        lines.append(_line({"type": "RECORD", "record": record}))
        if number % 10_000 == 9_999 or number == rows - 1:
            state = {"stream_descriptor": {"name": "insights"}, "stream_state": {"updated_at": data["updated_at"]}}
            lines.append(_line({"type": "STATE", "state": {"type": "STREAM", "stream": state}}))
    return lines


def _line(message: dict[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def load(conn: psycopg.Connection[tuple[object, ...]], lines: list[bytes]) -> None:
    """Our loader, from the lines to the last commit."""
    stream = protocol.streams_of({"streams": [STREAM]})["insights"]
    conn.execute("drop table if exists pg_temp.insights")
    table = RawTable(conn, SCHEMA, stream, TENANT)
    loader = Loader(conn, {"insights": table}, lambda key, state: None)
    for line in lines:
        message = protocol.parse(line)
        assert message is not None
        if message["type"] == "RECORD":
            loader.record(message["record"], len(line))
        else:
            loader.state(message["state"])
    loader.finish(())


def copy(conn: psycopg.Connection[tuple[object, ...]], text: bytes) -> None:
    """The bare COPY: the rows are ready as CSV, nothing is parsed."""
    with conn.cursor() as cursor, cursor.copy(f"copy {SCHEMA}.insights from stdin (format csv)".encode()) as sink:
        for start in range(0, len(text), 1 << 20):
            sink.write(text[start : start + (1 << 20)])


def as_csv(lines: list[bytes]) -> bytes:
    """The same rows with all columns of the table, in its order."""
    text = io.StringIO()
    writer = csv.writer(text)
    for line in lines:
        message = json.loads(line)
        if message["type"] == "RECORD":
            record = message["record"]
            at = datetime.fromtimestamp(record["emitted_at"] / 1000, UTC).isoformat()
            writer.writerow([TENANT, *record["data"].values(), uuid4(), at])
    return text.getvalue().encode()


def seconds(conn: psycopg.Connection[tuple[object, ...]], rows: int, action: Callable[[], None]) -> float:
    """How long ``action`` takes to put ``rows`` into the empty table."""
    conn.execute(f"truncate {SCHEMA}.insights".encode())
    conn.execute("checkpoint")
    started = time.perf_counter()
    action()
    taken = time.perf_counter() - started
    assert conn.execute(f"select count(*) from {SCHEMA}.insights".encode()).fetchone() == (rows,)
    return taken


def main() -> int:
    """Print both times and their ratio; 1 where the ratio is under the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    rows: int = options.rows
    lines = recorded(rows)
    text = as_csv(lines)
    with tempfile.TemporaryDirectory() as home:
        server = EmbeddedPostgres(Path(home))
        dsn = environment("DATABASE_URL")
        if dsn is None:
            server.start()
        try:
            conn = connect(dsn or server.url)
            load(conn, lines[:10])
            # Turn about, best of each: what else the machine does then falls on neither side.
            actions = (lambda: load(conn, lines), lambda: copy(conn, text))
            turns = [tuple(seconds(conn, rows, action) for action in actions) for _ in range(ROUNDS)]
            ours, bare = (min(taken) for taken in zip(*turns, strict=True))
            conn.execute(f"drop schema {SCHEMA} cascade".encode())
            conn.close()
        finally:
            if dsn is None:
                server.remove()
    name = f"loader on {rows:,} recorded records against COPY of the same rows"
    return 0 if report(name, ours, bare, FLOOR, json_mode=options.json) else 1


if __name__ == "__main__":
    raise SystemExit(main())
