"""The next data time to cross a cutoff, of each table and class of tenants, found in the ledger."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger import crossing, subjects, tenants
from telemetry_assets.ledger.crossing import Above, Line
from telemetry_assets.model import SubjectFact, Tenant

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SLUGS = ("one", "two", "three", "four")


def ago(minutes: float) -> datetime:
    return NOON - minutes * MINUTE


def fill(conn: Ledger, asset: str, root: str, ages: list[float], **more: float) -> None:
    times = [{root: ago(age), **{name: ago(other) for name, other in more.items()}} for age in ages]
    subjects.record(
        conn, [SubjectFact(asset, slug, NOON, "run", "t", held) for slug, held in zip(SLUGS, times, strict=False)]
    )


def test_the_oldest_data_time_above_each_cutoff_is_found(conn: Ledger) -> None:
    tenants.write(conn, [Tenant(slug, UUID(int=number), slug) for number, slug in enumerate(SLUGS, 1)])
    fill(conn, "a", "a", [5, 50, 70, 40])
    fill(conn, "wide", "r0", [5, 6], **{f"r{number}": 20.0 + number for number in range(1, 20)})
    fill(conn, "odd", "b", [5])
    fill(conn, "ahead", "a", [-30, -90, 5])
    subjects.record(
        conn,
        [
            SubjectFact("a", "*", NOON, "run", "t", {"a": ago(59)}),
            SubjectFact("a", "gone", NOON, "run", "t", {"a": ago(59)}),
            SubjectFact("synthetic", "one", NOON, "run", "t", {"a": ago(5)}, synthetic=True),
        ],
    )
    bars = {"a": (ago(60), ago(45))}
    wide = tuple(sorted(f"r{number}" for number in range(20)))
    lines = [
        Line("a", 0, ("a",), bars),
        Line("a", 1, ("a",), bars),
        Line("wide", 0, wide, {"r7": (ago(60), None), "r0": (None, ago(4))}),
        Line("odd", 0, ("a",), bars),
        Line("ahead", 0, ("a",), bars),
        Line("synthetic", 0, ("a",), bars),
        Line("none", 0, ("a",), bars),
    ]
    found = crossing.next_above(conn, lines, {"four": 1}, NOON + 5 * MINUTE)
    assert found == (
        Above({"a": ago(50)}, {"a": ago(5)}),
        Above({"a": ago(40)}, {"a": ago(40)}),
        Above({"r7": ago(27)}, {}),
        Above(others=1),
        Above({"a": ago(5)}, {"a": ago(5)}, ago(-30)),
        Above(),
        Above(),
    )
    assert crossing.root_sets_of(conn, ["odd", "a"]) == {"odd": (("b",),), "a": (("a",),)}


def test_nothing_is_asked_of_a_ledger_that_promises_nothing(conn: Ledger) -> None:
    assert crossing.next_above(conn, [], {}, NOON) == ()
