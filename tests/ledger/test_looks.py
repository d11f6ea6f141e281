"""Of each feeder the ledger keeps the newest look."""

import random
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.ledger import looks
from telemetry_assets.model import Look

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_look_comes_back_as_it_was_and_twice_changes_nothing(conn: Ledger) -> None:
    seen = [Look("erp/orders", NOON), Look("erp/refunds", NOON, "erp.refunds is not there")]
    assert looks.record(conn, seen) == 2
    assert looks.record(conn, seen) == 0
    assert looks.read(conn) == {look.feeder: look for look in seen}


def test_the_newest_look_stays_in_any_order_and_grouping(conn: Ledger) -> None:
    all_ = [Look("erp/orders", NOON + number * MINUTE, "" if number % 2 else "gone") for number in range(5)]
    all_ += [Look("erp/orders", NOON + 4 * MINUTE), Look("shop", NOON, "no answer"), Look("shop", NOON)]
    for seed in range(10):
        conn.execute("truncate telemetry.looks")
        random.Random(seed).shuffle(all_)
        looks.record(conn, all_[: seed % 5])
        looks.record(conn, all_[seed % 5 :])
        assert looks.read(conn) == {
            "erp/orders": Look("erp/orders", NOON + 4 * MINUTE, "gone"),
            "shop": Look("shop", NOON, "no answer"),
        }


def test_only_a_look_that_failed_is_forgotten(conn: Ledger) -> None:
    looks.record(conn, [Look("a", NOON, "gone"), Look("b", NOON), Look("c", NOON, "gone")])
    assert looks.forget_failed(conn, ["a", "b", "nobody"]) == 1
    assert looks.forget_failed(conn, []) == 0
    assert set(looks.read(conn)) == {"b", "c"}


def test_thousands_of_looks_go_in_by_one_statement_and_none_by_none(conn: Ledger) -> None:
    assert looks.record(conn, (Look(f"erp/t{number}", NOON) for number in range(5_000))) == 5_000
    assert looks.record(conn, []) == 0


@pytest.mark.parametrize("said", ["null \x00 byte", "half \ud800"])
def test_an_error_with_bytes_no_database_takes_is_kept_readable(conn: Ledger, said: str) -> None:
    looks.record(conn, [Look("a", NOON, said)])
    assert looks.read(conn)["a"].error.startswith(said[:4])
