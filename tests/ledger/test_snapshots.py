"""The last good payload is served; a bad one is kept beside it until a good one comes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger import snapshots
from telemetry_assets.ledger.snapshots import MOST_VIOLATIONS, HeldBack, PublishedSnapshot, WithheldSnapshot

type Ledger = psycopg.Connection[TupleRow]

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GOOD = PublishedSnapshot(
    "dash", "one", NOON, {"metrics": {"spend": 1.5}}, "run-1", {"meta_ads/insights": NOON - MINUTE}
)
BAD = WithheldSnapshot("dash", "one", NOON + MINUTE, {"metrics": None}, ("metrics: null is not an object",), "run-2")


def test_what_is_published_is_served(conn: Ledger) -> None:
    assert snapshots.publish(conn, [replace(GOOD, tenant="two"), GOOD, replace(GOOD, name="other")]) == 3
    assert snapshots.published(conn, "dash") == (GOOD, replace(GOOD, tenant="two"))
    assert snapshots.published_at(conn, "dash") == {"one": NOON, "two": NOON}
    assert snapshots.published(conn, "unheard-of") == ()


def test_an_older_payload_never_replaces_a_newer_one(conn: Ledger) -> None:
    snapshots.publish(conn, [GOOD])
    older = replace(GOOD, generated_at=NOON - MINUTE, payload={})
    assert snapshots.publish(conn, [older]) == 0
    assert snapshots.published(conn, "dash") == (GOOD,)
    conn.execute("truncate telemetry.snapshots")
    snapshots.publish(conn, [GOOD, older])
    assert snapshots.published(conn, "dash") == (GOOD,)


def test_a_withheld_payload_leaves_the_last_good_one_served(conn: Ledger) -> None:
    snapshots.publish(conn, [GOOD])
    assert snapshots.withhold(conn, [BAD]) == 1
    assert snapshots.withheld(conn, "dash") == (BAD,)
    assert snapshots.published(conn, "dash") == (GOOD,)


def test_a_good_payload_clears_what_was_withheld_before_it_for_that_tenant_alone(conn: Ledger) -> None:
    snapshots.withhold(conn, [BAD, replace(BAD, tenant="two"), replace(BAD, name="other")])
    snapshots.publish(conn, [replace(GOOD, generated_at=NOON)])
    assert len(snapshots.withheld(conn, "dash")) == 2
    snapshots.publish(conn, [replace(GOOD, generated_at=BAD.withheld_at)])
    assert snapshots.withheld(conn, "dash") == (replace(BAD, tenant="two"),)
    assert snapshots.withheld(conn, "other") == (replace(BAD, name="other"),)


def test_a_bad_payload_of_yesterday_is_no_news(conn: Ledger) -> None:
    snapshots.publish(conn, [replace(GOOD, generated_at=NOON + 2 * MINUTE)])
    assert snapshots.withhold(conn, [BAD]) == 0
    assert snapshots.withheld(conn, "dash") == ()


def test_the_newest_bad_payload_is_kept(conn: Ledger) -> None:
    older = replace(BAD, withheld_at=NOON, payload=[])
    snapshots.withhold(conn, [BAD, older])
    snapshots.withhold(conn, [older])
    assert snapshots.withheld(conn, "dash") == (BAD,)


def test_a_bad_payload_of_any_kind_can_be_kept(conn: Ledger) -> None:
    snapshots.withhold(conn, [replace(BAD, payload={"a": float("nan"), "b": "\x00"}, violations=("\ud800",))])
    (kept,) = snapshots.withheld(conn, "dash")
    assert (kept.payload, kept.violations) == ({"a": None, "b": "\ufffd"}, ("?",))
    snapshots.withhold(conn, [replace(BAD, payload=None, withheld_at=NOON + 9 * MINUTE)])
    assert snapshots.withheld(conn, "dash")[0].payload is None


def test_nothing_to_publish_or_withhold_is_fine(conn: Ledger) -> None:
    assert snapshots.publish(conn, []) == 0
    assert snapshots.withhold(conn, []) == 0


def test_a_thousand_payloads_go_in_by_one_statement(conn: Ledger) -> None:
    payload = {"rows": [{"id": str(number), "spend": number / 7} for number in range(100)]}
    assert snapshots.publish(conn, [replace(GOOD, tenant=f"t{n}", payload=payload) for n in range(1_000)]) == 1_000


def test_what_is_held_back_is_told_without_its_payload_and_in_few_words(conn: Ledger) -> None:
    many = tuple(f"row {number}" for number in range(99))
    snapshots.withhold(conn, [replace(BAD, violations=many), replace(BAD, name="other"), replace(BAD, name="gone")])
    assert snapshots.held_back(conn, ["other", "dash"]) == (
        HeldBack("dash", "one", BAD.withheld_at, many[:MOST_VIOLATIONS]),
        HeldBack("other", "one", BAD.withheld_at, BAD.violations),
    )
